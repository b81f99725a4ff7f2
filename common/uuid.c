/* Owns ids. uuid_v7 keeps one atomic counter a process, so that ids of one process never go back,
 * even when the wall clock does. */
#include "uuid.h"

#include <stdatomic.h>
#include <sys/random.h>

#include "clock.h"
#include "enc.h"

static void random_bytes(void *p, size_t n)
{
    static _Thread_local uint8_t pool[512];
    static _Thread_local size_t left;
    if (n > left) {
        size_t got = 0;
        while (got < sizeof(pool)) {
            ssize_t r = getrandom(pool + got, sizeof(pool) - got, 0);
            ASSERT(r > 0 || errno == EINTR);
            got += r > 0 ? (size_t)r : 0;
        }
        left = sizeof(pool);
    }
    left -= n;
    memcpy(p, pool + left, n);
}

static void put_be(uint8_t *p, uint64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        p[i] = (uint8_t)v;
        v >>= 8;
    }
}

static void stamp(struct uuid *id, uint64_t ms_and_tail)
{
    put_be(id->b, ms_and_tail >> 12, 6);
    id->b[6] = (uint8_t)(0x70 | ((ms_and_tail >> 8) & 0x0F));
    id->b[7] = (uint8_t)ms_and_tail;
    id->b[8] = (uint8_t)(0x80 | (id->b[8] & 0x3F));
}

struct uuid uuid_v7(void)
{
    /* 48 bits of ms and 12 bits of sequence as one number that only grows. */
    static _Atomic uint64_t last;
    uint64_t now = (uint64_t)(clock_now_ns() / NS_PER_MS) << 12;
    uint64_t prev = atomic_load(&last), next;
    do {
        next = now > prev ? now : prev + 1;
    } while (!atomic_compare_exchange_weak(&last, &prev, next));
    struct uuid id;
    random_bytes(id.b + 8, 8);
    stamp(&id, next);
    return id;
}

struct uuid uuid_v4(void)
{
    struct uuid id;
    random_bytes(id.b, sizeof(id.b));
    id.b[6] = (uint8_t)(0x40 | (id.b[6] & 0x0F));
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
    return id;
}

struct uuid uuid_v7_floor(int64_t epoch_ns)
{
    struct uuid id = {{0}};
    stamp(&id, (uint64_t)(epoch_ns / NS_PER_MS) << 12);
    return id;
}

int64_t uuid_v7_ms(const struct uuid *id)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | id->b[i];
    }
    return (int64_t)ms;
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int uuid_cmp(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

bool uuid_is_nil(const struct uuid *id)
{
    static const struct uuid nil;
    return uuid_eq(id, &nil);
}

uint64_t uuid_hash(const struct uuid *id)
{
    uint64_t hi, lo;
    memcpy(&hi, id->b, 8);
    memcpy(&lo, id->b + 8, 8);
    uint64_t h = (hi ^ (lo * UINT64_C(0x9E3779B97F4A7C15))) * UINT64_C(0xFF51AFD7ED558CCD);
    return h ^ (h >> 32);
}

void uuid_format(const struct uuid *id, char ret_text[UUID_TEXT_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    char *p = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        *p++ = hex[id->b[i] >> 4];
        *p++ = hex[id->b[i] & 15];
    }
    *p = '\0';
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool uuid_parse(struct str text, struct uuid *ret_id)
{
    if (text.len != UUID_TEXT_LEN) {
        return false;
    }
    struct uuid id;
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.ptr[at++] != '-') {
                return false;
            }
        }
        int hi = hex_digit(text.ptr[at]), lo = hex_digit(text.ptr[at + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        id.b[i] = (uint8_t)(hi << 4 | lo);
        at += 2;
    }
    *ret_id = id;
    return true;
}

size_t global_id_format(const char *type, const struct uuid *id, char ret_text[GLOBAL_ID_MAX])
{
    char plain[96], text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    int n = snprintf(plain, sizeof(plain), "%s:%s", type, text);
    ASSERT(n > 0 && (size_t)n < sizeof(plain));
    return enc_base64(str_n(plain, (size_t)n), ret_text, GLOBAL_ID_MAX);
}

bool global_id_parse_any(struct str text, char ret_type[64], struct uuid *ret_id)
{
    uint8_t plain[96];
    size_t n;
    if (text.len >= GLOBAL_ID_MAX || !enc_base64_decode(text, plain, sizeof(plain), &n)) {
        return false;
    }
    struct str s = str_n((const char *)plain, n);
    ptrdiff_t colon = str_find(s, STR(":"), 0);
    if (colon <= 0 || colon > 63) {
        return false;
    }
    if (!uuid_parse(str_n(s.ptr + colon + 1, s.len - (size_t)colon - 1), ret_id)) {
        return false;
    }
    memcpy(ret_type, s.ptr, (size_t)colon);
    ret_type[colon] = '\0';
    return true;
}

bool global_id_parse(struct str text, const char *type, struct uuid *ret_id)
{
    char got[64];
    struct uuid id;
    if (!global_id_parse_any(text, got, &id) || strcmp(got, type) != 0) {
        return false;
    }
    *ret_id = id;
    return true;
}
