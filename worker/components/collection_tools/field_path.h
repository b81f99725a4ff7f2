/* A field within a value: keys with dots between them, positions of lists from 0. */
#pragma once

#include "components/component.h"

#define FIELD_PATH_MAX_KEYS 50
struct field_path {
    struct str keys[FIELD_PATH_MAX_KEYS];
    size_t n; /* 0: the value itself */
};
/* Reads text that came from the input `key`, which the words of a refusal name; empty text is the
 * value itself. The keys point into the text. */
int field_path_read(struct action_context *ctx, const char *key, struct str text,
                    struct field_path *ret, struct err *err) must_check;
struct json field_path_get(struct json v, const struct field_path *path); /* undefined: none */
