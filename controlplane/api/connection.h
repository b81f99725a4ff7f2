/* Connections of OAuth 2.0 in the API: their token rows follow the configuration. */
#pragma once

#include "api/api_priv.h"

#include "domain/oauth2.h"

/* What a connection is of. */
struct connection_owner {
    const char *kind; /* "instance", "scoped" or "customer" config variable */
    struct uuid id;
    const char *component, *connection;  /* keys */
    struct json fields;                  /* runtime values by name */
    const struct def_config_var *var;    /* NULL = none */
    struct str success_url, failure_url; /* without var */
};
/* Makes, changes or removes the token's row. A row whose client changed has no token any more. */
int connection_put(struct call *c, const struct connection_owner *owner,
                   struct err *err) must_check;
