/* Texts of others made fit for a terminal. */
#pragma once

#include "str.h"

/* One line without control characters: what would move the cursor, change colours or the direction
 * of writing becomes a blank, bytes that are not UTF-8 a question mark. */
struct str text_line(struct arena *a, struct str s);
/* The same, but lines stay lines. */
struct str text_lines(struct arena *a, struct str s);
/* Columns it takes; the locale's LC_CTYPE must be UTF-8 (text_start). */
size_t text_width(struct str s);
/* At most so many columns, with an ellipsis where it was cut. */
struct str text_cut(struct arena *a, struct str s, size_t columns);
void text_start(void); /* once, before the others */

/* "2026-11-24T21:50:54.123Z" as local time: "Nov 24 21:50:54", with the year when it is another
 * one. Anything else as it is, "" as "-". */
struct str text_time(struct arena *a, struct str iso);
/* Nanoseconds since the epoch of such a text; false when it is none. */
bool text_time_ns(struct str iso, int64_t *ret_ns);
/* Between two such texts: "12 ms", "3.4 s", "2 min 5 s"; "-" when one is missing. */
struct str text_duration(struct arena *a, struct str from, struct str to);
/* "15m", "2h", "7d" or "30s" as an instant that long ago, or an instant itself, in ISO 8601.
 * NULL when it is neither. */
const char *text_since(struct arena *a, const char *text);
/* Columns of the terminal that standard output is; 0 = it is none, nothing is cut. */
size_t text_terminal(void);
