/* The shape of the trigger's payload, and persisted state. */
#include "engine_fixture.h"

static struct json payload(struct fixture *fx)
{
    fx_run(fx, TRIGGER);
    assert_int_equal(fx->result.status, RUN_SUCCEEDED);
    return json_get(fx_data(fx, &fx->steps[0]), STR("data"));
}

struct body_case {
    const char *what, *type;
    struct str body;
    const char *want;     /* JSON of body.data; binary shows as base64 text */
    const char *want_raw; /* JSON of rawBody.data; NULL = the body as text */
    enum json_type want_type;
};

#define MULTIPART                                                                                  \
    "preamble\r\n--b1\r\nContent-Disposition: form-data; name=\"person\"\r\nContent-Type: "        \
    "application/json\r\n\r\n{\"firstname\":\"Ada\"}\r\n--b1\r\nContent-Disposition: form-data; "  \
    "name=\"note\"\r\n\r\nhello\r\n--b1\r\nContent-Disposition: form-data; name=\"file\"; "        \
    "filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n\xff\x00\r\n--b1--\r\n"

#define BYTES(lit)                                                                                 \
    {                                                                                              \
        lit, sizeof(lit) - 1                                                                       \
    }

static const struct body_case body_cases[] = {
    {"JSON", "application/json", BYTES("{\"a\":[1]}"), "{\"a\":[1]}", NULL, JSON_OBJECT},
    {"JSON with a parameter", "Application/JSON; charset=utf-8", BYTES("[]"), "[]", NULL,
     JSON_ARRAY},
    {"JSON suffix", "application/vnd.api+json", BYTES("7"), "7", NULL, JSON_NUMBER},
    {"JSON text", "application/json", BYTES("\"hi\""), "\"hi\"", NULL, JSON_STRING},
    {"broken JSON stays text", "application/json", BYTES("{\"a\":"), "\"{\\\"a\\\":\"", NULL,
     JSON_STRING},
    {"broken JSON that is no text", "application/json", BYTES("{\xff"), "\"e/8=\"", "\"e/8=\"",
     JSON_BINARY},
    {"text", "text/plain", BYTES("hi"), "\"hi\"", NULL, JSON_STRING},
    {"JSON as text is not parsed", "text/plain", BYTES("{}"), "\"{}\"", NULL, JSON_STRING},
    {"a form stays text", "application/x-www-form-urlencoded", BYTES("a=1&b=2"), "\"a=1&b=2\"",
     NULL, JSON_STRING},
    {"XML", "application/soap+xml", BYTES("<a/>"), "\"<a/>\"", NULL, JSON_STRING},
    {"no type", "", BYTES("hi"), "\"hi\"", NULL, JSON_STRING},
    {"no type and no text", "", BYTES("\xff\xfe"), "\"//4=\"", "\"//4=\"", JSON_BINARY},
    {"bytes", "image/png", BYTES("\x00\x01"), "\"AAE=\"", "\"AAE=\"", JSON_BINARY},
    {"nothing", "application/json", BYTES(""), "null", "null", JSON_NULL},
    {"multipart", "multipart/form-data; boundary=\"b1\"", BYTES(MULTIPART),
     "{\"person\":{\"data\":{\"firstname\":\"Ada\"},\"contentType\":\"application/"
     "json\"},\"note\":{"
     "\"data\":\"hello\",\"contentType\":\"text/plain\"},\"file\":{\"data\":\"/"
     "wA=\",\"contentType\":"
     "\"application/octet-stream\",\"fileName\":\"a.bin\"}}",
     "", JSON_OBJECT},
    {"multipart without a boundary", "multipart/form-data", BYTES("x"), "\"x\"", NULL, JSON_STRING},
    {"multipart cut short", "multipart/form-data; boundary=b",
     BYTES("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv"),
     "{\"a\":{\"data\":\"v\",\"contentType\":\"text/plain\"}}", "", JSON_OBJECT},
    {"multipart in multipart is not taken apart", "multipart/form-data; boundary=b",
     BYTES("--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: MultiPart/Form-Data; "
           "boundary=b"
           "\r\n\r\nv\r\n--b--"),
     "{\"a\":{\"data\":\"dg==\",\"contentType\":\"MultiPart/Form-Data; boundary=b\"}}", "",
     JSON_OBJECT},
    {"a name that comes again makes a list", "multipart/form-data; boundary=b",
     BYTES("--b\r\nContent-Disposition: form-data; name=f; filename=1.txt\r\nContent-Type: "
           "text/plain\r\n\r\none\r\n--b\r\nContent-Disposition: form-data; "
           "name=f\r\n\r\ntwo\r\n--b\r\nContent-Disposition: form-data; "
           "name=f\r\n\r\nthree\r\n--b--"),
     "{\"f\":[{\"data\":\"one\",\"contentType\":\"text/"
     "plain\",\"fileName\":\"1.txt\"},{\"data\":\"two\","
     "\"contentType\":\"text/plain\"},{\"data\":\"three\",\"contentType\":\"text/plain\"}]}",
     "", JSON_OBJECT},
    {"multipart of rubbish", "multipart/form-data; boundary=b", BYTES("--b--b--b\r\n--b"), "{}", "",
     JSON_OBJECT},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(body_cases); i++) {
        const struct body_case *c = &body_cases[i];
        struct fixture fx = {.body = c->body, .hook = {.content_type = str_of(c->type)}};
        struct json p = payload(&fx);
        struct json data = json_get(json_get(p, STR("body")), STR("data"));
        const char *got = fx_dump(&fx, data);
        if (strcmp(got, c->want) != 0 || data.type != c->want_type) {
            fail_msg("%s: got %s, want %s", c->what, got, c->want);
        }
        struct json raw = json_get(json_get(p, STR("rawBody")), STR("data"));
        if (!c->want_raw) {
            assert_true(str_eq(json_as_str(raw), c->body));
        } else if (c->want_raw[0]) {
            assert_string_equal(fx_dump(&fx, raw), c->want_raw);
        }
        assert_true(str_eq(json_as_str(json_get(json_get(p, STR("body")), STR("contentType"))),
                           str_of(c->type)));
        fx_done(&fx);
    }
}

static void test_payload_shape(void **state)
{
    static struct wire_pair headers[] = {
        {{"X-A", 3}, {"1", 1}}, {{"Accept", 6}, {"*/*", 3}}, {{"X-A", 3}, {"2", 1}}};
    struct fixture fx = {.hook = {.method = STR("POST"),
                                  .path_fragment = STR("my/path"),
                                  .query = STR("a=1&b=x%20y+z&&c&a=2&%ff=%ff"),
                                  .headers = {.items = headers, .n = 3}},
                         .debug = true};
    struct json p = payload(&fx);
    assert_string_equal(fx_dump(&fx, json_get(p, STR("headers"))),
                        "{\"X-A\":\"1, 2\",\"Accept\":\"*/*\"}");
    struct json query = json_get(p, STR("queryParameters"));
    assert_string_equal(fx_dump(&fx, json_get(query, STR("a"))), "\"2\"");
    assert_string_equal(fx_dump(&fx, json_get(query, STR("b"))), "\"x y z\"");
    assert_string_equal(fx_dump(&fx, json_get(query, STR("c"))), "\"\"");
    static const struct {
        const char *key, *want;
    } members[] = {
        {"pathFragment", "\"my/path\""},
        {"webhookUrls", "{\"Main\":\"http://hooks/trigger/abc\"}"},
        {"webhookApiKeys", "{\"Main\":[\"********\"]}"}, /* as recorded */
        {"invokeUrl", "\"http://hooks/trigger/abc\""},
        {"globalDebug", "true"},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        assert_string_equal(fx_dump(&fx, json_get(p, str_of(members[i].key))), members[i].want);
    }
    char id[GLOBAL_ID_MAX];
    (void)global_id_format("InstanceExecutionResult", &fx_id, id);
    assert_true(str_eq(json_as_str(json_get(p, STR("executionId"))), str_of(id)));
    static const struct {
        const char *object, *keys;
    } objects[] = {
        {"customer", "id name externalId "},
        {"instance", "id name "},
        {"integration", "id name versionSequenceId externalVersion "},
        {"flow", "id name stableId "},
    };
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        struct json object = json_get(p, str_of(objects[i].object));
        struct buf keys;
        buf_init(&keys, 0);
        for (uint32_t k = 0; k < object.len; k++) {
            buf_add_str(&keys, object.members[k].key);
            buf_addc(&keys, ' ');
        }
        assert_string_equal(keys.data, objects[i].keys);
        buf_done(&keys);
    }
    assert_int_equal(json_as_str(json_get(p, STR("startedAt"))).len, CLOCK_ISO_LEN);
    fx_done(&fx);
}

/* --- state ------------------------------------------------------------------------------------ */

#define GET(name, scope, key)                                                                      \
    STEP(name, "persist-data", "get" scope "Value", VALUE("keyInput", key))
#define SAVE(name, scope, key, path)                                                               \
    STEP(name, "persist-data", "save" scope "Value",                                               \
         VALUE("keyInput", key) ", " REF("valueInput", path))

static const char *store_of(struct fixture *fx, uint32_t scope)
{
    const struct result_state *states = fx->result.states.items;
    for (size_t i = 0; i < fx->result.states.n; i++) {
        struct json v;
        size_t used;
        if (states[i].scope == scope) {
            assert_int_equal(msgpack_read(fx->arena, states[i].store, &v, &used, NULL), 0);
            return fx_dump(fx, v);
        }
    }
    return NULL;
}

static void test_state(void **state)
{
    struct fixture fx = {.stores = {[STATE_INSTANCE] = "{\"old\":{\"n\":1},\"kept\":2}"},
                         .body = STR("{\"v\":[1,2]}"),
                         .hook = {.content_type = STR("application/json")}};
    fx_run(
        &fx,
        TRIGGER ", " GET("Old", "Instance", "old") ", " SAVE(
            "Save", "Instance", "old",
            "trigger.results.body.data.v") ", " GET("New", "Instance",
                                                    "old") ", " SAVE("Exec", "Execution", "e",
                                                                     "trigger.results.body.data.v."
                                                                     "1") ", " GET("Exec 2",
                                                                                   "Execution",
                                                                                   "e") ", " GET("C"
                                                                                                 "r"
                                                                                                 "o"
                                                                                                 "s"
                                                                                                 "s",
                                                                                                 "C"
                                                                                                 "r"
                                                                                                 "o"
                                                                                                 "s"
                                                                                                 "s"
                                                                                                 "F"
                                                                                                 "l"
                                                                                                 "o"
                                                                                                 "w",
                                                                                                 "x"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    struct json last = json_undefined();
    static const char *const want[] = {"{\"n\":1}", NULL, "[1,2]", NULL, "2", "null"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        last = json_get(fx_data(&fx, &fx.steps[i + 1]), STR("data"));
        if (want[i]) {
            assert_string_equal(fx_dump(&fx, last), want[i]);
        }
    }
    assert_int_equal(fx.n_fetches, 2);       /* each store once */
    assert_int_equal(fx.result.states.n, 1); /* the changed one, whole */
    assert_string_equal(store_of(&fx, STATE_INSTANCE), "{\"old\":[1,2],\"kept\":2}");
    fx_done(&fx);
}

static void test_state_of_a_failed_run_is_dropped(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx,
           TRIGGER ", " SAVE("Save", "CrossFlow", "k",
                             "trigger.results.pathFragment") ", " STEP("Bad", "test", "fail", ""));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_int_equal(fx.result.states.n, 0);
    fx_done(&fx);
}

static void test_state_that_cannot_be_read(void **state)
{
    struct fixture fx = {.state_away = true};
    fx_run(&fx, TRIGGER ", " GET("Old", "Instance", "old"));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_string_equal(fx_text(&fx, fx.result.error), "the state is away");
    fx_done(&fx);
}

static void test_state_limits(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "20"),
                                  STEP("Big", "test", "big", VALUE("value", "4000000")) ", " STEP(
                                      "Save", "persist-data", "saveExecutionValue",
                                      TEMPLATE("keyInput", "k{{$loop.index}}") ", " REF(
                                          "valueInput", "big.results"))));
    assert_int_equal(fx.result.status, RUN_FAILED);
    assert_non_null(strstr(fx_text(&fx, fx.result.error), "maximum of 67108864 bytes"));
    fx_done(&fx);
    /* what other flows of the instance keep counts as well */
    fx = (struct fixture){.elsewhere = MIB(64) - 5000};
    fx_run(&fx, TRIGGER ", " STEP("Big", "test", "big", VALUE("value", "6000")) ", " SAVE(
                    "Save", "Instance", "k", "big.results"));
    assert_non_null(strstr(fx_text(&fx, fx.result.error), "maximum of 67108864 bytes"));
    fx_done(&fx);
}

/* What one result cannot carry goes ahead of it. */
static void test_large_state(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx,
           TRIGGER ", " STEP("Big", "test", "big", VALUE("value", "9000000")) ", " SAVE(
               "Save", "CrossFlow", "k", "big.results") ", " SAVE("Small", "Instance", "s",
                                                                  "trigger.results.pathFragment"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    assert_int_equal(fx.n_parts, 3);
    const struct result_state *states = fx.result.states.items;
    assert_int_equal(fx.result.states.n, 2);
    assert_int_equal(states[0].n_parts, 0);
    assert_int_equal(states[1].scope, STATE_CROSS_FLOW);
    assert_int_equal(states[1].n_parts, 3);
    assert_int_equal(states[1].store.len, 0);
    struct json v;
    size_t used;
    assert_int_equal(msgpack_read(fx.arena, buf_str(&fx.uploaded), &v, &used, NULL), 0);
    assert_int_equal(json_get(v, STR("k")).len, 9000000);
    fx_done(&fx);
}

static void test_state_in_a_long_loop(void **state)
{
    struct fixture fx = {0};
    fx_run(&fx, TRIGGER
           ", " LOOP("Loop", "loopNTimes", VALUE("iterationCount", "2000"),
                     STEP("Add", "persist-data", "appendExecutionValueToList",
                          VALUE("keyInput", "list") ", " REF(
                              "valueInput",
                              "loop.index"))) ", " GET("All", "Execution",
                                                       "list") ", " ECHO_REF("End",
                                                                             "all.results.1999"));
    assert_string_equal(fx_text(&fx, fx.result.error), "");
    assert_string_equal(
        fx_dump(&fx, json_get(fx_data(&fx, &fx.steps[fx.n_steps - 1]), STR("data"))), "1999");
    fx_done(&fx);
}

/* Lists that grow by turns, next to values that are replaced, keep what was appended. */
static void test_growing_lists(void **state)
{
    struct fixture fx = {.stores = {[STATE_INSTANCE] = "{\"l2\":[\"old\"],\"empty\":null}"}};
#define APPEND(name, key, path)                                                                    \
    STEP(name, "persist-data", "appendInstanceValueToList",                                        \
         TEMPLATE("keyInput", key) ", " REF("valueInput", path))
    fx_run(
        &fx,
        TRIGGER ", " LOOP(
            "Loop", "loopNTimes", VALUE("iterationCount", "300"),
            STEP("Big", "test", "big", VALUE("value", "9000")) ", " SAVE("Replace", "Instance", "r", "big.results") ", " APPEND("A1", "l1", "loop.index") ", " APPEND("A2", "l2", "loop.index") ", " APPEND(
                "A3", "l{{$loop.index}}x",
                "big.results") ", " APPEND("A4", "empty",
                                           "loop.index") ", " APPEND("A5", "l5",
                                                                     "loop.index") ", " APPEND("A6",
                                                                                               "l6",
                                                                                               "a1."
                                                                                               "res"
                                                                                               "ult"
                                                                                               "s."
                                                                                               "val"
                                                                                               "ue."
                                                                                               "0")) ", " GET("L1",
                                                                                                              "Instance",
                                                                                                              "l1") ", " GET("L2",
                                                                                                                             "Instance",
                                                                                                                             "l2") ", " GET("L6",
                                                                                                                                            "Instance",
                                                                                                                                            "l6") ", " GET("X",
                                                                                                                                                           "Instance",
                                                                                                                                                           "l299x") ", " APPEND("Bad",
                                                                                                                                                                                "r",
                                                                                                                                                                                "loop.index"));
    assert_non_null(strstr(fx_text(&fx, fx.result.error), "is kept under \"r\" is not a list"));
    struct json l1 = json_get(fx_data(&fx, &fx.steps[fx.n_steps - 5]), STR("data"));
    struct json l2 = json_get(fx_data(&fx, &fx.steps[fx.n_steps - 4]), STR("data"));
    struct json l6 = json_get(fx_data(&fx, &fx.steps[fx.n_steps - 3]), STR("data"));
    struct json x = json_get(fx_data(&fx, &fx.steps[fx.n_steps - 2]), STR("data"));
    assert_int_equal(l1.len, 300);
    assert_int_equal(l2.len, 301);
    assert_int_equal(l6.len, 300);
    assert_int_equal(x.len, 1);
    assert_int_equal(x.items[0].len, 9000);
    assert_true(str_eq(json_as_str(l2.items[0]), STR("old")));
    for (uint32_t i = 0; i < 300; i++) {
        assert_true(l1.items[i].num == i && l2.items[i + 1].num == i && l6.items[i].num == 0);
    }
    fx_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_payload_shape),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_state_of_a_failed_run_is_dropped),
        cmocka_unit_test(test_state_that_cannot_be_read),
        cmocka_unit_test(test_state_limits),
        cmocka_unit_test(test_growing_lists),
        cmocka_unit_test(test_large_state),
        cmocka_unit_test(test_state_in_a_long_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
