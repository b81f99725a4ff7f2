/* Owns the triggers of declarative components: signatures of calls, how old they are, and the
 * answers to challenges. On a slot's thread. What is not signed as it should be is answered 401 and
 * fails. */
#include "declarative/declarative_action.h"

#include "clock.h"
#include "components/hash/digest.h"
#include "declarative/declarative_request.h"
#include "enc.h"
#include "secret.h"

#define CHALLENGE_MAX KIB(4)

static int rejected(const char *header, struct err *err, const char *what)
{
    return err_set(err, -EACCES, "trigger.signature", "The header %s %s", header, what);
}

static struct str header_of(struct json payload, const char *name)
{
    return str_trim(json_as_str(json_get_ci(json_get(payload, STR("headers")), str_of(name))));
}

static int check_time(const struct decl_trigger *t, struct str stamp, struct err *err)
{
    int64_t then = 0, now = clock_now_ns() / NS_PER_SEC;
    if (!str_to_i64(stamp, &then) || then < 0) {
        return rejected(t->timestamp_header, err, "is missing, or is no time in seconds.");
    }
    if (then < now - t->tolerance_s || then > now + t->tolerance_s) {
        return rejected(t->timestamp_header, err, "is too far from the present time.");
    }
    return 0;
}

/* What is signed: the body, after the time and a dot when there is one. */
static int signed_text(struct declarative_call *call, const struct decl_trigger *t,
                       struct json payload, struct str *ret, struct err *err)
{
    struct json raw = json_get(payload, STR("rawBody"));
    struct str body = json_as_str(json_get(raw, STR("data")));
    *ret = body;
    if (!t->timestamp_header[0]) {
        return 0;
    }
    struct str stamp = header_of(payload, t->timestamp_header);
    int rc = check_time(t, stamp, err);
    rc = rc ? rc : action_room(call->ctx, body.len + stamp.len + 2, err);
    if (rc == 0) {
        char *text = arena_alloc(action_arena(call->ctx), stamp.len + 1 + body.len + 1);
        memcpy(text, stamp.ptr, stamp.len);
        text[stamp.len] = '.';
        if (body.len) {
            memcpy(text + stamp.len + 1, body.ptr, body.len);
        }
        *ret = str_n(text, stamp.len + 1 + body.len);
    }
    return rc;
}

static int check_signature(struct declarative_call *call, const struct decl_trigger *t,
                           struct json payload, struct err *err)
{
    struct digest_value expected, given = {0};
    struct str text, secret, header = header_of(payload, t->header);
    bool empty;
    int rc = declarative_text(call, &t->secret, &secret, &empty, err);
    if (rc == 0 && secret.len == 0) {
        return err_set(err, -EINVAL, "trigger.secret",
                       "The trigger has no secret to check signatures with.");
    }
    rc = rc ? rc : signed_text(call, t, payload, &text, err);
    rc = rc ? rc : digest_hmac(call->ctx, "", str_of(t->algorithm), secret, text, &expected, err);
    if (rc < 0) {
        return rc;
    }
    if (header.len == 0 || !str_starts(header, str_of(t->prefix))) {
        return rejected(t->header, err, "holds no signature.");
    }
    header = str_n(header.ptr + strlen(t->prefix), header.len - strlen(t->prefix));
    bool read = t->base64 ? enc_base64_decode(header, given.bytes, sizeof(given.bytes), &given.len)
                          : enc_hex_decode(header, given.bytes, sizeof(given.bytes), &given.len);
    if (!read || given.len != expected.len ||
        !secret_equal(str_n((const char *)given.bytes, given.len),
                      str_n((const char *)expected.bytes, expected.len))) {
        return rejected(t->header, err, "holds a signature that does not match the call.");
    }
    return 0;
}

/* The answer is the challenge as text; the flow does not go on. */
static bool answer(struct action_context *ctx, struct json challenge, struct action_result *ret)
{
    if (challenge.type != JSON_STRING || challenge.len == 0 || challenge.len > CHALLENGE_MAX) {
        return false;
    }
    ret->status_code = 200;
    ret->content_type = "text/plain";
    ret->reply_body = challenge;
    ret->stop_execution = true;
    return true;
}

int declarative_trigger(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct declarative_call call;
    struct json payload = action_trigger_payload(ctx);
    const struct declarative_owner *owner = action_descriptor(ctx)->owner;
    const struct decl_trigger *t = owner->trigger;
    if (t->challenge_parameter[0] &&
        answer(ctx,
               json_get(json_get(payload, STR("queryParameters")), str_of(t->challenge_parameter)),
               ret)) {
        return 0;
    }
    int rc = declarative_call_init(&call, ctx, err);
    if (rc == 0 && t->header[0]) {
        rc = check_signature(&call, t, payload, err);
        ret->status_code = rc == -EACCES ? 401 : 0;
    }
    if (rc == 0 && t->challenge) {
        struct json_builder whole;
        json_build_object(&whole, action_arena(ctx));
        json_append(&whole, STR("headers"), json_get(payload, STR("headers")));
        json_append(&whole, STR("body"), json_get(json_get(payload, STR("body")), STR("data")));
        (void)answer(ctx, path_resolve(t->challenge, json_built(&whole)), ret);
    }
    return rc;
}
