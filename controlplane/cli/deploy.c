/* leat deploy: instances, one after the other. Stops at the first that cannot be deployed. */
#include "cli/commands.h"

struct deploy_config {
    const char *version, *all_of;
    bool force;
};

static int choose_version(struct cli *cli, struct json instance, const char *text, struct err *err)
{
    struct json version, done;
    int r = cli_find_version(cli, cli_get(instance, "integration"), text, &version, err);
    if (r != 0 ||
        cli_int(version, "versionNumber") == cli_int(instance, "integration.versionNumber")) {
        return r;
    }
    struct json_member input[] = {{STR("id"), cli_get(instance, "id")},
                                  {STR("integration"), cli_get(version, "id")}};
    return client_change(cli->client, cli->arena,
                         "mutation($input: UpdateInstanceInput!) { done: updateInstance(input: "
                         "$input) { instance { id } errors { field messages } } }",
                         json_object(input, ARRAY_LEN(input)), &done, err);
}

static int deploy_one(struct cli *cli, const struct deploy_config *o, struct json instance,
                      struct json *ret, struct err *err)
{
    struct json_member input[] = {{STR("id"), cli_get(instance, "id")},
                                  {STR("force"), json_bool(o->force)}};
    struct json done;
    int r = *o->version ? choose_version(cli, instance, o->version, err) : 0;
    r = r ? r
          : client_change(cli->client, cli->arena,
                          "mutation($input: DeployInstanceInput!) { done: deployInstance(input: "
                          "$input) { instance { id name deployedVersion customer { id name } "
                          "flowConfigs { nodes { webhookUrl flow { name } } } } errors { field "
                          "messages } } }",
                          json_object(input, ARRAY_LEN(input)), &done, err);
    struct str name = cli_text(instance, "name"), customer = cli_text(instance, "customer.name");
    if (r != 0) {
        err_prefix(err, "%.*s/%.*s", (int)MIN(customer.len, 100), customer.ptr,
                   (int)MIN(name.len, 100), name.ptr);
        return r;
    }
    *ret = cli_get(done, "instance");
    cli_say(cli, "%.*s/%.*s: deployed version %lld", (int)customer.len, customer.ptr, (int)name.len,
            name.ptr, (long long)cli_int(*ret, "deployedVersion"));
    struct json flows = cli_get(*ret, "flowConfigs.nodes");
    for (uint32_t i = 0; i < flows.len; i++) {
        struct str flow = cli_text(flows.items[i], "flow.name");
        struct str url = cli_text(flows.items[i], "webhookUrl");
        cli_say(cli, "  %.*s: %.*s", (int)flow.len, flow.ptr, (int)url.len, url.ptr);
    }
    return 0;
}

static int find_all(struct cli *cli, const char *name, struct json_builder *all, struct err *err)
{
    const char *integration;
    struct json nodes;
    bool more;
    int r = cli_find_id(cli, FIND_INTEGRATION, name, &integration, err);
    r = r || !integration
            ? r
            : cli_list(cli,
                       "query($first: Int, $after: String, $integration: ID) { instances(first: "
                       "$first, after: $after, integration: $integration, sortBy: [{field: NAME, "
                       "direction: ASC}]) { nodes { id name customer { id name } integration { id "
                       "name versionNumber versionSequenceId } } pageInfo { hasNextPage endCursor "
                       "} } }",
                       CLI_VARS(cli->arena, {"integration", integration}), "instances", 100000,
                       &nodes, &more, err);
    for (uint32_t i = 0; r == 0 && integration && i < nodes.len; i++) {
        json_push(all, nodes.items[i]);
    }
    return r;
}

static int call_deploy(struct cli *cli, const void *config, struct err *err)
{
    const struct deploy_config *o = config;
    struct json_builder wanted, done;
    json_build_array(&wanted, cli->arena);
    json_build_array(&done, cli->arena);
    if (cli->n_words == 0 && !*o->all_of) {
        return cli_usage(err, "deploy what? Name instances, or an integration with --all-of");
    }
    int r = find_all(cli, o->all_of, &wanted, err);
    for (size_t i = 0; r == 0 && i < cli->n_words; i++) {
        struct json instance;
        r = cli_find(cli, FIND_INSTANCE, cli->words[i], &instance, err);
        if (r == 0) {
            json_push(&wanted, instance);
        }
    }
    for (uint32_t i = 0; r == 0 && i < wanted.len; i++) {
        struct json one;
        r = deploy_one(cli, o, json_at(json_built(&wanted), i), &one, err);
        if (r == 0) {
            json_push(&done, one);
        } else if (i > 0) {
            cli_progress(cli, "%u of %u are deployed; the others are as they were.", i, wanted.len);
        }
    }
    if (r == 0 && cli->json) {
        cli_print_json(json_built(&done));
    }
    return r;
}

static const struct config_option options[] = {
    {"version", CONFIG_STR, offsetof(struct deploy_config, version), NULL,
     "another version first: a number or latest; without it the one that was chosen", 0, 0, false},
    {"all-of", CONFIG_STR, offsetof(struct deploy_config, all_of), NULL,
     "all instances of this integration", 0, 0, false},
    {"force", CONFIG_BOOL, offsetof(struct deploy_config, force), NULL,
     "also when config variables have no value", 0, 0, false},
    {0},
};
const struct command command_deploy = {
    .name = "deploy",
    .summary = "put the configuration and version of instances into force",
    .words = "[INSTANCE...]",
    .words_max = COMMAND_WORDS_MAX,
    .word = WORD_NAME,
    .options = options,
    .call = call_deploy,
    .config_size = sizeof(struct deploy_config),
    .examples = "leat deploy 'Acme/Orders to ERP'\nleat deploy --all-of Orders --version latest",
    .output = "[{id, name, deployedVersion, customer, flowConfigs}]",
};
