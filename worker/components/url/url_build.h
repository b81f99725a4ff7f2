/* The actions that put URLs and query strings together; url_component.c describes their inputs. */
#pragma once

#include "components/component.h"

#define URL_TEXT_MAX_BYTES MIB(16) /* of texts that are no URL, such as query strings */

int url_build(struct action_context *ctx, struct action_result *ret, struct err *err);
int url_build_query(struct action_context *ctx, struct action_result *ret, struct err *err);
int url_encode(struct action_context *ctx, struct action_result *ret, struct err *err);
/* The text of the buffer as the result; fails when it did not fit, naming the input `key`. */
int url_give_text(struct action_context *ctx, const char *key, const struct buf *b,
                  struct action_result *ret, struct err *err) must_check;
