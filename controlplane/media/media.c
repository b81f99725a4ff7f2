/* Owns taking and giving uploaded files. On a lane thread, in a transaction of the organization
 * that the signed token names. It refuses URLs that are not signed by this deployment or have
 * expired, icons that are no square PNG, and more files that are not put to use than UNUSED_MAX. */
#include "media/media.h"

#include "clock.h"
#include "domain/png.h"
#include "enc.h"
#include "log.h"
#include "media/component_media.h"

#define UNUSED_MAX       20 /* of an organization */
#define CONTENT_TYPE_MAX 200
#define OCTETS           "application/octet-stream"

static const struct uuid nobody;

static void store_failed(struct reply *reply, const struct err *err)
{
    log_error("an uploaded file cannot be stored or read", LOG_STR("error", err->message));
    reply_error(reply, 503, "unavailable", "the file cannot be stored or read now; try again");
}

/* A type that can stand in a header. */
static struct str content_type_of(struct str given)
{
    bool fits = given.len > 0 && given.len <= CONTENT_TYPE_MAX && reply_content_type_fits(given);
    return fits ? given : STR(OCTETS);
}

/* --- upload ----------------------------------------------------------------------------------- */

static bool check_file(const struct media_ref *ref, struct str body, struct reply *reply)
{
    struct err err;
    err_clear(&err);
    if (body.len == 0) {
        reply_error(reply, 422, "media.empty", "The file is empty.");
        return false;
    }
    if (ref->form == MEDIA_PUT_AVATAR && png_check(body, &err) < 0) {
        reply_error(reply, 422, err.code, "%s", err.message);
        return false;
    }
    return true;
}

/* 0, or what was refused is in the reply. */
static int check_room(struct db *db, const struct media_ref *ref, struct reply *reply,
                      struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int rc = db_run(db, QUERY_MEDIA_EXPIRE, NULL, err);
    rc = rc ? rc
            : db_run(db, QUERY_MEDIA_ROOM, &rows, err, DB_UUID(ref->owner_id),
                     DB_UUID(ref->media_id));
    if (rc != 0) {
        return rc;
    }
    if (!db_bool(rows, 0, 0)) {
        reply_error(reply, 404, "media.gone", "The integration does not exist any more.");
    } else if (db_bool(rows, 0, 2)) {
        reply_error(reply, 409, "media.in_use", "This file was uploaded already and is in use.");
    } else if (db_int(rows, 0, 1) >= UNUSED_MAX) {
        reply_error(reply, 429, "media.unused",
                    "%d uploaded files are not put to use: they go after a day.", UNUSED_MAX);
    }
    return 0;
}

static void put(struct db *db, const struct media_ref *ref, const struct lane_request *request,
                struct reply *reply)
{
    bool is_avatar = ref->form == MEDIA_PUT_AVATAR;
    struct err err;
    err_clear(&err);
    if (!check_file(ref, request->body, reply)) {
        return;
    }
    int rc = db_begin_as(db, &ref->organization_id, &nobody, &err);
    rc = rc ? rc : check_room(db, ref, reply, &err);
    if (rc == 0 && reply->status == 200) {
        struct str type = is_avatar ? STR("image/png") : content_type_of(request->content_type);
        rc = db_run(db, QUERY_MEDIA_PUT, NULL, &err, DB_UUID(ref->media_id),
                    DB_UUID(ref->organization_id), DB_UUID(ref->owner_id),
                    DB_TEXT(is_avatar ? "AVATAR" : "ATTACHMENT"), DB_STR(type),
                    DB_I64((int64_t)request->body.len), DB_BYTES(request->body));
    }
    if (rc == 0 && reply->status == 200) {
        rc = db_commit(db, &err);
    } else {
        db_rollback(db);
    }
    if (rc != 0) {
        store_failed(reply, &err);
    }
}

/* --- download --------------------------------------------------------------------------------- */

static void add_headers(const struct db_rows *rows, struct reply *reply)
{
    bool is_avatar = str_eq(db_str(rows, 0, 0), STR("AVATAR"));
    AUTO(buf_done) struct buf disposition = {0};
    buf_init(&disposition, KIB(4));
    buf_adds(&disposition, is_avatar ? "inline" : "attachment; filename*=UTF-8''");
    if (!is_avatar) {
        enc_percent(&disposition, db_str(rows, 0, 1));
    }
    (void)reply_header(reply, STR("content-disposition"), buf_str(&disposition));
    (void)reply_header(reply, STR("cache-control"),
                       is_avatar ? STR("private, max-age=3600") : STR("no-store"));
    (void)reply_header(reply, STR("x-content-type-options"), STR("nosniff"));
    /* What somebody uploaded must not act for this host. */
    (void)reply_header(reply, STR("content-security-policy"), STR("sandbox"));
    (void)reply_content_type(reply, db_str(rows, 0, 2));
}

static void get(struct db *db, const struct media_ref *ref, struct reply *reply)
{
    /* Of components icons only: packages and sources are not given away. */
    enum query_id query =
        ref->form == MEDIA_GET_COMPONENT ? QUERY_COMPONENT_FILE_GET : QUERY_MEDIA_GET;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err;
    err_clear(&err);
    int rc = db_begin_as(db, &ref->organization_id, &nobody, &err);
    rc = rc ? rc : db_run(db, query, &rows, &err, DB_UUID(ref->media_id), DB_UUID(ref->owner_id));
    db_rollback(db); /* it only read */
    if (rc != 0) {
        store_failed(reply, &err);
    } else if (db_rows_n(rows) == 0) {
        reply_error(reply, 404, "media.gone", "The file does not exist any more.");
    } else {
        add_headers(rows, reply);
        buf_add_str(&reply->body, db_str(rows, 0, 3));
    }
}

void media_handle(const struct media_urls *urls, struct db *db, const struct lane_request *request,
                  struct reply *reply)
{
    struct media_ref ref;
    size_t start = sizeof(MEDIA_PATH) - 1;
    bool is_get = !str_eq(request->method, STR("PUT"));
    if (!media_url_read(urls, str_n(request->path.ptr + start, request->path.len - start), &ref) ||
        (ref.form == MEDIA_GET || ref.form == MEDIA_GET_COMPONENT) != is_get) {
        reply_error(reply, 404, "not_found", "there is nothing at this path");
    } else if (ref.expires_s < clock_now_ns() / NS_PER_SEC) {
        reply_error(reply, 403, "media.expired", "This URL has expired: ask for a new one.");
    } else if (ref.form == MEDIA_PUT_COMPONENT) {
        component_media_put(db, &ref, request, reply);
    } else if (is_get) {
        get(db, &ref, reply);
    } else {
        put(db, &ref, request, reply);
    }
}
