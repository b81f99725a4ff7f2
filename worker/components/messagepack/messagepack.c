/* Owns the actions that read and write MessagePack. Pure, on the slot's thread. Files ({data,
 * contentType}) stand for their data. It refuses bytes that are not exactly one value. */
#include "msgpack.h"

#include "components/registry.h"

#define MESSAGE_MAX_BYTES MIB(64)
/* Bytes of memory that one byte can become: an item of an array, or half a member of a map. */
#define MESSAGE_GROWTH 16

static const struct action_input decode_inputs[] = {
    {
        .key = "message",
        .label = "Message",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The MessagePack bytes or file to read.",
    },
    {0},
};
static const struct action_input encode_inputs[] = {
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The value to write, usually a reference.",
    },
    {0},
};

static int decode(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str bytes;
    struct json value;
    size_t used;
    int rc = action_input_text(ctx, "message", &bytes, err);
    if (rc < 0) {
        return rc;
    }
    if (bytes.len > MESSAGE_MAX_BYTES) {
        return action_input_error(ctx, "message", err, "is larger than 64 MB.");
    }
    rc = action_room(ctx, bytes.len * MESSAGE_GROWTH + KIB(64), err);
    if (rc < 0) {
        return rc;
    }
    struct err why;
    err_clear(&why);
    if (msgpack_read(action_arena(ctx), bytes, &value, &used, &why) < 0) {
        return action_input_error(ctx, "message", err, "is not MessagePack: %s", why.message);
    }
    if (used != bytes.len) {
        return action_input_error(ctx, "message", err,
                                  "has %zu bytes after the end of its value, which ends at byte "
                                  "%zu. Give the bytes of one message only.",
                                  bytes.len - used, used);
    }
    ret->data = value;
    return 0;
}

static int encode(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, "data", &v, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MESSAGE_MAX_BYTES);
    msgpack_write(&b, v);
    if (b.full) {
        return action_input_error(ctx, "data", err,
                                  "would be larger than 64 MB, or is nested too deep.");
    }
    rc = action_room(ctx, b.len + KIB(1), err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder file;
    json_build_object(&file, action_arena(ctx));
    json_append(&file, STR("data"),
                json_binary(str_n(arena_dup(action_arena(ctx), b.data, b.len), b.len)));
    json_append(&file, STR("contentType"), json_cstr("application/msgpack"));
    ret->data = json_built(&file);
    ret->content_type = "application/msgpack";
    return 0;
}

static const struct action actions[] = {
    {
        .key = "decodeMessage",
        .label = "Decode",
        .description = "Reads a MessagePack message into a value.",
        .inputs = decode_inputs,
        .example = "{\"id\": 17}",
        .perform = decode,
    },
    {
        .key = "encodeMessage",
        .label = "Encode",
        .description = "Writes a value as a MessagePack file.",
        .inputs = encode_inputs,
        .example = "{\"data\": \"gaJpZBE=\", \"contentType\": \"application/msgpack\"}",
        .perform = encode,
    },
    {0},
};

const struct component component_messagepack = {
    .key = "messagepack",
    .label = "MessagePack",
    .description = "Reads and writes MessagePack.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
