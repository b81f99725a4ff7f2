/* Shared by the files of the definition compiler only: the context of one compilation, where it is,
 * and how it reports. */
#pragma once

#include <stdatomic.h>

#include "definition/definition.h"
#include "definition/yaml.h"

#define DEF_MAX_FLOWS      100
#define DEF_MAX_FLOW_STEPS 2000
#define DEF_MAX_NESTING    20
#define DEF_MAX_INPUTS     200
#define DEF_MAX_VARS       500
#define DEF_MAX_PAGES      100
#define DEF_MAX_BRANCHES   100
#define DEF_MAX_LABELS     100
#define DEF_MAX_WARNINGS   (ERR_LIST_MAX / 2) /* leave room for errors */

struct definition {
    atomic_uint refs;
    struct arena *arena;
    const struct yaml_node *root;
    struct def_view view;
};

/* yaml_node.mark of the nodes that emission treats specially. */
enum def_mark { DEF_MARK_NONE, DEF_MARK_COMPONENT_VERSION };

/* A place in the tree as a chain on the C stack: rendered only when something is reported. */
struct def_where {
    const struct def_where *up; /* NULL: the root */
    const char *key;            /* NULL: an index */
    size_t index;
};
static inline struct def_where def_key(const struct def_where *up, const char *key)
{
    return (struct def_where){.up = up, .key = key};
}
static inline struct def_where def_index(const struct def_where *up, size_t index)
{
    return (struct def_where){.up = up, .index = index};
}

struct def_compile {
    struct arena *arena;
    const struct catalog *catalog; /* NULL: not checked against one */
    struct err_list *errors;
    int failures, warnings;
    const char *subject; /* "Step \"Get User\": ", put before messages; "" = none */
    uint32_t steps;      /* of the flow being parsed */
    const char *unknown[DEF_MAX_WARNINGS]; /* components told of as unknown */
    int n_unknown;
    struct def_view view;
};

/* Report: the message is prefixed with the subject. Places of 0 mean none. */
void def_fail(struct def_compile *c, const struct def_where *where, struct def_place at,
              const char *code, const char *fmt, ...) printf_like(5, 6);
void def_warn(struct def_compile *c, const struct def_where *where, struct def_place at,
              const char *code, const char *fmt, ...) printf_like(5, 6);
/* Reports what a callee explained in err. */
void def_fail_err(struct def_compile *c, const struct def_where *where, struct def_place at,
                  const struct err *err);
/* Text of the author for messages: one line, at most 60 characters' worth of bytes. */
const char *def_show(struct def_compile *c, struct str text);
/* "; did you mean \"x\"?" or "." */
const char *def_did_you_mean(struct def_compile *c, const char *best);

/* A mapping being read, with its place for messages. */
struct def_map {
    struct def_compile *c;
    const struct yaml_node *node; /* NULL: absent; every getter then yields its fallback */
    const struct def_where *where;
};
/* False when the node is no mapping (reported). */
bool def_map_init(struct def_map *m, struct def_compile *c, const struct yaml_node *node,
                  const struct def_where *where);
enum def_need { DEF_OPTIONAL, DEF_REQUIRED };
/* Each reports what is missing, of the wrong type or out of range, and then yields the fallback. */
const char *def_get_text(struct def_map *m, const char *key, enum def_need need);
bool def_get_bool(struct def_map *m, const char *key, bool fallback);
int def_get_int(struct def_map *m, const char *key, enum def_need need, int min, int max,
                int fallback);
int def_get_enum(struct def_map *m, const char *key, enum def_need need, const char *const *names,
                 int n_names, int fallback);
/* A list (NULL when absent), a mapping (NULL when absent), a list of texts. */
const struct yaml_node *def_get_list(struct def_map *m, const char *key, enum def_need need,
                                     size_t max);
const struct yaml_node *def_get_map(struct def_map *m, const char *key, enum def_need need);
const char **def_get_texts(struct def_map *m, const char *key, size_t max, size_t *ret_n);
struct def_place def_place_of(const struct yaml_node *node);
/* The place of a key's value, or of the mapping when the key is absent. */
struct def_place def_place_in(const struct def_map *m, const char *key);

/* parse_input.c */
enum def_input_kinds {                   /* which types of input a place allows */
                       DEF_KINDS_ALL,    /* of a step */
                       DEF_KINDS_SIMPLE, /* no complex */
                       DEF_KINDS_CONFIG, /* of connections and data sources: no references to steps
                                          */
};
void def_parse_input(struct def_compile *c, const struct def_where *where,
                     const struct yaml_node *node, const char *key, enum def_input_kinds kinds,
                     struct def_input *ret);
void def_parse_inputs(struct def_compile *c, const struct def_where *where,
                      const struct yaml_node *node, enum def_input_kinds kinds,
                      struct def_input **ret_inputs, size_t *ret_n);
/* A field of the form {type: reference, value: path} or the path as text; NULL when absent. */
struct path *def_parse_reference(struct def_map *m, const char *key);
struct def_schedule *def_parse_schedule(struct def_map *step);

/* parse_flow.c, parse.c */
void def_parse_flows(struct def_map *root);
void def_parse_config(struct def_map *root);
void def_parse_root(struct def_compile *c, const struct yaml_node *root);

/* check.c, check_flow.c, check_catalog.c: after everything is parsed */
void def_check(struct def_compile *c, const struct yaml_node *root);
struct suggest;
void def_suggest_init(struct def_compile *c, struct suggest *s, struct str wanted);
/* NULL (reported) when there is no such config variable. */
const struct def_config_var *def_check_var(struct def_compile *c, const struct def_where *where,
                                           struct def_place at, struct str key);
void def_check_flow(struct def_compile *c, struct def_flow *flow, const struct def_where *where);
void def_check_catalog(struct def_compile *c, const struct def_step *step,
                       const struct def_where *where);
bool def_step_is_loop(const struct def_compile *c, const struct def_step *step);
bool def_step_breaks_loop(const struct def_compile *c, const struct def_step *step);
extern const char *const def_schedule_type_names[_DEF_SCHEDULE_N];
