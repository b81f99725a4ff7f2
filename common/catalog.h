/* Component metadata, read from the catalog that the worker's build dumps. Immutable. */
#pragma once

#include "err.h"
#include "str.h"

enum catalog_input_type { /* how an input is edited and coerced */
                          CATALOG_STRING,
                          CATALOG_TEXT,
                          CATALOG_NUMBER,
                          CATALOG_BOOLEAN,
                          CATALOG_JSON, /* any value, usually a reference */
                          CATALOG_CODE,
                          CATALOG_CONNECTION,
                          CATALOG_CONDITIONS,
                          CATALOG_PASSWORD,
                          _CATALOG_INPUT_TYPE_N
};
enum catalog_collection { CATALOG_SINGLE, CATALOG_VALUE_LIST, CATALOG_KEY_VALUE_LIST };

struct catalog_input {
    const char *key, *label, *comments, *default_value, *example;
    enum catalog_input_type type;
    enum catalog_collection collection;
    bool required;
    const char **choices; /* NULL-terminated; NULL = free */
};
struct catalog_action {
    const char *key, *label, *description;
    bool is_trigger;
    bool branches; /* names of branches come from the step */
    bool loops;    /* has a loop body */
    bool breaks_loop, stops_execution;
    bool schedule_allowed, schedule_required; /* triggers */
    bool replies;                             /* triggers: their code answers the sender */
    const char **static_branches;             /* NULL-terminated; NULL = none */
    const struct catalog_input *inputs;
    size_t n_inputs;
    const char *example; /* JSON text of an output example; "" = none */
};
struct catalog_component {
    const char *key, *label, *description, *category;
    int version;
    bool is_public;
    const struct catalog_action *actions; /* actions and triggers */
    size_t n_actions;
};
struct catalog;
/* Reads the JSON that `leat-worker --dump-catalog` prints. */
int catalog_parse(struct str json, struct catalog **ret, struct err *err) must_check;
/* The same of components that are not built in, beside the built-in ones, which must outlive it; a
 * key may have several versions. */
int catalog_parse_private(struct str json, const struct catalog *built_in, struct catalog **ret,
                          struct err *err) must_check;
struct catalog *catalog_free(struct catalog *c);
const struct catalog_component *catalog_components(const struct catalog *c, size_t *ret_n);
const struct catalog_component *catalog_component(const struct catalog *c, const char *key);
/* Of those that are not built in: version 0 = the newest. */
const struct catalog_component *catalog_private(const struct catalog *c, const char *key,
                                                int version);
const struct catalog_action *catalog_action(const struct catalog_component *c, const char *key);
/* A trigger and an action may have the same key: the one of the kind asked for goes first. */
const struct catalog_action *catalog_step_action(const struct catalog_component *c, const char *key,
                                                 bool is_trigger);
/* The component whose key is nearest to a misspelt one, for "did you mean"; NULL when none is. */
const char *catalog_suggest_component(const struct catalog *c, const char *key);
const char *catalog_suggest_private(const struct catalog *c, const char *key);
const char *catalog_suggest_action(const struct catalog_component *c, const char *key);
DEFINE_CLEANUP(struct catalog *, catalog_free)
