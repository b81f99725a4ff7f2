/* Owns deploying: the configuration is frozen as a sealed revision, flow configs follow the flows
 * of the version by their identity, schedules are set, and flows that start on deploy get their
 * execution, all in the mutation's transaction. On a lane thread. Unless it is forced, a deploy
 * whose flows fail is taken back afterwards (schedule/lifecycle.c). */
#include "api/instance_config.h"

#include "clock.h"
#include "cron.h"
#include "org_key.h"
#include "run_request.h"

#define MAX_FLOWS   200
#define CONFIG_MAX  MIB(4)
#define PAYLOAD_MAX MIB(6)

struct flow_row {
    struct uuid id, config; /* of integration_flow and instance_flow_config */
    struct str name, identity, component, action, security;
    int64_t n_keys;
};
struct flow_rows {
    struct flow_row items[MAX_FLOWS];
    size_t n;
    struct db_rows *flows, *configs; /* owned; the items' texts are in them */
};

static void flow_rows_done(struct flow_rows *f)
{
    db_rows_free(f->flows);
    db_rows_free(f->configs);
}
DEFINE_DONE(struct flow_rows, flow_rows_done)

static int read_flows(struct call *c, const struct uuid *instance, const struct uuid *version,
                      struct flow_rows *f, struct err *err)
{
    int rc = db_run(c->db, QUERY_API_VERSION_FLOW_LIST, &f->flows, err, DB_UUID(*version));
    rc = rc ? rc : db_run(c->db, QUERY_API_FLOW_CONFIG_LIST, &f->configs, err, DB_UUID(*instance));
    for (size_t i = 0; rc == 0 && i < MIN(db_rows_n(f->flows), (size_t)MAX_FLOWS); i++) {
        struct flow_row *row = &f->items[f->n++];
        struct str stable = db_str(f->flows, i, 2);
        *row = (struct flow_row){.id = db_uuid(f->flows, i, 0),
                                 .name = db_str(f->flows, i, 1),
                                 .component = db_str(f->flows, i, 3),
                                 .action = db_str(f->flows, i, 4),
                                 .security = db_str(f->flows, i, 5)};
        row->identity = stable.len ? stable : row->name;
        for (size_t k = 0; k < db_rows_n(f->configs); k++) {
            if (str_eq(db_str(f->configs, k, 1), row->identity)) {
                row->config = db_uuid(f->configs, k, 0);
                row->n_keys = db_int(f->configs, k, 2);
            }
        }
    }
    return rc;
}

int instance_flow_configs_put(struct call *c, const struct uuid *instance,
                              const struct uuid *version, struct err *err)
{
    AUTO(flow_rows_done) struct flow_rows f = {0};
    struct str *identities = arena_array(c->a, MAX_FLOWS, sizeof(*identities));
    int rc = read_flows(c, instance, version, &f, err);
    for (size_t i = 0; i < f.n; i++) {
        identities[i] = f.items[i].identity;
    }
    rc = rc ? rc
            : db_run(c->db, QUERY_API_FLOW_CONFIGS_RETIRE, NULL, err, DB_UUID(*instance),
                     DB_TEXTS(identities, f.n));
    for (size_t i = 0; i < f.n && rc == 0; i++) {
        struct flow_row *row = &f.items[i];
        struct uuid id = uuid_is_nil(&row->config) ? uuid_v7() : row->config;
        rc = db_run(c->db, QUERY_API_FLOW_CONFIG_PUT, NULL, err, DB_UUID(id),
                    DB_UUID(c->viewer.organization), DB_UUID(*instance), DB_UUID(row->id),
                    DB_STR(row->identity));
    }
    return rc;
}

int instance_flow_configs_change(struct call *c, const struct uuid *instance,
                                 const struct uuid *version, struct err *err)
{
    AUTO(flow_rows_done) struct flow_rows f = {0};
    struct json list = call_input(c, "flowConfigs");
    if (list.type != JSON_ARRAY) {
        return 0;
    }
    int rc = read_flows(c, instance, version, &f, err);
    for (uint32_t i = 0; i < list.len && rc == 0; i++) {
        struct uuid flow;
        size_t k = 0;
        bool known = global_id_parse(json_as_str(json_get(list.items[i], STR("flowId"))),
                                     "IntegrationFlow", &flow);
        while (known && k < f.n && !uuid_eq(&f.items[k].id, &flow)) {
            k++;
        }
        if (!known || k == f.n || uuid_is_nil(&f.items[k].config)) {
            call_refuse(c, "flowConfigs", "The flow is none of the instance's version.");
        } else {
            rc = flow_config_change(c, &f.items[k].config, list.items[i], "flowConfigs", err);
        }
    }
    return rc;
}

/* The cron and zone of a flow, from its definition and the frozen values; "" = not scheduled. */
static struct str cron_of(struct call *c, const struct def_flow *flow, struct json config,
                          struct str *ret_zone)
{
    const struct def_schedule *s = flow->steps[0].schedule;
    *ret_zone = STR("");
    if (!s) {
        return STR("");
    }
    if (s->value.type == DEF_INPUT_CONFIG_VAR) {
        struct json v = json_get(config, s->value.text);
        struct str type = json_as_str(json_get(v, STR("schedule_type")));
        *ret_zone = json_as_str(json_get(v, STR("time_zone")));
        bool off = str_eq(type, STR("none")) || str_eq(type, STR("once"));
        return off ? STR("") : str_trim(json_as_str(json_get(v, STR("value"))));
    }
    if (s->type == DEF_SCHEDULE_NONE || s->type == DEF_SCHEDULE_ONCE ||
        s->value.type != DEF_INPUT_VALUE) {
        return STR("");
    }
    *ret_zone = str_of(s->time_zone);
    return str_trim(s->value.text);
}

static int put_schedule(struct call *c, const struct flow_row *row, const struct def_flow *flow,
                        struct json config, struct err *err)
{
    struct cron cron;
    struct err why;
    struct str zone;
    int64_t next = 0;
    struct str text = cron_of(c, flow, config, &zone);
    err_clear(&why);
    if (text.len == 0) {
        return 0;
    }
    if (cron_parse(text, &cron, &why) < 0 ||
        cron_next(&cron, arena_strndup(c->a, zone.ptr, zone.len), clock_now_ns(), &next, &why) <
            0) {
        return call_refuse(c, "configVariables", "The schedule of flow \"%s\": %s", flow->name,
                           why.message);
    }
    return db_run(c->db, QUERY_API_SCHEDULE_INSERT, NULL, err, DB_UUID(row->config),
                  DB_UUID(c->viewer.organization), DB_UUID(c->id), DB_STR(text), DB_STR(zone),
                  DB_I64(next));
}

static bool starts_on_deploy(const struct def_step *trigger)
{
    const struct def_input *in = def_step_input(trigger, "runOnDeploy");
    return (strcmp(trigger->component, "management-triggers") == 0 &&
            strcmp(trigger->action, "instanceDeploy") == 0) ||
           (strcmp(trigger->component, "recursive-flow") == 0 && in &&
            in->type == DEF_INPUT_VALUE && str_eq_ci(str_trim(in->text), STR("true")));
}

int instance_execution_insert(struct call *c, const struct uuid *instance,
                              const struct uuid *config, int64_t revision, enum invoke_type invoke,
                              int flags, const struct hook_request *request, struct err *err)
{
    AUTO(buf_done) struct buf bytes = {0};
    if (c->n_pending == API_MAX_PENDING) {
        return 0; /* a definition has fewer flows */
    }
    buf_init(&bytes, PAYLOAD_MAX + KIB(64));
    hook_request_encode(request, &bytes);
    if (bytes.full) {
        return call_refuse(c, "payload", "The payload is larger than 6 MB.");
    }
    struct uuid id = uuid_v7();
    c->pending[c->n_pending++] = id;
    int rc = db_run(c->db, QUERY_API_EXECUTION_INSERT, NULL, err, DB_UUID(id),
                    DB_UUID(c->viewer.organization), DB_UUID(*instance), DB_UUID(*config),
                    DB_I64(revision), DB_I64(c->api->replica_id), DB_I64(invoke), DB_I64(flags),
                    DB_BYTES(buf_str(&bytes)));
    return rc == 0 ? db_run(c->db, QUERY_QUEUE_ENTER, NULL, err, DB_UUIDS(&id, 1)) : rc;
}

/* Seals what the workers will get. */
static int put_revision(struct call *c, struct json config, const struct uuid *version,
                        int64_t revision, struct err *err)
{
    AUTO(buf_done) struct buf plain = {0}, sealed = {0};
    int rc = call_key(c, err);
    if (rc != 0) {
        return rc;
    }
    buf_init(&plain, CONFIG_MAX);
    buf_init(&sealed, CONFIG_MAX + KIB(1));
    json_dump(&plain, config);
    if (plain.full) {
        return call_refuse(c, "configVariables", "The configuration is larger than 4 MB.");
    }
    char column[64];
    snprintf(column, sizeof(column), "instance_revision.sealed_config.%lld", (long long)revision);
    secret_seal(&c->key, buf_str(&plain), org_key_aad(c->a, column, &c->id), &sealed);
    secret_wipe(plain.data, plain.len);
    return db_run(c->db, QUERY_API_REVISION_INSERT, NULL, err, DB_UUID(c->id), DB_I64(revision),
                  DB_UUID(c->viewer.organization), DB_UUID(*version), DB_BYTES(buf_str(&sealed)));
}

static int check_keys(struct call *c, const struct flow_rows *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->items[i].security, STR("customer_required")) && f->items[i].n_keys == 0) {
            call_refuse(c, "flowConfigs", "The flow \"%.*s\" needs an API key.",
                        (int)f->items[i].name.len, f->items[i].name.ptr);
        }
    }
    return 0;
}

static int start_flows(struct call *c, const struct flow_rows *f, const struct definition *d,
                       struct json config, int64_t revision, struct err *err)
{
    static const struct hook_request nothing = {.method = {"POST", 4}};
    int rc = db_run(c->db, QUERY_API_SCHEDULES_CLEAR, NULL, err, DB_UUID(c->id));
    for (size_t i = 0; i < f->n && rc == 0 && c->n_errors == 0; i++) {
        const struct def_flow *flow = definition_flow(d, f->items[i].name);
        if (!flow) {
            continue;
        }
        rc = put_schedule(c, &f->items[i], flow, config, err);
        if (rc == 0 && starts_on_deploy(&flow->steps[0])) {
            rc = instance_execution_insert(c, &c->id, &f->items[i].config, revision,
                                           INVOKE_DEPLOY_FLOW, 0, &nothing, err);
        }
    }
    return rc;
}

int instance_deploy(struct call *c, const struct db_rows *row, bool force, struct err *err)
{
    AUTO(instance_config_done) struct instance_config x = {0};
    AUTO(flow_rows_done) struct flow_rows flows = {0};
    struct json config;
    struct str missing;
    bool is_test = db_bool(row, 0, LOCKED_IS_SYSTEM);
    int rc = instance_config_load(c, &c->id, db_str(row, 0, LOCKED_DEFINITION), &x, err);
    rc = rc ? rc : instance_config_values(c, &x, &config, &missing, err);
    rc = rc ? rc : instance_config_bound(c, &x, missing.len == 0, err);
    if (rc != 0) {
        return rc;
    }
    if (missing.len > 0 && !force) {
        return call_refuse(c, "configVariables", "These config variables need a value: %.*s.",
                           (int)missing.len, missing.ptr);
    }
    struct uuid version = db_uuid(row, 0, LOCKED_VERSION);
    int64_t revision = db_int(row, 0, LOCKED_REVISION) + 1;
    size_t pending = c->n_pending;
    rc = force ? 0 : db_run(c->db, QUERY_API_DEPLOY_SNAPSHOT, NULL, err, DB_UUID(c->id));
    rc = rc ? rc : instance_flow_configs_put(c, &c->id, &version, err);
    rc = rc ? rc : read_flows(c, &c->id, &version, &flows, err);
    rc = rc || is_test ? rc : check_keys(c, &flows);
    rc = rc ? rc : put_revision(c, config, &version, revision, err);
    rc = rc || is_test ? rc : start_flows(c, &flows, x.definition, config, revision, err);
    rc = rc ? rc : db_run(c->db, QUERY_CONNECTION_TOKEN_DUE, NULL, err, DB_UUID(c->id));
    return rc ? rc
              : db_run(c->db, QUERY_API_INSTANCE_DEPLOYED, NULL, err, DB_UUID(c->id),
                       DB_I64(revision), DB_BOOL(!force && c->n_pending > pending));
}

/* What runs already goes on running, with another configuration, too. */
static bool may_deploy(const struct db_rows *row)
{
    struct uuid chosen = db_uuid(row, 0, LOCKED_VERSION);
    struct uuid running = db_uuid(row, 0, LOCKED_DEPLOYED);
    return db_bool(row, 0, LOCKED_AVAILABLE) || uuid_eq(&chosen, &running);
}

int mutate_deploy_instance(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    int rc = mutate_find_instance(c, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    bool force = call_input(c, "force").type == JSON_TRUE;
    rc = db_run(c->db, QUERY_API_INSTANCE_LOCK, &row, err, DB_UUID(c->id));
    if (rc == 0 && !may_deploy(row)) {
        return call_refuse(c, "id", "Version %lld is not available: choose another one.",
                           (long long)db_int(row, 0, LOCKED_NUMBER));
    }
    return rc ? rc : instance_deploy(c, row, force || db_bool(row, 0, LOCKED_IS_SYSTEM), err);
}
