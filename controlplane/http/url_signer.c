/* Owns the key that signs one kind of URLs and the form of their tokens: version, form, expiry,
 * ids, HMAC. Any thread. It refuses a token of another length before it looks at anything else, and
 * compares in constant time. */
#include "http/url_signer.h"

#include "clock.h"
#include "enc.h"

#define TOKEN_VERSION 1
#define IDS_AT        10
#define PLAIN_LEN     (IDS_AT + 3 * 16)
#define MAC_LEN       32
#define TOKEN_LEN     (PLAIN_LEN + MAC_LEN)
#define TOKEN_TEXT    ((TOKEN_LEN * 4 + 2) / 3) /* base64url without padding */

void url_signer_init(struct url_signer *s, const struct secret_key *master_key, const char *label,
                     const char *public_url, const char *path)
{
    AUTO(buf_done) struct buf base = {0};
    secret_hmac_sha256(str_n((const char *)master_key->b, sizeof(master_key->b)), str_of(label),
                       s->key);
    buf_init(&base, 0);
    buf_adds(&base, public_url);
    buf_adds(&base, path);
    s->base = buf_take(&base);
}

void url_signer_done(struct url_signer *s)
{
    secret_wipe(s->key, sizeof(s->key));
    mem_free(s->base);
    s->base = NULL;
}

static void sign(const struct url_signer *s, const uint8_t *plain, uint8_t ret_mac[MAC_LEN])
{
    secret_hmac_sha256(str_n((const char *)s->key, sizeof(s->key)),
                       str_n((const char *)plain, PLAIN_LEN), ret_mac);
}

void url_signer_write(const struct url_signer *s, const struct url_claims *claims, int64_t seconds,
                      struct buf *to)
{
    uint8_t token[TOKEN_LEN] = {TOKEN_VERSION, claims->form};
    char text[TOKEN_TEXT + 1];
    uint64_t expires =
        (uint64_t)(claims->expires_s ? claims->expires_s : clock_now_ns() / NS_PER_SEC + seconds);
    for (size_t i = 0; i < 8; i++) {
        token[IDS_AT - 1 - i] = (uint8_t)(expires >> 8 * i);
    }
    for (size_t i = 0; i < ARRAY_LEN(claims->ids); i++) {
        memcpy(token + IDS_AT + 16 * i, claims->ids[i].b, 16);
    }
    sign(s, token, token + PLAIN_LEN);
    size_t len = enc_base64url(str_n((char *)token, sizeof(token)), text, sizeof(text));
    buf_adds(to, s->base);
    buf_add(to, text, len);
}

bool url_signer_read(const struct url_signer *s, struct str token, int n_forms,
                     struct url_claims *ret)
{
    uint8_t bytes[TOKEN_LEN], mac[MAC_LEN];
    uint64_t expires = 0;
    size_t len;
    if (token.len != TOKEN_TEXT || !enc_base64_decode(token, bytes, sizeof(bytes), &len) ||
        len != TOKEN_LEN) {
        return false;
    }
    sign(s, bytes, mac);
    if (!secret_equal(str_n((char *)mac, MAC_LEN), str_n((char *)bytes + PLAIN_LEN, MAC_LEN)) ||
        bytes[0] != TOKEN_VERSION || bytes[1] >= n_forms) {
        return false;
    }
    for (size_t i = 2; i < IDS_AT; i++) {
        expires = expires << 8 | bytes[i];
    }
    *ret = (struct url_claims){.form = bytes[1], .expires_s = (int64_t)expires};
    for (size_t i = 0; i < ARRAY_LEN(ret->ids); i++) {
        memcpy(ret->ids[i].b, bytes + IDS_AT + 16 * i, 16);
    }
    return true;
}
