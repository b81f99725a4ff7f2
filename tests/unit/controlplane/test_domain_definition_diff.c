/* What differs between two definitions, one line a difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "domain/definition_diff.h"

#define ROOT  "name: A\nflows:\n"
#define FLOW  "  - name: Main\n    steps:\n"
#define START "      - {name: Start, isTrigger: true, inputs: {}}\n"

static const struct {
    const char *before, *after;
    const char *changes; /* subject kind config variable|flow|step|name before>after */
} cases[] = {
    {ROOT FLOW START, ROOT FLOW START, ""},
    {"{name: A, labels: [], x: '', y: null}", "{name: A, z: {}}", ""},
    {"{definitionVersion: 6, name: A}", "{definitionVersion: 7, name: B}",
     "0 2 ||| name \"A\">\"B\"\n"},
    {"{labels: [a]}", "{labels: [a, b], category: CRM}",
     "0 2 ||| labels [\"a\"]>[\"a\",\"b\"]\n0 0 ||| category >\"CRM\"\n"},
    {"{a: 1, b: true}", "{a: '1', b: 'true'}", "0 2 ||| b true>\"true\"\n"},
    /* Flows by name or stable key. */
    {ROOT FLOW START, ROOT "  - name: Other\n", "2 1 |Main|| Main >\n2 0 |Other|| Other >\n"},
    {"flows: [{name: Old, stableKey: k, isSynchronous: false}]",
     "flows: [{name: New, stableKey: k, isSynchronous: true}]",
     "2 2 |New|| name \"Old\">\"New\"\n2 2 |New|| isSynchronous false>true\n"},
    {"flows: [{name: A}, {name: B}]", "flows: [{name: B}, {name: A}]", ""},
    /* Steps and inputs. */
    {ROOT FLOW START,
     ROOT FLOW "      - {name: Start, isTrigger: true, inputs: {u: {type: value, value: x}}}\n"
               "      - {name: Say}\n",
     "4 0 |Main|Start| u >{\"type\":\"value\",\"value\":\"x\"}\n3 0 |Main|Say| Say >\n"},
    {ROOT FLOW "      - {name: S, action: {key: a}, inputs: {u: {value: x}, w: {value: y}}}\n",
     ROOT FLOW "      - {name: S, action: {key: b}, inputs: {u: {value: z}}}\n",
     "3 2 |Main|S| action {\"key\":\"a\"}>{\"key\":\"b\"}\n"
     "4 2 |Main|S| u {\"value\":\"x\"}>{\"value\":\"z\"}\n4 1 |Main|S| w {\"value\":\"y\"}>\n"},
    /* Into a loop, into a branch, and the order. */
    {ROOT FLOW "      - {name: L, steps: []}\n      - {name: S}\n",
     ROOT FLOW "      - {name: L, steps: [{name: S}]}\n", "3 2 |Main|S| place \"\">\"L\"\n"},
    {ROOT FLOW "      - {name: B, branches: [{name: Yes, steps: [{name: S}]}, {name: No}]}\n",
     ROOT FLOW "      - {name: B, branches: [{name: Yes}, {name: No, steps: [{name: S}]}]}\n",
     "3 2 |Main|S| place \"B: Yes\">\"B: No\"\n"},
    {ROOT FLOW "      - {name: S}\n      - {name: T}\n      - {name: U}\n",
     ROOT FLOW "      - {name: T}\n      - {name: S}\n",
     "2 2 |Main|| order [\"S\",\"T\"]>[\"T\",\"S\"]\n3 1 |Main|U| U >\n"},
    /* Config variables. */
    {"requiredConfigVars: [{key: A, dataType: string}, {key: B}]",
     "requiredConfigVars: [{key: A, dataType: number, orgOnly: true}, {key: C}]",
     "1 1 B||| B >\n1 2 A||| dataType \"string\">\"number\"\n1 0 A||| orgOnly >true\n"
     "1 0 C||| C >\n"},
    {"requiredConfigVars: [{key: A, stableKey: k}]", "requiredConfigVars: [{key: B, stableKey: k}]",
     "1 2 B||| key \"A\">\"B\"\n"},
    /* What should be a list and is none. */
    {"flows: 7\nrequiredConfigVars: {a: b}", "flows: [7, []]", "2 0 |||  >\n2 0 |||  >\n"},
    {"7", "[]", ""},
};

static void tell(struct buf *to, const struct definition_diff *diff)
{
    for (size_t i = 0; i < diff->n; i++) {
        const struct diff_change *c = &diff->changes[i];
        buf_addf(to, "%d %d %.*s|%.*s|%.*s| %.*s ", (int)c->subject, (int)c->kind,
                 (int)c->config_variable.len, c->config_variable.ptr, (int)c->flow.len, c->flow.ptr,
                 (int)c->step.len, c->step.ptr, (int)c->name.len, c->name.ptr);
        if (c->before.type != JSON_UNDEFINED) {
            json_dump(to, c->before);
        }
        buf_addc(to, '>');
        if (c->after.type != JSON_UNDEFINED) {
            json_dump(to, c->after);
        }
        buf_addc(to, '\n');
    }
}

static void compared(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(0, 0);
        AUTO(buf_done) struct buf told;
        struct json before, after;
        struct definition_diff diff;
        buf_init(&told, 0);
        assert_int_equal(definition_tree(a, str_of(cases[i].before), &before), 0);
        assert_int_equal(definition_tree(a, str_of(cases[i].after), &after), 0);
        definition_diff(a, before, after, &diff);
        assert_false(diff.truncated);
        tell(&told, &diff);
        assert_string_equal(buf_str(&told).ptr, cases[i].changes);
    }
}

static void bounded(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf many;
    struct json before, after;
    struct definition_diff diff;
    buf_init(&many, 0);
    buf_addc(&many, '{');
    for (int i = 0; i < DIFF_MAX_CHANGES + 10; i++) {
        buf_addf(&many, "k%d: x,\n", i);
    }
    buf_addc(&many, '}');
    assert_int_equal(definition_tree(a, buf_str(&many), &before), 0);
    assert_int_equal(definition_tree(a, STR("{}"), &after), 0);
    definition_diff(a, before, after, &diff);
    assert_int_equal(diff.n, DIFF_MAX_CHANGES);
    assert_true(diff.truncated);
    assert_int_equal(definition_tree(a, STR("a: ["), &before), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compared),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
