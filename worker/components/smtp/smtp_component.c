/* Owns the action of the SMTP component: who gets the mail, what is in it, and what the server
 * said. Called on the slot's thread, blocks inside the transfer. All recipients are accepted, or
 * nothing is sent. */
#include "clock.h"
#include "components/connection_fields.h"
#include "components/registry.h"
#include "components/smtp/mail_message.h"
#include "enc.h"
#include "expr/value.h"
#include "net/net_transfer.h"

#define PORT_SUBMISSION 587
#define PORT_TLS        465
#define MAX_RECIPIENTS  1000
#define MAX_ATTACHMENTS 100
#define MAX_SUBJECT     2000

#define ADDRESSES_INPUT(name, text, is_required, words)                                            \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_STRING, .collection = CATALOG_VALUE_LIST,  \
        .required = (is_required), .comments = (words), .example = "jane@example.com",             \
    }
#define DYNAMIC_INPUT(name, text, words)                                                           \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_CODE, .comments = (words),                 \
        .example = "[\"jane@example.com\", \"Joe <joe@example.com>\"]",                            \
    }

static const struct action_input inputs[] = {
    {
        .key = "connection",
        .label = "Connection",
        .type = CATALOG_CONNECTION,
        .required = true,
        .comments = "The mail server: host, port (587), username, password; secure asks for TLS. "
                    "Port 465 is TLS from the start.",
    },
    ADDRESSES_INPUT("to", "To Address", false, "Who gets the mail. Here or in the next field."),
    DYNAMIC_INPUT("toJson", "Dynamic To Address", "More of them, as a list."),
    {
        .key = "from",
        .label = "From",
        .type = CATALOG_STRING,
        .comments = "The sender's address; the connection's username when empty.",
        .example = "Orders <orders@example.com>",
    },
    ADDRESSES_INPUT("cc", "Cc Address", false, "Who gets a copy."),
    DYNAMIC_INPUT("ccJson", "CC Address (JSON)", "More of them, as a list."),
    ADDRESSES_INPUT("bcc", "Bcc Address", false, "Who gets a copy that the others do not see."),
    DYNAMIC_INPUT("bccJson", "BCC Address (JSON)", "More of them, as a list."),
    ADDRESSES_INPUT("replyTo", "Reply To", false, "Where answers go."),
    {
        .key = "subject",
        .label = "Subject",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The subject.",
        .example = "Order 17 has been shipped",
    },
    {
        .key = "text",
        .label = "Text",
        .type = CATALOG_TEXT,
        .comments = "The content as plain text.",
        .example = "Hello Jane",
    },
    {
        .key = "html",
        .label = "Html",
        .type = CATALOG_CODE,
        .comments = "The content as HTML. With both, the reader's program chooses.",
        .example = "<p>Hello Jane</p>",
    },
    {
        .key = "attachments",
        .label = "Attachments",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "File names, and for each a text or a file from an earlier step.",
    },
    {
        .key = "multipleAttachments",
        .label = "Multiple Attachments",
        .type = CATALOG_CODE,
        .comments = "More of them, as a list of {key, value}: the file's name, and a file from an "
                    "earlier step or its bytes in base64.",
    },
    {0},
};

/* --- addresses -----------------------------------------------------------------------------------
 */

struct addresses {
    struct mail_address *items;
    size_t n;
};

static bool has_address(const struct addresses *list, struct str address)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq_ci(list->items[i].address, address)) {
            return true;
        }
    }
    return false;
}

static int add_address(struct action_context *ctx, const char *key, struct str text,
                       struct addresses *list, struct err *err)
{
    struct mail_address a;
    if (str_trim(text).len == 0) {
        return 0;
    }
    if (!mail_address_parse(text, &a)) {
        return action_input_error(ctx, key, err,
                                  "\"%.*s\" is not a mail address. Write name@domain in ASCII, or "
                                  "Name <name@domain>, one in each item.",
                                  (int)MIN(text.len, 80), text.ptr);
    }
    if (list->n == MAX_RECIPIENTS) {
        return action_input_error(ctx, key, err, "has more than %d addresses.", MAX_RECIPIENTS);
    }
    if (!has_address(list, a.address)) {
        list->items[list->n++] = a;
    }
    return 0;
}

static int read_addresses(struct action_context *ctx, const char *key, struct addresses *list,
                          struct err *err)
{
    struct json values;
    int rc = action_input_list(ctx, key, &values, err);
    if (rc == 0 && !list->items) {
        list->items = arena_array(action_arena(ctx), MAX_RECIPIENTS, sizeof(*list->items));
    }
    for (uint32_t i = 0; rc == 0 && i < values.len; i++) {
        struct str text = value_to_text(action_arena(ctx), values.items[i]);
        rc = add_address(ctx, key, text, list, err);
    }
    return rc;
}

/* --- attachments ---------------------------------------------------------------------------------
 */

static int add_attachment(struct action_context *ctx, const char *key, struct str name,
                          struct json value, bool base64, struct mail_message *m,
                          struct mail_attachment *into, struct err *err)
{
    struct mail_attachment a = {.name = name, .type = STR("")};
    struct json type = json_get(value, STR("contentType"));
    if (value.type == JSON_OBJECT && type.type == JSON_STRING) {
        a.type = json_as_str(type);
        value = json_get(value, STR("data"));
        base64 = false;
    }
    if (json_is_nullish(value)) {
        return action_input_error(ctx, key, err, "the file \"%.*s\" has no data.",
                                  (int)MIN(name.len, 60), name.ptr);
    }
    if (m->n_attachments == MAX_ATTACHMENTS) {
        return action_input_error(ctx, key, err, "has more than %d files.", MAX_ATTACHMENTS);
    }
    a.data =
        value.type == JSON_BINARY ? json_as_str(value) : value_to_text(action_arena(ctx), value);
    if (base64 && value.type != JSON_BINARY) {
        size_t len = 0;
        int rc = action_room(ctx, a.data.len, err);
        if (rc < 0) {
            return rc;
        }
        /* Without the line ends that some write into it, and then decoded in its place. */
        char *text = arena_alloc(action_arena(ctx), a.data.len + 1);
        size_t n = 0;
        for (size_t i = 0; i < a.data.len; i++) {
            char c = a.data.ptr[i];
            text[n] = c;
            n += c == ' ' || c == '\t' || c == '\r' || c == '\n' ? 0 : 1;
        }
        uint8_t *bytes = (uint8_t *)text;
        if (!enc_base64_decode(str_n(text, n), bytes, n, &len)) {
            return action_input_error(ctx, key, err, "the file \"%.*s\" is not base64.",
                                      (int)MIN(name.len, 60), name.ptr);
        }
        a.data = str_n((const char *)bytes, len);
    }
    into[m->n_attachments++] = a;
    return 0;
}

static int read_attachments(struct action_context *ctx, struct mail_message *m, struct err *err)
{
    struct json files, more;
    struct mail_attachment *into = arena_array(action_arena(ctx), MAX_ATTACHMENTS, sizeof(*into));
    m->attachments = into;
    int rc = action_input_object(ctx, "attachments", &files, err);
    for (uint32_t i = 0; rc == 0 && i < files.len; i++) {
        rc = add_attachment(ctx, "attachments", files.members[i].key, files.members[i].value, false,
                            m, into, err);
    }
    if (rc == 0) {
        rc = action_input_list(ctx, "multipleAttachments", &more, err);
    }
    for (uint32_t i = 0; rc == 0 && i < more.len; i++) {
        struct json name = json_get(more.items[i], STR("key"));
        if (json_is_nullish(name)) {
            return action_input_error(ctx, "multipleAttachments", err,
                                      "item %u has no key; each item must be {key, value}.", i + 1);
        }
        rc = add_attachment(ctx, "multipleAttachments", value_to_text(action_arena(ctx), name),
                            json_get(more.items[i], STR("value")), true, m, into, err);
    }
    return rc;
}

/* --- the mail ------------------------------------------------------------------------------------
 */

static int read_server(struct action_context *ctx, struct net_server *ret, struct err *err)
{
    struct connection_fields c;
    bool secure = true;
    int rc = connection_fields_read(ctx, "connection", &c, err);
    if (rc == 0) {
        rc = connection_server(&c, "smtp", PORT_SUBMISSION, ret, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "secure", true, &secure, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "allowUnauthorized", false, &ret->ignore_tls_errors, err);
    }
    if (rc == 0) {
        bool implicit = ret->port == PORT_TLS ||
                        str_eq_ci(str_trim(connection_field(&c, "tlsMode")), STR("implicit"));
        ret->tls = implicit ? NET_TLS : secure ? NET_STARTTLS : NET_PLAIN;
    }
    return rc;
}

static int read_sender(struct action_context *ctx, const struct net_server *server,
                       struct mail_message *m, struct err *err)
{
    struct str from;
    int rc = action_input_text(ctx, "from", &from, err);
    if (rc < 0) {
        return rc;
    }
    if (str_trim(from).len == 0) {
        from = server->username;
    }
    if (!mail_address_parse(from, &m->from)) {
        return action_input_error(ctx, "from", err,
                                  "must be a mail address, as orders@example.com or Orders "
                                  "<orders@example.com>.");
    }
    return 0;
}

static int read_texts(struct action_context *ctx, struct mail_message *m, struct err *err)
{
    int rc = action_input_text(ctx, "subject", &m->subject, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "text", &m->text, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "html", &m->html, err);
    }
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < m->subject.len; i++) {
        if ((unsigned char)m->subject.ptr[i] < ' ' && m->subject.ptr[i] != '\t') {
            return action_input_error(ctx, "subject", err,
                                      "must not hold line breaks or control characters.");
        }
    }
    if (m->subject.len > MAX_SUBJECT) {
        return action_input_error(ctx, "subject", err, "is longer than %d bytes.", MAX_SUBJECT);
    }
    return 0;
}

struct envelope {
    struct addresses to, cc, bcc, reply_to, all;
};

static int read_recipients(struct action_context *ctx, struct envelope *e, struct err *err)
{
    const struct {
        const char *key;
        struct addresses *into;
    } rows[] = {
        {"to", &e->to},
        {"toJson", &e->to},
        {"cc", &e->cc},
        {"ccJson", &e->cc},
        {"bcc", &e->bcc},
        {"bccJson", &e->bcc},
        {"replyTo", &e->reply_to},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = read_addresses(ctx, rows[i].key, rows[i].into, err);
        if (rc < 0) {
            return rc;
        }
    }
    const struct addresses *const lists[] = {&e->to, &e->cc, &e->bcc};
    e->all.items =
        arena_array(action_arena(ctx), MAX_RECIPIENTS * ARRAY_LEN(lists), sizeof(*e->all.items));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < lists[i]->n; k++) {
            if (!has_address(&e->all, lists[i]->items[k].address)) {
                e->all.items[e->all.n++] = lists[i]->items[k];
            }
        }
    }
    if (e->all.n == 0) {
        return action_input_error(ctx, "to", err, "names nobody. Give at least one address.");
    }
    return e->all.n <= MAX_RECIPIENTS
               ? 0
               : action_input_error(ctx, "to", err, "and the copies have more than %d addresses.",
                                    MAX_RECIPIENTS);
}

static struct json address_list(struct arena *a, const struct addresses *list)
{
    struct json_builder b;
    json_build_array(&b, a);
    for (size_t i = 0; i < list->n; i++) {
        json_push(&b, json_str(list->items[i].address));
    }
    return json_built(&b);
}

static struct json result_value(struct arena *a, const struct mail_message *m,
                                const struct envelope *e, struct str reply)
{
    struct json_builder b, envelope;
    json_build_object(&envelope, a);
    json_append(&envelope, STR("from"), json_str(m->from.address));
    json_append(&envelope, STR("to"), address_list(a, &e->all));
    json_build_object(&b, a);
    json_append(&b, STR("accepted"), address_list(a, &e->all));
    json_append(&b, STR("rejected"), json_array(NULL, 0));
    json_append(&b, STR("response"), json_str(reply));
    json_append(&b, STR("envelope"), json_built(&envelope));
    json_append(&b, STR("messageId"), json_cstr(arena_printf(a, "<%s>", m->id)));
    return json_built(&b);
}

static int deliver(struct action_context *ctx, const struct net_server *server,
                   const struct mail_message *m, const struct envelope *e,
                   struct net_transferred *ret, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, MAIL_MAX_MESSAGE);
    mail_message_write(&b, m);
    if (b.full) {
        return action_input_error(ctx, "attachments", err,
                                  "the mail would be larger than %zu bytes.",
                                  (size_t)MAIL_MAX_MESSAGE);
    }
    struct str *to = arena_array(action_arena(ctx), e->all.n, sizeof(*to));
    for (size_t i = 0; i < e->all.n; i++) {
        to[i] = e->all.items[i].address;
    }
    struct net_transfer t = {
        .action = NET_UPLOAD,
        .path = STR("[127.0.0.1]"), /* how we name ourselves: no name of this machine goes out */
        .mail_from = m->from.address,
        .mail_to = to,
        .n_mail_to = e->all.n,
        .data = buf_str(&b),
    };
    *ret = (struct net_transferred){.body = STR(""), .reply = STR("")};
    action_block_begin(ctx);
    int rc = net_transfer(server, &t, action_arena(ctx), ret, err);
    action_block_end(ctx);
    return rc;
}

static int send_email(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct net_server server;
    struct mail_message m = {.date_ns = clock_now_ns()};
    struct envelope e = {0};
    struct net_transferred got;
    int rc = read_server(ctx, &server, err);
    if (rc == 0) {
        rc = read_sender(ctx, &server, &m, err);
    }
    if (rc == 0) {
        rc = read_recipients(ctx, &e, err);
    }
    if (rc == 0) {
        rc = read_texts(ctx, &m, err);
    }
    if (rc == 0) {
        rc = read_attachments(ctx, &m, err);
    }
    if (rc < 0) {
        return rc;
    }
    ptrdiff_t at = str_find(m.from.address, STR("@"), 0);
    /* The same each time the step is run, so that a server can see a mail that is sent twice. */
    m.id = arena_printf(action_arena(ctx), "%s%.*s", action_idempotency_key(ctx),
                        (int)(m.from.address.len - (size_t)at), m.from.address.ptr + at);
    m.to = e.to.items;
    m.n_to = e.to.n;
    m.cc = e.cc.items;
    m.n_cc = e.cc.n;
    m.reply_to = e.reply_to.items;
    m.n_reply_to = e.reply_to.n;
    rc = deliver(ctx, &server, &m, &e, &got, err);
    if (rc == 0) {
        ret->data = result_value(action_arena(ctx), &m, &e, got.reply);
    }
    return rc;
}

static const struct action actions[] = {
    {
        .key = "sendEmail",
        .label = "Send Email",
        .description = "Sends a mail.",
        .flags = ACTION_WRITES,
        .inputs = inputs,
        .example =
            "{\"accepted\": [\"jane@example.com\"], \"rejected\": [], \"response\": \"250 OK "
            "queued\", \"envelope\": {\"from\": \"orders@example.com\", \"to\": "
            "[\"jane@example.com\"]}, \"messageId\": "
            "\"<0b0c1d6e-3c1f-8c51-9f6f-0d6a52f3ab11@example.com>\"}",
        .perform = send_email,
    },
    {0},
};

const struct component component_smtp = {
    .key = "smtp",
    .label = "SMTP",
    .description = "Send mail through a mail server.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
