/* Templates: text with {{#Config Var Key}} and {{$stepKey.path}}; all else is literal. */
#pragma once

#include "path.h"

#define TEMPLATE_MAX_PARTS 1000

struct template_part {
    enum { TEMPLATE_TEXT, TEMPLATE_CONFIG_VAR, TEMPLATE_REFERENCE } type;
    struct str text;   /* literal or config variable key or reference source */
    struct path *path; /* REFERENCE */
};
struct template
{
    struct template_part *parts;
    size_t n_parts;
};
int template_compile(struct arena *a, struct str text, struct template **ret,
                     struct err *err) must_check;
/* One value as template text: strings as is, numbers and booleans as JavaScript prints them,
 * objects and arrays as JSON, null and undefined as nothing. */
void template_add_value(struct buf *b, struct json v);
