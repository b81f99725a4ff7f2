/* Owns MessagePack of engine values. Any thread. Refuses the reserved byte 0xC1, counts that the
 * remaining bytes cannot hold, containers as map keys and more than JSON_MAX_NEST levels. */
#include "msgpack.h"

#include <endian.h>
#include <math.h>

#include "json_scan.h"

/* The tag byte and then a big-endian number of `size` bytes. */
static void put(struct buf *b, uint8_t tag, uint64_t v, size_t size)
{
    uint8_t bytes[9] = {tag};
    for (size_t i = 0; i < size; i++) {
        bytes[size - i] = (uint8_t)(v >> 8 * i);
    }
    buf_add(b, bytes, size + 1);
}

/* A length under `small` goes into the tag itself; with8 is 0 where there is no 8-bit form. */
static void put_length(struct buf *b, uint8_t fix, uint32_t small, uint8_t with8, uint8_t with16,
                       uint32_t n)
{
    if (n < small) {
        put(b, (uint8_t)(fix | n), 0, 0);
    } else if (n <= UINT8_MAX && with8) {
        put(b, with8, n, 1);
    } else if (n <= UINT16_MAX) {
        put(b, with16, n, 2);
    } else {
        put(b, (uint8_t)(with16 + 1), n, 4);
    }
}

/* The bytes of a text or binary: into the buffer, or named as what belongs there. */
static void put_bytes(struct buf *b, struct str s, struct msgpack_apart *apart)
{
    if (!apart || s.len < apart->min) {
        buf_add_str(b, s);
        return;
    }
    if (apart->n == apart->cap) {
        apart->cap = apart->cap ? apart->cap * 2 : 8;
        apart->gaps = mem_realloc(apart->gaps, apart->cap * sizeof(*apart->gaps));
    }
    apart->gaps[apart->n++] = (struct msgpack_gap){.at = b->len, .bytes = s};
}

static void put_str(struct buf *b, struct str s, struct msgpack_apart *apart)
{
    if (s.len > UINT32_MAX) {
        b->full = true;
        return;
    }
    put_length(b, 0xA0, 32, 0xD9, 0xDA, (uint32_t)s.len);
    put_bytes(b, s, apart);
}

static void put_uint(struct buf *b, uint64_t v)
{
    if (v < 0x80) {
        put(b, (uint8_t)v, 0, 0);
    } else if (v <= UINT8_MAX) {
        put(b, 0xCC, v, 1);
    } else if (v <= UINT16_MAX) {
        put(b, 0xCD, v, 2);
    } else if (v <= UINT32_MAX) {
        put(b, 0xCE, v, 4);
    } else {
        put(b, 0xCF, v, 8);
    }
}

static void put_number(struct buf *b, double num)
{
    if (num >= 0 && num < 0x1p64 && num == floor(num)) {
        put_uint(b, (uint64_t)num);
    } else if (num < 0 && num >= -0x1p63 && num == floor(num)) {
        int64_t v = (int64_t)num;
        if (v >= -32) {
            put(b, (uint8_t)v, 0, 0);
        } else if (v >= INT8_MIN) {
            put(b, 0xD0, (uint64_t)v, 1);
        } else if (v >= INT16_MIN) {
            put(b, 0xD1, (uint64_t)v, 2);
        } else if (v >= INT32_MIN) {
            put(b, 0xD2, (uint64_t)v, 4);
        } else {
            put(b, 0xD3, (uint64_t)v, 8);
        }
    } else {
        uint64_t bits;
        memcpy(&bits, &num, sizeof(bits));
        put(b, 0xCB, bits, 8);
    }
}

static void write_nested(struct buf *b, struct json v, int depth, struct msgpack_apart *apart)
{
    if (depth > JSON_MAX_NEST) {
        b->full = true;
        return;
    }
    switch (v.type) {
    case JSON_UNDEFINED:
    case JSON_NULL:
    case _JSON_TYPE_N:
        put(b, 0xC0, 0, 0);
        break;
    case JSON_FALSE:
        put(b, 0xC2, 0, 0);
        break;
    case JSON_TRUE:
        put(b, 0xC3, 0, 0);
        break;
    case JSON_NUMBER:
        put_number(b, v.num);
        break;
    case JSON_STRING:
        put_str(b, json_as_str(v), apart);
        break;
    case JSON_BINARY:
        put_length(b, 0, 0, 0xC4, 0xC5, v.len);
        put_bytes(b, json_as_str(v), apart);
        break;
    case JSON_ARRAY:
        put_length(b, 0x90, 16, 0, 0xDC, v.len);
        for (uint32_t i = 0; i < v.len && !b->full; i++) {
            write_nested(b, v.items[i], depth + 1, apart);
        }
        break;
    case JSON_OBJECT:
        put_length(b, 0x80, 16, 0, 0xDE, v.len);
        for (uint32_t i = 0; i < v.len && !b->full; i++) {
            put_str(b, v.members[i].key, NULL);
            write_nested(b, v.members[i].value, depth + 1, apart);
        }
        break;
    }
}

void msgpack_write(struct buf *b, struct json v)
{
    write_nested(b, v, 0, NULL);
}

void msgpack_write_apart(struct buf *b, struct json v, struct msgpack_apart *apart)
{
    write_nested(b, v, 0, apart);
}

void msgpack_apart_done(struct msgpack_apart *apart)
{
    mem_free(apart->gaps);
    memset(apart, 0, sizeof(*apart));
}

struct reader {
    const uint8_t *start, *at, *end;
    struct arena *arena;
    const char *fault;
    bool too_large;
};

static bool fail(struct reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

static bool fits(struct reader *r, size_t size)
{
    r->too_large = !arena_fits(r->arena, size);
    return !r->too_large;
}

static bool take(struct reader *r, size_t size, uint64_t *ret)
{
    uint64_t v = 0;
    if ((size_t)(r->end - r->at) < size) {
        return fail(r, "bytes end within a value");
    }
    for (size_t i = 0; i < size; i++) {
        v = v << 8 | *r->at++;
    }
    *ret = v;
    return true;
}

static bool take_bytes(struct reader *r, uint64_t len, struct json *ret)
{
    if ((uint64_t)(r->end - r->at) < len) {
        return fail(r, "bytes end within a value");
    }
    *ret = json_binary(str_n((const char *)r->at, len));
    r->at += len;
    return true;
}

static bool take_text(struct reader *r, uint64_t len, struct json *ret)
{
    if (!take_bytes(r, len, ret)) {
        return false;
    }
    ret->type = str_utf8_valid(json_as_str(*ret)) ? JSON_STRING : JSON_BINARY;
    return true;
}

static bool read_nested(struct reader *r, int depth, struct json *ret);

static bool read_array(struct reader *r, uint64_t n, int depth, struct json *ret)
{
    if (depth == JSON_MAX_NEST) {
        return fail(r, "nested too deeply");
    }
    if (n > (uint64_t)(r->end - r->at)) {
        return fail(r, "more items than bytes");
    }
    if (!fits(r, n * sizeof(struct json))) {
        return false;
    }
    struct json *items = arena_alloc(r->arena, n * sizeof(*items));
    for (uint64_t i = 0; i < n; i++) {
        if (!read_nested(r, depth + 1, &items[i])) {
            return false;
        }
    }
    *ret = json_array(items, n);
    return true;
}

static bool key_text(struct reader *r, struct json key, struct str *ret)
{
    if (key.type == JSON_STRING) {
        *ret = json_as_str(key);
        return true;
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    if (key.type == JSON_NUMBER) {
        json_dump_number(&text, key.num); /* also what JSON has no text for */
    } else {
        json_dump(&text, key);
    }
    if (!fits(r, text.len + 1)) {
        return false;
    }
    *ret = str_n(arena_strndup(r->arena, text.data, text.len), text.len);
    return true;
}

static bool read_key(struct reader *r, struct str *ret)
{
    uint8_t tag = r->at < r->end ? *r->at : 0xC1;
    if ((tag >= 0x80 && tag < 0xA0) || (tag >= 0xDC && tag <= 0xDF)) {
        return fail(r, "array or map as a key");
    }
    struct json key;
    return read_nested(r, JSON_MAX_NEST, &key) && key_text(r, key, ret);
}

static bool read_map(struct reader *r, uint64_t n, int depth, struct json *ret)
{
    if (depth == JSON_MAX_NEST) {
        return fail(r, "nested too deeply");
    }
    if (n > (uint64_t)(r->end - r->at) / 2) {
        return fail(r, "more members than bytes");
    }
    if (!fits(r, n * sizeof(struct json_member))) {
        return false;
    }
    struct json_member *members = arena_alloc(r->arena, n * sizeof(*members));
    for (uint64_t i = 0; i < n; i++) {
        if (!read_key(r, &members[i].key) || !read_nested(r, depth + 1, &members[i].value)) {
            return false;
        }
    }
    *ret = json_object(members, json_unique_members(members, (uint32_t)n));
    return true;
}

static double float_of(uint64_t bits, size_t size)
{
    if (size == 4) {
        uint32_t half = (uint32_t)bits;
        float f;
        memcpy(&f, &half, sizeof(f));
        return (double)f;
    }
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* Tags 0xC4-0xC9 and 0xD9-0xDF: a length of 1, 2 or 4 bytes, then as many things. */
static bool read_sized(struct reader *r, uint8_t tag, int depth, struct json *ret)
{
    uint64_t n, type;
    switch (tag) {
    case 0xC4:
    case 0xC5:
    case 0xC6:
        return take(r, (size_t)1 << (tag - 0xC4), &n) && take_bytes(r, n, ret);
    case 0xC7:
    case 0xC8:
    case 0xC9:
        return take(r, (size_t)1 << (tag - 0xC7), &n) && take(r, 1, &type) && take_bytes(r, n, ret);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        return take(r, (size_t)1 << (tag - 0xD9), &n) && take_text(r, n, ret);
    case 0xDC:
    case 0xDD:
        return take(r, tag == 0xDC ? 2 : 4, &n) && read_array(r, n, depth, ret);
    default: /* 0xDE, 0xDF */
        return take(r, tag == 0xDE ? 2 : 4, &n) && read_map(r, n, depth, ret);
    }
}

static bool read_number(struct reader *r, uint8_t tag, struct json *ret)
{
    uint64_t v;
    size_t size = tag <= 0xCB ? (tag == 0xCA ? 4 : 8) : (size_t)1 << (tag & 3);
    if (!take(r, size, &v)) {
        return false;
    }
    if (tag <= 0xCB) {
        *ret = json_num(float_of(v, size));
    } else if (tag <= 0xCF) {
        *ret = json_num((double)v);
    } else {
        unsigned shift = (unsigned)(64 - 8 * size);
        *ret = json_num((double)((int64_t)(v << shift) >> shift));
    }
    return true;
}

/* depth: containers around this value. */
static bool read_nested(struct reader *r, int depth, struct json *ret)
{
    uint64_t tag;
    if (!take(r, 1, &tag)) {
        return false;
    }
    if (tag < 0x80 || tag >= 0xE0) {
        *ret = json_num((double)(int8_t)(uint8_t)tag);
        return true;
    }
    if (tag < 0x90) {
        return read_map(r, tag & 15, depth, ret);
    }
    if (tag < 0xA0) {
        return read_array(r, tag & 15, depth, ret);
    }
    if (tag < 0xC0) {
        return take_text(r, tag & 31, ret);
    }
    if (tag == 0xC0) {
        *ret = json_null();
        return true;
    }
    if (tag == 0xC1) {
        return fail(r, "reserved byte");
    }
    if (tag <= 0xC3) {
        *ret = json_bool(tag == 0xC3);
        return true;
    }
    if (tag >= 0xCA && tag <= 0xD3) {
        return read_number(r, (uint8_t)tag, ret);
    }
    if (tag >= 0xD4 && tag <= 0xD8) { /* ext of 1 to 16 bytes */
        uint64_t type;
        return take(r, 1, &type) && take_bytes(r, UINT64_C(1) << (tag - 0xD4), ret);
    }
    return read_sized(r, (uint8_t)tag, depth, ret);
}

int msgpack_read(struct arena *a, struct str bytes, struct json *ret_value, size_t *ret_used,
                 struct err *err)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;
    struct reader r = {.start = start, .at = start, .end = start + bytes.len, .arena = a};
    struct json value;
    r.too_large = bytes.len > INT32_MAX;
    if (r.too_large || !read_nested(&r, 0, &value)) {
        if (r.too_large) {
            return err_set(err, -EINVAL, "msgpack.too_large",
                           "MessagePack value too large for its memory bound");
        }
        return err_set(err, -EINVAL, "msgpack.syntax", "%s at byte %zu", r.fault,
                       (size_t)(r.at - r.start));
    }
    *ret_value = value;
    *ret_used = (size_t)(r.at - r.start);
    return 0;
}
