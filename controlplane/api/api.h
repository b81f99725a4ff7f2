/* The API: GraphQL at POST /api. A query compiles to one SQL statement through the mapping in
 * the schema files; mutations are C, one entity a file. Called on lane threads with a DB_API
 * connection each; the object itself is immutable after api_new and shared by all threads. */
#pragma once

#include "catalog.h"
#include "db.h"
#include "http/reply.h"
#include "secret.h"

struct api;
struct consent;
struct media_urls;
struct result_urls;
struct api_options {
    struct secret_key master;       /* opens the organizations' data keys; copied, wiped at free */
    const char *public_url;         /* "https://host:port", without a slash at the end; copied */
    const struct result_urls *urls; /* signs resultsUrl; borrowed; NULL = there is none */
    const struct media_urls *media; /* signs URLs of uploaded files; borrowed */
    const struct consent *consent;  /* signs authorizeUrl; borrowed; NULL = there is none */
    const struct catalog *catalog;  /* for checks at import; borrowed; NULL = unchecked */
    int replica_id;                 /* execution.accepted_by of what deploys and tests insert */
    int statement_timeout_ms;       /* 0 = 15 s */
    int max_depth, max_cost;        /* 0 = 15 levels, 250,000 nodes */
    /* Called after a commit that inserted executions, to hand them to dispatcher_add_ids; NULL =
     * they wait for the sweeper. */
    void (*on_executions)(void *arg, const struct uuid *ids, size_t n);
    void *on_executions_arg;
};
int api_new(const struct api_options *o, struct api **ret, struct err *err) must_check;
struct api *api_free(struct api *api); /* accepts NULL */

/* Answers one request: authorization is the header's value ("" = none), body the JSON
 * {query, variables, operationName}; address the sender's, "" = unknown. 401 and 503 are plain JSON
 * errors, everything else is GraphQL's {data, errors} with 200 or, for requests that are not
 * GraphQL, 400. */
void api_handle(struct api *api, struct db *db, struct str authorization, struct str address,
                struct str body, struct reply *reply);

/* Who asks to follow log lines and executions: *ret_status 200 and whom they are of (customer nil =
 * all customers); 401 or 403 and words. Else a failure of the store. */
int api_follower(struct api *api, struct db *db, struct str authorization,
                 struct uuid *ret_organization, struct uuid *ret_customer, int *ret_status,
                 struct err *words, struct err *err) must_check;

/* Writes the catalog's components into the component table (once at start, owner connection). */
int api_sync_components(struct db *owner, const struct catalog *catalog,
                        struct err *err) must_check;
DEFINE_CLEANUP(struct api *, api_free)
