/* Owns arithmetic on numbers and lists of numbers; texts that hold numbers are taken as numbers.
 * Pure, on the slot's thread. It refuses what is not a number and results that are none, such as a
 * division by zero, since JSON could not carry them on. */
#include "components/registry.h"

#include <math.h>

#include "expr/value.h"

#define NUMBERS_INPUT                                                                              \
    {                                                                                              \
        .key = "numbers", .label = "Numbers", .type = CATALOG_NUMBER,                              \
        .collection = CATALOG_VALUE_LIST, .required = true,                                        \
        .comments = "The numbers, or a reference to a list of numbers."                            \
    }
static const struct action_input number_inputs[] = {
    {
        .key = "number",
        .label = "Number",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The number to work on.",
    },
    {0},
};
static const struct action_input numbers_inputs[] = {NUMBERS_INPUT, {0}};
static const struct action_input modulo_inputs[] = {
    {
        .key = "dividend",
        .label = "Dividend",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The number to divide.",
    },
    {
        .key = "divisor",
        .label = "Divisor",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The number to divide by; not 0.",
    },
    {0},
};
static const struct action_input pow_inputs[] = {
    {
        .key = "base",
        .label = "Base",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The number to raise.",
    },
    {
        .key = "exponent",
        .label = "Exponent",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The power to raise it to.",
    },
    {0},
};
static const struct action_input log_inputs[] = {
    {
        .key = "number",
        .label = "Number",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "A number above 0.",
    },
    {
        .key = "base",
        .label = "Base",
        .type = CATALOG_NUMBER,
        .fallback = "10",
        .comments = "Base of the logarithm.",
    },
    {0},
};

static int finish(struct action_context *ctx, const char *key, double n, struct action_result *ret,
                  struct err *err)
{
    if (!isfinite(n)) {
        return action_input_error(ctx, key, err,
                                  "the result is not a number that can be passed on (a division "
                                  "by zero, or beyond 1.8e308).");
    }
    ret->data = json_num(n);
    return 0;
}

/* Adding 0.5 would itself be rounded, just below 0.5 and from 2^52 on. */
static double round_half_up(double n)
{
    double below = floor(n);
    return n - below >= 0.5 ? below + 1 : below;
}

static const struct {
    const char *key;
    double (*fn)(double);
} functions[] = {
    {"abs", fabs},
    {"acos", acos},
    {"asin", asin},
    {"atan", atan},
    {"cbrt", cbrt},
    {"ceil", ceil},
    {"cos", cos},
    {"exp", exp},
    {"floor", floor},
    {"naturalLog", log},
    {"round", round_half_up},
    {"sin", sin},
    {"sqrt", sqrt},
    {"tan", tan},
    {"trunc", trunc},
};

static int apply_function(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double n;
    int rc = action_input_number(ctx, "number", &n, err);
    if (rc < 0) {
        return rc;
    }
    const char *key = action_descriptor(ctx)->key;
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (strcmp(functions[i].key, key) == 0) {
            return finish(ctx, "number", functions[i].fn(n), ret, err);
        }
    }
    return err_set(err, -ENOSYS, "math.function", "There is no function %s.", key);
}

static int add_number(struct action_context *ctx, struct json v, uint32_t position, double *ret,
                      struct err *err)
{
    bool text = v.type == JSON_STRING && str_trim(json_as_str(v)).len > 0;
    double n = v.type == JSON_NUMBER || text ? value_to_number(v) : NAN;
    if (!isfinite(n)) {
        struct str shown = value_to_text(action_arena(ctx), v);
        return action_input_error(ctx, "numbers", err, "item %u, \"%.*s\", is not a number.",
                                  position + 1, (int)MIN(shown.len, 60), shown.ptr);
    }
    *ret = n;
    return 0;
}

/* The numbers of a list; a list among the items is taken apart. */
static int read_numbers(struct action_context *ctx, struct json list, double **ret, size_t *ret_n,
                        struct err *err)
{
    size_t n = 0, at = 0;
    for (uint32_t i = 0; i < list.len; i++) {
        n += list.items[i].type == JSON_ARRAY ? list.items[i].len : 1;
    }
    int rc = action_room(ctx, n * sizeof(double), err);
    if (rc < 0) {
        return rc;
    }
    double *numbers = arena_array(action_arena(ctx), MAX(n, 1u), sizeof(double));
    for (uint32_t i = 0; i < list.len; i++) {
        struct json v = list.items[i];
        bool nested = v.type == JSON_ARRAY;
        for (uint32_t k = 0; k < (nested ? v.len : 1); k++) {
            rc = add_number(ctx, nested ? v.items[k] : v, i, &numbers[at], err);
            if (rc < 0) {
                return rc;
            }
            at++;
        }
    }
    *ret = numbers;
    *ret_n = n;
    return 0;
}

static double total(const double *list, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += list[i];
    }
    return sum;
}

static double difference(const double *list, size_t n)
{
    return list[0] - total(list + 1, n - 1);
}

static double product(const double *list, size_t n)
{
    double value = 1;
    for (size_t i = 0; i < n; i++) {
        value *= list[i];
    }
    return value;
}

static double quotient(const double *list, size_t n)
{
    double value = list[0];
    for (size_t i = 1; i < n; i++) {
        value /= list[i];
    }
    return value;
}

static double smallest(const double *list, size_t n)
{
    double value = list[0];
    for (size_t i = 1; i < n; i++) {
        value = MIN(value, list[i]);
    }
    return value;
}

static double largest(const double *list, size_t n)
{
    double value = list[0];
    for (size_t i = 1; i < n; i++) {
        value = MAX(value, list[i]);
    }
    return value;
}

static double average(const double *list, size_t n)
{
    return total(list, n) / (double)n;
}

static double root_of_squares(const double *list, size_t n)
{
    double value = 0;
    for (size_t i = 0; i < n; i++) {
        value = hypot(value, list[i]);
    }
    return value;
}

static const struct {
    const char *key;
    double (*fn)(const double *list, size_t n);
    bool empty_ok;
} folds[] = {
    {"add", total, true},        {"average", average, false},
    {"divide", quotient, false}, {"hypot", root_of_squares, true},
    {"max", largest, false},     {"min", smallest, false},
    {"multiply", product, true}, {"subtract", difference, false},
};

static int fold(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, "numbers", &list, err);
    if (rc < 0) {
        return rc;
    }
    size_t n;
    double *numbers;
    rc = read_numbers(ctx, list, &numbers, &n, err);
    if (rc < 0) {
        return rc;
    }
    const char *key = action_descriptor(ctx)->key;
    for (size_t i = 0; i < ARRAY_LEN(folds); i++) {
        if (strcmp(folds[i].key, key) == 0) {
            if (n == 0 && !folds[i].empty_ok) {
                return action_input_error(ctx, "numbers", err, "needs at least one number.");
            }
            return finish(ctx, "numbers", folds[i].fn(numbers, n), ret, err);
        }
    }
    return err_set(err, -ENOSYS, "math.function", "There is no function %s.", key);
}

static int two_numbers(struct action_context *ctx, const char *first_key, double *ret_first,
                       const char *second_key, double *ret_second, struct err *err)
{
    int rc = action_input_number(ctx, first_key, ret_first, err);
    return rc < 0 ? rc : action_input_number(ctx, second_key, ret_second, err);
}

static int modulo(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double dividend, divisor;
    int rc = two_numbers(ctx, "dividend", &dividend, "divisor", &divisor, err);
    return rc < 0 ? rc : finish(ctx, "divisor", fmod(dividend, divisor), ret, err);
}

static int power(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double base, exponent;
    int rc = two_numbers(ctx, "base", &base, "exponent", &exponent, err);
    return rc < 0 ? rc : finish(ctx, "exponent", pow(base, exponent), ret, err);
}

static int logarithm(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    double number, base;
    int rc = two_numbers(ctx, "number", &number, "base", &base, err);
    if (rc < 0) {
        return rc;
    }
    double n = base == 10 ? log10(number) : base == 2 ? log2(number) : log(number) / log(base);
    return finish(ctx, "number", n, ret, err);
}

#define FUNCTION(k, l, about, sample)                                                              \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = number_inputs, .example = sample,    \
        .perform = apply_function                                                                  \
    }
#define FOLD(k, l, about, sample)                                                                  \
    {                                                                                              \
        .key = k, .label = l, .description = about, .inputs = numbers_inputs, .example = sample,   \
        .perform = fold                                                                            \
    }
static const struct action actions[] = {
    FUNCTION("abs", "Absolute Value", "Returns the number without its sign.", "7"),
    FUNCTION("acos", "Arccosine", "Returns the angle, in radians, of a cosine.",
             "1.0471975511965979"),
    FOLD("add", "Add Numbers", "Returns the sum of the numbers.", "51"),
    FUNCTION("asin", "Arcsine", "Returns the angle, in radians, of a sine.", "0.5235987755982989"),
    FUNCTION("atan", "Arctangent", "Returns the angle, in radians, of a tangent.",
             "0.7853981633974483"),
    FOLD("average", "Average", "Returns the arithmetic mean of the numbers.", "2.5"),
    FUNCTION("cbrt", "Cube Root", "Returns the cube root.", "3"),
    FUNCTION("ceil", "Ceiling", "Returns the next whole number that is not smaller.", "4"),
    FUNCTION("cos", "Cosine", "Returns the cosine of an angle in radians.", "1"),
    FOLD("divide", "Divide Numbers", "Divides the first number by each of the others.", "2"),
    FUNCTION("exp", "e^x", "Returns e raised to the number.", "2.718281828459045"),
    FUNCTION("floor", "Floor", "Returns the next whole number that is not larger.", "3"),
    FOLD("hypot", "Hypotenuse", "Returns the square root of the sum of the squares.", "5"),
    {
        .key = "log",
        .label = "Logarithm",
        .description = "Returns the logarithm of the number to a base.",
        .inputs = log_inputs,
        .example = "3",
        .perform = logarithm,
    },
    FOLD("max", "Maximum", "Returns the largest of the numbers.", "9"),
    FOLD("min", "Minimum", "Returns the smallest of the numbers.", "1"),
    {
        .key = "modulo",
        .label = "Modulo",
        .description = "Returns what is left over when the dividend is divided.",
        .inputs = modulo_inputs,
        .example = "1",
        .perform = modulo,
    },
    FOLD("multiply", "Multiply Numbers", "Returns the product of the numbers.", "24"),
    FUNCTION("naturalLog", "Natural Log", "Returns the logarithm to the base e.", "1"),
    {
        .key = "pow",
        .label = "Power",
        .description = "Raises the base to the exponent.",
        .inputs = pow_inputs,
        .example = "8",
        .perform = power,
    },
    FUNCTION("round", "Round", "Returns the nearest whole number; halves go up.", "4"),
    FUNCTION("sin", "Sine", "Returns the sine of an angle in radians.", "0"),
    FUNCTION("sqrt", "Square Root", "Returns the square root.", "3"),
    FOLD("subtract", "Subtract Numbers", "Takes the other numbers from the first.", "1"),
    FUNCTION("tan", "Tangent", "Returns the tangent of an angle in radians.", "0"),
    FUNCTION("trunc", "Truncate Number", "Returns the number without its decimals.", "3"),
    {0},
};

const struct component component_math = {
    .key = "math",
    .label = "Math",
    .description = "Common operations on numbers and lists of numbers.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
