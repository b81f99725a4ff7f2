/* The configuration of an instance: its rows, checked against the definition of its version. Used
 * by the mutations of instances only. */
#pragma once

#include "api/api_priv.h"

#include "domain/config_value.h"
#include "run_request.h"

#define INSTANCE_MAX_VARS 500

/* Of a variable with useScopedConfigVar; nil = none. */
struct config_binding {
    struct uuid scoped, own; /* rows of scoped_config_variable, customer_config_variable */
    struct uuid chosen;      /* which of the customer's was asked for, now or before */
    bool is_asked;           /* now */
};
struct instance_config {
    struct uuid instance;
    struct definition *definition; /* owned */
    const struct def_view *view;
    struct config_setting *settings; /* one for each view->vars, in the request's arena */
    struct config_binding *bindings; /* as settings */
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
/* Deploys: writes what variables with useScopedConfigVar stand for now, and that nothing is missing
 * when it is complete. */
int instance_config_bound(struct call *c, struct instance_config *x, bool complete,
                          struct err *err) must_check;
/* An error on "enabled" when a reusable connection that the definition names is not there. */
int instance_config_may_run(struct call *c, const struct uuid *instance, struct str definition,
                            struct err *err) must_check;
DEFINE_DONE(struct instance_config, instance_config_done)

/* Columns of api_instance_lock that its callers read. */
enum {
    LOCKED_VERSION = 1,
    LOCKED_REVISION = 2,
    LOCKED_ENABLED = 3,
    LOCKED_DEFINITION = 4,
    LOCKED_NUMBER = 5,
    LOCKED_AVAILABLE = 6,
    LOCKED_DEPLOYED = 7,
    LOCKED_IS_SYSTEM = 8,
};
/* instance_deploy.c: freezes and runs c->id as its locked row says; force: also when config
 * variables have no value. Of a test instance no schedule is set and no flow started. */
int instance_deploy(struct call *c, const struct db_rows *row, bool force,
                    struct err *err) must_check;
/* A new execution, dispatched after the mutation's commit. */
int instance_execution_insert(struct call *c, const struct uuid *instance,
                              const struct uuid *config, int64_t revision, enum invoke_type invoke,
                              int flags, const struct hook_request *request,
                              struct err *err) must_check;
/* test_run.c: the hidden instance that runs the draft, made or brought up to it. */
int test_instance_put(struct call *c, const struct uuid *draft, struct err *err) must_check;
/* test_run.c: the hidden instance that runs the preprocess flow of a shared integration, made or
 * brought up to this version; nothing for others. */
int router_put(struct call *c, const struct uuid *version, struct err *err) must_check;

/* instance_deploy.c: flow configs of a version, made or kept by the identity of their flow. */
int instance_flow_configs_put(struct call *c, const struct uuid *instance,
                              const struct uuid *version, struct err *err) must_check;
/* What the mutation's flowConfigs say. */
int instance_flow_configs_change(struct call *c, const struct uuid *instance,
                                 const struct uuid *version, struct err *err) must_check;

/* flow_config.c: API keys and what the flow is tested with, as an object of the input says. What is
 * wrong is told by field, or, where this is NULL, by the names of its members. */
int flow_config_change(struct call *c, const struct uuid *config, struct json given,
                       const char *field, struct err *err) must_check;

/* state.c: the input's persistedData replaces what the owner keeps, when it is given. */
enum state_scope { STATE_OF_FLOW = 1, STATE_OF_INSTANCE = 2 };
int state_change(struct call *c, const struct uuid *owner, enum state_scope scope,
                 struct err *err) must_check;
