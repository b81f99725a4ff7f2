/* Owns filling the texts of a declarative action with inputs and credentials. On a slot's thread;
 * memory is the run's arena. It refuses values that would lead a path elsewhere: they are
 * percent-encoded, and "." and ".." are no names. */
#include "declarative/declarative_request.h"

#include "components/http/http_request_build.h"
#include "enc.h"
#include "expr/value.h"

#define URL_MAX  HTTP_MAX_URL_BYTES
#define TEXT_MAX MIB(16)

/* --- values ----------------------------------------------------------------------------------- */

static const struct decl_field *field_of(const struct decl_fields *fields, struct str key)
{
    for (size_t i = 0; i < fields->n; i++) {
        if (str_eq(str_of(fields->items[i].key), key)) {
            return &fields->items[i];
        }
    }
    return NULL;
}

/* An input as what its type says, undefined when there is none of the name; literals come as text.
 */
static int input_value(struct declarative_call *call, struct str key, struct json *ret,
                       struct err *err)
{
    const struct decl_field *f = field_of(call->inputs, key);
    struct action_context *ctx = call->ctx;
    *ret = json_undefined();
    int rc = f ? action_input_value(ctx, f->key, ret, err) : 0;
    if (!f || rc < 0 || json_is_nullish(*ret) || (ret->type == JSON_STRING && ret->len == 0)) {
        *ret = json_undefined();
        return rc;
    }
    if (strcmp(f->collection, "valuelist") == 0) {
        return action_input_list(ctx, f->key, ret, err);
    }
    if (strcmp(f->collection, "keyvaluelist") == 0) {
        return action_input_object(ctx, f->key, ret, err);
    }
    if (strcmp(f->type, "number") == 0) {
        double number = 0;
        rc = action_input_number(ctx, f->key, &number, err);
        *ret = json_num(number);
    } else if (strcmp(f->type, "boolean") == 0) {
        bool is = false;
        rc = action_input_bool(ctx, f->key, &is, err);
        *ret = json_bool(is);
    } else if (strcmp(f->type, "json") == 0) {
        *ret = value_parse_json(action_arena(ctx), *ret);
    }
    return rc;
}

static int part_value(struct declarative_call *call, const struct decl_part *part, struct json *ret,
                      struct err *err)
{
    struct path rest = *part->path;
    struct json root = part->root == DECL_TOKEN ? call->token : call->fields;
    if (part->root == DECL_INPUTS) {
        int rc = input_value(call, part->path->segments[0].key, &root, err);
        if (rc < 0) {
            return rc;
        }
        rest.segments++;
        rest.n_segments--;
    }
    *ret = rest.n_segments ? path_resolve(&rest, root) : root;
    return 0;
}

enum filling { FILL_PLAIN, FILL_PATH };

/* Appends the text. *ret_empty: it refers to something, and nothing of that has a value. */
static int fill(struct declarative_call *call, const struct decl_text *text, enum filling how,
                struct buf *to, bool *ret_empty, struct err *err)
{
    size_t named = 0, found = 0;
    for (size_t i = 0; i < text->n; i++) {
        const struct decl_part *part = &text->parts[i];
        struct json v;
        if (!part->path) {
            buf_add_str(to, part->text);
            continue;
        }
        int rc = part_value(call, part, &v, err);
        if (rc < 0) {
            return rc;
        }
        struct str words = value_to_text(action_arena(call->ctx), v);
        named++;
        found += words.len > 0;
        if (how == FILL_PLAIN) {
            buf_add_str(to, words);
        } else if (words.len == 0 || str_eq(words, STR(".")) || str_eq(words, STR(".."))) {
            struct str key = part->path->segments[0].key;
            return err_set(err, -EINVAL, "component.path",
                           "The address needs a value for \"%.*s\", other than \".\" and \"..\".",
                           (int)MIN(key.len, 100), key.ptr);
        } else {
            enc_percent(to, words);
        }
    }
    *ret_empty = named > 0 && found == 0;
    return to->full ? err_set(err, -EMSGSIZE, "component.too_large",
                              "What the inputs make of the request is too large.")
                    : 0;
}

static struct str keep(struct declarative_call *call, const struct buf *b)
{
    return str_n(arena_strndup(action_arena(call->ctx), buf_str(b).ptr, b->len), b->len);
}

int declarative_text(struct declarative_call *call, const struct decl_text *text, struct str *ret,
                     bool *ret_empty, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX);
    int rc = fill(call, text, FILL_PLAIN, &b, ret_empty, err);
    *ret = rc == 0 ? keep(call, &b) : STR("");
    return rc;
}

/* --- the step --------------------------------------------------------------------------------- */

static int read_connection(struct declarative_call *call, struct err *err)
{
    const struct declarative *d = call->component;
    struct json connection;
    int rc = action_input_value(call->ctx, "connection", &connection, err);
    if (rc < 0) {
        return rc;
    }
    struct str key = json_as_str(json_get(connection, STR("key")));
    call->fields = json_get(connection, STR("fields"));
    call->token = json_get(connection, STR("token"));
    for (size_t i = 0; i < d->n_connections; i++) {
        if (str_eq(str_of(d->connections[i].key), key)) {
            call->connection = &d->connections[i];
        }
    }
    if (!call->connection || call->fields.type != JSON_OBJECT) {
        return action_input_error(call->ctx, "connection", err,
                                  "is no connection that this component knows.");
    }
    return 0;
}

int declarative_call_init(struct declarative_call *call, struct action_context *ctx,
                          struct err *err)
{
    const struct declarative_owner *owner = action_descriptor(ctx)->owner;
    *call = (struct declarative_call){.ctx = ctx,
                                      .component = owner->component,
                                      .action = owner->action,
                                      .inputs = owner->trigger ? &owner->trigger->inputs
                                                               : &owner->action->inputs,
                                      .fields = json_undefined(),
                                      .token = json_undefined()};
    int rc = call->action && call->component->n_connections ? read_connection(call, err) : 0;
    for (size_t i = 0; rc == 0 && i < call->inputs->n; i++) {
        struct json ignored;
        rc = action_input_value(ctx, call->inputs->items[i].key, &ignored, err);
    }
    return rc;
}

struct str declarative_add_query(struct arena *a, struct str url, const char *name,
                                 struct str value)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, URL_MAX * 4);
    buf_add_str(&b, url);
    buf_addc(&b, memchr(url.ptr, '?', url.len) ? '&' : '?');
    enc_percent(&b, str_of(name));
    buf_addc(&b, '=');
    enc_percent(&b, value);
    return str_n(arena_strndup(a, b.data, b.len), b.len);
}

int declarative_url(struct declarative_call *call, struct str *ret, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    struct arena *a = action_arena(call->ctx);
    const struct decl_pairs *query = &call->action->query;
    bool empty;
    buf_init(&b, URL_MAX);
    int rc = fill(call, &call->component->base_url, FILL_PLAIN, &b, &empty, err);
    while (rc == 0 && b.len && b.data[b.len - 1] == '/') {
        b.len--;
    }
    if (rc == 0 && call->action->path.n &&
        (call->action->path.parts[0].path || call->action->path.parts[0].text.ptr[0] != '/')) {
        buf_addc(&b, '/');
    }
    rc = rc ? rc : fill(call, &call->action->path, FILL_PATH, &b, &empty, err);
    if (rc < 0) {
        return rc;
    }
    *ret = keep(call, &b);
    for (size_t i = 0; i < query->n; i++) {
        struct str value;
        rc = declarative_text(call, &query->items[i].value, &value, &empty, err);
        if (rc < 0) {
            return rc;
        }
        if (!empty) {
            *ret = declarative_add_query(a, *ret, query->items[i].name, value);
        }
    }
    const struct decl_connection *c = call->connection;
    if (c && c->auth == DECL_QUERY) {
        struct str value;
        rc = declarative_text(call, &c->value, &value, &empty, err);
        *ret = rc == 0 ? declarative_add_query(a, *ret, c->name, value) : *ret;
    }
    return rc < 0 ? rc
           : ret->len > URL_MAX
               ? err_set(err, -EMSGSIZE, "component.too_large", "The address is too long.")
               : 0;
}

static int add_pairs(struct declarative_call *call, const struct decl_pairs *pairs,
                     struct http_header_list *list, struct err *err)
{
    for (size_t i = 0; i < pairs->n; i++) {
        struct str value;
        bool empty;
        int rc = declarative_text(call, &pairs->items[i].value, &value, &empty, err);
        if (rc < 0) {
            return rc;
        }
        if (!empty && !http_headers_have(list, pairs->items[i].name)) {
            http_headers_add(list, str_of(pairs->items[i].name), value);
        }
    }
    return 0;
}

static void add_secret(struct http_header_list *list, const char *name, struct str value)
{
    http_headers_add(list, str_of(name), value);
    list->items[list->n - 1].secret = true;
}

static int add_basic(struct declarative_call *call, struct http_header_list *list, struct err *err)
{
    AUTO(buf_done) struct buf pair = {0}, text = {0};
    struct str user, password;
    bool empty;
    int rc = declarative_text(call, &call->connection->value, &user, &empty, err);
    rc = rc ? rc : declarative_text(call, &call->connection->secret, &password, &empty, err);
    if (rc < 0) {
        return rc;
    }
    buf_init(&pair, KIB(64));
    buf_init(&text, KIB(128));
    buf_add_str(&pair, user);
    buf_addc(&pair, ':');
    buf_add_str(&pair, password);
    buf_adds(&text, "Basic ");
    enc_base64_to(&text, buf_str(&pair));
    add_secret(list, "Authorization", keep(call, &text));
    return 0;
}

static int add_credentials(struct declarative_call *call, struct http_header_list *list,
                           struct err *err)
{
    const struct decl_connection *c = call->connection;
    struct str value = STR("");
    bool empty;
    int rc = 0;
    switch (c ? c->auth : DECL_NO_AUTH) {
    case DECL_NO_AUTH:
    case DECL_QUERY:
    case _DECL_AUTH_N:
        return 0;
    case DECL_OAUTH2_CODE:
    case DECL_OAUTH2_CLIENT:
        return http_build_credentials(call->ctx, "connection", list, err);
    case DECL_BASIC:
        return c->value.n || c->secret.n
                   ? add_basic(call, list, err)
                   : http_build_credentials(call->ctx, "connection", list, err);
    case DECL_BEARER:
    case DECL_HEADER:
        rc = declarative_text(call, &c->value, &value, &empty, err);
        break;
    }
    if (rc == 0 && c->auth == DECL_BEARER) {
        value =
            str_of(arena_printf(action_arena(call->ctx), "Bearer %.*s", (int)value.len, value.ptr));
    }
    if (rc == 0) {
        add_secret(list, c->auth == DECL_BEARER ? "Authorization" : c->name, value);
    }
    return rc;
}

int declarative_headers(struct declarative_call *call, struct http_header_list *list,
                        struct err *err)
{
    int rc = add_credentials(call, list, err);
    rc = rc ? rc : add_pairs(call, &call->action->headers, list, err);
    return rc ? rc : add_pairs(call, &call->component->headers, list, err);
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* UNDEFINED for a text whose references have no value: it is left out. */
static int build(struct declarative_call *call, const struct decl_value *v, struct json *ret,
                 struct err *err)
{
    struct json_builder b;
    int rc = 0;
    if (v->kind == DECL_LITERAL) {
        *ret = v->literal;
        return 0;
    }
    if (v->kind == DECL_TEXT) {
        struct str text;
        bool empty = false;
        if (v->text.n == 1 && v->text.parts[0].path) {
            return part_value(call, &v->text.parts[0], ret, err);
        }
        rc = declarative_text(call, &v->text, &text, &empty, err);
        *ret = empty ? json_undefined() : json_str(text);
        return rc;
    }
    if (v->kind == DECL_LIST) {
        json_build_array(&b, action_arena(call->ctx));
    } else {
        json_build_object(&b, action_arena(call->ctx));
    }
    for (size_t i = 0; i < v->n && rc == 0; i++) {
        struct json item;
        rc = build(call, v->members[i].value, &item, err);
        if (rc < 0 || item.type == JSON_UNDEFINED) {
            continue;
        }
        if (v->kind == DECL_LIST) {
            json_push(&b, item);
        } else {
            json_append(&b, v->members[i].key, item);
        }
    }
    *ret = json_built(&b);
    return rc;
}

static void write_form(struct declarative_call *call, struct json object, struct buf *to)
{
    for (uint32_t i = 0; i < object.len; i++) {
        buf_adds(to, i ? "&" : "");
        enc_percent(to, object.members[i].key);
        buf_addc(to, '=');
        enc_percent(to, value_to_text(action_arena(call->ctx), object.members[i].value));
    }
}

int declarative_body(struct declarative_call *call, struct http_header_list *list, struct str *ret,
                     bool *ret_has, struct err *err)
{
    static const char *const types[_DECL_BODY_N] = {[DECL_BODY_JSON] = "application/json",
                                                    [DECL_BODY_FORM] =
                                                        "application/x-www-form-urlencoded",
                                                    [DECL_BODY_TEXT] = "text/plain; charset=utf-8"};
    const struct decl_action *action = call->action;
    AUTO(buf_done) struct buf b = {0};
    struct json body;
    *ret_has = action->body != NULL;
    if (!action->body) {
        return 0;
    }
    int rc = build(call, action->body, &body, err);
    if (rc < 0) {
        return rc;
    }
    buf_init(&b, HTTP_BODY_MAX);
    if (action->body_type == DECL_BODY_FORM) {
        write_form(call, body, &b);
    } else if (action->body_type == DECL_BODY_TEXT) {
        value_add_text(&b, body);
    } else {
        json_dump(&b, json_is_nullish(body) ? json_null() : body);
    }
    rc = b.full ? err_set(err, -EMSGSIZE, "component.too_large", "The body is over 64 MB.")
                : action_room(call->ctx, b.len, err);
    if (rc < 0) {
        return rc;
    }
    *ret = keep(call, &b);
    if (!http_headers_have(list, "Content-Type")) {
        http_headers_add(list, STR("Content-Type"), str_of(types[action->body_type]));
    }
    return 0;
}
