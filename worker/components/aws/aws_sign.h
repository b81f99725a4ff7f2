/* AWS Signature Version 4, in headers and in query strings. Pure: no I/O, no clock; any thread. */
#pragma once

#include "components/http/http_exchange.h"

#define AWS_MAX_QUERY 24 /* parameters of a request, without those of a presigned one */

struct aws_credentials {
    struct str key_id, secret;
    struct str token; /* of temporary credentials; "" = none */
};
struct aws_pair {
    struct str name, value; /* not encoded */
};
struct aws_signing {
    struct str method;
    struct str host; /* as in the Host header: with its port unless that is the scheme's */
    struct str path; /* as on the wire: percent-encoded, "/" between segments */
    struct str region, service;
    const struct aws_pair *query;
    size_t n_query;
    struct str body;
    int64_t now_ns; /* since the epoch */
};

/* Appends with everything but unreserved characters and "/" percent-encoded. */
void aws_encode_path(struct buf *b, struct str path);
/* "a=b&c=d", encoded and in canonical order, which is also how it is sent. */
struct str aws_query_string(struct arena *a, const struct aws_pair *query, size_t n);
/* Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and Authorization; host and all
 * headers of the list are signed. */
void aws_sign(struct arena *a, const struct aws_credentials *c, const struct aws_signing *s,
              struct http_header_list *headers);
/* The query string of a presigned URL: parameters, X-Amz-* and the signature. Only host is signed,
 * the body is not. */
struct str aws_presign(struct arena *a, const struct aws_credentials *c,
                       const struct aws_signing *s, int64_t expires_s);
