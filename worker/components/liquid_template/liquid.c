/* Owns the rendering of a template as a whole: its memory, its bounds, its errors with places.
 * Called by the component on the slot's thread. It refuses what goes past the bounds of liquid.h.
 */
#include "components/liquid_template/liquid.h"

#include <stdarg.h>

#include "clock.h"
#include "components/liquid_template/liquid_priv.h"
#include "expr/value.h"

int liquid_fail(struct liquid *l, size_t offset, const char *fmt, ...)
{
    char message[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    int line = 1, column = 1;
    for (size_t i = 0; i < MIN(offset, l->text.len); i++) {
        unsigned char c = (unsigned char)l->text.ptr[i];
        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xC0) != 0x80) {
            column++;
        }
    }
    int rc =
        err_set(l->err, -EINVAL, "liquid.invalid", "line %d, column %d: %s", line, column, message);
    if (l->err) {
        l->err->line = line;
        l->err->column = column;
    }
    return rc;
}

int liquid_spend(struct liquid *l, size_t work)
{
    uint64_t before = l->work;
    l->work += work;
    if (l->work > LIQUID_MAX_WORK) {
        return liquid_fail(l, l->at, "the template does too much work. Loop over less data.");
    }
    if ((before >> 16) != (l->work >> 16) && clock_mono_ns() > l->deadline) {
        return liquid_fail(l, l->at, "the time of the execution is over.");
    }
    return 0;
}

int liquid_room(struct liquid *l, size_t bytes)
{
    if (!arena_fits(l->arena, bytes)) {
        return liquid_fail(l, l->at,
                           "the template needs more than %zu MB of memory. Work on less "
                           "data.",
                           LIQUID_MAX_MEMORY / MIB(1));
    }
    return 0;
}

static int weigh(struct liquid *l, struct json v, int depth)
{
    if (v.type == JSON_STRING || v.type == JSON_BINARY) {
        return liquid_spend(l, 1 + v.len / 16);
    }
    int rc = liquid_spend(l, 1);
    bool nests = v.type == JSON_ARRAY || v.type == JSON_OBJECT;
    for (uint32_t i = 0; rc == 0 && nests && depth < JSON_MAX_NEST && i < v.len; i++) {
        bool object = v.type == JSON_OBJECT;
        if (object) {
            rc = liquid_spend(l, v.members[i].key.len / 16);
        }
        if (rc == 0) {
            rc = weigh(l, object ? v.members[i].value : v.items[i], depth + 1);
        }
    }
    return rc;
}

int liquid_weigh(struct liquid *l, struct json v)
{
    return weigh(l, v, 0);
}

static void add_text(struct buf *b, struct json v, int depth)
{
    if (v.type != JSON_ARRAY) {
        value_add_text(b, v);
        return;
    }
    for (uint32_t i = 0; depth < JSON_MAX_NEST && i < v.len && !b->full; i++) {
        add_text(b, v.items[i], depth + 1);
    }
}

static int too_long(struct liquid *l)
{
    return liquid_fail(l, l->at, "the text becomes longer than %zu MB.",
                       LIQUID_MAX_OUTPUT / MIB(1));
}

int liquid_add_text(struct liquid *l, struct buf *b, struct json v)
{
    int rc = liquid_weigh(l, v);
    if (rc == 0) {
        add_text(b, v, 0);
        rc = b->full ? too_long(l) : 0;
    }
    return rc;
}

int liquid_give(struct liquid *l, const struct buf *b, struct json *ret)
{
    if (b->full) {
        return too_long(l);
    }
    int rc = liquid_room(l, b->len + 1);
    if (rc == 0) {
        rc = liquid_spend(l, b->len / 16);
    }
    if (rc == 0) {
        *ret = json_str(str_n(arena_strndup(l->arena, b->len ? b->data : "", b->len), b->len));
    }
    return rc;
}

int liquid_text(struct liquid *l, struct json v, struct str *ret)
{
    if (v.type == JSON_STRING) {
        *ret = json_as_str(v);
        return liquid_spend(l, 1 + v.len / 16);
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    struct json text;
    int rc = liquid_add_text(l, &b, v);
    if (rc == 0) {
        rc = liquid_give(l, &b, &text);
    }
    if (rc == 0) {
        *ret = json_as_str(text);
    }
    return rc;
}

int liquid_render(struct str text, struct json data, int64_t deadline, struct buf *out,
                  struct err *err)
{
    if (text.len > LIQUID_MAX_TEMPLATE) {
        return err_set(err, -EINVAL, "liquid.invalid", "the template is longer than %zu KB.",
                       LIQUID_MAX_TEMPLATE / KIB(1));
    }
    AUTO(arena_free) struct arena *arena = arena_new(0, LIQUID_MAX_MEMORY);
    struct liquid l = {
        .text = text, .arena = arena, .data = data, .deadline = deadline, .out = out, .err = err};
    struct liquid_node *tree = NULL;
    int rc = liquid_parse(&l, &tree);
    if (rc == 0) {
        l.cycles = arena_array(arena, l.n_cycles + 1, sizeof(*l.cycles));
        l.depth = 0;
        rc = liquid_render_nodes(&l, tree);
    }
    return rc < 0 ? rc : 0;
}
