/* How the JSON reader and writer walk strings and tell keys apart; for common/json*.c and
 * common/msgpack.c only. */
#pragma once

#include "json.h"

#include <endian.h>

#define SCAN_ONES (UINT64_MAX / 255)
#define SCAN_HIGH (SCAN_ONES * 0x80)

/* The first quote, backslash or control character in [p, end), or end. *high collects whether
 * anything before it is not ASCII. Eight bytes a step: the classic zero-byte test may report false
 * hits only above the first true one, so the lowest hit is exact. */
static inline const char *scan_plain(const char *p, const char *end, bool *high)
{
    uint64_t seen = 0;
    for (; end - p >= 8; p += 8) {
        uint64_t x;
        memcpy(&x, p, sizeof(x));
        x = le64toh(x);
        uint64_t quote = x ^ (SCAN_ONES * '"'), slash = x ^ (SCAN_ONES * '\\');
        uint64_t hit = (((quote - SCAN_ONES) & ~quote) | ((slash - SCAN_ONES) & ~slash) |
                        ((x - SCAN_ONES * 0x20) & ~x)) &
                       SCAN_HIGH;
        if (hit) {
            seen |= x & ((hit & -hit) - 1);
            p += __builtin_ctzll(hit) / 8;
            *high = *high || (seen & SCAN_HIGH);
            return p;
        }
        seen |= x;
    }
    for (; p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\'; p++) {
        seen |= (unsigned char)*p;
    }
    *high = *high || (seen & SCAN_HIGH);
    return p;
}

/* Keys of one member array, hashed: each slot holds a position + 1, or 0. The hash is keyed by a
 * random number of the process, so that nobody can send keys made to collide. */
struct json_index {
    uint32_t *slots;
    uint32_t mask;
};
size_t json_index_slots(uint32_t n); /* slots that hold n keys well: a power of two */
/* The slot of the key, or the empty one where its position + 1 belongs. */
uint32_t *json_index_slot(const struct json_index *x, const struct json_member *members,
                          struct str key);

/* Makes keys unique: the last value wins, in the place of the first. Returns how many are left. */
uint32_t json_unique_members(struct json_member *members, uint32_t n);
/* What is longer than this is hashed, not searched. */
#define JSON_LINEAR_MAX 16
