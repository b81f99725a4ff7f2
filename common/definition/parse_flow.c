/* Owns parsing flows and steps. Called by parse.c. What a step may contain by its action, and where
 * it may stand, is checked later, in check_flow.c and check_catalog.c. */
#include "definition/definition_priv.h"
#include "expr/step_key.h"

const char *const def_security_names[_DEF_SECURITY_N] = {
    [DEF_SECURITY_CUSTOMER_OPTIONAL] = "customer_optional",
    [DEF_SECURITY_CUSTOMER_REQUIRED] = "customer_required",
    [DEF_SECURITY_ORGANIZATION] = "organization",
    [DEF_SECURITY_UNSECURED] = "unsecured",
};
static const char *const error_handler_names[_DEF_ERROR_N] = {
    [DEF_ERROR_FAIL] = "fail",
    [DEF_ERROR_IGNORE] = "ignore",
    [DEF_ERROR_RETRY] = "retry",
};

static void parse_steps(struct def_compile *c, const struct yaml_node *list,
                        const struct def_where *where, int depth, struct def_step **ret,
                        size_t *ret_n);

static void parse_version(struct def_map *component, struct def_step *step)
{
    struct yaml_node *node = yaml_get(component->node, "version");
    if (yaml_is_null(node)) {
        return;
    }
    int64_t version;
    node->mark = DEF_MARK_COMPONENT_VERSION;
    if (node->kind == YAML_SCALAR && str_eq(node->text, STR("LATEST"))) {
        return;
    }
    if (node->kind == YAML_SCALAR && str_to_i64(node->text, &version) && version >= 1 &&
        version <= INT32_MAX) {
        step->component_version = (int)version;
        return;
    }
    struct def_where where = def_key(component->where, "version");
    def_fail(component->c, &where, def_place_of(node), "definition.type",
             "The version of a component is a whole number from 1 up, or LATEST.");
}

static void parse_action(struct def_map *m, struct def_step *step)
{
    struct def_where where = def_key(m->where, "action"),
                     component_at = def_key(&where, "component");
    struct def_map action, component;
    const struct yaml_node *node = def_get_map(m, "action", DEF_REQUIRED);
    if (!node || !def_map_init(&action, m->c, node, &where)) {
        return;
    }
    step->action = def_get_text(&action, "key", DEF_REQUIRED);
    node = def_get_map(&action, "component", DEF_REQUIRED);
    if (!node || !def_map_init(&component, m->c, node, &component_at)) {
        return;
    }
    step->component = def_get_text(&component, "key", DEF_REQUIRED);
    step->component_public = def_get_bool(&component, "isPublic", true);
    parse_version(&component, step);
}

static void parse_error_config(struct def_map *m, struct def_step *step)
{
    struct def_where where = def_key(m->where, "errorConfig");
    struct def_map e;
    const struct yaml_node *node = def_get_map(m, "errorConfig", DEF_OPTIONAL);
    if (!node || !def_map_init(&e, m->c, node, &where)) {
        return;
    }
    step->error.handler = (enum def_error_handler)def_get_enum(
        &e, "errorHandlerType", DEF_REQUIRED, error_handler_names, _DEF_ERROR_N, DEF_ERROR_FAIL);
    step->error.max_attempts = def_get_int(&e, "maxAttempts", DEF_OPTIONAL, 0, 5, 0);
    step->error.delay_seconds = def_get_int(&e, "delaySeconds", DEF_OPTIONAL, 0, 60, 0);
    step->error.exponential_backoff = def_get_bool(&e, "usesExponentialBackoff", false);
    step->error.ignore_final_error = def_get_bool(&e, "ignoreFinalError", false);
}

static void parse_branches(struct def_map *m, int depth, struct def_step *step)
{
    struct def_compile *c = m->c;
    const struct yaml_node *list = def_get_list(m, "branches", DEF_OPTIONAL, DEF_MAX_BRANCHES);
    if (!list || list->n_items == 0) {
        return;
    }
    struct def_where in = def_key(m->where, "branches");
    step->branches = arena_array(c->arena, list->n_items, sizeof(*step->branches));
    step->n_branches = list->n_items;
    const char *subject = c->subject;
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(&in, i), steps_at = def_key(&at, "steps");
        struct def_branch *branch = &step->branches[i];
        struct def_map b;
        branch->name = "";
        c->subject = subject;
        if (!def_map_init(&b, c, list->items[i], &at)) {
            continue;
        }
        branch->name = def_get_text(&b, "name", DEF_REQUIRED);
        for (size_t j = 0; branch->name[0] && j < i; j++) {
            if (strcmp(step->branches[j].name, branch->name) == 0) {
                struct def_where name_at = def_key(&at, "name");
                def_fail(c, &name_at, def_place_in(&b, "name"), "definition.duplicate",
                         "There are two branches named \"%s\".", def_show(c, str_of(branch->name)));
                break;
            }
        }
        parse_steps(c, def_get_list(&b, "steps", DEF_OPTIONAL, DEF_MAX_FLOW_STEPS), &steps_at,
                    depth + 1, &branch->steps, &branch->n_steps);
    }
    c->subject = subject;
}

static void parse_step(struct def_compile *c, const struct yaml_node *node,
                       const struct def_where *where, int depth, struct def_step *step)
{
    struct def_map m;
    step->index = c->steps++;
    step->place = def_place_of(node);
    if (!def_map_init(&m, c, node, where)) {
        return;
    }
    step->name = def_get_text(&m, "name", DEF_REQUIRED);
    step->key = step_key_make(c->arena, str_of(step->name));
    if (step->name[0]) {
        c->subject = arena_printf(c->arena, "Step \"%s\": ", def_show(c, str_of(step->name)));
        if (!step->key[0]) {
            struct def_where at = def_key(where, "name");
            def_fail(c, &at, def_place_in(&m, "name"), "definition.step_name",
                     "A step's name needs at least one letter or digit (A-Z, a-z, 0-9), from which "
                     "its key for references is made.");
        }
    }
    const char *subject = c->subject;
    step->description = def_get_text(&m, "description", DEF_OPTIONAL);
    step->is_trigger = def_get_bool(&m, "isTrigger", false);
    parse_action(&m, step);
    parse_error_config(&m, step);
    step->schedule = def_parse_schedule(&m);
    struct def_where inputs_at = def_key(where, "inputs"), steps_at = def_key(where, "steps");
    def_parse_inputs(c, &inputs_at, def_get_map(&m, "inputs", DEF_OPTIONAL), DEF_KINDS_ALL,
                     &step->inputs, &step->n_inputs);
    const struct yaml_node *body = def_get_list(&m, "steps", DEF_OPTIONAL, DEF_MAX_FLOW_STEPS);
    parse_steps(c, body, &steps_at, depth + 1, &step->steps, &step->n_steps);
    c->subject = subject;
    parse_branches(&m, depth, step);
}

static void parse_steps(struct def_compile *c, const struct yaml_node *list,
                        const struct def_where *where, int depth, struct def_step **ret,
                        size_t *ret_n)
{
    if (!list || list->n_items == 0) {
        return;
    }
    if (depth > DEF_MAX_NESTING) {
        def_fail(c, where, def_place_of(list), "definition.limit",
                 "Steps are nested too deeply (at most %d levels).", DEF_MAX_NESTING);
        return;
    }
    if (c->steps + list->n_items > DEF_MAX_FLOW_STEPS) {
        def_fail(c, where, def_place_of(list), "definition.limit",
                 "The flow has too many steps (at most %d).", DEF_MAX_FLOW_STEPS);
        return;
    }
    struct def_step *steps = arena_array(c->arena, list->n_items, sizeof(*steps));
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(where, i);
        steps[i] = (struct def_step){.name = "",
                                     .key = "",
                                     .description = "",
                                     .component = "",
                                     .action = "",
                                     .component_public = true};
        c->subject = "";
        parse_step(c, list->items[i], &at, depth, &steps[i]);
    }
    c->subject = "";
    *ret = steps;
    *ret_n = list->n_items;
}

static void parse_retry(struct def_map *m, struct def_flow *flow)
{
    struct def_where where = def_key(m->where, "retryConfig");
    struct def_map r;
    const struct yaml_node *node = def_get_map(m, "retryConfig", DEF_OPTIONAL);
    if (!node || !def_map_init(&r, m->c, node, &where)) {
        return;
    }
    flow->retry.max_attempts = def_get_int(&r, "maxAttempts", DEF_REQUIRED, 0, 10, 0);
    flow->retry.delay_minutes = def_get_int(&r, "delayMinutes", DEF_REQUIRED, 0, 60, 0);
    flow->retry.exponential_backoff = def_get_bool(&r, "usesExponentialBackoff", false);
    flow->retry.unique_request_id = def_parse_reference(&r, "uniqueRequestIdField");
}

static void parse_queue(struct def_map *m, struct def_flow *flow)
{
    struct def_where where = def_key(m->where, "queueConfig");
    struct def_map q;
    const struct yaml_node *node = def_get_map(m, "queueConfig", DEF_OPTIONAL);
    if (!node || !def_map_init(&q, m->c, node, &where)) {
        return;
    }
    flow->queue.fifo = def_get_bool(&q, "usesFifoQueue", false);
    flow->queue.singleton = def_get_bool(&q, "singletonExecutions", false);
    flow->queue.concurrency_limit = def_get_int(&q, "concurrencyLimit", DEF_OPTIONAL, 2, 15, 0);
    flow->queue.dedupe_id = def_parse_reference(&q, "dedupeIdField");
}

static void parse_resolver(struct def_map *m)
{
    struct def_where where = def_key(m->where, "triggerResolver");
    struct def_map r;
    const struct yaml_node *node = def_get_map(m, "triggerResolver", DEF_OPTIONAL);
    if (!node || !def_map_init(&r, m->c, node, &where)) {
        return;
    }
    bool enabled = def_get_bool(&r, "enabled", false);
    (void)def_get_int(&r, "batchSize", enabled ? DEF_REQUIRED : DEF_OPTIONAL, 1, INT32_MAX, 1);
    (void)def_get_int(&r, "concurrentBatchLimit", DEF_OPTIONAL, 1, INT32_MAX, 1);
    (void)def_get_bool(&r, "runInitialSyncOnDeploy", false);
}

static void parse_flow(struct def_compile *c, const struct yaml_node *node,
                       const struct def_where *where, struct def_flow *flow)
{
    *flow = (struct def_flow){
        .name = "", .stable_key = "", .description = "", .place = def_place_of(node)};
    struct def_map m;
    if (!def_map_init(&m, c, node, where)) {
        return;
    }
    flow->name = def_get_text(&m, "name", DEF_REQUIRED);
    if (flow->name[0]) {
        c->subject = arena_printf(c->arena, "Flow \"%s\": ", def_show(c, str_of(flow->name)));
    }
    flow->stable_key = def_get_text(&m, "stableKey", DEF_OPTIONAL);
    flow->description = def_get_text(&m, "description", DEF_OPTIONAL);
    flow->is_synchronous = def_get_bool(&m, "isSynchronous", false);
    flow->record_before_writes = def_get_bool(&m, "recordBeforeWrites", true);
    (void)def_get_bool(&m, "isAgentFlow", false);
    flow->security = (enum def_security)def_get_enum(&m, "endpointSecurityType", DEF_OPTIONAL,
                                                     def_security_names, _DEF_SECURITY_N,
                                                     DEF_SECURITY_CUSTOMER_OPTIONAL);
    flow->organization_api_keys =
        def_get_texts(&m, "organizationApiKeys", DEF_MAX_LABELS, &flow->n_organization_api_keys);
    parse_retry(&m, flow);
    parse_queue(&m, flow);
    parse_resolver(&m);
    const struct yaml_node *steps = def_get_list(&m, "steps", DEF_REQUIRED, DEF_MAX_FLOW_STEPS);
    struct def_where steps_at = def_key(where, "steps");
    c->subject = "";
    c->steps = 0;
    parse_steps(c, steps, &steps_at, 1, &flow->steps, &flow->n_steps);
    flow->n_all_steps = c->steps;
}

void def_parse_flows(struct def_map *root)
{
    struct def_compile *c = root->c;
    const struct yaml_node *list = def_get_list(root, "flows", DEF_REQUIRED, DEF_MAX_FLOWS);
    struct def_where in = def_key(root->where, "flows");
    if (!list) {
        return;
    }
    if (list->n_items == 0) {
        def_fail(c, &in, def_place_of(list), "definition.required",
                 "An integration needs at least one flow.");
        return;
    }
    c->view.flows = arena_array(c->arena, list->n_items, sizeof(*c->view.flows));
    c->view.n_flows = list->n_items;
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(&in, i);
        parse_flow(c, list->items[i], &at, &c->view.flows[i]);
        c->subject = "";
    }
}
