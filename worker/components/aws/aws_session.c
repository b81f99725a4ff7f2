/* Owns who asks and where: credentials of a connection or of an earlier step, the role they assume,
 * region and endpoint. Called on the slot's thread; assuming a role blocks in the HTTP client. It
 * refuses connections without keys, and regions and endpoints that are none. Secrets appear in no
 * message. */
#include "components/aws/aws_query.h"
#include "expr/value.h"

#define DEFAULT_REGION "us-east-1"
#define STS_VERSION    "2011-06-15"

static struct str field(struct action_context *ctx, struct json fields, const char *name)
{
    struct json v = json_get(fields, str_of(name));
    return json_is_nullish(v) ? STR("") : str_trim(value_to_text(action_arena(ctx), v));
}

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* Of characters that headers take, and no longer than any that is given out. */
static bool are_credentials(const struct aws_credentials *c)
{
    return c->key_id.len <= 256 && c->secret.len <= KIB(1) && c->token.len <= KIB(16) &&
           printable(c->key_id) && printable(c->secret) && printable(c->token);
}

static int read_dynamic(struct action_context *ctx, struct aws_session *s, struct err *err)
{
    const struct {
        const char *key;
        struct str *into;
    } rows[] = {
        {"dynamicAccessKeyId", &s->credentials.key_id},
        {"dynamicSecretAccessKey", &s->credentials.secret},
        {"dynamicSessionToken", &s->credentials.token},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = aws_text(ctx, rows[i].key, rows[i].into, err);
        if (rc < 0) {
            return rc;
        }
    }
    if ((s->credentials.key_id.len > 0) != (s->credentials.secret.len > 0)) {
        return action_input_error(
            ctx, s->credentials.key_id.len ? "dynamicSecretAccessKey" : "dynamicAccessKeyId", err,
            "is needed as well: a dynamic key and its secret are given both or neither.");
    }
    return 0;
}

static int read_credentials(struct action_context *ctx, struct json fields, struct aws_session *s,
                            bool *ret_dynamic, struct err *err)
{
    int rc = read_dynamic(ctx, s, err);
    if (rc < 0) {
        return rc;
    }
    *ret_dynamic = s->credentials.key_id.len > 0;
    if (!*ret_dynamic) {
        s->credentials = (struct aws_credentials){
            .key_id = field(ctx, fields, "accessKeyId"),
            .secret = field(ctx, fields, "secretAccessKey"),
            .token = field(ctx, fields, "sessionToken"),
        };
    }
    if (s->credentials.key_id.len == 0 || s->credentials.secret.len == 0) {
        return action_input_error(ctx, s->connection, err,
                                  "holds no accessKeyId and secretAccessKey. Fill in both of the "
                                  "connection, or give dynamic keys.");
    }
    if (!are_credentials(&s->credentials)) {
        return action_input_error(ctx, *ret_dynamic ? "dynamicAccessKeyId" : s->connection, err,
                                  "holds characters that an access key, its secret or a session "
                                  "token cannot have, or one of them is too long.");
    }
    return 0;
}

static int read_region(struct action_context *ctx, struct json fields, struct aws_session *s,
                       struct err *err)
{
    s->region = STR("");
    int rc = aws_has_input(ctx, "awsRegion") ? aws_text(ctx, "awsRegion", &s->region, err) : 0;
    if (rc < 0) {
        return rc;
    }
    const char *from = s->region.len ? "awsRegion" : s->connection;
    s->region = s->region.len ? s->region : field(ctx, fields, "awsRegion");
    s->region_given = s->region.len > 0;
    s->region = s->region_given ? s->region : STR(DEFAULT_REGION);
    for (size_t i = 0; i < s->region.len; i++) {
        char c = s->region.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') || s->region.len > 40) {
            return action_input_error(ctx, from, err,
                                      "\"%.*s\" is not a region; one looks like eu-west-1.",
                                      (int)MIN(s->region.len, 40), s->region.ptr);
        }
    }
    return 0;
}

/* "http://host:port" without the port that is the scheme's own, as clients write it in Host. */
static int read_endpoint(struct action_context *ctx, struct json fields, struct aws_session *s,
                         struct err *err)
{
    struct str text;
    int rc = aws_text(ctx, "customEndpoint", &text, err);
    if (rc < 0) {
        return rc;
    }
    const char *from = text.len ? "customEndpoint" : s->connection;
    text = text.len ? text : field(ctx, fields, "customEndpoint");
    while (str_ends(text, STR("/"))) {
        text.len--;
    }
    bool secure = str_starts(text, STR("https://")), plain = str_starts(text, STR("http://"));
    struct str host = http_url_host(text);
    size_t scheme = secure ? 8 : 7;
    if (text.len && (!(secure || plain) || host.len == 0 || text.len != scheme + host.len ||
                     text.len > 300 || !printable(text))) {
        return action_input_error(ctx, from, err,
                                  "the custom endpoint must be http:// or https://, a host and, if "
                                  "need be, a port; without path or user name.");
    }
    struct str port = secure ? STR(":443") : STR(":80");
    if (text.len && str_ends(text, port)) {
        text.len -= port.len;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(1));
    for (size_t i = 0; i < text.len; i++) {
        buf_addc(&b, (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + 'a' - 'A'
                                                                     : text.ptr[i]));
    }
    s->endpoint = str_n(arena_strndup(action_arena(ctx), b.len ? b.data : "", b.len), b.len);
    return 0;
}

static int assume_role(struct action_context *ctx, struct json fields, struct aws_session *s,
                       struct err *err)
{
    AUTO(aws_form_done) struct aws_form f = {0};
    struct http_response r;
    struct json answer;
    aws_form_init(&f, "AssumeRole", STS_VERSION);
    aws_form_add(&f, "RoleArn", field(ctx, fields, "roleARN"));
    aws_form_add(&f, "RoleSessionName", STR("leat"));
    aws_form_add_if(&f, "ExternalId", field(ctx, fields, "externalId"));
    int rc = aws_query_send(ctx, s, AWS_STS, &f, &r, &answer, err);
    if (rc < 0) {
        return rc;
    }
    struct json c = json_get(answer, STR("Credentials"));
    s->credentials = (struct aws_credentials){
        .key_id = field(ctx, c, "AccessKeyId"),
        .secret = field(ctx, c, "SecretAccessKey"),
        .token = field(ctx, c, "SessionToken"),
    };
    if (s->credentials.key_id.len == 0 || s->credentials.secret.len == 0 ||
        !are_credentials(&s->credentials)) {
        return err_set(err, -EBADMSG, "aws.reply", "AWS STS gave no credentials for the role.");
    }
    return 0;
}

int aws_session_read(struct action_context *ctx, const char *connection, struct aws_session *ret,
                     struct err *err)
{
    struct json value;
    struct aws_session s = {.connection = connection};
    bool dynamic = false;
    int rc = action_input_value(ctx, connection, &value, err);
    if (rc < 0) {
        return rc;
    }
    struct json fields = json_get(value, STR("fields"));
    rc = read_credentials(ctx, fields, &s, &dynamic, err);
    rc = rc == 0 ? read_region(ctx, fields, &s, err) : rc;
    rc = rc == 0 ? read_endpoint(ctx, fields, &s, err) : rc;
    if (rc == 0 && !dynamic && field(ctx, fields, "roleARN").len) {
        rc = assume_role(ctx, fields, &s, err);
    }
    if (rc == 0) {
        s.connection = dynamic ? "dynamicAccessKeyId" : connection;
        *ret = s;
    }
    return rc;
}
