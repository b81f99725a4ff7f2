/* Owns what the component catalog knows about a step: its component and action exist, it stands
 * where such an action may stand, its inputs are known. Runs after parsing, on the same thread.
 * Components outside the catalog are only told of: such a step fails when it runs. Of an
 * organization's own ones the version that the step asks for counts. */
#include "catalog.h"
#include "definition/definition_priv.h"
#include "suggest.h"

static const struct catalog_component *find_component(const struct def_compile *c,
                                                      const struct def_step *step)
{
    if (!c->catalog) {
        return NULL;
    }
    return step->component_public
               ? catalog_component(c->catalog, step->component)
               : catalog_private(c->catalog, step->component, step->component_version);
}

static const struct catalog_action *find_action(const struct def_compile *c,
                                                const struct def_step *step)
{
    const struct catalog_component *component = find_component(c, step);
    return component ? catalog_step_action(component, step->action, step->is_trigger) : NULL;
}

/* Without a catalog (the control plane has checked) the built-in loop component is told by name. */
bool def_step_breaks_loop(const struct def_compile *c, const struct def_step *step)
{
    const struct catalog_action *action = find_action(c, step);
    return action ? action->breaks_loop
                  : strcmp(step->component, "loop") == 0 && strcmp(step->action, "breakLoop") == 0;
}

bool def_step_is_loop(const struct def_compile *c, const struct def_step *step)
{
    const struct catalog_action *action = find_action(c, step);
    return step->n_steps > 0 || (action ? action->loops
                                        : strcmp(step->component, "loop") == 0 &&
                                              strcmp(step->action, "breakLoop") != 0);
}

static void unknown_component(struct def_compile *c, const struct def_step *step,
                              const struct def_where *where)
{
    for (int i = 0; i < c->n_unknown; i++) {
        if (strcmp(c->unknown[i], step->component) == 0) {
            return;
        }
    }
    if (c->n_unknown == DEF_MAX_WARNINGS) {
        return;
    }
    c->unknown[c->n_unknown++] = step->component;
    struct def_where at = def_key(where, "action");
    def_warn(c, &at, step->place, "definition.unknown_component",
             "The component \"%s\" is not installed: steps that use it will fail when they run%s",
             def_show(c, str_of(step->component)),
             def_did_you_mean(c, step->component_public
                                     ? catalog_suggest_component(c->catalog, step->component)
                                     : catalog_suggest_private(c->catalog, step->component)));
}

/* Whether another version is there than the one that the step asks for (reported). */
static bool lacks_version(struct def_compile *c, const struct def_step *step,
                          const struct def_where *where)
{
    const struct catalog_component *newest =
        step->component_public ? NULL : catalog_private(c->catalog, step->component, 0);
    if (newest) {
        struct def_where in = def_key(where, "action"), at = def_key(&in, "component");
        c->subject = arena_printf(c->arena, "Step \"%s\": ", def_show(c, str_of(step->name)));
        def_fail(c, &at, step->place, "definition.component_version",
                 "The component \"%s\" has no version %d; its newest is %d.", newest->key,
                 step->component_version, newest->version);
        c->subject = "";
    }
    return newest;
}

static void check_static_branches(struct def_compile *c, const struct def_step *step,
                                  const struct catalog_action *action,
                                  const struct def_where *where)
{
    struct def_where in = def_key(where, "branches");
    for (size_t i = 0; i < step->n_branches; i++) {
        struct suggest near;
        const char *const *name = (const char *const *)action->static_branches;
        def_suggest_init(c, &near, str_of(step->branches[i].name));
        for (; *name && strcmp(*name, step->branches[i].name) != 0; name++) {
            suggest_offer(&near, *name);
        }
        if (!*name) {
            struct def_where at = def_index(&in, i), name_at = def_key(&at, "name");
            def_fail(c, &name_at, step->place, "definition.branch",
                     "The action \"%s\" never takes a branch \"%s\"%s", action->key,
                     def_show(c, str_of(step->branches[i].name)), def_did_you_mean(c, near.best));
        }
    }
}

struct shape_rule {
    bool broken;
    const char *key;
    const char *message;
};

/* Where the step stands and what it contains, against what its action is. */
static void check_shape(struct def_compile *c, const struct def_step *step,
                        const struct catalog_action *action, const struct def_where *where)
{
    const struct shape_rule rules[] = {
        {step->is_trigger && !action->is_trigger, "action", "is an action, not a trigger."},
        {!step->is_trigger && action->is_trigger, "action",
         "is a trigger and can only be the first step of a flow."},
        {step->n_steps > 0 && !action->loops, "steps", "is not a loop, so it has no steps inside."},
        {step->n_branches > 0 && !action->branches && !action->static_branches, "branches",
         "does not branch, so it has no branches."},
        {step->schedule && !action->schedule_allowed && !action->schedule_required, "schedule",
         "cannot have a schedule."},
        {!step->schedule && action->schedule_required, "schedule", "needs a schedule."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].broken) {
            struct def_where at = def_key(where, rules[i].key);
            def_fail(c, &at, step->place, "definition.action", "\"%s\" of component \"%s\" %s",
                     action->key, step->component, rules[i].message);
        }
    }
    if (action->static_branches) {
        check_static_branches(c, step, action, where);
    }
}

static const struct catalog_input *find_input(const struct catalog_action *action, const char *key)
{
    for (size_t i = 0; i < action->n_inputs; i++) {
        if (strcmp(action->inputs[i].key, key) == 0) {
            return &action->inputs[i];
        }
    }
    return NULL;
}

static void check_input_value(struct def_compile *c, const struct def_input *input,
                              const struct catalog_input *known, const struct def_where *where)
{
    if (input->type != DEF_INPUT_VALUE || !known->choices) {
        return;
    }
    struct suggest near;
    def_suggest_init(c, &near, input->text);
    for (const char *const *choice = (const char *const *)known->choices; *choice; choice++) {
        if (str_eq(str_of(*choice), input->text)) {
            return;
        }
        suggest_offer(&near, *choice);
    }
    def_warn(c, where, input->place, "definition.input",
             "The input \"%s\" does not know the value \"%s\"%s", input->key,
             def_show(c, input->text), def_did_you_mean(c, near.best));
}

static void check_inputs(struct def_compile *c, const struct def_step *step,
                         const struct catalog_action *action, const struct def_where *where)
{
    struct def_where in = def_key(where, "inputs");
    for (size_t i = 0; i < step->n_inputs; i++) {
        const struct def_input *input = &step->inputs[i];
        struct def_where at = def_key(&in, input->key);
        const struct catalog_input *known = find_input(action, input->key);
        if (known) {
            check_input_value(c, input, known, &at);
            continue;
        }
        struct suggest near;
        def_suggest_init(c, &near, str_of(input->key));
        for (size_t j = 0; j < action->n_inputs; j++) {
            suggest_offer(&near, action->inputs[j].key);
        }
        def_warn(c, &at, input->place, "definition.unknown_input",
                 "The action \"%s\" has no input \"%s\" and will not see it%s", action->key,
                 def_show(c, str_of(input->key)), def_did_you_mean(c, near.best));
    }
    for (size_t i = 0; i < action->n_inputs; i++) {
        const struct catalog_input *known = &action->inputs[i];
        const struct def_input *input = def_step_input(step, known->key);
        if (known->required && !known->default_value[0] &&
            (!input || input->type == DEF_INPUT_UNSET)) {
            struct def_where at = def_key(&in, known->key);
            def_warn(c, &at, input ? input->place : step->place, "definition.input",
                     "The input \"%s\" (%s) is required, but has no value.", known->key,
                     known->label);
        }
    }
}

void def_check_catalog(struct def_compile *c, const struct def_step *step,
                       const struct def_where *where)
{
    if (!step->component[0] || !step->action[0]) {
        return; /* reported by the parser */
    }
    const struct catalog_component *component = find_component(c, step);
    if (!component) {
        if (!lacks_version(c, step, where)) {
            unknown_component(c, step, where);
        }
        return;
    }
    const struct catalog_action *action =
        catalog_step_action(component, step->action, step->is_trigger);
    c->subject = arena_printf(c->arena, "Step \"%s\": ", def_show(c, str_of(step->name)));
    if (action) {
        check_shape(c, step, action, where);
        check_inputs(c, step, action, where);
    } else {
        struct def_where in = def_key(where, "action"), at = def_key(&in, "key");
        def_fail(c, &at, step->place, "definition.unknown_action",
                 "The component \"%s\" has no action \"%s\"%s", component->key,
                 def_show(c, str_of(step->action)),
                 def_did_you_mean(c, catalog_suggest_action(component, step->action)));
    }
    c->subject = "";
}
