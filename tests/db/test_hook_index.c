/* The index of deployed flows against a real PostgreSQL: loaded, kept fresh, asked before refusals,
 * shared by content, small. */
#include <malloc.h>
#include <pthread.h>
#include "db_fixture.h"

#include "clock.h"
#include "hooks/hook_index.h"
#include "secret.h"

#define WAIT_NS (30 * NS_PER_SEC)

static struct hook_index *hook_index;

static struct uuid config_of(int n)
{
    return id_of("cccccccc", n);
}

static int setup(void **state)
{
    struct err err;
    if (open_database() != 0) {
        return -1;
    }
    return db_exec(
        db,
        "CREATE FUNCTION tid(kind text, n int) RETURNS uuid LANGUAGE sql AS "
        "$$ SELECT (kind || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;"
        "INSERT INTO organization (id, name, data_key) VALUES (tid('aaaaaaaa', 1), 'o', '');"
        "INSERT INTO customer (id, organization_id, name) VALUES (tid('bbbbbbbb', 1), "
        "tid('aaaaaaaa', 1), 'c');"
        "INSERT INTO integration (id, organization_id, sequence_id, name, definition, "
        "definition_hash) VALUES (tid('dddddddd', 1), tid('aaaaaaaa', 1), tid('dddddddd', 1), "
        "'i', '', '');"
        "INSERT INTO integration_flow (id, organization_id, integration_id, position, name, "
        "trigger_component, trigger_action, is_synchronous, endpoint_security, "
        "organization_api_keys, trigger_reply) SELECT tid('ffffffff', n), tid('aaaaaaaa', 1), "
        "tid('dddddddd', 1), n, 'flow ' || n, 'webhook-triggers', 'webhook', n = 2, "
        "CASE n WHEN 3 THEN 'organization' WHEN 4 THEN 'nonsense' ELSE 'customer_optional' END, "
        "CASE n WHEN 3 THEN ARRAY['k1', 'k2'] ELSE '{}' END, "
        "CASE n WHEN 2 THEN '{\"statusCode\": 202}'::jsonb END FROM generate_series(1, 4) n;"
        "CREATE FUNCTION make(first int, last int) RETURNS void LANGUAGE sql AS $$"
        "INSERT INTO instance (id, organization_id, customer_id, integration_id, name, "
        "deployed_revision) SELECT tid('eeeeeeee', n), tid('aaaaaaaa', 1), tid('bbbbbbbb', 1), "
        "tid('dddddddd', 1), n::text, 1 FROM generate_series(first, last) n;"
        "INSERT INTO instance_flow_config (id, organization_id, instance_id, flow_id, identity) "
        "SELECT tid('cccccccc', n), tid('aaaaaaaa', 1), tid('eeeeeeee', n), tid('ffffffff', "
        "1 + n % 4), 'f' FROM generate_series(first, last) n $$",
        &err);
}

static int each_setup(void **state)
{
    struct err err = {0};
    sql("TRUNCATE instance CASCADE");
    return hook_index_new(getenv("LEAT_TEST_POSTGRES"), &hook_index, &err);
}

static int each_teardown(void **state)
{
    hook_index = hook_index_free(hook_index);
    return 0;
}

static void start(void)
{
    assert_int_equal(hook_index_start(hook_index), 0);
    assert_int_equal(hook_index_wait(hook_index, 30000), 0);
}

static void test_load(void **state)
{
    sql("SELECT make(1, 12000); UPDATE instance SET deployed_revision = 0 WHERE name = '7';"
        "UPDATE instance SET enabled = false WHERE name = '8';"
        "UPDATE instance_flow_config SET active = false WHERE id = tid('cccccccc', 9);"
        "UPDATE integration_flow SET trigger_replies = (name = 'flow 2');"
        "UPDATE instance_flow_config SET api_key_hashes = ARRAY[sha256('a'), sha256('b'), 'short'] "
        "WHERE id = tid('cccccccc', 10)");
    start();
    assert_int_equal(hook_index_size(hook_index), 11998);
    struct hook_target t;
    struct uuid id = config_of(1), absent[] = {config_of(7), config_of(9), config_of(12001)};
    assert_true(hook_index_find(hook_index, &id, &t));
    struct uuid instance = id_of("eeeeeeee", 1), customer = id_of("bbbbbbbb", 1);
    assert_true(uuid_eq(&t.instance_id, &instance) && uuid_eq(&t.customer_id, &customer));
    assert_true(t.enabled && t.revision == 1 && !t.test && !t.keys);
    assert_true(str_eq(t.flow->name, STR("flow 2")));
    assert_true(t.flow->synchronous && t.flow->has_reply && t.flow->trigger_replies);
    assert_int_equal(t.flow->reply.status, 202);
    const struct hook_flow *shared = t.flow;
    hook_target_done(&t);
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        assert_false(hook_index_find(hook_index, &absent[i], &t));
    }
    id = config_of(5);
    assert_true(hook_index_find(hook_index, &id, &t));
    assert_ptr_equal(t.flow, shared);
    hook_target_done(&t);
    id = config_of(8);
    assert_true(hook_index_find(hook_index, &id, &t));
    assert_false(t.enabled);
    hook_target_done(&t);
    id = config_of(10);
    uint8_t digest[32];
    assert_true(hook_index_find(hook_index, &id, &t));
    assert_int_equal(t.keys->n, 2);
    secret_sha256(STR("b"), digest);
    assert_memory_equal(t.keys->keys[1], digest, 32);
    assert_int_equal(t.flow->security, HOOK_ORGANIZATION);
    assert_int_equal(t.flow->n_keys, 2);
    assert_false(t.flow->trigger_replies);
    secret_sha256(STR("k1"), digest);
    assert_memory_equal(t.flow->keys[0], digest, 32);
    hook_target_done(&t);
    id = config_of(11); /* a word that is not known must not open the door */
    assert_true(hook_index_find(hook_index, &id, &t));
    assert_int_equal(t.flow->security, HOOK_CUSTOMER_REQUIRED);
    hook_target_done(&t);
}

/* What a row says, or -1 when it is unknown. */
static int64_t revision_of(int n)
{
    struct hook_target t;
    struct uuid id = config_of(n);
    if (!hook_index_find(hook_index, &id, &t)) {
        return -1;
    }
    int64_t revision = t.enabled ? (int64_t)t.revision : 0;
    hook_target_done(&t);
    return revision;
}

static void await_revision(int n, int64_t revision)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (revision_of(n) != revision && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS);
    }
    assert_int_equal(revision_of(n), revision);
}

static void test_notified(void **state)
{
    sql("SELECT make(1, 3)");
    start();
    sql("UPDATE instance SET deployed_revision = 2 WHERE name = '1'");
    await_revision(1, 2);
    sql("UPDATE instance SET enabled = false WHERE name = '1'");
    await_revision(1, 0);
    sql("SELECT make(4, 4)");
    await_revision(4, 1);
    sql("DELETE FROM instance WHERE name = '2'");
    await_revision(2, -1);
    assert_int_equal(revision_of(3), 1);
    assert_int_equal(hook_index_size(hook_index), 3);
    /* A burst over the bound of single reloads. */
    sql("SELECT make(10, 6000)");
    await_revision(6000, 1);
    await_revision(10, 1);
    assert_int_equal(hook_index_size(hook_index), 3 + 5991);
}

/* What happened while it was not listening is there after it is back. */
static void test_connection_lost(void **state)
{
    sql("SELECT make(1, 2)");
    start();
    sql("BEGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
        "'leat hook index'; UPDATE instance SET deployed_revision = 5 WHERE name = '1';"
        "DELETE FROM instance WHERE name = '2'; COMMIT");
    await_revision(1, 5);
    await_revision(2, -1);
}

struct asked {
    struct hook_question question;
    _Atomic int rc;
};

static void on_answer(struct hook_question *q, int rc)
{
    ((struct asked *)q)->rc = rc;
}

static int ask(struct asked *asked, int n)
{
    *asked = (struct asked){.question = {.id = config_of(n), .done = on_answer}, .rc = 99};
    return hook_index_ask(hook_index, &asked->question);
}

static void await_answer(struct asked *asked, int rc)
{
    int64_t until = clock_mono_ns() + WAIT_NS;
    while (asked->rc == 99 && clock_mono_ns() < until) {
        clock_wait_ns(NS_PER_MS / 10);
    }
    assert_int_equal(asked->rc, rc);
}

static void test_ask(void **state)
{
    start();
    /* Nothing is notified here: only the question finds it. */
    sql("ALTER TABLE instance DISABLE TRIGGER notify;"
        "ALTER TABLE instance_flow_config DISABLE TRIGGER notify; SELECT make(1, 1)");
    struct asked first, again, unknown;
    assert_int_equal(revision_of(1), -1);
    assert_int_equal(ask(&first, 1), 0);
    await_answer(&first, 0);
    assert_int_equal(revision_of(1), 1);
    assert_int_equal(ask(&unknown, 2), 0);
    await_answer(&unknown, 0);
    assert_int_equal(revision_of(2), -1);
    assert_int_equal(ask(&again, 2), 1); /* within a second: what it knows stands */
    clock_wait_ns(1100 * NS_PER_MS);
    assert_int_equal(ask(&again, 2), 0);
    await_answer(&again, 0);
    sql("ALTER TABLE instance ENABLE TRIGGER notify;"
        "ALTER TABLE instance_flow_config ENABLE TRIGGER notify");
}

static void test_ask_storm(void **state)
{
    start();
    enum { STORM = 5000 };
    struct asked *asked = mem_array(STORM, sizeof(*asked));
    size_t taken = 0, full = 0;
    for (int i = 0; i < STORM; i++) {
        int r = ask(&asked[i], 100 + i);
        taken += r == 0;
        full += r == -EAGAIN;
        asked[i].rc = r == 0 ? asked[i].rc : 0;
    }
    assert_int_equal(taken + full, STORM);
    assert_true(full > 0);
    for (int i = 0; i < STORM; i++) {
        await_answer(&asked[i], 0);
    }
    mem_free(asked);
}

static void test_ask_while_away(void **state)
{
    struct hook_index *lost = NULL;
    struct asked asked = {.question = {.id = config_of(1), .done = on_answer}, .rc = 99};
    assert_int_equal(hook_index_new("host=/nonexistent user=none dbname=none", &lost, NULL), 0);
    assert_int_equal(hook_index_start(lost), 0);
    assert_int_equal(hook_index_ask(lost, &asked.question), 0);
    await_answer(&asked, -ENOTCONN);
    assert_false(hook_index_loaded(lost));
    hook_index_free(lost);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void test_small(void **state)
{
    enum { MANY = 20000 };
    sql("SELECT make(1, 20000)");
    struct mallinfo2 before = mallinfo2();
    start();
    struct mallinfo2 after = mallinfo2();
    size_t used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    assert_int_equal(hook_index_size(hook_index), MANY);
    assert_in_range(used / MANY, 50, 300);
}
#endif

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, each_setup, each_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_load),
        TEST(test_notified),
        TEST(test_connection_lost),
        TEST(test_ask),
        TEST(test_ask_storm),
        TEST(test_ask_while_away),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        TEST(test_small),
#endif
    };
    return cmocka_run_group_tests(tests, setup, close_database);
}
