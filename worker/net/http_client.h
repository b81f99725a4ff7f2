/* The one door for outbound HTTP. A client belongs to one slot: blocking, not thread-safe; its
 * connections, or those of all clients of a loop, are kept open between requests. Each socket is
 * checked against the address policy with the very address it is opened to, so a name that changes
 * its answer gains nothing; redirects are followed here, one at a time, with the same check. */
#pragma once

#include "err.h"
#include "net/address_policy.h"
#include "spill.h"

#define HTTP_MAX_REDIRECTS    10
#define HTTP_MAX_HEADER_BYTES KIB(256) /* of a response */
#define HTTP_MAX_URL_BYTES    KIB(64)

struct http_loop;

struct http_client_options {
    const struct address_policy *policy; /* borrowed */
    struct http_loop *loop;     /* borrowed; for clients of this policy only; NULL = none */
    size_t max_response_bytes;  /* after decompression; 0 = 64 MB, or 500 MB that spill */
    int64_t connect_timeout_ms; /* 0 = 10,000 */
};
struct http_client;
/* Cheap: what needs memory is made at the first request. */
struct http_client *http_client_new(const struct http_client_options *options);
struct http_client *http_client_free(struct http_client *c);
DEFINE_CLEANUP(struct http_client *, http_client_free)
/* For what connects by other protocols on the same slot. */
const struct address_policy *http_client_policy(const struct http_client *c);

struct http_header {
    struct str name, value;
    bool secret; /* of a request: not for other hosts; those of common names are so anyway */
};
struct http_request {
    struct str method; /* "GET"; any token */
    struct str url;    /* http or https, absolute */
    const struct http_header *headers;
    size_t n_headers;
    struct str body;
    const struct str *parts; /* the body in pieces, sent one after the other; with n_parts */
    size_t n_parts;
    bool has_body;
    bool ignore_ssl_errors;
    bool no_redirects;         /* a redirect is the response */
    int max_redirects;         /* 0 = HTTP_MAX_REDIRECTS, which is also the most */
    int64_t deadline_ns;       /* monotonic; for everything, redirects included */
    size_t max_response_bytes; /* 0 = the client's */
    struct spill_set *spills;  /* for a large body of the response; NULL = it stays in memory */
    /* Around the waiting, maybe on another thread while the caller sleeps; NULL = none. */
    void (*block_begin)(void *ctx);
    void (*block_end)(void *ctx);
    void *block_ctx;
};
struct http_response {
    int status;
    struct str status_text;      /* "" when the protocol has none */
    struct http_header *headers; /* in order; names as received */
    size_t n_headers;
    struct str body;
    struct str url; /* after redirects, without user name and password */
    int redirects;
};

/* Sends and waits. 0 = there is a response, whatever its status; everything it points to is in the
 * arena, but a large body, which is in req->spills. Otherwise <0 and err: "http.url" (-EINVAL, what
 * is wrong with the request itself), "http.refused" (-EACCES, an address the policy refuses),
 * "http.timeout" (-ETIMEDOUT), "http.too_large" (-EMSGSIZE), "http.redirects" (-ELOOP), "http.tls"
 * (-EPROTO), "http.connect", "http.failed" (-EIO), or as spill_end. err.retryable is set where a
 * later try can help. Messages name the host only, never the path, the query or credentials. */
int http_client_send(struct http_client *c, struct arena *a, const struct http_request *req,
                     struct http_response *ret, struct err *err) must_check;
/* First header of that name, any case; "" when absent. */
struct str http_response_header(const struct http_response *r, const char *name);
