/* leat integrations, customers and instances: lists of what there is. */
#include "cli/commands.h"

struct list_config {
    const char *name, *customer, *integration;
    int64_t limit;
    bool needs_deploy;
};
#define LIMIT_OPTION                                                                               \
    {                                                                                              \
        "limit", CONFIG_INT, offsetof(struct list_config, limit), "1000", "at most so many", 1,    \
            100000, false                                                                          \
    }
#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name", CONFIG_STR, offsetof(struct list_config, name), NULL,                              \
            "those whose name holds this text", 0, 0, false                                        \
    }

/* How a cell is made of a node. */
struct list_cell {
    struct table_column column;
    const char *path;
    struct str (*fn)(struct arena *a, struct json node); /* in place of the path */
};

static void note_more(struct cli *cli, bool more, int64_t limit)
{
    if (more) {
        cli_progress(cli, "There are more than %lld: see --limit.", (long long)limit);
    }
}

static int print_list(struct cli *cli, const char *query, struct json vars, const char *list,
                      int64_t limit, const struct list_cell *cells, struct err *err)
{
    struct json nodes;
    bool more;
    struct table_column columns[TABLE_COLUMNS_MAX + 1] = {0};
    size_t n = 0;
    int r = cli_list(cli, query, vars, list, limit, &nodes, &more, err);
    if (r != 0) {
        return r;
    }
    if (cli->json) {
        cli_print_json(nodes);
        return COMMAND_OK;
    }
    for (; cells[n].column.title; n++) {
        columns[n] = cells[n].column;
    }
    struct table *t = table_new(cli->arena, columns);
    for (uint32_t i = 0; i < nodes.len; i++) {
        for (size_t c = 0; c < n; c++) {
            struct json node = nodes.items[i];
            table_cell(t,
                       cells[c].fn ? cells[c].fn(cli->arena, node) : cli_text(node, cells[c].path));
        }
    }
    table_print(t);
    note_more(cli, more, limit);
    return COMMAND_OK;
}

static struct str number(struct arena *a, int64_t n)
{
    return str_of(arena_printf(a, "%lld", (long long)n));
}

static struct str updated(struct arena *a, struct json node)
{
    return text_time(a, cli_text(node, "updatedAt"));
}

static struct str latest(struct arena *a, struct json node)
{
    struct json last = json_at(cli_get(node, "versionSequence.nodes"), 0);
    return last.type == JSON_OBJECT ? number(a, cli_int(last, "versionNumber")) : STR("-");
}

static struct str draft(struct arena *a, struct json node)
{
    return cli_bool(node, "hasUnpublishedChanges") ? STR("changed") : STR("-");
}

static struct str instance_count(struct arena *a, struct json node)
{
    return number(a, cli_int(node, "instances.totalCount"));
}

static const char *text_or_null(const char *s)
{
    return *s ? s : NULL;
}

static int call_integrations(struct cli *cli, const void *config, struct err *err)
{
    static const char query[] =
        "query($first: Int, $after: String, $name: String, $customer: ID) { integrations(first: "
        "$first, after: $after, name_Icontains: $name, customer: $customer, sortBy: [{field: NAME, "
        "direction: ASC}]) { nodes { id name category customer { id name } hasUnpublishedChanges "
        "updatedAt versionSequence(first: 1, sortBy: [{field: VERSION_NUMBER, direction: DESC}]) { "
        "nodes { versionNumber versionCreatedAt } } instances(first: 1) { totalCount } } pageInfo "
        "{ "
        "hasNextPage endCursor } } }";
    static const struct list_cell cells[] = {{{"NAME", false, true}, "name", NULL},
                                             {{"VERSION", true, false}, NULL, latest},
                                             {{"DRAFT", false, false}, NULL, draft},
                                             {{"INSTANCES", true, false}, NULL, instance_count},
                                             {{"CUSTOMER", false, true}, "customer.name", NULL},
                                             {{"CHANGED", false, false}, NULL, updated},
                                             {{0}}};
    const struct list_config *o = config;
    const char *customer;
    int r = cli_find_id(cli, FIND_CUSTOMER, o->customer, &customer, err);
    return r ? r
             : print_list(
                   cli, query,
                   CLI_VARS(cli->arena, {"name", text_or_null(o->name)}, {"customer", customer}),
                   "integrations", o->limit, cells, err);
}

static const struct config_option integrations_options[] = {
    NAME_OPTION,
    {"customer", CONFIG_STR, offsetof(struct list_config, customer), NULL,
     "those that this customer owns", 0, 0, false},
    LIMIT_OPTION,
    {0},
};
const struct command command_integrations = {
    .name = "integrations",
    .summary = "list integrations",
    .options = integrations_options,
    .call = call_integrations,
    .config_size = sizeof(struct list_config),
    .examples = "leat integrations --name orders",
    .output = "[{id, name, category, customer, hasUnpublishedChanges, updatedAt, versionSequence, "
              "instances}]",
};

static int call_customers(struct cli *cli, const void *config, struct err *err)
{
    static const char query[] =
        "query($first: Int, $after: String, $name: String) { customers(first: $first, after: "
        "$after, name_Icontains: $name, sortBy: [{field: NAME, direction: ASC}]) { nodes { id name "
        "externalId description labels concurrencyLimit updatedAt instances(first: 1) { totalCount "
        "} } pageInfo { hasNextPage endCursor } } }";
    static const struct list_cell cells[] = {{{"NAME", false, true}, "name", NULL},
                                             {{"EXTERNAL ID", false, true}, "externalId", NULL},
                                             {{"INSTANCES", true, false}, NULL, instance_count},
                                             {{"CHANGED", false, false}, NULL, updated},
                                             {{0}}};
    const struct list_config *o = config;
    return print_list(cli, query, CLI_VARS(cli->arena, {"name", text_or_null(o->name)}),
                      "customers", o->limit, cells, err);
}

static const struct config_option customers_options[] = {NAME_OPTION, LIMIT_OPTION, {0}};
const struct command command_customers = {
    .name = "customers",
    .summary = "list customers",
    .options = customers_options,
    .call = call_customers,
    .config_size = sizeof(struct list_config),
    .examples = "leat customers --json",
    .output = "[{id, name, externalId, description, labels, concurrencyLimit, updatedAt, "
              "instances}]",
};

static struct str version(struct arena *a, struct json node)
{
    struct json running = cli_get(node, "deployedVersion");
    return running.type == JSON_NUMBER ? number(a, cli_int(node, "deployedVersion")) : STR("-");
}

static struct str state(struct arena *a, struct json node)
{
    if (version(a, node).ptr[0] == '-') {
        return STR("not deployed");
    }
    if (!cli_bool(node, "enabled")) {
        return STR("paused");
    }
    return cli_bool(node, "needsDeploy") ? STR("changed") : STR("deployed");
}

static struct str executed(struct arena *a, struct json node)
{
    return text_time(a, cli_text(node, "lastExecutedAt"));
}

static int call_instances(struct cli *cli, const void *config, struct err *err)
{
    static const char query[] =
        "query($first: Int, $after: String, $name: String, $customer: ID, $integration: ID, "
        "$needsDeploy: Boolean) { instances(first: $first, after: $after, name_Icontains: $name, "
        "customer: $customer, integration: $integration, needsDeploy: $needsDeploy, sortBy: "
        "[{field: NAME, direction: ASC}]) { nodes { id name enabled needsDeploy configState "
        "deployedVersion lastDeployedAt lastExecutedAt customer { id name } integration { id name "
        "versionNumber } } pageInfo { hasNextPage endCursor } } }";
    static const struct list_cell cells[] = {
        {{"CUSTOMER", false, true}, "customer.name", NULL},
        {{"INSTANCE", false, true}, "name", NULL},
        {{"INTEGRATION", false, true}, "integration.name", NULL},
        {{"VERSION", true, false}, NULL, version},
        {{"STATE", false, false}, NULL, state},
        {{"LAST RUN", false, false}, NULL, executed},
        {{0}}};
    const struct list_config *o = config;
    const char *customer, *integration;
    struct json_builder vars;
    int r = cli_find_id(cli, FIND_CUSTOMER, o->customer, &customer, err);
    r = r ? r : cli_find_id(cli, FIND_INTEGRATION, o->integration, &integration, err);
    if (r != 0) {
        return r;
    }
    json_build_object(&vars, cli->arena);
    json_set(&vars, STR("name"), *o->name ? json_cstr(o->name) : json_null());
    json_set(&vars, STR("customer"), customer ? json_cstr(customer) : json_null());
    json_set(&vars, STR("integration"), integration ? json_cstr(integration) : json_null());
    json_set(&vars, STR("needsDeploy"), o->needs_deploy ? json_bool(true) : json_null());
    return print_list(cli, query, json_built(&vars), "instances", o->limit, cells, err);
}

static const struct config_option instances_options[] = {
    NAME_OPTION,
    {"customer", CONFIG_STR, offsetof(struct list_config, customer), NULL, "those of a customer", 0,
     0, false},
    {"integration", CONFIG_STR, offsetof(struct list_config, integration), NULL,
     "those of an integration, whatever its version", 0, 0, false},
    {"needs-deploy", CONFIG_BOOL, offsetof(struct list_config, needs_deploy), NULL,
     "those that changed since they were deployed", 0, 0, false},
    LIMIT_OPTION,
    {0},
};
const struct command command_instances = {
    .name = "instances",
    .summary = "list instances",
    .options = instances_options,
    .call = call_instances,
    .config_size = sizeof(struct list_config),
    .examples =
        "leat instances --customer Acme\nleat instances --integration Orders --needs-deploy",
    .output = "[{id, name, enabled, needsDeploy, configState, deployedVersion, lastDeployedAt, "
              "lastExecutedAt, customer, integration}]",
};
