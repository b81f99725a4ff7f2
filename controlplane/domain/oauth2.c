/* Owns what of OAuth 2.0 is a rule: requests and answers as texts. Pure, any thread. It refuses
 * answers without an access token whatever their status, and puts nothing of an answer into its
 * words but the server's own error. */
#include "domain/oauth2.h"

#include "domain/alert.h"
#include "enc.h"
#include "secret.h"

#define WORDS_MAX     300
#define MARGIN_MAX_S  600
#define FIRST_RETRY_S 2
#define LAST_RETRY_S  900
#define EXPIRES_MAX_S (10LL * 365 * 86400)

const char *const oauth2_grant_names[] = {"", "authorization_code", "client_credentials"};
static const char *const pkce_names[] = {"", "plain", "S256"};

static struct str text(struct json object, const char *key)
{
    return str_trim(json_as_str(json_get(object, str_of(key))));
}

static int index_of(struct str name, const char *const *names, int n)
{
    for (int i = 1; i < n; i++) {
        if (str_eq_ci(name, str_of(names[i]))) {
            return i;
        }
    }
    return 0;
}

/* --- the client ------------------------------------------------------------------------------- */

bool oauth2_client_make(struct json fields, const struct def_config_var *var, struct json described,
                        struct oauth2_client *ret)
{
    struct json tuned = json_get(described, STR("oauth2Config"));
    struct oauth2_client c = {.authorize_url = text(fields, "authorizeUrl"),
                              .token_url = text(fields, "tokenUrl"),
                              .refresh_url = text(fields, "refreshUrl"),
                              .client_id = text(fields, "clientId"),
                              .client_secret = text(fields, "clientSecret"),
                              .scopes = text(fields, "scopes"),
                              .headers = json_get(fields, STR("headers")),
                              .override_grant = text(tuned, "overrideGrantType")};
    c.grant = (enum oauth2_grant)index_of(text(described, "oauth2Type"), oauth2_grant_names, 3);
    c.pkce = (enum oauth2_pkce)index_of(text(described, "oauth2PkceMethod"), pkce_names, 3);
    if (c.grant == OAUTH2_NONE && c.token_url.len > 0) {
        c.grant = c.authorize_url.len > 0 ? OAUTH2_CODE : OAUTH2_CLIENT;
    }
    if (var) {
        c.success_url = str_of(var->oauth_success_url);
        c.failure_url = str_of(var->oauth_failure_url);
        if (var->override_grant_type && var->override_grant_type[0]) {
            c.override_grant = str_of(var->override_grant_type);
        }
    }
    *ret = c;
    return c.grant != OAUTH2_NONE;
}

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"authorizeUrl", offsetof(struct oauth2_client, authorize_url)},
    {"tokenUrl", offsetof(struct oauth2_client, token_url)},
    {"refreshUrl", offsetof(struct oauth2_client, refresh_url)},
    {"clientId", offsetof(struct oauth2_client, client_id)},
    {"clientSecret", offsetof(struct oauth2_client, client_secret)},
    {"scopes", offsetof(struct oauth2_client, scopes)},
    {"overrideGrantType", offsetof(struct oauth2_client, override_grant)},
    {"successUrl", offsetof(struct oauth2_client, success_url)},
    {"failureUrl", offsetof(struct oauth2_client, failure_url)},
};

struct json oauth2_client_json(struct arena *a, const struct oauth2_client *c)
{
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("grant"), json_cstr(oauth2_grant_names[c->grant]));
    json_append(&b, STR("pkce"), json_cstr(pkce_names[c->pkce]));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str value;
        memcpy(&value, (const char *)c + texts[i].offset, sizeof(value));
        if (value.len > 0) {
            json_append(&b, str_of(texts[i].name), json_str(value));
        }
    }
    if (!json_is_nullish(c->headers)) {
        json_append(&b, STR("headers"), c->headers);
    }
    return json_built(&b);
}

bool oauth2_client_read(struct json sealed, struct oauth2_client *ret)
{
    struct oauth2_client c = {.headers = json_get(sealed, STR("headers"))};
    c.grant = (enum oauth2_grant)index_of(text(sealed, "grant"), oauth2_grant_names, 3);
    c.pkce = (enum oauth2_pkce)index_of(text(sealed, "pkce"), pkce_names, 3);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str value = json_as_str(json_get(sealed, str_of(texts[i].name)));
        memcpy((char *)&c + texts[i].offset, &value, sizeof(value));
    }
    *ret = c;
    return c.grant != OAUTH2_NONE;
}

const char *oauth2_client_lacks(const struct oauth2_client *c)
{
    bool code = c->grant == OAUTH2_CODE;
    return c->client_id.len == 0                        ? "The connection has no clientId."
           : c->token_url.len == 0                      ? "The connection has no tokenUrl."
           : code && c->authorize_url.len == 0          ? "The connection has no authorizeUrl."
           : !alert_url_valid(c->token_url)             ? "The tokenUrl is not a URL."
           : code && !alert_url_valid(c->authorize_url) ? "The authorizeUrl is not a URL."
           : c->refresh_url.len && !alert_url_valid(c->refresh_url) ? "The refreshUrl is not a URL."
                                                                    : NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

/* "&name=value", without the first "&" at the start of a form. */
static void add(struct buf *to, size_t start, const char *name, struct str value)
{
    if (value.len > 0) {
        buf_adds(to, to->len == start ? "" : "&");
        buf_adds(to, name);
        buf_addc(to, '=');
        enc_percent(to, value);
    }
}

void oauth2_consent_url(const struct oauth2_client *c, struct str redirect_uri, struct str state,
                        struct str verifier, struct buf *to)
{
    char challenge[OAUTH2_VERIFIER_LEN + 1];
    uint8_t digest[32];
    struct str url = c->authorize_url;
    ptrdiff_t fragment = str_find(url, STR("#"), 0);
    url.len = fragment >= 0 ? (size_t)fragment : url.len;
    bool asks = str_find(url, STR("?"), 0) >= 0;
    buf_add_str(to, url);
    buf_adds(to, !asks ? "?" : str_ends(url, STR("?")) || str_ends(url, STR("&")) ? "" : "&");
    size_t start = to->len;
    add(to, start, "response_type", STR("code"));
    add(to, start, "client_id", c->client_id);
    add(to, start, "redirect_uri", redirect_uri);
    add(to, start, "scope", c->scopes);
    add(to, start, "state", state);
    if (c->pkce == OAUTH2_PKCE_S256) {
        secret_sha256(verifier, digest);
        (void)enc_base64url(str_n((const char *)digest, sizeof(digest)), challenge,
                            sizeof(challenge));
        add(to, start, "code_challenge", str_of(challenge));
    } else if (c->pkce == OAUTH2_PKCE_PLAIN) {
        add(to, start, "code_challenge", verifier);
    }
    add(to, start, "code_challenge_method", str_of(pkce_names[c->pkce]));
}

struct str oauth2_ask_url(const struct oauth2_client *c, const struct oauth2_ask *ask)
{
    return ask->refresh_token.len > 0 && c->refresh_url.len > 0 ? c->refresh_url : c->token_url;
}

void oauth2_ask_form(const struct oauth2_client *c, const struct oauth2_ask *ask, struct buf *to)
{
    size_t start = to->len;
    bool refreshes = ask->refresh_token.len > 0;
    struct str grant = refreshes               ? STR("refresh_token")
                       : c->override_grant.len ? c->override_grant
                                               : str_of(oauth2_grant_names[c->grant]);
    add(to, start, "grant_type", grant);
    add(to, start, "code", ask->code);
    add(to, start, "redirect_uri", ask->code.len ? ask->redirect_uri : STR(""));
    add(to, start, "code_verifier", c->pkce != OAUTH2_PKCE_NONE ? ask->verifier : STR(""));
    add(to, start, "refresh_token", ask->refresh_token);
    add(to, start, "scope", c->grant == OAUTH2_CLIENT && !refreshes ? c->scopes : STR(""));
    add(to, start, "client_id", c->client_id);
    if (json_get_ci(c->headers, STR("authorization")).type == JSON_UNDEFINED) {
        add(to, start, "client_secret", c->client_secret);
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Some servers answer with a form, whatever was asked for. */
static struct json read_form(struct arena *a, struct str body)
{
    static const char *const names[] = {"access_token",     "refresh_token", "token_type",
                                        "expires_in",       "scope",         "error",
                                        "error_description"};
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = enc_form_field(a, body, names[i]);
        if (value.len > 0) {
            json_append(&b, str_of(names[i]), json_str(value));
        }
    }
    return json_built(&b);
}

static int64_t expires_of(struct json answer)
{
    struct json v = json_get(answer, STR("expires_in"));
    int64_t seconds = 0;
    if (v.type == JSON_NUMBER && v.num >= 1 && v.num <= (double)EXPIRES_MAX_S) {
        seconds = (int64_t)v.num;
    } else if (v.type == JSON_STRING && !str_to_i64(str_trim(json_as_str(v)), &seconds)) {
        seconds = 0;
    }
    return seconds > 0 && seconds <= EXPIRES_MAX_S ? seconds : 0;
}

/* Printable, one line, not too long. */
static const char *words_of(struct arena *a, struct str s)
{
    char *copy = arena_strndup(a, s.ptr, MIN(s.len, (size_t)WORDS_MAX));
    for (char *p = copy; *p; p++) {
        *p = *p >= ' ' && *p <= '~' ? *p : ' ';
    }
    return copy;
}

static int refused(struct arena *a, int status, struct json answer, struct err *err)
{
    struct json error = json_get(answer, STR("error"));
    struct str code = error.type == JSON_OBJECT ? text(error, "message") : text(answer, "error");
    struct str more = text(answer, "error_description");
    int r = err_set(err, -EACCES, "oauth2.refused", "The server refused with status %d%s%s%s%s.",
                    status, code.len ? ": " : "", words_of(a, code), more.len ? ": " : "",
                    words_of(a, more));
    bool busy = status == 408 || status == 425 || status == 429 || status >= 500;
    bool passing = str_eq(code, STR("temporarily_unavailable")) ||
                   str_eq(code, STR("server_error")) || str_eq(code, STR("slow_down"));
    if (err) {
        err->retryable = busy || passing;
    }
    return r;
}

static struct json merge(struct arena *a, struct json before, struct json answer)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (uint32_t i = 0; before.type == JSON_OBJECT && i < before.len; i++) {
        json_set(&b, before.members[i].key, before.members[i].value);
    }
    for (uint32_t i = 0; i < answer.len; i++) {
        json_set(&b, answer.members[i].key, answer.members[i].value);
    }
    return json_built(&b);
}

int oauth2_answer_read(struct arena *a, int status, struct str body, struct json before,
                       struct oauth2_token *ret, struct err *err)
{
    struct json answer = json_undefined();
    struct str start = str_trim(body);
    if (body.len <= OAUTH2_ANSWER_MAX && json_parse(a, body, &answer, NULL) < 0 &&
        !str_starts(start, STR("<")) && !str_starts(start, STR("{"))) {
        answer = read_form(a, body);
    }
    if (status < 200 || status > 299 || answer.type != JSON_OBJECT ||
        text(answer, "access_token").len == 0) {
        return refused(a, status, answer, err);
    }
    *ret =
        (struct oauth2_token){.fields = merge(a, before, answer), .expires_s = expires_of(answer)};
    return 0;
}

/* --- times ------------------------------------------------------------------------------------ */

int64_t oauth2_refresh_in(int64_t expires_s, uint32_t random)
{
    int64_t margin = MIN(MAX(expires_s / 5, (int64_t)1), (int64_t)MARGIN_MAX_S);
    int64_t spread = margin / 2;
    return MAX(expires_s - margin - (spread ? random % (spread + 1) : 0), (int64_t)1);
}

int64_t oauth2_retry_in(int64_t attempts, bool retryable, uint32_t random)
{
    int64_t wait = FIRST_RETRY_S;
    for (int64_t i = 1; i < attempts && wait < LAST_RETRY_S; i++) {
        wait *= 3;
    }
    wait = MIN(wait, (int64_t)LAST_RETRY_S);
    return !retryable || attempts >= OAUTH2_ATTEMPTS ? 0 : wait + random % (wait / 2 + 1);
}
