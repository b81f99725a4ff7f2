/* Owns the mutation of the organization itself. On a lane thread, inside the mutation's
 * transaction. */
#include "api/input.h"

#define NAME_MAX_BYTES 500

int mutate_update_organization(struct call *c, struct err *err)
{
    c->id = c->viewer.organization;
    if (call_input(c, "id").type == JSON_STRING) {
        if (!call_need_id(c, "id", "Organization", &c->id)) {
            return 0;
        }
        if (!uuid_eq(&c->id, &c->viewer.organization)) {
            return call_refuse(c, "id", "The Organization does not exist.");
        }
    }
    struct db_param name = call_name(c, "name", NAME_MAX_BYTES);
    struct db_param labels = call_labels(c, "labels");
    struct db_param avatar = call_url(c, "avatarUrl");
    struct db_param marketplace = call_limited(c, "marketplaceName", NAME_MAX_BYTES);
    struct db_param branded = call_json_object(c, "brandedElements");
    struct db_param flags = call_json_object(c, "featureFlags");
    if (c->n_errors > 0) {
        return 0;
    }
    return db_run(c->db, QUERY_API_ORGANIZATION_UPDATE, NULL, err, DB_UUID(c->id), name, labels,
                  avatar, marketplace, branded, flags);
}
