/* References: their grammar and what they find. */
#include "expr/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* "key|root|segment|segment", indexes marked by "#". */
static const struct {
    const char *text, *parsed;
} good[] = {
    {"step.results", "step|results"},
    {"loop.currentItem", "loop|currentItem"},
    {"loop.index", "loop|index"},
    {"payload.results.headers.x-flow", "payload|results|headers|x-flow"},
    {"t.results.webhookUrls.Receive SNS Notification",
     "t|results|webhookUrls|Receive SNS Notification"},
    {"t.results.headers.X-GitHub-Event", "t|results|headers|X-GitHub-Event"},
    {"a.results.nodes.0.versionSequence.nodes.12", "a|results|nodes|#0|versionSequence|nodes|#12"},
    {"t.results.body.data[0].Id", "t|results|body|data|#0|Id"},
    {"l.currentItem.[\".tag\"]", "l|currentItem|.tag"},
    {"l.currentItem[\".tag\"].x", "l|currentItem|.tag|x"},
    {"l.currentItem['a[0].b']", "l|currentItem|a[0].b"},
    {"l.currentItem[\"it's\"]['\"q\"']", "l|currentItem|it's|\"q\""},
    {"l.currentItem[\"a\\\"b\\\\c\\d\"]", "l|currentItem|a\"b\\c\\d"},
    {"l.currentItem[\"]\"].x", "l|currentItem|]|x"},
    {"l.currentItem[\"\"]", "l|currentItem|"},
    {"l.results[0][1].2", "l|results|#0|#1|#2"},
    {"l.results[\"0\"]", "l|results|#0"},
    {"l.results[name]", "l|results|name"},
    {"l[\"results\"].x", "l|results|x"},
    {"l.[\"results\"].x", "l|results|x"},
    {"l.results. a b ", "l|results| a b "},
    {"l.results.$id._x.-1.1a", "l|results|$id|_x|-1|1a"},
    {"l.results.x].y", "l|results|x]|y"},
    {"l.results.99999999999999999999", "l|results|99999999999999999999"},
    {"l.results.\xC3\xA9t\xC3\xA9.\xF0\x9F\x9A\x80",
     "l|results|\xC3\xA9t\xC3\xA9|\xF0\x9F\x9A\x80"},
};

static char *describe(const struct path *p)
{
    static const char *const roots[] = {"results", "currentItem", "index"};
    struct buf b;
    buf_init(&b, 0);
    buf_add_str(&b, p->step_key);
    buf_addf(&b, "|%s", roots[p->root]);
    for (size_t i = 0; i < p->n_segments; i++) {
        buf_adds(&b, p->segments[i].index >= 0 ? "|#" : "|");
        buf_add_str(&b, p->segments[i].key);
    }
    return buf_take(&b);
}

static void reads_references(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct path *p;
        struct err err = {0};
        if (path_compile(a, str_of(good[i].text), &p, &err) < 0) {
            fail_msg("%s: %s", good[i].text, err.message);
        }
        AUTO(mem_free) char *parsed = describe(p);
        assert_string_equal(parsed, good[i].parsed);
        assert_int_equal(p->step, UINT32_MAX);
    }
}

static void refuses_references(void **state)
{
    static const struct {
        const char *text;
        const char *says; /* part of the message */
    } bad[] = {
        {"", "empty"},
        {"step", "\".results\""},
        {"step.", "empty at character 6"},
        {".results", "empty at character 1"},
        {"[0].results", "empty at character 1"},
        {"step.result", "\".results\""},
        {"step.Results.x", "\".results\""},
        {"step.results ", "\".results\""},
        {"step[0]", "\".results\""},
        {"step.results..x", "empty at character 14"},
        {"step.results.", "empty at character 14"},
        {"\xC3\xA9t\xC3\xA9.results..x", "empty at character 13"},
        {"step.results[]", "empty at character 13"},
        {"step.results[0", "not closed at character 13"},
        {"step.results[\"x]", "not closed at character 14"},
        {"step.results[\"x\\\"]", "not closed at character 14"},
        {"step.results[\"x\"", "\"]\" is missing at character 17"},
        {"step.results[\"x\"y]", "\"]\" is missing at character 17"},
        {"step.results[0]x", "\".\" is missing at character 16"},
        {"step.results[", "not closed"},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct path *p = NULL;
        struct err err = {0};
        if (path_compile(a, str_of(bad[i].text), &p, &err) != -EINVAL) {
            fail_msg("%s was accepted", bad[i].text);
        }
        assert_string_equal(err.code, "path.syntax");
        if (!strstr(err.message, bad[i].says)) {
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].text, err.message, bad[i].says);
        }
    }
}

static void bounds_references(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    struct path *p;
    buf_init(&b, 0);
    buf_adds(&b, "s.results");
    for (int i = 2; i < PATH_MAX_SEGMENTS; i++) {
        buf_adds(&b, ".a");
    }
    assert_int_equal(path_compile(a, buf_str(&b), &p, NULL), 0);
    assert_int_equal(p->n_segments, PATH_MAX_SEGMENTS - 2);
    buf_adds(&b, ".a");
    assert_int_equal(path_compile(a, buf_str(&b), &p, NULL), -EINVAL);
    buf_clear(&b);
    buf_adds(&b, "s.results.");
    while (b.len < PATH_MAX_BYTES) {
        buf_addc(&b, 'x');
    }
    assert_int_equal(path_compile(a, buf_str(&b), &p, NULL), 0);
    buf_addc(&b, 'x');
    assert_int_equal(path_compile(a, buf_str(&b), &p, NULL), -EINVAL);
}

static void keeps_no_pointer_to_the_text(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct path *p;
    char text[] = "step.results.abc[\"d\"]";
    assert_int_equal(path_compile(a, str_of(text), &p, NULL), 0);
    memset(text, '?', sizeof(text) - 1);
    AUTO(mem_free) char *parsed = describe(p);
    assert_string_equal(parsed, "step|results|abc|d");
}

static const char root[] =
    "{\"headers\": {\"X-GitHub-Event\": \"push\", \"x-a\": 1, \"X-A\": 2, \"nested\": {\"Key\": "
    "1}},"
    " \"body\": {\"data\": [{\"Id\": \"i0\"}, {\"Id\": \"i1\"}], \"a.b\": {\"\": true}, \"7\": "
    "\"seven\"},"
    " \"text\": \"h\\u00e9\\ud83d\\ude80\", \"none\": null, \"n\": 5, \"Key\": 1,"
    " \"own\": {\"length\": \"mine\"}}";

static void finds_values(void **state)
{
    static const struct {
        const char *path, *json; /* NULL = undefined */
    } cases[] = {
        {"s.results.headers.X-GitHub-Event", "\"push\""},
        {"s.results.headers.x-github-event", "\"push\""},
        {"s.results.headers.x-a", "1"},
        {"s.results.headers.X-A", "2"},
        {"s.results.headers.nested.key", NULL},
        {"s.results.Headers.x-a", NULL},
        {"s.results.key", NULL},
        {"s.results.body.data.0.Id", "\"i0\""},
        {"s.results.body.data[1].Id", "\"i1\""},
        {"s.results.body.data[\"1\"].Id", "\"i1\""},
        {"s.results.body.data.2", NULL},
        {"s.results.body.data.2.Id", NULL},
        {"s.results.body.data.-1", NULL},
        {"s.results.body.data.Id", NULL},
        {"s.results.body.data.length", "2"},
        {"s.results.body[\"a.b\"][\"\"]", "true"},
        {"s.results.body.7", "\"seven\""},
        {"s.results.text.length", "4"},
        {"s.results.text.0", NULL},
        {"s.results.own.length", "\"mine\""},
        {"s.results.body.length", NULL},
        {"s.results.none", "null"},
        {"s.results.none.x", NULL},
        {"s.results.n.x", NULL},
        {"s.results.n.length", NULL},
        {"s.results.missing.x.y", NULL},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json value;
    assert_int_equal(json_parse(a, str_of(root), &value, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct path *p;
        assert_int_equal(path_compile(a, str_of(cases[i].path), &p, NULL), 0);
        struct json found = path_resolve(p, value);
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        if (found.type != JSON_UNDEFINED) {
            json_dump(&b, found);
        }
        if ((found.type == JSON_UNDEFINED) != (cases[i].json == NULL) ||
            !str_eq(buf_str(&b), str_of(cases[i].json))) {
            fail_msg("%s: %.*s", cases[i].path, (int)b.len, b.data ? b.data : "");
        }
    }
}

static void finds_roots_of_all_kinds(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct path *whole, *deep;
    assert_int_equal(path_compile(a, STR("s.index"), &whole, NULL), 0);
    assert_int_equal(path_compile(a, STR("s.index.x"), &deep, NULL), 0);
    assert_true(path_resolve(whole, json_num(3)).num == 3);
    assert_int_equal(path_resolve(whole, json_undefined()).type, JSON_UNDEFINED);
    assert_int_equal(path_resolve(deep, json_undefined()).type, JSON_UNDEFINED);
    assert_int_equal(path_resolve(deep, json_binary(STR("\1\2"))).type, JSON_UNDEFINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_references),  cmocka_unit_test(refuses_references),
        cmocka_unit_test(bounds_references), cmocka_unit_test(keeps_no_pointer_to_the_text),
        cmocka_unit_test(finds_values),      cmocka_unit_test(finds_roots_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
