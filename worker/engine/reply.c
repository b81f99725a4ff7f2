/* The answer to a caller whose connection waits. Of a synchronous run it is made of the step that
 * ended last and sent as soon as the flow has ended, before its result is stored; of another one of
 * the trigger's result, sent before the next step. Sent once a run, on the slot's thread. */
#include "engine/run_priv.h"

#include "expr/value.h"

struct answer {
    int status;
    const char *content_type;
    struct json headers;
    struct str body;
    struct uuid value_id; /* instead of the body */
};

static void send(struct run *run, const struct answer *answer)
{
    struct arena *a = run->keep;
    const struct run_request *q = run->request;
    bool sent_on = !uuid_is_nil(&q->reply_id); /* the sender knows the execution before this one */
    struct sync_reply reply = {.execution_id = sent_on ? q->reply_id : q->execution_id,
                               .status_code = (uint32_t)answer->status,
                               .content_type = str_of(answer->content_type),
                               .body = answer->body,
                               .value_id = answer->value_id};
    if (answer->headers.type == JSON_OBJECT && answer->headers.len) {
        reply.headers.items = arena_array(a, answer->headers.len, sizeof(*reply.headers.items));
        for (uint32_t i = 0; i < answer->headers.len; i++) {
            const struct json_member *m = &answer->headers.members[i];
            reply.headers.items[reply.headers.n++] =
                (struct wire_pair){.name = m->key, .value = value_to_text(a, m->value)};
        }
    }
    struct buf *message = &run->recorder->data;
    buf_clear(message);
    wire_encode(&sync_reply_message, &reply, message);
    struct str subject = run->request->reply_to;
    run->env->reply(run->env->ctx, arena_strndup(a, subject.ptr, subject.len), buf_str(message));
    run->replied = true;
}

/* A body of one JSON object with the execution's id and, if any, an error. */
static struct str id_body(struct run *run, const char *error)
{
    const struct json_member members[] = {{STR("error"), json_cstr(error)},
                                          {STR("executionId"), json_cstr(run->execution_id)}};
    struct buf *text = &run->memory->text;
    buf_clear(text);
    json_dump(text, error ? json_object(members, 2) : json_object(members + 1, 1));
    return str_n(arena_strndup(run->keep, text->data, text->len), text->len);
}

static void send_error(struct run *run, int status, const char *error)
{
    send(run, &(struct answer){.status = status,
                               .content_type = "application/json",
                               .headers = json_undefined(),
                               .body = id_body(run, error)});
}

/* {data, contentType} objects of binary results are sent as their data. */
static bool is_file(struct json v)
{
    enum json_type t = json_get(v, STR("data")).type;
    return v.type == JSON_OBJECT && json_get(v, STR("contentType")).type == JSON_STRING &&
           (t == JSON_BINARY || t == JSON_STRING) && v.len <= 3;
}

static const char *copy_text(struct run *run, struct str s)
{
    return arena_strndup(run->keep, s.ptr, s.len);
}

/* The caller is sent to where the stored answer can be fetched. */
static void send_stored(struct run *run, struct answer *answer)
{
    struct err err = {0};
    if (run_store_answer(run, answer->body, answer->content_type, &answer->value_id, &err) < 0) {
        send_error(run, 500,
                   arena_printf(run->keep,
                                "the answer is %zu bytes, too large for a message, and was "
                                "not stored: %s",
                                answer->body.len, err.message));
        return;
    }
    answer->body = STR("");
    send(run, answer);
}

static void send_data(struct run *run, const struct action_result *result, struct json data)
{
    struct answer answer = {.status = result->status_code ? result->status_code : 200,
                            .content_type = result->content_type,
                            .headers = result->headers};
    if (is_file(data)) {
        if (!answer.content_type) {
            answer.content_type = copy_text(run, json_as_str(json_get(data, STR("contentType"))));
        }
        data = json_get(data, STR("data"));
    }
    if (data.type == JSON_BINARY || data.type == JSON_STRING) {
        answer.body = json_as_str(data);
    } else if (data.type == JSON_UNDEFINED) {
        answer.body = STR("");
    } else {
        struct buf *text = &run->memory->text;
        buf_clear(text);
        json_dump(text, data);
        answer.body = buf_str(text);
    }
    answer.content_type = run_raw_type(data, answer.content_type);
    if (answer.body.len > SYNC_REPLY_MAX) {
        send_stored(run, &answer);
        return;
    }
    send(run, &answer);
}

/* The caller is told the id alone, or what the trigger says. */
static void send_accepted(struct run *run, const struct action_result *result)
{
    if (result->reply_body.type != JSON_UNDEFINED) {
        send_data(run, result, result->reply_body);
        return;
    }
    send(run, &(struct answer){.status = result->status_code ? result->status_code : 200,
                               .content_type =
                                   result->content_type ? result->content_type : "application/json",
                               .headers = result->headers,
                               .body = id_body(run, NULL)});
}

static bool is_awaited(const struct run *run)
{
    return !run->replied && run->request->reply_to.len > 0;
}

void run_reply_trigger(struct run *run, const struct action_result *result)
{
    if (is_awaited(run) && !run->request->synchronous) {
        send_accepted(run, result);
    }
}

void run_reply_refusal(struct run *run, const struct action_result *result, const char *error)
{
    if (is_awaited(run)) {
        send_error(run, result->status_code >= 400 ? result->status_code : 500, error);
    }
}

/* Where the trigger has not spoken, because it did not run or its failure was ignored, a caller who
 * waits for it alone learns that the event is accepted. */
void run_reply_end(struct run *run)
{
    static const struct action_result nothing = {0};
    if (!is_awaited(run)) {
        return;
    }
    if (!run->request->synchronous) {
        send_accepted(run, &nothing);
    } else if (run->err.message[0]) {
        send_error(run, run->misrouted ? 400 : 500, run->err.message);
    } else {
        send_data(run, &run->last, run->last.data);
    }
}
