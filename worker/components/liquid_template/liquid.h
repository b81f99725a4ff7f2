/* Liquid, a language of document templates: renders a template with a value. Bounded in size of
 * template and output, nesting, memory and work, so that foreign templates do no harm. */
#pragma once

#include "json.h"

#define LIQUID_MAX_TEMPLATE KIB(256)
#define LIQUID_MAX_OUTPUT   MIB(8)   /* also of any text made on the way */
#define LIQUID_MAX_MEMORY   MIB(96)  /* of the tree and what is computed */
#define LIQUID_MAX_WORK     20000000 /* steps: a node, a filter, an item, 16 bytes of text */
#define LIQUID_MAX_LOOPS    1000000  /* iterations of all loops together */
#define LIQUID_MAX_DEPTH    50       /* of blocks, and of brackets in a reference */

/* Renders into `out`, which was set up with LIQUID_MAX_OUTPUT. Names in the template are `data`
 * and, when data is an object, its members. deadline: monotonic nanoseconds. Returns 0, or -EINVAL
 * with code "liquid.invalid", the place in err->line and column and in the words. */
int liquid_render(struct str text, struct json data, int64_t deadline, struct buf *out,
                  struct err *err) must_check;
