/* Owns taking the files of components and giving their icons. On a lane thread, in a transaction of
 * the organization that the signed token names. Bytes are kept by their hash, once for all versions
 * that have them. It refuses a second upload of other bytes: a version does not change; packages
 * that are no zip archive, and icons that are no square PNG. */
#include "media/component_media.h"

#include "clock.h"
#include "domain/png.h"
#include "enc.h"
#include "log.h"

#include <openssl/evp.h>

#define SHA1_BYTES 20

static const struct uuid nobody;

static void store_failed(struct reply *reply, const struct err *err)
{
    log_error("a component's file cannot be stored or read", LOG_STR("error", err->message));
    reply_error(reply, 503, "unavailable", "the file cannot be stored or read now; try again");
}

static bool is_archive(struct str kind)
{
    return str_eq(kind, STR("PACKAGE")) || str_eq(kind, STR("SOURCE"));
}

static bool check_bytes(struct str kind, struct str body, struct reply *reply)
{
    struct err err = {0};
    if (body.len == 0) {
        reply_error(reply, 422, "media.empty", "The file is empty.");
        return false;
    }
    if (is_archive(kind) && !str_starts(body, STR("PK\x03\x04"))) {
        reply_error(reply, 422, "component.archive", "This is not a zip archive.");
        return false;
    }
    if (!is_archive(kind) && png_check(body, &err) < 0) {
        reply_error(reply, 422, err.code, "%s", err.message);
        return false;
    }
    return true;
}

/* What publishers compare their next package with. */
static int sign(struct db *db, const struct media_ref *ref, struct str body, struct err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char text[2 * SHA1_BYTES + 1];
    ASSERT(EVP_Digest(body.ptr, body.len, digest, NULL, EVP_sha1(), NULL) == 1);
    (void)enc_hex(str_n((const char *)digest, SHA1_BYTES), text, sizeof(text));
    return db_run(db, QUERY_COMPONENT_SIGN, NULL, err, DB_UUID(ref->owner_id), DB_TEXT(text));
}

/* 0, or what was refused is in the reply. */
static int fill(struct db *db, const struct media_ref *ref, struct str body, struct reply *reply,
                struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    uint8_t digest[32];
    secret_sha256(body, digest);
    struct db_param hash = DB_BYTES(str_n((const char *)digest, sizeof(digest)));
    int rc = db_run(db, QUERY_COMPONENT_FILE_ROOM, &rows, err, DB_UUID(ref->media_id),
                    DB_UUID(ref->owner_id));
    if (rc != 0) {
        return rc;
    }
    if (db_rows_n(rows) == 0) {
        reply_error(reply, 404, "media.gone", "The component does not exist any more.");
        return 0;
    }
    struct str kind = db_str(rows, 0, 0);
    if (db_bool(rows, 0, 1)) {
        reply_error(reply, 409, "media.in_use",
                    "This file was uploaded already, and a version does not change: publish anew.");
        return 0;
    }
    if (!check_bytes(kind, body, reply)) {
        return 0;
    }
    rc = db_run(db, QUERY_COMPONENT_BLOB_LOCK, NULL, err, DB_UUID(ref->organization_id));
    rc = rc ? rc
            : db_run(db, QUERY_COMPONENT_BLOB_PUT, NULL, err, DB_UUID(ref->organization_id), hash,
                     DB_I64((int64_t)body.len), DB_BYTES(body));
    rc = rc ? rc : db_run(db, QUERY_COMPONENT_FILE_PUT, NULL, err, DB_UUID(ref->media_id), hash);
    return rc || !str_eq(kind, STR("PACKAGE")) ? rc : sign(db, ref, body, err);
}

void component_media_put(struct db *db, const struct media_ref *ref,
                         const struct lane_request *request, struct reply *reply)
{
    struct err err;
    err_clear(&err);
    int rc = db_begin_as(db, &ref->organization_id, &nobody, &err);
    rc = rc ? rc : fill(db, ref, request->body, reply, &err);
    if (rc == 0 && reply->status == 200) {
        rc = db_commit(db, &err);
    } else {
        db_rollback(db);
    }
    if (rc != 0) {
        store_failed(reply, &err);
    }
}
