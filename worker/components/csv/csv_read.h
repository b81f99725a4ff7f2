/* Reading delimited text (RFC 4180) into rows of texts. */
#pragma once

#include "components/component.h"

#define CSV_MAX_BYTES     MIB(64)
#define CSV_DELIMITER_MAX 16

struct csv_format {
    struct str delimiter; /* 1 to CSV_DELIMITER_MAX bytes, without quotes and line ends */
    bool first_row_names; /* objects, by the names of the first row */
    bool skip_first_row;
};
struct csv_table {
    struct json rows;       /* arrays of texts, or objects */
    struct json names;      /* of the columns; UNDEFINED when rows are arrays */
    const char *line_break; /* the first one of the text; "" when it has none */
};
/* Texts without doubled quotes point into `text`, which must outlive the table. Blank lines are
 * left out. Any of CRLF, LF and CR ends a row. Fails with the line in the words: a quoted field
 * that does not end or is followed by more, text that is not UTF-8, a row with more fields than the
 * first one has names, and names that stand twice. Rows with fewer fields lack the last members. */
int csv_read(struct action_context *ctx, const char *key, struct str text,
             const struct csv_format *format, struct csv_table *ret, struct err *err) must_check;
