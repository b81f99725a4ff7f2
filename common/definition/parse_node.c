/* Owns reading typed values out of YAML mappings and reporting what is wrong with them. Called by
 * the other parse files on the thread of the compilation. Every reader goes on after an error with
 * a fallback, so that one pass finds many errors. */
#include <stdarg.h>

#include "definition/definition_priv.h"
#include "definition/encoding.h"
#include "suggest.h"

#define SHOW_MAX 60

/* Drops a UTF-8 character that was cut at the end. */
static void trim_cut_character(char *s)
{
    size_t len = strlen(s);
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)s[len - back];
        if ((c & 0xC0) == 0x80) {
            continue;
        }
        size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        if (need > back) {
            s[len - back] = '\0';
        }
        return;
    }
}

/* Explanations of others may quote a text cut anywhere, or with line breaks. */
static void make_printable(char *s)
{
    struct str text = str_of(s);
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        int32_t c = encoding_next(text, &at);
        if (c < 0) {
            s[at++] = '?';
        } else if (c < ' ' || c == 0x7F) {
            s[from] = ' ';
        }
    }
}

static void render_where(struct buf *b, const struct def_where *where)
{
    if (!where) {
        return;
    }
    render_where(b, where->up);
    if (where->key) {
        buf_addf(b, "%s%s", b->len ? "." : "", where->key);
    } else {
        buf_addf(b, "[%zu]", where->index);
    }
}

static void fill(struct def_compile *c, struct err *err, const struct def_where *where,
                 struct def_place at, const char *code, const char *message)
{
    AUTO(buf_done) struct buf field = {0};
    buf_init(&field, KIB(16));
    render_where(&field, where);
    buf_addc(&field, '\0');
    (void)err_field(err, -EINVAL, code, field.data ? field.data : "", "%s%s", c->subject, message);
    trim_cut_character(err->field);
    trim_cut_character(err->message);
    make_printable(err->field);
    make_printable(err->message);
    err->line = at.line;
    err->column = at.column;
}

static void report(struct def_compile *c, const struct def_where *where, struct def_place at,
                   const char *code, bool warning, const char *fmt, va_list ap) printf_like(6, 0);

static void report(struct def_compile *c, const struct def_where *where, struct def_place at,
                   const char *code, bool warning, const char *fmt, va_list ap)
{
    struct err *err = err_list_add(c->errors);
    char message[sizeof(err->message)];
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    fill(c, err, where, at, code, message);
    err->warning = warning;
}

void def_fail(struct def_compile *c, const struct def_where *where, struct def_place at,
              const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    c->failures++;
    report(c, where, at, code, false, fmt, ap);
    va_end(ap);
}

void def_warn(struct def_compile *c, const struct def_where *where, struct def_place at,
              const char *code, const char *fmt, ...)
{
    if (++c->warnings > DEF_MAX_WARNINGS) {
        c->errors->dropped++;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    report(c, where, at, code, true, fmt, ap);
    va_end(ap);
}

void def_fail_err(struct def_compile *c, const struct def_where *where, struct def_place at,
                  const struct err *err)
{
    c->failures++;
    fill(c, err_list_add(c->errors), where, at, err->code, err->message);
}

const char *def_show(struct def_compile *c, struct str text)
{
    size_t len = MIN(text.len, SHOW_MAX);
    char *shown = arena_strndup(c->arena, text.ptr, len);
    trim_cut_character(shown);
    for (char *p = shown; *p; p++) {
        if ((unsigned char)*p < ' ') {
            *p = ' ';
        }
    }
    return text.len > len ? arena_printf(c->arena, "%s...", shown) : shown;
}

const char *def_did_you_mean(struct def_compile *c, const char *best)
{
    return best ? arena_printf(c->arena, "; did you mean \"%s\"?", def_show(c, str_of(best))) : ".";
}

struct def_place def_place_of(const struct yaml_node *node)
{
    return node ? (struct def_place){node->line, node->column} : (struct def_place){0};
}

struct def_place def_place_in(const struct def_map *m, const char *key)
{
    const struct yaml_node *value = yaml_get(m->node, key);
    return def_place_of(value ? value : m->node);
}

static const char *kind_word(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SCALAR:
        return "a single value";
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    }
    return "";
}

bool def_map_init(struct def_map *m, struct def_compile *c, const struct yaml_node *node,
                  const struct def_where *where)
{
    *m = (struct def_map){.c = c, .where = where};
    if (node && node->kind == YAML_MAPPING) {
        m->node = node;
        return true;
    }
    if (node) {
        def_fail(c, where, def_place_of(node), "definition.type",
                 "A mapping of keys is expected here, not %s.", kind_word(node));
    }
    return false;
}

/* The value of a key when it is there and not null; reports a required one that is missing. */
static const struct yaml_node *value_of(struct def_map *m, const char *key, enum def_need need)
{
    const struct yaml_node *value = yaml_get(m->node, key);
    if (!yaml_is_null(value)) {
        return value;
    }
    if (need == DEF_REQUIRED) {
        struct def_where where = def_key(m->where, key);
        def_fail(m->c, &where, def_place_in(m, key), "definition.required",
                 "\"%s\" is required but %s.", key, value ? "empty" : "missing");
    }
    return NULL;
}

static void wrong_type(struct def_map *m, const char *key, const struct yaml_node *value,
                       const char *expected)
{
    struct def_where where = def_key(m->where, key);
    if (value->kind == YAML_SCALAR) {
        def_fail(m->c, &where, def_place_of(value), "definition.type",
                 "\"%s\" must be %s, not %s\"%s\".", key, expected, value->plain ? "" : "the text ",
                 def_show(m->c, value->text));
    } else {
        def_fail(m->c, &where, def_place_of(value), "definition.type", "\"%s\" must be %s, not %s.",
                 key, expected, kind_word(value));
    }
}

const char *def_get_text(struct def_map *m, const char *key, enum def_need need)
{
    const struct yaml_node *value = value_of(m, key, need);
    if (value && value->kind != YAML_SCALAR) {
        wrong_type(m, key, value, "text");
        return "";
    }
    if (value && value->text.len == 0 && need == DEF_REQUIRED) {
        struct def_where where = def_key(m->where, key);
        def_fail(m->c, &where, def_place_of(value), "definition.required",
                 "\"%s\" is required but empty.", key);
    }
    return value ? value->text.ptr : "";
}

bool def_get_bool(struct def_map *m, const char *key, bool fallback)
{
    const struct yaml_node *value = value_of(m, key, DEF_OPTIONAL);
    if (!value) {
        return fallback;
    }
    if (value->kind != YAML_SCALAR || yaml_scalar_type(value->text, value->plain) != YAML_BOOL) {
        wrong_type(m, key, value, "true or false (without quotes)");
        return fallback;
    }
    return value->text.ptr[0] == 't' || value->text.ptr[0] == 'T';
}

int def_get_int(struct def_map *m, const char *key, enum def_need need, int min, int max,
                int fallback)
{
    const struct yaml_node *value = value_of(m, key, need);
    if (!value) {
        return fallback;
    }
    int64_t number = 0;
    if (value->kind != YAML_SCALAR || yaml_scalar_type(value->text, value->plain) != YAML_INT ||
        !str_to_i64(value->text, &number)) {
        wrong_type(m, key, value, "a whole number (without quotes)");
        return fallback;
    }
    if (number < min || number > max) {
        struct def_where where = def_key(m->where, key);
        if (max == INT32_MAX) {
            def_fail(m->c, &where, def_place_of(value), "definition.range",
                     "\"%s\" must be at least %d, not %lld.", key, min, (long long)number);
        } else {
            def_fail(m->c, &where, def_place_of(value), "definition.range",
                     "\"%s\" must be from %d to %d, not %lld.", key, min, max, (long long)number);
        }
        return fallback;
    }
    return (int)number;
}

static const char *list_names(struct def_compile *c, const char *const *names, int n)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(1));
    for (int i = 0; i < n; i++) {
        buf_addf(&b, "%s%s", i ? ", " : "", names[i]);
    }
    return arena_strndup(c->arena, buf_str(&b).ptr, b.len);
}

int def_get_enum(struct def_map *m, const char *key, enum def_need need, const char *const *names,
                 int n_names, int fallback)
{
    const struct yaml_node *value = value_of(m, key, need);
    if (!value || (value->kind == YAML_SCALAR && value->text.len == 0 && need == DEF_OPTIONAL)) {
        return fallback;
    }
    if (value->kind != YAML_SCALAR) {
        wrong_type(m, key, value, "one word");
        return fallback;
    }
    struct suggest near;
    def_suggest_init(m->c, &near, value->text);
    for (int i = 0; i < n_names; i++) {
        if (str_eq(value->text, str_of(names[i]))) {
            return i;
        }
        suggest_offer(&near, names[i]);
    }
    struct def_where where = def_key(m->where, key);
    def_fail(m->c, &where, def_place_of(value), "definition.enum",
             "\"%s\" cannot be \"%s\"%s It is one of: %s.", key, def_show(m->c, value->text),
             def_did_you_mean(m->c, near.best), list_names(m->c, names, n_names));
    return fallback;
}

const struct yaml_node *def_get_list(struct def_map *m, const char *key, enum def_need need,
                                     size_t max)
{
    const struct yaml_node *value = value_of(m, key, need);
    if (value && value->kind != YAML_SEQUENCE) {
        wrong_type(m, key, value, "a list");
        return NULL;
    }
    if (value && value->n_items > max) {
        struct def_where where = def_key(m->where, key);
        def_fail(m->c, &where, def_place_of(value), "definition.limit",
                 "\"%s\" holds %zu items; at most %zu are allowed.", key, value->n_items, max);
        return NULL;
    }
    return value;
}

const struct yaml_node *def_get_map(struct def_map *m, const char *key, enum def_need need)
{
    const struct yaml_node *value = value_of(m, key, need);
    if (value && value->kind != YAML_MAPPING) {
        wrong_type(m, key, value, "a mapping of keys");
        return NULL;
    }
    return value;
}

const char **def_get_texts(struct def_map *m, const char *key, size_t max, size_t *ret_n)
{
    const struct yaml_node *list = def_get_list(m, key, DEF_OPTIONAL, max);
    *ret_n = 0;
    if (!list || list->n_items == 0) {
        return NULL;
    }
    const char **texts = arena_array(m->c->arena, list->n_items, sizeof(const char *));
    struct def_where in = def_key(m->where, key);
    for (size_t i = 0; i < list->n_items; i++) {
        const struct yaml_node *item = list->items[i];
        if (item->kind == YAML_SCALAR) {
            texts[(*ret_n)++] = item->text.ptr;
        } else {
            struct def_where where = def_index(&in, i);
            def_fail(m->c, &where, def_place_of(item), "definition.type",
                     "Each item of \"%s\" must be text, not %s.", key, kind_word(item));
        }
    }
    return texts;
}
