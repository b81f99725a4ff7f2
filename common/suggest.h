/* "Did you mean": the nearest of some known words to a misspelt one. */
#pragma once

#include "str.h"

/* Fed with candidates one by one, so that any table or tree can be searched. */
struct suggest {
    struct str wanted;
    const char *best; /* NULL while none is near enough */
    int distance;
};
void suggest_init(struct suggest *s, struct str wanted);
/* Keeps the candidate if it is nearer than those before: at most a third of the letters may differ
 * (case does not count, swapped neighbours count once). */
void suggest_offer(struct suggest *s, const char *candidate);
