/* Owns the execution of a checked operation: a query is one statement in one transaction; mutations
 * run one after another, each in its own. Then what only C can compute is put in. On a lane
 * thread. */
#include "api/api_priv.h"

#include "api/token_cache.h"
#include "log.h"

#define MUTATION_TRIES 3 /* deadlocks */

/* Words for the user; the log gets what really happened. */
static bool store_failed(struct call *c, int rc, const struct err *err)
{
    static const struct gql_loc nowhere;
    if (rc == DB_E_TIMEOUT) {
        return gql_fail(&c->rq, nowhere, "TIMEOUT",
                        "The request took too long: ask for less at a time.");
    }
    log_error("api statement failed", LOG_STR("error", err->message));
    if (rc == -ENOTCONN) {
        return gql_fail(&c->rq, nowhere, "UNAVAILABLE", "The database cannot be reached.");
    }
    return gql_fail(&c->rq, nowhere, "INTERNAL", "The request could not be answered.");
}

/* Replaces the raw values of resolved fields below a selection. */
static bool post_process(struct call *c, struct gql_sel *sel, struct json v, struct json *ret)
{
    struct json_builder b;
    *ret = v;
    if (!sel->post || json_is_nullish(v)) {
        return true;
    }
    const struct gql_mapping *m = sel->def->mapping;
    if (m && m->kind == GQL_MAP_RESOLVE) {
        const struct resolver *r = api_resolvers;
        while (r->name && strcmp(r->name, m->fn) != 0) {
            r++;
        }
        ASSERT(r->name);
        struct json made;
        return r->fn(c, sel, v, &made) && gql_project(&c->rq, sel, made, ret);
    }
    if (v.type == JSON_ARRAY) {
        json_build_array(&b, c->a);
        for (uint32_t i = 0; i < v.len; i++) {
            struct json item;
            if (!post_process(c, sel, v.items[i], &item)) {
                return false;
            }
            json_push(&b, item);
        }
        *ret = json_built(&b);
        return true;
    }
    json_build_object(&b, c->a);
    for (struct gql_sel *s = sel->children; s; s = s->next) {
        struct json item;
        if (!post_process(c, s, json_get(v, str_of(s->key)), &item)) {
            return false;
        }
        json_append(&b, str_of(s->key), item);
    }
    *ret = json_built(&b);
    return true;
}

/* Writes one value that the statement made. */
static bool add_value(struct call *c, struct buf *to, struct gql_sel *sel, struct str text)
{
    if (!sel->post) {
        buf_add_str(to, text);
        return true;
    }
    struct json v;
    struct err err;
    err_clear(&err);
    if (json_parse(c->a, text, &v, &err) < 0) {
        return store_failed(c, -EINVAL, &err);
    }
    c->rq.path = sel->key;
    bool ok = post_process(c, sel, v, &v);
    c->rq.path = NULL;
    json_dump(to, v);
    return ok;
}

static bool add_made(struct call *c, struct buf *to, struct gql_sel *s, struct str root)
{
    struct json v = json_str(root);
    bool ok = !s->def || gql_introspect(&c->rq, s, &v);
    json_dump(to, v);
    return ok;
}

static bool execute_query(struct call *c, struct gql_sel *roots, struct buf *to)
{
    AUTO(gql_plan_done) struct gql_plan plan = {0};
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err;
    err_clear(&err);
    gql_plan_init(&plan, &c->rq, &c->viewer, str_of(c->api->public_url), c->api->max_depth,
                  c->api->max_cost);
    if (!gql_plan_query(&plan, roots)) {
        return false;
    }
    if (plan.sql.len > 0) {
        int rc = call_begin(c, &err);
        rc = rc != 0 ? rc
                     : db_query_text(c->db, buf_str(&plan.sql), plan.params, plan.n_params, &rows,
                                     &err);
        if (rc != 0) {
            db_rollback(c->db);
            return store_failed(c, rc, &err);
        }
    }
    int column = 0;
    bool ok = true;
    buf_addc(to, '{');
    for (struct gql_sel *s = roots; s && ok; s = s->next) {
        buf_adds(to, s == roots ? "" : ",");
        json_dump_string(to, str_of(s->key));
        buf_addc(to, ':');
        if (!s->def || !s->def->mapping) {
            ok = add_made(c, to, s, STR("Query"));
            continue;
        }
        ok = add_value(c, to, s,
                       db_is_null(rows, 0, column) ? STR("null") : db_str(rows, 0, column));
        column++;
    }
    buf_addc(to, '}');
    if (plan.sql.len > 0) {
        db_rollback(c->db); /* it only read */
    }
    return ok;
}

static struct json errors_of(struct call *c)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (size_t i = 0; i < c->n_errors; i++) {
        struct json_builder one, messages;
        bool known = false;
        for (size_t k = 0; k < i; k++) {
            known = known || strcmp(c->errors[k].field, c->errors[i].field) == 0;
        }
        if (known) {
            continue; /* told with the first one of its field */
        }
        json_build_array(&messages, c->a);
        for (size_t k = i; k < c->n_errors; k++) {
            if (strcmp(c->errors[k].field, c->errors[i].field) == 0) {
                json_push(&messages, json_cstr(c->errors[k].message));
            }
        }
        json_build_object(&one, c->a);
        json_append(&one, STR("field"), json_cstr(c->errors[i].field));
        json_append(&one, STR("messages"), json_built(&messages));
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

static struct json warnings_of(struct call *c)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (size_t i = 0; i < c->n_warnings; i++) {
        json_push(&list, json_cstr(c->warnings[i]));
    }
    return json_built(&list);
}

/* Reads what the payload shows of the object; "null" when there is none. */
static int read_result(struct call *c, struct gql_sel *sel, struct buf *to, struct err *err)
{
    AUTO(gql_plan_done) struct gql_plan plan = {0};
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    gql_plan_init(&plan, &c->rq, &c->viewer, str_of(c->api->public_url), c->api->max_depth,
                  c->api->max_cost);
    if (!gql_plan_result(&plan, sel, &c->id)) {
        return -EINVAL; /* told in rq.errors */
    }
    int rc = db_query_text(c->db, buf_str(&plan.sql), plan.params, plan.n_params, &rows, err);
    if (rc != 0) {
        return rc;
    }
    bool none = db_rows_n(rows) == 0 || db_is_null(rows, 0, 0);
    return add_value(c, to, sel, none ? STR("null") : db_str(rows, 0, 0)) ? 0 : -EINVAL;
}

static int add_payload(struct call *c, struct gql_sel *payload, struct buf *to, struct err *err)
{
    int rc = 0;
    buf_addc(to, '{');
    for (struct gql_sel *s = payload->children; s && rc == 0; s = s->next) {
        struct json v = json_null();
        buf_adds(to, s == payload->children ? "" : ",");
        json_dump_string(to, str_of(s->key));
        buf_addc(to, ':');
        if (s->def && s->def->mapping->kind == GQL_MAP_RESULT) {
            if (c->n_errors == 0 && !uuid_is_nil(&c->id)) {
                rc = read_result(c, s, to, err);
            } else {
                buf_adds(to, "null");
            }
            continue;
        }
        if (!s->def) {
            v = json_str(payload->type->name);
        } else if (str_eq(s->def->name, STR("errors"))) {
            rc = gql_project(&c->rq, s, errors_of(c), &v) ? 0 : -EINVAL;
        } else if (str_eq(s->def->name, STR("warnings"))) {
            v = warnings_of(c);
        } else if (json_get(c->made, s->def->name).type != JSON_UNDEFINED) {
            rc = gql_project(&c->rq, s, json_get(c->made, s->def->name), &v) ? 0 : -EINVAL;
        } else {
            v = json_get(c->input, s->def->name); /* clientMutationId */
        }
        json_dump(to, json_is_nullish(v) ? json_null() : v);
    }
    buf_addc(to, '}');
    return rc;
}

/* In an open transaction: 0 = commit, else roll back. */
static int mutate(struct call *c, const struct mutation *m, struct gql_sel *sel, struct buf *to,
                  struct err *err)
{
    int rc = 0;
    if (!m->find) {
        rc = m->run(c, err);
        rc = rc != 0 ? rc : add_payload(c, sel, to, err);
    } else {
        rc = m->find(c, err);
        rc = rc != 0 ? rc : add_payload(c, sel, to, err);
        rc = rc != 0 || c->n_errors > 0 ? rc : call_audit_name(c, sel, err);
        rc = rc != 0 || c->n_errors > 0 ? rc : m->run(c, err);
    }
    return rc != 0 || c->n_errors > 0 ? rc : call_audit(c, sel, err);
}

/* One try: 0 done (or refused: c->n_errors), DB_E_RETRY when another transaction was in the way. */
static int try_mutation(struct call *c, const struct mutation *m, struct gql_sel *sel,
                        struct buf *to, struct err *err)
{
    c->id = (struct uuid){{0}};
    c->n_errors = c->n_warnings = c->n_pending = 0;
    c->made = json_undefined();
    c->object_name = str_n("", 0);
    c->also = NULL;
    c->forgets_tokens = false;
    int rc = call_begin(c, err);
    rc = rc != 0 ? rc : mutate(c, m, sel, to, err);
    if (rc == 0 && c->n_errors == 0) {
        rc = db_commit(c->db, err);
        if (c->forgets_tokens) {
            token_cache_clear(c->api->tokens);
        }
        return rc;
    }
    db_rollback(c->db);
    return rc;
}

static bool execute_mutation(struct call *c, struct gql_sel *sel, struct buf *to)
{
    const struct mutation *m = api_mutations;
    struct err err;
    size_t before = to->len;
    int rc = DB_E_RETRY;
    while (m->name && strcmp(m->name, sel->def->mapping->fn) != 0) {
        m++;
    }
    ASSERT(m->name);
    c->input = json_get(sel->args, STR("input"));
    if (!gql_children(&c->rq, sel)) {
        return false;
    }
    for (int tries = 0; rc == DB_E_RETRY && tries < MUTATION_TRIES; tries++) {
        err_clear(&err);
        to->len = before;
        rc = try_mutation(c, m, sel, to, &err);
    }
    if (rc != 0) {
        to->len = before;
        return c->rq.n_errors > 0 ? false : store_failed(c, rc, &err);
    }
    if (c->n_errors == 0 && c->n_pending > 0 && c->api->on_executions) {
        c->api->on_executions(c->api->on_executions_arg, c->pending, c->n_pending);
    }
    return true;
}

static bool execute_mutations(struct call *c, struct gql_sel *roots, struct buf *to)
{
    AUTO(gql_plan_done) struct gql_plan plan = {0};
    gql_plan_init(&plan, &c->rq, &c->viewer, STR(""), c->api->max_depth, c->api->max_cost);
    for (struct gql_sel *s = roots; s; s = s->next) {
        c->rq.path = s->key;
        if (!gql_plan_allowed(&plan, s)) {
            return false; /* before any of them runs */
        }
    }
    buf_addc(to, '{');
    for (struct gql_sel *s = roots; s; s = s->next) {
        c->rq.path = s->key;
        buf_adds(to, s == roots ? "" : ",");
        json_dump_string(to, str_of(s->key));
        buf_addc(to, ':');
        if (!s->def) {
            buf_adds(to, "\"Mutation\"");
        } else if (!execute_mutation(c, s, to)) {
            buf_adds(to, "null"); /* what ran before it stays in the answer */
            for (s = s->next; s; s = s->next) {
                buf_addc(to, ',');
                json_dump_string(to, str_of(s->key));
                buf_adds(to, ":null");
            }
            break;
        }
    }
    c->rq.path = NULL;
    buf_addc(to, '}');
    return true;
}

bool api_execute(struct call *c, struct buf *ret_data)
{
    const struct gql_operation *op = c->rq.operation;
    struct gql_set set = {.selections = op->selections};
    struct gql_sel *roots;
    if (!gql_collect(&c->rq, gql_schema_root(c->rq.schema, op->kind), &set, &roots)) {
        return false;
    }
    if (op->kind == GQL_MUTATION && c->viewer.scope == SCOPE_READ) {
        return gql_fail(&c->rq, (struct gql_loc){0}, "FORBIDDEN",
                        "The token may read only: its scope has no mutations.");
    }
    return op->kind == GQL_MUTATION ? execute_mutations(c, roots, ret_data)
                                    : execute_query(c, roots, ret_data);
}
