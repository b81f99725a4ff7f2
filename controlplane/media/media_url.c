/* Owns the key that signs URLs of uploaded files, derived from the master key, and the form of
 * their tokens: version, form, expiry, ids, then an HMAC-SHA-256 of all of it. Any thread. It
 * refuses a token of another length before it looks at anything else, and compares in constant
 * time. */
#include "media/media_url.h"

#include "clock.h"
#include "enc.h"

#define TOKEN_VERSION 1
#define PLAIN_LEN     (1 + 1 + 8 + 3 * 16)
#define MAC_LEN       32
#define TOKEN_LEN     (PLAIN_LEN + MAC_LEN)
#define TOKEN_TEXT    ((TOKEN_LEN * 4 + 2) / 3) /* base64url without padding */

struct media_urls {
    uint8_t key[MAC_LEN];
    char *public_url;
};

struct media_urls *media_urls_new(const struct secret_key *master_key, const char *public_url)
{
    struct media_urls *u = mem_new(struct media_urls);
    secret_hmac_sha256(str_n((const char *)master_key->b, sizeof(master_key->b)),
                       STR("leat media urls 1"), u->key);
    u->public_url = mem_strdup(public_url);
    return u;
}

struct media_urls *media_urls_free(struct media_urls *u)
{
    if (u) {
        secret_wipe(u->key, sizeof(u->key));
        mem_free(u->public_url);
        mem_free(u);
    }
    return NULL;
}

static void sign(const struct media_urls *u, const uint8_t *plain, uint8_t ret_mac[MAC_LEN])
{
    secret_hmac_sha256(str_n((const char *)u->key, sizeof(u->key)),
                       str_n((const char *)plain, PLAIN_LEN), ret_mac);
}

void media_url_write(const struct media_urls *u, const struct media_ref *ref, struct buf *to)
{
    uint8_t token[TOKEN_LEN] = {TOKEN_VERSION, (uint8_t)ref->form};
    char text[TOKEN_TEXT + 2];
    int64_t expires =
        ref->expires_s ? ref->expires_s : clock_now_ns() / NS_PER_SEC + MEDIA_URL_SECONDS;
    for (size_t i = 0; i < 8; i++) {
        token[9 - i] = (uint8_t)((uint64_t)expires >> 8 * i);
    }
    memcpy(token + 10, ref->organization_id.b, 16);
    memcpy(token + 26, ref->integration_id.b, 16);
    memcpy(token + 42, ref->media_id.b, 16);
    sign(u, token, token + PLAIN_LEN);
    size_t len = enc_base64url(str_n((char *)token, sizeof(token)), text, sizeof(text));
    buf_adds(to, u->public_url);
    buf_adds(to, MEDIA_PATH);
    buf_add(to, text, len);
}

bool media_url_read(const struct media_urls *u, struct str token, struct media_ref *ret)
{
    uint8_t bytes[TOKEN_LEN], mac[MAC_LEN];
    uint64_t expires = 0;
    size_t len;
    if (token.len != TOKEN_TEXT || !enc_base64_decode(token, bytes, sizeof(bytes), &len) ||
        len != TOKEN_LEN) {
        return false;
    }
    sign(u, bytes, mac);
    if (!secret_equal(str_n((char *)mac, MAC_LEN), str_n((char *)bytes + PLAIN_LEN, MAC_LEN)) ||
        bytes[0] != TOKEN_VERSION || bytes[1] >= _MEDIA_FORM_N) {
        return false;
    }
    for (size_t i = 0; i < 8; i++) {
        expires = expires << 8 | bytes[2 + i];
    }
    *ret = (struct media_ref){.form = (enum media_form)bytes[1], .expires_s = (int64_t)expires};
    memcpy(ret->organization_id.b, bytes + 10, 16);
    memcpy(ret->integration_id.b, bytes + 26, 16);
    memcpy(ret->media_id.b, bytes + 42, 16);
    return true;
}

bool media_url_parse(const struct media_urls *u, struct str url, struct media_ref *ret)
{
    struct str base = str_of(u->public_url), path = STR(MEDIA_PATH);
    if (str_starts(url, base)) {
        url = str_n(url.ptr + base.len, url.len - base.len);
    }
    return str_starts(url, path) &&
           media_url_read(u, str_n(url.ptr + path.len, url.len - path.len), ret);
}
