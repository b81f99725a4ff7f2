/* Queries with parameters, and values of a server: the first byte chooses. A query's text is never
 * made of values; whatever a value's text is, there is a value that can be written. */
#include "components/postgres/postgres_query.h"
#include "components/postgres/postgres_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void query(struct str sql)
{
    static const struct json_member members[] = {
        {{"a", 1}, {.type = JSON_STRING, .len = 6, .str = "SECRET"}},
        {{"b", 1}, {.type = JSON_NULL}},
    };
    const struct json items[] = {json_object(members, 2), json_cstr("SECRET"), json_num(3)};
    const struct json parameters[] = {json_object(members, 2), json_array(items, 3)};
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, MIB(4));
        struct postgres_query q = {0};
        char why[200] = "";
        int rc = postgres_query_build(a, sql, parameters[i], &q, why, sizeof(why));
        ASSERT(rc == 0 || rc == -ENOMEM || why[0]);
        if (rc == 0 && str_find(sql, STR("SECRET"), 0) < 0) {
            ASSERT(!strstr(q.sql, "SECRET"));
        }
    }
}

static void value(unsigned type, struct str text)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    AUTO(buf_done) struct buf written = {0};
    if (postgres_value_room(type, text.len) > MIB(8)) {
        return;
    }
    size_t before = arena_used(a);
    struct json v = postgres_value(a, type, text);
    ASSERT(arena_used(a) - before <= postgres_value_room(type, text.len));
    buf_init(&written, 0);
    json_dump(&written, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned types[] = {16,   17,   23,   114, 701,  1007, 1009, 1082,
                                     1114, 1115, 1184, 199, 1000, 1001, 1022, 3802};
    if (size == 0 || size > KIB(64)) {
        return 0;
    }
    struct str text = str_n((const char *)data + 1, size - 1);
    if (data[0] & 0x80) {
        query(text);
    } else {
        value(types[data[0] % ARRAY_LEN(types)], text);
    }
    return 0;
}
