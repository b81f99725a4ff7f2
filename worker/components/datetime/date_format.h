/* Times in formats with tokens: YYYY YY MMMM MMM MM M dddd ddd DD D HH H hh h mm m ss s SSS A a Z
 * ZZ, and [text] as it is; all else is literal. */
#pragma once

#include "str.h"
#include "zone.h"

/* ms since 1970, years 0 to 9999. zone NULL = UTC. */
void date_format(struct buf *b, int64_t ms, const struct zone *zone, struct str format);
