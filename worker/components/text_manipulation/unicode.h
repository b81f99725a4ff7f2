/* What the text actions need of Unicode, on UTF-8. Bytes that are not UTF-8 count and pass as one
 * character each. */
#pragma once

#include "str.h"

enum unicode_case { UNICODE_UPPER, UNICODE_LOWER, UNICODE_CAPITAL };

size_t unicode_char_len(struct str s); /* bytes of the first character; 0 when empty */
size_t unicode_units(struct str s);    /* length in UTF-16 units */
/* Byte offset of a UTF-16 position; the end when past it; inside a pair: before it. */
size_t unicode_offset(struct str s, size_t units);
struct str unicode_trim(struct str s); /* white space and line ends as ECMAScript has them */
/* One character becomes one: letters whose other case has several characters stay. */
void unicode_change_case(struct buf *b, struct str s, enum unicode_case how);
