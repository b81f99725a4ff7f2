/* Times in formats with tokens: YYYY YY MMMM MMM MM M dddd ddd DD D HH H hh h mm m ss s SSS A a Z
 * ZZ, and [text] as it is; all else is literal. */
#pragma once

#include "str.h"
#include "zone.h"

/* ms since 1970, years 0 to 9999. zone NULL = UTC. */
void date_format(struct buf *b, int64_t ms, const struct zone *zone, struct str format);

enum date_fit { DATE_FITS, DATE_DIFFERS, DATE_IMPOSSIBLE };
/* Reads a text that was written so: names in any case, numbers of as many digits as the token
 * (single letters one or two). What the format does not name is that of 1970-01-01T00:00:00; the
 * zone counts when it names no offset (of a time that the clock passes twice, the first).
 * DATE_DIFFERS: from byte *ret_at on; DATE_IMPOSSIBLE: no such day or time. */
enum date_fit date_parse(struct str text, const struct zone *zone, struct str format,
                         int64_t *ret_ms, size_t *ret_at);
