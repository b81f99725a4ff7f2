/* A query with named or numbered parameters as PostgreSQL takes it: every value is bound, none
 * becomes part of the text. */
#pragma once

#include "json.h"

#define POSTGRES_MAX_PARAMETERS 10000 /* bound values of one query */
#define POSTGRES_MAX_QUERY      MIB(1)

struct postgres_query {
    const char *sql;     /* with $1, $2, ... */
    const char **values; /* as text; NULL = null */
    int n_values;
    bool times_as_text; /* results: with all digits, as the server writes them */
};
/* Named forms: ${a} $(a) $<a> $[a] $/a/, taken from an object; $1 is taken from an array. After the
 * name or number may stand :json (the value as JSON) or :csv and :list (the items of an array, each
 * a value). In quoted texts and comments nothing is replaced. Returns 0, or -EINVAL with words for
 * people, or -ENOMEM when the arena has no room. */
int postgres_query_build(struct arena *a, struct str sql, struct json parameters,
                         struct postgres_query *ret, char *ret_why, size_t why_cap) must_check;
