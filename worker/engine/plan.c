/* Owns the compiled form of a definition. Made once an integration version on a slot thread, read
 * by all. It never fails: a component that this worker lacks becomes a step that fails when it is
 * reached, since other flows of the same integration may do without it.
 *
 * Values made in a loop's body live in memory that each iteration gives back. Which of them must be
 * carried further is decided here once: those that a later step outside the loop, or an earlier or
 * the same step (in the next iteration), refers to; and those of steps that an iteration may pass
 * over, since then the value of the iteration before still holds. */
#include "engine/plan.h"

#include <stdatomic.h>

#include "declarative/own_components.h"

struct plan {
    atomic_int refs;
    struct arena *arena;
    struct definition *definition;
    struct own_components *own;
    struct plan_flow *flows;
    size_t n_flows;
};

static const struct {
    const char *component, *action;
    enum plan_kind kind;
} engine_actions[] = {
    {"branch", "branchOnExpression", PLAN_BRANCH_EXPRESSION},
    {"branch", "branchOnValue", PLAN_BRANCH_VALUE},
};

static enum plan_kind kind_of(const struct def_step *step, const struct action *action)
{
    if (action->perform) {
        return PLAN_ACTION;
    }
    for (size_t i = 0; i < ARRAY_LEN(engine_actions); i++) {
        if (strcmp(engine_actions[i].component, step->component) == 0 &&
            strcmp(engine_actions[i].action, step->action) == 0) {
            return engine_actions[i].kind;
        }
    }
    return action->flags & ACTION_TRIGGER ? PLAN_PAYLOAD : PLAN_MISSING;
}

static bool has_input(const struct action_input *inputs, const char *key)
{
    for (; inputs && inputs->key; inputs++) {
        if (strcmp(inputs->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void bind_inputs(struct arena *a, struct plan_step *ps)
{
    const struct action_input *inputs = ps->action ? ps->action->inputs : NULL;
    uint32_t n = 0;
    while (inputs && inputs[n].key) {
        n++;
    }
    ps->inputs = arena_array(a, n + ps->def->n_inputs, sizeof(*ps->inputs));
    for (uint32_t i = 0; i < n; i++) {
        ps->inputs[i] = (struct plan_input){.key = inputs[i].key,
                                            .label = inputs[i].label,
                                            .fallback = inputs[i].fallback,
                                            .input = def_step_input(ps->def, inputs[i].key)};
    }
    for (size_t i = 0; i < ps->def->n_inputs; i++) {
        const struct def_input *in = &ps->def->inputs[i];
        if (!has_input(inputs, in->key)) {
            ps->inputs[n++] = (struct plan_input){.key = in->key, .label = in->key, .input = in};
        }
    }
    ps->n_inputs = n;
}

struct plan_finder {
    plan_find_fn built_in;
    const struct own_components *own;
};

/* Where a list of steps stands. */
struct bind_place {
    uint32_t loop;
    bool in_branch;
};

static void bind_steps(struct arena *a, struct plan_flow *flow, const struct def_step *steps,
                       size_t n, struct bind_place place, const struct plan_finder *find);

static void bind_step(struct arena *a, struct plan_flow *flow, const struct def_step *def,
                      struct bind_place place, const struct plan_finder *find)
{
    ASSERT(def->index < flow->n_steps);
    struct plan_step *ps = &flow->steps[def->index];
    ps->loop = place.loop;
    ps->in_branch = place.in_branch;
    const struct component *component =
        def->component_public
            ? find->built_in(def->component)
            : own_components_find(find->own, def->component, def->component_version);
    ps->def = def;
    ps->action = component ? component_action(component, def->action) : NULL;
    ps->kind = ps->action ? kind_of(def, ps->action) : PLAN_MISSING;
    if (!component && !def->component_public) {
        ps->missing =
            arena_printf(a,
                         "component \"%s\" is one of the organization's own, and its code "
                         "(JavaScript) cannot be run by this worker",
                         def->component);
    } else if (!component) {
        ps->missing =
            arena_printf(a, "component \"%s\" is not available on this worker", def->component);
    } else if (ps->kind == PLAN_MISSING) {
        ps->missing = arena_printf(a, "component \"%s\" has no action \"%s\" on this worker",
                                   def->component, def->action);
    }
    bind_inputs(a, ps);
    ps->end = def->index + 1;
    bind_steps(a, flow, def->steps, def->n_steps, (struct bind_place){.loop = def->index}, find);
    ps->feeds = PLAN_NO_LOOP;
    if (def->n_steps) {
        flow->steps[def->steps[def->n_steps - 1].index].feeds = def->index;
        ps->end = MAX(ps->end, flow->steps[def->steps[def->n_steps - 1].index].end);
    }
    for (size_t i = 0; i < def->n_branches; i++) {
        const struct def_branch *b = &def->branches[i];
        bind_steps(a, flow, b->steps, b->n_steps,
                   (struct bind_place){.loop = place.loop, .in_branch = true}, find);
        if (b->n_steps) {
            ps->end = MAX(ps->end, flow->steps[b->steps[b->n_steps - 1].index].end);
        }
    }
}

static void bind_steps(struct arena *a, struct plan_flow *flow, const struct def_step *steps,
                       size_t n, struct bind_place place, const struct plan_finder *find)
{
    for (size_t i = 0; i < n; i++) {
        bind_step(a, flow, &steps[i], place, find);
    }
}

/* --- which step refers to which -------------------------------------------------------------- */

/* Whether an iteration of a loop around both may reach the user without running the used step. */
static bool passed_over(const struct plan_flow *flow, uint32_t user, uint32_t used)
{
    uint32_t loop = flow->steps[user].loop;
    while (loop != PLAN_NO_LOOP && (used <= loop || used >= flow->steps[loop].end)) {
        loop = flow->steps[loop].loop;
    }
    const struct plan_step *step = &flow->steps[used];
    return loop != PLAN_NO_LOOP && (step->loop != loop || step->in_branch);
}

static void note_use(struct plan_flow *flow, uint32_t user, const struct path *path)
{
    if (path && path->root == PATH_RESULTS && path->step < flow->n_steps) {
        struct plan_step *used = &flow->steps[path->step];
        used->last_use = MAX(used->last_use, user);
        used->used_later = used->used_later || user <= path->step ||
                           (path->root == PATH_RESULTS && passed_over(flow, user, path->step));
    }
}

static void note_input(struct plan_flow *flow, uint32_t user, const struct def_input *in);

static void note_condition(struct plan_flow *flow, uint32_t user, const struct condition *c)
{
    for (size_t i = 0; i < c->n_children; i++) {
        note_condition(flow, user, &c->children[i]);
    }
    note_input(flow, user, c->left);
    note_input(flow, user, c->right);
}

static void note_input(struct plan_flow *flow, uint32_t user, const struct def_input *in)
{
    if (!in) {
        return;
    }
    note_use(flow, user, in->path);
    for (size_t i = 0; in->template && i < in->template->n_parts; i++) {
        note_use(flow, user, in->template->parts[i].path);
    }
    note_input(flow, user, in->name);
    for (size_t i = 0; i < in->n_items; i++) {
        note_input(flow, user, &in->items[i]);
    }
    for (size_t i = 0; i < in->n_predicates; i++) {
        if (in->predicates[i].condition) {
            note_condition(flow, user, in->predicates[i].condition);
        }
    }
}

/* Whether two writes can follow each other in one run. */
static bool many_writes(const struct plan_flow *flow)
{
    uint32_t writes = 0;
    for (uint32_t i = 0; i < flow->n_steps; i++) {
        const struct plan_step *ps = &flow->steps[i];
        if (ps->action && (ps->action->flags & ACTION_WRITES)) {
            writes += ps->loop == PLAN_NO_LOOP ? 1 : 2;
        }
    }
    return writes > 1;
}

/* --- public ---------------------------------------------------------------------------------- */

struct plan *plan_new(struct definition *definition, plan_find_fn find, struct own_components *own)
{
    struct plan *plan = mem_new(struct plan);
    const struct plan_finder finder = {.built_in = find, .own = own};
    plan->own = own;
    atomic_init(&plan->refs, 1);
    plan->arena = arena_new(KIB(16), 0);
    plan->definition = definition_ref(definition);
    const struct def_view *view = definition_view(definition);
    plan->n_flows = view->n_flows;
    plan->flows = arena_array(plan->arena, view->n_flows, sizeof(*plan->flows));
    for (size_t i = 0; i < view->n_flows; i++) {
        struct plan_flow *flow = &plan->flows[i];
        flow->def = &view->flows[i];
        flow->n_steps = flow->def->n_all_steps;
        flow->steps = arena_array(plan->arena, flow->n_steps, sizeof(*flow->steps));
        bind_steps(plan->arena, flow, flow->def->steps, flow->def->n_steps,
                   (struct bind_place){.loop = PLAN_NO_LOOP}, &finder);
        for (uint32_t s = 0; s < flow->n_steps; s++) {
            ASSERT(flow->steps[s].def);
            for (size_t k = 0; k < flow->steps[s].def->n_inputs; k++) {
                note_input(flow, s, &flow->steps[s].def->inputs[k]);
            }
        }
        flow->checkpoints = flow->def->record_before_writes && many_writes(flow);
    }
    return plan;
}

struct plan *plan_ref(struct plan *plan)
{
    atomic_fetch_add(&plan->refs, 1);
    return plan;
}

struct plan *plan_unref(struct plan *plan)
{
    if (plan && atomic_fetch_sub(&plan->refs, 1) == 1) {
        definition_unref(plan->definition);
        own_components_free(plan->own);
        arena_free(plan->arena);
        mem_free(plan);
    }
    return NULL;
}

const struct plan_flow *plan_flow(const struct plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->n_flows; i++) {
        if (str_eq(str_of(plan->flows[i].def->name), name)) {
            return &plan->flows[i];
        }
    }
    return NULL;
}

const struct definition *plan_definition(const struct plan *plan)
{
    return plan->definition;
}
