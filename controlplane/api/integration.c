/* Owns the mutations of integrations: a definition is parsed and checked, written as canonical text
 * with what the API shows of it in rows; publishing copies the draft as the next immutable
 * version. On a lane thread, inside the mutation's transaction. */
#include "api/integration.h"

#include "api/input.h"
#include "api/instance_config.h"

#define MAX_FLOWS 200
#define MAX_VARS  500

static struct str dump(struct call *c, struct json v)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MIB(8));
    json_dump(&b, v);
    return str_n(arena_strndup(c->a, buf_str(&b).ptr, b.len), b.len);
}

static struct db_param texts(struct call *c, const char **list, size_t n)
{
    struct str *items = arena_array(c->a, n + 1, sizeof(*items));
    for (size_t i = 0; i < n; i++) {
        items[i] = str_of(list[i]);
    }
    return DB_TEXTS(items, n);
}

/* [{key, value}] of a list of literals; anything else cannot be known before a run. */
static struct json literal_pairs(struct call *c, const struct def_input *in)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (size_t i = 0; i < in->n_items; i++) {
        const struct def_input *item = &in->items[i];
        struct json_builder pair;
        if (item->type != DEF_INPUT_VALUE || !item->name || item->name->type != DEF_INPUT_VALUE) {
            continue;
        }
        json_build_object(&pair, c->a);
        json_append(&pair, STR("key"), json_str(item->name->text));
        json_append(&pair, STR("value"), json_str(item->text));
        json_push(&list, json_built(&pair));
    }
    return json_built(&list);
}

/* The fixed answer that a webhook trigger describes; NULL when it has none. */
static struct db_param trigger_reply(struct call *c, const struct def_step *trigger)
{
    static const char *const keys[] = {"statusCode", "contentType", "headers", "body"};
    struct json_builder b;
    json_build_object(&b, c->a);
    if (strcmp(trigger->component, "webhook-triggers") != 0) {
        return DB_NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct def_input *in = def_step_input(trigger, keys[i]);
        if (in && in->type == DEF_INPUT_VALUE) {
            json_append(&b, str_of(keys[i]), json_str(in->text));
        } else if (in && in->type == DEF_INPUT_KEY_VALUES && in->n_items > 0) {
            json_append(&b, str_of(keys[i]), literal_pairs(c, in));
        }
    }
    return json_built(&b).len ? DB_STR(dump(c, json_built(&b))) : DB_NULL;
}

static struct db_param flow_schedule(struct call *c, const struct def_step *trigger)
{
    const struct def_schedule *s = trigger->schedule;
    struct json_builder b;
    if (!s || s->value.type == DEF_INPUT_UNSET) {
        return DB_NULL;
    }
    json_build_object(&b, c->a);
    json_append(&b, STR("type"),
                json_cstr(s->value.type == DEF_INPUT_CONFIG_VAR ? "configVar" : "value"));
    json_append(&b, STR("value"), json_str(s->value.text));
    json_append(&b, STR("timeZone"), json_cstr(s->time_zone));
    return DB_STR(dump(c, json_built(&b)));
}

/* How many executions at once; 0 = no queue. */
static struct db_param queue_limit(const struct def_flow *f)
{
    int limit = f->queue.concurrency_limit ? f->queue.concurrency_limit : 1;
    return DB_I64(f->queue.fifo ? limit : f->queue.singleton ? 1 : 0);
}

/* The members from the root of a reference to its value. */
static struct db_param members_of(struct call *c, const struct path *p)
{
    if (!p || p->n_segments == 0) {
        return DB_NULL;
    }
    struct str *keys = arena_array(c->a, p->n_segments, sizeof(*keys));
    for (size_t i = 0; i < p->n_segments; i++) {
        keys[i] = p->segments[i].key;
    }
    return DB_TEXTS(keys, p->n_segments);
}

static bool same_flow(struct str name, struct str stable_key, const struct def_flow *f)
{
    return stable_key.len > 0 && f->stable_key[0] ? str_eq(stable_key, str_of(f->stable_key))
                                                  : str_eq(name, str_of(f->name));
}

/* Flows keep their ids by stable key or name. */
static int put_flows(struct call *c, const struct def_view *v, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *old = NULL;
    struct uuid ids[MAX_FLOWS];
    int rc = db_run(c->db, QUERY_API_FLOW_IDS, &old, err, DB_UUID(c->id));
    for (size_t i = 0; i < v->n_flows && rc == 0; i++) {
        ids[i] = uuid_v7();
        for (size_t k = 0; k < db_rows_n(old); k++) {
            if (same_flow(db_str(old, k, 1), db_str(old, k, 2), &v->flows[i])) {
                ids[i] = db_uuid(old, k, 0);
            }
        }
    }
    rc = rc ? rc
            : db_run(c->db, QUERY_API_FLOWS_KEEP, NULL, err, DB_UUID(c->id),
                     DB_UUIDS(ids, v->n_flows));
    rc = rc ? rc : db_run(c->db, QUERY_API_FLOWS_MOVE, NULL, err, DB_UUID(c->id));
    for (size_t i = 0; i < v->n_flows && rc == 0; i++) {
        const struct def_flow *f = &v->flows[i];
        const struct def_step *trigger = &f->steps[0];
        bool replies = false;
        rc = draft_trigger_replies(c, trigger, &replies, err);
        rc = rc ? rc
                : db_run(c->db, QUERY_API_FLOW_PUT, NULL, err, DB_UUID(ids[i]),
                         DB_UUID(c->viewer.organization), DB_UUID(c->id), DB_I64((int64_t)i),
                         DB_TEXT(f->name), DB_TEXT(f->stable_key), DB_TEXT(f->description),
                         DB_BOOL(f->is_synchronous), DB_TEXT(def_security_names[f->security]),
                         texts(c, f->organization_api_keys, f->n_organization_api_keys),
                         DB_TEXT(trigger->component), DB_TEXT(trigger->action),
                         trigger_reply(c, trigger), flow_schedule(c, trigger), queue_limit(f),
                         DB_BOOL(f->queue.singleton), members_of(c, f->queue.dedupe_id),
                         DB_BOOL(replies));
    }
    return rc;
}

/* What the wizard shows to whom, when it is not everything to everybody. */
static struct db_param meta_of(struct call *c, const struct def_config_var *var)
{
    AUTO(buf_done) struct buf text = {0};
    struct json_builder b;
    if (var->visible_to_customer_deployer && var->visible_to_org_deployer) {
        return DB_TEXT("");
    }
    json_build_object(&b, c->a);
    json_append(&b, STR("visibleToCustomerDeployer"), json_bool(var->visible_to_customer_deployer));
    json_append(&b, STR("visibleToOrgDeployer"), json_bool(var->visible_to_org_deployer));
    buf_init(&text, KIB(1));
    json_dump(&text, json_built(&b));
    return DB_STR(str_n(arena_strndup(c->a, text.data, text.len), text.len));
}

static int put_vars(struct call *c, const struct def_view *v, struct err *err)
{
    static const char *const collections[] = {
        [DEF_COLLECTION_VALUES] = "valuelist", [DEF_COLLECTION_KEY_VALUES] = "keyvaluelist"};
    static const char *const schedules[_DEF_SCHEDULE_N] = {"none", "once", "minute", "hour",
                                                           "day",  "week", "custom"};
    int rc = db_run(c->db, QUERY_API_VARS_CLEAR, NULL, err, DB_UUID(c->id));
    for (size_t i = 0; i < v->n_vars && rc == 0; i++) {
        const struct def_config_var *var = &v->vars[i];
        bool scheduled = var->type == DEF_VAR_SCHEDULE;
        bool of_template = var->connection_template && var->connection_template[0];
        rc = db_run(c->db, QUERY_API_VAR_INSERT, NULL, err, DB_UUID(uuid_v7()),
                    DB_UUID(c->viewer.organization), DB_UUID(c->id), DB_I64((int64_t)i),
                    DB_TEXT(var->key), DB_TEXT(var->stable_key),
                    DB_TEXT(def_var_type_names[var->type]), DB_TEXT(var->description),
                    DB_TEXT(var->default_value),
                    var->collection ? DB_TEXT(collections[var->collection]) : DB_NULL,
                    DB_BOOL(var->org_only),
                    var->n_pick_list ? texts(c, var->pick_list, var->n_pick_list) : DB_NULL,
                    scheduled ? DB_TEXT(schedules[var->schedule_type]) : DB_NULL,
                    scheduled ? DB_TEXT(var->time_zone) : DB_NULL,
                    of_template ? DB_TEXT(var->connection_template) : DB_NULL, meta_of(c, var));
    }
    return rc;
}

/* Which draft to write: the one asked for, the one of the same name, or a new one. */
static int choose_draft(struct call *c, const struct def_view *v, const struct uuid *customer,
                        bool *ret_new, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc;
    *ret_new = false;
    if (call_input(c, "integrationId").type != JSON_STRING) {
        rc = db_run(c->db, QUERY_API_DRAFT_BY_NAME, &rows, err, DB_TEXT(v->name),
                    DB_UUID_OR_NULL(*customer));
        *ret_new = rc == 0 && db_rows_n(rows) == 0;
        c->id = rc == 0 && !*ret_new ? db_uuid(rows, 0, 0) : uuid_v7();
        return rc;
    }
    if (!call_need_id(c, "integrationId", "Integration", &c->id)) {
        return 0;
    }
    rc = db_run(c->db, QUERY_API_DRAFT_LOCK, &rows, err, DB_UUID(c->id));
    if (rc == 0 && db_rows_n(rows) == 0) {
        call_refuse(c, "integrationId", "The draft of an integration with this id does not exist.");
    }
    return rc;
}

static int put_draft(struct call *c, const struct def_view *v, struct str text,
                     const struct draft_write *w, struct err *err)
{
    uint8_t digest[32];
    secret_sha256(text, digest);
    struct db_param hash = DB_BYTES(str_n((const char *)digest, sizeof(digest)));
    struct db_param labels = texts(c, v->labels, v->n_labels);
    int rc = w->is_new
                 ? db_run(c->db, QUERY_API_DRAFT_INSERT, NULL, err, DB_UUID(c->id),
                          DB_UUID(c->viewer.organization), DB_UUID_OR_NULL(w->customer),
                          DB_TEXT(v->name), DB_TEXT(v->description), DB_TEXT(v->documentation),
                          DB_TEXT(v->category), labels, DB_STR(text), hash)
                 : db_run(c->db, QUERY_API_DRAFT_UPDATE, NULL, err, DB_UUID(c->id),
                          DB_TEXT(v->name), DB_TEXT(v->description), DB_TEXT(v->documentation),
                          DB_TEXT(v->category), labels, DB_STR(text), hash);
    rc = call_store_error(c, rc, "integration_draft_name", w->name_field,
                          "Another integration has this name.", err);
    rc = rc || c->n_errors ? rc
                           : db_run(c->db, QUERY_INTEGRATION_CODE_NATIVE, NULL, err, DB_UUID(c->id),
                                    DB_BOOL(v->is_code_native));
    rc = rc || c->n_errors ? rc
                           : db_run(c->db, QUERY_API_ENDPOINT_PUT, NULL, err, DB_UUID(c->id),
                                    DB_TEXT(def_endpoint_names[v->endpoint]),
                                    DB_TEXT(v->preprocess_flow), members_of(c, v->flow_name_field),
                                    members_of(c, v->external_customer_id_field));
    rc = rc || c->n_errors ? rc : draft_put_components(c, v, err);
    rc = rc || c->n_errors ? rc : put_flows(c, v, err);
    return rc || c->n_errors ? rc : put_vars(c, v, err);
}

void call_tell(struct call *c, const char *field, const struct err_list *errors)
{
    for (int i = 0; i < errors->n; i++) {
        const struct err *e = &errors->items[i];
        const char *words = arena_printf(c->a, "line %d, column %d%s%s: %s", e->line, e->column,
                                         e->field[0] ? ", " : "", e->field, e->message);
        if (!e->warning) {
            call_refuse(c, field, "%s", words);
        } else if (c->n_warnings < API_ERRORS_MAX) {
            c->warnings[c->n_warnings++] = words;
        }
    }
}

bool draft_parse(struct call *c, const char *field, struct str text, const struct catalog *catalog,
                 struct definition **ret)
{
    AUTO(definition_unref) struct definition *d = NULL;
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    int rc = definition_parse(text, catalog, &d, errors);
    call_tell(c, field, errors);
    if (rc < 0) {
        return false;
    }
    const struct def_view *v = definition_view(d);
    if (v->n_flows > MAX_FLOWS || v->n_vars > MAX_VARS) {
        call_refuse(c, field, "At most %d flows and %d config variables.", MAX_FLOWS, MAX_VARS);
        return false;
    }
    *ret = TAKE(d);
    return true;
}

static bool replaces(const struct definition_emit_options *o)
{
    return o->name || o->description || o->documentation || o->category || o->labels;
}

int draft_write(struct call *c, const struct definition *d, const struct draft_write *w,
                struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(definition_unref) struct definition *replaced = NULL;
    buf_init(&text, DEFINITION_MAX_BYTES * 2);
    definition_emit(d, &w->replace, &text);
    if (text.full || text.len > DEFINITION_MAX_BYTES) {
        return call_refuse(c, "definition", "The definition is larger than 5 MB.");
    }
    /* What was replaced is read back: the rows show it, and it is known to be readable. What there
     * is to warn of was told already. */
    size_t n_warnings = c->n_warnings;
    if (replaces(&w->replace) && !draft_parse(c, w->name_field, buf_str(&text), NULL, &replaced)) {
        return 0;
    }
    c->n_warnings = n_warnings;
    int rc = put_draft(c, definition_view(replaced ? replaced : d), buf_str(&text), w, err);
    struct uuid draft = c->id;
    return rc || c->n_errors ? rc : test_instance_put(c, &draft, err);
}

int mutate_import_integration(struct call *c, struct err *err)
{
    AUTO(definition_unref) struct definition *d = NULL;
    struct draft_write w = {.name_field = "definition"};
    struct draft_owner owner = {0};
    int rc = input_customer(c, &w.customer, err);
    owner.customer = w.customer;
    (void)global_id_parse(call_text(c, "integrationId", ""), "Integration", &owner.integration);
    rc = rc || c->n_errors
             ? rc
             : draft_check(c, "definition", call_text(c, "definition", ""), &owner, &d, err);
    if (!d) {
        return rc;
    }
    rc = choose_draft(c, definition_view(d), &w.customer, &w.is_new, err);
    return rc || c->n_errors ? rc : draft_write(c, d, &w, err);
}

static int lock_draft(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (!call_need_id(c, "id", "Integration", &c->id)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_DRAFT_LOCK, &rows, err, DB_UUID(c->id));
    if (rc == 0 && db_rows_n(rows) == 0) {
        call_refuse(c, "id", "The draft of an integration with this id does not exist.");
    }
    return rc;
}

static struct db_param fresh_ids(struct call *c, size_t n)
{
    struct uuid *ids = arena_array(c->a, n + 1, sizeof(*ids));
    for (size_t i = 0; i < n; i++) {
        ids[i] = uuid_v7();
    }
    return DB_UUIDS(ids, n);
}

int mutate_publish_integration(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *counts = NULL;
    int rc = lock_draft(c, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    struct uuid draft = c->id, version = uuid_v7();
    rc = db_run(c->db, QUERY_API_VERSION_COUNTS, &counts, err, DB_UUID(draft));
    rc = rc ? rc
            : db_run(c->db, QUERY_API_VERSION_INSERT, NULL, err, DB_UUID(draft), DB_UUID(version),
                     DB_STR(call_text(c, "comment", "")), DB_UUID(c->viewer.user),
                     DB_STR(call_text(c, "attributes", "")));
    rc = rc ? rc
            : db_run(c->db, QUERY_API_VERSION_FLOWS, NULL, err, DB_UUID(draft), DB_UUID(version),
                     fresh_ids(c, (size_t)db_int(counts, 0, 0)));
    rc = rc ? rc
            : db_run(c->db, QUERY_API_VERSION_VARS, NULL, err, DB_UUID(draft), DB_UUID(version),
                     fresh_ids(c, (size_t)db_int(counts, 0, 1)));
    rc = rc ? rc : router_put(c, &version, err);
    c->id = version;
    return rc;
}

int mutate_find_integration(struct call *c, struct err *err)
{
    return lock_draft(c, err);
}

int mutate_delete_integration(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_REMOVAL_INTEGRATION, NULL, err, DB_UUID(c->id));
}
