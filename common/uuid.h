/* 16-byte ids (RFC 9562) and the global ids of the API: base64("Type:uuid"). */
#pragma once

#include "str.h"

struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT_LEN 36
#define GLOBAL_ID_MAX 128 /* bytes of the base64 text, NUL included */

struct uuid
uuid_v7(void); /* wall-clock ms, then a per-process strictly increasing tail; any thread */
struct uuid uuid_v4(void);
struct uuid uuid_v7_floor(int64_t epoch_ns); /* the smallest v7 of that millisecond */
int64_t uuid_v7_ms(const struct uuid *id);
bool uuid_eq(const struct uuid *a, const struct uuid *b);
int uuid_cmp(const struct uuid *a, const struct uuid *b); /* byte order, as PostgreSQL's */
bool uuid_is_nil(const struct uuid *id);
uint64_t uuid_hash(const struct uuid *id);
void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_LEN + 1]);
bool uuid_parse(struct str text, struct uuid *ret_id); /* 36 characters with dashes, any case */

/* "InstanceFlowConfig" + id -> base64 text with padding, NUL-terminated; returns its length. */
size_t global_id_format(const char *type, const struct uuid *id, char ret_text[GLOBAL_ID_MAX]);
/* Accepts base64 and base64url, padded or not, and only this type; false otherwise. */
bool global_id_parse(struct str text, const char *type, struct uuid *ret_id);
/* Any type: writes it to ret_type (at most 63 characters). */
bool global_id_parse_any(struct str text, char ret_type[64], struct uuid *ret_id);
