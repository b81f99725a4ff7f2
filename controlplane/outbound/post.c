/* Owns how a message of the platform is posted: alert webhooks, event webhooks. Called on the
 * senders' threads; nothing is locked in PostgreSQL meanwhile. What the other side answers is kept
 * out of errors but for its status; so are headers, which hold credentials. */
#include "outbound/post.h"

#include "clock.h"

#define SEND_MS       20000 /* below the claim */
#define RESPONSE_MAX  KIB(64)
#define FIRST_RETRY_S 2
#define LAST_RETRY_S  3600
_Static_assert(SEND_MS < POST_CLAIM_S * 1000, "an attempt ends before somebody else makes it");

struct http_client *post_client(const struct address_policy *policy)
{
    return http_client_new(
        &(struct http_client_options){.policy = policy, .max_response_bytes = RESPONSE_MAX});
}

int64_t post_deadline_ns(void)
{
    return clock_mono_ns() + SEND_MS * NS_PER_MS;
}

static void fill_headers(struct arena *a, const struct post *post, struct http_request *to)
{
    struct json ignored;
    struct err syntax;
    uint32_t given = post->headers.type == JSON_OBJECT ? post->headers.len : 0;
    struct http_header *list = arena_array(a, given + post->n_more + 1, sizeof(*list));
    size_t n = 0;
    bool typed = false;
    for (uint32_t i = 0; i < given; i++) {
        list[n++] = (struct http_header){.name = post->headers.members[i].key,
                                         .value = json_as_str(post->headers.members[i].value),
                                         .secret = true};
        typed = typed || str_eq_ci(post->headers.members[i].key, STR("content-type"));
    }
    for (size_t i = 0; i < post->n_more; i++) {
        list[n++] = post->more[i];
    }
    if (!typed) {
        bool is_json = json_parse(a, post->body, &ignored, &syntax) == 0;
        list[n++] = (struct http_header){.name = STR("Content-Type"),
                                         .value = is_json ? STR("application/json")
                                                          : STR("text/plain; charset=utf-8")};
    }
    to->headers = list;
    to->n_headers = n;
}

int post_send(struct http_client *http, struct arena *a, const struct post *post, struct err *err)
{
    struct http_response response;
    struct http_request request = {.method = STR("POST"),
                                   .url = post->url,
                                   .body = post->body,
                                   .has_body = true,
                                   .deadline_ns = post_deadline_ns()};
    fill_headers(a, post, &request);
    int r = http_client_send(http, a, &request, &response, err);
    if (r == 0 && (response.status < 200 || response.status > 299)) {
        r = err_set(err, -EIO, "post.answer", "The webhook answered %d.", response.status);
        err->retryable = true;
    }
    return r;
}

int64_t post_retry_s(int64_t attempts, const struct err *why)
{
    int64_t wait = FIRST_RETRY_S;
    for (int64_t i = 1; i < attempts && wait < LAST_RETRY_S; i++) {
        wait *= 4;
    }
    return why->retryable && attempts < POST_ATTEMPTS ? MIN(wait, LAST_RETRY_S) : 0;
}
