/* The tables of components: order, uniqueness, words, examples, and both printed forms. */
#include <dirent.h>
#include <unistd.h>

#include "catalog.h"
#include "component_fixture.h"
#include "components/catalog_dump.h"

static size_t count_components(void)
{
    size_t n = 0;
    while (component_registry[n]) {
        n++;
    }
    return n;
}

static void is_sorted_and_found(void **state)
{
    size_t n = 0;
    for (; component_registry[n]; n++) {
        const struct component *c = component_registry[n];
        if (n > 0) {
            assert_true(strcmp(component_registry[n - 1]->key, c->key) < 0);
        }
        assert_ptr_equal(component_find(c->key), c);
        for (const struct action *a = c->actions; a->key; a++) {
            assert_ptr_equal(component_action(c, a->key), a); /* unique */
        }
    }
    assert_int_equal(n, count_components());
    assert_null(component_find("nothing"));
    assert_null(component_find(""));
    assert_null(component_find("zzz"));
    assert_null(component_action(component_find("http"), "nothing"));
}

static void has_words(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    for (size_t i = 0; component_registry[i]; i++) {
        const struct component *c = component_registry[i];
        assert_true(c->label[0] && c->description[0] && c->category[0] && c->version > 0);
        for (const struct action *a = c->actions; a->key; a++) {
            assert_true(a->label[0] && a->description[0]);
            if (a->example) {
                (void)fixture_json(&ctx, a->example);
            }
            bool engine = a->flags & (ACTION_TRIGGER | ACTION_BRANCHES);
            assert_true(a->perform || engine);
            for (const struct action_input *in = a->inputs; in && in->key; in++) {
                if (!in->label || !in->label[0] || !in->comments || !in->comments[0]) {
                    fail_msg("%s.%s.%s has no words", c->key, a->key, in->key);
                }
                bool found = !in->choices || !in->fallback;
                for (size_t k = 0; in->choices && in->choices[k]; k++) {
                    found = found || strcmp(in->choices[k], in->fallback) == 0;
                }
                assert_true(found);
            }
        }
    }
    fixture_done(&ctx);
}

static void catalog_reads_back(void **state)
{
    struct buf b;
    struct err err;
    struct catalog *catalog = NULL;
    buf_init(&b, 0);
    catalog_dump(&b);
    if (catalog_parse(buf_str(&b), &catalog, &err) < 0) {
        fail_msg("%s", err.message);
    }
    size_t n;
    (void)catalog_components(catalog, &n);
    assert_int_equal(n, count_components());
    const struct catalog_component *c = catalog_component(catalog, "http");
    const struct catalog_action *post = catalog_action(c, "httpPost");
    assert_non_null(post);
    assert_false(post->is_trigger);
    bool url = false;
    for (size_t i = 0; i < post->n_inputs; i++) {
        const struct catalog_input *in = &post->inputs[i];
        url = url || (strcmp(in->key, "url") == 0 && in->required);
        if (strcmp(in->key, "headers") == 0) {
            assert_int_equal(in->collection, CATALOG_KEY_VALUE_LIST);
        }
        if (strcmp(in->key, "responseType") == 0) {
            assert_string_equal(in->default_value, "json");
            assert_string_equal(in->choices[2], "binary");
        }
    }
    assert_true(url);
    const struct catalog_action *schedule =
        catalog_action(catalog_component(catalog, "schedule-triggers"), "schedule");
    assert_true(schedule->is_trigger && schedule->schedule_required);
    c = catalog_component(catalog, "loop");
    assert_true(catalog_action(c, "loopOverItems")->loops);
    assert_true(catalog_action(c, "breakLoop")->breaks_loop);
    assert_true(catalog_action(catalog_component(catalog, "branch"), "branchOnValue")->branches);
    c = catalog_component(catalog, "stop-execution");
    assert_true(catalog_action(c, "stopExecution")->stops_execution);
    catalog_free(catalog);
    buf_done(&b);
}

static void pages_are_written(void **state)
{
    char dir[] = "/tmp/leat-pages-XXXXXX", path[300];
    struct err err;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(catalog_dump_pages(dir, &err), 0);
    DIR *d = opendir(dir);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] != '.') {
            n++;
            (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
            (void)unlink(path);
        }
    }
    closedir(d);
    (void)rmdir(dir);
    assert_int_equal(n, count_components() + 1);
    assert_int_equal(catalog_dump_pages("/nonexistent/folder", &err), -ENOENT);
    struct buf b;
    buf_init(&b, 0);
    catalog_dump_markdown(&b, component_find("text-manipulation"));
    assert_non_null(strstr(b.data, "| Newline Type | `newlineType` | string |  | `\\n` |"));
    buf_done(&b);
}

/* docs/components is made by `leat-worker --dump-docs docs/components`. */
static void committed_pages_are_current(void **state)
{
    for (size_t i = 0; component_registry[i]; i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/docs/components/%s.md", TEST_SOURCE_ROOT,
                       component_registry[i]->key);
        struct buf now, page;
        buf_init(&now, MIB(4));
        buf_init(&page, MIB(4));
        catalog_dump_markdown(&now, component_registry[i]);
        FILE *f = fopen(path, "rb");
        if (!f) {
            fail_msg("%s is missing", path);
        }
        char part[4096];
        for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
            buf_add(&page, part, n);
        }
        fclose(f);
        if (!str_eq(buf_str(&now), buf_str(&page))) {
            fail_msg("%s is not current: run leat-worker --dump-docs docs/components", path);
        }
        buf_done(&now);
        buf_done(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_and_found),         cmocka_unit_test(has_words),
        cmocka_unit_test(catalog_reads_back),          cmocka_unit_test(pages_are_written),
        cmocka_unit_test(committed_pages_are_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
