/* Text encodings of definition files. */
#pragma once

#include "err.h"
#include "str.h"

/* The text as UTF-8 without byte order mark: as is (then it points into text) or converted from
 * UTF-16 into the arena. -EINVAL ("definition.encoding" or "definition.limit") with the place of
 * the first byte that is no valid text or a character that YAML does not allow. */
int encoding_to_utf8(struct arena *a, struct str text, size_t max_bytes, struct str *ret,
                     struct err *err) must_check;
/* Decodes one character at s.ptr[*at] and moves *at past it; -1 for invalid UTF-8. */
int32_t encoding_next(struct str s, size_t *at);
/* True for characters that may stand in a YAML text as they are. */
bool encoding_printable(int32_t c);
