/* Owns the action that checks data against a JSON Schema. Pure, on the slot's thread. It refuses
 * schemas that cannot be read, naming their input; data that does not fit is a result. */
#include "clock.h"
#include "components/collection_tools/collection_tools.h"
#include "components/collection_tools/json_schema.h"

#define VALIDATE_MAX_NS (5 * NS_PER_SEC)

/* Text of an object or list stands for its value; other text is itself. */
static int read_data(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json v, parsed;
    int rc = action_input_value(ctx, "jsonInput", &v, err);
    if (rc < 0) {
        return rc;
    }
    struct str text = str_trim(json_as_str(v));
    if (text.len && (text.ptr[0] == '{' || text.ptr[0] == '[')) {
        rc = action_parse_json(ctx, text, &parsed, err);
        if (rc == -ENOMEM) {
            return rc;
        }
        v = rc == 0 ? parsed : v;
    }
    *ret = v;
    return 0;
}

static int read_schema(struct action_context *ctx, struct json_schema **ret, struct err *err)
{
    static const char key[] = "jsonSchema";
    struct json v;
    struct err why;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc == 0 && (v.type == JSON_STRING || v.type == JSON_BINARY)) {
        err_clear(&why);
        rc = action_parse_json(ctx, json_as_str(v), &v, &why);
        if (rc < 0) {
            return action_input_error(ctx, key, err, "is not JSON: %s", why.message);
        }
    }
    if (rc == 0 && json_schema_new(v, ret, &why) < 0) {
        return action_input_error(ctx, key, err, "is not a JSON Schema: %s", why.message);
    }
    return rc;
}

int collection_validate_json_schema(struct action_context *ctx, struct action_result *ret,
                                    struct err *err)
{
    struct json value, errors;
    struct err why;
    AUTO(json_schema_free) struct json_schema *schema = NULL;
    int rc = read_data(ctx, &value, err);
    if (rc == 0) {
        rc = read_schema(ctx, &schema, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, JSON_SCHEMA_ROOM, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct arena *a = action_arena(ctx);
    int64_t until = MIN(action_deadline(ctx), clock_mono_ns() + VALIDATE_MAX_NS);
    if (json_schema_validate(schema, value, a, until, &errors, &why) < 0) {
        return action_input_error(ctx, "jsonSchema", err, "%s", why.message);
    }
    const struct json_member members[] = {
        {STR("valid"), json_bool(errors.len == 0)},
        {STR("errors"), errors},
    };
    ret->data = json_object(arena_dup(a, members, sizeof(members)), ARRAY_LEN(members));
    return 0;
}
