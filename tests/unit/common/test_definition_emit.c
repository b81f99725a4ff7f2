/* Writing definitions: same meaning, same bytes the second time, strangers kept. Also with the
 * published example files where they are present (LEAT_EXAMPLES, or beside the source tree). */
#include <dirent.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "definition_dump.h"
#include "definition_files.h"

static char *emit(const struct definition *d, const struct definition_emit_options *options)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    definition_emit(d, options, &b);
    return buf_take(&b);
}

/* Returns the emitted text, for further looks. */
static char *check_round_trip(struct str text)
{
    AUTO(definition_unref) struct definition *d = parse_ok(text);
    char *first = emit(d, NULL);
    AUTO(definition_unref) struct definition *again = parse_ok(str_of(first));
    AUTO(mem_free) char *second = emit(again, NULL);
    AUTO(mem_free) char *meaning = definition_dump(d), *same = definition_dump(again);
    assert_string_equal(meaning, same);
    assert_string_equal(first, second);
    assert_int_equal(definition_view(again)->version, 7);
    return first;
}

static void fixtures_survive(void **state)
{
    static const char *const names[] = {"minimal.yml", "version-6.yml", "complete.yml",
                                        "unknown-keys.yml"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len;
        AUTO(mem_free) char *text = fixture_read(names[i], &len);
        AUTO(mem_free) char *out = check_round_trip(str_n(text, len));
        assert_non_null(strstr(out, "definitionVersion: 7\n"));
    }
}

/* As some editors save it: two bytes a character. */
static void utf16_files_mean_the_same(void **state)
{
    size_t len;
    AUTO(mem_free) char *text = fixture_read("complete.yml", &len);
    AUTO(definition_unref) struct definition *d = parse_ok(str_n(text, len));
    AUTO(mem_free) char *meaning = definition_dump(d);
    for (int big = 0; big < 2; big++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 0);
        buf_adds(&b, big ? "\xFE\xFF" : "\xFF\xFE");
        for (size_t i = 0; i < len; i++) {
            assert_true((unsigned char)text[i] < 0x80);
            buf_addc(&b, big ? 0 : text[i]);
            buf_addc(&b, big ? text[i] : 0);
        }
        AUTO(definition_unref) struct definition *wide = parse_ok(buf_str(&b));
        AUTO(mem_free) char *same = definition_dump(wide);
        assert_string_equal(meaning, same);
    }
}

static bool is_example(const char *name)
{
    struct str s = str_of(name);
    return str_ends(s, STR(".yml")) || str_ends(s, STR(".yaml"));
}

static const char *examples_folder(void)
{
    const char *set = getenv("LEAT_EXAMPLES");
    return set ? set : TEST_SOURCE_ROOT "/../shared/examples";
}

static void examples_survive(void **state)
{
    char path[4096];
    const char *folder = examples_folder();
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (is_example(e->d_name)) {
            size_t len = 0;
            snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
            AUTO(mem_free) char *text = file_read(path, &len);
            AUTO(mem_free) char *out = check_round_trip(str_n(text, len));
            assert_non_null(strstr(out, "\nflows:\n"));
            n++;
        }
    }
    closedir(dir);
    assert_true(n > 0);
}

static void unknown_keys_are_kept(void **state)
{
    size_t len;
    AUTO(mem_free) char *text = fixture_read("unknown-keys.yml", &len);
    AUTO(mem_free) char *out = check_round_trip(str_n(text, len));
    static const char *const kept[] = {
        ("zz_future:\n  nested:\n    - 1\n    - 2.5\n    - \"3\"\n    - true\n    - \"true\"\n"
         "    - null\n    - \"null\"\n    - deep: \"yes\"\n"),
        "\"yes\": boolean-like key\n",
        "importMetadata: {}\n",
        "emptyList: []\n",
        "colour: green\n",
        "stableKey: call-1\n",
        "flavour: plain\n",
        "origin: \"0x1F\"\n",
        "value: \"~\"\n",
        "hint: \"2001-01-01\"\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (!strstr(out, kept[i])) {
            print_error("missing: %s in\n%s\n", kept[i], out);
        }
        assert_non_null(strstr(out, kept[i]));
    }
}

/* Texts that one reader or another takes for something else when they are not quoted. */
static void hostile_texts_come_back_exactly(void **state)
{
    static const char *const texts[] = {
        "",
        "~",
        "yes",
        "No",
        "ON",
        "n",
        "null",
        "True",
        "007",
        "1e3",
        "1_000",
        "0x1F",
        "12:30",
        "2001-01-01",
        ".inf",
        "=",
        "<<",
        "---",
        "--- a",
        "...",
        "-",
        "- a",
        "? a",
        ": a",
        "a:",
        "a: b",
        "#a",
        "a #b",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "'a'",
        "\"a\"",
        "%a",
        "@a",
        "`a`",
        "{a}",
        "[a]",
        " a",
        "a ",
        "\ta",
        "a\tb",
        "a\rb",
        "a\r\nb",
        "\n",
        "\n\n",
        "a\n",
        "a\n\n",
        "\na",
        " a\nb",
        "\ta\nb",
        "a\n \nb",
        "a\n  ",
        "a \nb ",
        "a\n# c\n",
        "---\na\n",
        "a\n...\n",
        "a\\nb\\",
        "caf\xC3\xA9",
        "\xF0\x9F\x9A\x80",
        "a\xC2\x85"
        "b",
        "a\xE2\x80\xA8"
        "b\n",
        "\xEF\xBB\xBF"
        "a",
        "\x07 bell",
        "\x7F",
        "\xC2\xA0",
        "module.exports = () => {\n\treturn `${x}`; // #1\n};\n",
    };
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "definitionVersion: 7\nname: Texts\nflows:\n  - name: Flow\n    steps:\n"
                 "      - name: Call\n        isTrigger: true\n"
                 "        action: {key: webhook, component: {key: webhook-triggers}}\n"
                 "        inputs:\n");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_addf(&b, "          i%zu: {type: value, value: \"", i);
        for (const char *p = texts[i]; *p; p++) {
            if (*p == '"' || *p == '\\') {
                buf_addf(&b, "\\%c", *p);
            } else if ((unsigned char)*p < ' ' || *p == 0x7F) {
                buf_addf(&b, "\\x%02X", (unsigned)*p);
            } else if (strncmp(p, "\xEF\xBB\xBF", 3) == 0) {
                buf_adds(&b, "\\uFEFF");
                p += 2;
            } else if (strncmp(p, "\xC2\x85", 2) == 0) { /* line breaks, unless escaped */
                buf_adds(&b, "\\N");
                p += 1;
            } else if (strncmp(p, "\xE2\x80\xA8", 3) == 0) {
                buf_adds(&b, "\\L");
                p += 2;
            } else {
                buf_addc(&b, *p);
            }
        }
        buf_adds(&b, "\"}\n");
    }
    AUTO(mem_free) char *out = check_round_trip(buf_str(&b));
    AUTO(definition_unref) struct definition *d = parse_ok(str_of(out));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char key[16];
        snprintf(key, sizeof(key), "i%zu", i);
        const struct def_input *input = def_step_input(&definition_view(d)->flows[0].steps[0], key);
        assert_non_null(input);
        assert_string_equal(input->text.ptr ? input->text.ptr : "", texts[i]);
    }
}

static void text_is_written_readably(void **state)
{
    size_t len;
    AUTO(mem_free) char *text = fixture_read("complete.yml", &len);
    AUTO(definition_unref) struct definition *d = parse_ok(str_n(text, len));
    AUTO(mem_free) char *out = emit(d, NULL);
    assert_int_equal(strncmp(out, "category: ERP\nconfigPages:\n  - elements:\n", 41), 0);
    assert_non_null(strstr(out, "documentation: |\n  # Mill Orders\n\n      indented code\n"));
    assert_non_null(strstr(out, "\n  - name: Nightly\n"));
    assert_non_null(strstr(out, "defaultValue: \"12.5\"\n"));
    assert_non_null(strstr(out, "value: null\n"));
    assert_non_null(
        strstr(out, "description: \"Passes orders on: \\\"quoted\\\", 007 and yes\"\n"));
}

static void options_replace(void **state)
{
    size_t len;
    AUTO(mem_free) char *text = fixture_read("complete.yml", &len);
    AUTO(definition_unref) struct definition *d = parse_ok(str_n(text, len));
    const struct definition_emit_options options = {
        .latest_components = true, .name = "yes", .description = "two\nlines"};
    AUTO(mem_free) char *out = emit(d, &options);
    AUTO(definition_unref) struct definition *again = parse_ok(str_of(out));
    assert_string_equal(definition_view(again)->name, "yes");
    assert_string_equal(definition_view(again)->description, "two\nlines");
    assert_null(strstr(out, "version: 7\n"));
    assert_non_null(strstr(out, "version: LATEST\n"));
    assert_non_null(strstr(out, "signature: abc123\n"));
    assert_string_equal(definition_view(d)->name, "Mill Orders"); /* itself unchanged */

    static const char *const labels[] = {"no", "two words"};
    const struct definition_emit_options more = {.documentation = "# Notes\n\n- one\n",
                                                 .category = "",
                                                 .labels = labels,
                                                 .n_labels = ARRAY_LEN(labels)};
    AUTO(mem_free) char *changed = emit(d, &more);
    AUTO(definition_unref) struct definition *read = parse_ok(str_of(changed));
    assert_string_equal(definition_view(read)->documentation, "# Notes\n\n- one\n");
    assert_string_equal(definition_view(read)->category, "");
    assert_int_equal(definition_view(read)->n_labels, 2);
    assert_string_equal(definition_view(read)->labels[0], "no");
    assert_string_equal(definition_view(read)->labels[1], "two words");
    assert_string_equal(definition_view(read)->name, "Mill Orders");

    /* A description is added where there was none. */
    AUTO(mem_free) char *small = fixture_read("minimal.yml", &len);
    AUTO(definition_unref) struct definition *bare = parse_ok(str_n(small, len));
    const struct definition_emit_options describe = {.description = "New"};
    AUTO(mem_free) char *described = emit(bare, &describe);
    assert_non_null(strstr(described, "description: New\n"));
}

static void aliases_are_written_out(void **state)
{
    AUTO(mem_free)
    char *out = check_round_trip(STR(
        "definitionVersion: 7\nname: &n Shared\ndescription: *n\nflows:\n  - name: *n\n    steps:\n"
        "      - &s {name: A, isTrigger: true, action: {key: k, component: {key: c, version: 2}}}\n"
        "x: [*s]\n"));
    assert_null(strstr(out, "*"));
    assert_non_null(strstr(out, "description: Shared\n"));
}

static void a_full_buffer_ends_it(void **state)
{
    size_t len;
    AUTO(mem_free) char *text = fixture_read("complete.yml", &len);
    AUTO(definition_unref) struct definition *d = parse_ok(str_n(text, len));
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1000);
    definition_emit(d, NULL, &b);
    assert_true(b.full);
    assert_true(b.len <= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixtures_survive),
        cmocka_unit_test(utf16_files_mean_the_same),
        cmocka_unit_test(unknown_keys_are_kept),
        cmocka_unit_test(hostile_texts_come_back_exactly),
        cmocka_unit_test(text_is_written_readably),
        cmocka_unit_test(options_replace),
        cmocka_unit_test(aliases_are_written_out),
        cmocka_unit_test(a_full_buffer_ends_it),
        cmocka_unit_test(examples_survive), /* last: left out where there are no examples */
    };
    bool examples = access(examples_folder(), R_OK) == 0;
    return _cmocka_run_group_tests("emit", tests, ARRAY_LEN(tests) - !examples, NULL, NULL);
}
