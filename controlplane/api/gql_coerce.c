/* Owns the coercion of literals and variables to the input types of the schema (October 2021,
 * 3.5-3.12 and 6.1.2). Values become engine JSON: enums, ids and dates as strings. One thread. It
 * refuses texts with NUL or invalid UTF-8, which PostgreSQL could not take. */
#include "api/gql_request.h"

#include <math.h>

#include "uuid.h"

/* ISO 8601: day, and for an instant a time with optional fraction and offset. */
static bool number_at(struct str s, size_t at, size_t n, int *ret)
{
    int v = 0;
    if (at + n > s.len) {
        return false;
    }
    for (size_t i = at; i < at + n; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        v = v * 10 + (s.ptr[i] - '0');
    }
    *ret = v;
    return true;
}

static bool valid_day(struct str s)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (s.len < 10 || !number_at(s, 0, 4, &y) || s.ptr[4] != '-' || !number_at(s, 5, 2, &m) ||
        s.ptr[7] != '-' || !number_at(s, 8, 2, &d) || y < 1 || m < 1 || m > 12) {
        return false;
    }
    bool leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return d >= 1 && d <= lengths[m - 1] + leap;
}

/* Returns the text with "Z" added when it names no offset; "" when it is no instant. */
static struct str valid_instant(struct arena *a, struct str s)
{
    int h = 0, min = 0, sec = 0, oh = 0, om = 0;
    size_t at = 10;
    if (s.len > 64 || !valid_day(s)) {
        return STR("");
    }
    if (s.len > 10) {
        if ((s.ptr[10] != 'T' && s.ptr[10] != 't' && s.ptr[10] != ' ') ||
            !number_at(s, 11, 2, &h) || s.len < 16 || s.ptr[13] != ':' ||
            !number_at(s, 14, 2, &min) || h > 23 || min > 59) {
            return STR("");
        }
        at = 16;
        if (at < s.len && s.ptr[at] == ':') {
            if (!number_at(s, 17, 2, &sec) || sec > 59) {
                return STR("");
            }
            at = 19;
            if (at < s.len && s.ptr[at] == '.') {
                size_t digits = ++at;
                while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9') {
                    at++;
                }
                if (at == digits) {
                    return STR("");
                }
            }
        }
    }
    if (at == s.len) {
        return str_of(arena_printf(a, "%.*s%s", (int)s.len, s.ptr, s.len == 10 ? "T00:00Z" : "Z"));
    }
    if (s.len == at + 1 && (s.ptr[at] == 'Z' || s.ptr[at] == 'z')) {
        return s;
    }
    bool ok = (s.ptr[at] == '+' || s.ptr[at] == '-') && number_at(s, at + 1, 2, &oh) && oh <= 15;
    at += 3;
    if (ok && at < s.len) {
        at += s.ptr[at] == ':';
        ok = number_at(s, at, 2, &om) && om <= 59 && at + 2 == s.len;
    }
    return ok ? s : STR("");
}

static bool whole_text(struct str s)
{
    return s.len == 0 || (memchr(s.ptr, 0, s.len) == NULL && str_utf8_valid(s));
}

static bool scalar_int(struct json v, struct json *ret)
{
    *ret = v;
    return v.type == JSON_NUMBER && v.num >= INT32_MIN && v.num <= INT32_MAX &&
           floor(v.num) >= v.num;
}

static bool scalar_float(struct json v, struct json *ret)
{
    *ret = v;
    return v.type == JSON_NUMBER && isfinite(v.num);
}

static bool scalar_bool(struct json v, struct json *ret)
{
    *ret = v;
    return v.type == JSON_TRUE || v.type == JSON_FALSE;
}

static bool scalar_any(struct json v, struct json *ret)
{
    *ret = v;
    return true;
}

static const struct scalar {
    const char *name;
    bool (*take)(struct json v, struct json *ret); /* NULL: a string */
    bool also_integers;                            /* as text */
} scalars[] = {
    {"String", NULL, false},         {"ID", NULL, true},
    {"Int", scalar_int, false},      {"Float", scalar_float, false},
    {"Boolean", scalar_bool, false}, {"BigInt", NULL, true},
    {"Date", NULL, false},           {"DateTime", NULL, false},
    {"JSON", scalar_any, false},     {"JSONString", NULL, false},
    {"UUID", NULL, false},
};

static bool take_text(struct arena *a, struct str type, struct json v, struct json *ret)
{
    struct str s = json_as_str(v);
    int64_t number;
    struct uuid id;
    if (v.type != JSON_STRING || !whole_text(s)) {
        return false;
    }
    if (str_eq(type, STR("DateTime"))) {
        s = valid_instant(a, s);
        *ret = json_str(s);
        return s.len > 0;
    }
    *ret = v;
    return str_eq(type, STR("Date"))     ? s.len == 10 && valid_day(s)
           : str_eq(type, STR("BigInt")) ? str_to_i64(s, &number)
           : str_eq(type, STR("UUID"))   ? uuid_parse(s, &id)
                                         : true;
}

static bool take_scalar(struct gql_request *rq, const struct gql_type_def *t, struct json v,
                        struct json *ret)
{
    const struct scalar *s = scalars;
    while (s < scalars + ARRAY_LEN(scalars) && !str_eq(t->name, str_of(s->name))) {
        s++;
    }
    if (s == scalars + ARRAY_LEN(scalars)) {
        return false;
    }
    if (s->take) {
        return s->take(v, ret);
    }
    if (s->also_integers && v.type == JSON_NUMBER && floor(v.num) >= v.num &&
        fabs(v.num) < 9007199254740992.0) {
        v = json_cstr(arena_printf(rq->arena, "%.0f", v.num));
    }
    return take_text(rq->arena, t->name, v, ret);
}

static bool bad_value(struct gql_request *rq, struct gql_loc loc, const struct gql_type_ref *type,
                      const char *what)
{
    return gql_fail(rq, loc, NULL, "Expected a value of type \"%s\" for %s.",
                    gql_type_text(rq->arena, type), what);
}

/* PostgreSQL's texts cannot hold a NUL: tells where it is, as in a file full of them. */
static bool bad_text(struct gql_request *rq, struct gql_loc loc, struct str s, const char *what)
{
    int line = 1, column = 1;
    for (const char *p = s.ptr; *p; p++) {
        column = *p == '\n' ? 1 : column + (((unsigned char)*p & 0xc0) != 0x80);
        line += *p == '\n';
    }
    return gql_fail(rq, loc, NULL, "%s holds a NUL character, at line %d, column %d.", what, line,
                    column);
}

static const char *member(struct gql_request *rq, const char *what, struct str name)
{
    return arena_printf(rq->arena, "%s.%.*s", what, (int)name.len, name.ptr);
}

/* ---- JSON (variables) ---- */

static bool coerce_json(struct gql_request *rq, const struct gql_type_ref *type, struct json v,
                        struct gql_loc loc, const char *what, struct json *ret);

static bool coerce_json_object(struct gql_request *rq, const struct gql_type_def *t, struct json v,
                               struct gql_loc loc, const char *what, struct json *ret)
{
    struct json_builder b;
    json_build_object(&b, rq->arena);
    for (uint32_t i = 0; i < v.len; i++) {
        struct str key = v.members[i].key;
        if (!gql_input_find(t->inputs, key)) {
            return gql_fail(rq, loc, NULL, "Field \"%.*s\" of %s is not defined by type \"%.*s\".",
                            (int)MIN(key.len, 60), key.ptr, what, (int)t->name.len, t->name.ptr);
        }
    }
    for (const struct gql_input_def *in = t->inputs; in; in = in->next) {
        struct json item = json_get(v, in->name), out;
        const char *place = member(rq, what, in->name);
        if (item.type == JSON_UNDEFINED && in->fallback) {
            if (!gql_coerce_literal(rq, in->type, in->fallback, false, false, place, &out)) {
                return false;
            }
        } else if (item.type == JSON_UNDEFINED && !in->type->non_null) {
            continue;
        } else if (!coerce_json(rq, in->type, item, loc, place, &out)) {
            return false;
        }
        json_append(&b, in->name, out);
    }
    *ret = json_built(&b);
    return true;
}

static bool coerce_json(struct gql_request *rq, const struct gql_type_ref *type, struct json v,
                        struct gql_loc loc, const char *what, struct json *ret)
{
    if (json_is_nullish(v)) {
        *ret = json_null();
        return !type->non_null ||
               gql_fail(rq, loc, NULL, "%s of required type \"%s\" was not provided.", what,
                        gql_type_text(rq->arena, type));
    }
    if (type->of) {
        struct json_builder b;
        struct json one = v;
        json_build_array(&b, rq->arena);
        for (uint32_t i = 0; i < (v.type == JSON_ARRAY ? v.len : 1); i++) {
            if (!coerce_json(rq, type->of, v.type == JSON_ARRAY ? v.items[i] : one, loc,
                             arena_printf(rq->arena, "%s[%u]", what, i), &one)) {
                return false;
            }
            json_push(&b, one);
        }
        *ret = json_built(&b);
        return true;
    }
    const struct gql_type_def *t = gql_schema_type(rq->schema, type->name);
    if (t && t->kind == GQL_T_INPUT && v.type == JSON_OBJECT) {
        return coerce_json_object(rq, t, v, loc, what, ret);
    }
    *ret = v;
    bool ok =
        t && (t->kind == GQL_T_ENUM ? v.type == JSON_STRING && gql_enum_find(t, json_as_str(v))
                                    : t->kind == GQL_T_SCALAR && take_scalar(rq, t, v, ret));
    if (!ok && v.type == JSON_STRING && v.len && memchr(v.str, 0, v.len)) {
        return bad_text(rq, loc, json_as_str(v), what);
    }
    return ok || bad_value(rq, loc, type, what);
}

bool gql_coerce_variables(struct gql_request *rq, struct json raw)
{
    struct json_builder b;
    json_build_object(&b, rq->arena);
    for (const struct gql_variable *v = rq->operation->variables; v; v = v->next) {
        struct json given = json_get(raw, v->name), out;
        const char *what =
            arena_printf(rq->arena, "Variable \"$%.*s\"", (int)v->name.len, v->name.ptr);
        if (given.type == JSON_UNDEFINED && v->fallback) {
            if (!gql_coerce_literal(rq, v->type, v->fallback, false, false, what, &out)) {
                continue;
            }
        } else if (given.type == JSON_UNDEFINED && !v->type->non_null) {
            continue;
        } else if (!coerce_json(rq, v->type, given, v->loc, what, &out)) {
            continue; /* report every variable that is wrong */
        }
        json_append(&b, v->name, out);
    }
    rq->variables = json_built(&b);
    return rq->n_errors == 0;
}

/* ---- literals ---- */

static bool same_or_stricter(const struct gql_type_ref *is, const struct gql_type_ref *wanted,
                             bool not_null)
{
    if (wanted->non_null && !is->non_null && !not_null) {
        return false;
    }
    if (is->of && wanted->of) {
        return same_or_stricter(is->of, wanted->of, false);
    }
    /* A single value where a list is wanted is no list when it comes in a variable. */
    return !is->of && !wanted->of && str_eq(is->name, wanted->name);
}

static bool check_variable(struct gql_request *rq, const struct gql_type_ref *type,
                           const struct gql_value *v, bool has_default)
{
    const struct gql_variable *def = rq->operation->variables;
    while (def && !str_eq(def->name, v->text)) {
        def = def->next;
    }
    if (!def) {
        return gql_fail(rq, v->loc, NULL, "Variable \"$%.*s\" is not defined.", (int)v->text.len,
                        v->text.ptr);
    }
    bool not_null = has_default || (def->fallback && def->fallback->kind != GQL_NULL);
    return same_or_stricter(def->type, type, not_null) ||
           gql_fail(rq, v->loc, NULL,
                    "Variable \"$%.*s\" of type \"%s\" used in position expecting type \"%s\".",
                    (int)v->text.len, v->text.ptr, gql_type_text(rq->arena, def->type),
                    gql_type_text(rq->arena, type));
}

static bool literal_object(struct gql_request *rq, const struct gql_type_def *t,
                           const struct gql_value *v, bool check, const char *what,
                           struct json *ret)
{
    for (const struct gql_arg *f = v->fields; f; f = f->next) {
        if (!gql_input_find(t->inputs, f->name)) {
            return gql_fail(rq, f->loc, NULL, "Field \"%.*s\" is not defined by type \"%.*s\".",
                            (int)f->name.len, f->name.ptr, (int)t->name.len, t->name.ptr);
        }
    }
    return gql_coerce_args(rq, t->inputs, v->fields, v->loc, check, what, ret);
}

/* The JSON form of a literal that names no type, for scalars. */
static struct json literal_json(struct gql_request *rq, const struct gql_value *v)
{
    struct json_builder b;
    struct json out = json_null();
    switch (v->kind) {
    case GQL_INT:
    case GQL_FLOAT:
        out = json_num(strtod(arena_strndup(rq->arena, v->text.ptr, v->text.len), NULL));
        break;
    case GQL_STRING:
        out = json_str(v->text);
        break;
    case GQL_ENUM: /* only the JSON scalar takes it */
        out = json_str(v->text);
        break;
    case GQL_BOOL:
        out = json_bool(str_eq(v->text, STR("true")));
        break;
    case GQL_LIST:
        json_build_array(&b, rq->arena);
        for (const struct gql_value *i = v->items; i; i = i->next) {
            json_push(&b, literal_json(rq, i));
        }
        out = json_built(&b);
        break;
    case GQL_OBJECT:
        json_build_object(&b, rq->arena);
        for (const struct gql_arg *f = v->fields; f; f = f->next) {
            json_set(&b, f->name, literal_json(rq, f->value));
        }
        out = json_built(&b);
        break;
    case GQL_VARIABLE:
        out = json_get(rq->variables, v->text);
        break;
    case GQL_NULL:
        break;
    }
    return out;
}

static bool literal_list(struct gql_request *rq, const struct gql_type_ref *type,
                         const struct gql_value *v, bool check, const char *what, struct json *ret)
{
    struct json_builder b;
    json_build_array(&b, rq->arena);
    unsigned i = 0;
    for (const struct gql_value *item = v->kind == GQL_LIST ? v->items : v; item;
         item = v->kind == GQL_LIST ? item->next : NULL) {
        struct json out;
        if (!gql_coerce_literal(rq, type->of, item, check, false,
                                arena_printf(rq->arena, "%s[%u]", what, i++), &out)) {
            return false;
        }
        json_push(&b, out.type == JSON_UNDEFINED ? json_null() : out);
    }
    *ret = json_built(&b);
    return true;
}

bool gql_coerce_literal(struct gql_request *rq, const struct gql_type_ref *type,
                        const struct gql_value *v, bool check, bool has_default, const char *what,
                        struct json *ret)
{
    *ret = json_null();
    if (v->kind == GQL_VARIABLE) {
        if (check) {
            return check_variable(rq, type, v, has_default);
        }
        *ret = json_get(rq->variables, v->text);
        return !type->non_null || !json_is_nullish(*ret) || has_default ||
               gql_fail(rq, v->loc, NULL, "%s must not be null.", what);
    }
    if (v->kind == GQL_NULL) {
        return !type->non_null || bad_value(rq, v->loc, type, what);
    }
    if (type->of) {
        return literal_list(rq, type, v, check, what, ret);
    }
    const struct gql_type_def *t = gql_schema_type(rq->schema, type->name);
    if (t && t->kind == GQL_T_INPUT && v->kind == GQL_OBJECT) {
        return literal_object(rq, t, v, check, what, ret);
    }
    bool ok = false;
    if (t && t->kind == GQL_T_ENUM) {
        ok = v->kind == GQL_ENUM && gql_enum_find(t, v->text);
        *ret = json_str(v->text);
    } else if (t && t->kind == GQL_T_SCALAR &&
               (v->kind != GQL_ENUM || str_eq(t->name, STR("JSON")))) {
        struct json plain = literal_json(rq, v);
        /* 5.0 is no Int. */
        ok = !(v->kind == GQL_FLOAT && str_eq(t->name, STR("Int"))) &&
             take_scalar(rq, t, plain, ret);
    }
    return ok || bad_value(rq, v->loc, type, what);
}

bool gql_coerce_args(struct gql_request *rq, const struct gql_input_def *defs,
                     const struct gql_arg *args, struct gql_loc loc, bool check, const char *owner,
                     struct json *ret)
{
    struct json_builder b;
    json_build_object(&b, rq->arena);
    for (const struct gql_input_def *in = defs; in; in = in->next) {
        const struct gql_arg *arg = gql_arg_find(args, in->name);
        const char *what = arena_printf(rq->arena, "\"%.*s\"", (int)in->name.len, in->name.ptr);
        struct json v = json_undefined();
        if (arg &&
            !gql_coerce_literal(rq, in->type, arg->value, check, in->fallback != NULL, what, &v)) {
            return false;
        }
        if (v.type == JSON_UNDEFINED && in->fallback &&
            !gql_coerce_literal(rq, in->type, in->fallback, false, false, what, &v)) {
            return false;
        }
        if (!arg && v.type == JSON_UNDEFINED && in->type->non_null) {
            return gql_fail(rq, loc, NULL,
                            "%s of type \"%s\" is required by the %s, but it was not provided.",
                            what, gql_type_text(rq->arena, in->type), owner);
        }
        if (v.type != JSON_UNDEFINED) {
            json_append(&b, in->name, v);
        }
    }
    *ret = json_built(&b);
    return true;
}
