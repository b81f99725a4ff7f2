/* Owns the coercions of inputs: designers write every literal as text, so "50", "false" and JSON
 * text must become what an action needs. Called by components on the slot's thread. It refuses
 * values that do not fit, with the input's label and key, and required inputs that are unset. */
#include "components/component.h"

#include <math.h>
#include <stdarg.h>

#include "expr/value.h"

static const struct action_input *find_input(struct action_context *ctx, const char *key)
{
    const struct action *action = action_descriptor(ctx);
    for (const struct action_input *in = action ? action->inputs : NULL; in && in->key; in++) {
        if (strcmp(in->key, key) == 0) {
            return in;
        }
    }
    return NULL;
}

int action_input_error(struct action_context *ctx, const char *key, struct err *err,
                       const char *fmt, ...)
{
    char message[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    const struct action_input *in = find_input(ctx, key);
    return err_field(err, -EINVAL, "input.invalid", key, "%s (%s): %s", in ? in->label : "Input",
                     key, message);
}

static int missing(struct action_context *ctx, const char *key, struct err *err)
{
    return action_input_error(ctx, key, err,
                              "has no value. Give one, or check that the step it references has "
                              "run and has that field.");
}

int action_room(struct action_context *ctx, size_t bytes, struct err *err)
{
    if (bytes > arena_room(action_arena(ctx))) {
        return err_set(err, -ENOMEM, "action.memory",
                       "The data is too large for the memory of one execution. Work on smaller "
                       "parts, for example page by page.");
    }
    return 0;
}

/* Bytes of memory that one byte of JSON text can become: "1," is an item of 16 bytes in an array
 * that was doubled while it grew. */
#define JSON_PARSE_GROWTH 24

int action_parse_json(struct action_context *ctx, struct str text, struct json *ret,
                      struct err *err)
{
    int rc = action_room(ctx, text.len * JSON_PARSE_GROWTH, err);
    return rc < 0 ? rc : json_parse(action_arena(ctx), text, ret, err);
}

int action_input_value(struct action_context *ctx, const char *key, struct json *ret,
                       struct err *err)
{
    struct json v = action_input(ctx, key);
    if (v.type == JSON_UNDEFINED) {
        const struct action_input *in = find_input(ctx, key);
        if (in && in->required) {
            return missing(ctx, key, err);
        }
    }
    *ret = v;
    return 0;
}

/* A file or body, {data, contentType}, stands for its data. */
static struct json unwrap(struct json v)
{
    if (v.type == JSON_OBJECT && json_get(v, STR("contentType")).type == JSON_STRING) {
        struct json data = json_get(v, STR("data"));
        return data.type == JSON_UNDEFINED ? v : data;
    }
    return v;
}

/* The start of a value, for messages. */
static const char *shown(struct action_context *ctx, struct json v)
{
    if (v.type == JSON_BINARY) {
        return arena_printf(action_arena(ctx), "%u bytes", v.len);
    }
    struct str s = value_to_text(action_arena(ctx), v);
    bool cut = s.len > 60;
    return arena_printf(action_arena(ctx), "%.*s%s", (int)(cut ? 60 : s.len), s.ptr,
                        cut ? "..." : "");
}

int action_input_text(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    v = unwrap(v);
    if (v.type == JSON_BINARY) {
        *ret = json_as_str(v);
    } else if (json_is_nullish(v)) {
        *ret = STR("");
    } else if (!value_text(action_arena(ctx), v, ret)) {
        return action_input_error(ctx, key, err,
                                  "is too large to be written as text: at most %zu MB, and half of "
                                  "the memory that the execution has left.",
                                  (size_t)(VALUE_TEXT_MAX / MIB(1)));
    }
    return 0;
}

int action_input_number(struct action_context *ctx, const char *key, double *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    v = unwrap(v);
    if (json_is_nullish(v) || (v.type == JSON_STRING && str_trim(json_as_str(v)).len == 0)) {
        const struct action_input *in = find_input(ctx, key);
        if (in && in->required) {
            return missing(ctx, key, err);
        }
        *ret = NAN;
        return 0;
    }
    double n = v.type == JSON_NUMBER || v.type == JSON_STRING ? value_to_number(v) : NAN;
    if (!isfinite(n)) {
        return action_input_error(ctx, key, err, "\"%s\" is not a number.", shown(ctx, v));
    }
    *ret = n;
    return 0;
}

int action_input_int(struct action_context *ctx, const char *key, int64_t min, int64_t max,
                     int64_t *ret, struct err *err)
{
    double n;
    int rc = action_input_number(ctx, key, &n, err);
    if (rc < 0) {
        return rc;
    }
    if (isnan(n) || n != trunc(n) || n < (double)min || n > (double)max) {
        return action_input_error(
            ctx, key, err, "must be a whole number from %lld to %lld, and is \"%s\".",
            (long long)min, (long long)max, shown(ctx, action_input(ctx, key)));
    }
    *ret = (int64_t)n;
    return 0;
}

int action_input_bool(struct action_context *ctx, const char *key, bool *ret, struct err *err)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true}, {"t", true},   {"yes", true}, {"y", true},  {"1", true}, {"false", false},
        {"f", false},   {"no", false}, {"n", false},  {"0", false}, {"", false},
    };
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    if (json_is_nullish(v)) {
        *ret = false;
        return 0;
    }
    struct str text = v.type == JSON_ARRAY || v.type == JSON_OBJECT || v.type == JSON_BINARY
                          ? STR("?")
                          : str_trim(value_to_text(action_arena(ctx), v));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq_ci(text, str_of(words[i].word))) {
            *ret = words[i].value;
            return 0;
        }
    }
    return action_input_error(ctx, key, err, "must be true or false, and is \"%s\".",
                              shown(ctx, v));
}

/* Text that starts like an array or object is parsed; text that only looks so stays text. Fails
 * when it is too large to be parsed. */
static int parse_if(struct action_context *ctx, const char *key, const char *openers,
                    struct json *io_v, struct err *err)
{
    struct str s = str_trim(json_as_str(*io_v));
    struct json parsed;
    if (io_v->type != JSON_STRING || !s.len || !strchr(openers, s.ptr[0])) {
        return 0;
    }
    int rc = action_parse_json(ctx, json_as_str(*io_v), &parsed, NULL);
    if (rc == -ENOMEM) {
        (void)action_input_error(ctx, key, err,
                                 "is a JSON text of %u MB, which is too large to be parsed in one "
                                 "execution. Work on smaller parts.",
                                 io_v->len / (uint32_t)MIB(1));
        return rc;
    }
    *io_v = rc == 0 ? parsed : *io_v;
    return 0;
}

int action_input_list(struct action_context *ctx, const char *key, struct json *ret,
                      struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    v = unwrap(v);
    rc = parse_if(ctx, key, "[", &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type == JSON_UNDEFINED || (v.type == JSON_STRING && v.len == 0)) {
        *ret = json_array(NULL, 0);
    } else if (v.type == JSON_ARRAY) {
        *ret = v;
    } else {
        *ret = json_array(arena_dup(action_arena(ctx), &v, sizeof(v)), 1);
    }
    return 0;
}

int action_input_object(struct action_context *ctx, const char *key, struct json *ret,
                        struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    rc = parse_if(ctx, key, "[{", &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type == JSON_OBJECT) {
        *ret = v;
        return 0;
    }
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    if (!json_is_nullish(v) && v.type != JSON_ARRAY && !(v.type == JSON_STRING && v.len == 0)) {
        return action_input_error(ctx, key, err,
                                  "must be an object or a list of keys and values, and is \"%s\".",
                                  shown(ctx, v));
    }
    for (uint32_t i = 0; v.type == JSON_ARRAY && i < v.len; i++) {
        struct json name = json_get(v.items[i], STR("key"));
        if (json_is_nullish(name)) {
            return action_input_error(ctx, key, err,
                                      "item %u has no key; each item must be {key, value}.", i + 1);
        }
        struct str text = value_to_text(action_arena(ctx), name);
        json_set(&b, text, json_get(v.items[i], STR("value")));
    }
    *ret = json_built(&b);
    return 0;
}
