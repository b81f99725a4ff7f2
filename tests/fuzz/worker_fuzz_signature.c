/* The header that carries a signature: only the right bytes, in hex or base64, are accepted. The
 * first byte chooses the prefix that the trigger is set to. */
#include "action_harness.h"
#include "enc.h"
#include "secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json payload;

struct json action_trigger_payload(struct action_context *ctx)
{
    return payload;
}

static bool is_right(struct str text)
{
    uint8_t mac[32], bytes[64];
    size_t len = 0;
    secret_hmac_sha256(STR("k"), STR("body"), mac);
    text = str_trim(text);
    bool read = enc_hex_decode(text, bytes, sizeof(bytes), &len) && len == sizeof(mac);
    read = read || (enc_base64_decode(text, bytes, sizeof(bytes), &len) && len == sizeof(mac));
    return read && memcmp(bytes, mac, sizeof(mac)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > KIB(4)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(16));
    struct str header = str_n((const char *)data + 1, size - 1);
    struct str prefix = data[0] & 1 ? STR("v=") : STR("");
    const struct json_member headers = {STR("X-Sig"), json_str(header)};
    const struct json_member body = {STR("data"), json_cstr("body")};
    const struct json_member members[] = {{STR("headers"), json_object(&headers, 1)},
                                          {STR("rawBody"), json_object(&body, 1)}};
    payload = json_object(members, 2);
    const struct json_member inputs[] = {{STR("hmacHeaderName"), json_cstr("x-sig")},
                                         {STR("signaturePrefix"), json_str(prefix)},
                                         {STR("secretKey"), json_cstr("k")},
                                         {STR("hashFunction"), json_cstr("sha256")},
                                         {{0}, {0}}};
    struct json result;
    if (harness_run(&component_hash, "hmacWebhookTrigger", a, inputs, &result) == 0) {
        header = str_trim(header);
        ASSERT(str_starts(header, prefix));
        ASSERT(is_right(str_n(header.ptr + prefix.len, header.len - prefix.len)));
    }
    return 0;
}
