/* A definition made ready to run: each step bound to the component that does it, each action input
 * to the definition's input. Immutable and shared by every instance of one integration version. */
#pragma once

#include "components/component.h"
#include "definition/definition.h"

/* Who does a step. What breaks a loop, stops the execution or takes a branch is told by the result;
 * the descriptor's flag ACTION_LOOP makes the engine run the body. */
enum plan_kind {
    PLAN_ACTION,  /* the component's function */
    PLAN_MISSING, /* no such component or action here: running it fails with plan_step.missing */
    PLAN_BRANCH_EXPRESSION,
    PLAN_BRANCH_VALUE,
    PLAN_PAYLOAD, /* a trigger without code: its result is the payload */
    _PLAN_KIND_N
};

struct plan_input {
    const char *key, *label;
    const char *fallback;          /* NULL = none */
    const struct def_input *input; /* NULL = not in the definition */
};

#define PLAN_NO_LOOP UINT32_MAX

struct plan_step {
    const struct def_step *def;
    const struct action *action; /* NULL when missing */
    enum plan_kind kind;
    const char *missing;       /* words */
    struct plan_input *inputs; /* those of the action's descriptor, then those only the file has */
    uint32_t n_inputs;
    uint32_t end;      /* index after the last step nested in this one */
    uint32_t loop;     /* index of the innermost loop around it; PLAN_NO_LOOP = none */
    bool in_branch;    /* within that loop it stands in a branch */
    bool used_later;   /* the next iteration may refer to its result */
    uint32_t last_use; /* highest index of a step that refers to this one; 0 = none */
    uint32_t feeds;    /* the loop that collects this step's results; PLAN_NO_LOOP = none */
};

struct plan_flow {
    const struct def_flow *def;
    struct plan_step *steps; /* by def_step.index */
    uint32_t n_steps;
    bool checkpoints; /* more than one write may run: see engine/checkpoint.c */
};

struct plan;
typedef const struct component *(*plan_find_fn)(const char *key);

struct own_components;
/* Takes a reference of `definition`, and takes `own`: the organization's components, or NULL.
 * `find` is component_find but in tests. */
struct plan *plan_new(struct definition *definition, plan_find_fn find, struct own_components *own);
struct plan *plan_ref(struct plan *plan);
struct plan *plan_unref(struct plan *plan); /* accepts NULL; returns NULL */
const struct plan_flow *plan_flow(const struct plan *plan, struct str name); /* or NULL */
const struct definition *plan_definition(const struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_unref)
