/* Owns what the audit log gets of a mutation: called by the one place that runs them all, so none
 * can leave it out, as the last thing before the commit. On a lane thread. Of the input only names
 * of fields are taken, never a value. */
#include "api/api_priv.h"

#include "audit.h"
#include "domain/audit_action.h"

#define FIELDS_MAX 100
#define NAME_MAX   500

/* The type of the object that a mutation's payload shows; NULL when it shows none. */
static const struct gql_type_def *result_type(const struct gql_sel *sel)
{
    for (const struct gql_field_def *f = sel->type->fields; f; f = f->next) {
        if (f->mapping && f->mapping->kind == GQL_MAP_RESULT) {
            return f->mapping->type;
        }
    }
    return NULL;
}

static const struct gql_type_def *object_type(struct call *c, const struct gql_sel *sel,
                                              struct str named)
{
    const struct gql_type_def *type = result_type(sel);
    return type ? type : gql_schema_type(c->rq.schema, named);
}

int call_audit_name(struct call *c, const struct gql_sel *sel, struct err *err)
{
    AUTO(gql_plan_done) struct gql_plan plan = {0};
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    char action[AUDIT_ACTION_MAX];
    struct str named;
    (void)audit_action(sel->def->name, action, &named);
    const struct gql_type_def *type = object_type(c, sel, named);
    gql_plan_init(&plan, &c->rq, &c->viewer, STR(""), c->api->max_depth, c->api->max_cost);
    if (!type || uuid_is_nil(&c->id) || !gql_plan_name(&plan, type, &c->id)) {
        return 0;
    }
    int rc = db_query_text(c->db, buf_str(&plan.sql), plan.params, plan.n_params, &rows, err);
    if (rc == 0 && db_rows_n(rows) > 0 && !db_is_null(rows, 0, 0)) {
        struct str name = db_str(rows, 0, 0);
        c->object_name = str_n(arena_strndup(c->a, name.ptr, name.len), name.len);
    }
    return rc;
}

static size_t given_fields(struct call *c, struct str ret[FIELDS_MAX])
{
    size_t n = 0;
    for (uint32_t i = 0; c->input.type == JSON_OBJECT && i < c->input.len && n < FIELDS_MAX; i++) {
        struct str name = c->input.members[i].key;
        if (c->input.members[i].value.type != JSON_UNDEFINED && !str_eq(name, STR("id")) &&
            !str_eq(name, STR("clientMutationId"))) {
            ret[n++] = name;
        }
    }
    return n;
}

int call_audit(struct call *c, const struct gql_sel *sel, struct err *err)
{
    char action[AUDIT_ACTION_MAX];
    struct str fields[FIELDS_MAX], named;
    if (!audit_action(sel->def->name, action, &named)) {
        return 0;
    }
    const struct gql_type_def *type = result_type(sel);
    int rc = c->object_name.len == 0 ? call_audit_name(c, sel, err) : 0;
    struct audit_entry e = {.organization = c->viewer.organization,
                            .actor_type = c->viewer.embedded              ? "embedded"
                                          : uuid_is_nil(&c->viewer.token) ? "user"
                                                                          : "token",
                            .actor = c->viewer.user,
                            .token = c->viewer.token,
                            .action = action,
                            .object_type = type ? type->name : named,
                            .object = c->id,
                            .object_name = c->object_name,
                            .fields = fields,
                            .n_fields = given_fields(c, fields),
                            .address = c->address};
    rc = rc ? rc : audit_add(c->db, &e, err);
    if (rc == 0 && c->also) {
        e.action = c->also;
        rc = audit_add(c->db, &e, err);
    }
    return rc;
}
