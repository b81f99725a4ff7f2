/* A compiled reference: "<stepKey>.results.body.data[0].Id", "loop.currentItem.[\".tag\"]". */
#pragma once

#include "json.h"

#define PATH_MAX_BYTES    4096
#define PATH_MAX_SEGMENTS 64

enum path_root { PATH_RESULTS, PATH_CURRENT_ITEM, PATH_INDEX, _PATH_ROOT_N };
struct path_segment {
    struct str key; /* verbatim text; also of an index */
    int64_t index;  /* >= 0 when the key is all digits, else -1 */
};
struct path {
    struct str step_key;
    enum path_root root;
    uint32_t
        step; /* index of the step in its flow, filled by the definition; UINT32_MAX = unknown */
    struct path_segment *segments; /* after the root */
    size_t n_segments;
};

/* Compiles into the arena. -EINVAL ("path.syntax") says what is wrong and at which character. */
int path_compile(struct arena *a, struct str text, struct path **ret, struct err *err) must_check;
/* A path compiled again from the keys of its segments, whose bytes are copied; NULL when there are
 * none, or too many. The root is the results, the step unknown. */
struct path *path_of_keys(struct arena *a, const struct str *keys, size_t n);
/* A path into results written again, of a step called so: "onExecution.results.flow". */
const char *path_words(struct arena *a, struct str step_key, const struct path *p);
/* Of a key that is an index of a list: the number, else -1. */
int64_t path_index(struct str key);
/* Segments applied to the root's value: undefined on a missing segment, through null, numbers and
 * strings too ("length" of strings and arrays works as in JavaScript). Members of an object named
 * "headers" are looked up case-insensitively when no exact one exists. */
struct json path_resolve(const struct path *p, struct json root_value);
