/* Owns the list of native components: explicit, sorted by key, searched by halves. Constant data,
 * so any thread may look. It refuses nothing; a unit test checks order, uniqueness and labels. */
#include "components/registry.h"

const struct component *const component_registry[] = {
    &component_aws_s3,
    &component_aws_sns,
    &component_aws_sqs,
    &component_branch,
    &component_change_data_format,
    &component_collection_tools,
    &component_cross_flow,
    &component_csv,
    &component_data_mapper,
    &component_datetime,
    &component_ftp,
    &component_hash,
    &component_http,
    &component_jmespath,
    &component_liquid_template,
    &component_log,
    &component_loop,
    &component_management_triggers,
    &component_math,
    &component_messagepack,
    &component_persist_data,
    &component_postgres,
    &component_process_data,
    &component_random,
    &component_recursive_flow,
    &component_redis,
    &component_schedule_triggers,
    &component_sftp,
    &component_sleep,
    &component_smtp,
    &component_stop_execution,
    &component_text_manipulation,
    &component_url,
    &component_webhook_triggers,
    &component_zip,
    NULL,
};

const struct component *component_find(const char *key)
{
    size_t low = 0, high = ARRAY_LEN(component_registry) - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(key, component_registry[middle]->key);
        if (order == 0) {
            return component_registry[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct action *component_action(const struct component *c, const char *key)
{
    for (const struct action *action = c->actions; action->key; action++) {
        if (strcmp(action->key, key) == 0) {
            return action;
        }
    }
    return NULL;
}
