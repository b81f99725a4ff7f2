/* Writing rows as delimited text (RFC 4180). */
#pragma once

#include "components/csv/csv_read.h"

/* rows: lists of values, or objects, whose names become the columns in the order of their first
 * appearance and, with `header`, the first row. Values that are objects or lists are written as
 * JSON. Sets data and content type. Fails when rows are of neither kind or of both, and above
 * CSV_MAX_BYTES; key: the input to name then. */
int csv_write(struct action_context *ctx, const char *key, struct json rows, struct str delimiter,
              bool header, struct action_result *ret, struct err *err) must_check;
