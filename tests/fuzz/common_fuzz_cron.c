/* Schedules: any text is refused or has a next time that lies in its future and fits it. */
#include "cron.h"

#include "clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {"", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe", "Pacific/Apia"};
    struct cron c;
    if (cron_parse(str_n((const char *)data, size), &c, NULL) < 0) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        /* Around the time Samoa left out a day, and the end of a summer. */
        int64_t after[] = {INT64_C(1325160000) * NS_PER_SEC, INT64_C(1792886400) * NS_PER_SEC};
        for (size_t k = 0; k < ARRAY_LEN(after); k++) {
            int64_t next;
            int r = cron_next(&c, zones[i], after[k], &next, NULL);
            ASSERT(r == -ERANGE || (r == 0 && next > after[k]));
        }
    }
    return 0;
}
