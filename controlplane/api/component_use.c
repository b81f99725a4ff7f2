/* Owns what definitions have to do with the components of their organization: they are checked
 * against them, and drafts tell which they use. On a lane thread, inside the mutation's
 * transaction. A customer's components are there for the integrations of that customer only. */
#include "api/integration.h"

#include "catalog.h"

#define USED_MAX 500 /* more are not told */

int draft_check(struct call *c, const char *field, struct str text, const struct draft_owner *owner,
                struct definition **ret, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(catalog_free) struct catalog *own = NULL;
    if (!c->api->catalog || text.len > DEFINITION_MAX_BYTES || !str_utf8_valid(text) ||
        (text.len > 0 && memchr(text.ptr, 0, text.len))) {
        (void)draft_parse(c, field, text, c->api->catalog, ret);
        return 0;
    }
    int rc =
        db_run(c->db, QUERY_COMPONENT_CATALOG, &rows, err, DB_UUID(c->viewer.organization),
               DB_STR(text), DB_UUID_OR_NULL(owner->customer), DB_UUID_OR_NULL(owner->integration));
    rc = rc ? rc : catalog_parse_private(db_str(rows, 0, 0), c->api->catalog, &own, err);
    if (rc == 0) {
        (void)draft_parse(c, field, text, own, ret);
    }
    return rc;
}

/* --- which ones a definition uses ------------------------------------------------------------- */

struct used {
    struct str keys[USED_MAX];
    size_t n;
};

static void note(struct used *used, const char *key, bool is_public)
{
    for (size_t i = 0; i < used->n; i++) {
        if (str_eq(used->keys[i], str_of(key))) {
            return;
        }
    }
    if (!is_public && key[0] && used->n < USED_MAX) {
        used->keys[used->n++] = str_of(key);
    }
}

static void note_steps(struct used *used, const struct def_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        note(used, steps[i].component, steps[i].component_public);
        note_steps(used, steps[i].steps, steps[i].n_steps);
        for (size_t k = 0; k < steps[i].n_branches; k++) {
            note_steps(used, steps[i].branches[k].steps, steps[i].branches[k].n_steps);
        }
    }
}

int draft_put_components(struct call *c, const struct def_view *v, struct err *err)
{
    struct used *used = arena_new_of(c->a, struct used);
    for (size_t i = 0; i < v->n_flows; i++) {
        note_steps(used, v->flows[i].steps, v->flows[i].n_steps);
    }
    for (size_t i = 0; i < v->n_vars; i++) {
        note(used, v->vars[i].connection_component, v->vars[i].connection_public);
        note(used, v->vars[i].source_component, v->vars[i].source_public);
    }
    return db_run(c->db, QUERY_INTEGRATION_COMPONENTS, NULL, err, DB_UUID(c->id),
                  DB_TEXTS(used->keys, used->n));
}

int draft_trigger_replies(struct call *c, const struct def_step *trigger, bool *ret,
                          struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    const struct catalog *catalog = c->api->catalog;
    *ret = false;
    if (trigger->component_public) {
        const struct catalog_component *component =
            catalog ? catalog_component(catalog, trigger->component) : NULL;
        const struct catalog_action *action =
            component ? catalog_action(component, trigger->action) : NULL;
        *ret = action && action->replies;
        return 0;
    }
    int rc = db_run(c->db, QUERY_COMPONENT_TRIGGER_REPLIES, &rows, err,
                    DB_UUID(c->viewer.organization), DB_TEXT(trigger->component),
                    DB_I64(trigger->component_version), DB_TEXT(trigger->action));
    *ret = rc == 0 && db_rows_n(rows) > 0 && db_bool(rows, 0, 0);
    return rc;
}
