/* Owns the look into a request for its dedupe id, on the loop that took it and on the recorder's
 * thread, for flows that dedupe only. The value is compared as JSON text, so 1 and "1" differ. */
#include "domain/dedupe_id.h"

#include "request_payload.h"
#include "secret.h"

#define TEXT_MAX MIB(64)

bool dedupe_id(const struct path *path, const struct hook_request *request, uint8_t ret[32])
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), REQUEST_PAYLOAD_ROOM);
    struct json value = request_payload_get(a, request, path);
    if (json_is_nullish(value) || (value.type == JSON_STRING && value.len == 0)) {
        return false;
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, TEXT_MAX);
    json_dump(&text, value);
    if (text.full) {
        return false;
    }
    secret_sha256(buf_str(&text), ret);
    return true;
}
