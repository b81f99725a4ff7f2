/* Owns how such a POST is made. No state. What the other side answers is kept out of the words but
 * for its status; so are headers, which hold credentials. */
#include "alerts/outbound.h"

#include "json.h"
#include "org_key.h"

static int open_headers(const struct outbound *o, struct arena *a, struct json *ret,
                        struct err *err)
{
    struct secret_key key;
    struct str plain;
    *ret = (struct json){0};
    if (!o->sealed_headers.ptr) {
        return 0;
    }
    int r = org_key_get(o->db, o->master_key, &o->organization, &key, err);
    if (r != 0) {
        err->retryable = true;
        return r;
    }
    r = secret_open(a, &key, o->sealed_headers, org_key_aad(a, o->column, &o->row), &plain, err);
    secret_key_done(&key);
    return r ? r : json_parse(a, plain, ret, err);
}

static void fill_headers(struct arena *a, struct json headers, bool is_json,
                         struct http_request *to)
{
    uint32_t given = headers.type == JSON_OBJECT ? headers.len : 0;
    struct http_header *list = arena_array(a, given + 1, sizeof(*list));
    size_t n = 0;
    bool typed = false;
    for (uint32_t i = 0; i < given; i++) {
        list[n++] = (struct http_header){.name = headers.members[i].key,
                                         .value = json_as_str(headers.members[i].value),
                                         .secret = true};
        typed = typed || str_eq_ci(headers.members[i].key, STR("content-type"));
    }
    if (!typed) {
        list[n++] = (struct http_header){.name = STR("Content-Type"),
                                         .value = is_json ? STR("application/json")
                                                          : STR("text/plain; charset=utf-8")};
    }
    to->headers = list;
    to->n_headers = n;
}

int outbound_post(const struct outbound *o, struct arena *a, struct err *err)
{
    struct json headers;
    struct http_response response;
    int r = open_headers(o, a, &headers, err);
    if (r != 0) {
        return r;
    }
    struct http_request request = {.method = STR("POST"),
                                   .url = o->url,
                                   .body = o->body,
                                   .has_body = true,
                                   .deadline_ns = o->deadline_ns};
    fill_headers(a, headers, o->is_json, &request);
    r = http_client_send(o->http, a, &request, &response, err);
    if (r == 0 && (response.status < 200 || response.status > 299)) {
        r = err_set(err, -EIO, "outbound.answer", "The webhook answered %d.", response.status);
        err->retryable = true;
    }
    return r;
}
