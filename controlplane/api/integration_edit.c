/* Owns changing integrations: texts and definition of a draft, labels of any version, the config
 * variables of the test instance, availability of versions, marketplace and templates. On a lane
 * thread, inside the mutation's transaction. What is published does not change but for its labels
 * and its availability. */
#include "api/integration.h"

#include "api/instance_config.h"

static const char *const template_words[] = {"NOT_AVAILABLE", "ORG_AVAILABLE", "CUSTOMER_AVAILABLE",
                                             "AVAILABLE", NULL};
static const char *const marketplace_words[] = {
    "NOT_AVAILABLE_IN_MARKETPLACE", "AVAILABLE_NOT_DEPLOYABLE", "AVAILABLE_AND_DEPLOYABLE", NULL};

static bool is_given(struct call *c, const char *field)
{
    return !json_is_nullish(call_input(c, field));
}

/* --- a draft ---------------------------------------------------------------------------------- */

static int rewrite(struct call *c, const struct db_rows *row, struct err *err)
{
    AUTO(definition_unref) struct definition *d = NULL;
    struct draft_write w = {.name_field = "name"};
    bool replaced = is_given(c, "definition");
    w.replace.name = is_given(c, "name") ? input_name(c) : NULL;
    w.replace.description = input_text(c, "description", INTEGRATION_DESCRIPTION_MAX);
    w.replace.documentation = input_text(c, "documentation", INTEGRATION_TEXT_MAX);
    w.replace.category = input_text(c, "category", INTEGRATION_CATEGORY_MAX);
    w.replace.labels = input_labels(c, &w.replace.n_labels);
    bool any = replaced || w.replace.name || w.replace.description || w.replace.documentation ||
               w.replace.category || w.replace.labels;
    if (c->n_errors > 0 || !any) {
        return 0;
    }
    struct str text =
        replaced ? call_text(c, "definition", "") : db_str(row, 0, VERSION_DEFINITION);
    int rc = 0;
    if (replaced) {
        rc = draft_check(c, "definition", text, &(struct draft_owner){.integration = c->id}, &d,
                         err);
    } else {
        (void)draft_parse(c, "definition", text, NULL, &d);
    }
    return d ? draft_write(c, d, &w, err) : rc;
}

static int change_owner(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid customer;
    if (call_input(c, "customer").type == JSON_UNDEFINED) {
        return 0;
    }
    int rc = input_customer(c, &customer, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    rc = db_run(c->db, QUERY_INTEGRATION_OWNER, &rows, err, DB_UUID(c->id),
                DB_UUID_OR_NULL(customer));
    if (rc == 0 && db_rows_affected(rows) == 0) {
        call_refuse(c, "customer", "There are instances of other customers.");
    }
    return rc;
}

/* The instance reads configVariables of an input of its own. */
static int apply_test_config(struct call *c, struct json list, const struct db_rows *row,
                             struct err *err)
{
    AUTO(instance_config_done) struct instance_config config = {0};
    struct json before = c->input;
    const struct json_member member = {STR("configVariables"), list};
    size_t first = c->n_errors;
    int rc = instance_config_load(c, &c->id, db_str(row, 0, LOCKED_DEFINITION), &config, err);
    c->input = json_object(&member, 1);
    rc = rc ? rc : instance_config_apply(c, &config, false, err);
    rc = rc || c->n_errors ? rc : instance_config_store(c, &c->id, &config, err);
    rc = rc || c->n_errors ? rc : instance_deploy(c, row, true, err);
    c->input = before;
    for (size_t i = first; i < c->n_errors; i++) {
        c->errors[i].field = "testConfigVariables";
    }
    return rc;
}

static int change_test_config(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *found = NULL;
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct json list = call_input(c, "testConfigVariables");
    struct uuid draft = c->id;
    if (list.type != JSON_ARRAY) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_TEST_INSTANCE, &found, err, DB_UUID(draft));
    if (rc == 0 && db_rows_n(found) == 0) {
        rc = test_instance_put(c, &draft, err);
        found = db_rows_free(found);
        rc = rc ? rc : db_run(c->db, QUERY_API_TEST_INSTANCE, &found, err, DB_UUID(draft));
    }
    if (rc != 0) {
        return rc;
    }
    c->id = db_uuid(found, 0, 0);
    rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    rc = rc ? rc : apply_test_config(c, list, row, err);
    c->id = draft;
    return rc;
}

/* --- of all versions -------------------------------------------------------------------------- */

static int has_version(struct call *c, const struct uuid *sequence, bool available, bool *ret,
                       struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(c->db, QUERY_INTEGRATION_HAS_VERSION, &rows, err, DB_UUID(*sequence));
    *ret = rc == 0 && db_bool(rows, 0, available ? 1 : 0);
    return rc;
}

static int change_template(struct call *c, struct err *err)
{
    struct db_param word = input_word(c, "templateConfiguration", template_words);
    struct db_param many = call_opt_bool(c, "allowMultipleMarketplaceInstances");
    bool published = true;
    int rc = 0;
    if (c->n_errors > 0 || (word.type == DB_P_NULL && many.type == DB_P_NULL)) {
        return 0;
    }
    if (word.type != DB_P_NULL && !str_eq(word.bytes, str_of(template_words[0]))) {
        rc = has_version(c, &c->id, false, &published, err);
    }
    if (rc == 0 && !published) {
        return call_refuse(c, "templateConfiguration",
                           "Only a published integration can be a template: publish it first.");
    }
    return rc ? rc
              : db_run(c->db, QUERY_INTEGRATION_SHOWN, NULL, err, DB_UUID(c->id), word, DB_NULL,
                       DB_NULL, DB_NULL, many);
}

/* --- mutations -------------------------------------------------------------------------------- */

static int update_version(struct call *c, struct err *err)
{
    static const char *const fixed[] = {"name",
                                        "description",
                                        "documentation",
                                        "category",
                                        "definition",
                                        "customer",
                                        "testConfigVariables",
                                        "templateConfiguration",
                                        "allowMultipleMarketplaceInstances",
                                        "avatarUrl",
                                        "addAttachment",
                                        "removeAttachment",
                                        "renameAttachment"};
    struct db_param labels = call_labels(c, "labels");
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (is_given(c, fixed[i])) {
            call_refuse(c, fixed[i],
                        "This is a published version: only its labels change. Change the draft.");
        }
    }
    return c->n_errors > 0 || labels.type == DB_P_NULL
               ? 0
               : db_run(c->db, QUERY_INTEGRATION_LABELS, NULL, err, DB_UUID(c->id), labels);
}

int mutate_update_integration(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = version_lock(c, "id", &row, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_int(row, 0, VERSION_NUMBER) > 0) {
        return update_version(c, err);
    }
    rc = rewrite(c, row, err);
    rc = rc || c->n_errors ? rc : change_owner(c, err);
    rc = rc || c->n_errors ? rc : change_template(c, err);
    rc = rc || c->n_errors ? rc : integration_change_media(c, err);
    return rc || c->n_errors ? rc : change_test_config(c, err);
}

int mutate_update_version_availability(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = version_lock(c, "id", &row, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (db_int(row, 0, VERSION_NUMBER) == 0) {
        return call_refuse(c, "id", "This is the draft: name a published version.");
    }
    return db_run(c->db, QUERY_INTEGRATION_AVAILABLE, NULL, err, DB_UUID(c->id),
                  DB_BOOL(call_input(c, "available").type == JSON_TRUE));
}

static const char *tab_configuration(struct call *c)
{
    static const char field[] = "marketplaceTabConfiguration";
    const char *text = input_text(c, field, KIB(64));
    struct json parsed;
    if (text && text[0] && json_parse(c->a, str_of(text), &parsed, NULL) < 0) {
        call_refuse(c, field, "This must be a JSON text.");
    }
    return text;
}

int mutate_update_marketplace(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    bool available = true;
    int rc = version_lock(c, "id", &row, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    struct uuid sequence = db_uuid(row, 0, VERSION_SEQUENCE);
    struct db_param word = input_word(c, "marketplaceConfiguration", marketplace_words);
    const char *tabs = tab_configuration(c);
    const char *overview = input_text(c, "overview", INTEGRATION_TEXT_MAX);
    if (word.type != DB_P_NULL && !str_eq(word.bytes, str_of(marketplace_words[0]))) {
        rc = has_version(c, &sequence, true, &available, err);
    }
    if (!available && rc == 0) {
        call_refuse(c, "marketplaceConfiguration",
                    "The marketplace shows available versions: publish one first.");
    }
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    return db_run(c->db, QUERY_INTEGRATION_SHOWN, NULL, err, DB_UUID(sequence), DB_NULL, word,
                  tabs ? DB_TEXT(tabs) : DB_NULL, overview ? DB_TEXT(overview) : DB_NULL,
                  call_opt_bool(c, "allowMultipleMarketplaceInstances"));
}
