/* What components that work on files of a server share: paths, and a file as a value. */
#pragma once

#include "components/component.h"

/* A path: not empty, one line, at most 4,096 bytes. */
int remote_file_path(struct action_context *ctx, const char *key, struct str *ret,
                     struct err *err) must_check;
/* The content to write: texts, files ({data, contentType}), other values as JSON. */
int remote_file_data(struct action_context *ctx, const char *key, struct str *ret,
                     struct err *err) must_check;
/* The content type by the name's ending; application/octet-stream when it is not known. */
const char *remote_file_type(struct str path);
/* {data, contentType}: data is text when the type is a text's and the bytes are UTF-8, unless bytes
 * are asked for. */
struct json remote_file_value(struct arena *a, struct str path, struct str bytes, bool as_bytes);
/* Whether a name fits a pattern of * (any run), ? (one byte) and [a-z]; "" fits all. A leading dot
 * must be in the pattern. */
bool remote_file_matches(struct str pattern, struct str name);
/* Such a pattern of an input, at most 1,000 bytes. */
int remote_file_pattern(struct action_context *ctx, const char *key, struct str *ret,
                        struct err *err) must_check;
/* folder/name, whether the folder ends with a slash or not. */
struct str remote_file_join(struct arena *a, struct str folder, struct str name);
