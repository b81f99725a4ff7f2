/* Reads a Range header. Pure. Several ranges in one header, and units that are not bytes, are
 * ignored, as the standard allows. */
#include "results/range.h"

static bool number(struct str s, uint64_t *ret)
{
    int64_t v;
    bool digits = s.len > 0 && s.len <= 18;
    for (size_t i = 0; i < s.len; i++) {
        digits = digits && s.ptr[i] >= '0' && s.ptr[i] <= '9';
    }
    if (!digits || !str_to_i64(s, &v)) {
        return false;
    }
    *ret = (uint64_t)v;
    return true;
}

enum range_kind range_parse(struct str header, uint64_t size, uint64_t *ret_from, uint64_t *ret_to)
{
    static const struct str unit = {"bytes=", 6};
    struct str s = str_trim(header);
    if (s.len <= unit.len || !str_eq_ci(str_n(s.ptr, unit.len), unit)) {
        return RANGE_WHOLE;
    }
    s = str_trim(str_n(s.ptr + unit.len, s.len - unit.len));
    ptrdiff_t dash = str_find(s, STR("-"), 0);
    if (dash < 0) {
        return RANGE_WHOLE;
    }
    struct str first = str_n(s.ptr, (size_t)dash);
    struct str last = str_n(s.ptr + dash + 1, s.len - (size_t)dash - 1);
    uint64_t from = 0, to = size;
    if (first.len == 0) { /* the last so many bytes */
        uint64_t n;
        if (!number(last, &n)) {
            return RANGE_WHOLE;
        }
        from = size - MIN(n, size);
    } else if (!number(first, &from) || (last.len > 0 && !number(last, &to))) {
        return RANGE_WHOLE;
    } else if (last.len > 0) {
        if (to < from) {
            return RANGE_WHOLE;
        }
        to = MIN(to + 1, size);
    }
    if (from >= size) {
        return RANGE_IMPOSSIBLE;
    }
    *ret_from = from;
    *ret_to = to;
    return RANGE_PART;
}
