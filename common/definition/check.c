/* Owns the rules of the definition as a whole: unique names, config variables that exist, pages,
 * endpoint routing. Runs after everything is parsed, on the same thread, also when parsing found
 * errors: then absent parts are "" or empty. */
#include "definition/definition_priv.h"
#include "suggest.h"

void def_suggest_init(struct def_compile *c, struct suggest *s, struct str wanted)
{
    /* Words for a report that will not be kept are not worth the search. */
    suggest_init(s, c->failures < ERR_LIST_MAX ? wanted : STR(""));
}

static const struct def_config_var *find_var(const struct def_compile *c, struct str key)
{
    for (size_t i = 0; i < c->view.n_vars; i++) {
        if (str_eq(str_of(c->view.vars[i].key), key)) {
            return &c->view.vars[i];
        }
    }
    return NULL;
}

const struct def_config_var *def_check_var(struct def_compile *c, const struct def_where *where,
                                           struct def_place at, struct str key)
{
    const struct def_config_var *var = find_var(c, key);
    if (!var) {
        struct suggest near;
        def_suggest_init(c, &near, key);
        for (size_t i = 0; i < c->view.n_vars; i++) {
            suggest_offer(&near, c->view.vars[i].key);
        }
        def_fail(c, where, at, "definition.unknown_config_var",
                 "There is no config variable \"%s\"%s", def_show(c, key),
                 def_did_you_mean(c, near.best));
    }
    return var;
}

/* Inputs of connections and data sources: config variables, and in templates also sibling inputs.
 */
static bool is_sibling(const struct def_config_var *var, struct str key)
{
    for (size_t i = 0; i < var->n_inputs; i++) {
        if (str_eq(str_of(var->inputs[i].key), key)) {
            return true;
        }
    }
    return false;
}

static void check_var_input(struct def_compile *c, const struct def_config_var *var,
                            const struct def_where *where, const struct def_input *input)
{
    if (input->type == DEF_INPUT_CONFIG_VAR) {
        (void)def_check_var(c, where, input->place, input->text);
    } else if (input->type == DEF_INPUT_TEMPLATE) {
        for (size_t i = 0; i < input->template->n_parts; i++) {
            const struct template_part *part = &input->template->parts[i];
            if (part->type == TEMPLATE_REFERENCE) {
                def_fail(c, where, input->place, "definition.reference",
                         "A config variable cannot refer to the step \"%s\".",
                         def_show(c, part->path->step_key));
            } else if (part->type == TEMPLATE_CONFIG_VAR && !is_sibling(var, part->text)) {
                (void)def_check_var(c, where, input->place, part->text);
            }
        }
    } else if (input->type == DEF_INPUT_LIST || input->type == DEF_INPUT_KEY_VALUES) {
        struct def_where in = def_key(where, "value");
        for (size_t i = 0; i < input->n_items; i++) {
            struct def_where at = def_index(&in, i);
            check_var_input(c, var, &at, &input->items[i]);
        }
    } else if (input->type == DEF_INPUT_CONDITIONS) {
        def_fail(c, where, input->place, "definition.type", "Conditions cannot be used here.");
    }
}

static void check_vars(struct def_compile *c)
{
    struct def_where in = def_key(NULL, "requiredConfigVars");
    for (size_t i = 0; i < c->view.n_vars; i++) {
        const struct def_config_var *var = &c->view.vars[i], *first = find_var(c, str_of(var->key));
        struct def_where at = def_index(&in, i), inputs_at = def_key(&at, "inputs");
        if (var->key[0] && first != var) {
            struct def_where key_at = def_key(&at, "key");
            def_fail(c, &key_at, var->place, "definition.duplicate",
                     "There are two config variables \"%s\"; the first is at line %d, column %d.",
                     def_show(c, str_of(var->key)), first->place.line, first->place.column);
        }
        c->subject =
            arena_printf(c->arena, "Config variable \"%s\": ", def_show(c, str_of(var->key)));
        for (size_t j = 0; j < var->n_inputs; j++) {
            struct def_where input_at = def_key(&inputs_at, var->inputs[j].key);
            check_var_input(c, var, &input_at, &var->inputs[j]);
        }
        c->subject = "";
    }
}

static void check_pages(struct def_compile *c, const struct yaml_node *root)
{
    struct def_where in = def_key(NULL, "configPages");
    const struct yaml_node *pages = yaml_get(root, "configPages");
    for (size_t i = 0; i < c->view.n_pages; i++) {
        const struct def_config_page *page = &c->view.pages[i];
        struct def_where page_at = def_index(&in, i), elements_at = def_key(&page_at, "elements");
        for (size_t j = 0; j < page->n_elements; j++) {
            const struct def_config_element *element = &page->elements[j];
            struct def_where at = def_index(&elements_at, j), value_at = def_key(&at, "value");
            if (element->type == DEF_ELEMENT_CONFIG_VAR) {
                const struct yaml_node *elements = yaml_get(pages->items[i], "elements");
                (void)def_check_var(c, &value_at, def_place_of(elements->items[j]),
                                    str_of(element->value));
            }
        }
    }
}

static void check_flow_names(struct def_compile *c)
{
    struct def_where in = def_key(NULL, "flows");
    for (size_t i = 1; i < c->view.n_flows; i++) {
        const struct def_flow *flow = &c->view.flows[i];
        for (size_t j = 0; flow->name[0] && j < i; j++) {
            const struct def_flow *first = &c->view.flows[j];
            if (strcmp(first->name, flow->name) == 0) {
                struct def_where at = def_index(&in, i), name_at = def_key(&at, "name");
                def_fail(c, &name_at, flow->place, "definition.duplicate",
                         "There are two flows named \"%s\"; the first is at line %d, column %d.",
                         def_show(c, str_of(flow->name)), first->place.line, first->place.column);
                break;
            }
        }
    }
}

/* --- endpoint routing ------------------------------------------------------------------------- */

static const struct def_flow *find_flow(const struct def_view *v, const char *name)
{
    for (size_t i = 0; i < v->n_flows; i++) {
        if (strcmp(v->flows[i].name, name) == 0) {
            return &v->flows[i];
        }
    }
    return NULL;
}

static const struct def_flow *check_preprocess(struct def_compile *c, struct def_map *root)
{
    const struct def_view *v = &c->view;
    struct def_where where = def_key(NULL, "preprocessFlowName");
    struct def_place at = def_place_in(root, "preprocessFlowName");
    if (!v->preprocess_flow[0]) {
        return NULL;
    }
    const struct def_flow *flow = find_flow(v, v->preprocess_flow);
    if (!flow) {
        struct suggest near;
        def_suggest_init(c, &near, str_of(v->preprocess_flow));
        for (size_t i = 0; i < v->n_flows; i++) {
            suggest_offer(&near, v->flows[i].name);
        }
        def_fail(c, &where, at, "definition.routing",
                 "The preprocess flow \"%s\" is not a flow of this integration%s",
                 def_show(c, str_of(v->preprocess_flow)), def_did_you_mean(c, near.best));
    } else if (flow->queue.fifo) {
        def_fail(c, &where, at, "definition.routing",
                 "The preprocess flow \"%s\" cannot have a FIFO queue.",
                 def_show(c, str_of(flow->name)));
    }
    return flow;
}

static const struct def_step *find_top_step(const struct def_flow *flow, struct str key)
{
    for (size_t i = 0; i < flow->n_steps; i++) {
        if (str_eq(str_of(flow->steps[i].key), key)) {
            return &flow->steps[i];
        }
    }
    return NULL;
}

/* Routing reads the request ("payload") or, with a preprocess flow, one of that flow's steps. */
static void check_routing_field(struct def_compile *c, struct def_map *root, const char *key,
                                struct path *path, const struct def_flow *preprocess)
{
    struct def_where where = def_key(NULL, key);
    if (!path) {
        return;
    }
    if (path->root != PATH_RESULTS) {
        def_fail(c, &where, def_place_in(root, key), "definition.routing",
                 "\"%s\" refers to an item of a loop; it must go on with \".results\".", key);
    }
    if (!c->view.preprocess_flow[0]) {
        path->step = 0;
        if (!str_eq(path->step_key, STR("payload"))) {
            def_fail(c, &where, def_place_in(root, key), "definition.routing",
                     "\"%s\" refers to \"%s\"; without a preprocess flow it begins with "
                     "\"payload.results\".",
                     key, def_show(c, path->step_key));
        }
        return;
    }
    const struct def_step *step = preprocess ? find_top_step(preprocess, path->step_key) : NULL;
    if (step) {
        path->step = step->index;
    } else if (preprocess && !str_eq(path->step_key, STR("onExecution"))) {
        def_fail(
            c, &where, def_place_in(root, key), "definition.routing",
            "\"%s\" refers to step key \"%s\", which the preprocess flow \"%s\" does not have.",
            key, def_show(c, path->step_key), def_show(c, str_of(preprocess->name)));
    }
}

static void check_routing(struct def_compile *c, const struct yaml_node *node)
{
    const struct def_view *v = &c->view;
    struct def_map root;
    struct def_where where = def_key(NULL, "endpointType");
    if (!def_map_init(&root, c, node, NULL)) {
        return;
    }
    const struct def_flow *preprocess = check_preprocess(c, &root);
    check_routing_field(c, &root, "flowNameField", v->flow_name_field, preprocess);
    check_routing_field(c, &root, "externalCustomerIdField", v->external_customer_id_field,
                        preprocess);
    check_routing_field(c, &root, "externalCustomerUserIdField", v->external_customer_user_id_field,
                        preprocess);
    size_t targets = v->n_flows - (preprocess ? 1 : 0);
    if (v->endpoint == DEF_ENDPOINT_FLOW) {
        if (v->preprocess_flow[0] || v->flow_name_field) {
            def_warn(c, &where, def_place_in(&root, "endpointType"), "definition.routing",
                     "Routing fields have no effect while each flow has its own endpoint.");
        }
        return;
    }
    if (preprocess && targets == 0) {
        struct def_where at = def_key(NULL, "preprocessFlowName");
        def_fail(c, &at, def_place_in(&root, "preprocessFlowName"), "definition.routing",
                 "There is no flow but the preprocess flow \"%s\": events have nowhere to go.",
                 def_show(c, str_of(preprocess->name)));
    }
    if (!v->flow_name_field && targets > 1) {
        def_fail(c, &where, def_place_in(&root, "endpointType"), "definition.routing",
                 "The endpoint type \"%s\" with %zu flows needs \"flowNameField\" to pick one.",
                 def_endpoint_names[v->endpoint], targets);
    }
    if (!v->external_customer_id_field && v->endpoint == DEF_ENDPOINT_SHARED) {
        def_fail(c, &where, def_place_in(&root, "endpointType"), "definition.routing",
                 "The endpoint type \"shared_instance\" needs \"externalCustomerIdField\".");
    }
}

void def_check(struct def_compile *c, const struct yaml_node *root)
{
    struct def_where in = def_key(NULL, "flows");
    check_vars(c);
    check_pages(c, root);
    check_flow_names(c);
    check_routing(c, root);
    for (size_t i = 0; i < c->view.n_flows; i++) {
        struct def_where at = def_index(&in, i);
        def_check_flow(c, &c->view.flows[i], &at);
    }
}
