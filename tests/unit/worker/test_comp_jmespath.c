/* jmespath: what queries find, what is refused and where, and hostile queries. */
#include "component_fixture.h"

#include "components/jmespath/jmespath.h"

#define DATA                                                                                       \
    "{\"a\": {\"b\": {\"c\": 7}}, \"n\": [3, 1, 2], \"t\": [\"b\", \"a\"], \"none\": null, "       \
    "\"s\": "                                                                                      \
    "\"h\\u00e9llo\", \"o\": {\"x\": {\"k\": 1}, \"y\": {\"k\": 2}, \"z\": {}}, \"p\": [{\"id\": " \
    "1, \"f\": true, \"g\": [1, 2]}, {\"id\": 2, \"f\": false, \"g\": [3, [4]]}, {\"id\": 3, "     \
    "\"f\": true}], \"a-b\": 5, \"r\": [{\"i\": [{\"v\": 1}, {\"v\": 2}]}, {\"i\": [{\"v\": "      \
    "3}]}]}"

static int search(struct action_context *ctx, struct json data, struct str query)
{
    struct json_member *m = arena_array(ctx->arena, 2, sizeof(*m));
    m[0] = (struct json_member){STR("data"), data};
    m[1] = (struct json_member){STR("query"), json_str(query)};
    return fixture_run_value(ctx, "jmespath.search", json_object(m, 2));
}

static const struct {
    const char *query, *result, *refusal;
} cases[] = {
    {"a.b.c", "7", NULL},
    {"a . b\n.c", "7", NULL},
    {"missing.x[0].y", "null", NULL},
    {"\"a-b\"", "5", NULL},
    {"\"\\u0061\".b", "{\"c\":7}", NULL},
    {"@.a.b", "{\"c\":7}", NULL},
    {"n[0]", "3", NULL},
    {"n[-1]", "2", NULL},
    {"n[9]", "null", NULL},
    {"a[0]", "null", NULL},
    {"n[1:]", "[1,2]", NULL},
    {"n[:2]", "[3,1]", NULL},
    {"n[::-1]", "[2,1,3]", NULL},
    {"n[-2:]", "[1,2]", NULL},
    {"n[5:1:-2]", "[2]", NULL},
    {"n[0:100:2]", "[3,2]", NULL},
    {"s[0:1]", "null", NULL},
    {"p[*].id", "[1,2,3]", NULL},
    {"p[ *\n].g[ 0 ]", "[1,3]", NULL},
    {"o.*.k | [0]", "1", NULL},
    {"{q: {x: o}}.q.*.x.k", "[1]", NULL},
    {"p[*].f | @[0] && n[1] || s", "null", NULL},
    {"p[].g[]", "[1,2,3,[4]]", NULL},
    {"p[*].g[] | [0]", "1", NULL},
    {"p[*].g | [0]", "[1,2]", NULL},
    {"p[*].g[][]", "[1,2,3,4]", NULL},
    {"r[*].i[*].v", "[[1,2],[3]]", NULL},
    {"r[].i[].v", "[1,2,3]", NULL},
    {"o.*.k", "[1,2]", NULL},
    {"*.x.k", "[1]", NULL},
    {"{q: @}.q.*.b.c", "[7]", NULL},
    {"p[?f].id", "[1,3]", NULL},
    {"p[?!f].id", "[2]", NULL},
    {"p[?id > `1` && f].id", "[3]", NULL},
    {"p[?id == `1` || id == `3`].id | [-1]", "3", NULL},
    {"p[?id>=`2`] | [0].id", "2", NULL},
    {"p[?g[0] == `3`].id", "[2]", NULL},
    {"p[?contains(keys(@), 'g')].id", "[1,2]", NULL},
    {"p[1:].id", "[2,3]", NULL},
    {"p[*].{i: id, \"two words\": f}", NULL, NULL},
    {"a.[b.c, `1`, 'x']", "[7,1,\"x\"]", NULL},
    {"p[*].[id, f]", "[[1,true],[2,false],[3,true]]", NULL},
    {"none.{x: y}", "null", NULL},
    {"{x: a.b.c, y: missing}", "{\"x\":7,\"y\":null}", NULL},
    {"[a.b.c, n[0]]", "[7,3]", NULL},
    {"[n][0]", "[3,1,2]", NULL},
    {"[n] | [0]", "[3,1,2]", NULL},
    {"`{\"x\": [1, \"\\`\"]}`", "{\"x\":[1,\"`\"]}", NULL},
    {"'it\\'s \\n'", "\"it's \\\\n\"", NULL},
    {"''", "\"\"", NULL},
    {"n == [`3`, `1`, `2`]", "true", NULL},
    {"a.b.c != `7`", "false", NULL},
    {"[`1` < `2`, `2` < `2`, `2` <= `2`, `3` <= `2`, `1` > `2`, `2` >= `2`, `2` > `2`]",
     "[true,false,true,false,false,true,false]", NULL},
    {"['a' < 'b', 'b' < 'b', 'b' <= 'b', 'ab' > 'a', '' >= '', '2026-03-01' >= '2026-02-28']",
     "[true,false,true,true,true,true]", NULL},
    {"[`1` < '2', 'a' < none, n < n]", "[null,null,null]", NULL},
    {"missing == none", "true", NULL},
    {"missing || s", "\"h\xC3\xA9llo\"", NULL},
    {"!n", "false", NULL},
    {"!``||!missing", NULL, "is not JSON"},
    {"`[]` || `{}` || `\"\"` || 'x'", "\"x\"", NULL},
    {"s && n && `0`", "0", NULL},
    {"(s || n) && missing", "null", NULL},
    {"a.b.c == `7` && 'yes' || 'no'", "\"yes\"", NULL},
    {"abs(`-3`)", "3", NULL},
    {"[avg(n), sum(n), max(n), min(n), ceil(`1.2`), floor(`1.8`)]", "[2,6,3,1,2,1]", NULL},
    {"[avg(`[]`), sum(`[]`), max(`[]`), min(`[]`)]", "[null,0,null,null]", NULL},
    {"[contains(t, 'a'), contains(s, 'llo'), contains(n, '3')]", "[true,true,false]", NULL},
    {"[starts_with(s, 'h'), ends_with(s, 'lo'), ends_with(s, 'hello')]", "[true,true,false]", NULL},
    {"join(', ', t)", "\"b, a\"", NULL},
    {"[keys(o), values(a), length(s), length(n), length(o)]",
     "[[\"x\",\"y\",\"z\"],[{\"c\":7}],5,3,3]", NULL},
    {"map(&id, p)", "[1,2,3]", NULL},
    {"map(&g[1], p)", "[2,[4],null]", NULL},
    {"max_by(p, &id).id", "3", NULL},
    {"min_by(p, &id).id", "1", NULL},
    {"merge(a, {b: 'n'}, `{\"z\": 1}`)", "{\"b\":\"n\",\"z\":1}", NULL},
    {"not_null(missing, none, s)", "\"h\xC3\xA9llo\"", NULL},
    {"[reverse(n), reverse(s)]", "[[2,1,3],\"oll\xC3\xA9h\"]", NULL},
    {"[sort(n), sort(t)]", "[[1,2,3],[\"a\",\"b\"]]", NULL},
    {"sort_by(p, &id)[-1].id", "3", NULL},
    {"reverse(sort_by(p, &to_string(id)))[*].id", "[3,2,1]", NULL},
    {"[to_array(s), to_array(n), to_number('1.5'), to_number('x'), to_number(n)]",
     "[[\"h\xC3\xA9llo\"],[3,1,2],1.5,null,null]", NULL},
    {"[to_string(n), to_string('x')]", "[\"[3,1,2]\",\"x\"]", NULL},
    {"[type(n), type(s), type(none), type(a), type(`true`), type(`1`), type(missing)]",
     "[\"array\",\"string\",\"null\",\"object\",\"boolean\",\"number\",\"null\"]", NULL},
    {"p[*].id | sum(@)", "6", NULL},
    {"p[?length(g || `[]`) > `1`].id", "[1,2]", NULL},
    {"a.", NULL, "character 3: a name, *, [ or { is missing"},
    {"a.b c", NULL, "character 5: the end is expected instead of \"c\""},
    {"a[", NULL, "a number, : or * is missing"},
    {"a[x]", NULL, "a number, : or * is expected instead of \"x\""},
    {"a[1 2]", NULL, "] is expected"},
    {"a[0:1:0]", NULL, "step of a slice is not 0"},
    {"a[99999999999]", NULL, "too large"},
    {"a[?b", NULL, "] is missing"},
    {"{a}", NULL, ": is expected"},
    {"{'a': b}", NULL, "a key is expected"},
    {"[a", NULL, "] is missing"},
    {"(a", NULL, ") is missing"},
    {"a # b", NULL, "the character # has no meaning"},
    {"a = b", NULL, "the character = has no meaning"},
    {"\xC3\xA9", NULL, "character 1: a character has no meaning"},
    {"'a", NULL, "the quote ' is not closed"},
    {"\"a\\", NULL, "the quote \" is not closed"},
    {"`foo`", NULL, "Texts stand in single quotes"},
    {"a ||", NULL, "an expression is missing"},
    {"!", NULL, "an expression is missing"},
    {"a * b", NULL, "an operator is missing"},
    {"p[*]x", NULL, "the end is expected"},
    {"p[*](x)", NULL, "a dot or a bracket is expected"},
    {"nope(a)", NULL, "there is no function nope"},
    {"\"abs\"(a)", NULL, "without quotes"},
    {"abs()", NULL, "takes 1 to 1 values, not 0"},
    {"abs(a, a)", NULL, "takes 1 to 1 values, not 2"},
    {"abs(s)", NULL, "value 1 of the function abs must be a number and is of type string"},
    {"sum(t)", NULL, "must be a list of numbers"},
    {"join(',', n)", NULL, "value 2 of the function join must be a list of strings"},
    {"sort_by(p, id)", NULL, "must be an &expression"},
    {"length(&a)", NULL, "is of type expression"},
    {"sort_by(p, &g)", NULL, "item 0 has a key of type array"},
    {"sort_by(p, &(g && id))", NULL, "item 2 has a key of type null"},
    {"&a", NULL, "among the values of a function"},
    {"sort(`[1, \"a\"]`)", NULL, "a list of numbers or a list of strings"},
};

static void queries(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        int rc = search(&ctx, fixture_json(&ctx, DATA), str_of(cases[i].query));
        if (cases[i].refusal) {
            if (rc >= 0 || !strstr(ctx.err.message, cases[i].refusal)) {
                fail_msg("%s: rc %d, \"%s\"", cases[i].query, rc, ctx.err.message);
            }
            assert_non_null(strstr(ctx.err.message, "Query (query)"));
        } else if (rc < 0 ||
                   (cases[i].result && strcmp(fixture_result(&ctx), cases[i].result) != 0)) {
            fail_msg("%s: rc %d (%s), %s instead of %s", cases[i].query, rc, ctx.err.message,
                     rc < 0 ? "" : fixture_result(&ctx), cases[i].result);
        }
        fixture_done(&ctx);
    }
}

static void inputs(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    assert_int_equal(fixture_run(&ctx, "jmespath.search", "{\"data\": 1}"), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "query"));
    assert_int_equal(search(&ctx, json_num(1), STR("  ")), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "Give an expression"));
    assert_int_equal(search(&ctx, json_cstr(" {\"a\": [5]}"), STR("a[0]")), 0);
    assert_string_equal(fixture_result(&ctx), "5");
    assert_int_equal(search(&ctx, json_cstr("{no json"), STR("@")), 0);
    assert_string_equal(fixture_result(&ctx), "\"{no json\"");
    assert_int_equal(search(&ctx, json_binary(STR("[1, 2]")), STR("sum(@)")), 0);
    assert_string_equal(fixture_result(&ctx), "3");
    fixture_done(&ctx);
}

static void refused(struct action_context *ctx, struct json data, struct buf *query,
                    const char *words)
{
    if (search(ctx, data, buf_str(query)) >= 0 || !strstr(ctx->err.message, words)) {
        fail_msg("\"%s\" instead of \"%s\"", ctx->err.message, words);
    }
    buf_clear(query);
}

static void repeat(struct buf *b, const char *text, int n)
{
    while (n-- > 0) {
        buf_adds(b, text);
    }
}

static void bounds(void **state)
{
    struct action_context ctx;
    struct buf b;
    struct json *numbers;
    fixture_init(&ctx);
    buf_init(&b, 0);
    repeat(&b, "(", 1000);
    refused(&ctx, json_num(1), &b, "nested deeper than 50");
    repeat(&b, "!", 1000);
    refused(&ctx, json_num(1), &b, "nested deeper than 50");
    repeat(&b, "a.", 1000);
    refused(&ctx, json_num(1), &b, "more than 200 parts");
    repeat(&b, "[0]", 1000);
    refused(&ctx, json_num(1), &b, "more than 200 parts");
    repeat(&b, "{a:", 1000);
    refused(&ctx, json_num(1), &b, "nested deeper than 50");
    repeat(&b, "a", KIB(16) + 1);
    refused(&ctx, json_num(1), &b, "longer than 16 KB");
    repeat(&b, "not_null(", 1);
    repeat(&b, "a,", 40);
    repeat(&b, "a)", 1);
    refused(&ctx, json_num(1), &b, "takes 1 to 32 values, not 41");
    /* Each bracket doubles what the result holds, and shares it. */
    buf_adds(&b, "@");
    repeat(&b, "|[@,@]", 40);
    refused(&ctx, json_num(1), &b, "character");
    buf_adds(&b, "'xxxxxxxxxxxxxxxx'");
    repeat(&b, "|join('', [@,@])", 30);
    refused(&ctx, json_num(1), &b, "character");
    buf_adds(&b, "to_string(@");
    repeat(&b, "|[@,@]", 40);
    buf_adds(&b, ")");
    refused(&ctx, json_num(1), &b, "character");
    numbers = arena_array(ctx.arena, 100000, sizeof(*numbers));
    for (int i = 0; i < 100000; i++) {
        numbers[i] = json_num(i);
    }
    struct json list = json_array(numbers, 100000);
    assert_int_equal(search(&ctx, list, STR("length(@[?@ > `5`])")), 0);
    assert_string_equal(fixture_result(&ctx), "99994");
    buf_adds(&b, "map(&length(map(&@, `[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]`)), @) | map(&sum([@, @]), "
                 "@) | map(&sum([@, @]), @) | map(&sum([@, @]), @) | map(&sum([@, @]), @)");
    refused(&ctx, list, &b, "character");
    fixture_done(&ctx);
    fixture_init(&ctx);
    ctx.deadline = clock_mono_ns() - 1;
    numbers = arena_array(ctx.arena, 100000, sizeof(*numbers));
    buf_adds(&b, "[*].a");
    refused(&ctx, json_array(numbers, 100000), &b, "time of the execution is over");
    buf_done(&b);
    fixture_done(&ctx);
}

/* A small object takes much more than its item did. */
static void what_is_made_on_the_way_is_bounded(void **state)
{
    enum { ITEMS = 1000000 };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct json *items = arena_array(a, ITEMS, sizeof(*items)), found;
    struct err err;
    for (size_t i = 0; i < ITEMS; i++) {
        items[i] = json_num(1);
    }
    size_t before = arena_used(a);
    err_clear(&err);
    assert_int_equal(jmespath_search(a, STR("length([*].{a: @})"), json_array(items, ITEMS),
                                     clock_mono_ns() + 30 * NS_PER_SEC, &found, &err),
                     -EINVAL);
    assert_non_null(strstr(err.message, "more than 128 MB on the way"));
    assert_true(arena_used(a) - before <= JMESPATH_MAX_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(queries), cmocka_unit_test(inputs),
                                       cmocka_unit_test(bounds),
                                       cmocka_unit_test(what_is_made_on_the_way_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
