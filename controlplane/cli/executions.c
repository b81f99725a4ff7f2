/* leat executions: what ran, or one execution with its steps, also while it runs. */
#include "cli/commands.h"
#include "cli/watch.h"

struct executions_config {
    const char *instance, *customer, *integration, *status, *since;
    int64_t limit, timeout;
    bool watch, log;
};

static int show_one(struct cli *cli, const struct executions_config *o, struct err *err)
{
    struct json execution;
    int r = o->watch ? watch_execution(cli, cli->words[0], o->log, o->timeout, &execution, err)
                     : watch_once(cli, cli->arena, cli->words[0], &execution, err);
    if (r != 0) {
        return r;
    }
    if (cli->json) {
        cli_print_json(execution);
        return o->watch ? watch_status(execution) : COMMAND_OK;
    }
    struct json steps = cli_get(execution, "stepResults.nodes");
    for (uint32_t i = 0; !o->watch && i < steps.len; i++) {
        watch_print_step(cli, steps.items[i]);
    }
    struct json logs = cli_get(execution, "logs.nodes");
    for (uint32_t i = logs.len; !o->watch && o->log && i > 0; i--) {
        struct str level = cli_text(logs.items[i - 1], "level");
        struct str message = cli_text(logs.items[i - 1], "message");
        cli_say(cli, "    %.*s %.*s", (int)level.len, level.ptr, (int)MIN(message.len, 1500),
                message.ptr);
    }
    watch_print_end(cli, execution);
    return o->watch ? watch_status(execution) : COMMAND_OK;
}

static int check_status(const char *status, struct err *err)
{
    static const char *const known[] = {"", "PENDING", "QUEUED", "SUCCESS", "ERROR"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(status, known[i]) == 0) {
            return 0;
        }
    }
    return cli_usage(err, "--status is PENDING, QUEUED, SUCCESS or ERROR");
}

int executions_list(struct cli *cli, const struct executions_filter *f, int64_t limit,
                    struct json *ret_nodes, bool *ret_more, struct err *err)
{
    static const char query[] =
        "query($first: Int, $after: String, $instance: ID, $customer: ID, $integration: ID, "
        "$status: ExecutionStatus, $since: DateTime) { executionResults(first: $first, after: "
        "$after, instance: $instance, instance_Customer: $customer, instance_Integration: "
        "$integration, status: $status, startedAt_Gte: $since) { nodes { id status resultType "
        "invokeType startedAt endedAt error errorStep retryNextAt flow { name } instance { id name "
        "customer { name } } } pageInfo { hasNextPage endCursor } } }";
    const char *instance, *customer, *integration, *since = NULL;
    if (*f->since && !(since = text_since(cli->arena, f->since))) {
        return cli_usage(err, "--since is a time like 15m, 2h, 7d or 2026-01-02T03:04:05Z");
    }
    int r = check_status(f->status, err);
    r = r ? r : cli_find_id(cli, FIND_INSTANCE, f->instance, &instance, err);
    r = r ? r : cli_find_id(cli, FIND_CUSTOMER, f->customer, &customer, err);
    r = r ? r : cli_find_id(cli, FIND_INTEGRATION, f->integration, &integration, err);
    return r ? r
             : cli_list(cli, query,
                        CLI_VARS(cli->arena, {"instance", instance}, {"customer", customer},
                                 {"integration", integration},
                                 {"status", *f->status ? f->status : NULL}, {"since", since}),
                        "executionResults", limit, ret_nodes, ret_more, err);
}

static int call_executions(struct cli *cli, const void *config, struct err *err)
{
    static const struct table_column columns[] = {
        {"STARTED", false, false}, {"TOOK", true, false},     {"STATUS", false, false},
        {"CUSTOMER", false, true}, {"INSTANCE", false, true}, {"FLOW", false, true},
        {"ERROR", false, true},    {"ID", false, false},      {0}};
    const struct executions_config *o = config;
    struct json nodes;
    bool more;
    if (cli->n_words > 0) {
        return show_one(cli, o, err);
    }
    if (o->watch) {
        return cli_usage(err, "--watch follows one execution: give its id");
    }
    struct executions_filter filter = {o->instance, o->customer, o->integration, o->status,
                                       o->since};
    int r = executions_list(cli, &filter, o->limit, &nodes, &more, err);
    if (r != 0 || cli->json) {
        if (r == 0) {
            cli_print_json(nodes);
        }
        return r;
    }
    struct table *t = table_new(cli->arena, columns);
    for (uint32_t i = 0; i < nodes.len; i++) {
        struct json n = nodes.items[i];
        table_cell(t, text_time(cli->arena, cli_text(n, "startedAt")));
        table_cell(t, text_duration(cli->arena, cli_text(n, "startedAt"), cli_text(n, "endedAt")));
        table_cell(t, cli_text(n, "status"));
        table_cell(t, cli_text(n, "instance.customer.name"));
        table_cell(t, cli_text(n, "instance.name"));
        table_cell(t, cli_text(n, "flow.name"));
        table_cell(t, text_cut(cli->arena, cli_text(n, "error"), 200));
        table_cell(t, cli_text(n, "id"));
    }
    table_print(t);
    return COMMAND_OK;
}

static const struct config_option options[] = {
    {"instance", CONFIG_STR, offsetof(struct executions_config, instance), NULL,
     "those of an instance", 0, 0, false},
    {"customer", CONFIG_STR, offsetof(struct executions_config, customer), NULL,
     "those of a customer's instances", 0, 0, false},
    {"integration", CONFIG_STR, offsetof(struct executions_config, integration), NULL,
     "those of an integration's instances", 0, 0, false},
    {"status", CONFIG_STR, offsetof(struct executions_config, status), NULL,
     "PENDING, QUEUED, SUCCESS or ERROR", 0, 0, false},
    {"since", CONFIG_STR, offsetof(struct executions_config, since), NULL,
     "accepted since: 15m, 2h, 7d or an instant", 0, 0, false},
    {"limit", CONFIG_INT, offsetof(struct executions_config, limit), "20", "at most so many", 1,
     100000, false},
    {"watch", CONFIG_BOOL, offsetof(struct executions_config, watch), NULL,
     "follow the one of the id until it ends; exit status 1 when it failed", 0, 0, false},
    {"log", CONFIG_BOOL, offsetof(struct executions_config, log), NULL,
     "with log lines, of the one of the id", 0, 0, false},
    {"timeout", CONFIG_INT, offsetof(struct executions_config, timeout), "900",
     "seconds to watch at most", 1, 86400, false},
    {0},
};
const struct command command_executions = {
    .name = "executions",
    .summary = "list executions, newest first, or show one with its steps",
    .words = "[ID]",
    .words_max = 1,
    .options = options,
    .call = call_executions,
    .config_size = sizeof(struct executions_config),
    .examples = "leat executions --customer Acme --status ERROR --since 2h\n"
                "leat executions ID --watch --log",
    .output = "[{id, status, startedAt, endedAt, error, flow, instance, ...}], or one with "
              "stepResults and logs",
};
