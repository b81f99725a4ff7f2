/* Comparisons of any two values: the input is two JSON texts with a line break between them, each
 * taken as JSON and as plain text. Opposite operators must answer oppositely, or fail together. */
#include "expr/condition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum condition_op opposites[][2] = {
    {COND_EQUAL, COND_NOT_EQUAL},
    {COND_EXACTLY_MATCHES, COND_DOES_NOT_EXACTLY_MATCH},
    {COND_IN, COND_NOT_IN},
    {COND_STARTS_WITH, COND_DOES_NOT_START_WITH},
    {COND_ENDS_WITH, COND_DOES_NOT_END_WITH},
    {COND_IS_TRUE, COND_IS_FALSE},
    {COND_EXISTS, COND_DOES_NOT_EXIST},
    {COND_IS_EMPTY, COND_IS_NOT_EMPTY},
};

static void compare(struct arena *a, struct json x, struct json y)
{
    for (size_t i = 0; i < ARRAY_LEN(opposites); i++) {
        bool one = false, other = false;
        int r = condition_compare(a, opposites[i][0], x, y, &one, NULL);
        ASSERT(condition_compare(a, opposites[i][1], x, y, &other, NULL) == r);
        ASSERT(r < 0 || one != other);
    }
    bool less = false, greater = false;
    ASSERT(condition_compare(a, COND_LESS_THAN, x, y, &less, NULL) == 0);
    ASSERT(condition_compare(a, COND_GREATER_THAN, y, x, &greater, NULL) == 0);
    ASSERT(less == greater);
    bool after = false, before = false;
    int r = condition_compare(a, COND_DATE_TIME_AFTER, x, y, &after, NULL);
    ASSERT((condition_compare(a, COND_DATE_TIME_BEFORE, y, x, &before, NULL) < 0) == (r < 0));
    ASSERT(after == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > KIB(64)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str text = str_n((const char *)data, size);
    ptrdiff_t at = str_find(text, STR("\n"), 0);
    struct str left = at < 0 ? text : str_n(text.ptr, (size_t)at);
    struct str right = at < 0 ? STR("") : str_n(text.ptr + at + 1, text.len - (size_t)at - 1);
    struct json x, y;
    compare(a, json_str(left), json_str(right));
    if (json_parse(a, left, &x, NULL) == 0 && json_parse(a, right, &y, NULL) == 0) {
        compare(a, x, y);
        compare(a, x, json_str(right));
        compare(a, json_binary(left), y);
    }
    return 0;
}
