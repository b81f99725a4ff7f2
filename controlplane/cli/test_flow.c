/* leat test: runs a flow by hand, of a draft or of an instance, and shows its steps as they end. */
#include "cli/commands.h"
#include "cli/watch.h"

#define PAYLOAD_MAX MIB(8)

struct test_config {
    const char *payload, *content_type, *headers, *instance;
    int64_t timeout;
    bool no_wait, log;
};

/* The flow of the name in a list of {id, name}; the only one when there is no name. */
static int choose(struct cli *cli, struct json nodes, const char *path, const char *wanted,
                  struct json *ret, struct err *err)
{
    for (uint32_t i = 0; i < nodes.len; i++) {
        struct str name = cli_text(nodes.items[i], path);
        if (wanted ? str_eq(name, str_of(wanted)) : nodes.len == 1) {
            *ret = nodes.items[i];
            return 0;
        }
        cli_problem(cli, STR(""), name);
    }
    return wanted ? err_set(err, -ENOENT, "cli.not_found",
                            "there is no flow \"%.200s\". There is:", wanted)
                  : err_set(err, -EINVAL, "config.flow", "which flow? There is:");
}

static int flow_of_draft(struct cli *cli, struct json *ret, struct err *err)
{
    struct json integration, data;
    int r = cli_find(cli, FIND_INTEGRATION, cli->words[0], &integration, err);
    struct json_member id = {STR("id"), cli_get(integration, "versionSequenceId")};
    r = r ? r
          : client_ask(
                cli->client, cli->arena,
                "query($id: ID!) { integration(id: $id) { flows(first: 100) { nodes { id name "
                "} } } }",
                json_object(&id, 1), &data, err);
    return r ? r
             : choose(cli, cli_get(data, "integration.flows.nodes"), "name",
                      cli->n_words > 1 ? cli->words[1] : NULL, ret, err);
}

static int flow_of_instance(struct cli *cli, struct json *ret, struct err *err)
{
    struct json instance, data;
    int r = cli_find(cli, FIND_INSTANCE, cli->words[0], &instance, err);
    struct json_member id = {STR("id"), cli_get(instance, "id")};
    r = r ? r
          : client_ask(cli->client, cli->arena,
                       "query($id: ID!) { instance(id: $id) { flowConfigs(first: 100) { nodes { id "
                       "flow { name } } } } }",
                       json_object(&id, 1), &data, err);
    return r ? r
             : choose(cli, cli_get(data, "instance.flowConfigs.nodes"), "flow.name",
                      cli->n_words > 1 ? cli->words[1] : NULL, ret, err);
}

/* "@file" is what is in the file, "@-" standard input; anything else is the payload itself. */
static int payload_of(struct cli *cli, const char *given, struct str *ret, struct err *err)
{
    *ret = str_of(given);
    return given[0] == '@' ? cli_read_file(cli, given + 1, PAYLOAD_MAX, ret, err) : 0;
}

static int start(struct cli *cli, const struct test_config *o, bool instance, struct json flow,
                 const char **ret_id, struct err *err)
{
    struct json_builder input;
    struct str payload;
    struct json done;
    int r = payload_of(cli, o->payload, &payload, err);
    if (r != 0) {
        return r;
    }
    json_build_object(&input, cli->arena);
    json_set(&input, STR("id"), cli_get(flow, "id"));
    if (payload.len > 0) {
        json_set(&input, STR("payload"), json_str(payload));
        json_set(&input, STR("contentType"), json_cstr(o->content_type));
    }
    if (*o->headers) {
        json_set(&input, STR("headers"), json_cstr(o->headers));
    }
    r = client_change(
        cli->client, cli->arena,
        instance ? "mutation($input: TestInstanceFlowConfigInput!) { done: "
                   "testInstanceFlowConfig(input: $input) { test: "
                   "testInstanceFlowConfigResult { execution { id } } errors { field "
                   "messages } } }"
                 : "mutation($input: TestIntegrationFlowInput!) { done: "
                   "testIntegrationFlow(input: $input) { test: testIntegrationFlowResult { "
                   "execution { id } } errors { field messages } } }",
        json_built(&input), &done, err);
    *ret_id = r == 0 ? cli_cstr(cli->arena, done, "test.execution.id") : NULL;
    return r;
}

static int call_test(struct cli *cli, const void *config, struct err *err)
{
    const struct test_config *o = config;
    bool instance = *o->instance != '\0';
    struct json flow, execution;
    const char *id;
    if (instance) { /* then the only word is the flow's name */
        cli->words[1] = cli->words[0];
        cli->n_words += cli->n_words == 1;
        cli->words[0] = o->instance;
    } else if (cli->n_words == 0) {
        return cli_usage(err, "test what? Name an integration, or an instance with --instance");
    }
    int r = instance ? flow_of_instance(cli, &flow, err) : flow_of_draft(cli, &flow, err);
    r = r ? r : start(cli, o, instance, flow, &id, err);
    if (r != 0) {
        return r;
    }
    cli_say(cli, "execution %s", id);
    r = o->no_wait ? watch_once(cli, cli->arena, id, &execution, err)
                   : watch_execution(cli, id, o->log, o->timeout, &execution, err);
    if (r != 0) {
        return r;
    }
    if (cli->json) {
        cli_print_json(execution);
    } else if (!o->no_wait) {
        watch_print_end(cli, execution);
    }
    return watch_status(execution);
}

static const struct config_option options[] = {
    {"payload", CONFIG_STR, offsetof(struct test_config, payload), NULL,
     "body of the request: a text, or @FILE for what is in it", 0, 0, false},
    {"content-type", CONFIG_STR, offsetof(struct test_config, content_type), "application/json",
     "of the payload", 0, 0, false},
    {"headers", CONFIG_STR, offsetof(struct test_config, headers), NULL,
     "more headers of the request, as a JSON object", 0, 0, false},
    {"instance", CONFIG_STR, offsetof(struct test_config, instance), NULL,
     "a flow of this deployed instance, in place of a draft's: then FLOW is the only word", 0, 0,
     false},
    {"no-wait", CONFIG_BOOL, offsetof(struct test_config, no_wait), NULL, "start it only", 0, 0,
     false},
    {"log", CONFIG_BOOL, offsetof(struct test_config, log), NULL, "with log lines", 0, 0, false},
    {"timeout", CONFIG_INT, offsetof(struct test_config, timeout), "900", "seconds to wait at most",
     1, 86400, false},
    {0},
};
const struct command command_test = {
    .name = "test",
    .summary = "run a flow by hand and show its steps as they end",
    .words = "[INTEGRATION] [FLOW]",
    .words_max = 2,
    .word = WORD_NAME,
    .options = options,
    .call = call_test,
    .config_size = sizeof(struct test_config),
    .details = "FLOW may be left out where there is one only. Exit status 1: the execution failed.",
    .examples = "leat test Orders 'New order' --payload @order.json --log\n"
                "leat test --instance 'Acme/Orders to ERP' 'New order' --payload '{\"n\": 1}'",
    .output = "{id, status, error, stepResults, logs, ...}",
};
