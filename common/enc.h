/* Text encodings of bytes (RFC 4648) and percent-encoding (RFC 3986). */
#pragma once

#include "str.h"

/* Writes base64 with padding and a NUL; cap must hold 4 * ceil(len / 3) + 1. Returns the length. */
size_t enc_base64(struct str bytes, char *ret_text, size_t cap);
/* Accepts base64 and base64url, padded or not; no white space. False when malformed or > cap. */
bool enc_base64_decode(struct str text, uint8_t *ret_bytes, size_t cap, size_t *ret_len);
size_t enc_base64url(struct str bytes, char *ret_text, size_t cap); /* no padding */
size_t enc_hex(struct str bytes, char *ret_text, size_t cap); /* lower case; cap 2 * len + 1 */
bool enc_hex_decode(struct str text, uint8_t *ret_bytes, size_t cap, size_t *ret_len);
void enc_base64_to(struct buf *b, struct str bytes);
/* Appends with everything but unreserved characters percent-encoded. */
void enc_percent(struct buf *b, struct str s);
/* Decodes %XX (and + as a blank when plus is set) into an arena; malformed escapes stay as is. */
struct str enc_percent_decode(struct arena *a, struct str s, bool plus);
/* The first field of that name in a form or query text, "a=1&b=2", decoded; "" without it. */
struct str enc_form_field(struct arena *a, struct str pairs, const char *name);
