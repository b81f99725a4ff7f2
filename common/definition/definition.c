/* Owns the life of a definition: compiled once from text, then immutable and shared by reference
 * count between threads. Everything it points to lives in its arena. */
#include "definition/definition.h"

#include "definition/definition_priv.h"

int definition_parse(struct str text, const struct catalog *catalog, struct definition **ret,
                     struct err_list *errors)
{
    AUTO(arena_free) struct arena *arena = arena_new(KIB(64), 0);
    struct yaml_node *root = NULL;
    int rc = yaml_read(arena, text, &root, errors);
    if (rc < 0) {
        return rc;
    }
    struct def_compile c = {.arena = arena, .catalog = catalog, .errors = errors, .subject = ""};
    def_parse_root(&c, root);
    if (root->kind == YAML_MAPPING && (c.view.version == 6 || c.view.version == 7)) {
        def_check(&c, root);
    }
    if (c.failures > 0) {
        return -EINVAL;
    }
    struct definition *d = mem_new(struct definition);
    atomic_init(&d->refs, 1);
    d->arena = TAKE(arena);
    d->root = root;
    d->view = c.view;
    *ret = d;
    return 0;
}

struct definition *definition_ref(struct definition *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

struct definition *definition_unref(struct definition *d)
{
    if (d && atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1) {
        (void)arena_free(d->arena);
        mem_free(d);
    }
    return NULL;
}

const struct def_view *definition_view(const struct definition *d)
{
    return &d->view;
}

const struct def_flow *definition_flow(const struct definition *d, struct str name)
{
    for (size_t i = 0; i < d->view.n_flows; i++) {
        if (str_eq(str_of(d->view.flows[i].name), name)) {
            return &d->view.flows[i];
        }
    }
    return NULL;
}

const struct def_config_var *definition_var(const struct definition *d, struct str key)
{
    for (size_t i = 0; i < d->view.n_vars; i++) {
        if (str_eq(str_of(d->view.vars[i].key), key)) {
            return &d->view.vars[i];
        }
    }
    return NULL;
}

const struct def_input *def_step_input(const struct def_step *step, const char *key)
{
    for (size_t i = 0; i < step->n_inputs; i++) {
        if (strcmp(step->inputs[i].key, key) == 0) {
            return &step->inputs[i];
        }
    }
    return NULL;
}
