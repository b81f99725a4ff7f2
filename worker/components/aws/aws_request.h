/* Requests to AWS services: who asks, where, signed; and what a refusal means for the flow. */
#pragma once

#include "components/aws/aws_sign.h"
#include "components/aws/aws_xml.h"

enum aws_service { AWS_S3, AWS_SQS, AWS_SNS, AWS_STS, _AWS_SERVICE_N };

/* Who asks and where, read from an action's inputs. */
struct aws_session {
    const char *connection; /* key of the input that credentials came from */
    struct aws_credentials credentials;
    struct str region;   /* never "" */
    bool region_given;   /* by input or connection */
    struct str endpoint; /* "http://host:port" of a compatible service; "" = Amazon's */
};
/* Reads the connection, dynamic credentials, region and endpoint; assumes the connection's role,
 * if it names one. */
int aws_session_read(struct action_context *ctx, const char *connection, struct aws_session *ret,
                     struct err *err) must_check;

struct aws_request {
    enum aws_service service;
    struct str method;
    struct str bucket; /* S3; "" = none */
    struct str key;    /* S3: of the object, not encoded; "" = none */
    bool path_style;   /* S3: the bucket is in the path even where it could be in the host */
    struct aws_pair query[AWS_MAX_QUERY];
    size_t n_query;
    struct http_header_list headers;
    struct str body;
    bool has_body;
    size_t max_response_bytes; /* 0 = the client's */
};
void aws_request_init(struct aws_request *r, enum aws_service service, const char *method);
void aws_query(struct aws_request *r, const char *name, struct str value);
/* Leaves empty values out. */
void aws_query_if(struct aws_request *r, const char *name, struct str value);

/* The URL without its query, and what signing needs to know of it. */
struct aws_target {
    struct str base, host, path;
};
/* -EINVAL with words about a bucket, key or parameter that cannot be part of a URL. */
int aws_target_of(struct action_context *ctx, const struct aws_session *s,
                  const struct aws_request *r, struct aws_target *ret, struct err *err) must_check;

/* What a service said against a request. */
struct aws_refusal {
    int status;
    struct str code, message; /* "" = it did not say */
    struct str region;        /* where the bucket is, if it said so */
    struct str bucket;        /* which one it is about, if it said so */
};
/* Signs and sends once, without redirects. 0 = the answer is 200-299; 1 = *ret_refusal says what
 * the service had against it; <0 = there is no answer, err. */
int aws_exchange(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
                 struct http_response *ret, struct aws_refusal *ret_refusal,
                 struct err *err) must_check;
/* The same with refusals as errors ("aws.refused", -EBADE) that name the input at fault. */
int aws_send(struct action_context *ctx, const struct aws_session *s, struct aws_request *r,
             struct http_response *ret, struct err *err) must_check;
int aws_refused(struct action_context *ctx, const struct aws_session *s,
                const struct aws_request *r, const struct aws_refusal *why,
                struct err *err) must_check;

/* "$metadata" of a result: status and ids of the answer. */
struct json aws_metadata(struct action_context *ctx, const struct http_response *r);
/* An object with $metadata first and then the members of `value`. */
struct json aws_result(struct action_context *ctx, const struct http_response *r,
                       struct json value);
/* Whether the action has an input of that key. */
bool aws_has_input(struct action_context *ctx, const char *key);
/* Text of an input, trimmed; "" when unset. */
int aws_text(struct action_context *ctx, const char *key, struct str *ret,
             struct err *err) must_check;
