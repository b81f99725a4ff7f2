/* Zone files: any bytes are refused or answer for instants of all ages. */
#include "zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(zone_free) struct zone *z = NULL;
    if (zone_parse(str_n((const char *)data, size), &z, NULL) < 0) {
        return 0;
    }
    for (int64_t at = INT64_C(-9000000000); at < INT64_C(9000000000); at += 450000001) {
        int64_t first, last;
        ASSERT(zone_next_change(z, at) > at);
        (void)zone_to_utc(z, at, &first, &last);
        ASSERT(first <= last);
    }
    return 0;
}
