/* Owns what the tokens of results say. Any thread. The place of a step stands in the last bytes of
 * the third id. */
#include "results/url.h"

#include "http/url_signer.h"

struct result_urls {
    struct url_signer signer;
};

struct result_urls *result_urls_new(const struct secret_key *master_key, const char *public_url)
{
    struct result_urls *u = mem_new(struct result_urls);
    url_signer_init(&u->signer, master_key, "leat result urls 1", public_url, RESULTS_PATH);
    return u;
}

struct result_urls *result_urls_free(struct result_urls *u)
{
    if (u) {
        url_signer_done(&u->signer);
        mem_free(u);
    }
    return NULL;
}

void result_url_write(const struct result_urls *u, const struct result_ref *ref, struct buf *to)
{
    struct url_claims claims = {.form = (uint8_t)ref->form,
                                .ids = {ref->organization_id, ref->execution_id},
                                .expires_s = ref->expires_s};
    if (ref->form == RESULT_STEP) {
        for (size_t i = 0; i < sizeof(ref->step); i++) {
            claims.ids[2].b[15 - i] = (uint8_t)(ref->step >> 8 * i);
        }
    } else {
        claims.ids[2] = ref->value_id;
    }
    url_signer_write(&u->signer, &claims, RESULT_URL_SECONDS, to);
}

bool result_url_read(const struct result_urls *u, struct str token, struct result_ref *ret)
{
    struct url_claims claims;
    if (!url_signer_read(&u->signer, token, _RESULT_FORM_N, &claims)) {
        return false;
    }
    *ret = (struct result_ref){.form = (enum result_form)claims.form,
                               .organization_id = claims.ids[0],
                               .execution_id = claims.ids[1],
                               .expires_s = claims.expires_s};
    if (ret->form == RESULT_STEP) {
        for (size_t i = 0; i < sizeof(ret->step); i++) {
            ret->step = ret->step << 8 | claims.ids[2].b[12 + i];
        }
    } else {
        ret->value_id = claims.ids[2];
    }
    return true;
}
