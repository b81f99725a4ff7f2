/* Times by a format: the first line is the format, the rest the text. What was read is written, and
 * read again. */
#include "components/datetime/date_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_n((const char *)data, size), format = input, text = STR("");
    ptrdiff_t line = str_find(input, STR("\n"), 0);
    if (size > KIB(4)) {
        return 0;
    }
    if (line >= 0) {
        format = str_n(input.ptr, (size_t)line);
        text = str_n(input.ptr + line + 1, size - (size_t)line - 1);
    }
    int64_t ms, again;
    size_t at = 0;
    enum date_fit fit = date_parse(text, NULL, format, &ms, &at);
    ASSERT(at <= text.len);
    if (fit != DATE_FITS || ms < INT64_C(-62167219200000) || ms > INT64_C(253402300799999)) {
        return 0;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(64));
    date_format(&b, ms, NULL, format);
    (void)date_parse(buf_str(&b), NULL, format, &again, &at);
    ASSERT(at <= b.len);
    return 0;
}
