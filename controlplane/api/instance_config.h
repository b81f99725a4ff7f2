/* The configuration of an instance: its rows, checked against the definition of its version. Used
 * by the mutations of instances only. */
#pragma once

#include "api/api_priv.h"

#include "domain/config_value.h"

#define INSTANCE_MAX_VARS 500

struct instance_config {
    struct definition *definition; /* owned */
    const struct def_view *view;
    struct config_setting *settings; /* one for each view->vars, in the request's arena */
    bool *present;                   /* the instance has a row for it */
};
void instance_config_done(struct instance_config *x);
/* Reads the definition and the stored rows (inputs opened). */
int instance_config_load(struct call *c, const struct uuid *instance, struct str definition,
                         struct instance_config *ret, struct err *err) must_check;
/* Takes the mutation's configVariables over the settings; replace: those left out are unset. */
int instance_config_apply(struct call *c, struct instance_config *x, bool replace,
                          struct err *err) must_check;
/* Writes the rows and instance.config_state. */
int instance_config_store(struct call *c, const struct uuid *instance, struct instance_config *x,
                          struct err *err) must_check;
/* The runtime values as one JSON object; the keys without one are added to *ret_missing (a list for
 * people, "" = complete). */
int instance_config_values(struct call *c, struct instance_config *x, struct json *ret,
                           struct str *ret_missing, struct err *err) must_check;
DEFINE_DONE(struct instance_config, instance_config_done)

/* instance_deploy.c: flow configs of a version, made or kept by the identity of their flow. */
int instance_flow_configs_put(struct call *c, const struct uuid *instance,
                              const struct uuid *version, struct err *err) must_check;
/* API keys of the mutation's flowConfigs. */
int instance_flow_configs_keys(struct call *c, const struct uuid *instance,
                               const struct uuid *version, struct err *err) must_check;
