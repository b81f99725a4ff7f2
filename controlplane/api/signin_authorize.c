/* Owns signing in for the command line client: a page that asks for the password, and the code that
 * it sends to a port of the person's own machine (RFC 8252), good once for a minute and only with
 * the secret that the client began with (RFC 7636). On a lane thread. It sends nobody anywhere but
 * to loopback, and puts nothing of the request into the page. */
#include "api/signin_priv.h"

#include "enc.h"

#define CODE_PREFIX   "leat_c_"
#define STATE_MAX     512
#define REDIRECT_MAX  512
#define CHALLENGE_LEN 43 /* of SHA-256 in base64url */
#define VERIFIER_MAX  128
#define PAGE_SECURITY                                                                              \
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "     \
    "form-action 'self' http://localhost:* http://127.0.0.1:*"

static void answer_page(struct signin *s, int status, const char *words)
{
    struct reply *r = s->reply;
    buf_clear(&r->body);
    r->status = status;
    r->content_type = "text/html; charset=utf-8";
    (void)reply_header(r, STR("Content-Security-Policy"), STR(PAGE_SECURITY));
    (void)reply_header(r, STR("Referrer-Policy"), STR("no-referrer"));
    buf_adds(
        &r->body,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in to Leat</title>"
        "<meta name=\"viewport\" content=\"width=device-width\">"
        "<style>body{font:16px system-ui,sans-serif;max-width:20em;margin:4em auto}"
        "input,button{font:inherit;display:block;width:100%;box-sizing:border-box;"
        "margin:.3em 0 1em;padding:.5em}</style>"
        "<h1>Sign in</h1><p>The command line client on this computer asks to act for you.</p>"
        "<p role=\"alert\">");
    buf_adds(&r->body, words);
    buf_adds(&r->body,
             "</p><form method=\"post\"><label>Email address<input name=\"email\" type=\"email\" "
             "autocomplete=\"username\" required autofocus></label>"
             "<label>Password<input name=\"password\" type=\"password\" "
             "autocomplete=\"current-password\" required></label>"
             "<button>Sign in</button></form></html>");
}

/* http://localhost:PORT/... or http://127.0.0.1:PORT/...: a port, then printable ASCII. */
static bool is_loopback(struct str uri)
{
    static const struct str hosts[] = {{"http://localhost:", 17}, {"http://127.0.0.1:", 17}};
    if (uri.len > REDIRECT_MAX || (!str_starts(uri, hosts[0]) && !str_starts(uri, hosts[1]))) {
        return false;
    }
    size_t at = hosts[0].len, digits = 0;
    while (at < uri.len && uri.ptr[at] >= '0' && uri.ptr[at] <= '9') {
        at++;
        digits++;
    }
    if (digits == 0 || digits > 5 || at == uri.len || uri.ptr[at] != '/') {
        return false;
    }
    for (; at < uri.len; at++) {
        if (uri.ptr[at] <= ' ' || uri.ptr[at] > '~' || uri.ptr[at] == '#' || uri.ptr[at] == '?') {
            return false;
        }
    }
    return true;
}

struct asked {
    struct str redirect, challenge, state;
};

/* False with 400: a mistake of the client's, and nowhere to send it. */
static bool read_query(struct signin *s, struct asked *ret)
{
    struct str query = s->request->query;
    struct asked q = {signin_form(s, query, "redirect_uri"),
                      signin_form(s, query, "code_challenge"), signin_form(s, query, "state")};
    bool ok = str_eq(signin_form(s, query, "response_type"), STR("code")) &&
              str_eq(signin_form(s, query, "client_id"), STR(SIGNIN_CLIENT_ID)) &&
              str_eq(signin_form(s, query, "code_challenge_method"), STR("S256")) &&
              is_loopback(q.redirect) && q.challenge.len == CHALLENGE_LEN &&
              str_utf8_valid(q.challenge) && !memchr(q.challenge.ptr, 0, q.challenge.len) &&
              q.state.len > 0 && q.state.len <= STATE_MAX;
    if (!ok) {
        signin_refuse(s, 400, "signin.bad_request",
                      "This is not a request of the command line client.");
        return false;
    }
    *ret = q;
    return true;
}

void signin_page(struct signin *s)
{
    struct asked q;
    if (read_query(s, &q)) {
        answer_page(s, 200, "");
    }
}

void signin_page_post(struct signin *s)
{
    AUTO(buf_done) struct buf to = {0};
    struct err err = {0};
    struct asked q;
    struct uuid user, organization;
    char code[SIGNIN_RANDOM_MAX];
    if (!read_query(s, &q)) {
        return;
    }
    if (!signin_check(s, signin_form(s, s->request->body, "email"),
                      signin_form(s, s->request->body, "password"), STR(""), &user,
                      &organization)) {
        int status = s->reply->status;
        answer_page(s, status,
                    status == 429   ? "Too many tries: wait a while."
                    : status == 503 ? "Not possible at this moment: try again."
                                    : "The email address or the password is wrong.");
        return;
    }
    signin_random(CODE_PREFIX, code);
    if (db_run(s->db, QUERY_SIGNIN_CODE_MAKE, NULL, &err, signin_digest(s, str_of(code)),
               DB_UUID(user), DB_STR(q.challenge), DB_STR(q.redirect)) != 0) {
        signin_store_failed(s, &err);
        return;
    }
    buf_init(&to, KIB(4));
    buf_add_str(&to, q.redirect);
    buf_adds(&to, "?code=");
    buf_adds(&to, code);
    buf_adds(&to, "&state=");
    enc_percent(&to, q.state);
    s->reply->status = 303;
    (void)reply_header(s->reply, STR("Location"), buf_str(&to));
    (void)reply_header(s->reply, STR("Referrer-Policy"), STR("no-referrer"));
}

bool signin_use_code(struct signin *s)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct err err = {0};
    struct str body = s->request->body, code = signin_form(s, body, "code");
    struct str verifier = signin_form(s, body, "code_verifier");
    struct str redirect = signin_form(s, body, "redirect_uri");
    uint8_t digest[32];
    char challenge[CHALLENGE_LEN + 1];
    if (code.len == 0 || code.len > SIGNIN_TOKEN_MAX || verifier.len < CHALLENGE_LEN ||
        verifier.len > VERIFIER_MAX || !is_loopback(redirect)) {
        return false;
    }
    secret_sha256(verifier, digest);
    (void)enc_base64url(str_n((const char *)digest, sizeof(digest)), challenge, sizeof(challenge));
    if (db_run(s->db, QUERY_SIGNIN_CODE_USE, &rows, &err, signin_digest(s, code)) != 0) {
        signin_store_failed(s, &err);
        return true;
    }
    if (db_rows_n(rows) == 0 || !secret_equal(db_str(rows, 0, 2), str_of(challenge)) ||
        !str_eq(db_str(rows, 0, 3), redirect)) {
        return false;
    }
    struct uuid user = db_uuid(rows, 0, 0), organization = db_uuid(rows, 0, 1);
    signin_begin(s, &user, &organization, false);
    return true;
}
