/* From inputs to the parts of a request: address, headers, credentials, body. */
#pragma once

#include "components/http/http_exchange.h"

#define HTTP_BODY_MAX MIB(64) /* of bodies that are made: JSON and forms */

/* The URL with the query parameters of an input (key/value list or object) put before its fragment;
 * values that are null or undefined are left out. */
int http_build_url(struct action_context *ctx, const char *url_key, const char *query_key,
                   struct str *ret, struct err *err) must_check;
/* Adds the headers of an input; values that are null or undefined are left out. */
int http_build_headers(struct action_context *ctx, const char *key, struct http_header_list *list,
                       struct err *err) must_check;
/* Adds what a connection ({fields, token}) stands for, unless the list has that header already. */
int http_build_credentials(struct action_context *ctx, const char *key,
                           struct http_header_list *list, struct err *err) must_check;
/* The body of an input and its Content-Type, unless the list has one: texts and bytes as they are,
 * {data, contentType} as it says, other values as JSON, or as form data where the list asks for it.
 * *ret_has is false when the input is unset. */
int http_build_body(struct action_context *ctx, const char *key, struct http_header_list *list,
                    struct str *ret, bool *ret_has, struct err *err) must_check;
/* The same for a value that is no input. */
int http_build_body_of(struct action_context *ctx, const char *key, struct json value,
                       struct http_header_list *list, struct str *ret, struct err *err) must_check;
/* A multipart/form-data body of the inputs formData, fileData and fileDataFileNames, in pieces. */
int http_build_multipart(struct action_context *ctx, struct http_header_list *list,
                         struct http_request *req, struct err *err) must_check;
