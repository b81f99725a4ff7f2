/* Owns the readers of input fields that several entities share. On a lane thread, inside the
 * mutation's transaction. It refuses addresses that a browser would run, and lists without a
 * bound. */
#include "api/input.h"

#define URL_MAX         KIB(2)
#define JSON_MAX        KIB(64)
#define ATTACHMENTS_MAX 100
#define ATTACHMENT_NAME 500

struct db_param call_limited(struct call *c, const char *field, size_t max)
{
    struct str s = call_text(c, field, "");
    if (s.len > max) {
        call_refuse(c, field, "This field has at most %zu bytes.", max);
        return DB_NULL;
    }
    return call_opt_text(c, field);
}

struct db_param call_name(struct call *c, const char *field, size_t max)
{
    struct str name;
    bool given = call_input(c, field).type == JSON_STRING;
    return given && call_need_text(c, field, max, &name) ? DB_STR(name) : DB_NULL;
}

static bool url_fits(struct str s)
{
    static const char *const starts[] = {"https://", "http://", "/"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        known = known || (s.len > strlen(starts[i]) && str_starts(s, str_of(starts[i])));
    }
    for (size_t i = 0; i < s.len; i++) {
        known = known && (unsigned char)s.ptr[i] > ' ' && !strchr("\"<>\\^`{}", s.ptr[i]);
    }
    return known && s.len <= URL_MAX;
}

struct db_param call_url(struct call *c, const char *field)
{
    struct str s = call_text(c, field, "");
    if (s.len > 0 && !url_fits(s)) {
        call_refuse(c, field,
                    "This field is a URL with http or https, or a path of this server, "
                    "of at most 2,048 bytes.");
        return DB_NULL;
    }
    return call_opt_text(c, field);
}

struct db_param call_json_object(struct call *c, const char *field)
{
    struct str s = call_text(c, field, "");
    struct json v;
    if (s.len > 0 &&
        (s.len > JSON_MAX || json_parse(c->a, s, &v, NULL) < 0 || v.type != JSON_OBJECT)) {
        call_refuse(c, field, "This field is the JSON text of an object of at most 64 KB.");
        return DB_NULL;
    }
    return call_opt_text(c, field);
}

int call_find(struct call *c, const char *field, const char *type, enum query_id query,
              struct uuid *ret_id, struct db_rows **ret_row, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (!call_need_id(c, field, type, ret_id)) {
        return 0;
    }
    int rc = db_run(c->db, query, &rows, err, DB_UUID(*ret_id));
    if (rc == 0 && db_rows_n(rows) == 0) {
        return call_refuse(c, field, "The %s does not exist.", type);
    }
    if (rc == 0 && ret_row) {
        *ret_row = TAKE(rows);
    }
    return rc;
}

int call_customer(struct call *c, struct uuid *ret, struct err *err)
{
    return call_find(c, "customer", "Customer", QUERY_API_CUSTOMER_LOCK, ret, NULL, err);
}

/* ---- attachments ---- */

static bool same(struct json one, struct json name, struct json url)
{
    return str_eq(json_as_str(json_get(one, STR("name"))), json_as_str(name)) &&
           str_eq(json_as_str(json_get(one, STR("url"))), json_as_str(url));
}

static ptrdiff_t find(struct json list, struct json name, struct json url)
{
    for (uint32_t i = 0; i < list.len; i++) {
        if (same(list.items[i], name, url)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool name_fits(struct call *c, const char *field, struct json name)
{
    struct str s = str_trim(json_as_str(name));
    if (s.len == 0 || s.len > ATTACHMENT_NAME) {
        call_refuse(c, field, "The name of an attachment has 1 to %d bytes.", ATTACHMENT_NAME);
        return false;
    }
    return true;
}

static void push(struct call *c, struct json_builder *to, struct json name, struct json url)
{
    struct json_builder one;
    json_build_object(&one, c->a);
    json_append(&one, STR("name"), name);
    json_append(&one, STR("url"), url);
    json_push(to, json_built(&one));
}

static void add_attachment(struct call *c, struct json asked, struct json_builder *list)
{
    static const char field[] = "addAttachment";
    struct json name = json_get(asked, STR("name")), url = json_get(asked, STR("url"));
    if (!name_fits(c, field, name)) {
        return;
    }
    if (!url_fits(json_as_str(url))) {
        call_refuse(c, field,
                    "An attachment's url is one with http or https, or a path of this "
                    "server, of at most 2,048 bytes.");
    } else if (json_built(list).len >= ATTACHMENTS_MAX) {
        call_refuse(c, field, "At most %d attachments.", ATTACHMENTS_MAX);
    } else if (find(json_built(list), name, url) >= 0) {
        call_refuse(c, field, "There is an attachment of this name and url.");
    } else {
        push(c, list, name, url);
    }
}

struct db_param call_attachments(struct call *c, struct str before)
{
    struct json add = call_input(c, "addAttachment"), del = call_input(c, "removeAttachment");
    struct json rename = call_input(c, "renameAttachment"), list = json_null();
    struct json_builder made;
    if (add.type != JSON_OBJECT && del.type != JSON_OBJECT && rename.type != JSON_OBJECT) {
        return DB_NULL;
    }
    if (json_parse(c->a, before, &list, NULL) < 0) {
        list = json_null();
    }
    ptrdiff_t gone = find(list, json_get(del, STR("name")), json_get(del, STR("url")));
    ptrdiff_t renamed = find(list, json_get(rename, STR("oldName")), json_get(rename, STR("url")));
    if (del.type == JSON_OBJECT && gone < 0) {
        call_refuse(c, "removeAttachment", "There is no attachment of this name and url.");
    }
    if (rename.type == JSON_OBJECT && renamed < 0) {
        call_refuse(c, "renameAttachment", "There is no attachment of this oldName and url.");
    } else if (rename.type == JSON_OBJECT) {
        (void)name_fits(c, "renameAttachment", json_get(rename, STR("name")));
    }
    json_build_array(&made, c->a);
    for (uint32_t i = 0; i < list.len; i++) {
        struct json one = list.items[i];
        if ((ptrdiff_t)i == renamed) {
            push(c, &made, json_get(rename, STR("name")), json_get(one, STR("url")));
        } else if ((ptrdiff_t)i != gone) {
            json_push(&made, one);
        }
    }
    if (add.type == JSON_OBJECT) {
        add_attachment(c, add, &made);
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, MIB(1));
    json_dump(&text, json_built(&made));
    return c->n_errors > 0 ? DB_NULL
                           : DB_STR(str_n(arena_strndup(c->a, text.data, text.len), text.len));
}

int call_star(struct call *c, struct err *err)
{
    struct json v = call_input(c, "starred");
    if (v.type == JSON_TRUE) {
        return db_run(c->db, QUERY_API_STAR_PUT, NULL, err, DB_UUID(c->viewer.user), DB_UUID(c->id),
                      DB_UUID(c->viewer.organization));
    }
    return v.type != JSON_FALSE ? 0
                                : db_run(c->db, QUERY_API_STAR_DELETE, NULL, err,
                                         DB_UUID(c->viewer.user), DB_UUID(c->id));
}
