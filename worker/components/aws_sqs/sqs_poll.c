/* Owns the trigger that asks a queue for messages on a schedule. A message comes again until it is
 * deleted, so the ids that were given are kept in the flow's state. Called on the slot's thread,
 * blocks in the HTTP client. It takes so many messages at once, and leaves the others to the next
 * time. */
#include "components/aws_sqs/sqs.h"
#include "components/trigger_payload.h"

#define STATE_KEY STR("aws-sqs.polled")
#define MAX_CALLS 100  /* of 10 messages each */
#define MAX_KEPT  5000 /* ids; messages that were given before those are given again */
#define WAIT_S    1    /* so that all servers of the queue are asked */

const struct action_input sqs_poll_inputs[] = {SQS_URL_INPUT, SQS_SESSION_INPUTS, {0}};

static bool holds(struct json ids, struct str id)
{
    for (uint32_t i = 0; ids.type == JSON_ARRAY && i < ids.len; i++) {
        if (str_eq(json_as_str(ids.items[i]), id)) {
            return true;
        }
    }
    return false;
}

/* Notes the messages of one answer; *ret_more is false when none of them is new in this poll. */
static void take(struct json messages, struct json before, struct json_builder *ids,
                 struct json_builder *found, bool *ret_more)
{
    *ret_more = false;
    for (uint32_t i = 0; messages.type == JSON_ARRAY && i < messages.len; i++) {
        struct json id = json_get(messages.items[i], STR("MessageId"));
        if (id.type != JSON_STRING || holds(json_built(ids), json_as_str(id))) {
            continue;
        }
        *ret_more = true;
        json_push(ids, id);
        if (!holds(before, json_as_str(id))) {
            json_push(found, messages.items[i]);
        }
    }
}

int sqs_poll(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct aws_session s;
    struct json_builder members, ids, found;
    struct json before;
    int rc = sqs_start(ctx, &s, &members, err);
    rc = rc == 0 ? action_state_get(ctx, STATE_INSTANCE, STATE_KEY, &before, err) : rc;
    if (rc < 0) {
        return rc;
    }
    json_append(&members, STR("MaxNumberOfMessages"), json_num(10));
    json_append(&members, STR("WaitTimeSeconds"), json_num(WAIT_S));
    sqs_want_all(&members);
    json_build_array(&ids, action_arena(ctx));
    json_build_array(&found, action_arena(ctx));
    bool more = true;
    for (int call = 0; more && call < MAX_CALLS; call++) {
        struct http_response reply;
        struct json value;
        rc = sqs_call(ctx, &s, "ReceiveMessage", json_built(&members), &reply, &value, err);
        if (rc < 0) {
            return rc;
        }
        take(json_get(value, STR("Messages")), before, &ids, &found, &more);
    }
    for (uint32_t i = 0; before.type == JSON_ARRAY && i < before.len && ids.len < MAX_KEPT; i++) {
        if (!holds(json_built(&ids), json_as_str(before.items[i]))) {
            json_push(&ids, before.items[i]);
        }
    }
    trigger_payload_polled(ctx, json_built(&found), found.len > 0, ret);
    return action_state_set(ctx, STATE_INSTANCE, STATE_KEY, json_built(&ids), err);
}
