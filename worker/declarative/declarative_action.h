/* Runs the actions of declarative components. */
#pragma once

#include "components/component.h"
#include "definition/declarative.h"

struct declarative_owner { /* action.owner of a row */
    const struct declarative *component;
    const struct decl_action *action; /* or */
    const struct decl_trigger *trigger;
};
int declarative_trigger(struct action_context *ctx, struct action_result *ret, struct err *err);
int declarative_perform(struct action_context *ctx, struct action_result *ret, struct err *err);
