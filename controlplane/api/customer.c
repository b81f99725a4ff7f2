/* Owns the mutations of customers. On a lane thread, inside the mutation's transaction. */
#include "api/input.h"

#define NAME_MAX_BYTES 500
#define TEXT_MAX_BYTES KIB(16)
#define LIMIT_MAX      10000

static bool check_texts(struct call *c)
{
    static const char *const fields[] = {"description", "externalId"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (call_text(c, fields[i], "").len > TEXT_MAX_BYTES) {
            call_refuse(c, fields[i], "This field has at most %zu bytes.", TEXT_MAX_BYTES);
        }
    }
    return c->n_errors == 0;
}

/* One thing with two names. */
static const char *limit_field(const struct call *c)
{
    return call_input(c, "concurrentExecutionLimit").type != JSON_UNDEFINED
               ? "concurrentExecutionLimit"
               : "concurrencyLimit";
}

/* NULL when absent or null. */
static struct db_param concurrency_limit(struct call *c)
{
    const char *field = limit_field(c);
    struct json v = call_input(c, field);
    if (v.type != JSON_NUMBER) {
        return DB_NULL;
    }
    if (v.num < 1 || v.num > LIMIT_MAX) {
        call_refuse(c, field, "The limit is from 1 to %d, or null for none.", LIMIT_MAX);
        return DB_NULL;
    }
    return DB_I64((int64_t)v.num);
}

static int duplicate(struct call *c, int rc, struct err *err)
{
    rc = call_store_error(c, rc, "customer_organization_id_name_key", "name",
                          "A customer of this name exists.", err);
    return call_store_error(c, rc, "customer_organization_id_external_id_key", "externalId",
                            "A customer with this external id exists.", err);
}

int mutate_create_customer(struct call *c, struct err *err)
{
    struct str name, external_id = call_text(c, "externalId", "");
    struct db_param labels = call_labels(c, "labels");
    struct db_param limit = concurrency_limit(c);
    if (!call_need_text(c, "name", NAME_MAX_BYTES, &name) || !check_texts(c)) {
        return 0;
    }
    c->id = uuid_v7();
    int rc = db_run(
        c->db, QUERY_API_CUSTOMER_INSERT, NULL, err, DB_UUID(c->id),
        DB_UUID(c->viewer.organization), DB_STR(name), DB_STR(call_text(c, "description", "")),
        external_id.len ? DB_STR(external_id) : DB_NULL, labels, limit,
        call_opt_bool(c, "allowEmbeddedDesigner"), call_opt_bool(c, "allowWorkflowCopilot"));
    return duplicate(c, rc, err);
}

/* id, attachments; NULL with an error when there is none. */
static int find_customer(struct call *c, struct db_rows **ret, struct err *err)
{
    return call_find(c, "id", "Customer", QUERY_API_CUSTOMER_LOCK, &c->id, ret, err);
}

int mutate_find_customer(struct call *c, struct err *err)
{
    return find_customer(c, NULL, err);
}

int mutate_update_customer(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *row = NULL;
    struct db_param name = call_name(c, "name", NAME_MAX_BYTES);
    struct db_param labels = call_labels(c, "labels"), limit = concurrency_limit(c);
    struct db_param avatar = call_url(c, "avatarUrl");
    bool limit_given = call_input(c, limit_field(c)).type != JSON_UNDEFINED;
    int rc = find_customer(c, &row, err);
    if (rc != 0 || !check_texts(c)) {
        return rc;
    }
    struct db_param attachments = call_attachments(c, db_str(row, 0, 1));
    if (c->n_errors > 0) {
        return 0;
    }
    rc = db_run(c->db, QUERY_API_CUSTOMER_UPDATE, NULL, err, DB_UUID(c->id), name,
                call_opt_text(c, "description"), call_opt_text(c, "externalId"), labels,
                DB_BOOL(limit_given), limit, call_opt_bool(c, "allowEmbeddedDesigner"),
                call_opt_bool(c, "allowWorkflowCopilot"), avatar, attachments);
    rc = duplicate(c, rc, err);
    return rc || c->n_errors ? rc : call_star(c, err);
}

int mutate_delete_customer(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_REMOVAL_CUSTOMER, NULL, err, DB_UUID(c->id));
}
