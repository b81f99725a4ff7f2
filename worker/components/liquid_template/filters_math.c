/* Owns the filters on numbers; texts that hold numbers count as numbers, all else as 0. Called by
 * expression.c. It refuses results that are no number, such as a division by zero. */
#include <math.h>

#include "components/liquid_template/liquid_priv.h"

static int give(struct liquid *l, double n, struct json *ret)
{
    if (!isfinite(n)) {
        return liquid_fail(l, l->at,
                           "the result is no number (a division by zero, or beyond "
                           "1.8e308).");
    }
    *ret = json_num(n);
    return 0;
}

#define UNARY(name, expression)                                                                    \
    static int name(struct liquid *l, struct json in, const struct json *args, size_t n_args,      \
                    struct json *ret)                                                              \
    {                                                                                              \
        double x = liquid_number(in);                                                              \
        return give(l, expression, ret);                                                           \
    }
#define BINARY(name, expression)                                                                   \
    static int name(struct liquid *l, struct json in, const struct json *args, size_t n_args,      \
                    struct json *ret)                                                              \
    {                                                                                              \
        double x = liquid_number(in), y = liquid_number(args[0]);                                  \
        return give(l, expression, ret);                                                           \
    }

UNARY(f_abs, fabs(x))
UNARY(f_ceil, ceil(x))
UNARY(f_floor, floor(x))
BINARY(f_plus, x + y)
BINARY(f_minus, x - y)
BINARY(f_times, x *y)
BINARY(f_at_least, MAX(x, y))
BINARY(f_at_most, MIN(x, y))
BINARY(f_modulo, fmod(fmod(x, y) + y, y))
/* The second value true asks for a whole number. */
BINARY(f_divided_by, n_args > 1 && liquid_truthy(args[1]) ? floor(x / y) : x / y)

static int f_round(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                   struct json *ret)
{
    double x = liquid_number(in), digits = n_args ? trunc(liquid_number(args[0])) : 0;
    double scale = pow(10, MAX(-300, MIN(300, digits)));
    double scaled = x * scale, below = floor(scaled);
    double whole = scaled - below >= 0.5 ? below + 1 : below; /* halves go up */
    return give(l, fabs(scaled) < 9e15 ? whole / scale : x, ret);
}

const struct liquid_filter liquid_math_filters[] = {
    {"abs", 0, 0, f_abs},     {"at_least", 1, 1, f_at_least},     {"at_most", 1, 1, f_at_most},
    {"ceil", 0, 0, f_ceil},   {"divided_by", 1, 2, f_divided_by}, {"floor", 0, 0, f_floor},
    {"minus", 1, 1, f_minus}, {"modulo", 1, 1, f_modulo},         {"plus", 1, 1, f_plus},
    {"round", 0, 1, f_round}, {"times", 1, 1, f_times},           {0},
};
