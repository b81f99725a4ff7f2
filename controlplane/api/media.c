/* Owns what the API does with uploaded files: where to upload one, which of them is an
 * integration's icon, and its attachments. On a lane thread, inside the request's transaction.
 * Files come and go by signed URLs, never through GraphQL. */
#include "api/integration.h"

#include "clock.h"
#include "media/media_url.h"

#define FILE_NAME_MAX   200
#define ATTACHMENTS_MAX 100
#define ICON_SECONDS    3600 /* an icon's URL stays the same for so long, for caches */

/* --- queries ---------------------------------------------------------------------------------- */

static struct json url_of(struct call *c, const struct media_ref *ref)
{
    AUTO(buf_done) struct buf url = {0};
    buf_init(&url, KIB(4));
    media_url_write(c->api->media, ref, &url);
    return json_str(str_n(arena_strndup(c->a, url.data, url.len), url.len));
}

/* raw: [media id, integration id]. */
static bool read_ref(struct call *c, struct json raw, struct media_ref *ret)
{
    *ret = (struct media_ref){.form = MEDIA_GET, .organization_id = c->viewer.organization};
    return uuid_parse(json_as_str(json_at(raw, 0)), &ret->media_id) &&
           uuid_parse(json_as_str(json_at(raw, 1)), &ret->owner_id);
}

bool resolve_icon_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct media_ref ref;
    *ret = json_null();
    if (read_ref(c, raw, &ref)) {
        int64_t now = clock_now_ns() / NS_PER_SEC;
        ref.expires_s = (now / ICON_SECONDS + 2) * ICON_SECONDS;
        *ret = url_of(c, &ref);
    }
    return true;
}

/* raw: [[media id, integration id, name, content type, size]]. */
bool resolve_attachments(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (uint32_t i = 0; raw.type == JSON_ARRAY && i < raw.len; i++) {
        struct json_builder one;
        struct media_ref ref;
        if (!read_ref(c, raw.items[i], &ref)) {
            continue;
        }
        json_build_object(&one, c->a);
        json_append(&one, STR("name"), json_at(raw.items[i], 2));
        json_append(&one, STR("url"), url_of(c, &ref));
        json_append(&one, STR("contentType"), json_at(raw.items[i], 3));
        json_append(&one, STR("size"), json_at(raw.items[i], 4));
        json_push(&list, json_built(&one));
    }
    *ret = json_built(&list);
    return true;
}

/* Why there is no upload; NULL when there may be one. */
static const char *upload_refused(struct call *c, struct gql_sel *sel, bool is_icon,
                                  struct media_ref *ref)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct str name = json_as_str(json_get(sel->args, STR("fileName")));
    struct uuid object;
    struct err err;
    err_clear(&err);
    if (name.len == 0 || name.len > FILE_NAME_MAX) {
        return "A file's name has 1 to 200 bytes.";
    }
    if (is_icon && !(name.len > 4 && str_eq_ci(str_n(name.ptr + name.len - 4, 4), STR(".png")))) {
        return "An icon must be a PNG file.";
    }
    if (!global_id_parse(json_as_str(json_get(sel->args, STR("objectId"))), "Integration",
                         &object)) {
        return "The Integration does not exist.";
    }
    if (db_run(c->db, QUERY_MEDIA_INTEGRATION, &rows, &err, DB_UUID(object)) != 0) {
        return "The upload cannot be prepared now; try again.";
    }
    if (db_rows_n(rows) == 0) {
        return "The Integration does not exist.";
    }
    ref->owner_id = db_uuid(rows, 0, 0);
    return NULL;
}

bool resolve_upload_media(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    bool is_icon = str_eq(json_as_str(json_get(sel->args, STR("mediaType"))), STR("AVATAR"));
    struct media_ref ref = {.form = is_icon ? MEDIA_PUT_AVATAR : MEDIA_PUT_ATTACHMENT,
                            .organization_id = c->viewer.organization,
                            .media_id = uuid_v7()};
    struct json_builder b;
    const char *refused = upload_refused(c, sel, is_icon, &ref);
    json_build_object(&b, c->a);
    json_append(&b, STR("uploadUrl"), refused ? json_null() : url_of(c, &ref));
    ref.form = MEDIA_GET;
    json_append(&b, STR("objectUrl"), refused ? json_null() : url_of(c, &ref));
    json_append(&b, STR("error"), refused ? json_cstr(refused) : json_null());
    *ret = json_built(&b);
    return true;
}

/* --- mutations -------------------------------------------------------------------------------- */

/* The uploaded file that a URL names; an error when it is none of this integration's. */
static bool read_url(struct call *c, const char *field, struct str url, struct uuid *ret)
{
    struct media_ref ref;
    if (!media_url_parse(c->api->media, url, &ref) || !uuid_eq(&ref.owner_id, &c->id) ||
        !uuid_eq(&ref.organization_id, &c->viewer.organization)) {
        call_refuse(c, field,
                    "This is not the URL of a file uploaded for this integration: uploadMedia "
                    "tells where to upload it, and its objectUrl goes here.");
        return false;
    }
    *ret = ref.media_id;
    return true;
}

static int not_uploaded(struct call *c, const char *field)
{
    return call_refuse(c, field, "Nothing was uploaded at this URL.");
}

static int change_icon(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct json url = call_input(c, "avatarUrl");
    struct uuid id = {{0}};
    if (url.type != JSON_STRING) {
        return 0;
    }
    if (url.len > 0 && !read_url(c, "avatarUrl", json_as_str(url), &id)) {
        return 0;
    }
    int rc =
        db_run(c->db, QUERY_MEDIA_AVATAR_CLEAR, NULL, err, DB_UUID(c->id), DB_UUID_OR_NULL(id));
    if (rc != 0 || url.len == 0) {
        return rc;
    }
    rc = db_run(c->db, QUERY_MEDIA_AVATAR_USE, &rows, err, DB_UUID(c->id), DB_UUID(id));
    return rc == 0 && db_rows_affected(rows) == 0 ? not_uploaded(c, "avatarUrl") : rc;
}

/* The name of an attachment in a member of an input object; false and an error otherwise. */
static bool read_name(struct call *c, const char *field, struct json object, const char *member,
                      struct str *ret)
{
    *ret = str_trim(json_as_str(json_get(object, str_of(member))));
    if (ret->len == 0 || ret->len > FILE_NAME_MAX) {
        call_refuse(c, field, "The name of an attachment has 1 to %d bytes.", FILE_NAME_MAX);
        return false;
    }
    return true;
}

static int attach(struct call *c, struct err *err)
{
    static const char field[] = "addAttachment";
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(db_rows_free) struct db_rows *count = NULL;
    struct json given = call_input(c, field);
    struct str name;
    struct uuid id;
    if (given.type != JSON_OBJECT || !read_name(c, field, given, "name", &name) ||
        !read_url(c, field, json_as_str(json_get(given, STR("url"))), &id)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_MEDIA_ATTACHMENTS, &count, err, DB_UUID(c->id));
    if (rc == 0 && db_int(count, 0, 0) >= ATTACHMENTS_MAX) {
        return call_refuse(c, field, "At most %d attachments.", ATTACHMENTS_MAX);
    }
    rc = rc ? rc
            : db_run(c->db, QUERY_MEDIA_ATTACH, &rows, err, DB_UUID(c->id), DB_UUID(id),
                     DB_STR(name));
    if (rc == 0 && db_rows_affected(rows) == 0) {
        return not_uploaded(c, field);
    }
    return call_store_error(c, rc, "media_attachment", field,
                            "There is an attachment of this name.", err);
}

static int rename_attachment(struct call *c, struct err *err)
{
    static const char field[] = "renameAttachment";
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct json given = call_input(c, field);
    struct str old, name;
    if (given.type != JSON_OBJECT || !read_name(c, field, given, "oldName", &old) ||
        !read_name(c, field, given, "name", &name)) {
        return 0;
    }
    int rc =
        db_run(c->db, QUERY_MEDIA_RENAME, &rows, err, DB_UUID(c->id), DB_STR(old), DB_STR(name));
    if (rc == 0 && db_rows_affected(rows) == 0) {
        return call_refuse(c, field, "There is no attachment of this name.");
    }
    return call_store_error(c, rc, "media_attachment", field,
                            "There is an attachment of this name.", err);
}

static int remove_attachment(struct call *c, struct err *err)
{
    static const char field[] = "removeAttachment";
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct json given = call_input(c, field);
    struct str name;
    if (given.type != JSON_OBJECT || !read_name(c, field, given, "name", &name)) {
        return 0;
    }
    int rc = db_run(c->db, QUERY_MEDIA_REMOVE, &rows, err, DB_UUID(c->id), DB_STR(name));
    return rc == 0 && db_rows_affected(rows) == 0
               ? call_refuse(c, field, "There is no attachment of this name.")
               : rc;
}

int integration_change_media(struct call *c, struct err *err)
{
    int rc = change_icon(c, err);
    rc = rc || c->n_errors ? rc : remove_attachment(c, err);
    rc = rc || c->n_errors ? rc : rename_attachment(c, err);
    return rc || c->n_errors ? rc : attach(c, err);
}

int integration_fork_icon(struct call *c, const struct uuid *parent, struct err *err)
{
    return db_run(c->db, QUERY_MEDIA_AVATAR_FORK, NULL, err, DB_UUID(*parent), DB_UUID(c->id),
                  DB_UUID(uuid_v7()));
}
