/* Owns templates: cutting a text into literal parts and placeholders once, when a definition is
 * parsed. A placeholder is what the expression {{([#$])([^}]+)}} matches, leftmost first; all else
 * stays as it is, so braces meant for other systems pass through. Any thread. */
#include "expr/template.h"

#include "expr/value.h"

struct cutter {
    struct arena *arena;
    struct str text;
    size_t literal; /* start of the literal run */
    size_t close;   /* the first "}" at or after the place last asked for */
    struct template_part parts[TEMPLATE_MAX_PARTS];
    size_t n;
};

/* The first "}" at or after from; text.len when there is none. Asked with rising places, the text
 * is read once in all. */
static size_t next_close(struct cutter *c, size_t from)
{
    if (c->close < from) {
        const char *p = memchr(c->text.ptr + from, '}', c->text.len - from);
        c->close = p ? (size_t)(p - c->text.ptr) : c->text.len;
    }
    return c->close;
}

/* Length of the placeholder at a place; 0 when none starts there. */
static size_t placeholder_at(struct cutter *c, size_t at)
{
    const char *p = c->text.ptr + at;
    if (c->text.len - at < 6 || p[0] != '{' || p[1] != '{' || (p[2] != '#' && p[2] != '$')) {
        return 0;
    }
    size_t close = next_close(c, at + 3);
    if (close == at + 3 || close + 1 >= c->text.len || c->text.ptr[close + 1] != '}') {
        return 0;
    }
    return close + 2 - at;
}

static int add_part(struct cutter *c, struct template_part part, struct err *err)
{
    if (c->n == TEMPLATE_MAX_PARTS) {
        return err_set(err, -EINVAL, "template.too_long",
                       "A template has at most %d placeholders and runs of text.",
                       TEMPLATE_MAX_PARTS);
    }
    c->parts[c->n++] = part;
    return 0;
}

static int add_literal(struct cutter *c, size_t end, struct err *err)
{
    if (end == c->literal) {
        return 0;
    }
    struct str text = str_n(c->text.ptr + c->literal, end - c->literal);
    return add_part(c, (struct template_part){.type = TEMPLATE_TEXT, .text = text}, err);
}

static int add_placeholder(struct cutter *c, size_t at, size_t len, struct err *err)
{
    struct template_part part = {.type = TEMPLATE_CONFIG_VAR,
                                 .text = str_n(c->text.ptr + at + 3, len - 5)};
    if (c->text.ptr[at + 2] == '$') {
        part.type = TEMPLATE_REFERENCE;
        int r = path_compile(c->arena, part.text, &part.path, err);
        if (r < 0) {
            return r;
        }
    }
    return add_part(c, part, err);
}

static int cut(struct cutter *c, struct err *err)
{
    size_t at = 0;
    while (at < c->text.len) {
        const char *brace = memchr(c->text.ptr + at, '{', c->text.len - at);
        if (!brace) {
            break;
        }
        at = (size_t)(brace - c->text.ptr);
        size_t len = placeholder_at(c, at);
        if (len == 0) {
            at++;
            continue;
        }
        int r = add_literal(c, at, err);
        if (r == 0) {
            r = add_placeholder(c, at, len, err);
        }
        if (r < 0) {
            return r;
        }
        at += len;
        c->literal = at;
    }
    return add_literal(c, c->text.len, err);
}

int template_compile(struct arena *a, struct str text, struct template **ret, struct err *err)
{
    AUTO(mem_free) struct cutter *c = mem_new(struct cutter);
    c->arena = a;
    c->text = str_n(arena_strndup(a, text.ptr, text.len), text.len);
    int r = cut(c, err);
    if (r < 0) {
        return r;
    }
    struct template *t = arena_new_of(a, struct template);
    t->n_parts = c->n;
    t->parts = arena_dup(a, c->parts, c->n * sizeof(c->parts[0]));
    *ret = t;
    return 0;
}

void template_add_value(struct buf *b, struct json v)
{
    value_add_text(b, v);
}
