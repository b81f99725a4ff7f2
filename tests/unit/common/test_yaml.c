/* Reading YAML: values, places, encodings, and everything that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "definition/json_text.h"
#include "definition/yaml.h"

struct fixture {
    struct arena *arena;
    struct err_list *errors;
    struct yaml_node *root;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->arena = arena_new(0, 0);
    f->errors = mem_new(struct err_list);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    mem_free(f->errors);
    mem_free(f);
    return 0;
}

static void again(struct fixture *f)
{
    arena_clear(f->arena);
    memset(f->errors, 0, sizeof(*f->errors));
    f->root = NULL;
}

static void read_ok(struct fixture *f, struct str text)
{
    again(f);
    int rc = yaml_read(f->arena, text, &f->root, f->errors);
    if (rc < 0) {
        print_error("%s\n", f->errors->items[0].message);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(f->errors->n, 0);
}

static void read_refused(struct fixture *f, struct str text, int line, int column,
                         const char *words)
{
    again(f);
    assert_int_equal(yaml_read(f->arena, text, &f->root, f->errors), -EINVAL);
    assert_null(f->root);
    assert_true(f->errors->n >= 1);
    const struct err *err = &f->errors->items[0];
    if (!strstr(err->message, words) || err->line != line || err->column != column) {
        print_error("%d:%d %s\n", err->line, err->column, err->message);
    }
    assert_non_null(strstr(err->message, words));
    assert_int_equal(err->line, line);
    assert_int_equal(err->column, column);
}

static void tree_has_values_and_places(void **state)
{
    struct fixture *f = *state;
    read_ok(f, STR("a: 1\nb:\n  - x\n  - 'y'\nc: {d: t}\n"));
    assert_int_equal(f->root->kind, YAML_MAPPING);
    assert_int_equal(f->root->n_entries, 3);
    const struct yaml_entry *b = yaml_entry(f->root, "b");
    assert_int_equal(b->line, 2);
    assert_int_equal(b->column, 1);
    assert_int_equal(b->value->kind, YAML_SEQUENCE);
    assert_int_equal(b->value->items[1]->line, 4);
    assert_int_equal(b->value->items[1]->column, 5);
    assert_true(b->value->items[0]->plain);
    assert_false(b->value->items[1]->plain);
    assert_string_equal(b->value->items[1]->text.ptr, "y");
    assert_null(yaml_get(f->root, "zz"));
    assert_null(yaml_get(b->value, "a"));
}

static void scalars_resolve_by_the_core_schema(void **state)
{
    static const struct {
        const char *text;
        enum yaml_scalar type;
    } rows[] = {
        {"", YAML_NULL},      {"~", YAML_NULL},      {"null", YAML_NULL},   {"Null", YAML_NULL},
        {"nUll", YAML_TEXT},  {"true", YAML_BOOL},   {"FALSE", YAML_BOOL},  {"yes", YAML_TEXT},
        {"on", YAML_TEXT},    {"0", YAML_INT},       {"-12", YAML_INT},     {"+3", YAML_INT},
        {"007", YAML_INT},    {"0o17", YAML_INT},    {"0o8", YAML_TEXT},    {"0xfF", YAML_INT},
        {"0xg", YAML_TEXT},   {"0x", YAML_TEXT},     {"1.5", YAML_FLOAT},   {"1.", YAML_FLOAT},
        {".5", YAML_FLOAT},   {".", YAML_TEXT},      {"-.5", YAML_FLOAT},   {"1e3", YAML_FLOAT},
        {"1e", YAML_TEXT},    {"1e+", YAML_TEXT},    {"1e-7", YAML_FLOAT},  {"e3", YAML_TEXT},
        {".inf", YAML_FLOAT}, {"-.INF", YAML_FLOAT}, {".nan", YAML_FLOAT},  {"-.nan", YAML_TEXT},
        {"1_000", YAML_TEXT}, {"12:30", YAML_TEXT},  {"-", YAML_TEXT},      {"+", YAML_TEXT},
        {"1.2.3", YAML_TEXT}, {"1 ", YAML_TEXT},     {"LATEST", YAML_TEXT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (yaml_scalar_type(str_of(rows[i].text), true) != rows[i].type) {
            print_error("%s\n", rows[i].text);
        }
        assert_int_equal(yaml_scalar_type(str_of(rows[i].text), true), rows[i].type);
        assert_int_equal(yaml_scalar_type(str_of(rows[i].text), false), YAML_TEXT);
    }
    assert_true(yaml_is_null(NULL));
}

static void explicit_tags_of_the_core_are_read(void **state)
{
    struct fixture *f = *state;
    read_ok(f, STR("a: !!str 5\nb: !!int 5\nc: !!map {}\nd: ! 7\n"));
    assert_false(yaml_get(f->root, "a")->plain);
    assert_true(yaml_get(f->root, "b")->plain);
    assert_false(yaml_get(f->root, "d")->plain);
    read_refused(f, STR("a: !!binary aGk=\n"), 1, 4, "Tags");
    read_refused(f, STR("a: 1\nb: !thing {c: 1}\n"), 2, 4, "Tags");
}

static void aliases_repeat_what_is_complete(void **state)
{
    struct fixture *f = *state;
    read_ok(f, STR("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n"));
    assert_ptr_equal(yaml_get(f->root, "a"), yaml_get(f->root, "b"));
    assert_int_equal(yaml_get(f->root, "c")->n_items, 2);
    read_refused(f, STR("a: *x\nb: &x 1\n"), 1, 4, "anchor");
    read_refused(f, STR("a: &x\n  b:\n    - *x\n"), 3, 7, "never end");
    read_refused(f, STR("&r {a: *r}\n"), 1, 8, "never end");
    read_refused(f, STR("a: &x 1\n*x : 2\n"), 2, 1, "key must be plain text");
    read_refused(f, STR("a: &x {b: 1}\nc:\n  <<: *x\n"), 3, 3, "Merge keys");
}

static void alias_bombs_are_refused(void **state)
{
    struct fixture *f = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) {
            buf_addf(&b, "%s*a%d", j ? ", " : "", i - 1);
        }
        buf_adds(&b, "]\n");
    }
    again(f);
    assert_int_equal(yaml_read(f->arena, buf_str(&b), &f->root, f->errors), -EINVAL);
    assert_string_equal(f->errors->items[0].code, "definition.limit");
    assert_true(f->errors->items[0].line >= 4 && f->errors->items[0].line <= 7);

    /* Few nodes, but much text. */
    buf_clear(&b);
    buf_adds(&b, "a: &a ");
    for (int i = 0; i < 100000; i++) {
        buf_addc(&b, 'x');
    }
    buf_adds(&b, "\nb:\n");
    for (int i = 0; i < 200; i++) {
        buf_adds(&b, "  - *a\n");
    }
    again(f);
    assert_int_equal(yaml_read(f->arena, buf_str(&b), &f->root, f->errors), -EINVAL);
    assert_non_null(strstr(f->errors->items[0].message, "10 MB"));

    /* Few nodes, little text, but deep. */
    buf_clear(&b);
    buf_adds(&b, "a0: &a0 [[[[[[[[[[1]]]]]]]]]]\n");
    for (int i = 1; i < 20; i++) {
        buf_addf(&b, "a%d: &a%d [[[[[[[[[[*a%d]]]]]]]]]]\n", i, i, i - 1);
    }
    again(f);
    assert_int_equal(yaml_read(f->arena, buf_str(&b), &f->root, f->errors), -EINVAL);
    assert_non_null(strstr(f->errors->items[0].message, "nested"));
}

static void size_depth_and_count_are_bounded(void **state)
{
    struct fixture *f = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 10 * 1024 * 1024 / 8; i++) {
        buf_adds(&b, "# fill\n\n");
    }
    read_refused(f, buf_str(&b), 1, 1, "too large");
    buf_clear(&b);
    for (int i = 0; i < 200; i++) {
        buf_addc(&b, '[');
    }
    read_refused(f, buf_str(&b), 1, 101, "nested");
    buf_clear(&b);
    for (int i = 0; i < 200001; i++) {
        buf_adds(&b, "- x\n");
    }
    read_refused(f, buf_str(&b), 200000, 3, "too many values");
    buf_clear(&b);
    for (int i = 0; i < 201; i++) {
        buf_addc(&b, 'k');
    }
    buf_adds(&b, ": 1");
    read_refused(f, buf_str(&b), 1, 1, "key is too long");
}

static void duplicate_keys_name_both_places(void **state)
{
    struct fixture *f = *state;
    read_refused(f, STR("a: 1\nb: 2\n'a': 3\nb: 4\n"), 3, 1, "first at line 1, column 1");
    assert_int_equal(f->errors->n, 2);
    assert_int_equal(f->errors->items[1].line, 4);
    read_refused(f, STR("x:\n  - k: 1\n    k: 2\n"), 3, 5, "first at line 2, column 5");
}

static void malformed_texts_are_refused_with_their_place(void **state)
{
    struct fixture *f = *state;
    read_refused(f, STR(""), 1, 1, "empty");
    read_refused(f, STR("# nothing\n"), 2, 1, "empty");
    read_refused(f, STR("a: 1\n---\nb: 2\n"), 2, 1, "more than one");
    read_refused(f, STR("a: [1, 2\nb: 3\n"), 2, 2, "not well-formed");
    read_refused(f, STR("a:\n\t- b\n"), 2, 1, "not well-formed");
    read_refused(f, STR("a: \"unfinished\n"), 2, 1, "not well-formed");
    read_refused(f, STR("? [a]\n: 1\n"), 1, 3, "key must be plain text");
    read_refused(f, STR("a: 1\nb: x\0y\n"), 2, 5, "NUL byte");
    read_refused(f, STR("a: \"x\\0y\"\n"), 1, 4, "NUL character");
    read_refused(f, STR("a: 1\nbc: \xC3(\n"), 2, 5, "UTF-8");
    read_refused(f, STR("a: \xED\xA0\x80\n"), 1, 4, "UTF-8");
    read_refused(f, STR("a: \xF0\x9F\x9A"), 1, 4, "UTF-8");
    read_refused(f, STR("a: \x07\n"), 1, 4, "U+0007");
    read_refused(f, STR("caf\xC3\xA9: \x1B\n"), 1, 7, "U+001B");
}

static void utf16_is_converted(void **state)
{
    static const char text[] = "name: Gr\xC3\xBC\xC3\x9F"
                               "e \xF0\x9F\x9A\x80\n";
    /* The same as UTF-16 units. */
    static const uint16_t units[] = {'n',  'a',  'm', 'e', ':',    ' ',    'G', 'r',
                                     0xFC, 0xDF, 'e', ' ', 0xD83D, 0xDE80, '\n'};
    struct fixture *f = *state;
    for (int form = 0; form < 4; form++) {
        bool big = form & 1, mark = form & 2;
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        if (mark) {
            buf_adds(&b, big ? "\xFE\xFF" : "\xFF\xFE");
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
            char high = (char)(units[i] >> 8), low = (char)units[i];
            buf_addc(&b, big ? high : low);
            buf_addc(&b, big ? low : high);
        }
        read_ok(f, buf_str(&b));
        assert_string_equal(yaml_get(f->root, "name")->text.ptr, "Gr\xC3\xBC\xC3\x9F"
                                                                 "e \xF0\x9F\x9A\x80");
        read_refused(f, str_n(b.data, b.len - 1), 1, 14, "middle of a UTF-16");
    }
    read_ok(f, STR(text));
    read_ok(f, STR("\xEF\xBB\xBF"
                   "a: 1"));
    assert_int_equal(f->root->column, 1);
    read_refused(f,
                 STR("\xFF\xFE"
                     "a\0:\0 \0\x00\xD8\n\0"),
                 1, 4, "UTF-16");
    read_refused(f,
                 STR("\xFF\xFE"
                     "a\0\n\0b\0\0\0"),
                 2, 2, "NUL");
}

static void json_is_read_too(void **state)
{
    struct fixture *f = *state;
    read_ok(f, STR("{\"a\": [1, true, null, \"x\\ny\\u00e9\\/\"], \"b\": {}}"));
    const struct yaml_node *a = yaml_get(f->root, "a");
    assert_int_equal(a->n_items, 4);
    assert_string_equal(a->items[3]->text.ptr, "x\ny\xC3\xA9/");
}

/* Two escapes that are one character, and what only looks like them. */
static void pairs_of_json_are_read(void **state)
{
    struct fixture *f = *state;
    read_ok(f, STR(" {\"a \\ud83d\\ude80\": \"x\\uD83D\\uDE80\\uD83D\\ude81y\\n\", \"b\":1,\n"
                   "\"c\":[\"\\\\ud83d\\\\ude80\",true, null, -1.5e3],\"d\":\"\"}"));
    assert_int_equal(f->root->n_entries, 4);
    const struct yaml_entry *e = f->root->entries;
    assert_true(str_eq(e[0].key, STR("a \xF0\x9F\x9A\x80")));
    assert_true(str_eq(e[0].value->text, STR("x\xF0\x9F\x9A\x80\xF0\x9F\x9A\x81y\n")));
    assert_true(str_eq(e[2].value->items[0]->text, STR("\\ud83d\\ude80")));
    /* As without pairs: after 2 of them, of 12 bytes each, with all else. */
    assert_int_equal(e[0].value->column, 21);
    assert_int_equal(e[1].column, 53);
    assert_int_equal(e[1].value->column, 57);
    assert_int_equal(e[2].value->items[1]->column, 23);
    read_refused(f, STR("{\"a\":\"\\ud83d\\ude80\",\"b\":\"\\ud83d\"}"), 1, 28, "character");
    read_refused(f, STR("{\"a\":\"\\ud83d\\ude80\",\"a\":1}"), 1, 21, "second time");
}

/* Where a quote need not be one, nothing is touched. */
static void pairs_of_other_texts_are_left(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "{a: 'x \"\\ud83d\\ude80\"'}",
        "{\"a\": 1 \"\\ud83d\\ude80\"}",
        "{\"a\": true\"\\ud83d\\ude80\"}",
        "{\"a\": 1} # \"\\ud83d\\ude80\"",
        "a: \"\\ud83d\\ude80\"",
        "{\"a\": \"\\ud83d\\ude80",
        "{\"a\": \"\\ud83d\\ude80\"b}",
        "{\"a\": \"\\ud83d\n\\ude80\"}",
        "{\"a\": \"\\ude80\\ud83d\"}",
        "{\"a\": \"\\ud83d\\u00e8\\ud83d\\udeg0\\ud83\"}",
        "{\"a\": \"\\",
        "[\"\\ud83d\\ude80\"]",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = str_of(texts[i]);
        assert_ptr_equal(json_text_for_yaml(f->arena, text).ptr, text.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tree_has_values_and_places, set_up, tear_down),
        cmocka_unit_test(scalars_resolve_by_the_core_schema),
        cmocka_unit_test_setup_teardown(explicit_tags_of_the_core_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aliases_repeat_what_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alias_bombs_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_depth_and_count_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(duplicate_keys_name_both_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_texts_are_refused_with_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(utf16_is_converted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_is_read_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_of_json_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_of_other_texts_are_left, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
