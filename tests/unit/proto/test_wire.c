/* The codec and every message's table: values of all kinds there and back, and bytes that nobody
 * should send. */
#include "definition_fetch.h"
#include "presence.h"
#include "run_request.h"
#include "run_progress.h"
#include "run_result.h"
#include "subjects.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_message *const messages[] = {
    &definition_fetch_message, &fetched_flow_message, &fetched_instance_message,
    &state_fetch_message,      &state_part_message,   &presence_message,
    &presence_run_message,     &hook_request_message, &run_request_message,
    &run_result_message,       &run_progress_message, &result_log_message,
    &result_state_message,     &step_result_message,  &sync_reply_message,
};

static size_t type_size(enum wire_type type)
{
    static const size_t sizes[] = {
        [WIRE_U64] = sizeof(uint64_t),
        [WIRE_I64] = sizeof(int64_t),
        [WIRE_BOOL] = sizeof(bool),
        [WIRE_U32] = sizeof(uint32_t),
        [WIRE_STR] = sizeof(struct str),
        [WIRE_UUID] = sizeof(struct uuid),
        [WIRE_PAIRS] = sizeof(struct wire_pairs),
        [WIRE_LIST] = sizeof(struct wire_list),
    };
    return sizes[type];
}

static void test_tables(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        const struct wire_message *m = messages[i];
        uint32_t last = 0;
        size_t covered = 0;
        assert_true(m->version == 1 && m->size <= 512);
        for (const struct wire_field *f = m->fields; f->id; f++) {
            assert_true(f->id > last);
            last = f->id;
            assert_true(f->offset + type_size(f->type) <= m->size);
            covered += type_size(f->type);
            bool bounded = f->type == WIRE_STR || f->type == WIRE_PAIRS || f->type == WIRE_LIST;
            assert_int_equal(f->max > 0, bounded);
            assert_int_equal(f->message != NULL, f->type == WIRE_LIST);
            for (const struct wire_field *g = m->fields; g < f; g++) {
                assert_true(g->offset + type_size(g->type) <= f->offset ||
                            f->offset + type_size(f->type) <= g->offset);
                assert_string_not_equal(g->name, f->name);
            }
        }
        /* Nothing of a struct is left out, but for padding. */
        assert_true(covered <= m->size && m->size - covered < 32);
    }
}

/* Fills every field by its table, differently for each seed. */
static void fill(const struct wire_message *m, struct arena *a, unsigned seed, void *value)
{
    static const uint64_t numbers[] = {1, 127, 128, 300, UINT32_MAX, 1ull << 40, UINT64_MAX};
    for (const struct wire_field *f = m->fields; f->id; f++) {
        void *at = (char *)value + f->offset;
        uint64_t number = numbers[(seed + f->id) % ARRAY_LEN(numbers)];
        struct str text = str_of(arena_printf(a, "%s %u", f->name, seed));
        if (f->type == WIRE_U64) {
            *(uint64_t *)at = number;
        } else if (f->type == WIRE_I64) {
            *(int64_t *)at = (int64_t)(seed % 2 ? number : 0 - number);
        } else if (f->type == WIRE_U32) {
            *(uint32_t *)at = (uint32_t)MAX(number & UINT32_MAX, 1);
        } else if (f->type == WIRE_BOOL) {
            *(bool *)at = true;
        } else if (f->type == WIRE_STR) {
            *(struct str *)at = text;
        } else if (f->type == WIRE_UUID) {
            *(struct uuid *)at = uuid_v4();
        } else if (f->type == WIRE_PAIRS) {
            struct wire_pair *pairs = arena_array(a, 3, sizeof(*pairs));
            pairs[0] = (struct wire_pair){text, STR("a\0b")};
            pairs[2] = (struct wire_pair){STR("empty"), STR("")};
            *(struct wire_pairs *)at = (struct wire_pairs){pairs, 3};
        } else {
            char *items = arena_array(a, 3, f->message->size);
            fill(f->message, a, seed + 1, items);
            fill(f->message, a, seed + 2, items + 2 * f->message->size);
            *(struct wire_list *)at = (struct wire_list){items, 3};
        }
    }
}

static void assert_same(const struct wire_message *m, const void *x, const void *y)
{
    for (const struct wire_field *f = m->fields; f->id; f++) {
        const void *p = (const char *)x + f->offset, *q = (const char *)y + f->offset;
        if (f->type == WIRE_STR) {
            assert_true(str_eq(*(const struct str *)p, *(const struct str *)q));
        } else if (f->type == WIRE_PAIRS) {
            const struct wire_pairs *v = p, *w = q;
            assert_int_equal(v->n, w->n);
            for (size_t i = 0; i < v->n; i++) {
                assert_true(str_eq(v->items[i].name, w->items[i].name));
                assert_true(str_eq(v->items[i].value, w->items[i].value));
            }
        } else if (f->type == WIRE_LIST) {
            const struct wire_list *v = p, *w = q;
            assert_int_equal(v->n, w->n);
            for (size_t i = 0; i < v->n; i++) {
                assert_same(f->message, (const char *)v->items + i * f->message->size,
                            (const char *)w->items + i * f->message->size);
            }
        } else {
            assert_memory_equal(p, q, type_size(f->type));
        }
    }
}

static void test_round_trips(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        for (unsigned seed = 0; seed < 8; seed++) {
            AUTO(arena_free) struct arena *a = arena_new(0, 0);
            AUTO(buf_done) struct buf b;
            buf_init(&b, 0);
            _Alignas(16) char in[512] = {0}, out[512];
            fill(messages[i], a, seed, in);
            buf_adds(&b, "before");
            wire_encode(messages[i], in, &b);
            assert_false(b.full);
            struct str bytes = str_n(b.data + 6, b.len - 6);
            struct err err = {0};
            assert_int_equal(wire_decode(messages[i], a, bytes, out, &err), 0);
            assert_same(messages[i], in, out);
            /* Cut anywhere it either reads as less or is refused, and never past the end. */
            for (size_t len = 0; len < bytes.len; len++) {
                char *cut = malloc(len ? len : 1);
                memcpy(cut, bytes.ptr, len);
                int rc = wire_decode(messages[i], a, str_n(cut, len), out, &err);
                assert_true(rc == 0 || rc == -EINVAL);
                free(cut);
            }
        }
    }
}

static void test_empty(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        _Alignas(16) char in[512] = {0}, out[512];
        wire_encode(messages[i], in, &b);
        assert_int_equal(b.len, 1);
        memset(out, 0xee, sizeof(out));
        assert_int_equal(wire_decode(messages[i], a, buf_str(&b), out, NULL), 0);
        assert_memory_equal(in, out, messages[i]->size);
    }
}

struct item {
    uint32_t n;
};
struct sample {
    uint64_t u64;
    int64_t i64;
    bool flag;
    uint32_t u32;
    struct str text;
    struct uuid id;
    struct wire_pairs pairs;
    struct wire_list items;
};
static const struct wire_field item_fields[] = {WIRE_FIELD(1, struct item, n, WIRE_U32, 0), {0}};
static const struct wire_message item_message = {"item", 2, sizeof(struct item), item_fields};
static const struct wire_field sample_fields[] = {
    WIRE_FIELD(1, struct sample, u64, WIRE_U64, 0),
    WIRE_FIELD(2, struct sample, i64, WIRE_I64, 0),
    WIRE_FIELD(3, struct sample, flag, WIRE_BOOL, 0),
    WIRE_FIELD(4, struct sample, u32, WIRE_U32, 0),
    WIRE_FIELD(5, struct sample, text, WIRE_STR, 8),
    WIRE_FIELD(6, struct sample, id, WIRE_UUID, 0),
    WIRE_FIELD(7, struct sample, pairs, WIRE_PAIRS, 2),
    WIRE_FIELDS_OF(200, struct sample, items, &item_message, 2),
    {0},
};
static const struct wire_message sample_message = {"sample", 1, sizeof(struct sample),
                                                   sample_fields};
/* The same a release earlier: fields 2, 5 and 200 were not there yet. */
static const struct wire_field older_fields[] = {
    WIRE_FIELD(1, struct sample, u64, WIRE_U64, 0),
    WIRE_FIELD(3, struct sample, flag, WIRE_BOOL, 0),
    WIRE_FIELD(4, struct sample, u32, WIRE_U32, 0),
    WIRE_FIELD(6, struct sample, id, WIRE_UUID, 0),
    {0},
};
static const struct wire_message older_message = {"sample", 1, sizeof(struct sample), older_fields};

static void test_bytes(void **state)
{
    struct wire_pair pair = {STR("k"), STR("v")};
    struct item items[2] = {{5}, {0}};
    struct sample in = {
        .u64 = 300,
        .i64 = -2,
        .flag = true,
        .u32 = 1,
        .text = STR("hi"),
        .pairs = {&pair, 1},
        .items = {items, 2},
    };
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    wire_encode(&sample_message, &in, &b);
    /* Fixed: an older release must read what a newer one writes. */
    static const char bytes[] = "\x01"                                      /* version */
                                "\x02\xac\x02"                              /* 1: 300 */
                                "\x04\x03"                                  /* 2: zigzag -2 */
                                "\x06\x01"                                  /* 3 */
                                "\x08\x01"                                  /* 4 */
                                "\x0b\x02hi"                                /* 5 */
                                "\x0f\x05\x01\x01k\x01v"                    /* 7: one pair */
                                "\x91\x03\x07\x02\x03\x02\x02\x05\x01\x02"; /* 200: two items */
    assert_true(str_eq(buf_str(&b), STR(bytes)));
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct sample out;
    assert_int_equal(wire_decode(&older_message, a, buf_str(&b), &out, NULL), 0);
    assert_int_equal(out.u64, 300);
    assert_true(out.flag && out.u32 == 1 && out.i64 == 0 && out.text.len == 0);
    buf_clear(&b);
    wire_encode(&older_message, &in, &b);
    assert_int_equal(wire_decode(&sample_message, a, buf_str(&b), &out, NULL), 0);
    assert_true(out.u64 == 300 && out.flag && out.i64 == 0 && out.items.n == 0);
}

static void test_refused(void **state)
{
    static const struct {
        struct str bytes;
        const char *code;
        const char *field;
    } cases[] = {
        {{"", 0}, "wire.malformed", ""},
        {STR("\x00"), "wire.version", ""},
        {STR("\x02\x02\x01"), "wire.version", ""},
        {STR("\x01\x02"), "wire.malformed", "u64"},
        {STR("\x01\x80"), "wire.malformed", ""},
        {STR("\x01\x00\x01"), "wire.malformed", ""},                    /* id 0 */
        {STR("\x01\x02\x01\x02\x01"), "wire.malformed", ""},            /* twice */
        {STR("\x01\x06\x01\x02\x01"), "wire.malformed", ""},            /* out of order */
        {STR("\x01\x03\x01x"), "wire.malformed", "u64"},                /* bytes for a number */
        {STR("\x01\x0a\x01"), "wire.malformed", "text"},                /* a number for bytes */
        {STR("\x01\x06\x02"), "wire.malformed", "flag"},                /* 2 is no bool */
        {STR("\x01\x08\x80\x80\x80\x80\x10"), "wire.malformed", "u32"}, /* 2^32 */
        {STR("\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "wire.malformed", "u64"},
        {STR("\x01\x02\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "wire.malformed", "u64"},
        {STR("\x01\x0b\x09"
             "123456789"),
         "wire.too_large", "text"},
        {STR("\x01\x0b\x05"
             "1234"),
         "wire.malformed", "text"},
        {STR("\x01\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "wire.malformed", "text"},
        {STR("\x01\x0d\x0f"
             "123456789012345"),
         "wire.malformed", "id"},
        {STR("\x01\x0f\x00"), "wire.malformed", "pairs"}, /* no count */
        {STR("\x01\x0f\x01\x03"), "wire.too_large", "pairs"},
        {STR("\x01\x0f\x01\x02"), "wire.malformed", "pairs"}, /* more than can follow */
        {STR("\x01\x0f\x03\x01\x05x"), "wire.malformed", "pairs"},
        {STR("\x01\x0f\x04\x01\x00\x00z"), "wire.malformed", "pairs"}, /* bytes left over */
        {STR("\x01\x91\x03\x01\x03"), "wire.too_large", "items"},
        {STR("\x01\x91\x03\x03\x01\x01\x01"), "wire.version", ""},   /* of the item */
        {STR("\x01\x91\x03\x03\x01\x00\x00"), "wire.malformed", ""}, /* an item without bytes */
        {STR("\x01\x91\x03\x04\x01\x01\x02z"), "wire.malformed", "items"},
        {STR("\x01\x92\x03\x05z"), "wire.malformed", ""}, /* an unknown field past the end */
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *bytes = malloc(cases[i].bytes.len + 1);
        memcpy(bytes, cases[i].bytes.ptr, cases[i].bytes.len);
        struct sample out = {.u64 = 77};
        struct err err = {0};
        int rc = wire_decode(&sample_message, a, str_n(bytes, cases[i].bytes.len), &out, &err);
        if (rc != -EINVAL || strcmp(err.code, cases[i].code) || strcmp(err.field, cases[i].field)) {
            fail_msg("case %zu: %d %s %s", i, rc, err.code, err.field);
        }
        assert_int_equal(out.u64, 77); /* untouched */
        free(bytes);
    }
}

static void test_unknown_fields(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct sample out;
    struct str bytes = STR("\x01\x02\x07"        /* 1: 7 */
                           "\x10\x09\x13\x03xyz" /* 8: a number, 9: bytes */
                           "\x90\x03\x01");      /* 200 as a number: a type never changes */
    assert_int_equal(wire_decode(&sample_message, a, bytes, &out, NULL), -EINVAL);
    bytes.len -= 3;
    assert_int_equal(wire_decode(&sample_message, a, bytes, &out, NULL), 0);
    assert_int_equal(out.u64, 7);
}

static void test_bounds_of_encoding(void **state)
{
    struct wire_pair pairs[3] = {0};
    struct item items[3] = {0};
    const struct sample over[] = {
        {.text = STR("123456789")},
        {.pairs = {pairs, 3}},
        {.items = {items, 3}},
    };
    for (size_t i = 0; i < ARRAY_LEN(over); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        wire_encode(&sample_message, &over[i], &b);
        assert_true(b.full);
        assert_int_equal(b.len, 0);
    }
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4);
    struct sample in = {.text = STR("12345")};
    wire_encode(&sample_message, &in, &b);
    assert_true(b.full && b.len == 0);
}

/* Small bytes must not become large memory: an arena that is nearly full refuses, not aborts. */
static void test_arena_room(void **state)
{
    AUTO(arena_free) struct arena *big = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    struct presence in = {0};
    in.runs.n = 2000;
    in.runs.items = arena_array(big, in.runs.n, sizeof(struct presence_run));
    wire_encode(&presence_message, &in, &b);
    AUTO(arena_free) struct arena *small = arena_new(KIB(4), KIB(16));
    struct presence out;
    struct err err = {0};
    assert_int_equal(wire_decode(&presence_message, small, buf_str(&b), &out, &err), -EINVAL);
    assert_string_equal(err.code, "wire.too_large");
    assert_int_equal(wire_decode(&presence_message, big, buf_str(&b), &out, &err), 0);
    assert_int_equal(out.runs.n, 2000);
}

static void test_batches(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    char *big = calloc(1, 100000);
    const struct str in[] = {STR("one"), STR(""), str_n(big, 100000), STR("last")};
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        wire_batch_add(&b, in[i]);
    }
    struct str rest = buf_str(&b), message;
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        assert_int_equal(wire_batch_next(&rest, &message), 1);
        assert_true(str_eq(message, in[i]));
    }
    assert_int_equal(wire_batch_next(&rest, &message), 0);
    const struct str bad[] = {STR("\x05"
                                  "four"),
                              STR("\x80"), STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        rest = bad[i];
        assert_int_equal(wire_batch_next(&rest, &message), -EINVAL);
    }
    AUTO(buf_done) struct buf small;
    buf_init(&small, 8);
    wire_batch_add(&small, STR("12345678"));
    assert_true(small.full && small.len == 0);
    free(big);
}

static void test_steps(void **state)
{
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        char *steps = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            steps[i] = (char)((i / 7) * 2654435761u >> 11);
        }
        steps_compress(str_n(steps, size), &b);
        assert_false(b.full);
        struct str out;
        struct err err = {0};
        assert_int_equal(steps_decompress(a, buf_str(&b), size, &out, &err), 0);
        assert_true(str_eq(out, str_n(steps, size)));
        assert_int_equal(steps_decompress(a, buf_str(&b), size + 1, &out, &err), -EINVAL);
        if (size > 0) {
            assert_int_equal(steps_decompress(a, buf_str(&b), size - 1, &out, &err), -EINVAL);
            assert_int_equal(steps_decompress(a, str_n(b.data, b.len - 1), size, &out, &err),
                             -EINVAL);
        }
        free(steps);
    }
}

static void test_steps_bombs(void **state)
{
    static const struct {
        struct str blob;
        size_t size;
        const char *code;
    } cases[] = {
        {STR("\x1fx\x01\x00\xff\xff"), MIB(512), "wire.malformed"}, /* cannot be so much */
        {STR("\x10x"), MIB(512) + 1, "wire.too_large"},
        {STR("\x10x"), SIZE_MAX, "wire.too_large"},
        {{"", 0}, 1, "wire.malformed"},
        {STR("\x10x"), 0, "wire.malformed"},
        {STR("\x1fx\xff\xff\x00"), 20, "wire.malformed"}, /* before the beginning */
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = STR("untouched");
        struct err err = {0};
        assert_int_equal(steps_decompress(a, cases[i].blob, cases[i].size, &out, &err), -EINVAL);
        assert_string_equal(err.code, cases[i].code);
        assert_true(str_eq(out, STR("untouched")));
    }
    assert_true(arena_used(a) < MIB(1));
    AUTO(arena_free) struct arena *small = arena_new(0, KIB(8));
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    char zeros[10000] = {0};
    steps_compress(str_n(zeros, sizeof(zeros)), &b);
    struct str out;
    assert_int_equal(steps_decompress(small, buf_str(&b), sizeof(zeros), &out, NULL), -EINVAL);
    AUTO(buf_done) struct buf tight;
    buf_init(&tight, 10);
    steps_compress(str_n(zeros, sizeof(zeros)), &tight);
    assert_true(tight.full && tight.len == 0);
}

static struct hook_request request_of(const struct wire_pairs *headers, const char *body,
                                      size_t len)
{
    return (struct hook_request){.method = STR("POST"),
                                 .content_type = STR("application/json"),
                                 .headers = *headers,
                                 .body = str_n(body, len)};
}

/* Small, packed, incompressible and large: all read back the same, after what stood before. */
static void test_requests(void **state)
{
    struct wire_pair pair = {STR("X-Name"), STR("a value")};
    const struct wire_pairs headers = {&pair, 1};
    for (size_t size = 0; size < 200000; size = size * 2 + 1) {
        for (int kind = 0; kind < 2; kind++) {
            AUTO(arena_free) struct arena *a = arena_new(0, 0);
            AUTO(buf_done) struct buf b;
            buf_init(&b, 0);
            buf_adds(&b, "before");
            char *body = malloc(size + 1);
            for (size_t i = 0; i < size; i++) {
                uint64_t mixed = (i + 1) * 0x9e3779b97f4a7c15u;
                body[i] = kind ? (char)(mixed >> 33 ^ mixed >> 57) : (char)('a' + i % 20);
            }
            struct hook_request in = request_of(&headers, body, size), out;
            hook_request_encode(&in, &b);
            assert_false(b.full);
            bool packed = size >= 255 && size < 64000 && kind == 0;
            assert_int_equal(b.data[6], packed ? 2 : 1);
            assert_true(packed ? b.len < size : b.len > size + 6);
            struct str bytes = str_n(b.data + 6, b.len - 6);
            assert_int_equal(hook_request_decode(a, bytes, &out, NULL), 0);
            assert_true(str_eq(out.body, in.body) && str_eq(out.method, in.method));
            assert_true(out.headers.n == 1 && str_eq(out.headers.items[0].value, pair.value));
            if (packed) {
                AUTO(arena_free) struct arena *small = arena_new(0, KIB(1));
                assert_int_equal(hook_request_decode(small, bytes, &out, NULL), -EINVAL);
                bytes.len--;
                assert_int_equal(hook_request_decode(a, bytes, &out, NULL), -EINVAL);
            }
            free(body);
        }
    }
    AUTO(buf_done) struct buf tight; /* no room to pack: it stays as it is */
    char body[1000] = {0};
    struct hook_request in = request_of(&headers, body, sizeof(body));
    buf_init(&tight, 1100);
    hook_request_encode(&in, &tight);
    assert_true(!tight.full && tight.data[0] == 1 && tight.len > 1000);
    buf_clear(&tight);
    buf_add(&tight, body, sizeof(body));
    hook_request_encode(&in, &tight);
    assert_true(tight.full && tight.len == 1000);
}

static void test_request_bombs(void **state)
{
    static const struct {
        struct str bytes;
        const char *code;
    } cases[] = {
        {STR("\x02\x00\x00\x01"), "wire.version"},
        {STR("\x02\xff\x00\x00\x00\x10x"), "wire.too_large"}, /* too small to be packed */
        {STR("\x02\x01\x00\x01\x00\x10x"), "wire.too_large"}, /* 64 KiB and one */
        {STR("\x02\xff\xff\xff\xff\x10x"), "wire.too_large"},
        {STR("\x02\x00\x01\x00\x00\x10x"), "wire.malformed"}, /* shorter than it says */
        {STR("\x02\x00\x01\x00\x00\x1fx\xff\xff\x00"), "wire.malformed"},
        {STR("\x03\x00\x01\x00\x00\x10x"), "wire.version"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct hook_request out;
        struct err err = {0};
        assert_int_equal(hook_request_decode(a, cases[i].bytes, &out, &err), -EINVAL);
        assert_string_equal(err.code, cases[i].code);
    }
}

static void test_names(void **state)
{
    for (int i = 0; i < _INVOKE_TYPE_N; i++) {
        assert_non_null(invoke_type_names[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(invoke_type_names[i], invoke_type_names[j]);
        }
    }
    int n = 0;
    for (const struct stream_spec *s = stream_specs; s->name; s++, n++) {
        assert_true(s->subjects && s->max_bytes >= MESSAGE_MAX_BYTES);
    }
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_bounds_of_encoding),
        cmocka_unit_test(test_arena_room),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_steps_bombs),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_request_bombs),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
