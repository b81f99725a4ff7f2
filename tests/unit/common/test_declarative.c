/* Declarative components: what is read from a file, and what authors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "definition/declarative.h"

static struct err_list errors;

static int parse(struct arena *a, const char *text, struct declarative **ret)
{
    memset(&errors, 0, sizeof(errors));
    return declarative_parse(a, str_of(text), ret, &errors);
}

static const char *shop_text(struct arena *a)
{
    AUTO(buf_done) struct buf b = {0};
    FILE *f = fopen(TEST_SOURCE_ROOT "/tests/fixtures/shop.yml", "r");
    char part[4096];
    size_t n;
    assert_non_null(f);
    buf_init(&b, MIB(1));
    while ((n = fread(part, 1, sizeof(part), f)) > 0) {
        buf_add(&b, part, n);
    }
    (void)fclose(f);
    return arena_strndup(a, b.data, b.len);
}

static void test_shop(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct declarative *d = NULL;
    assert_int_equal(parse(a, shop_text(a), &d), 0);
    assert_string_equal(d->key, "tiny-shop");
    assert_int_equal(d->n_connections, 3);
    assert_int_equal(d->connections[0].auth, DECL_HEADER);
    assert_int_equal(d->connections[1].fields.n, 3); /* the usual ones are added */
    assert_string_equal(d->connections[1].fields.items[2].key, "password");
    assert_int_equal(d->n_actions, 7);
    const struct decl_action *get = &d->actions[0];
    assert_string_equal(get->method, "GET");
    assert_int_equal(get->path.n, 2);
    assert_int_equal(get->path.parts[1].root, DECL_INPUTS);
    assert_int_equal(get->results->n_segments, 2);
    assert_int_equal(d->actions[1].body->n, 5);
    assert_int_equal(d->actions[3].paging, DECL_BY_PAGE);
    assert_int_equal(d->actions[3].first, 1);
    assert_int_equal(d->n_triggers, 1);
    assert_string_equal(d->triggers[0].algorithm, "sha256");
    assert_int_equal(d->triggers[0].tolerance_s, 60);
    assert_int_equal(d->triggers[0].challenge->n_segments, 2);
    struct json described = declarative_describe(a, d);
    struct json action = json_at(json_get(described, STR("actions")), 0);
    struct json input = json_at(json_get(action, STR("inputs")), 0);
    assert_true(str_eq(json_as_str(json_get(input, STR("type"))), STR("connection")));
}

#define HEAD                                                                                       \
    "formatVersion: 1\nkey: k\nlabel: L\ndescription: D\nbaseUrl: https://x\n" /* 5 lines */

static void test_told(void **state)
{
    static const struct {
        const char *text, *field, *words;
        int line;
    } cases[] = {
        {"- 1\n", "", "mapping", 1},
        {"key: k\n", "formatVersion", "required", 1},
        {HEAD "actions: []\nbaseurl: x\n", "", "did you mean \"baseUrl\"?", 7},
        {HEAD "actions: [{key: a b, label: A, request: {}}]\n", "actions[0].key", "letters", 6},
        {HEAD "actions:\n- {key: a, label: A, request: {}}\n- {key: a, label: A, request: {}}\n",
         "actions[1].key", "twice", 8},
        {HEAD "actions: [{key: a, label: A}]\n", "actions[0]", "\"request\" is required", 6},
        {HEAD "actions:\n- {key: a, label: A, request: {path: \"{{$inputs.idd}}\"},\n"
              "   inputs: [{key: id}]}\n",
         "actions[0].request.path", "There is no input \"idd\"; did you mean \"id\"?", 7},
        {HEAD "actions: [{key: a, label: A, request: {path: \"{{id}}\"}}]\n",
         "actions[0].request.path", "none of", 6},
        {HEAD "actions: [{key: a, label: A, request: {path: \"{{$inputs.id\"}}]\n",
         "actions[0].request.path", "not closed", 6},
        {HEAD "actions: [{key: a, label: A, request: {method: FETCH}}]\n",
         "actions[0].request.method", "FETCH", 6},
        {HEAD "actions: [{key: a, label: A, request: {body: [1], bodyType: form}}]\n",
         "actions[0].request.body", "mapping", 6},
        {HEAD "actions: [{key: a, label: A, request: {}, response: {results: data}}]\n",
         "actions[0].response.results", "begins with", 6},
        {HEAD "actions: [{key: a, label: A, request: {}, response: {success: [99]}}]\n",
         "actions[0].response.success[0]", "200 to 599", 6},
        {HEAD "actions: [{key: a, label: A, request: {}, paging: {type: cursor}}]\n",
         "actions[0].paging.parameter", "required", 6},
        {HEAD "actions: []\nconnections: [{key: c, label: C, auth: {type: header, name: N,\n"
              "  value: \"{{$connection.key}}\"}}]\n",
         "connections[0].auth.value", "no field of a connection", 8},
        {HEAD "actions: []\ntriggers: [{key: t, label: T, signature: {header: H, secret: \"\"}}]\n",
         "triggers[0].signature.secret", "empty", 7},
        {HEAD "actions: [{key: t, label: A, request: {}}]\ntriggers: [{key: t, label: T}]\n",
         "triggers[0].key", "twice", 7},
        {HEAD "actions: []\nconnections: [{key: c, label: C, auth: {type: magic}}]\n",
         "connections[0].auth.type", "magic", 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
        struct declarative *d = NULL;
        assert_int_equal(parse(a, cases[i].text, &d), -EINVAL);
        bool found = false;
        for (int k = 0; k < errors.n; k++) {
            const struct err *e = &errors.items[k];
            found = found || (strcmp(e->field, cases[i].field) == 0 &&
                              strstr(e->message, cases[i].words) && e->line == cases[i].line);
        }
        if (!found) {
            print_message("case %zu: %s: line %d: %s\n", i, errors.items[0].field,
                          errors.items[0].line, errors.items[0].message);
        }
        assert_true(found);
    }
}

static void test_bounds(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    AUTO(buf_done) struct buf b = {0};
    struct declarative *d = NULL;
    buf_init(&b, MIB(1));
    buf_adds(&b, HEAD "actions: [{key: a, label: A, request: {body: ");
    for (int i = 0; i < 40; i++) {
        buf_addc(&b, '[');
    }
    buf_adds(&b, "1");
    for (int i = 0; i < 40; i++) {
        buf_addc(&b, ']');
    }
    buf_adds(&b, "}}]\n");
    buf_addc(&b, '\0');
    assert_int_equal(parse(a, b.data, &d), -EINVAL);
    assert_non_null(strstr(errors.items[0].message, "levels deep"));
    memset(&errors, 0, sizeof(errors));
    char *large = arena_alloc(a, DECL_MAX_BYTES + 1);
    memset(large, ' ', DECL_MAX_BYTES + 1);
    assert_int_equal(declarative_parse(a, str_n(large, DECL_MAX_BYTES + 1), &d, &errors), -EINVAL);
    assert_non_null(strstr(errors.items[0].message, "256 KB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shop),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
