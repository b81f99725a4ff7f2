/* Owns what the tokens of uploaded files say. Any thread. */
#include "media/media_url.h"

#include "http/url_signer.h"

struct media_urls {
    struct url_signer signer;
};

struct media_urls *media_urls_new(const struct secret_key *master_key, const char *public_url)
{
    struct media_urls *u = mem_new(struct media_urls);
    url_signer_init(&u->signer, master_key, "leat media urls 1", public_url, MEDIA_PATH);
    return u;
}

struct media_urls *media_urls_free(struct media_urls *u)
{
    if (u) {
        url_signer_done(&u->signer);
        mem_free(u);
    }
    return NULL;
}

void media_url_write(const struct media_urls *u, const struct media_ref *ref, struct buf *to)
{
    const struct url_claims claims = {.form = (uint8_t)ref->form,
                                      .ids = {ref->organization_id, ref->owner_id, ref->media_id},
                                      .expires_s = ref->expires_s};
    url_signer_write(&u->signer, &claims, MEDIA_URL_SECONDS, to);
}

bool media_url_read(const struct media_urls *u, struct str token, struct media_ref *ret)
{
    struct url_claims claims;
    if (!url_signer_read(&u->signer, token, _MEDIA_FORM_N, &claims)) {
        return false;
    }
    *ret = (struct media_ref){.form = (enum media_form)claims.form,
                              .organization_id = claims.ids[0],
                              .owner_id = claims.ids[1],
                              .media_id = claims.ids[2],
                              .expires_s = claims.expires_s};
    return true;
}

bool media_url_parse(const struct media_urls *u, struct str url, struct media_ref *ret)
{
    const struct str starts[] = {str_of(u->signer.base), STR(MEDIA_PATH)};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (str_starts(url, starts[i])) {
            return media_url_read(u, str_n(url.ptr + starts[i].len, url.len - starts[i].len), ret);
        }
    }
    return false;
}
