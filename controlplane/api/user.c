/* Owns the mutations of users. On a lane thread, inside the mutation's transaction. It refuses
 * roles above the own, changes of users above the own role, the end of the last owner, and deleting
 * oneself. Owners are locked before anything else, so that two of them cannot end each other. */
#include "api/input.h"
#include "domain/role.h"
#include "enc.h"

#define NAME_MAX_BYTES 500
#define ID_MAX_BYTES   500

static const struct role *viewer_role(const struct call *c)
{
    return role_at(!uuid_is_nil(&c->viewer.customer), c->viewer.role);
}

/* "Role:name" in base64; NULL when it is none. */
static const struct role *parse_role(struct str gid)
{
    uint8_t text[100];
    size_t len;
    if (gid.len > 100 || !enc_base64_decode(gid, text, sizeof(text), &len)) {
        return NULL;
    }
    struct str plain = str_n((const char *)text, len);
    return str_starts(plain, STR("Role:")) ? role_find(str_n(plain.ptr + 5, len - 5)) : NULL;
}

/* The role of the input, for a user of the organization or of a customer; NULL and an error when it
 * cannot be given. */
static const struct role *read_role(struct call *c, bool of_customer)
{
    const struct role *r = parse_role(call_text(c, "role", ""));
    if (!r) {
        call_refuse(c, "role", "The Role does not exist.");
        return NULL;
    }
    if (r->of_customer != of_customer) {
        call_refuse(c, "role",
                    of_customer ? "The user of a customer has one of customerRoles."
                                : "A user of the organization has one of organizationRoles.");
        return NULL;
    }
    if (!role_may_manage(viewer_role(c), r)) {
        call_refuse(c, "role", "Your role does not allow giving this one.");
        return NULL;
    }
    return r;
}

static struct db_param read_phone(struct call *c)
{
    if (!phone_valid(str_trim(call_text(c, "phone", "")))) {
        call_refuse(c, "phone", "This is not a telephone number.");
    }
    return call_opt_text(c, "phone");
}

static int taken(struct call *c, int rc, struct err *err)
{
    rc = call_store_error(c, rc, "app_user_email", "email",
                          "There is a user with this e-mail address.", err);
    return call_store_error(c, rc, "app_user_external_id", "externalId",
                            "The customer has a user with this external id.", err);
}

static int insert_user(struct call *c, const struct uuid *customer, struct err *err)
{
    struct str email;
    const struct role *role = read_role(c, !uuid_is_nil(customer));
    struct db_param name = call_limited(c, "name", NAME_MAX_BYTES);
    struct db_param external_id = call_limited(c, "externalId", ID_MAX_BYTES);
    struct db_param phone = read_phone(c);
    if (call_need_text(c, "email", KIB(1), &email) && !email_valid(email)) {
        call_refuse(c, "email", "This is not an e-mail address.");
    }
    if (c->n_errors > 0) {
        return 0;
    }
    c->id = uuid_v7();
    return taken(c,
                 db_run(c->db, QUERY_API_USER_INSERT, NULL, err, DB_UUID(c->id),
                        DB_UUID(c->viewer.organization), DB_UUID_OR_NULL(*customer), DB_STR(email),
                        name, external_id, phone, DB_TEXT(role->name)),
                 err);
}

int mutate_create_organization_user(struct call *c, struct err *err)
{
    return insert_user(c, &(struct uuid){{0}}, err);
}

int mutate_create_customer_user(struct call *c, struct err *err)
{
    struct uuid customer = c->viewer.customer;
    bool named = call_input(c, "customer").type == JSON_STRING || uuid_is_nil(&customer);
    int rc = named ? call_customer(c, &customer, err) : 0;
    return rc || c->n_errors ? rc : insert_user(c, &customer, err);
}

/* ---- users that are there ---- */

struct target { /* the user a mutation is about */
    const struct role *role;
    bool is_self, managed; /* managed: who asks may do more than to the own profile */
    size_t n_owners;
};

/* Locks the user of the input. */
static int find_user(struct call *c, struct target *ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *owners = NULL;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (!call_need_id(c, "id", "User", &c->id)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_API_OWNERS_LOCK, &owners, err);
    rc = rc ? rc : db_run(c->db, QUERY_API_USER_LOCK, &rows, err, DB_UUID(c->id));
    if (rc != 0) {
        return rc;
    }
    ret->role = db_rows_n(rows) ? role_find(db_str(rows, 0, 0)) : NULL;
    if (!ret->role) {
        return call_refuse(c, "id", "The User does not exist.");
    }
    ret->is_self = uuid_eq(&c->id, &c->viewer.user);
    ret->managed = role_may_manage(viewer_role(c), ret->role);
    ret->n_owners = db_rows_n(owners);
    if (!ret->is_self && !ret->managed) {
        return call_refuse(c, "id", "Your role does not allow changing this user.");
    }
    return 0;
}

static bool is_last_owner(const struct target *t)
{
    return t->role->level == ROLE_OWNER && !t->role->of_customer && t->n_owners <= 1;
}

/* The fields of others than the user itself. */
static void check_managed_fields(struct call *c, const struct target *t)
{
    static const char *const fields[] = {"externalId", "featureFlags", "role"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!t->managed && call_input(c, fields[i]).type == JSON_STRING) {
            call_refuse(c, fields[i], "Your role does not allow changing this field.");
        }
    }
}

static int update_row(struct call *c, const struct role *role, struct err *err)
{
    struct db_param name = call_limited(c, "name", NAME_MAX_BYTES);
    struct db_param phone = read_phone(c);
    struct db_param external_id = call_limited(c, "externalId", ID_MAX_BYTES);
    struct db_param avatar = call_url(c, "avatarUrl");
    struct db_param flags = call_json_object(c, "featureFlags");
    if (c->n_errors > 0) {
        return 0;
    }
    int rc =
        db_run(c->db, QUERY_API_USER_UPDATE, NULL, err, DB_UUID(c->id), name, phone, external_id,
               avatar, call_opt_bool(c, "darkMode"), call_opt_bool(c, "darkModeSyncWithOs"), flags,
               role ? DB_TEXT(role->name) : DB_NULL);
    return taken(c, rc, err);
}

int mutate_update_user(struct call *c, struct err *err)
{
    struct target t = {0};
    const struct role *role = NULL;
    int rc = find_user(c, &t, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    check_managed_fields(c, &t);
    if (c->n_errors == 0 && call_input(c, "role").type == JSON_STRING) {
        role = read_role(c, t.role->of_customer);
    }
    if (role && role != t.role && is_last_owner(&t)) {
        call_refuse(c, "role", "The organization must keep an owner: make another one first.");
    }
    rc = c->n_errors ? 0 : update_row(c, role, err);
    if (rc != 0 || c->n_errors > 0 || !role || !role->embedded_only) {
        return rc;
    }
    return db_run(c->db, QUERY_API_USER_TOKENS_REVOKE, NULL, err, DB_UUID(c->id));
}

int mutate_find_user_to_delete(struct call *c, struct err *err)
{
    struct target t = {0};
    int rc = find_user(c, &t, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    if (t.is_self) {
        return call_refuse(c, "id", "You cannot delete yourself.");
    }
    if (is_last_owner(&t)) {
        return call_refuse(c, "id", "The organization must keep an owner.");
    }
    return 0;
}

int mutate_delete_user(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_USER_DELETE, NULL, err, DB_UUID(c->id));
}
