/* Shared by the files of controlplane/api only: the API object, one call of it, its resolvers and
 * mutations. */
#pragma once

#include "api/api.h"
#include "api/gql_plan.h"

#define API_MAX_BODY    MIB(16)
#define API_ARENA_MAX   MIB(768)
#define API_MAX_PENDING 256 /* executions one mutation may start */
#define API_ERRORS_MAX  ERR_LIST_MAX

struct token_cache;
struct limiter;
struct work_gate;
struct api {
    struct secret_key master;
    char *public_url;
    const struct result_urls *urls;
    const struct catalog *catalog;
    const struct media_urls *media;
    const struct consent *consent;
    struct gql_schema *schema;
    struct token_cache *tokens;  /* signed ones seen lately */
    struct limiter *limiter;     /* tries to sign in */
    struct work_gate *passwords; /* who hashes one now */
    int replica_id, statement_timeout_ms, max_depth, max_cost;
    void (*on_executions)(void *arg, const struct uuid *ids, size_t n);
    void *on_executions_arg;
};

struct field_error {
    const char *field, *message;
};
struct call { /* one request; on one lane thread */
    struct api *api;
    struct db *db;
    struct arena *a;
    struct gql_request rq;
    struct gql_viewer viewer;
    struct str address; /* of the sender; "" = unknown */
    bool has_key;
    struct secret_key key; /* the organization's data key, once it was needed */

    /* Of the mutation under way. */
    struct json input;
    struct uuid id;         /* the object it is about; nil = none */
    struct str object_name; /* of it, for the audit log, once it was read */
    const char *also;       /* what it did besides what its name says: "instance.enabled" */
    struct field_error errors[API_ERRORS_MAX];
    size_t n_errors;
    const char *warnings[API_ERRORS_MAX]; /* texts that do not stop it */
    size_t n_warnings;
    struct json made;    /* members of the payload that are in no row */
    bool forgets_tokens; /* what is known of signed tokens is forgotten after the commit */
    struct uuid pending[API_MAX_PENDING]; /* executions inserted */
    size_t n_pending;
};

/* Reads the data key once a call. */
int call_key(struct call *c, struct err *err) must_check;
/* 0 and the transaction open for who asks, with the time limit of statements. */
int call_begin(struct call *c, struct err *err) must_check;

/* Reads c->object_name: before the object is deleted, else when it is told of. */
int call_audit_name(struct call *c, const struct gql_sel *sel, struct err *err) must_check;
/* Tells the audit log what the mutation did; the last statement before the commit. */
int call_audit(struct call *c, const struct gql_sel *sel, struct err *err) must_check;

/* Computes a field marked @resolve from its raw value. */
typedef bool (*resolver_fn)(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
struct resolver {
    const char *name;
    resolver_fn fn;
};
extern const struct resolver api_resolvers[]; /* ended by {0} */
bool resolve_step_results(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_icon_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_attachments(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_component_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_component_urls(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_upload_media(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_integration_diff(struct call *c, struct gql_sel *sel, struct json raw,
                              struct json *ret);
bool resolve_authorize_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_template_presets(struct call *c, struct gql_sel *sel, struct json raw,
                              struct json *ret);
bool resolve_template_inputs(struct call *c, struct gql_sel *sel, struct json raw,
                             struct json *ret);
bool resolve_persisted_state(struct call *c, struct gql_sel *sel, struct json raw,
                             struct json *ret);
bool resolve_request_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_alert_headers(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret);
bool resolve_webhook_headers(struct call *c, struct gql_sel *sel, struct json raw,
                             struct json *ret);
bool resolve_log_stream_headers(struct call *c, struct gql_sel *sel, struct json raw,
                                struct json *ret);

/* A mutation works on c->input inside a transaction. 0: done, or c->n_errors > 0 and nothing is
 * kept. Anything else is a failure of the store. */
typedef int (*mutation_fn)(struct call *c, struct err *err);
struct mutation {
    const char *name;
    mutation_fn run;
    mutation_fn find; /* deletions: sets c->id first, so that the answer shows what was there */
};
extern const struct mutation api_mutations[]; /* ended by {0} */

/* ---- for mutations ---- */
/* Adds an error on a field of the input; returns 0 for `return call_refuse(...)`. */
int call_refuse(struct call *c, const char *field, const char *fmt, ...) printf_like(3, 4);
struct json call_input(const struct call *c, const char *field);
/* The text of a field: fallback when it is absent or null. Trimmed of nothing. */
struct str call_text(const struct call *c, const char *field, const char *fallback);
/* A text that must be there, at most max bytes; false and an error otherwise. */
bool call_need_text(struct call *c, const char *field, size_t max, struct str *ret);
/* An id of this type; false and an error otherwise ("does not exist"). */
bool call_need_id(struct call *c, const char *field, const char *type, struct uuid *ret);
/* Texts of a list field as a parameter; NULL when absent. Labels are lower-cased. */
struct db_param call_labels(struct call *c, const char *field);
struct db_param call_opt_text(const struct call *c, const char *field); /* NULL when absent */
struct db_param call_opt_bool(const struct call *c, const char *field);
/* Turns a store failure that the user caused into an error on a field: 0 when it was one. */
int call_store_error(struct call *c, int rc, const char *constraint, const char *field,
                     const char *words, struct err *err) must_check;

int mutate_create_customer(struct call *c, struct err *err);
int mutate_update_customer(struct call *c, struct err *err);
int mutate_find_customer(struct call *c, struct err *err);
int mutate_delete_customer(struct call *c, struct err *err);
int mutate_import_integration(struct call *c, struct err *err);
int mutate_publish_integration(struct call *c, struct err *err);
int mutate_find_integration(struct call *c, struct err *err);
int mutate_delete_integration(struct call *c, struct err *err);
int mutate_create_integration(struct call *c, struct err *err);
int mutate_update_integration(struct call *c, struct err *err);
int mutate_fork_integration(struct call *c, struct err *err);
int mutate_validate_integration_schema(struct call *c, struct err *err);
int mutate_update_version_availability(struct call *c, struct err *err);
int mutate_update_marketplace(struct call *c, struct err *err);
int mutate_create_instance(struct call *c, struct err *err);
int mutate_update_instance(struct call *c, struct err *err);
int mutate_update_config_variables(struct call *c, struct err *err);
int mutate_update_flow_config(struct call *c, struct err *err);
int mutate_upgrade_instances(struct call *c, struct err *err);
int mutate_update_test_configuration(struct call *c, struct err *err);
int mutate_deploy_instance(struct call *c, struct err *err);
int mutate_find_instance(struct call *c, struct err *err);
int mutate_find_instance_to_delete(struct call *c, struct err *err);
int mutate_delete_instance(struct call *c, struct err *err);
int mutate_disconnect_connection(struct call *c, struct err *err);
int mutate_update_oauth2_connection(struct call *c, struct err *err);
int mutate_create_scoped_variable(struct call *c, struct err *err);
int mutate_update_scoped_variable(struct call *c, struct err *err);
int mutate_find_scoped_variable_to_delete(struct call *c, struct err *err);
int mutate_delete_scoped_variable(struct call *c, struct err *err);
int mutate_create_customer_variable(struct call *c, struct err *err);
int mutate_update_customer_variable(struct call *c, struct err *err);
int mutate_find_customer_variable_to_delete(struct call *c, struct err *err);
int mutate_delete_customer_variable(struct call *c, struct err *err);
int mutate_disconnect_scoped_connection(struct call *c, struct err *err);
int mutate_disconnect_customer_connection(struct call *c, struct err *err);
int mutate_update_scoped_oauth2_connection(struct call *c, struct err *err);
int mutate_update_customer_oauth2_connection(struct call *c, struct err *err);
int mutate_create_connection_template(struct call *c, struct err *err);
int mutate_update_connection_template(struct call *c, struct err *err);
int mutate_find_connection_template(struct call *c, struct err *err);
int mutate_delete_connection_template(struct call *c, struct err *err);
int mutate_replay_execution(struct call *c, struct err *err);
int mutate_test_flow_config(struct call *c, struct err *err);
int mutate_clear_all_fifo_data(struct call *c, struct err *err);
int mutate_clear_fifo_working_set(struct call *c, struct err *err);
int mutate_remove_fifo_queue_items(struct call *c, struct err *err);
int mutate_test_integration_flow(struct call *c, struct err *err);
int mutate_create_alert_monitor(struct call *c, struct err *err);
int mutate_update_alert_monitor(struct call *c, struct err *err);
int mutate_find_alert_monitor(struct call *c, struct err *err);
int mutate_clear_alert_monitor(struct call *c, struct err *err);
int mutate_delete_alert_monitor(struct call *c, struct err *err);
int mutate_create_alert_group(struct call *c, struct err *err);
int mutate_update_alert_group(struct call *c, struct err *err);
int mutate_find_alert_group(struct call *c, struct err *err);
int mutate_delete_alert_group(struct call *c, struct err *err);
int mutate_create_alert_webhook(struct call *c, struct err *err);
int mutate_update_alert_webhook(struct call *c, struct err *err);
int mutate_find_alert_webhook(struct call *c, struct err *err);
int mutate_delete_alert_webhook(struct call *c, struct err *err);
int mutate_create_external_log_stream(struct call *c, struct err *err);
int mutate_update_external_log_stream(struct call *c, struct err *err);
int mutate_find_external_log_stream(struct call *c, struct err *err);
int mutate_delete_external_log_stream(struct call *c, struct err *err);
bool token_scope_parse(struct str name, enum token_scope *ret);
int mutate_create_api_token(struct call *c, struct err *err);
int mutate_revoke_api_token(struct call *c, struct err *err);
int mutate_create_signing_key(struct call *c, struct err *err);
int mutate_import_signing_key(struct call *c, struct err *err);
int mutate_find_signing_key(struct call *c, struct err *err);
int mutate_delete_signing_key(struct call *c, struct err *err);
int mutate_create_organization_user(struct call *c, struct err *err);
int mutate_create_customer_user(struct call *c, struct err *err);
int mutate_update_user(struct call *c, struct err *err);
int mutate_find_user_to_delete(struct call *c, struct err *err);
int mutate_delete_user(struct call *c, struct err *err);
int mutate_update_organization(struct call *c, struct err *err);
int mutate_publish_component(struct call *c, struct err *err);
int mutate_find_component(struct call *c, struct err *err);
int mutate_delete_component(struct call *c, struct err *err);
int mutate_create_webhook_endpoint(struct call *c, struct err *err);
int mutate_update_webhook_endpoint(struct call *c, struct err *err);
int mutate_find_webhook_endpoint(struct call *c, struct err *err);
int mutate_delete_webhook_endpoint(struct call *c, struct err *err);
int mutate_test_webhook_endpoint(struct call *c, struct err *err);
int mutate_update_organization_retention(struct call *c, struct err *err);

/* Runs the checked operation of c->rq and fills *ret with the data; false = see c->rq.errors (data
 * may still be there for mutations: *ret is then an object, else null). */
bool api_execute(struct call *c, struct buf *ret_data);
