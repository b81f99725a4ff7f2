/* Owns the call of one flow by another of the same instance. Called on the slot's thread, blocks
 * inside the HTTP client. It refuses flows that the
 * instance does not have. */
#include "components/cross_flow/flow_call.h"

#include "components/http/http_exchange.h"
#include "components/http/http_request_build.h"

/* The frame that tells the called execution who called it. */
static struct str caller_frame(struct action_context *ctx, const char *action_key)
{
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("componentActionKey"), json_cstr(action_key));
    json_append(&b, STR("executionId"), json_cstr(action_execution_id(ctx)));
    json_append(&b, STR("executionStartedAt"),
                json_get(action_trigger_payload(ctx), STR("startedAt")));
    json_append(&b, STR("stepName"), json_cstr(action_step_name(ctx)));
    json_append(&b, STR("loopPath"), json_cstr(action_loop_path(ctx)));
    AUTO(buf_done) struct buf text = {0}, ascii = {0};
    buf_init(&text, KIB(16));
    buf_init(&ascii, KIB(96));
    json_dump(&text, json_built(&b));
    /* A header carries ASCII only. */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        buf_addc(&ascii, c < 0x80 ? (char)c : '?');
    }
    return str_n(arena_strndup(action_arena(ctx), ascii.len ? ascii.data : "", ascii.len),
                 ascii.len);
}

static int find_url(struct action_context *ctx, struct str flow_name, const char *own_url,
                    const char *input, struct str *ret, struct err *err)
{
    struct json url = action_flow_url(ctx, flow_name);
    if (url.type != JSON_STRING && own_url) {
        url = json_get(action_trigger_payload(ctx), str_of(own_url));
    }
    if (url.type == JSON_STRING && url.len) {
        *ret = json_as_str(url);
        return 0;
    }
    if (input) {
        return action_input_error(ctx, input, err,
                                  "this instance has no flow named \"%.*s\". Use the name of a "
                                  "flow of the same integration, with its capitals and blanks.",
                                  (int)MIN(flow_name.len, 100), flow_name.ptr);
    }
    return err_set(err, -ENOENT, "flow.no_url", "The URL of this flow is not known.");
}

int flow_call(struct action_context *ctx, struct str flow_name, const char *own_url,
              const char *input, const char *action_key, struct json data, struct json *ret,
              struct err *err)
{
    struct http_request req = {.method = STR("POST"), .has_body = true};
    struct http_response r;
    struct http_header_list *headers = arena_new_of(action_arena(ctx), struct http_header_list);
    int rc = find_url(ctx, flow_name, own_url, input, &req.url, err);
    if (rc == 0) {
        rc = http_build_body_of(ctx, "data", data, headers, &req.body, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json keys =
        json_get(json_get(action_trigger_payload(ctx), STR("webhookApiKeys")), flow_name);
    struct str api_key = json_as_str(json_at(keys, 0));
    if (api_key.len) {
        http_headers_add(headers, STR("Api-Key"), api_key);
    }
    http_headers_add(headers, STR("prismatic-invoke-type"), STR("Cross Flow"));
    http_headers_add(headers, STR("prismatic-executionid"), str_of(action_execution_id(ctx)));
    http_headers_add(headers, STR("prismatic-invoked-by"), caller_frame(ctx, action_key));
    rc = http_exchange(ctx, &req, headers, 0, &r, err);
    if (rc < 0) {
        return rc;
    }
    if (r.status < 200 || r.status > 299) {
        return http_status_error(&r, flow_name, err);
    }
    return http_response_value(ctx, &r, HTTP_AS_JSON, ret, err);
}
