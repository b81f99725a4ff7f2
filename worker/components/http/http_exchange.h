/* What every component that speaks HTTP shares: requests within the run's limits and results of
 * responses. Memory is the run's arena. */
#pragma once

#include "components/component.h"
#include "net/http_client.h"

#define HTTP_EXCHANGE_MAX_HEADERS 200

enum http_response_type { HTTP_AS_JSON, HTTP_AS_TEXT, HTTP_AS_BINARY };

/* The headers of a request while they are gathered. */
struct http_header_list {
    struct http_header items[HTTP_EXCHANGE_MAX_HEADERS];
    size_t n;
};
bool http_headers_have(const struct http_header_list *list, const char *name);
/* Later ones than HTTP_EXCHANGE_MAX_HEADERS are dropped: the client refuses so many anyway. */
void http_headers_add(struct http_header_list *list, struct str name, struct str value);

/* Sends once. Fills in the deadline (timeout_ms 0 = the run's), the slot's blocking callbacks, the
 * trace context, and Idempotency-Key on methods that change things unless the list has one. A
 * status outside 200-299 is success here. */
int http_exchange(struct action_context *ctx, struct http_request *req,
                  struct http_header_list *headers, int64_t timeout_ms, struct http_response *ret,
                  struct err *err) must_check;

/* The body as a value: JSON that does not parse stays text; bytes that are no UTF-8 are replaced in
 * text, and kept as {data, contentType} in binary. */
int http_response_value(struct action_context *ctx, const struct http_response *r,
                        enum http_response_type type, struct json *ret, struct err *err) must_check;
/* err about a status outside 200-299: "http.status", or "http.login" for 401 and 403, with the
 * beginning of the body. */
int http_status_error(const struct http_response *r, struct str host, struct err *err);
/* The host of a URL, for messages; "" when there is none. */
struct str http_url_host(struct str url);
