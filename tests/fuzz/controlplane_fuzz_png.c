/* Icons as somebody uploads them. */
#include "domain/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    err_clear(&err);
    if (png_check(str_n((const char *)data, size), &err) != 0 && !err.message[0]) {
        abort();
    }
    return 0;
}
