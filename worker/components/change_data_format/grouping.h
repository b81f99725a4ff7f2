/* Named values in order, gathered into an object: a name that occurs several times becomes a list,
 * in the place of its first occurrence. Costs n log n, whatever the names are. */
#pragma once

#include "json.h"

struct named_value {
    struct str name;
    struct json value;
    uint32_t order, first; /* filled by grouping_append */
};

/* Appends the n values to an object whose keys are none of their names. Reorders `values`; all
 * memory is in the builder's arena, at most 64 bytes a value. */
void grouping_append(struct json_builder *object, struct named_value *values, size_t n);
