/* Any bytes may be refused, but with words; what is accepted can be described. */
#include "definition/declarative.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err_list errors;
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct declarative *d = NULL;
    memset(&errors, 0, sizeof(errors));
    if (declarative_parse(a, str_n((const char *)data, size), &d, &errors) < 0) {
        ASSERT(errors.n > 0);
        return 0;
    }
    ASSERT(d->key[0] && d->label[0] && d->base_url.n > 0);
    struct json described = declarative_describe(a, d);
    ASSERT(json_get(described, STR("actions")).len == d->n_actions);
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, MIB(64));
    json_dump(&text, described);
    ASSERT(!text.full);
    return 0;
}
