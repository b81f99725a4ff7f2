/* What the audit log calls mutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/api_schema.h"
#include "api/gql_schema.h"
#include "domain/audit_action.h"

static void test_names(void **state)
{
    static const struct {
        const char *mutation, *action, *object;
    } table[] = {
        {"createCustomer", "customer.created", "Customer"},
        {"deployInstance", "instance.deployed", "Instance"},
        {"replayExecution", "execution.replayed", "Execution"},
        {"retryThing", "thing.retried", "Thing"},
        {"createOrganizationUser", "user.created", "User"},
        {"createOrganizationSigningKey", "organization_signing_key.created",
         "OrganizationSigningKey"},
        {"createOnPremiseResourceJWT", "on_premise_resource_jwt.created", "OnPremiseResourceJWT"},
        {"testURLOfThing", "url_of_thing.tested", "URLOfThing"},
        {"updateOAuth2Connection", "o_auth2_connection.updated", "OAuth2Connection"},
        {"bulkDisableInstances", "instances.disabled", "Instances"},
        {"sendMail", "mail.sent", "Mail"},
        {"refresh", "refreshed", ""},
        {"b", "bed", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char action[AUDIT_ACTION_MAX];
        struct str object;
        assert_true(audit_action(str_of(table[i].mutation), action, &object));
        assert_string_equal(action, table[i].action);
        assert_true(str_eq(object, str_of(table[i].object)));
    }
}

static void test_what_has_none(void **state)
{
    char action[AUDIT_ACTION_MAX];
    struct str object;
    assert_false(audit_action(STR("validateIntegrationSchema"), action, &object));
    assert_false(audit_action(STR(""), action, &object));
}

static void test_long_names_are_cut(void **state)
{
    char name[400], action[AUDIT_ACTION_MAX];
    struct str object;
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = i % 3 ? 'a' : 'B';
    }
    for (size_t n = 0; n < sizeof(name); n++) {
        (void)audit_action(str_n(name, n), action, &object);
        assert_true(strlen(action) < AUDIT_ACTION_MAX);
    }
}

/* Every mutation there is has two words that only it has, but for those that make a user. */
static void test_all_mutations(void **state)
{
    struct gql_schema *schema;
    struct err err;
    const struct embed_file *sdl = &api_schema_files[0];
    assert_int_equal(gql_schema_new(str_n(sdl->data, sdl->len), &schema, &err), 0);
    const struct gql_type_def *root = gql_schema_root(schema, GQL_MUTATION);
    size_t n = 0;
    for (const struct gql_field_def *f = root->fields; f; f = f->next) {
        char action[AUDIT_ACTION_MAX];
        struct str object;
        if (audit_action(f->name, action, &object)) {
            const char *dot = strchr(action, '.');
            assert_non_null(dot);
            assert_true(dot > action && dot[1] != '\0');
            assert_null(strchr(dot + 1, '.'));
            assert_true(object.len > 0);
            n++;
        }
    }
    assert_true(n > 30);
    gql_schema_free(schema);
}

/* Actions of the audit log that are no mutations. */
static bool is_other(const char *name)
{
    static const char *const others[] = {
        "user.signed_in",   "user.sign_in_refused", "user.password_set",      "api_token.refused",
        "instance.enabled", "instance.disabled",    "alert_monitor.triggered"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strcmp(name, others[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_mutation(const struct gql_type_def *root, const char *name)
{
    char action[AUDIT_ACTION_MAX];
    struct str object;
    for (const struct gql_field_def *f = root->fields; f; f = f->next) {
        if (audit_action(f->name, action, &object) && strcmp(action, name) == 0) {
            return true;
        }
    }
    return false;
}

/* No event can be asked for that never comes. */
static void test_event_types(void **state)
{
    struct gql_schema *schema;
    struct err err;
    const struct embed_file *sdl = &api_schema_files[0];
    char line[300], name[100];
    size_t n = 0;
    assert_int_equal(gql_schema_new(str_n(sdl->data, sdl->len), &schema, &err), 0);
    const struct gql_type_def *root = gql_schema_root(schema, GQL_MUTATION);
    FILE *f = fopen(TEST_SOURCE_ROOT "/controlplane/store/migrations/0018_trail.sql", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, " ('%99[a-z_.]', '", name) == 1 && strchr(name, '.')) {
            if (!is_other(name) && !is_mutation(root, name)) {
                fail_msg("nothing makes the event %s", name);
            }
            n++;
        }
    }
    fclose(f);
    assert_true(n > 30);
    gql_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_has_none),
        cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_all_mutations),
        cmocka_unit_test(test_event_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
