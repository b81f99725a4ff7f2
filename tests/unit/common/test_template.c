/* Templates: where placeholders are, and values as text. */
#include "expr/template.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Parts as "'text'", "#key" and "$reference", joined by blanks. */
static char *describe(const struct template *t)
{
    static const char *const open[] = {"'", "#<", "$<"}, *const close[] = {"'", ">", ">"};
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < t->n_parts; i++) {
        buf_adds(&b, i ? " " : "");
        buf_adds(&b, open[t->parts[i].type]);
        buf_add_str(&b, t->parts[i].text);
        buf_adds(&b, close[t->parts[i].type]);
    }
    return b.data ? buf_take(&b) : mem_strdup("");
}

static void finds_placeholders(void **state)
{
    static const struct {
        const char *text, *parts;
    } cases[] = {
        {"", ""},
        {"plain", "'plain'"},
        {"{{#Sharepoint Drive}}", "#<Sharepoint Drive>"},
        {"/me/{{#Drive}}/root", "'/me/' #<Drive> '/root'"},
        {"{{$a.results}}{{$b.results.x.0}}", "$<a.results> $<b.results.x.0>"},
        {"{{ name }} {% if %}", "'{{ name }} {% if %}'"},
        {"{{name}}", "'{{name}}'"},
        {"{{#}}", "'{{#}}'"},
        {"{{# }}", "#< >"},
        {"{{{#A}}}", "'{' #<A> '}'"},
        {"{{#A}", "'{{#A}'"},
        {"{{#A} }}", "'{{#A} }}'"},
        {"{{#A}b{{#C}}", "'{{#A}b' #<C>"},
        {"{{#a {{#b}}", "#<a {{#b>"},
        {"{{#two\nlines}}", "#<two\nlines>"},
        {"{{#\xC3\xA9\xF0\x9F\x9A\x80}}", "#<\xC3\xA9\xF0\x9F\x9A\x80>"},
        {"{ {#A}}", "'{ {#A}}'"},
        {"{{$a.results[\"k\"]}}", "$<a.results[\"k\"]>"},
        {"{{", "'{{'"},
        {"}}{{#x}}{{#", "'}}' #<x> '{{#'"},
    };
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct template *t;
        assert_int_equal(template_compile(a, str_of(cases[i].text), &t, NULL), 0);
        AUTO(mem_free) char *parts = describe(t);
        assert_string_equal(parts, cases[i].parts);
        for (size_t k = 0; k < t->n_parts; k++) {
            assert_int_equal(t->parts[k].type == TEMPLATE_REFERENCE, t->parts[k].path != NULL);
        }
    }
}

static void refuses_bad_references(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct template *t = NULL;
    struct err err = {0};
    assert_int_equal(template_compile(a, STR("x {{$step}}"), &t, &err), -EINVAL);
    assert_string_equal(err.code, "path.syntax");
    assert_null(t);
}

static void bounds_parts(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    struct template *t;
    struct err err = {0};
    buf_init(&b, 0);
    for (int i = 0; i < TEMPLATE_MAX_PARTS; i++) {
        buf_adds(&b, "{{#A}}");
    }
    assert_int_equal(template_compile(a, buf_str(&b), &t, NULL), 0);
    assert_int_equal(t->n_parts, TEMPLATE_MAX_PARTS);
    buf_adds(&b, "x");
    assert_int_equal(template_compile(a, buf_str(&b), &t, &err), -EINVAL);
    assert_string_equal(err.code, "template.too_long");
}

/* Would take minutes if each opening looked through all that follows. */
static void reads_many_openings_once(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf b;
    struct template *t;
    buf_init(&b, 0);
    while (b.len < MIB(3)) {
        buf_adds(&b, "{{#");
    }
    assert_int_equal(template_compile(a, buf_str(&b), &t, NULL), 0);
    assert_int_equal(t->n_parts, 1);
    assert_int_equal(t->parts[0].text.len, b.len);
}

static void adds_values(void **state)
{
    const struct json items[] = {json_num(1), json_cstr("a\"b"), json_null(), json_undefined()};
    const struct json_member members[] = {{STR("k"), json_bool(true)},
                                          {STR("list"), json_array(items, 2)}};
    const struct {
        struct json value;
        const char *text;
    } cases[] = {
        {json_cstr("as \"is\""), "as \"is\""},
        {json_num(5), "5"},
        {json_num(-0.0), "0"},
        {json_num(0.1), "0.1"},
        {json_num(1e21), "1e+21"},
        {json_num(NAN), "NaN"},
        {json_bool(true), "true"},
        {json_bool(false), "false"},
        {json_null(), ""},
        {json_undefined(), ""},
        {json_array(items, 4), "[1,\"a\\\"b\",null,null]"},
        {json_array(items, 0), "[]"},
        {json_object(members, 2), "{\"k\":true,\"list\":[1,\"a\\\"b\"]}"},
        {json_binary(STR("h\xC3\xA9")), "h\xC3\xA9"},
        {json_binary(STR("a\xFFz\xC3")), "a\xEF\xBF\xBDz\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        buf_adds(&b, "<");
        template_add_value(&b, cases[i].value);
        assert_string_equal(b.data + 1, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_placeholders), cmocka_unit_test(refuses_bad_references),
        cmocka_unit_test(bounds_parts),       cmocka_unit_test(reads_many_openings_once),
        cmocka_unit_test(adds_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
