/* URLs: what is accepted is taken apart, and resolves against itself and against a fixed base into
 * something that is accepted again. Query strings that were read and written are read the same. */
#include "action_harness.h"
#include "components/url/url_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define C (&component_url)

static void query(struct arena *a, struct json text)
{
    struct json_member read[] = {{STR("query"), text}, {{0}, {0}}};
    struct json first, written, second;
    if (harness_run(C, "parseQuery", a, read, &first) < 0) {
        return;
    }
    struct json_member write[] = {{STR("parameters"), first}, {{0}, {0}}};
    ASSERT(harness_run(C, "buildQuery", a, write, &written) == 0);
    read[0].value = written;
    ASSERT(harness_run(C, "parseQuery", a, read, &second) == 0);
    ASSERT(json_equal(first, second));
}

static void url(struct arena *a, struct json text)
{
    struct json_member parse[] = {{STR("url"), text}, {{0}, {0}}};
    struct json_member resolve[] = {
        {STR("baseUrl"), json_cstr("http://a/b/c/d;p?q")}, {STR("url"), text}, {{0}, {0}}};
    struct json parts, whole;
    if (harness_run(C, "parse", a, parse, &parts) == 0) {
        ASSERT(parts.type == JSON_OBJECT && parts.len == 12);
        resolve[0].value = text;
    }
    if (harness_run(C, "resolve", a, resolve, &whole) == 0 && whole.len <= URL_MAX_BYTES) {
        parse[0].value = whole;
        ASSERT(harness_run(C, "parse", a, parse, &parts) == 0);
    }
}

static void build(struct arena *a, struct str s)
{
    size_t third = s.len / 3;
    struct json_member inputs[] = {
        {STR("protocol"), json_cstr("https")},
        {STR("hostname"), json_str(str_n(s.ptr, third))},
        {STR("path"), json_str(str_n(s.ptr + third, third))},
        {STR("hash"), json_str(str_n(s.ptr + 2 * third, s.len - 2 * third))},
        {{0}, {0}},
    };
    struct json text, parts;
    if (third && harness_run(C, "build", a, inputs, &text) == 0) {
        struct json_member parse[] = {{STR("url"), text}, {{0}, {0}}};
        ASSERT(harness_run(C, "parse", a, parse, &parts) == 0);
        ASSERT(json_as_str(json_get(parts, STR("username"))).len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > KIB(16)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(64));
    struct str bytes = str_n((const char *)data, size);
    query(a, json_binary(bytes));
    if (size) {
        url(a, json_binary(bytes));
        build(a, bytes);
    }
    return 0;
}
