/* Owns turning inputs into the parts of a request. Pure, on the slot's thread; results are in the
 * run's arena. Texts and files are sent from where they are. It refuses those above 500 MB, other
 * bodies above 64 MB, names of form fields that could break out of their
 * header, and connections that hold no credentials it knows. */
#include "components/http/http_request_build.h"

#include "enc.h"
#include "expr/value.h"

/* --- pairs: key/value lists keep doubled keys, objects have none
 * ---------------------------------- */

static int read_pairs(struct action_context *ctx, const char *key, struct json *ret,
                      struct err *err)
{
    struct json v;
    int rc = action_input_value(ctx, key, &v, err);
    if (rc < 0) {
        return rc;
    }
    if (v.type == JSON_ARRAY) {
        for (uint32_t i = 0; i < v.len; i++) {
            if (json_is_nullish(json_get(v.items[i], STR("key")))) {
                return action_input_error(ctx, key, err, "item %u has no key.", i + 1);
            }
        }
        *ret = v;
        return 0;
    }
    return action_input_object(ctx, key, ret, err);
}

static void pair_at(struct action_context *ctx, struct json pairs, uint32_t i, struct str *ret_name,
                    struct json *ret_value)
{
    if (pairs.type == JSON_ARRAY) {
        *ret_name = value_to_text(action_arena(ctx), json_get(pairs.items[i], STR("key")));
        *ret_value = json_get(pairs.items[i], STR("value"));
    } else {
        *ret_name = pairs.members[i].key;
        *ret_value = pairs.members[i].value;
    }
}

static int finish(struct action_context *ctx, const char *key, struct buf *b, struct str *ret,
                  struct err *err)
{
    if (b->full) {
        return action_input_error(ctx, key, err, "is larger than 64 MB. Send smaller parts.");
    }
    int rc = action_room(ctx, b->len + 1, err);
    if (rc == 0) {
        *ret = str_n(arena_strndup(action_arena(ctx), b->len ? b->data : "", b->len), b->len);
    }
    return rc;
}

/* --- address and headers -------------------------------------------------------------------------
 */

static void add_query(struct buf *b, bool *first, struct str name, struct str value)
{
    if (!*first) {
        buf_addc(b, '&');
    }
    *first = false;
    enc_percent(b, name);
    buf_addc(b, '=');
    enc_percent(b, value);
}

int http_build_url(struct action_context *ctx, const char *url_key, const char *query_key,
                   struct str *ret, struct err *err)
{
    struct str url;
    struct json pairs;
    int rc = action_input_text(ctx, url_key, &url, err);
    if (rc == 0) {
        rc = read_pairs(ctx, query_key, &pairs, err);
    }
    if (rc < 0) {
        return rc;
    }
    url = str_trim(url);
    if (url.len == 0) {
        return action_input_error(ctx, url_key, err, "has no value. Give an address to call.");
    }
    ptrdiff_t hash = str_find(url, STR("#"), 0);
    struct str base = hash < 0 ? url : str_n(url.ptr, (size_t)hash);
    AUTO(buf_done) struct buf b = {0}, query = {0};
    buf_init(&b, MIB(1));
    buf_init(&query, MIB(1));
    bool first = true;
    for (uint32_t i = 0; i < pairs.len; i++) {
        struct str name;
        struct json value;
        pair_at(ctx, pairs, i, &name, &value);
        bool list = value.type == JSON_ARRAY;
        for (uint32_t k = 0; k < (list ? value.len : 1); k++) {
            struct json one = list ? value.items[k] : value;
            if (!json_is_nullish(one)) {
                add_query(&query, &first, name, value_to_text(action_arena(ctx), one));
            }
        }
    }
    buf_add_str(&b, base);
    if (query.len) {
        bool open = base.len && strchr("?&", base.ptr[base.len - 1]);
        buf_adds(&b, open ? "" : str_find(base, STR("?"), 0) < 0 ? "?" : "&");
        buf_add_str(&b, buf_str(&query));
    }
    if (b.full || query.full) {
        return action_input_error(ctx, query_key, err, "the address would be longer than 1 MB.");
    }
    return finish(ctx, url_key, &b, ret, err);
}

int http_build_headers(struct action_context *ctx, const char *key, struct http_header_list *list,
                       struct err *err)
{
    struct json pairs;
    int rc = read_pairs(ctx, key, &pairs, err);
    if (rc < 0) {
        return rc;
    }
    if (list->n + pairs.len > HTTP_EXCHANGE_MAX_HEADERS / 2) {
        return action_input_error(ctx, key, err, "has more than %d headers.",
                                  HTTP_EXCHANGE_MAX_HEADERS / 2);
    }
    for (uint32_t i = 0; i < pairs.len; i++) {
        struct str name;
        struct json value;
        pair_at(ctx, pairs, i, &name, &value);
        if (!json_is_nullish(value) && str_trim(name).len) {
            http_headers_add(list, str_trim(name), value_to_text(action_arena(ctx), value));
        }
    }
    return 0;
}

/* --- credentials ---------------------------------------------------------------------------------
 */

static struct str field_text(struct action_context *ctx, struct json object,
                             const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        struct json v = json_get(object, str_of(names[i]));
        if (!json_is_nullish(v)) {
            return value_to_text(action_arena(ctx), v);
        }
    }
    return STR("");
}
#define FIELD(ctx, object, ...)                                                                    \
    field_text((ctx), (object), (const char *const[]){__VA_ARGS__, NULL})

static void add_credential(struct action_context *ctx, struct http_header_list *list,
                           struct str header, struct str scheme, struct str value)
{
    const char *name = arena_strndup(action_arena(ctx), header.ptr, header.len);
    if (http_headers_have(list, name)) {
        return;
    }
    const char *text = arena_printf(action_arena(ctx), "%.*s%s%.*s", (int)scheme.len, scheme.ptr,
                                    scheme.len ? " " : "", (int)value.len, value.ptr);
    if (list->n < HTTP_EXCHANGE_MAX_HEADERS) {
        list->items[list->n++] =
            (struct http_header){.name = header, .value = str_of(text), .secret = true};
    }
}

static void add_basic(struct action_context *ctx, struct http_header_list *list, struct str user,
                      struct str password)
{
    AUTO(buf_done) struct buf pair = {0}, text = {0};
    buf_init(&pair, KIB(64));
    buf_init(&text, KIB(128));
    buf_add_str(&pair, user);
    buf_addc(&pair, ':');
    buf_add_str(&pair, password);
    enc_base64_to(&text, buf_str(&pair));
    struct str value = str_n(arena_strndup(action_arena(ctx), text.data, text.len), text.len);
    add_credential(ctx, list, STR("Authorization"), STR("Basic"), value);
}

int http_build_credentials(struct action_context *ctx, const char *key,
                           struct http_header_list *list, struct err *err)
{
    struct json connection;
    int rc = action_input_value(ctx, key, &connection, err);
    if (rc < 0) {
        return rc;
    }
    if (json_is_nullish(connection) || (connection.type == JSON_STRING && connection.len == 0)) {
        return 0;
    }
    struct json fields = json_get(connection, STR("fields"));
    struct json token = json_get(connection, STR("token"));
    struct str access = FIELD(ctx, token, "access_token", "accessToken");
    struct str type = FIELD(ctx, token, "token_type", "tokenType");
    if (access.len == 0) {
        access = FIELD(ctx, fields, "bearerToken", "accessToken", "token");
    }
    struct str api_key = FIELD(ctx, fields, "apiKey", "api_key");
    struct str user = FIELD(ctx, fields, "username", "user");
    struct str password = FIELD(ctx, fields, "password");
    if (access.len) {
        bool bearer = type.len == 0 || str_eq_ci(type, STR("bearer"));
        add_credential(ctx, list, STR("Authorization"), bearer ? STR("Bearer") : type, access);
    } else if (api_key.len) {
        struct str header = FIELD(ctx, fields, "headerKey", "headerName", "header");
        struct str scheme = FIELD(ctx, fields, "scheme", "authScheme", "authenticationScheme");
        bool standard = header.len == 0 || str_eq_ci(header, STR("authorization"));
        if (scheme.len == 0 && standard) {
            scheme = STR("Basic");
        }
        add_credential(ctx, list, header.len ? header : STR("Authorization"), scheme, api_key);
    } else if (user.len || password.len) {
        add_basic(ctx, list, user, password);
    } else {
        return action_input_error(ctx, key, err,
                                  "holds no credentials that an HTTP request can carry: an access "
                                  "token, an API key, or user name and password. Check that the "
                                  "connection is authorized.");
    }
    return 0;
}

/* --- bodies --------------------------------------------------------------------------------------
 */

static bool wants_form(const struct http_header_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq_ci(list->items[i].name, STR("content-type")) &&
            str_find(list->items[i].value, STR("x-www-form-urlencoded"), 0) >= 0) {
            return true;
        }
    }
    return false;
}

int http_build_body_of(struct action_context *ctx, const char *key, struct json value,
                       struct http_header_list *list, struct str *ret, struct err *err)
{
    struct json type = json_get(value, STR("contentType"));
    struct json data = json_get(value, STR("data"));
    const char *content_type = NULL;
    if (value.type == JSON_OBJECT && type.type == JSON_STRING && data.type != JSON_UNDEFINED &&
        value.len <= 3) {
        struct str t = json_as_str(type);
        content_type = t.len ? arena_strndup(action_arena(ctx), t.ptr, t.len) : NULL;
        value = data;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, HTTP_BODY_MAX);
    bool as_is = value.type == JSON_STRING || value.type == JSON_BINARY;
    if (as_is && value.len > SPILL_VALUE_MAX) {
        return action_input_error(ctx, key, err, "is larger than 500 MB. Send smaller parts.");
    }
    if (as_is) {
        *ret = json_as_str(value);
    } else if (value.type == JSON_OBJECT && wants_form(list)) {
        bool first = true;
        for (uint32_t i = 0; i < value.len; i++) {
            add_query(&b, &first, value.members[i].key,
                      value_to_text(action_arena(ctx), value.members[i].value));
        }
    } else if (value.type != JSON_UNDEFINED) {
        json_dump(&b, value);
        content_type = content_type ? content_type : "application/json";
    }
    if (content_type && !http_headers_have(list, "content-type")) {
        http_headers_add(list, STR("Content-Type"), str_of(content_type));
    }
    return as_is ? 0 : finish(ctx, key, &b, ret, err);
}

int http_build_body(struct action_context *ctx, const char *key, struct http_header_list *list,
                    struct str *ret, bool *ret_has, struct err *err)
{
    struct json value;
    int rc = action_input_value(ctx, key, &value, err);
    if (rc < 0) {
        return rc;
    }
    *ret_has = value.type != JSON_UNDEFINED;
    return http_build_body_of(ctx, key, value, list, ret, err);
}

/* A quoted parameter of Content-Disposition, escaped as browsers do. */
static void add_parameter(struct buf *b, const char *name, struct str value)
{
    buf_addf(b, "; %s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        switch (value.ptr[i]) {
        case '"':
            buf_adds(b, "%22");
            break;
        case '\r':
            buf_adds(b, "%0D");
            break;
        case '\n':
            buf_adds(b, "%0A");
            break;
        default:
            buf_addc(b, value.ptr[i]);
        }
    }
    buf_addc(b, '"');
}

struct part {
    struct str name, file_name, content_type, data;
    bool is_file;
};

static int read_parts(struct action_context *ctx, const char *key, bool files, struct json names,
                      struct part *parts, size_t *io_n, struct err *err)
{
    struct json pairs;
    int rc = read_pairs(ctx, key, &pairs, err);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < pairs.len; i++) {
        struct json value;
        struct part *p = &parts[*io_n];
        *p = (struct part){.is_file = files, .content_type = STR(""), .file_name = STR("")};
        pair_at(ctx, pairs, i, &p->name, &value);
        struct json type = json_get(value, STR("contentType"));
        struct json own_name = json_get(value, STR("fileName"));
        if (value.type == JSON_OBJECT && type.type == JSON_STRING) {
            p->content_type = json_as_str(type);
            value = json_get(value, STR("data"));
        }
        if (json_is_nullish(value) && !files) {
            continue;
        }
        if (json_is_nullish(value)) {
            return action_input_error(ctx, key, err, "the file \"%.*s\" has no data.",
                                      (int)MIN(p->name.len, 60), p->name.ptr);
        }
        p->data = value.type == JSON_STRING || value.type == JSON_BINARY
                      ? json_as_str(value)
                      : value_to_text(action_arena(ctx), value);
        if (files) {
            struct json file_name = json_get(names, p->name);
            file_name = json_is_nullish(file_name) ? own_name : file_name;
            p->file_name =
                json_is_nullish(file_name) ? p->name : value_to_text(action_arena(ctx), file_name);
            if (p->content_type.len == 0) {
                p->content_type = STR("application/octet-stream");
            }
        }
        (*io_n)++;
    }
    return 0;
}

/* A boundary that occurs in no part; the same each time the step is run. */
static const char *choose_boundary(struct action_context *ctx, const struct part *parts, size_t n)
{
    for (unsigned attempt = 0;; attempt++) {
        const char *boundary =
            arena_printf(action_arena(ctx), "leat-%s-%u", action_idempotency_key(ctx), attempt);
        bool found = false;
        for (size_t i = 0; i < n; i++) {
            found = found || str_find(parts[i].data, str_of(boundary), 0) >= 0;
        }
        if (!found) {
            return boundary;
        }
    }
}

static bool safe_type(struct str type)
{
    for (size_t i = 0; i < type.len; i++) {
        if ((unsigned char)type.ptr[i] < ' ') {
            return false;
        }
    }
    return true;
}

/* The head of each part in the arena, its data from where they are. */
static int write_parts(struct action_context *ctx, const char *boundary, const struct part *parts,
                       size_t n, struct str *pieces, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MIB(1));
    size_t total = 0;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        buf_clear(&b);
        buf_addf(&b, "%s--%s\r\nContent-Disposition: form-data", i ? "\r\n" : "", boundary);
        add_parameter(&b, "name", parts[i].name);
        if (parts[i].is_file) {
            add_parameter(&b, "filename", parts[i].file_name);
        }
        if (parts[i].content_type.len && safe_type(parts[i].content_type)) {
            buf_adds(&b, "\r\nContent-Type: ");
            buf_add_str(&b, parts[i].content_type);
        }
        buf_adds(&b, "\r\n\r\n");
        total += b.len + parts[i].data.len;
        if (b.full || total > SPILL_VALUE_MAX) {
            return action_input_error(
                ctx, parts[i].is_file ? "fileData" : "formData", err, "%s. Send smaller parts.",
                b.full ? "has a name that is longer than 1 MB" : "makes a body larger than 500 MB");
        }
        rc = action_room(ctx, b.len + 1, err);
        if (rc == 0) {
            pieces[2 * i] = str_n(arena_strndup(action_arena(ctx), b.data, b.len), b.len);
            pieces[2 * i + 1] = parts[i].data;
        }
    }
    pieces[2 * n] =
        str_of(arena_printf(action_arena(ctx), "%s--%s--\r\n", n ? "\r\n" : "", boundary));
    return rc;
}

int http_build_multipart(struct action_context *ctx, struct http_header_list *list,
                         struct http_request *req, struct err *err)
{
    struct json names, form, files;
    int rc = action_input_object(ctx, "fileDataFileNames", &names, err);
    if (rc == 0) {
        rc = read_pairs(ctx, "formData", &form, err);
    }
    if (rc == 0) {
        rc = read_pairs(ctx, "fileData", &files, err);
    }
    if (rc < 0) {
        return rc;
    }
    size_t n = 0;
    struct part *parts =
        arena_array(action_arena(ctx), (size_t)form.len + files.len + 1, sizeof(*parts));
    rc = read_parts(ctx, "formData", false, names, parts, &n, err);
    if (rc == 0) {
        rc = read_parts(ctx, "fileData", true, names, parts, &n, err);
    }
    if (rc < 0) {
        return rc;
    }
    const char *boundary = choose_boundary(ctx, parts, n);
    struct str *pieces = arena_array(action_arena(ctx), 2 * n + 1, sizeof(*pieces));
    const char *type =
        arena_printf(action_arena(ctx), "multipart/form-data; boundary=%s", boundary);
    http_headers_add(list, STR("Content-Type"), str_of(type));
    req->parts = pieces;
    req->n_parts = 2 * n + 1;
    return write_parts(ctx, boundary, parts, n, pieces, err);
}
