/* What differs between two definitions, told by what they mean: flows are matched by their stable
 * key or name, steps by their name wherever they stand, inputs and config variables by their key.
 * Pure. */
#pragma once

#include "json.h"

#define DIFF_MAX_CHANGES 5000

enum diff_kind { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED, _DIFF_KIND_N };
enum diff_subject {
    DIFF_INTEGRATION,
    DIFF_CONFIG_VARIABLE,
    DIFF_FLOW,
    DIFF_STEP,
    DIFF_INPUT,
    _DIFF_SUBJECT_N
};
struct diff_change {
    enum diff_kind kind;
    enum diff_subject subject;
    struct str config_variable, flow, step; /* where it is; "" = not in one */
    struct str name;                        /* of what came or went, or the field that changed */
    struct json before, after;              /* undefined = not there */
};
struct definition_diff {
    struct diff_change *changes; /* of the integration, config variables, then flow by flow */
    size_t n;
    bool truncated; /* there are more than DIFF_MAX_CHANGES */
};

/* The tree of a YAML text, scalars as what YAML says they are. -EINVAL when it cannot be read. */
int definition_tree(struct arena *a, struct str text, struct json *ret) must_check;
/* Of two such trees; everything in *ret is in the arena or in them. What is empty (no value, no
 * text, an empty list) is the same as what is not there. */
void definition_diff(struct arena *a, struct json before, struct json after,
                     struct definition_diff *ret);
