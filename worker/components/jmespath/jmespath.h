/* JMESPath, a language of queries over JSON: reads a query, runs it over a value. Bounded in size
 * of the query, nesting, memory and work, so that foreign queries do no harm. */
#pragma once

#include "json.h"

#define JMESPATH_MAX_QUERY  KIB(16)
#define JMESPATH_MAX_NEST   50  /* of brackets and operators that take what follows them */
#define JMESPATH_MAX_DEPTH  200 /* of the tree: a.b.c is 3 deep */
#define JMESPATH_MAX_ARGS   32
#define JMESPATH_MAX_WORK   10000000 /* steps: a node, an item, 16 bytes of text */
#define JMESPATH_MAX_RESULT MIB(64)
#define JMESPATH_MAX_MEMORY MIB(128) /* of the tree and what is made on the way */

/* The result shares the parts of `data` and of the query, which must outlive it; what is new is in
 * the arena. deadline: monotonic nanoseconds. Returns 0, or -EINVAL with code "jmespath.invalid"
 * and the place in the words. */
int jmespath_search(struct arena *a, struct str query, struct json data, int64_t deadline,
                    struct json *ret, struct err *err) must_check;
