/* Regular expressions of JSON Schema (ECMAScript's, as far as PCRE2 reads them), with bounds on
 * what a hostile one can cost. One thread at a time. */
#pragma once

#include "err.h"
#include "str.h"

#define PATTERN_MAX_BYTES      4096
#define PATTERN_MAX_TEXT_BYTES KIB(100)

struct pattern;
/* -EINVAL ("pattern.invalid") says what is wrong, and at which byte. */
int pattern_new(struct str source, struct pattern **ret, struct err *err) must_check;
struct pattern *pattern_free(struct pattern *p); /* accepts NULL; returns NULL */
/* Whether it is found anywhere in the text: 1 or 0; -E2BIG for a longer text than the bound,
 * -ETIMEDOUT when it takes too many steps. Bytes that are not UTF-8 match nothing. */
int pattern_found(struct pattern *p, struct str text) must_check;
DEFINE_CLEANUP(struct pattern *, pattern_free)
