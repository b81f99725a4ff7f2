/* Owns the plans of the integration versions used last. Called by the slot that has just fetched an
 * instance. A draft keeps its version id while it changes, so the text's digest is compared too.
 * Compiling happens under the lock: two slots never compile the same text, and compiles are rare.
 */
#include "definitions/plans.h"

#include <pthread.h>

#include "secret.h"

#define DIGESTS_MAX 50 /* components of one definition */

struct kept {
    struct uuid version_id;
    uint8_t digest[32];
    uint64_t used; /* tick of the last use */
    struct plan *plan;
};

struct plans {
    pthread_mutex_t lock; /* guards all */
    plan_find_fn find;
    struct kept *items;
    size_t n, max;
    uint64_t tick;
};

struct plans *plans_new(size_t max, plan_find_fn find)
{
    struct plans *p = mem_new(struct plans);
    ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    p->find = find;
    p->max = MAX(max, (size_t)1);
    p->items = mem_array(p->max, sizeof(*p->items));
    return p;
}

struct plans *plans_free(struct plans *p)
{
    if (p) {
        for (size_t i = 0; i < p->n; i++) {
            plan_unref(p->items[i].plan);
        }
        mem_free(p->items);
        pthread_mutex_destroy(&p->lock);
        mem_free(p);
    }
    return NULL;
}

static int compile(struct plans *p, struct str text, const struct own_component_text *own,
                   size_t n_own, struct plan **ret, struct err *err)
{
    if (!text.len) {
        return err_set(err, -EINVAL, "definition.invalid", "the integration's definition is empty");
    }
    struct err_list *errors = mem_new(struct err_list); /* too large for a slot's stack */
    AUTO(definition_unref) struct definition *definition = NULL;
    int rc = definition_parse(text, NULL, &definition, errors);
    if (rc < 0) {
        (void)err_set(err, rc, "definition.invalid", "the integration's definition: line %d: %s",
                      errors->n ? errors->items[0].line : 0,
                      errors->n ? errors->items[0].message : "it could not be read");
    } else {
        *ret = plan_new(definition, p->find, n_own ? own_components_new(own, n_own) : NULL);
    }
    mem_free(errors);
    return rc;
}

/* Under the lock: the version's place; else a free one; else the one unused longest, emptied. */
static struct kept *place_for(struct plans *p, const struct uuid *version_id)
{
    struct kept *oldest = &p->items[0];
    for (size_t i = 0; i < p->n; i++) {
        struct kept *k = &p->items[i];
        if (uuid_eq(&k->version_id, version_id)) {
            return k;
        }
        oldest = k->used < oldest->used ? k : oldest;
    }
    struct kept *k = p->n < p->max ? &p->items[p->n++] : oldest;
    k->plan = plan_unref(k->plan);
    return k;
}

/* Of the definition and, in their order, the components. */
static void digest_of(struct str text, const struct own_component_text *own, size_t n_own,
                      uint8_t ret_digest[32])
{
    uint8_t digests[DIGESTS_MAX + 1][32];
    size_t n = MIN(n_own, (size_t)DIGESTS_MAX);
    secret_sha256(text, digests[0]);
    for (size_t i = 0; i < n; i++) {
        secret_sha256(own[i].text, digests[i + 1]);
    }
    secret_sha256(str_n((const char *)digests, (n + 1) * sizeof(digests[0])), ret_digest);
}

int plans_get(struct plans *p, const struct uuid *version_id, struct str text,
              const struct own_component_text *own, size_t n_own, struct plan **ret,
              struct err *err)
{
    uint8_t digest[32];
    n_own = MIN(n_own, (size_t)DIGESTS_MAX);
    digest_of(text, own, n_own, digest);
    pthread_mutex_lock(&p->lock);
    struct kept *k = place_for(p, version_id);
    int rc = 0;
    if (!k->plan || memcmp(k->digest, digest, sizeof(digest)) != 0) {
        struct plan *plan = NULL;
        rc = compile(p, text, own, n_own, &plan, err);
        if (rc == 0) {
            plan_unref(k->plan);
            k->plan = plan;
            memcpy(k->digest, digest, sizeof(digest));
        }
        k->version_id = *version_id;
    }
    k->used = ++p->tick;
    if (rc == 0) {
        *ret = plan_ref(k->plan);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}
