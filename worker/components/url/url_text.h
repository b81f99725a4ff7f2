/* Absolute and relative references (RFC 3986) as texts: checked, taken apart, resolved. */
#pragma once

#include "str.h"

#define URL_MAX_BYTES KIB(64)

struct url_parts { /* slices of the text; ptr NULL = absent */
    struct str scheme, user, password, host, port, path, query, fragment;
    bool is_ipv6; /* the host stands in brackets, which are not part of it */
};
/* False with *ret_at the offset of the first byte that may not stand there. */
bool url_text_split(struct str text, struct url_parts *ret, size_t *ret_at);
/* Both must be accepted by url_text_split and base have a scheme; false otherwise. */
bool url_text_resolve(struct str base, struct str reference, struct buf *ret_text);
