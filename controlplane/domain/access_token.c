/* Owns writing and reading access tokens. Pure, any thread. There is one header, compared as bytes:
 * nothing in a token says how it is to be checked, and what is in it is read after the signature
 * holds. */
#include "domain/access_token.h"

#include "enc.h"
#include "json.h"

/* {"alg":"HS256","typ":"at+jwt"} */
#define HEADER     "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9"
#define PURPOSE    "leat access token 1"
#define MAC_LEN    32
#define MAC_TEXT   43 /* of it in base64url */
#define MAX_LENGTH 1024

void access_token_key(const struct secret_key *master, struct secret_key *ret_key)
{
    secret_hmac_sha256(str_n((const char *)master->b, sizeof(master->b)), STR(PURPOSE), ret_key->b);
}

static struct str key_str(const struct secret_key *key)
{
    return str_n((const char *)key->b, sizeof(key->b));
}

void access_token_write(const struct secret_key *key, const struct access_token *t, struct buf *to)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), KIB(64));
    AUTO(buf_done) struct buf claims = {0};
    struct json_builder b;
    char session[UUID_TEXT_LEN + 1], user[GLOBAL_ID_MAX], text[MAX_LENGTH];
    uint8_t mac[MAC_LEN];
    uuid_format(&t->session, session);
    (void)global_id_format("User", &t->user, user);
    json_build_object(&b, a);
    json_append(&b, STR("iss"), json_cstr("leat"));
    json_append(&b, STR("sub"), json_cstr(user));
    json_append(&b, STR("sid"), json_cstr(session));
    json_append(&b, STR("iat"), json_num((double)t->issued_s));
    json_append(&b, STR("exp"), json_num((double)t->expires_s));
    buf_init(&claims, MAX_LENGTH / 2);
    json_dump(&claims, json_built(&b));
    size_t from = to->len;
    (void)enc_base64url(buf_str(&claims), text, sizeof(text));
    buf_adds(to, HEADER ".");
    buf_adds(to, text);
    secret_hmac_sha256(key_str(key), str_n(to->data + from, to->len - from), mac);
    (void)enc_base64url(str_n((const char *)mac, sizeof(mac)), text, sizeof(text));
    buf_addc(to, '.');
    buf_adds(to, text);
}

bool access_token_is(struct str token)
{
    return str_starts(token, STR(HEADER "."));
}

static bool read_claims(struct str claims, int64_t now_s, struct access_token *ret)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), KIB(256));
    struct json v;
    if (json_parse(a, claims, &v, NULL) != 0) {
        return false;
    }
    struct json issued = json_get(v, STR("iat")), expires = json_get(v, STR("exp"));
    if (issued.type != JSON_NUMBER || expires.type != JSON_NUMBER ||
        !uuid_parse(json_as_str(json_get(v, STR("sid"))), &ret->session) ||
        !global_id_parse(json_as_str(json_get(v, STR("sub"))), "User", &ret->user)) {
        return false;
    }
    ret->issued_s = (int64_t)issued.num;
    ret->expires_s = (int64_t)expires.num;
    return now_s < ret->expires_s;
}

bool access_token_read(const struct secret_key *key, struct str token, int64_t now_s,
                       struct access_token *ret)
{
    uint8_t mac[MAC_LEN], given[MAC_LEN], claims[MAX_LENGTH];
    size_t given_len, claims_len, head = strlen(HEADER) + 1;
    if (!access_token_is(token) || token.len > MAX_LENGTH || token.len < head + MAC_TEXT + 2 ||
        token.ptr[token.len - MAC_TEXT - 1] != '.') {
        return false;
    }
    struct str is_signed = str_n(token.ptr, token.len - MAC_TEXT - 1);
    if (!enc_base64_decode(str_n(token.ptr + token.len - MAC_TEXT, MAC_TEXT), given, sizeof(given),
                           &given_len) ||
        given_len != MAC_LEN) {
        return false;
    }
    secret_hmac_sha256(key_str(key), is_signed, mac);
    return secret_equal(str_n((const char *)mac, sizeof(mac)),
                        str_n((const char *)given, sizeof(given))) &&
           enc_base64_decode(str_n(is_signed.ptr + head, is_signed.len - head), claims,
                             sizeof(claims), &claims_len) &&
           read_claims(str_n((const char *)claims, claims_len), now_s, ret);
}
