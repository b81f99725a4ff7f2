/* What a config variable yields at run time, from its definition and what was set on the instance.
 * Pure. */
#pragma once

#include "definition/definition.h"
#include "json.h"

struct config_setting { /* what an instance has for one variable; all zero = nothing */
    bool has_value;
    struct str value;
    struct str schedule_type, time_zone;
    struct json inputs; /* connections: [{name, type, value}]; else undefined */
    struct json others; /* connections: values of other variables by key, for what refers to them */
    struct json presets; /* of its connection template, below all others, as inputs */
    /* Of a variable with useScopedConfigVar: the reusable connection that it stands for, with its
     * inputs below those of the customer. */
    bool is_bound;
    struct str connection_key;
    struct json scoped_inputs, own_inputs;
};
/* The runtime value: text, number, boolean, parsed JSON, {value, schedule_type, time_zone} or
 * {key, configVarKey, fields, token, context}; undefined when it has neither a setting nor a
 * default. set may be NULL. Texts may point into var and set.
 * -EINVAL ("config.bad_value"): the words say what is wrong with the setting. */
int config_value_make(struct arena *a, const struct def_config_var *var,
                      const struct config_setting *set, struct json *ret,
                      struct err *err) must_check;
/* Whether an instance without more for this variable may be deployed: v is its runtime value. */
bool config_value_complete(const struct def_config_var *var, struct json v);
/* Adds the values of a connection's inputs [{name, value}] to an object of fields, over those it
 * has; an input without a value leaves what there is. */
void config_fields_add(struct json_builder *fields, struct json inputs);
