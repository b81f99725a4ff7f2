/* liquid-template: what templates become, what is refused and where, and hostile templates. */
#include "component_fixture.h"

#define DATA                                                                                       \
    "{\"name\": \"Wi<d>get\", \"n\": 7, \"ok\": true, \"none\": null, \"tags\": [\"b\", \"a\", "   \
    "\"b\"], \"items\": [{\"k\": \"x\", \"v\": 2}, {\"k\": \"y\", \"v\": 1}], \"o\": {\"p\": 1, "  \
    "\"q\": 2}, \"at\": \"2026-01-02T03:04:05Z\"}"

static int render(struct action_context *ctx, struct json data, struct str text)
{
    struct json_member *m = arena_array(ctx->arena, 2, sizeof(*m));
    m[0] = (struct json_member){STR("data"), data};
    m[1] = (struct json_member){STR("liquidTemplate"), json_str(text)};
    return fixture_run_value(ctx, "liquid-template.transform", json_object(m, 2));
}

static const struct {
    const char *text, *result, *refusal;
} cases[] = {
    {"plain { text } }}", "plain { text } }}", NULL},
    {"{{ data.name }}/{{ name }}/{{data['name']}}/{{ missing.x.y }}", "Wi<d>get/Wi<d>get/Wi<d>get/",
     NULL},
    {"{{ data.o | json }}{{ o }}{{ tags }}{{ none }}{{ ok }}{{ n }}",
     "{\"p\":1,\"q\":2}{\"p\":1,\"q\":2}babtrue7", NULL},
    {"{{ tags[0] }}{{ tags[-1] }}{{ tags.first }}{{ tags.last }}{{ tags.size }}{{ items[1].k }}",
     "bbbb3y", NULL},
    {"a  {{- n -}}  b {%- if ok -%} c {%- endif %} d", "a7bc d", NULL},
    {"{% if n > 5 and ok %}y{% else %}n{% endif %}{% if n > '8' %}a{% elsif n == 7 %}b{% endif %}",
     "yb", NULL},
    {"{% if false and false or true %}y{% else %}n{% endif %}", "n", NULL},
    {"{% unless none %}u{% endunless %}{% if tags contains 'a' %}c{% endif %}{% if '' == empty "
     "%}e{% endif %}",
     "uce", NULL},
    {"{% case n %}skip{% when 1, 2 %}a{% when 7 or 8 %}b{% else %}c{% endcase %}", "b", NULL},
    {"{% case n %}{% when 1 %}a{% else %}c{% endcase %}", "c", NULL},
    {"{% for t in tags %}{{ forloop.index }}{{ t }}{% unless forloop.last %},{% endunless %}{% "
     "endfor %}",
     "1b,2a,3b", NULL},
    {"{% for i in (1..6) reversed limit: 3 offset:1 %}{{ i }}{% endfor %}", "432", NULL},
    {"{% for i in (1..9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% "
     "endif %}{{ i }}{% endfor %}",
     "134", NULL},
    {"{% for p in o %}{{ p[0] }}={{ p[1] }};{% endfor %}{% for x in none %}x{% else %}empty{% "
     "endfor %}",
     "p=1;q=2;empty", NULL},
    {"{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}{{ j }} {% endfor "
     "%}{% endfor %}",
     "11 12 21 22 ", NULL},
    {"{% assign x = n | plus: 1 %}{{ x }}{% capture c %}<{{ x }}>{% endcapture %}{{ c }}{{ c.size "
     "}}",
     "8<8>3", NULL},
    {"{% comment %} it's {{ {% if %} {% endcomment %}a{% # remark' %}b{% raw %}{{ x }}{% if %}{% "
     "endraw %}",
     "ab{{ x }}{% if %}", NULL},
    {"{% increment i %}{% increment i %}{{ i }}{% decrement d %}", "012-1", NULL},
    {"{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}{% cycle g: 'a', 'b' %}", "abaa",
     NULL},
    {"{{ name | upcase | append: '!' | prepend: n }}{{ 'ABC' | downcase }}{{ 'aBC' | capitalize }}",
     "7WI<D>GET!abcAbc", NULL},
    {"{{ none | default: 'd' }}{{ '' | default: 'e' }}{{ false | default: 1, allow_false: true }}",
     "defalse", NULL},
    {"{{ name | escape }} {{ name | strip_html }} {{ 'a b&' | url_encode }} {{ 'a%20b+c' | "
     "url_decode }}",
     "Wi&lt;d&gt;get Wiget a+b%26 a b c", NULL},
    {"{{ tags | join: '-' }} {{ tags | sort | join }} {{ tags | uniq | join: '' }} {{ tags | "
     "reverse | first }} {{ tags | size }}",
     "b-a-b a b b ba b 3", NULL},
    {"{{ items | map: 'k' | join: ',' }} {{ items | where: 'k', 'y' | json }} {{ items | sort: 'v' "
     "| map: 'k' | join }}",
     "x,y [{\"k\":\"y\",\"v\":1}] y x", NULL},
    {"{{ items | sum: 'v' }}{{ tags | concat: tags | size }}{{ 'a,b,,c' | split: ',' | size }}{{ "
     "items | map: 'z' | compact | size }}",
     "3640", NULL},
    {"{{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2, true }} {{ 7 | modulo: 4 }} {{ '3' | times: 2 "
     "| minus: 1 }} {{ 2.345 | round: 2 }} {{ 2.5 | ceil }}{{ 2.5 | floor }}{{ -3 | abs }}",
     "3.5 3 3 5 2.35 323", NULL},
    {"{{ 0.49999999999999994 | round }} {{ 4503599627370497 | round }} {{ -2.5 | round }}",
     "0 4503599627370497 -2", NULL},
    {"{{ 'h\xC3\xA9llo' | size }}{% assign s = 'h\xC3\xA9llo' %}{{ s.size }}", "55", NULL},
    {"{{ 'aXbX' | replace: 'X', '-' }}{{ 'aXbX' | replace_first: 'X', '-' }}{{ 'aXbX' | remove: "
     "'X' }}",
     "a-b-a-bXab", NULL},
    {"{{ 'aXbXX' | replace_last: 'X', '-' }} {{ 'aXbXc' | remove_last: 'X' }} {{ 'a' | "
     "remove_last: "
     "'X' }} {{ 'a' | replace_last: '', 'X' }}",
     "aXbX- aXbc a a", NULL},
    {"{{ '1 < 2 &amp; &#38; & &x &;' | escape_once }}", "1 &lt; 2 &amp; &#38; &amp; &amp;x &amp;;",
     NULL},
    {"{{ 'h\xC3\xA9' | base64_encode }} {{ 'aMOp' | base64_decode }}", "aMOp h\xC3\xA9", NULL},
    {"{{ '%' | base64_decode }}", NULL, "not base64"},
    {"{% assign s = 'aaaaaaaaaaaaaaaa' %}{% for i in (1..18) %}{% assign s = s | append: s %}{% "
     "endfor %}{% assign t = s | slice: 0, 2000000 %}{{ s | remove_last: t }}",
     NULL, "too much work"},
    {"{{ items | reject: 'k', 'y' | json }} {{ items | find: 'v', 1 | json }} {{ items | "
     "find_index: "
     "'k', 'y' }} {{ items | has: 'k', 'z' }} {{ items | has: 'k' }}[{{ items | find: 'k', 'z' "
     "}}{{ "
     "none | find_index: 'k' }}]",
     "[{\"k\":\"x\",\"v\":2}] {\"k\":\"y\",\"v\":1} 1 false true[]", NULL},
    {"{{ at | date: '%c|%x|%X|%r|%n%t' }}",
     "Fri Jan  2 03:04:05 2026|01/02/26|03:04:05|03:04:05 AM|\n\t", NULL},
    {"[{{ ' a ' | strip }}][{{ ' a ' | lstrip }}][{{ ' a ' | rstrip }}]", "[a][a ][ a]", NULL},
    {"{{ 'h\xC3\xA9llo world' | slice: 1, 3 }} {{ 'hello' | slice: -2, 2 }} {{ 'hello world' | "
     "truncate: 8 }} {{ 'a b c d' | truncatewords: 2 }}",
     "\xC3\xA9ll lo hello... a b...", NULL},
    {"{{ at | date: '%Y-%m-%d %H:%M:%S %-d %b %A %j %p %z %%' }}",
     "2026-01-02 03:04:05 2 Jan Friday 002 AM +0000 %", NULL},
    {"{{ at | date: '%F %T %z', 'Europe/Berlin' }} {{ 0 | date: '%Y' }} {{ 'no' | date: '%Y' }}",
     "2026-01-02 04:04:05 +0100 1970 no", NULL},
    {"{{ \"}}\" }}{{ }}", "}}", NULL},
    {"a\n {{ x | nope }}", NULL, "line 2, column 9: there is no filter nope"},
    {"\xC3\xA9{% frob %}", NULL, "line 1, column 2: there is no tag frob"},
    {"{% endif %}", NULL, "the tag endif does not belong here"},
    {"x{% if a %}", NULL, "line 1, column 2: the tag is not closed by endif"},
    {"{% for x of y %}{% endfor %}", NULL, "\"in\" is missing"},
    {"{{ a", NULL, "{{ is not closed by }}"},
    {"{{ a b }}", NULL, "\"b\" is too much here"},
    {"{{ a ? }}", NULL, "the character ? has no meaning here"},
    {"{{ 'a }}", NULL, "no closing quote"},
    {"{% if %}{% endif %}", NULL, "a name or a value is missing"},
    {"{{ 1 | plus }}", NULL, "the filter plus takes 1 to 1 values, not 0"},
    {"{{ 1 | divided_by: 0 }}", NULL, "division by zero"},
    {"a{% comment %}{% comment %}x{% endcomment %}y{%- endcomment -%} b", "ab", NULL},
    {"[{{ n | first }}{{ name | last }}{{ none | first }}]", "[]", NULL},
    {"{% if n >= empty or n < blank or empty <= n %}a{% else %}b{% endif %}", "b", NULL},
    {"{% comment %}{% comment %}{% endcomment %}", NULL, "not closed by endcomment"},
    {"{% capture c %}{% endcapture c %}", NULL, "\"c\" is too much here"},
    {"{% for i in tags %}{% else %}{% endfor i %}", NULL, "\"i\" is too much here"},
    {"{% comment %}", NULL, "not closed by endcomment"},
    {"{% if a %}{% else %}{% elsif b %}{% endif %}", NULL, "elsif comes after else"},
    {"{% for i in (1..9999999) %}{% endfor %}", NULL, "more than 1000000 numbers"},
    {"{% for i in (1..100000) %}{% for j in (1..100000) %}{% endfor %}{% endfor %}", NULL,
     "line 1"},
    {"{% assign s = 'aaaaaaaaaaaaaaaa' %}{% for i in (1..99) %}{% assign s = s | append: s %}{% "
     "endfor %}",
     NULL, "longer than 8 MB"},
    {"{% assign s = '1,2' | split: ',' %}{% for i in (1..99) %}{% assign s = s | concat: s %}{% "
     "endfor %}",
     NULL, "line 1"},
    {"{% for i in (1..900000) %}{{ data | json }}{% endfor %}", NULL, "line 1"},
    {"{{ at | date: '%Y', 'No/Zone' }}", NULL, "is not a time zone"},
};

static void templates(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        int64_t start = clock_mono_ns();
        int rc = render(&ctx, fixture_json(&ctx, DATA), str_of(cases[i].text));
        if (cases[i].refusal) {
            if (rc >= 0 || !strstr(ctx.err.message, cases[i].refusal)) {
                fail_msg("%s: rc %d, \"%s\"", cases[i].text, rc, ctx.err.message);
            }
            assert_int_not_equal(ctx.err.line, 0);
            assert_non_null(strstr(ctx.err.message, "Liquid Template (liquidTemplate)"));
        } else if (rc < 0 || !str_eq(json_as_str(ctx.result.data), str_of(cases[i].result))) {
            fail_msg("%s: rc %d (%s), %s instead of %s", cases[i].text, rc, ctx.err.message,
                     rc < 0 ? "" : fixture_result(&ctx), cases[i].result);
        }
        assert_true(clock_mono_ns() - start < 20 * NS_PER_SEC);
        fixture_done(&ctx);
    }
}

static void inputs_and_bounds(void **state)
{
    struct action_context ctx;
    struct buf b;
    fixture_init(&ctx);
    buf_init(&b, 0);
    assert_int_equal(fixture_run(&ctx, "liquid-template.transform", "{\"data\": 1}"), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "liquidTemplate"));
    assert_int_equal(render(&ctx, json_cstr("{\"a\": 5}"), STR("{{ a }}")), 0);
    assert_string_equal(fixture_result(&ctx), "\"5\"");
    assert_int_equal(render(&ctx, json_cstr("text"), STR("{{ data }}")), 0);
    assert_string_equal(fixture_result(&ctx), "\"text\"");
    for (int i = 0; i < 1000; i++) {
        buf_adds(&b, "{% if a %}");
    }
    assert_int_equal(render(&ctx, json_num(1), buf_str(&b)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "nested deeper"));
    buf_clear(&b);
    buf_adds(&b, "{{ a");
    for (int i = 0; i < 1000; i++) {
        buf_adds(&b, "[a");
    }
    buf_adds(&b, "}}");
    assert_int_equal(render(&ctx, json_num(1), buf_str(&b)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "nested deeper"));
    buf_clear(&b);
    while (b.len <= KIB(256)) {
        buf_adds(&b, "{{a}}");
    }
    assert_int_equal(render(&ctx, json_num(1), buf_str(&b)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "longer than 256 KB"));
    b.len = KIB(256) / 5 * 5;
    assert_int_equal(render(&ctx, json_num(1), buf_str(&b)), 0);
    ctx.deadline = clock_mono_ns() - 1;
    assert_int_equal(
        render(&ctx, json_num(1), STR("{% for i in (1..900000) %}{{ i }}{% endfor %}")), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "time of the execution is over"));
    buf_done(&b);
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(templates),
                                       cmocka_unit_test(inputs_and_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
