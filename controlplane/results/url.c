/* Owns the key that signs URLs, derived from the master key, and the form of their tokens: version,
 * form, expiry, ids, then an HMAC-SHA-256 of all of it. Any thread. It refuses a token of another
 * length before it looks at anything else, and compares in constant time. */
#include "results/url.h"

#include "clock.h"
#include "enc.h"

#define TOKEN_VERSION 1
#define PLAIN_LEN     (1 + 1 + 8 + 3 * 16)
#define MAC_LEN       32
#define TOKEN_LEN     (PLAIN_LEN + MAC_LEN)
#define TOKEN_TEXT    ((TOKEN_LEN * 4 + 2) / 3) /* base64url without padding */

struct result_urls {
    uint8_t key[MAC_LEN];
    char *public_url;
};

struct result_urls *result_urls_new(const struct secret_key *master_key, const char *public_url)
{
    struct result_urls *u = mem_new(struct result_urls);
    secret_hmac_sha256(str_n((const char *)master_key->b, sizeof(master_key->b)),
                       STR("leat result urls 1"), u->key);
    u->public_url = mem_strdup(public_url);
    return u;
}

struct result_urls *result_urls_free(struct result_urls *u)
{
    if (u) {
        secret_wipe(u->key, sizeof(u->key));
        mem_free(u->public_url);
        mem_free(u);
    }
    return NULL;
}

static void sign(const struct result_urls *u, const uint8_t *plain, uint8_t ret_mac[MAC_LEN])
{
    secret_hmac_sha256(str_n((const char *)u->key, sizeof(u->key)),
                       str_n((const char *)plain, PLAIN_LEN), ret_mac);
}

static void put_big_endian(uint8_t *to, uint64_t v, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[size - 1 - i] = (uint8_t)(v >> 8 * i);
    }
}

static uint64_t get_big_endian(const uint8_t *from, size_t size)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++) {
        v = v << 8 | from[i];
    }
    return v;
}

void result_url_write(const struct result_urls *u, const struct result_ref *ref, struct buf *to)
{
    uint8_t token[TOKEN_LEN] = {TOKEN_VERSION, (uint8_t)ref->form};
    char text[TOKEN_TEXT + 1];
    int64_t expires =
        ref->expires_s ? ref->expires_s : clock_now_ns() / NS_PER_SEC + RESULT_URL_SECONDS;
    put_big_endian(token + 2, (uint64_t)expires, 8);
    memcpy(token + 10, ref->organization_id.b, 16);
    memcpy(token + 26, ref->execution_id.b, 16);
    if (ref->form == RESULT_STEP) {
        put_big_endian(token + 54, ref->step, 4);
    } else {
        memcpy(token + 42, ref->value_id.b, 16);
    }
    sign(u, token, token + PLAIN_LEN);
    size_t len = enc_base64url(str_n((char *)token, sizeof(token)), text, sizeof(text));
    buf_adds(to, u->public_url);
    buf_adds(to, RESULTS_PATH);
    buf_add(to, text, len);
}

bool result_url_read(const struct result_urls *u, struct str token, struct result_ref *ret)
{
    uint8_t bytes[TOKEN_LEN], mac[MAC_LEN];
    size_t len;
    if (token.len != TOKEN_TEXT || !enc_base64_decode(token, bytes, sizeof(bytes), &len) ||
        len != TOKEN_LEN) {
        return false;
    }
    sign(u, bytes, mac);
    if (!secret_equal(str_n((char *)mac, MAC_LEN), str_n((char *)bytes + PLAIN_LEN, MAC_LEN)) ||
        bytes[0] != TOKEN_VERSION || bytes[1] >= _RESULT_FORM_N) {
        return false;
    }
    *ret = (struct result_ref){.form = (enum result_form)bytes[1],
                               .expires_s = (int64_t)get_big_endian(bytes + 2, 8)};
    memcpy(ret->organization_id.b, bytes + 10, 16);
    memcpy(ret->execution_id.b, bytes + 26, 16);
    if (ret->form == RESULT_STEP) {
        ret->step = (uint32_t)get_big_endian(bytes + 54, 4);
    } else {
        memcpy(ret->value_id.b, bytes + 42, 16);
    }
    return true;
}
