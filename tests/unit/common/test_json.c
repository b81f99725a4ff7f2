/* Engine values: reading and writing text, building, copying, comparing. */
#include "json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "clock.h"

static const struct {
    const char *text, *dumped;
} accepted[] = {
    {"null", "null"},
    {" \t\r\n true \n", "true"},
    {"false", "false"},
    {"\"\"", "\"\""},
    {"[]", "[]"},
    {"[ ]", "[]"},
    {"{ }", "{}"},
    {"[1 , 2,[3]]", "[1,2,[3]]"},
    {"{\"a\" : {\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}"},
    {"{\"\":1}", "{\"\":1}"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
    {"{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
    {"\"\\u0000\\u001F\\u007f\"", "\"\\u0000\\u001f\x7F\""},
    {"\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
    {"\"\xC3\xA9 and \xF0\x9F\x98\x80 as they are\"",
     "\"\xC3\xA9 and \xF0\x9F\x98\x80 as they are\""},
    {"\"\\uD83D\"", "\"\xEF\xBF\xBD\""},
    {"\"\\uDE00\\uD83D\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"\"\\uD83D\\u0041\"", "\"\xEF\xBF\xBD"
                           "A\""},
    {"\"\\uD83D\\n\"", "\"\xEF\xBF\xBD\\n\""},
    {"\"a string of more than eight bytes, then \\\" and more of it\"",
     "\"a string of more than eight bytes, then \\\" and more of it\""},
    /* numbers, as JavaScript writes them */
    {"0", "0"},
    {"-0", "0"},
    {"-0.0", "0"},
    {"1E2", "100"},
    {"1e+2", "100"},
    {"1.50", "1.5"},
    {"-12.25", "-12.25"},
    {"0.1", "0.1"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"19.99", "19.99"},
    {"0.000001", "0.000001"},
    {"0.0000001", "1e-7"},
    {"1.5e-7", "1.5e-7"},
    {"123456789012345680000", "123456789012345680000"},
    {"1e20", "100000000000000000000"},
    {"1e21", "1e+21"},
    {"1.25e+25", "1.25e+25"},
    {"9007199254740991", "9007199254740991"},
    {"9007199254740993", "9007199254740992"},
    {"9007199254740992.99999", "9007199254740992"},
    {"9007199254740993.00000000000000000000000000001", "9007199254740994"},
    {"18446744073709551616", "18446744073709552000"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"2.2250738585072011e-308", "2.225073858507201e-308"},
    {"5e-324", "5e-324"},
    {"2e-324", "0"},
    {"3e-324", "5e-324"},
    {"7.120236347223045e-307", "7.120236347223045e-307"}, /* 2^-1017 */
    {"1e999", "null"},                                    /* infinite, as JSON.parse has it */
    {"-1e99999999999999999999", "null"},
    {"1e-99999999999999999999", "0"},
    {"0e99999999999999999999", "0"},
    {"0.00000000000000000000000000000000000000001e41", "1"},
    {"100000000000000000000000000000000000000000e-41", "1"},
    {"123456.789e3", "123456789"},
    {"1.0000000000000002220446049250313080847263336181640625", "1.0000000000000002"},
    {"1.00000000000000011102230246251565404236316680908203125", "1"},
    {"1.00000000000000011102230246251565404236316680908203126", "1.0000000000000002"},
};

static void parses_and_dumps(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        struct json v;
        struct err err = {0};
        if (json_parse(a, str_of(accepted[i].text), &v, &err)) {
            fail_msg("%s: %s", accepted[i].text, err.message);
        }
        json_dump(&b, v);
        assert_string_equal(b.data, accepted[i].dumped);
        assert_false(b.full);
    }
}

#define BAD(lit, at)                                                                               \
    {                                                                                              \
        {(lit), sizeof(lit) - 1}, (at)                                                             \
    }
static const struct {
    struct str text;
    size_t at; /* offset in the words */
} refused[] = {
    BAD("", 0),
    BAD("  ", 2),
    BAD("nul", 0),
    BAD("nulll", 4),
    BAD("True", 0),
    BAD("NaN", 0),
    BAD("Infinity", 0),
    BAD("undefined", 0),
    BAD("'a'", 0),
    BAD("1 2", 2),
    BAD("[1\0,2]", 2),
    BAD("\0", 0),
    BAD("1\0", 1),
    BAD("\xEF\xBB\xBF{}", 0),
    BAD("\v1", 0),
    BAD("// x\n1", 0),
    BAD("[", 1),
    BAD("[1", 2),
    BAD("[1,", 3),
    BAD("[1,]", 3),
    BAD("[,1]", 1),
    BAD("[1 2]", 3),
    BAD("[1}", 2),
    BAD("]", 0),
    BAD("{", 1),
    BAD("{\"a\"", 4),
    BAD("{\"a\":", 5),
    BAD("{\"a\":1", 6),
    BAD("{\"a\":1,", 7),
    BAD("{\"a\":1,}", 7),
    BAD("{\"a\" 1}", 5),
    BAD("{a:1}", 1),
    BAD("{1:1}", 1),
    BAD("{\"a\":1]", 6),
    BAD("+1", 0),
    BAD("-", 1),
    BAD("-a", 1),
    BAD("01", 0),
    BAD("-01", 1),
    BAD("00", 0),
    BAD("1.", 2),
    BAD("1.e1", 2),
    BAD(".5", 0),
    BAD("1e", 2),
    BAD("1e+", 3),
    BAD("1ee1", 2),
    BAD("0x10", 1),
    BAD("1_000", 1),
    BAD("\"", 1),
    BAD("\"abc", 4),
    BAD("\"a\nb\"", 2),
    BAD("\"a\0b\"", 2),
    BAD("\"eight or more bytes\tbefore it\"", 20),
    BAD("\"\\n then \x01\"", 9),
    BAD("\"\\", 2),
    BAD("\"\\\"", 3),
    BAD("\"\\x41\"", 2),
    BAD("\"\\u12\"", 3),
    BAD("\"\\u12g4\"", 3),
    BAD("\"\\u", 3),
    BAD("\"\xFF\"", 1),
    BAD("\"\xC3\"", 1),
    BAD("\"\xC0\xAF\"", 1),         /* overlong */
    BAD("\"\xED\xA0\x80\"", 1),     /* a surrogate */
    BAD("\"\xF4\x90\x80\x80\"", 1), /* above U+10FFFF */
    BAD("\"\\n\xFF\"", 3),
    BAD("{\"\xFF\":1}", 2),
};

static void refuses_with_the_place(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct json v = json_cstr("untouched");
        struct err err = {0};
        char where[32];
        (void)snprintf(where, sizeof(where), "at byte %zu", refused[i].at);
        if (json_parse(a, refused[i].text, &v, &err) != -EINVAL) {
            fail_msg("accepted: %.*s", (int)refused[i].text.len, refused[i].text.ptr);
        }
        assert_string_equal(err.code, "json.syntax");
        if (!str_ends(str_of(err.message), str_of(where))) {
            fail_msg("%.*s: %s, not %s", (int)refused[i].text.len, refused[i].text.ptr, err.message,
                     where);
        }
        assert_true(str_eq(json_as_str(v), STR("untouched")));
        assert_int_equal(json_parse(a, refused[i].text, &v, NULL), -EINVAL);
    }
}

static void errors_have_line_and_column(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json v;
    struct err err = {0};
    assert_int_equal(json_parse(a, STR("{\n  \"a\": x\n}"), &v, &err), -EINVAL);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 8);
}

/* Every cut of a text is refused, except those that are whole texts themselves. */
static void truncated_texts_are_refused(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str text = STR("{\"k\":[1.5e3,\"\\u00e9\\\\ x\",true,null,{\"m\":-0.25}],\"l\":\"\"}");
    struct json v;
    for (size_t n = 0; n < text.len; n++) {
        char *exact = mem_dup(text.ptr, n); /* for the sanitizer: nothing may be read after it */
        assert_int_equal(json_parse(a, str_n(exact, n), &v, NULL), -EINVAL);
        mem_free(exact);
    }
    assert_int_equal(json_parse(a, text, &v, NULL), 0);
}

static void quote_at_every_distance(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    static const char *const tails[] = {"", "\\n", "\xC3\xA9", "\x01", "\xFF"};
    for (size_t t = 0; t < ARRAY_LEN(tails); t++) {
        for (size_t n = 0; n < 40; n++) {
            AUTO(buf_done) struct buf b;
            buf_init(&b, 0);
            buf_addc(&b, '"');
            for (size_t i = 0; i < n; i++) {
                buf_addc(&b, (char)('a' + i % 26));
            }
            buf_adds(&b, tails[t]);
            buf_addc(&b, '"');
            char *exact = mem_dup(b.data, b.len);
            struct json v;
            int rc = json_parse(a, str_n(exact, b.len), &v, NULL);
            assert_int_equal(rc, t < 3 ? 0 : -EINVAL);
            if (t < 3) {
                AUTO(buf_done) struct buf again;
                buf_init(&again, 0);
                json_dump(&again, v);
                assert_true(str_eq(buf_str(&again), buf_str(&b)));
            }
            mem_free(exact);
        }
    }
}

static char *nested_text(size_t depth, char open, char close)
{
    char *text = mem_alloc(2 * depth + 1);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    text[2 * depth] = '\0';
    return text;
}

static void depth_is_bounded(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json v;
    struct err err;
    AUTO(mem_free) char *most = nested_text(JSON_MAX_DEPTH, '[', ']');
    AUTO(mem_free) char *more = nested_text(JSON_MAX_DEPTH + 1, '[', ']');
    AUTO(mem_free) char *many = nested_text(1000000, '[', ']');
    assert_int_equal(json_parse(a, str_of(most), &v, &err), 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    json_dump(&b, v);
    assert_string_equal(b.data, most);
    assert_int_equal(json_parse(a, str_of(more), &v, &err), -EINVAL);
    assert_non_null(strstr(err.message, "nested too deeply"));
    assert_int_equal(json_parse(a, str_of(many), &v, &err), -EINVAL);
}

static void writing_deeper_values_sets_full(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json v = json_num(1);
    for (int i = 0; i < JSON_MAX_NEST; i++) {
        struct json *item = arena_dup(a, &v, sizeof(v));
        v = json_array(item, 1);
    }
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    json_dump(&b, v);
    assert_false(b.full);
    assert_true(json_equal(v, json_copy(a, v)));
    struct json deeper = json_array(&v, 1);
    buf_clear(&b);
    json_dump(&b, deeper);
    assert_true(b.full);
    assert_false(json_equal(deeper, deeper));
    struct json copy = json_copy(a, deeper);
    for (int i = 0; i < JSON_MAX_NEST; i++) {
        copy = json_at(copy, 0);
    }
    assert_int_equal(copy.type, JSON_NULL);
}

static void too_large_for_the_arena_is_an_error(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(1), KIB(4));
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "[0");
    for (int i = 0; i < 1000; i++) {
        buf_adds(&b, ",1");
    }
    buf_addc(&b, ']');
    struct json v;
    struct err err;
    assert_int_equal(json_parse(a, buf_str(&b), &v, &err), -EINVAL);
    assert_string_equal(err.code, "json.too_large");
    assert_int_equal(json_parse(a, STR("[1,2,3]"), &v, &err), 0);
    assert_int_equal(v.len, 3);
}

static void many_keys(struct buf *b, int n, int modulo)
{
    buf_addc(b, '{');
    for (int i = 0; i < n; i++) {
        buf_addf(b, "%s\"key%d\":%d", i ? "," : "", i % modulo, i);
    }
    buf_addc(b, '}');
}

static void duplicates_of_any_count(void **state)
{
    static const int counts[] = {2, 8, 16, 17, 18, 40, 1000};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        int n = counts[i], distinct = n / 2 + 1;
        many_keys(&b, n, distinct);
        struct json v;
        assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
        assert_int_equal(v.len, distinct);
        for (int k = 0; k < distinct; k++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "key%d", k);
            assert_true(str_eq(v.members[k].key, str_of(key)));
            int last = k + distinct < n ? k + distinct : k;
            assert_true(v.members[k].value.num == last);
        }
    }
}

/* The bound is far above what linear work takes and far below what quadratic work would. */
static void hostile_objects_stay_linear(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    int n = 200000;
    many_keys(&b, n, n);
    struct json v;
    int64_t start = clock_mono_ns();
    assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
    assert_int_equal(v.len, n);
    struct json_builder set, reversed;
    json_build_object(&set, a);
    json_build_object(&reversed, a);
    for (int i = 0; i < n; i++) {
        json_set(&set, v.members[i].key, json_null());
        json_set(&reversed, v.members[n - 1 - i].key, v.members[n - 1 - i].value);
    }
    for (int i = 0; i < n; i++) {
        json_set(&set, v.members[i].key, v.members[i].value);
    }
    assert_true(json_equal(json_built(&set), v));
    assert_true(json_equal(json_built(&reversed), v));
    assert_true(clock_mono_ns() - start < 10 * NS_PER_SEC);
}

static void builds(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json_builder items, members;
    json_build_array(&items, a);
    assert_int_equal(json_built(&items).type, JSON_ARRAY);
    assert_int_equal(json_built(&items).len, 0);
    for (int i = 0; i < 100; i++) {
        json_push(&items, json_num(i));
    }
    assert_int_equal(json_built(&items).len, 100);
    assert_true(json_at(json_built(&items), 99).num == 99);
    assert_int_equal(json_at(json_built(&items), 100).type, JSON_UNDEFINED);
    assert_int_equal(json_at(json_num(1), 0).type, JSON_UNDEFINED);

    json_build_object(&members, a);
    assert_int_equal(json_built(&members).type, JSON_OBJECT);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            json_set(&members, str_of(arena_printf(a, "k%d", i)), json_num(i + round));
        }
        if (round == 0) { /* keys that were appended are found by later sets, too */
            json_append(&members, STR("appended"), json_null());
        }
    }
    json_set(&members, STR("appended"), json_bool(true));
    struct json v = json_built(&members);
    assert_int_equal(v.len, 101);
    assert_true(json_get(v, STR("k0")).num == 1);
    assert_true(json_get(v, STR("k99")).num == 100);
    assert_int_equal(json_get(v, STR("appended")).type, JSON_TRUE);
    assert_int_equal(json_get(v, STR("k100")).type, JSON_UNDEFINED);
    assert_int_equal(json_get(v, STR("")).type, JSON_UNDEFINED);
    assert_int_equal(json_get(json_null(), STR("k0")).type, JSON_UNDEFINED);
}

static void looks_up_ignoring_case(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json v;
    assert_int_equal(
        json_parse(a, STR("{\"Content-Type\":1,\"content-type\":2,\"X-A\":3}"), &v, NULL), 0);
    assert_true(json_get_ci(v, STR("content-type")).num == 2); /* exact wins */
    assert_true(json_get_ci(v, STR("CONTENT-TYPE")).num == 1); /* else the first */
    assert_true(json_get_ci(v, STR("x-a")).num == 3);
    assert_int_equal(json_get_ci(v, STR("x-b")).type, JSON_UNDEFINED);
    assert_int_equal(json_get_ci(json_num(1), STR("x")).type, JSON_UNDEFINED);
}

static void compares(void **state)
{
    static const struct {
        const char *x, *y;
        bool equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"\"1\"", "1", false},
        {"0", "-0", true},
        {"null", "false", false},
        {"[]", "{}", false},
        {"\"a\"", "\"\\u0061\"", true},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json x, y;
        assert_int_equal(json_parse(a, str_of(cases[i].x), &x, NULL), 0);
        assert_int_equal(json_parse(a, str_of(cases[i].y), &y, NULL), 0);
        assert_int_equal(json_equal(x, y), cases[i].equal);
        assert_int_equal(json_equal(y, x), cases[i].equal);
    }
    assert_false(json_equal(json_num(NAN), json_num(NAN)));
    assert_false(json_equal(json_null(), json_undefined()));
    assert_false(json_equal(json_cstr("a"), json_binary(STR("a"))));
}

static void copies_share_nothing(void **state)
{
    AUTO(arena_free) struct arena *kept = arena_new(0, 0);
    AUTO(arena_free) struct arena *gone = arena_new(0, 0);
    char *text = mem_strdup("{\"a\":[\"text\",{\"b\":null}],\"c\":true,\"d\":\"\"}");
    struct json v, copy;
    assert_int_equal(json_parse(gone, str_of(text), &v, NULL), 0);
    copy = json_copy(kept, v);
    assert_true(json_equal(v, copy));
    memset(text, 'x', strlen(text));
    mem_free(text);
    gone = arena_free(gone);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    json_dump(&b, copy);
    assert_string_equal(b.data, "{\"a\":[\"text\",{\"b\":null}],\"c\":true,\"d\":\"\"}");
}

static void dumps_what_json_lacks(void **state)
{
    const struct json items[] = {json_undefined(), json_num(NAN), json_num(-INFINITY),
                                 json_binary(STR("\xFF\0x"))};
    const struct json_member members[] = {
        {STR("gone"), json_undefined()}, {STR("n"), json_num(INFINITY)}, {STR("gone2"), {0}}};
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    json_dump(&b, json_array(items, 4));
    assert_string_equal(b.data, "[null,null,null,\"/wB4\"]");
    buf_clear(&b);
    json_dump(&b, json_object(members, 3));
    assert_string_equal(b.data, "{\"n\":null}");
    buf_clear(&b);
    json_dump(&b, json_object(members, 1));
    assert_string_equal(b.data, "{}");
    buf_clear(&b);
    json_dump(&b, json_undefined());
    assert_string_equal(b.data, "null");
}

static void writes_numbers_as_string_does(void **state)
{
    static const struct {
        double num;
        const char *text;
    } cases[] = {
        {NAN, "NaN"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {-0.0, "0"},
        {0x1p53, "9007199254740992"},
        {-1e-7, "-1e-7"},
        {1.0 / 3, "0.3333333333333333"},
        {123.456, "123.456"},
        {1e15, "1000000000000000"},
        {999999.999999, "999999.999999"},
        {1e-6 + 1e-12, "0.000001000001"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        json_dump_number(&b, cases[i].num);
        assert_string_equal(b.data, cases[i].text);
    }
}

/* Bit patterns from all over the range read back as themselves. */
static void numbers_survive_a_round_trip(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    uint64_t bits = 88172645463325252;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double num;
        memcpy(&num, &bits, sizeof(num));
        if (!isfinite(num)) {
            continue;
        }
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        json_dump_number(&b, num);
        struct json v;
        assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
        assert_memory_equal(&v.num, &num, sizeof(num));
    }
}

static void long_numbers_are_exact(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    struct json v;
    /* halfway between 1 and the next double, with a digit that decides 100,000 places later */
    buf_adds(&b, "1.00000000000000011102230246251565404236316680908203125");
    for (int i = 0; i < 100000; i++) {
        buf_addc(&b, '0');
    }
    assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
    assert_true(v.num == 1);
    buf_addc(&b, '1');
    assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
    assert_true(v.num == 0x1.0000000000001p0);
    buf_clear(&b);
    buf_addc(&b, '1');
    for (int i = 0; i < 100000; i++) {
        buf_addc(&b, '0');
    }
    buf_adds(&b, "e-100000");
    assert_int_equal(json_parse(a, buf_str(&b), &v, NULL), 0);
    assert_true(v.num == 1);
}

static void repairs_text_that_is_not_utf8(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xC3\xA9\xC3", "\"\xC3\xA9\xEF\xBF\xBD\""},
        {"x\x80\x80 \xE2\x82\xAC", "\"x\xEF\xBF\xBD \xE2\x82\xAC\""},
        {"\xFF\n\xC3\xA9", "\"\xEF\xBF\xBD\\n\xC3\xA9\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        json_dump_string(&b, str_of(cases[i].in));
        assert_string_equal(b.data, cases[i].out);
    }
}

static void dumps_pretty(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    struct json v;
    assert_int_equal(json_parse(a, STR("{\"a\":[1,{}],\"b\":[],\"c\":{\"d\":null}}"), &v, NULL), 0);
    json_dump_pretty(&b, v, 2);
    assert_string_equal(b.data, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": [],\n  \"c\": {\n"
                                "    \"d\": null\n  }\n}");
}

static void output_is_bounded(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 10);
    json_dump(&b, json_cstr("much more than ten bytes"));
    assert_true(b.full);
    assert_true(b.len <= 10);
}

static void sizes_grow_with_content(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json small, large;
    assert_int_equal(json_parse(a, STR("{\"a\":\"x\"}"), &small, NULL), 0);
    assert_int_equal(json_parse(a, STR("{\"a\":\"xxxxxxxxxxxxxxxxx\",\"b\":[1]}"), &large, NULL),
                     0);
    assert_int_equal(json_size(small), 16 + 16 + 1 + 16 + 1);
    assert_int_equal(json_size(large), json_size(small) + 16 + 16 + 1 + 16 + 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_dumps),
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(errors_have_line_and_column),
        cmocka_unit_test(truncated_texts_are_refused),
        cmocka_unit_test(quote_at_every_distance),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(writing_deeper_values_sets_full),
        cmocka_unit_test(too_large_for_the_arena_is_an_error),
        cmocka_unit_test(duplicates_of_any_count),
        cmocka_unit_test(hostile_objects_stay_linear),
        cmocka_unit_test(builds),
        cmocka_unit_test(looks_up_ignoring_case),
        cmocka_unit_test(compares),
        cmocka_unit_test(copies_share_nothing),
        cmocka_unit_test(dumps_what_json_lacks),
        cmocka_unit_test(writes_numbers_as_string_does),
        cmocka_unit_test(numbers_survive_a_round_trip),
        cmocka_unit_test(long_numbers_are_exact),
        cmocka_unit_test(repairs_text_that_is_not_utf8),
        cmocka_unit_test(dumps_pretty),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(sizes_grow_with_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
