/* Owns the rules within one flow: its trigger, step keys, references and templates, loops, branches
 * against their conditions, schedule, retry and queue. Runs after parsing, on the same thread. It
 * also resolves each reference to the index of its step. */
#include "cron.h"
#include "definition/definition_priv.h"
#include "suggest.h"
#include "zone.h"

#define NO_PARENT UINT32_MAX

struct step_info {
    struct def_step *step;
    uint32_t parent; /* index of the step around it, NO_PARENT at the top */
};

struct flow_check {
    struct def_compile *c;
    struct def_flow *flow;
    struct step_info *infos;  /* by index */
    struct def_step **by_key; /* sorted by key, then index */
    size_t n;
};

static void collect(struct flow_check *f, struct def_step *steps, size_t n, uint32_t parent)
{
    for (size_t i = 0; i < n; i++) {
        struct def_step *step = &steps[i];
        f->infos[step->index] = (struct step_info){step, parent};
        f->by_key[f->n++] = step;
        collect(f, step->steps, step->n_steps, step->index);
        for (size_t b = 0; b < step->n_branches; b++) {
            collect(f, step->branches[b].steps, step->branches[b].n_steps, step->index);
        }
    }
}

static int compare_steps(const void *x, const void *y)
{
    const struct def_step *const *a = x, *const *b = y;
    int order = strcmp((*a)->key, (*b)->key);
    return order ? order : ((*a)->index > (*b)->index) - ((*a)->index < (*b)->index);
}

/* The first step in order with this key; NULL when none has it. */
static struct def_step *find_step(const struct flow_check *f, struct str key)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct str at = str_of(f->by_key[mid]->key);
        int order = memcmp(at.ptr, key.ptr, MIN(at.len, key.len));
        if (order < 0 || (order == 0 && at.len < key.len)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < f->n && str_eq(str_of(f->by_key[low]->key), key) ? f->by_key[low] : NULL;
}

/* The innermost loop around a step; NULL when there is none. */
static struct def_step *loop_around(const struct flow_check *f, const struct def_step *step)
{
    for (uint32_t at = f->infos[step->index].parent; at != NO_PARENT; at = f->infos[at].parent) {
        if (def_step_is_loop(f->c, f->infos[at].step)) {
            return f->infos[at].step;
        }
    }
    return NULL;
}

static bool share_loop(const struct flow_check *f, const struct def_step *a,
                       const struct def_step *b)
{
    for (const struct def_step *x = loop_around(f, a); x; x = loop_around(f, x)) {
        for (const struct def_step *y = loop_around(f, b); y; y = loop_around(f, y)) {
            if (x == y) {
                return true;
            }
        }
    }
    return false;
}

/* --- references ------------------------------------------------------------------------------- */

static const char *show_name(const struct flow_check *f, const struct def_step *step)
{
    return def_show(f->c, str_of(step->name));
}

static void unknown_step(const struct flow_check *f, const struct def_step *step,
                         const struct def_where *where, struct def_place at, struct str key)
{
    struct def_compile *c = f->c;
    struct suggest near;
    def_suggest_init(c, &near, key);
    for (uint32_t i = 0; i < step->index && c->failures < ERR_LIST_MAX; i++) {
        suggest_offer(&near, f->infos[i].step->key);
    }
    def_fail(c, where, at, "definition.reference",
             "Step \"%s\" refers to step key \"%s\", which no earlier step has%s",
             show_name(f, step), def_show(c, key), def_did_you_mean(c, near.best));
}

static void check_path(const struct flow_check *f, const struct def_step *step,
                       const struct def_where *where, struct def_place at, struct path *path)
{
    static const char *const root_names[_PATH_ROOT_N] = {
        [PATH_RESULTS] = "results", [PATH_CURRENT_ITEM] = "currentItem", [PATH_INDEX] = "index"};
    struct def_compile *c = f->c;
    const struct def_step *target = find_step(f, path->step_key);
    if (!target) {
        unknown_step(f, step, where, at, path->step_key);
        return;
    }
    path->step = target->index;
    if (target == step) {
        def_fail(c, where, at, "definition.reference", "Step \"%s\" refers to its own output.",
                 show_name(f, step));
    } else if (target->index > step->index && !share_loop(f, step, target)) {
        def_fail(c, where, at, "definition.reference",
                 "Step \"%s\" refers to step \"%s\" (line %d), which runs only after it.",
                 show_name(f, step), show_name(f, target), target->place.line);
    } else if (target->index > step->index) {
        def_warn(c, where, at, "definition.reference",
                 "Step \"%s\" refers to step \"%s\", which stands after it in the loop: it has no "
                 "value in the first iteration.",
                 show_name(f, step), show_name(f, target));
    }
    if (path->root != PATH_RESULTS && !def_step_is_loop(c, target)) {
        def_fail(c, where, at, "definition.reference",
                 "Step \"%s\" refers to %s of step \"%s\", which is not a loop.",
                 show_name(f, step), root_names[path->root], show_name(f, target));
    }
}

static void check_config_var(const struct flow_check *f, const struct def_step *step,
                             const struct def_where *where, struct def_place at, struct str key)
{
    f->c->subject = arena_printf(f->c->arena, "Step \"%s\": ", show_name(f, step));
    (void)def_check_var(f->c, where, at, key);
    f->c->subject = "";
}

static void check_input(const struct flow_check *f, const struct def_step *step,
                        const struct def_where *where, struct def_input *input);

static void check_condition(const struct flow_check *f, const struct def_step *step,
                            const struct def_where *where, struct condition *cond)
{
    for (size_t i = 0; i < cond->n_children; i++) {
        check_condition(f, step, where, &cond->children[i]);
    }
    if (cond->left) {
        check_input(f, step, where, cond->left);
    }
    if (cond->right) {
        check_input(f, step, where, cond->right);
    }
}

static void check_template(const struct flow_check *f, const struct def_step *step,
                           const struct def_where *where, const struct def_input *input)
{
    for (size_t i = 0; i < input->template->n_parts; i++) {
        const struct template_part *part = &input->template->parts[i];
        if (part->type == TEMPLATE_CONFIG_VAR) {
            check_config_var(f, step, where, input->place, part->text);
        } else if (part->type == TEMPLATE_REFERENCE) {
            check_path(f, step, where, input->place, part->path);
        }
    }
}

static void check_input(const struct flow_check *f, const struct def_step *step,
                        const struct def_where *where, struct def_input *input)
{
    struct def_where in = def_key(where, "value");
    switch (input->type) {
    case DEF_INPUT_UNSET:
    case DEF_INPUT_VALUE:
        break;
    case DEF_INPUT_REFERENCE:
        check_path(f, step, where, input->place, input->path);
        break;
    case DEF_INPUT_CONFIG_VAR:
        check_config_var(f, step, where, input->place, input->text);
        break;
    case DEF_INPUT_TEMPLATE:
        check_template(f, step, where, input);
        break;
    case DEF_INPUT_LIST:
    case DEF_INPUT_KEY_VALUES:
        for (size_t i = 0; i < input->n_items; i++) {
            struct def_where at = def_index(&in, i), name_at = def_key(&at, "name");
            check_input(f, step, &at, &input->items[i]);
            if (input->items[i].name) {
                check_input(f, step, &name_at, input->items[i].name);
            }
        }
        break;
    case DEF_INPUT_CONDITIONS:
        for (size_t i = 0; i < input->n_predicates; i++) {
            struct def_where at = def_index(&in, i);
            check_condition(f, step, &at, input->predicates[i].condition);
        }
        break;
    case _DEF_INPUT_TYPE_N:
        ASSERT(input->type != _DEF_INPUT_TYPE_N);
    }
}

/* --- branches --------------------------------------------------------------------------------- */

static void check_branch_name(const struct flow_check *f, const struct def_step *step,
                              const struct def_where *where, struct def_place at, const char *name)
{
    struct suggest near;
    def_suggest_init(f->c, &near, str_of(name));
    for (size_t i = 0; i < step->n_branches; i++) {
        if (strcmp(step->branches[i].name, name) == 0) {
            return;
        }
        suggest_offer(&near, step->branches[i].name);
    }
    def_fail(f->c, where, at, "definition.branch", "Step \"%s\" has no branch \"%s\"%s",
             show_name(f, step), def_show(f->c, str_of(name)), def_did_you_mean(f->c, near.best));
}

/* Every branch that a condition or a mapping names must be one of the step's. */
static void check_branches(const struct flow_check *f, const struct def_step *step,
                           const struct def_where *where)
{
    struct def_where inputs_at = def_key(where, "inputs");
    for (size_t i = 0; i < step->n_inputs; i++) {
        const struct def_input *input = &step->inputs[i];
        struct def_where input_at = def_key(&inputs_at, input->key);
        struct def_where in = def_key(&input_at, "value");
        for (size_t j = 0; j < input->n_predicates; j++) {
            struct def_where at = def_index(&in, j), name_at = def_key(&at, "name");
            check_branch_name(f, step, &name_at, input->place, input->predicates[j].branch);
        }
        bool mapping = strcmp(input->key, "branchValueMappings") == 0 &&
                       strcmp(step->component, "branch") == 0;
        for (size_t j = 0; mapping && j < input->n_items; j++) {
            const struct def_input *name = input->items[j].name;
            struct def_where at = def_index(&in, j), name_at = def_key(&at, "name");
            if (name && name->type == DEF_INPUT_VALUE) {
                check_branch_name(f, step, &name_at, name->place, name->text.ptr);
            }
        }
    }
}

/* --- schedule --------------------------------------------------------------------------------- */

static bool is_scheduled(const struct def_step *step)
{
    return step->schedule && step->schedule->type != DEF_SCHEDULE_NONE;
}

static void check_schedule_refs(const struct flow_check *f, const struct def_step *step,
                                const struct def_where *where)
{
    const struct def_input *value = &step->schedule->value;
    if (value->type == DEF_INPUT_CONFIG_VAR) {
        check_config_var(f, step, where, value->place, value->text);
    }
    for (size_t i = 0; value->type == DEF_INPUT_TEMPLATE && i < value->template->n_parts; i++) {
        const struct template_part *part = &value->template->parts[i];
        if (part->type == TEMPLATE_REFERENCE) {
            def_fail(f->c, where, value->place, "definition.schedule",
                     "The schedule of step \"%s\" cannot refer to a step's output.",
                     show_name(f, step));
        } else if (part->type == TEMPLATE_CONFIG_VAR) {
            check_config_var(f, step, where, value->place, part->text);
        }
    }
}

static void check_schedule(const struct flow_check *f, const struct def_step *step,
                           const struct def_where *where)
{
    struct def_compile *c = f->c;
    struct def_schedule *schedule = step->schedule;
    struct def_input *value = &schedule->value;
    struct def_where at = def_key(where, "schedule");
    bool runs = schedule->type > DEF_SCHEDULE_ONCE;
    struct cron cron;
    struct err err = {0};
    if (step->index != 0) {
        def_fail(c, &at, value->place, "definition.schedule",
                 "Step \"%s\" has a schedule, but only a trigger may.", show_name(f, step));
    }
    check_schedule_refs(f, step, &at);
    if (value->type == DEF_INPUT_UNSET && runs) {
        def_fail(c, &at, value->place, "definition.schedule",
                 "The schedule of step \"%s\" has no cron text, such as \"*/5 * * * *\".",
                 show_name(f, step));
    }
    c->subject = arena_printf(c->arena, "Step \"%s\": ", show_name(f, step));
    if (value->type == DEF_INPUT_VALUE && runs && cron_parse(value->text, &cron, &err) < 0) {
        def_fail_err(c, &at, value->place, &err);
    }
    const struct zone *zone;
    if (schedule->time_zone[0] && zone_load(schedule->time_zone, &zone, &err) < 0) {
        def_fail_err(c, &at, value->place, &err);
    }
    c->subject = "";
}

/* --- steps and flow --------------------------------------------------------------------------- */

static void check_key(const struct flow_check *f, const struct def_step *step,
                      const struct def_where *where)
{
    const struct def_step *first = step->key[0] ? find_step(f, str_of(step->key)) : step;
    struct def_where at = def_key(where, "name");
    if (first == step) {
        return;
    }
    if (strcmp(first->name, step->name) == 0) {
        def_fail(f->c, &at, step->place, "definition.duplicate",
                 "There are two steps named \"%s\" in this flow; the first is at line %d, column "
                 "%d.",
                 show_name(f, step), first->place.line, first->place.column);
    } else {
        def_fail(f->c, &at, step->place, "definition.duplicate",
                 "Step \"%s\" has the same key \"%s\" as step \"%s\" at line %d, column %d; rename "
                 "one of them.",
                 show_name(f, step), def_show(f->c, str_of(step->key)), show_name(f, first),
                 first->place.line, first->place.column);
    }
}

static void check_role(const struct flow_check *f, const struct def_step *step,
                       const struct def_where *where)
{
    const struct def_step *trigger = f->infos[0].step;
    if (step->index == 0 && !step->is_trigger) {
        def_fail(f->c, where, step->place, "definition.trigger",
                 "Step \"%s\" is the first of its flow, so it must be the trigger (isTrigger: "
                 "true).",
                 show_name(f, step));
    } else if (step->index != 0 && step->is_trigger && trigger->is_trigger) {
        def_fail(f->c, where, step->place, "definition.trigger",
                 "Step \"%s\" is a second trigger; the flow's trigger is \"%s\" at line %d, column "
                 "%d.",
                 show_name(f, step), show_name(f, trigger), trigger->place.line,
                 trigger->place.column);
    } else if (step->index != 0 && step->is_trigger) {
        def_fail(f->c, where, step->place, "definition.trigger",
                 "Step \"%s\" is a trigger, so it must be the first step of its flow.",
                 show_name(f, step));
    }
    if (def_step_breaks_loop(f->c, step) && !loop_around(f, step)) {
        def_fail(f->c, where, step->place, "definition.loop",
                 "Step \"%s\" breaks a loop, but stands in none.", show_name(f, step));
    }
}

static void check_steps(const struct flow_check *f, struct def_step *steps, size_t n,
                        const struct def_where *where)
{
    for (size_t i = 0; i < n; i++) {
        struct def_step *step = &steps[i];
        struct def_where at = def_index(where, i), inputs_at = def_key(&at, "inputs");
        struct def_where steps_at = def_key(&at, "steps"), branches_at = def_key(&at, "branches");
        check_key(f, step, &at);
        check_role(f, step, &at);
        if (step->schedule) {
            check_schedule(f, step, &at);
        }
        for (size_t j = 0; j < step->n_inputs; j++) {
            struct def_where input_at = def_key(&inputs_at, step->inputs[j].key);
            check_input(f, step, &input_at, &step->inputs[j]);
        }
        check_branches(f, step, &at);
        if (f->c->catalog) {
            def_check_catalog(f->c, step, &at);
        }
        check_steps(f, step->steps, step->n_steps, &steps_at);
        for (size_t b = 0; b < step->n_branches; b++) {
            struct def_where branch_at = def_index(&branches_at, b);
            struct def_where in = def_key(&branch_at, "steps");
            check_steps(f, step->branches[b].steps, step->branches[b].n_steps, &in);
        }
    }
}

/* Retry and queue fields read the trigger's payload alone. */
static void check_payload_path(const struct flow_check *f, const struct def_where *where,
                               const char *key, struct path *path)
{
    if (!path) {
        return;
    }
    struct def_where at = def_key(where, key);
    path->step = 0;
    if (!str_eq(path->step_key, STR("payload")) &&
        !str_eq(path->step_key, str_of(f->infos[0].step->key))) {
        def_fail(f->c, &at, f->flow->place, "definition.reference",
                 "Flow \"%s\": \"%s\" refers to \"%s\"; it can only refer to the trigger, \"%s\".",
                 def_show(f->c, str_of(f->flow->name)), key, def_show(f->c, path->step_key),
                 def_show(f->c, str_of(f->infos[0].step->key)));
    }
}

struct flow_rule {
    bool broken;
    const char *key; /* of the flow */
    const char *message;
};

static void check_settings(const struct flow_check *f, const struct def_where *where)
{
    const struct def_flow *flow = f->flow;
    bool scheduled = is_scheduled(&flow->steps[0]);
    const struct flow_rule rules[] = {
        {flow->is_synchronous && flow->retry.max_attempts > 0, "retryConfig",
         "a synchronous flow cannot be retried."},
        {flow->is_synchronous && scheduled, "isSynchronous",
         "a synchronous flow cannot have a schedule."},
        {flow->is_synchronous && flow->queue.fifo, "queueConfig",
         "a synchronous flow cannot have a FIFO queue."},
        {flow->queue.fifo && scheduled, "queueConfig",
         "a flow with a schedule cannot have a FIFO queue."},
        {flow->queue.fifo && flow->queue.singleton, "queueConfig",
         "a FIFO queue and singleton executions exclude each other."},
        {flow->queue.singleton && !scheduled, "queueConfig",
         "singleton executions need a trigger with a schedule."},
        {flow->queue.concurrency_limit > 0 && !flow->queue.fifo, "queueConfig",
         "a concurrency limit needs usesFifoQueue: true."},
        {flow->security == DEF_SECURITY_ORGANIZATION && flow->n_organization_api_keys == 0,
         "organizationApiKeys",
         "the endpoint security \"organization\" needs at least one key in organizationApiKeys."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].broken) {
            struct def_where at = def_key(where, rules[i].key);
            def_fail(f->c, &at, flow->place, "definition.flow", "Flow \"%s\": %s",
                     def_show(f->c, str_of(flow->name)), rules[i].message);
        }
    }
    struct def_where retry_at = def_key(where, "retryConfig");
    struct def_where queue_at = def_key(where, "queueConfig");
    check_payload_path(f, &retry_at, "uniqueRequestIdField", flow->retry.unique_request_id);
    check_payload_path(f, &queue_at, "dedupeIdField", flow->queue.dedupe_id);
}

void def_check_flow(struct def_compile *c, struct def_flow *flow, const struct def_where *where)
{
    struct def_where steps_at = def_key(where, "steps");
    if (flow->n_steps == 0) {
        if (c->failures == 0) {
            def_fail(c, &steps_at, flow->place, "definition.required",
                     "Flow \"%s\" has no steps; it needs at least a trigger.",
                     def_show(c, str_of(flow->name)));
        }
        return;
    }
    struct flow_check f = {.c = c, .flow = flow};
    f.infos = arena_array(c->arena, flow->n_all_steps, sizeof(*f.infos));
    f.by_key = arena_array(c->arena, flow->n_all_steps, sizeof(*f.by_key));
    collect(&f, flow->steps, flow->n_steps, NO_PARENT);
    ASSERT(f.n <= flow->n_all_steps);
    qsort(f.by_key, f.n, sizeof(*f.by_key), compare_steps);
    check_settings(&f, where);
    check_steps(&f, flow->steps, flow->n_steps, &steps_at);
}
