/* CSV as values and back, with commas and, usually, a row of names. */
#pragma once

#include "components/component.h"

/* The inputs data, csvHeader and unflattenKeys: a list of objects by the names of the first row, or
 * a list of lists. With unflattenKeys, names like person__first make objects in the object. */
int csv_format_read(struct action_context *ctx, struct json *ret, struct err *err) must_check;
/* A list of objects or of lists as text; an object is a list of one. */
int csv_format_write(struct action_context *ctx, const char *key, struct json value,
                     struct action_result *ret, struct err *err) must_check;
/* What of a document is the list of rows: in objects of one member, what that holds. */
struct json csv_format_rows(struct json value);
