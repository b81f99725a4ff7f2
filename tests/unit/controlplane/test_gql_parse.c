/* The lexer and parser of GraphQL: what is accepted, what each value becomes, and where errors are
 * said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/gql_parse.h"

static struct gql_document parse(struct arena *a, const char *text)
{
    struct gql_document doc;
    struct err err = {0};
    if (gql_parse_request(a, str_of(text), &doc, &err) < 0) {
        fail_msg("%s: %s", text, err.message);
    }
    return doc;
}

static void test_operations(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct gql_document d = parse(a, "query A($x: [Int!]! = [1] @d, $y: S) @e { a b: c(d: 1) } "
                                     "mutation { m } fragment F on T { ...G ... on U { v } ... @x "
                                     "{ w } }");
    const struct gql_operation *op = d.operations;
    assert_true(str_eq(op->name, STR("A")));
    assert_true(str_eq(op->variables->name, STR("x")));
    assert_true(op->variables->type->non_null && op->variables->type->of->non_null);
    assert_true(str_eq(op->variables->type->of->name, STR("Int")));
    assert_int_equal(op->variables->fallback->kind, GQL_LIST);
    assert_true(str_eq(op->selections->next->alias, STR("b")));
    assert_true(str_eq(op->selections->next->name, STR("c")));
    assert_int_equal(op->next->kind, GQL_MUTATION);
    const struct gql_selection *s = d.fragments->selections;
    assert_int_equal(s->kind, GQL_SPREAD);
    assert_int_equal(s->next->kind, GQL_INLINE);
    assert_true(str_eq(s->next->on, STR("U")));
    assert_int_equal(s->next->next->on.len, 0);
}

static void test_values(void **state)
{
    static const struct {
        const char *text;
        enum gql_value_kind kind;
        const char *value;
    } rows[] = {
        {"0", GQL_INT, "0"},
        {"-12", GQL_INT, "-12"},
        {"1.5e-3", GQL_FLOAT, "1.5e-3"},
        {"1E9", GQL_FLOAT, "1E9"},
        {"true", GQL_BOOL, "true"},
        {"null", GQL_NULL, "null"},
        {"ASC", GQL_ENUM, "ASC"},
        {"$v", GQL_VARIABLE, "v"},
        {"\"\"", GQL_STRING, ""},
        {"\"a\\n\\\"\\u0041\\u{1F600}\"", GQL_STRING, "a\n\"A\xF0\x9F\x98\x80"},
        {"\"\\uD83D\\uDE00\"", GQL_STRING, "\xF0\x9F\x98\x80"},
        {"\"\"\"one\"\"\"", GQL_STRING, "one"},
        {"\"\"\"\n    a\n      b\n\n    c\n  \"\"\"", GQL_STRING, "a\n  b\n\nc"},
        {"\"\"\"x \\\"\"\" y\"\"\"", GQL_STRING, "x \"\"\" y"},
        {"\"\"\"\"\"\"", GQL_STRING, ""},
        {"\"\"\"a\r\n  b\r  c\"\"\"", GQL_STRING, "a\nb\nc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct gql_document d = parse(a, arena_printf(a, "{ f(x: %s) }", rows[i].text));
        const struct gql_value *v = d.operations->selections->args->value;
        assert_int_equal(v->kind, rows[i].kind);
        if (!str_eq(v->text, str_of(rows[i].value))) {
            fail_msg("%s became \"%.*s\"", rows[i].text, (int)v->text.len, v->text.ptr);
        }
    }
}

static void test_compound_values(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct gql_document d = parse(a, "{ f(x: {a: [1, [], {b: null}], c: $v}, y: []) }");
    const struct gql_value *v = d.operations->selections->args->value;
    assert_int_equal(v->kind, GQL_OBJECT);
    assert_int_equal(v->fields->value->items->next->next->kind, GQL_OBJECT);
    assert_int_equal(v->fields->next->value->kind, GQL_VARIABLE);
    assert_null(d.operations->selections->args->next->value->items);
}

static void test_errors_have_places(void **state)
{
    static const struct {
        const char *text;
        int line, column;
    } rows[] = {
        {"", 1, 1},
        {"{", 1, 2},
        {"{}", 1, 2},
        {"{a", 1, 3},
        {"{ a }}", 1, 6},
        {"{ a(", 1, 5},
        {"{ a() }", 1, 5},
        {"{ a(b) }", 1, 6},
        {"{ a(b: ) }", 1, 8},
        {"{\n  a(b: 01)\n}", 2, 8},
        {"{\n  a(b: 1x)\n}", 2, 9},
        {"{ a(b: 1.) }", 1, 10},
        {"{ a(b: -) }", 1, 9},
        {"{ a(b: \"x) }", 1, 13},
        {"{ a(b: \"\\q\") }", 1, 9},
        {"{ a(b: \"\\uD800\") }", 1, 15},
        {"{ a(b: \"\\u{110000}\") }", 1, 19},
        {"{ a(b: \"\"\"x) }", 1, 15},
        {"{ a ? }", 1, 5},
        {"{ a .. b }", 1, 5},
        {"quary { a }", 1, 1},
        {"query ($a Int) { a }", 1, 11},
        {"query ($a: [Int) { a }", 1, 16},
        {"query ($a: Int = $b) { a }", 1, 18},
        {"fragment on on T { a }", 1, 10},
        {"fragment F T { a }", 1, 12},
        {"type T { a: Int }", 1, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct gql_document d;
        struct err err = {0};
        assert_int_equal(gql_parse_request(a, str_of(rows[i].text), &d, &err), -EINVAL);
        if (err.line != rows[i].line || err.column != rows[i].column) {
            fail_msg("%s: %s at %d:%d", rows[i].text, err.message, err.line, err.column);
        }
    }
}

static void repeat(struct buf *b, const char *text, int n)
{
    for (int i = 0; i < n; i++) {
        buf_adds(b, text);
    }
}

static void test_bounds(void **state)
{
    static const struct {
        const char *head, *part;
        int n;
    } rows[] = {
        {"", "{a", 60}, /* not closed, but not too deep either */
        {"", "{a", 5000},        {"{a(x:", "[", 100000},
        {"{a(x:", "{b:", 50000}, {"query($x:", "[", 50000},
        {"{", "a ", 60000},      {"{a #", "x", 300000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf b;
        struct gql_document d;
        buf_init(&b, 0);
        buf_adds(&b, rows[i].head);
        repeat(&b, rows[i].part, rows[i].n);
        assert_int_equal(gql_parse_request(a, buf_str(&b), &d, NULL), -EINVAL);
    }
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    repeat(&b, "{a", 60);
    repeat(&b, "}", 60);
    (void)parse(a, b.data);
}

static void test_hostile_bytes(void **state)
{
    static const struct str rows[] = {
        {"{a\0b}", 5},
        {"{a(x:\"\0\")}", 10},
        {"{a(x:\"\xFF\")}", 10},
        {"{a(x:\"\"\"\xC0\x80\"\"\")}", 15},
        {"\xFF\xFE{\0a\0}\0", 8},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        struct gql_document d;
        assert_int_equal(gql_parse_request(a, rows[i], &d, NULL), -EINVAL);
    }
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    (void)parse(a, "\xEF\xBB\xBF{ a , , # comment {\n b }");
}

static void test_schema(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct gql_document d;
    struct err err = {0};
    static const char sdl[] =
        "\"\"\"What it is\"\"\" type T implements A & B @x(y: 1) { \"f\" f(a: Int = 1 @w): [T!]! "
        "}\n"
        "interface A { f: T } union U = | T | V enum E { X Y @deprecated } input I { a: Int = 3 }\n"
        "scalar S directive @x(y: Int) repeatable on OBJECT | FIELD";
    assert_int_equal(gql_parse_schema(a, STR(sdl), &d, &err), 0);
    assert_true(str_eq(d.types->description, STR("What it is")));
    assert_true(str_eq(d.types->interfaces->next->name, STR("B")));
    assert_true(str_eq(d.types->fields->args->directives->name, STR("w")));
    assert_int_equal(d.types->next->next->kind, GQL_T_UNION);
    assert_true(d.directives->repeatable);
    assert_int_equal(gql_parse_schema(a, STR("query { a }"), &d, &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),      cmocka_unit_test(test_values),
        cmocka_unit_test(test_compound_values), cmocka_unit_test(test_errors_have_places),
        cmocka_unit_test(test_bounds),          cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
