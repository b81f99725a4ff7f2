/* Owns the table of keywords and checking a value against a schema that was read. Called on the
 * slot's thread, whose stack is small: nesting is bounded. It refuses schemas that cost too much on
 * the value at hand: work is counted in about nanoseconds, regular expressions by the clock. */
#include <float.h>
#include <math.h>
#include <stdarg.h>

#include "clock.h"
#include "components/collection_tools/json_schema_priv.h"

#define MAX_NESTING    420
#define MAX_WORK       UINT64_C(2000000000)
#define RULE_WORK      20
#define PATH_MAX_BYTES 2000

struct check {
    struct arena *arena;
    struct json *errors;
    uint32_t n_errors;
    int quiet; /* above 0: only the outcome counts */
    int nesting;
    uint64_t work;
    int64_t until_ns;
    int rc; /* below 0: checking has to end */
    struct err *err;
};

static bool give_up(struct check *c, const char *why)
{
    if (c->rc == 0) {
        c->rc = err_set(c->err, -E2BIG, "json_schema.work", "%s.", why);
    }
    return false;
}

static bool charge(struct check *c, uint64_t work)
{
    c->work += work;
    return c->rc == 0 &&
           (c->work <= MAX_WORK || give_up(c, "takes too much work on this data to be checked"));
}

static bool is_over(const struct check *c)
{
    return c->rc < 0 || c->n_errors == JSON_SCHEMA_MAX_ERRORS;
}

struct str str_brief(struct str s)
{
    size_t n = MIN(s.len, 60u);
    while (n < s.len && n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    return str_n(s.ptr, n);
}

static bool printf_like(3, 4) wrong(struct check *c, const struct place *at, const char *fmt, ...)
{
    if (c->quiet || is_over(c)) {
        return false;
    }
    char words[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    AUTO(buf_done) struct buf path = {0};
    buf_init(&path, PATH_MAX_BYTES);
    place_write(&path, at);
    const char *pointer = arena_strndup(c->arena, path.len ? path.data : "", path.len);
    const struct json_member members[] = {
        {STR("instancePath"), json_str(str_n(pointer, path.len))},
        {STR("message"), json_cstr(arena_strdup(c->arena, words))},
    };
    c->errors[c->n_errors++] = json_object(arena_dup(c->arena, members, sizeof(members)), 2);
    return false;
}

static const char *const type_names[_JSON_TYPE_N] = {
    [JSON_UNDEFINED] = "null", [JSON_NULL] = "null",     [JSON_FALSE] = "boolean",
    [JSON_TRUE] = "boolean",   [JSON_NUMBER] = "number", [JSON_STRING] = "string",
    [JSON_BINARY] = "string",  [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object",
};

bool type_is_known(struct str name)
{
    for (size_t i = 0; i < _JSON_TYPE_N; i++) {
        if (str_eq(name, str_of(type_names[i]))) {
            return true;
        }
    }
    return str_eq(name, STR("integer"));
}

static const struct schema_rule *rule_of(const struct schema *s, enum keyword_role role)
{
    for (uint32_t i = 0; i < s->n_rules; i++) {
        if (s->rules[i].keyword->role == role) {
            return &s->rules[i];
        }
    }
    return NULL;
}

static bool apply(struct check *c, const struct schema *s, struct json v, const struct place *at)
{
    if (s->never) {
        return wrong(c, at, "is not allowed");
    }
    if (c->nesting == MAX_NESTING) {
        return give_up(c, "refers to itself without end, or is nested too deeply");
    }
    c->nesting++;
    if (v.type == JSON_UNDEFINED) {
        v = json_null();
    }
    bool ok = true;
    for (uint32_t i = 0; i < s->n_rules && !is_over(c) && (ok || !c->quiet); i++) {
        const struct schema_rule *r = &s->rules[i];
        if (!charge(c, RULE_WORK)) {
            break;
        }
        if (r->keyword->check && (!r->keyword->kinds || r->keyword->kinds & 1U << v.type)) {
            ok = r->keyword->check(c, s, r, v, at) && ok;
        }
    }
    c->nesting--;
    return ok && !is_over(c);
}

static bool fits(struct check *c, const struct schema *s, struct json v, const struct place *at)
{
    c->quiet++;
    bool ok = apply(c, s, v, at);
    c->quiet--;
    return ok;
}

static bool apply_member(struct check *c, const struct schema *s, const struct json_member *m,
                         const struct place *at)
{
    struct place inner = {.up = at, .key = m->key};
    return apply(c, s, m->value, &inner);
}

static bool apply_item(struct check *c, const struct schema *s, struct json list, uint32_t i,
                       const struct place *at)
{
    struct place inner = {.up = at, .index = i, .item = true};
    return apply(c, s, list.items[i], &inner);
}

static bool found(struct check *c, struct pattern *p, struct str text)
{
    int rc = -ETIMEDOUT;
    if (charge(c, 200 + text.len) && clock_mono_ns() < c->until_ns) {
        rc = pattern_found(p, text);
    }
    if (rc < 0) {
        give_up(c, rc == -E2BIG ? "has a pattern for a text that is longer than 100 KB"
                                : "has a pattern that takes too long on this data");
    }
    return rc == 1;
}

static bool equal(struct check *c, struct json x, struct json y)
{
    return charge(c, 10 + (x.type == y.type ? json_size(y) : 0)) && json_equal(x, y);
}

/* --- any value ------------------------------------------------------------------------------- */

static bool is_type(struct json v, struct str name)
{
    if (str_eq(name, STR("integer"))) {
        return v.type == JSON_NUMBER && isfinite(v.num) && v.num == trunc(v.num);
    }
    return str_eq(name, str_of(type_names[v.type]));
}

static bool check_type(struct check *c, const struct schema *s, const struct schema_rule *r,
                       struct json v, const struct place *at)
{
    if (r->value.type == JSON_STRING) {
        struct str name = json_as_str(r->value);
        return is_type(v, name) || wrong(c, at, "must be of type %.*s and is %s", (int)name.len,
                                         name.ptr, type_names[v.type]);
    }
    for (uint32_t i = 0; i < r->value.len; i++) {
        if (is_type(v, json_as_str(r->value.items[i]))) {
            return true;
        }
    }
    return wrong(c, at, "is of type %s, which is none of those allowed", type_names[v.type]);
}

static bool check_enum(struct check *c, const struct schema *s, const struct schema_rule *r,
                       struct json v, const struct place *at)
{
    for (uint32_t i = 0; i < r->value.len && !is_over(c); i++) {
        if (equal(c, v, r->value.items[i])) {
            return true;
        }
    }
    return wrong(c, at, "must be one of the allowed values");
}

static bool check_const(struct check *c, const struct schema *s, const struct schema_rule *r,
                        struct json v, const struct place *at)
{
    return equal(c, v, r->value) || wrong(c, at, "must be the one allowed value");
}

/* --- numbers --------------------------------------------------------------------------------- */

static bool excludes(const struct schema *s, enum keyword_role role)
{
    const struct schema_rule *r = rule_of(s, role);
    return r && r->value.type == JSON_TRUE;
}

static bool check_maximum(struct check *c, const struct schema *s, const struct schema_rule *r,
                          struct json v, const struct place *at)
{
    if (excludes(s, ROLE_EXCLUSIVE_MAXIMUM)) {
        return v.num < r->value.num || wrong(c, at, "must be less than %.15g", r->value.num);
    }
    return v.num <= r->value.num || wrong(c, at, "must be at most %.15g", r->value.num);
}

static bool check_minimum(struct check *c, const struct schema *s, const struct schema_rule *r,
                          struct json v, const struct place *at)
{
    if (excludes(s, ROLE_EXCLUSIVE_MINIMUM)) {
        return v.num > r->value.num || wrong(c, at, "must be more than %.15g", r->value.num);
    }
    return v.num >= r->value.num || wrong(c, at, "must be at least %.15g", r->value.num);
}

static bool check_exclusive_maximum(struct check *c, const struct schema *s,
                                    const struct schema_rule *r, struct json v,
                                    const struct place *at)
{
    return r->value.type != JSON_NUMBER || v.num < r->value.num ||
           wrong(c, at, "must be less than %.15g", r->value.num);
}

static bool check_exclusive_minimum(struct check *c, const struct schema *s,
                                    const struct schema_rule *r, struct json v,
                                    const struct place *at)
{
    return r->value.type != JSON_NUMBER || v.num > r->value.num ||
           wrong(c, at, "must be more than %.15g", r->value.num);
}

/* 0.3 is a multiple of 0.1, though not as doubles: what rounding explains is let pass. */
static bool check_multiple(struct check *c, const struct schema *s, const struct schema_rule *r,
                           struct json v, const struct place *at)
{
    double step = r->value.num, slack = 0;
    if (v.num != trunc(v.num) || step != trunc(step)) {
        slack = MAX(step * 1e-9, fabs(v.num) * 2 * DBL_EPSILON);
    }
    return fabs(remainder(v.num, step)) <= slack ||
           wrong(c, at, "must be a multiple of %.15g", step);
}

/* --- texts ----------------------------------------------------------------------------------- */

static bool within(struct check *c, const struct schema_rule *r, bool most, double n,
                   const char *what, const struct place *at)
{
    return (most ? n <= r->value.num : n >= r->value.num) ||
           wrong(c, at, "must have at %s %.15g %s and has %.15g", most ? "most" : "least",
                 r->value.num, what, n);
}

static double characters(struct check *c, struct json v)
{
    size_t n = 0;
    (void)charge(c, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        n += ((unsigned char)v.str[i] & 0xC0) != 0x80;
    }
    return (double)n;
}

static bool check_max_length(struct check *c, const struct schema *s, const struct schema_rule *r,
                             struct json v, const struct place *at)
{
    return within(c, r, true, characters(c, v), "characters", at);
}

static bool check_min_length(struct check *c, const struct schema *s, const struct schema_rule *r,
                             struct json v, const struct place *at)
{
    return within(c, r, false, characters(c, v), "characters", at);
}

static bool check_pattern(struct check *c, const struct schema *s, const struct schema_rule *r,
                          struct json v, const struct place *at)
{
    struct str shown = str_brief(json_as_str(r->value));
    return found(c, r->patterns[0], json_as_str(v)) ||
           wrong(c, at, "must match the pattern \"%.*s\"", (int)shown.len, shown.ptr);
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool check_max_items(struct check *c, const struct schema *s, const struct schema_rule *r,
                            struct json v, const struct place *at)
{
    return within(c, r, true, v.len, "items", at);
}

static bool check_min_items(struct check *c, const struct schema *s, const struct schema_rule *r,
                            struct json v, const struct place *at)
{
    return within(c, r, false, v.len, "items", at);
}

static bool check_first_items(struct check *c, const struct schema *s, const struct schema_rule *r,
                              struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < MIN(v.len, r->n_subs) && !is_over(c); i++) {
        ok = apply_item(c, r->subs[i], v, i, at) && ok;
    }
    return ok;
}

static bool check_items_from(struct check *c, const struct schema_rule *r, uint32_t from,
                             struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = from; i < v.len && !is_over(c) && (ok || !c->quiet); i++) {
        ok = charge(c, RULE_WORK) && apply_item(c, r->subs[0], v, i, at) && ok;
    }
    return ok;
}

static bool check_items(struct check *c, const struct schema *s, const struct schema_rule *r,
                        struct json v, const struct place *at)
{
    if (r->value.type == JSON_ARRAY) {
        return check_first_items(c, s, r, v, at);
    }
    const struct schema_rule *first = rule_of(s, ROLE_PREFIX_ITEMS);
    return check_items_from(c, r, first ? first->n_subs : 0, v, at);
}

static bool check_additional_items(struct check *c, const struct schema *s,
                                   const struct schema_rule *r, struct json v,
                                   const struct place *at)
{
    const struct schema_rule *items = rule_of(s, ROLE_ITEMS);
    return !items || items->value.type != JSON_ARRAY ||
           check_items_from(c, r, items->n_subs, v, at);
}

static bool check_contains(struct check *c, const struct schema *s, const struct schema_rule *r,
                           struct json v, const struct place *at)
{
    const struct schema_rule *least = rule_of(s, ROLE_MIN_CONTAINS);
    const struct schema_rule *most = rule_of(s, ROLE_MAX_CONTAINS);
    double min = least ? least->value.num : 1, max = most ? most->value.num : INFINITY;
    double n = 0;
    for (uint32_t i = 0; i < v.len && n <= max && !is_over(c); i++) {
        n += charge(c, RULE_WORK) && fits(c, r->subs[0], v.items[i], at) ? 1 : 0;
    }
    if (n < min) {
        return wrong(c, at, "must have at least %.15g items of a kind and has %.15g", min, n);
    }
    return n <= max || wrong(c, at, "must have at most %.15g items of a kind and has more", max);
}

/* The same for equal values: members count in any order. */
static uint64_t hash_of(struct json v, int nesting)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ v.type;
    const uint64_t prime = UINT64_C(1099511628211);
    if (v.type == JSON_NUMBER) {
        double n = v.num == 0 ? 0 : v.num;
        uint64_t bits;
        memcpy(&bits, &n, sizeof(bits));
        h = (h ^ bits ^ bits >> 29) * prime;
    }
    struct str s = json_as_str(v);
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * prime;
    }
    for (uint32_t i = 0; v.type == JSON_ARRAY && i < v.len && nesting < JSON_MAX_NEST; i++) {
        h = (h ^ hash_of(v.items[i], nesting + 1)) * prime;
    }
    for (uint32_t i = 0; v.type == JSON_OBJECT && i < v.len && nesting < JSON_MAX_NEST; i++) {
        h += hash_of(json_str(v.members[i].key), 0) * 31 +
             hash_of(v.members[i].value, nesting + 1) * prime;
    }
    return h ^ h >> 32;
}

static bool check_unique(struct check *c, const struct schema *s, const struct schema_rule *r,
                         struct json v, const struct place *at)
{
    size_t slots = 16;
    if (r->value.type == JSON_FALSE || v.len < 2 || !charge(c, json_size(v))) {
        return true;
    }
    while (slots < (size_t)v.len * 2) {
        slots *= 2;
    }
    AUTO(mem_free) uint32_t *table = mem_array(slots, sizeof(*table));
    AUTO(mem_free) uint64_t *hashes = mem_array(v.len, sizeof(*hashes));
    for (uint32_t i = 0; i < v.len && !is_over(c); i++) {
        hashes[i] = hash_of(v.items[i], 0);
        size_t slot = hashes[i] & (slots - 1);
        while (table[slot] && charge(c, 2)) {
            uint32_t other = table[slot] - 1;
            if (hashes[other] == hashes[i] && equal(c, v.items[other], v.items[i])) {
                return wrong(c, at, "must not have the same item twice: %u and %u are equal", other,
                             i);
            }
            slot = (slot + 1) & (slots - 1);
        }
        if (!table[slot]) {
            table[slot] = i + 1;
        }
    }
    return true;
}

/* --- objects --------------------------------------------------------------------------------- */

/* Position of a member with that key; -1 when there is none. Undefined members are not there. */
static int64_t member_at(struct check *c, struct json object, struct str key)
{
    for (uint32_t i = 0; charge(c, 2) && i < object.len; i++) {
        if (str_eq(object.members[i].key, key)) {
            return object.members[i].value.type == JSON_UNDEFINED ? -1 : (int64_t)i;
        }
    }
    return -1;
}

static double properties(struct json v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        n += v.members[i].value.type != JSON_UNDEFINED;
    }
    return n;
}

static bool check_max_properties(struct check *c, const struct schema *s,
                                 const struct schema_rule *r, struct json v, const struct place *at)
{
    return within(c, r, true, properties(v), "properties", at);
}

static bool check_min_properties(struct check *c, const struct schema *s,
                                 const struct schema_rule *r, struct json v, const struct place *at)
{
    return within(c, r, false, properties(v), "properties", at);
}

static bool check_required(struct check *c, const struct schema *s, const struct schema_rule *r,
                           struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->value.len && !is_over(c); i++) {
        struct str name = json_as_str(r->value.items[i]), shown = str_brief(name);
        if (member_at(c, v, name) < 0) {
            ok = wrong(c, at, "must have the property \"%.*s\"", (int)shown.len, shown.ptr);
        }
    }
    return ok;
}

static bool check_properties(struct check *c, const struct schema *s, const struct schema_rule *r,
                             struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->n_subs && !is_over(c); i++) {
        int64_t member = member_at(c, v, r->value.members[i].key);
        if (member >= 0) {
            ok = apply_member(c, r->subs[i], &v.members[member], at) && ok;
        }
    }
    return ok;
}

static bool check_pattern_properties(struct check *c, const struct schema *s,
                                     const struct schema_rule *r, struct json v,
                                     const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < v.len && !is_over(c); i++) {
        const struct json_member *m = &v.members[i];
        for (uint32_t k = 0; k < r->n_subs && m->value.type != JSON_UNDEFINED; k++) {
            if (found(c, r->patterns[k], m->key)) {
                ok = apply_member(c, r->subs[k], m, at) && ok;
            }
        }
    }
    return ok;
}

static bool is_described(struct check *c, const struct schema *s, struct str key)
{
    const struct schema_rule *named = rule_of(s, ROLE_PROPERTIES);
    const struct schema_rule *matched = rule_of(s, ROLE_PATTERN_PROPERTIES);
    if (named && member_at(c, named->value, key) >= 0) {
        return true;
    }
    for (uint32_t i = 0; matched && i < matched->n_subs; i++) {
        if (found(c, matched->patterns[i], key)) {
            return true;
        }
    }
    return false;
}

static bool check_additional_properties(struct check *c, const struct schema *s,
                                        const struct schema_rule *r, struct json v,
                                        const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < v.len && !is_over(c); i++) {
        const struct json_member *m = &v.members[i];
        if (m->value.type == JSON_UNDEFINED || is_described(c, s, m->key)) {
            continue;
        }
        if (r->subs[0]->never) {
            struct str shown = str_brief(m->key);
            ok = wrong(c, at, "must not have the property \"%.*s\"", (int)shown.len, shown.ptr);
        } else {
            ok = apply_member(c, r->subs[0], m, at) && ok;
        }
    }
    return ok;
}

static bool check_property_names(struct check *c, const struct schema *s,
                                 const struct schema_rule *r, struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < v.len && !is_over(c); i++) {
        struct str key = v.members[i].key, shown = str_brief(key);
        if (v.members[i].value.type != JSON_UNDEFINED && !fits(c, r->subs[0], json_str(key), at)) {
            ok = wrong(c, at, "must not have a property of the name \"%.*s\"", (int)shown.len,
                       shown.ptr);
        }
    }
    return ok;
}

/* --- schemas together ------------------------------------------------------------------------ */

static bool check_all(struct check *c, const struct schema *s, const struct schema_rule *r,
                      struct json v, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->n_subs && !is_over(c) && (ok || !c->quiet); i++) {
        ok = apply(c, r->subs[i], v, at) && ok;
    }
    return ok;
}

/* How many fit; counts no further than `enough`. */
static uint32_t count_fitting(struct check *c, const struct schema_rule *r, uint32_t enough,
                              struct json v, const struct place *at)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_subs && n < enough && !is_over(c); i++) {
        n += fits(c, r->subs[i], v, at);
    }
    return n;
}

static bool check_any(struct check *c, const struct schema *s, const struct schema_rule *r,
                      struct json v, const struct place *at)
{
    return count_fitting(c, r, 1, v, at) == 1 ||
           wrong(c, at, "must fit at least one of %u schemas (anyOf)", r->n_subs);
}

static bool check_one(struct check *c, const struct schema *s, const struct schema_rule *r,
                      struct json v, const struct place *at)
{
    uint32_t n = count_fitting(c, r, 2, v, at);
    return n == 1 || wrong(c, at, "must fit exactly one of %u schemas (oneOf) and fits %s",
                           r->n_subs, n ? "several" : "none");
}

static bool check_not(struct check *c, const struct schema *s, const struct schema_rule *r,
                      struct json v, const struct place *at)
{
    return !fits(c, r->subs[0], v, at) || wrong(c, at, "must not fit a schema (not)");
}

static bool check_if(struct check *c, const struct schema *s, const struct schema_rule *r,
                     struct json v, const struct place *at)
{
    bool yes = fits(c, r->subs[0], v, at);
    const struct schema_rule *then = rule_of(s, yes ? ROLE_THEN : ROLE_ELSE);
    return !then || apply(c, then->subs[0], v, at);
}

#define NUMBERS (1U << JSON_NUMBER)
#define TEXTS   (1U << JSON_STRING)
#define LISTS   (1U << JSON_ARRAY)
#define OBJECTS (1U << JSON_OBJECT)
static const struct keyword keywords[] = {
    {"$defs", SHAPE_SCHEMA_MAP},
    {"$ref", SHAPE_REFERENCE, 0, check_all},
    {"additionalItems", SHAPE_SCHEMA, LISTS, check_additional_items},
    {"additionalProperties", SHAPE_SCHEMA, OBJECTS, check_additional_properties},
    {"allOf", SHAPE_SCHEMA_LIST, 0, check_all},
    {"anyOf", SHAPE_SCHEMA_LIST, 0, check_any},
    {"const", SHAPE_ANY, 0, check_const},
    {"contains", SHAPE_SCHEMA, LISTS, check_contains},
    {"definitions", SHAPE_SCHEMA_MAP},
    {"else", SHAPE_SCHEMA, 0, NULL, ROLE_ELSE},
    {"enum", SHAPE_LIST, 0, check_enum},
    {"exclusiveMaximum", SHAPE_LIMIT, NUMBERS, check_exclusive_maximum, ROLE_EXCLUSIVE_MAXIMUM},
    {"exclusiveMinimum", SHAPE_LIMIT, NUMBERS, check_exclusive_minimum, ROLE_EXCLUSIVE_MINIMUM},
    {"if", SHAPE_SCHEMA, 0, check_if},
    {"items", SHAPE_SCHEMA_OR_LIST, LISTS, check_items, ROLE_ITEMS},
    {"maxContains", SHAPE_COUNT, 0, NULL, ROLE_MAX_CONTAINS},
    {"maxItems", SHAPE_COUNT, LISTS, check_max_items},
    {"maxLength", SHAPE_COUNT, TEXTS, check_max_length},
    {"maxProperties", SHAPE_COUNT, OBJECTS, check_max_properties},
    {"maximum", SHAPE_NUMBER, NUMBERS, check_maximum},
    {"minContains", SHAPE_COUNT, 0, NULL, ROLE_MIN_CONTAINS},
    {"minItems", SHAPE_COUNT, LISTS, check_min_items},
    {"minLength", SHAPE_COUNT, TEXTS, check_min_length},
    {"minProperties", SHAPE_COUNT, OBJECTS, check_min_properties},
    {"minimum", SHAPE_NUMBER, NUMBERS, check_minimum},
    {"multipleOf", SHAPE_POSITIVE, NUMBERS, check_multiple},
    {"not", SHAPE_SCHEMA, 0, check_not},
    {"oneOf", SHAPE_SCHEMA_LIST, 0, check_one},
    {"pattern", SHAPE_PATTERN, TEXTS, check_pattern},
    {"patternProperties", SHAPE_PATTERN_MAP, OBJECTS, check_pattern_properties,
     ROLE_PATTERN_PROPERTIES},
    {"prefixItems", SHAPE_SCHEMA_LIST, LISTS, check_first_items, ROLE_PREFIX_ITEMS},
    {"properties", SHAPE_SCHEMA_MAP, OBJECTS, check_properties, ROLE_PROPERTIES},
    {"propertyNames", SHAPE_SCHEMA, OBJECTS, check_property_names},
    {"required", SHAPE_NAMES, OBJECTS, check_required},
    {"then", SHAPE_SCHEMA, 0, NULL, ROLE_THEN},
    {"type", SHAPE_TYPES, 0, check_type},
    {"uniqueItems", SHAPE_BOOL, LISTS, check_unique},
    {0},
};

const struct keyword *keyword_find(struct str name)
{
    for (const struct keyword *k = keywords; k->name; k++) {
        if (str_eq(str_of(k->name), name)) {
            return k;
        }
    }
    return NULL;
}

int json_schema_validate(const struct json_schema *s, struct json value, struct arena *a,
                         int64_t until_ns, struct json *ret_errors, struct err *err)
{
    struct check c = {.arena = a, .until_ns = until_ns, .err = err};
    struct place root = {0};
    c.errors = arena_array(a, JSON_SCHEMA_MAX_ERRORS, sizeof(*c.errors));
    (void)apply(&c, s->root, value, &root);
    if (c.rc == 0) {
        *ret_errors = json_array(c.errors, c.n_errors);
    }
    return c.rc;
}
