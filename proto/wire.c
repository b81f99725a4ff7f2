/* The codec of messages between processes. Bytes of a message: the version, then fields in
 * ascending order of id, each a varint tag (id * 2 + kind) and its value: a varint (kind 0) or a
 * varint length with so many bytes (kind 1), so that a reader can step over ids it does not know.
 * A pair or an item of a list is counted before it is allocated. Encoding measures first and then
 * writes into one reservation without further checks.
 * Any thread; no state. It refuses fields out of order or twice, kinds that do not fit the table,
 * numbers out of range and everything over a field's bound. */
#include "wire.h"

#define KIND_VARINT    0
#define KIND_BYTES     1
#define UUID_BYTES     sizeof(struct uuid)
#define STRUCT_MAX     512 /* bytes of a message's struct */
#define VARINT_MAX     10
#define PAIR_MIN_BYTES 2 /* two lengths */
#define ITEM_MIN_BYTES 2 /* a length and a version */

static size_t varint_size(uint64_t v)
{
    return v == 0 ? 1 : (size_t)(70 - __builtin_clzll(v)) / 7;
}

static uint8_t *varint_put(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static uint32_t kind_of(enum wire_type type)
{
    return type == WIRE_U64 || type == WIRE_I64 || type == WIRE_BOOL || type == WIRE_U32
               ? KIND_VARINT
               : KIND_BYTES;
}

static size_t bytes_size(size_t len)
{
    return varint_size(len) + len;
}

static uint8_t *bytes_put(uint8_t *p, struct str s)
{
    p = varint_put(p, s.len);
    if (s.len) {
        memcpy(p, s.ptr, s.len);
    }
    return p + s.len;
}

/* The number a varint field carries; 0 = leave it out. */
static uint64_t number_of(enum wire_type type, const void *at)
{
    switch (type) {
    case WIRE_U64:
        return *(const uint64_t *)at;
    case WIRE_I64:
        return zigzag(*(const int64_t *)at);
    case WIRE_BOOL:
        return *(const bool *)at;
    case WIRE_U32:
        return *(const uint32_t *)at;
    case WIRE_STR:
    case WIRE_UUID:
    case WIRE_PAIRS:
    case WIRE_LIST:
        break;
    }
    return 0;
}

static bool message_size(const struct wire_message *m, const void *value, size_t *ret_size);

/* Bytes of a KIND_BYTES field behind its length; 0 = leave it out. False: over its bound. */
static bool content_size(const struct wire_field *f, const void *at, size_t *ret_size)
{
    size_t size = 0;
    if (f->type == WIRE_STR) {
        size = ((const struct str *)at)->len;
        if (size > f->max) {
            return false;
        }
    } else if (f->type == WIRE_UUID) {
        size = uuid_is_nil(at) ? 0 : UUID_BYTES;
    } else if (f->type == WIRE_PAIRS) {
        const struct wire_pairs *pairs = at;
        if (pairs->n > f->max) {
            return false;
        }
        size = pairs->n ? varint_size(pairs->n) : 0;
        for (size_t i = 0; i < pairs->n; i++) {
            size += bytes_size(pairs->items[i].name.len) + bytes_size(pairs->items[i].value.len);
        }
    } else {
        const struct wire_list *list = at;
        if (list->n > f->max) {
            return false;
        }
        size = list->n ? varint_size(list->n) : 0;
        for (size_t i = 0; i < list->n; i++) {
            size_t item;
            if (!message_size(f->message, (const char *)list->items + i * f->message->size,
                              &item)) {
                return false;
            }
            size += bytes_size(item);
        }
    }
    *ret_size = size;
    return true;
}

static bool message_size(const struct wire_message *m, const void *value, size_t *ret_size)
{
    size_t total = 1;
    for (const struct wire_field *f = m->fields; f->id; f++) {
        const void *at = (const char *)value + f->offset;
        if (kind_of(f->type) == KIND_VARINT) {
            uint64_t number = number_of(f->type, at);
            total += number ? varint_size((uint64_t)f->id << 1) + varint_size(number) : 0;
            continue;
        }
        size_t size;
        if (!content_size(f, at, &size)) {
            return false;
        }
        total += size ? varint_size((uint64_t)f->id << 1) + bytes_size(size) : 0;
    }
    *ret_size = total;
    return true;
}

static uint8_t *message_put(const struct wire_message *m, const void *value, uint8_t *p);

static uint8_t *content_put(const struct wire_field *f, const void *at, uint8_t *p)
{
    if (f->type == WIRE_STR) {
        const struct str *s = at;
        memcpy(p, s->ptr, s->len);
        return p + s->len;
    }
    if (f->type == WIRE_UUID) {
        memcpy(p, at, UUID_BYTES);
        return p + UUID_BYTES;
    }
    if (f->type == WIRE_PAIRS) {
        const struct wire_pairs *pairs = at;
        p = varint_put(p, pairs->n);
        for (size_t i = 0; i < pairs->n; i++) {
            p = bytes_put(bytes_put(p, pairs->items[i].name), pairs->items[i].value);
        }
        return p;
    }
    const struct wire_list *list = at;
    p = varint_put(p, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const void *item = (const char *)list->items + i * f->message->size;
        size_t size = 0;
        ASSERT(message_size(f->message, item, &size));
        p = message_put(f->message, item, varint_put(p, size));
    }
    return p;
}

static uint8_t *message_put(const struct wire_message *m, const void *value, uint8_t *p)
{
    *p++ = m->version;
    for (const struct wire_field *f = m->fields; f->id; f++) {
        const void *at = (const char *)value + f->offset;
        uint64_t tag = (uint64_t)f->id << 1 | kind_of(f->type);
        if (kind_of(f->type) == KIND_VARINT) {
            uint64_t number = number_of(f->type, at);
            if (number) {
                p = varint_put(varint_put(p, tag), number);
            }
            continue;
        }
        size_t size = 0;
        ASSERT(content_size(f, at, &size));
        if (size) {
            p = content_put(f, at, varint_put(varint_put(p, tag), size));
        }
    }
    return p;
}

void wire_encode(const struct wire_message *m, const void *value, struct buf *to)
{
    size_t size;
    if (!message_size(m, value, &size)) {
        to->full = true;
        return;
    }
    char *room = buf_reserve(to, size);
    if (room) {
        uint8_t *end = message_put(m, value, (uint8_t *)room);
        ASSERT((char *)end == room + size);
        to->len += size;
        to->data[to->len] = '\0';
    }
}

struct reader {
    const uint8_t *p, *end;
};

static bool varint_get(struct reader *r, uint64_t *ret_value)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX && r->p < r->end; i++) {
        uint8_t b = *r->p++;
        if (i == VARINT_MAX - 1 && b > 1) {
            return false;
        }
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (!(b & 0x80)) {
            *ret_value = v;
            return true;
        }
    }
    return false;
}

/* A length and so many bytes. */
static bool bytes_get(struct reader *r, struct str *ret_bytes)
{
    uint64_t len;
    if (!varint_get(r, &len) || len > (uint64_t)(r->end - r->p)) {
        return false;
    }
    *ret_bytes = str_n((const char *)r->p, (size_t)len);
    r->p += len;
    return true;
}

static struct reader reader_of(struct str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    return (struct reader){p, p ? p + bytes.len : p};
}

static int malformed(struct err *err, const struct wire_message *m, const char *field)
{
    return err_field(err, -EINVAL, "wire.malformed", field, "The message %s is malformed.",
                     m->name);
}

static int too_large(struct err *err, const struct wire_message *m, const char *field)
{
    return err_field(err, -EINVAL, "wire.too_large", field,
                     "The message %s is over its bounds in %s.", m->name, field);
}

static int number_decode(const struct wire_message *m, const struct wire_field *f, uint64_t v,
                         void *at, struct err *err)
{
    if (f->type == WIRE_U64) {
        *(uint64_t *)at = v;
    } else if (f->type == WIRE_I64) {
        *(int64_t *)at = unzigzag(v);
    } else if (f->type == WIRE_U32) {
        if (v > UINT32_MAX) {
            return malformed(err, m, f->name);
        }
        *(uint32_t *)at = (uint32_t)v;
    } else {
        if (v > 1) {
            return malformed(err, m, f->name);
        }
        *(bool *)at = v == 1;
    }
    return 0;
}

/* Reads the count in front of pairs or items and makes room for them. */
static int count_decode(const struct wire_message *m, const struct wire_field *f, struct arena *a,
                        struct reader *r, size_t least, size_t size, void **ret_items,
                        size_t *ret_n, struct err *err)
{
    uint64_t n;
    if (!varint_get(r, &n)) {
        return malformed(err, m, f->name);
    }
    if (n > f->max) {
        return too_large(err, m, f->name);
    }
    if (n > (uint64_t)(r->end - r->p) / least) {
        return malformed(err, m, f->name);
    }
    if (n * size + KIB(1) > arena_room(a)) {
        return too_large(err, m, f->name);
    }
    *ret_items = arena_array(a, n, size);
    *ret_n = n;
    return 0;
}

static int pairs_decode(const struct wire_message *m, const struct wire_field *f, struct arena *a,
                        struct reader r, struct wire_pairs *at, struct err *err)
{
    void *items;
    size_t n;
    int rc = count_decode(m, f, a, &r, PAIR_MIN_BYTES, sizeof(struct wire_pair), &items, &n, err);
    if (rc < 0) {
        return rc;
    }
    *at = (struct wire_pairs){items, n};
    for (size_t i = 0; i < n; i++) {
        if (!bytes_get(&r, &at->items[i].name) || !bytes_get(&r, &at->items[i].value)) {
            return malformed(err, m, f->name);
        }
    }
    return r.p == r.end ? 0 : malformed(err, m, f->name);
}

static int message_decode(const struct wire_message *m, struct arena *a, struct str bytes,
                          void *value, struct err *err);

static int list_decode(const struct wire_message *m, const struct wire_field *f, struct arena *a,
                       struct reader r, struct wire_list *at, struct err *err)
{
    void *items;
    size_t n;
    int rc = count_decode(m, f, a, &r, ITEM_MIN_BYTES, f->message->size, &items, &n, err);
    if (rc < 0) {
        return rc;
    }
    *at = (struct wire_list){items, n};
    for (size_t i = 0; i < n; i++) {
        struct str item;
        if (!bytes_get(&r, &item)) {
            return malformed(err, m, f->name);
        }
        rc = message_decode(f->message, a, item, (char *)items + i * f->message->size, err);
        if (rc < 0) {
            return rc;
        }
    }
    return r.p == r.end ? 0 : malformed(err, m, f->name);
}

static int bytes_decode(const struct wire_message *m, const struct wire_field *f, struct arena *a,
                        struct str bytes, void *at, struct err *err)
{
    if (f->type == WIRE_STR) {
        if (bytes.len > f->max) {
            return too_large(err, m, f->name);
        }
        *(struct str *)at = bytes;
        return 0;
    }
    if (f->type == WIRE_UUID) {
        if (bytes.len != UUID_BYTES) {
            return malformed(err, m, f->name);
        }
        memcpy(at, bytes.ptr, UUID_BYTES);
        return 0;
    }
    return f->type == WIRE_PAIRS ? pairs_decode(m, f, a, reader_of(bytes), at, err)
                                 : list_decode(m, f, a, reader_of(bytes), at, err);
}

/* `value` is zero on entry. */
static int message_decode(const struct wire_message *m, struct arena *a, struct str bytes,
                          void *value, struct err *err)
{
    struct reader r = reader_of(bytes);
    if (r.p == r.end) {
        return malformed(err, m, "");
    }
    if (*r.p++ != m->version) {
        return err_set(err, -EINVAL, "wire.version", "The message %s has version %u, not %u.",
                       m->name, (unsigned)r.p[-1], (unsigned)m->version);
    }
    const struct wire_field *f = m->fields;
    uint64_t last = 0;
    while (r.p < r.end) {
        uint64_t tag, number = 0;
        struct str content = {0};
        if (!varint_get(&r, &tag) || tag >> 1 <= last) {
            return malformed(err, m, "");
        }
        bool is_bytes = tag & 1;
        last = tag >> 1;
        while (f->id && f->id < last) {
            f++;
        }
        bool known = f->id == last;
        if (is_bytes ? !bytes_get(&r, &content) : !varint_get(&r, &number)) {
            return malformed(err, m, known ? f->name : "");
        }
        if (!known) {
            continue;
        }
        if (is_bytes != (kind_of(f->type) == KIND_BYTES)) {
            return malformed(err, m, f->name);
        }
        void *at = (char *)value + f->offset;
        int rc = is_bytes ? bytes_decode(m, f, a, content, at, err)
                          : number_decode(m, f, number, at, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int wire_decode(const struct wire_message *m, struct arena *a, struct str bytes, void *ret_value,
                struct err *err)
{
    _Alignas(16) char value[STRUCT_MAX];
    ASSERT(m->size <= sizeof(value));
    memset(value, 0, m->size);
    int rc = message_decode(m, a, bytes, value, err);
    if (rc < 0) {
        return rc;
    }
    memcpy(ret_value, value, m->size);
    return 0;
}

void wire_batch_add(struct buf *to, struct str message)
{
    char *room = buf_reserve(to, bytes_size(message.len));
    if (room) {
        uint8_t *end = bytes_put((uint8_t *)room, message);
        to->len += (size_t)((char *)end - room);
        to->data[to->len] = '\0';
    }
}

int wire_batch_next(struct str *rest, struct str *ret_message)
{
    if (rest->len == 0) {
        return 0;
    }
    struct reader r = reader_of(*rest);
    struct str message;
    if (!bytes_get(&r, &message)) {
        return -EINVAL;
    }
    *ret_message = message;
    *rest = str_n((const char *)r.p, (size_t)(r.end - r.p));
    return 1;
}
