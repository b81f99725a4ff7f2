/* A YAML text as a tree of nodes with places, built from libyaml's events in an arena. Bounded:
 * size, depth, nodes, and what aliases expand to. Knows nothing of integrations. */
#pragma once

#include "err.h"
#include "str.h"

#define YAML_MAX_BYTES    MIB(5)  /* of the file, and of its UTF-8 form */
#define YAML_MAX_EXPANDED MIB(10) /* bytes of all scalars, aliases expanded */
#define YAML_MAX_NODES    200000  /* aliases expanded */
#define YAML_MAX_DEPTH    100
#define YAML_MAX_ANCHORS  1000
#define YAML_MAX_KEY      200 /* bytes of a mapping key */

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
/* What a scalar is by the core schema of YAML 1.2; quoted ones are always text. */
enum yaml_scalar { YAML_TEXT, YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT };

struct yaml_node {
    enum yaml_kind kind;
    bool plain;               /* SCALAR: written without quotes */
    uint8_t mark;             /* free for the owner of the tree; 0 at first */
    int line, column;         /* 1-based */
    struct str text;          /* SCALAR; NUL-terminated, valid UTF-8, holds no NUL */
    struct yaml_node **items; /* SEQUENCE */
    size_t n_items;
    struct yaml_entry *entries; /* MAPPING, in the order of the file; keys are unique */
    size_t n_entries;
};
struct yaml_entry {
    struct str key;
    bool key_plain;
    int line, column;
    struct yaml_node *value; /* never NULL; a node may be shared where aliases are used */
};

/* Reads one document: UTF-8, or UTF-16 with a byte order mark or recognisable without. Returns 0,
 * or -EINVAL with at least one more item in errors, each with its place. */
int yaml_read(struct arena *a, struct str text, struct yaml_node **ret_root,
              struct err_list *errors) must_check;

const struct yaml_entry *yaml_entry(const struct yaml_node *mapping, const char *key); /* or NULL */
/* The value of a key; NULL when it is absent or node is not a mapping. */
struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);
enum yaml_scalar yaml_scalar_type(struct str text, bool plain);
bool yaml_is_null(const struct yaml_node *node); /* a plain null, or NULL itself */
