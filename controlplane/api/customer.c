/* Owns the mutations of customers. On a lane thread, inside the mutation's transaction. */
#include "api/api_priv.h"

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

/* NULL when absent or null. */
static struct db_param concurrency_limit(struct call *c)
{
    struct json v = call_input(c, "concurrencyLimit");
    if (v.type != JSON_NUMBER) {
        return DB_NULL;
    }
    if (v.num < 1 || v.num > LIMIT_MAX) {
        call_refuse(c, "concurrencyLimit", "The limit is from 1 to %d, or null for none.",
                    LIMIT_MAX);
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
    int rc = db_run(c->db, QUERY_API_CUSTOMER_INSERT, NULL, err, DB_UUID(c->id),
                    DB_UUID(c->viewer.organization), DB_STR(name),
                    DB_STR(call_text(c, "description", "")),
                    external_id.len ? DB_STR(external_id) : DB_NULL, labels, limit);
    return duplicate(c, rc, err);
}

int mutate_find_customer(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (!call_need_id(c, "id", "Customer", &c->id)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_CUSTOMER_LOCK, &rows, err, DB_UUID(c->id));
    if (rc == 0 && db_rows_n(rows) == 0) {
        return call_refuse(c, "id", "The Customer does not exist.");
    }
    return rc;
}

int mutate_update_customer(struct call *c, struct err *err)
{
    struct str name;
    bool renamed = call_input(c, "name").type == JSON_STRING;
    struct db_param labels = call_labels(c, "labels"), limit = concurrency_limit(c);
    bool limit_given = call_input(c, "concurrencyLimit").type != JSON_UNDEFINED;
    int rc = mutate_find_customer(c, err);
    if (rc != 0 || !check_texts(c) ||
        (renamed && !call_need_text(c, "name", NAME_MAX_BYTES, &name))) {
        return rc;
    }
    rc = db_run(c->db, QUERY_API_CUSTOMER_UPDATE, NULL, err, DB_UUID(c->id),
                renamed ? DB_STR(name) : DB_NULL, call_opt_text(c, "description"),
                call_opt_text(c, "externalId"), labels, DB_BOOL(limit_given), limit);
    return duplicate(c, rc, err);
}

int mutate_delete_customer(struct call *c, struct err *err)
{
    int rc = db_run(c->db, QUERY_API_CUSTOMER_INSTANCES_DELETE, NULL, err, DB_UUID(c->id));
    return rc != 0 ? rc : db_run(c->db, QUERY_API_CUSTOMER_DELETE, NULL, err, DB_UUID(c->id));
}
