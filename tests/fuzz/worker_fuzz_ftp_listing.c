/* Listings of FTP servers, in both forms: a list of entries with usable names, or too many. */
#include "components/ftp/ftp_listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *a, struct json list)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    ASSERT(list.type == JSON_ARRAY || list.type == JSON_UNDEFINED);
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        struct str name = json_as_str(json_get(list.items[i], STR("name")));
        ASSERT(name.len > 0 && !str_eq(name, STR(".")) && !str_eq(name, STR("..")));
        ASSERT(!memchr(name.ptr, '\n', name.len));
    }
    json_dump(&text, list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(4));
    struct str text = str_n((const char *)data, size);
    if (size > KIB(256)) {
        return 0;
    }
    check(a, ftp_listing_facts(a, text));
    arena_clear(a);
    check(a, ftp_listing_lines(a, text));
    return 0;
}
