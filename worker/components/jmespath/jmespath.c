/* Owns a search as a whole: its bounds and its errors with places. Called by the component on the
 * slot's thread. It refuses what goes past the bounds of jmespath.h. */
#include "components/jmespath/jmespath.h"

#include <stdarg.h>

#include "clock.h"
#include "components/jmespath/jmespath_priv.h"

int jmespath_fail(struct jmespath *j, size_t offset, const char *fmt, ...)
{
    char message[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    size_t character = 1;
    for (size_t i = 0; i < MIN(offset, j->query.len); i++) {
        character += ((unsigned char)j->query.ptr[i] & 0xC0) != 0x80;
    }
    return err_set(j->err, -EINVAL, "jmespath.invalid", "character %zu: %s", character, message);
}

int jmespath_spend(struct jmespath *j, size_t work)
{
    uint64_t before = j->work;
    j->work += work;
    if (j->work > JMESPATH_MAX_WORK) {
        return jmespath_fail(j, j->at, "the query does too much work. Search less data.");
    }
    if ((before >> 16) != (j->work >> 16) && clock_mono_ns() > j->deadline) {
        return jmespath_fail(j, j->at, "the time of the execution is over.");
    }
    return 0;
}

int jmespath_room(struct jmespath *j, size_t bytes)
{
    if (bytes > JMESPATH_MAX_MEMORY ||
        arena_used(j->arena) - j->used_before > JMESPATH_MAX_MEMORY - bytes) {
        return jmespath_fail(j, j->at, "the query makes more than %zu MB on the way. Search less.",
                             JMESPATH_MAX_MEMORY / MIB(1));
    }
    if (!arena_fits(j->arena, bytes)) {
        return jmespath_fail(j, j->at,
                             "the execution has no memory left for what the query makes.");
    }
    return 0;
}

int jmespath_items(struct jmespath *j, size_t n, struct json **ret)
{
    int rc = jmespath_spend(j, n);
    if (rc == 0) {
        rc = jmespath_room(j, (n + 1) * sizeof(struct json));
    }
    if (rc == 0) {
        *ret = arena_array(j->arena, n + 1, sizeof(struct json));
    }
    return rc;
}

static int weigh(struct jmespath *j, struct json v, size_t *left, int depth)
{
    bool text = v.type == JSON_STRING || v.type == JSON_BINARY;
    size_t bytes = sizeof(v) + (text ? v.len : 0);
    if (bytes > *left) {
        return jmespath_fail(j, j->at, "the result is larger than %zu MB.",
                             JMESPATH_MAX_RESULT / MIB(1));
    }
    *left -= bytes;
    int rc = jmespath_spend(j, 1 + (text ? v.len / 16 : 0));
    bool nests = v.type == JSON_ARRAY || v.type == JSON_OBJECT;
    for (uint32_t i = 0; rc == 0 && nests && i < v.len; i++) {
        if (depth == JSON_MAX_DEPTH) {
            return jmespath_fail(j, j->at, "the result is nested deeper than %d.", JSON_MAX_DEPTH);
        }
        struct json inner = v.type == JSON_OBJECT ? v.members[i].value : v.items[i];
        if (v.type == JSON_OBJECT) {
            *left -= MIN(*left, sizeof(struct str) + v.members[i].key.len);
            rc = jmespath_spend(j, v.members[i].key.len / 16);
        }
        if (rc == 0) {
            rc = weigh(j, inner, left, depth + 1);
        }
    }
    return rc;
}

int jmespath_weigh(struct jmespath *j, struct json v)
{
    size_t left = JMESPATH_MAX_RESULT;
    return weigh(j, v, &left, 0);
}

int jmespath_search(struct arena *a, struct str query, struct json data, int64_t deadline,
                    struct json *ret, struct err *err)
{
    struct jmespath j = {
        .arena = a, .used_before = arena_used(a), .query = query, .deadline = deadline, .err = err};
    struct jmespath_node *tree = NULL;
    struct json found = json_null();
    if (query.len > JMESPATH_MAX_QUERY) {
        return err_set(err, -EINVAL, "jmespath.invalid", "the query is longer than %zu KB.",
                       JMESPATH_MAX_QUERY / KIB(1));
    }
    int rc = jmespath_parse(&j, &tree);
    if (rc == 0) {
        rc = jmespath_eval(&j, tree, data, &found);
    }
    if (rc == 0) {
        rc = jmespath_weigh(&j, found); /* shared parts are counted each time they stand in it */
    }
    if (rc == 0) {
        *ret = found;
    }
    return rc;
}
