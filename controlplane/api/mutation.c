/* Owns the table of mutations and what they share: reading the input and telling what is wrong with
 * it by field. On a lane thread, inside the mutation's transaction. */
#include "api/api_priv.h"

#include <ctype.h>
#include <stdarg.h>

const struct mutation api_mutations[] = {
    {"create_customer", mutate_create_customer, NULL},
    {"update_customer", mutate_update_customer, NULL},
    {"delete_customer", mutate_delete_customer, mutate_find_customer},
    {"import_integration", mutate_import_integration, NULL},
    {"publish_integration", mutate_publish_integration, NULL},
    {"delete_integration", mutate_delete_integration, mutate_find_integration},
    {"create_integration", mutate_create_integration, NULL},
    {"update_integration", mutate_update_integration, NULL},
    {"fork_integration", mutate_fork_integration, NULL},
    {"validate_integration_schema", mutate_validate_integration_schema, NULL},
    {"update_integration_version_availability", mutate_update_version_availability, NULL},
    {"update_integration_marketplace_configuration", mutate_update_marketplace, NULL},
    {"create_instance", mutate_create_instance, NULL},
    {"update_instance", mutate_update_instance, NULL},
    {"update_instance_config_variables", mutate_update_config_variables, NULL},
    {"update_instance_flow_config", mutate_update_flow_config, NULL},
    {"upgrade_instances", mutate_upgrade_instances, NULL},
    {"update_test_configuration", mutate_update_test_configuration, NULL},
    {"deploy_instance", mutate_deploy_instance, NULL},
    {"delete_instance", mutate_delete_instance, mutate_find_instance_to_delete},
    {"disconnect_connection", mutate_disconnect_connection, NULL},
    {"update_oauth2_connection", mutate_update_oauth2_connection, NULL},
    {"create_scoped_variable", mutate_create_scoped_variable, NULL},
    {"update_scoped_variable", mutate_update_scoped_variable, NULL},
    {"delete_scoped_variable", mutate_delete_scoped_variable,
     mutate_find_scoped_variable_to_delete},
    {"create_customer_variable", mutate_create_customer_variable, NULL},
    {"update_customer_variable", mutate_update_customer_variable, NULL},
    {"delete_customer_variable", mutate_delete_customer_variable,
     mutate_find_customer_variable_to_delete},
    {"disconnect_scoped_connection", mutate_disconnect_scoped_connection, NULL},
    {"disconnect_customer_connection", mutate_disconnect_customer_connection, NULL},
    {"update_scoped_oauth2_connection", mutate_update_scoped_oauth2_connection, NULL},
    {"update_customer_oauth2_connection", mutate_update_customer_oauth2_connection, NULL},
    {"create_connection_template", mutate_create_connection_template, NULL},
    {"update_connection_template", mutate_update_connection_template, NULL},
    {"delete_connection_template", mutate_delete_connection_template,
     mutate_find_connection_template},
    {"replay_execution", mutate_replay_execution, NULL},
    {"test_instance_flow_config", mutate_test_flow_config, NULL},
    {"clear_all_fifo_data", mutate_clear_all_fifo_data, NULL},
    {"clear_fifo_working_set", mutate_clear_fifo_working_set, NULL},
    {"remove_fifo_queue_items", mutate_remove_fifo_queue_items, NULL},
    {"test_integration_flow", mutate_test_integration_flow, NULL},
    {"create_alert_monitor", mutate_create_alert_monitor, NULL},
    {"update_alert_monitor", mutate_update_alert_monitor, NULL},
    {"delete_alert_monitor", mutate_delete_alert_monitor, mutate_find_alert_monitor},
    {"create_alert_group", mutate_create_alert_group, NULL},
    {"update_alert_group", mutate_update_alert_group, NULL},
    {"delete_alert_group", mutate_delete_alert_group, mutate_find_alert_group},
    {"create_alert_webhook", mutate_create_alert_webhook, NULL},
    {"update_alert_webhook", mutate_update_alert_webhook, NULL},
    {"delete_alert_webhook", mutate_delete_alert_webhook, mutate_find_alert_webhook},
    {"create_external_log_stream", mutate_create_external_log_stream, NULL},
    {"update_external_log_stream", mutate_update_external_log_stream, NULL},
    {"delete_external_log_stream", mutate_delete_external_log_stream,
     mutate_find_external_log_stream},
    {"clear_alert_monitor", mutate_clear_alert_monitor, NULL},
    {"create_api_token", mutate_create_api_token, NULL},
    {"revoke_api_token", mutate_revoke_api_token, NULL},
    {"create_signing_key", mutate_create_signing_key, NULL},
    {"import_signing_key", mutate_import_signing_key, NULL},
    {"delete_signing_key", mutate_delete_signing_key, mutate_find_signing_key},
    {"create_organization_user", mutate_create_organization_user, NULL},
    {"create_customer_user", mutate_create_customer_user, NULL},
    {"update_user", mutate_update_user, NULL},
    {"delete_user", mutate_delete_user, mutate_find_user_to_delete},
    {"publish_component", mutate_publish_component, NULL},
    {"delete_component", mutate_delete_component, mutate_find_component},
    {"update_organization", mutate_update_organization, NULL},
    {"create_webhook_endpoint", mutate_create_webhook_endpoint, NULL},
    {"update_webhook_endpoint", mutate_update_webhook_endpoint, NULL},
    {"delete_webhook_endpoint", mutate_delete_webhook_endpoint, mutate_find_webhook_endpoint},
    {"test_webhook_endpoint", mutate_test_webhook_endpoint, NULL},
    {"update_organization_retention", mutate_update_organization_retention, NULL},
    {0},
};

int call_refuse(struct call *c, const char *field, const char *fmt, ...)
{
    char words[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    if (c->n_errors < API_ERRORS_MAX) {
        c->errors[c->n_errors++] =
            (struct field_error){arena_strdup(c->a, field), arena_strdup(c->a, words)};
    }
    return 0;
}

struct json call_input(const struct call *c, const char *field)
{
    return json_get(c->input, str_of(field));
}

struct str call_text(const struct call *c, const char *field, const char *fallback)
{
    struct json v = call_input(c, field);
    return v.type == JSON_STRING ? json_as_str(v) : str_of(fallback);
}

bool call_need_text(struct call *c, const char *field, size_t max, struct str *ret)
{
    *ret = str_trim(call_text(c, field, ""));
    if (ret->len == 0) {
        call_refuse(c, field, "This field must not be empty.");
    } else if (ret->len > max) {
        call_refuse(c, field, "This field has at most %zu bytes.", max);
    }
    return ret->len > 0 && ret->len <= max;
}

bool call_need_id(struct call *c, const char *field, const char *type, struct uuid *ret)
{
    struct str text = call_text(c, field, "");
    if (text.len == 0) {
        call_refuse(c, field, "This field is required.");
        return false;
    }
    if (!global_id_parse(text, type, ret)) {
        call_refuse(c, field, "The %s does not exist.", type);
        return false;
    }
    return true;
}

struct db_param call_labels(struct call *c, const char *field)
{
    struct json v = call_input(c, field);
    if (v.type != JSON_ARRAY) {
        return DB_NULL;
    }
    struct str *items = arena_array(c->a, v.len + 1, sizeof(*items));
    size_t n = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        struct str s = str_trim(json_as_str(v.items[i]));
        if (s.len == 0) {
            continue;
        }
        if (s.len > 200 || n == 100) {
            call_refuse(c, field, "At most 100 labels of at most 200 bytes.");
            return DB_NULL;
        }
        char *lower = arena_strndup(c->a, s.ptr, s.len);
        for (size_t k = 0; k < s.len; k++) {
            lower[k] = (char)tolower((unsigned char)lower[k]);
        }
        items[n++] = str_n(lower, s.len);
    }
    return DB_TEXTS(items, n);
}

struct db_param call_opt_text(const struct call *c, const char *field)
{
    struct json v = call_input(c, field);
    return v.type == JSON_STRING ? DB_STR(json_as_str(v)) : DB_NULL;
}

struct db_param call_opt_bool(const struct call *c, const char *field)
{
    struct json v = call_input(c, field);
    return v.type == JSON_TRUE || v.type == JSON_FALSE ? DB_BOOL(v.type == JSON_TRUE) : DB_NULL;
}

int call_store_error(struct call *c, int rc, const char *constraint, const char *field,
                     const char *words, struct err *err)
{
    if ((rc == DB_E_UNIQUE || rc == DB_E_FOREIGN_KEY) && strcmp(err->field, constraint) == 0) {
        return call_refuse(c, field, "%s", words);
    }
    return rc;
}
