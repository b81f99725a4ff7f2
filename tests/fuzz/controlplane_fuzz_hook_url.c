/* Foreign bytes as a webhook's request target: what is read lies inside them. */
#include "hooks/hook_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct str part, struct str whole)
{
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str target = str_n((const char *)data, size);
    struct hook_url url;
    if (hook_url_parse(target, &url)) {
        ASSERT(inside(url.fragment, target) && inside(url.query, target));
        ASSERT(url.fragment.len + url.query.len < size);
    }
    return 0;
}
