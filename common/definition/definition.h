/* The integration definition: YAML version 7 (and 6) parsed, checked and compiled into an
 * immutable, reference-counted form that API, dispatch and the run engine share.
 * Source of the format: the public YAML format of the field (docs/definition-format.md). */
#pragma once

#include "err.h"
#include "expr/condition.h"
#include "expr/path.h"
#include "expr/template.h"
#include "str.h"

#define DEFINITION_MAX_BYTES MIB(5)
#define DEFINITION_MAX_DEPTH 100

struct definition;
struct catalog;

/* A 1-based place in the YAML text, for errors at run and check time. */
struct def_place {
    int line, column;
};

enum def_input_type {
    DEF_INPUT_UNSET,      /* absent, null or the empty string: the action's default holds */
    DEF_INPUT_VALUE,      /* literal text */
    DEF_INPUT_REFERENCE,  /* path to a step's output */
    DEF_INPUT_CONFIG_VAR, /* key of a config variable */
    DEF_INPUT_TEMPLATE,   /* text with {{#Config Var}} and {{$step.path}} */
    DEF_INPUT_LIST,       /* complex: items evaluate to an array */
    DEF_INPUT_KEY_VALUES, /* complex: items with names, evaluate to [{key, value}] */
    DEF_INPUT_CONDITIONS, /* complex: ordered branch predicates */
    _DEF_INPUT_TYPE_N
};

struct def_input {
    const char *key; /* input key; "" inside a list */
    enum def_input_type type;
    struct def_place place;
    struct str text;   /* VALUE: the literal; CONFIG_VAR: the key; REFERENCE, TEMPLATE: source */
    struct path *path; /* REFERENCE */
    struct template *template; /* TEMPLATE */
    struct def_input *name;    /* inside KEY_VALUES: the key, itself an input; else NULL */
    struct def_input *items;   /* LIST, KEY_VALUES */
    size_t n_items;
    struct def_predicate *predicates; /* CONDITIONS */
    size_t n_predicates;
};

struct def_predicate {
    const char *branch;          /* branch name */
    struct condition *condition; /* operands are terms; see expr/condition.h */
};

enum def_error_handler { DEF_ERROR_FAIL, DEF_ERROR_IGNORE, DEF_ERROR_RETRY, _DEF_ERROR_N };
struct def_error_config {
    enum def_error_handler handler;
    int max_attempts;  /* 0-5 further attempts */
    int delay_seconds; /* 0-60 */
    bool exponential_backoff;
    bool ignore_final_error;
};

enum def_schedule_type {
    DEF_SCHEDULE_NONE,
    DEF_SCHEDULE_ONCE,
    DEF_SCHEDULE_MINUTE,
    DEF_SCHEDULE_HOUR,
    DEF_SCHEDULE_DAY,
    DEF_SCHEDULE_WEEK,
    DEF_SCHEDULE_CUSTOM,
    _DEF_SCHEDULE_N
};
struct def_schedule {
    struct def_input value; /* VALUE (cron text), CONFIG_VAR or TEMPLATE */
    enum def_schedule_type type;
    const char *time_zone; /* IANA name; "" = UTC */
};

struct def_step;
struct def_branch {
    const char *name;
    struct def_step *steps;
    size_t n_steps;
};

struct def_step {
    const char *name;
    const char *key; /* step key made from the name, unique in the flow */
    const char *description;
    const char *component; /* action.component.key */
    const char *action;    /* action.key */
    int component_version; /* 0 = LATEST */
    bool component_public;
    bool is_trigger;
    uint32_t index; /* 0-based over the whole flow, depth first; the trigger is 0 */
    struct def_place place;
    struct def_input *inputs;
    size_t n_inputs;
    struct def_step *steps; /* loop body */
    size_t n_steps;
    struct def_branch *branches;
    size_t n_branches;
    struct def_schedule *schedule; /* triggers; NULL = none */
    struct def_error_config error;
};
/* NULL when the step has no such input. */
const struct def_input *def_step_input(const struct def_step *step, const char *key);

enum def_security {
    DEF_SECURITY_CUSTOMER_OPTIONAL,
    DEF_SECURITY_CUSTOMER_REQUIRED,
    DEF_SECURITY_ORGANIZATION,
    DEF_SECURITY_UNSECURED,
    _DEF_SECURITY_N
};
extern const char *const def_security_names[_DEF_SECURITY_N]; /* "customer_optional" ... */

struct def_retry {
    int max_attempts;  /* 0-10; 0 = no retry */
    int delay_minutes; /* 0-60 */
    bool exponential_backoff;
    struct path *unique_request_id; /* NULL = none */
};
struct def_queue {
    bool fifo;
    int concurrency_limit; /* 0 = none; 2-15 with fifo */
    bool singleton;
    struct path *dedupe_id; /* NULL = none */
};

struct def_flow {
    const char *name;
    const char *stable_key; /* "" = none */
    const char *description;
    bool is_synchronous;
    bool record_before_writes; /* default true: results are durable before the next write */
    enum def_security security;
    const char **organization_api_keys;
    size_t n_organization_api_keys;
    struct def_retry retry;
    struct def_queue queue;
    struct def_step *steps; /* steps[0] is the trigger */
    size_t n_steps;
    uint32_t n_all_steps; /* with nested ones: indexes are below it */
    struct def_place place;
};

enum def_var_type {
    DEF_VAR_STRING,
    DEF_VAR_DATE,
    DEF_VAR_TIMESTAMP,
    DEF_VAR_PICKLIST,
    DEF_VAR_SCHEDULE,
    DEF_VAR_CODE,
    DEF_VAR_BOOLEAN,
    DEF_VAR_NUMBER,
    DEF_VAR_CONNECTION,
    DEF_VAR_OBJECT_SELECTION,
    DEF_VAR_OBJECT_FIELD_MAP,
    DEF_VAR_JSON_FORM,
    _DEF_VAR_TYPE_N
};
extern const char *const def_var_type_names[_DEF_VAR_TYPE_N]; /* as in the YAML: "string" ... */
enum def_collection { DEF_COLLECTION_NONE, DEF_COLLECTION_VALUES, DEF_COLLECTION_KEY_VALUES };

struct def_config_var {
    const char *key;
    const char *stable_key;
    const char *description;
    const char *default_value; /* always text; lists and objects as JSON text */
    enum def_var_type type;
    enum def_collection collection;
    bool org_only;
    bool visible_to_customer_deployer;
    bool visible_to_org_deployer;
    const char **pick_list;
    size_t n_pick_list;
    enum def_schedule_type schedule_type;
    const char *time_zone;
    const char *connection_key;       /* CONNECTION: key of the connection in its component */
    const char *connection_component; /* CONNECTION */
    const char *scoped_config_var;    /* useScopedConfigVar: stable key; "" = none */
    const char *connection_template;  /* CONNECTION: name of one, whose presets it has; "" = none */
    const char *override_grant_type;  /* CONNECTION: of OAuth 2.0; "" = none, as those below */
    const char *oauth_success_url;    /* where the browser goes after consent */
    const char *oauth_failure_url;
    bool connection_public; /* CONNECTION: its component is built in */
    const char *source_key; /* of the data source; "" = none */
    const char *source_component;
    bool source_public;
    struct def_input *inputs; /* of the connection or data source */
    size_t n_inputs;
    struct def_place place;
};

struct def_config_element {
    enum { DEF_ELEMENT_CONFIG_VAR, DEF_ELEMENT_HTML, DEF_ELEMENT_JSON_FORM } type;
    const char *value;
};
struct def_config_page {
    const char *name;
    const char *tagline;
    bool user_level;
    struct def_config_element *elements;
    size_t n_elements;
};

enum def_endpoint {
    DEF_ENDPOINT_FLOW,
    DEF_ENDPOINT_INSTANCE,
    DEF_ENDPOINT_SHARED,
    _DEF_ENDPOINT_N
};
extern const char *const def_endpoint_names[_DEF_ENDPOINT_N]; /* "flow_specific" ... */

/* The compiled view; everything in it lives as long as the definition. */
struct def_view {
    int version; /* as written: 6 or 7 */
    const char *name, *description, *documentation, *category;
    bool is_code_native;
    const char **labels; /* lower-cased */
    size_t n_labels;
    enum def_endpoint endpoint;
    const char *preprocess_flow;
    struct path *flow_name_field, *external_customer_id_field, *external_customer_user_id_field;
    struct def_config_page *pages;
    size_t n_pages;
    struct def_config_var *vars;
    size_t n_vars;
    struct def_flow *flows;
    size_t n_flows;
};

/* Parses and checks a YAML (or JSON) text: UTF-8, or UTF-16 with a byte order mark. With a catalog,
 * components, actions and inputs are checked against it; NULL leaves that out (worker: the control
 * plane has checked). Every problem found, up to ERR_LIST_MAX, is put in `errors`, each with line,
 * column and path (err.field: "flows[0].steps[2].inputs.url").
 * Items with `warning` set (an unknown component, an unknown input) are told but do not fail.
 * Returns 0, or -EINVAL when there is at least one error (*ret is then untouched). */
int definition_parse(struct str text, const struct catalog *catalog, struct definition **ret,
                     struct err_list *errors) must_check;
struct definition *definition_ref(struct definition *d);
struct definition *definition_unref(struct definition *d); /* accepts NULL; returns NULL */
const struct def_view *definition_view(const struct definition *d);
const struct def_flow *definition_flow(const struct definition *d, struct str name); /* or NULL */
const struct def_config_var *definition_var(const struct definition *d, struct str key);

struct definition_emit_options {
    bool latest_components; /* replace component versions by LATEST */
    const char *name;       /* these replace; NULL = as is */
    const char *description, *documentation, *category;
    const char *const *labels;
    size_t n_labels;
};
/* Writes the definition as YAML version 7: keys sorted, unknown keys kept, same meaning. */
void definition_emit(const struct definition *d, const struct definition_emit_options *options,
                     struct buf *to);
DEFINE_CLEANUP(struct definition *, definition_unref)
