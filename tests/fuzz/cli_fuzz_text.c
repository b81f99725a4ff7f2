/* Texts of others on a terminal: whatever comes, no control character goes out, and what was cut
 * is no wider than was asked for. */
#include "cli/table.h"
#include "cli/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct table_column columns[] = {{"A", false, true}, {"B", true, false}, {0}};
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    AUTO(buf_done) struct buf out = {0};
    struct str s = str_n((const char *)data, MIN(size, KIB(64)));
    int64_t ns;
    text_start();
    struct str line = text_line(a, s);
    for (size_t i = 0; i < line.len; i++) {
        ASSERT((uint8_t)line.ptr[i] >= 0x20 && line.ptr[i] != 0x7f);
    }
    ASSERT(str_utf8_valid(line));
    for (size_t columns_max = 1; columns_max < 20; columns_max += 6) {
        ASSERT(text_width(text_cut(a, line, columns_max)) <= columns_max);
    }
    (void)text_time_ns(s, &ns);
    (void)text_time(a, s);
    (void)text_duration(a, s, s);
    (void)text_since(a, arena_strndup(a, s.ptr, s.len));
    struct table *t = table_new(a, columns);
    table_cell(t, s);
    table_cell(t, STR("1"));
    buf_init(&out, 0);
    table_write(t, 20, &out);
    ASSERT(buf_str(&out).len > 0);
    return 0;
}
