/* The definitions that people publish, checked against the catalog of this build. They are not in
 * the tree: LEAT_EXAMPLES names their folder, or they lie beside the tree. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "catalog.h"
#include "components/catalog_dump.h"
#include "definition/definition.h"

#define FILE_MAX MIB(5)

static struct catalog *built_catalog(void)
{
    AUTO(buf_done) struct buf b;
    struct catalog *catalog = NULL;
    struct err err;
    buf_init(&b, 0);
    catalog_dump(&b);
    if (catalog_parse(buf_str(&b), &catalog, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return catalog;
}

static bool read_file(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return false;
    }
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
        buf_add(ret, part, n);
    }
    fclose(f);
    return !ret->full;
}

/* Returns the number of errors, each printed with its place. */
static int errors_of(struct str text, const struct catalog *catalog, const char *name)
{
    AUTO(mem_free) struct err_list *errors = mem_new(struct err_list);
    AUTO(definition_unref) struct definition *d = NULL;
    int n = 0;
    int rc = definition_parse(text, catalog, &d, errors);
    for (int i = 0; i < errors->n; i++) {
        const struct err *e = &errors->items[i];
        if (!e->warning && n++ < 5) {
            print_error("%s:%d:%d %s: %s\n", name, e->line, e->column, e->field, e->message);
        }
    }
    assert_int_equal(rc<0, n> 0);
    return n;
}

static void an_unknown_action_is_an_error(void **state)
{
    AUTO(catalog_free) struct catalog *catalog = built_catalog();
    static const char text[] =
        "definitionVersion: 7\nname: A\nflows:\n  - name: F\n    steps:\n"
        "      - {name: T, isTrigger: true, action: {key: webhook, component: {key: "
        "webhook-triggers, version: LATEST, isPublic: true}}}\n"
        "      - {name: S, action: {key: %s, component: {key: collection-tools, version: "
        "LATEST, isPublic: true}}, inputs: {jsonInput: {type: value, value: '1'}, jsonSchema: "
        "{type: value, value: '{}'}}}\n";
    static const struct {
        const char *key;
        bool known;
    } rows[] = {{"validateJsonSchema", true}, {"validateJsonScheme", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, KIB(4));
        const char *hole = strstr(text, "%s");
        buf_add(&b, text, (size_t)(hole - text));
        buf_adds(&b, rows[i].key);
        buf_adds(&b, hole + 2);
        assert_int_equal(errors_of(buf_str(&b), catalog, rows[i].key) == 0, rows[i].known);
    }
}

static const char *examples_folder(void)
{
    const char *set = getenv("LEAT_EXAMPLES");
    return set ? set : TEST_SOURCE_ROOT "/../shared/examples";
}

static void examples_have_no_errors(void **state)
{
    AUTO(catalog_free) struct catalog *catalog = built_catalog();
    const char *folder = examples_folder();
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int files = 0, errors = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct str name = str_of(e->d_name);
        if (!str_ends(name, STR(".yml")) && !str_ends(name, STR(".yaml"))) {
            continue;
        }
        char path[4096];
        AUTO(buf_done) struct buf text;
        buf_init(&text, FILE_MAX);
        (void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        assert_true(read_file(path, &text));
        errors += errors_of(buf_str(&text), catalog, e->d_name);
        files++;
    }
    closedir(dir);
    assert_true(files > 0);
    assert_int_equal(errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_action_is_an_error),
        cmocka_unit_test(examples_have_no_errors), /* last: left out where there are none */
    };
    bool examples = access(examples_folder(), R_OK) == 0;
    return _cmocka_run_group_tests("catalog_examples", tests, ARRAY_LEN(tests) - !examples, NULL,
                                   NULL);
}
