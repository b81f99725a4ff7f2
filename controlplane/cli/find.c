/* Owns finding objects of the API by what people write: an id, or a name. */
#include "cli/cli.h"

#include "uuid.h"

#define CANDIDATES "10"

static const struct {
    const char *type, *word, *list;
    const char *by_id, *by_name, *near;
} kinds[_FIND_KIND_N] = {
    [FIND_INTEGRATION] =
        {"Integration", "integration", "integrations",
         "query($id: ID!) { found: integration(id: $id) { id name versionNumber versionSequenceId "
         "} }",
         "query($name: String) { found: integrations(name: $name, first: " CANDIDATES
         ") { nodes { id name versionNumber versionSequenceId customer { name } } } }",
         "query($name: String) { found: integrations(name_Icontains: $name, first: " CANDIDATES
         ") { nodes { id name } } }"},
    [FIND_CUSTOMER] =
        {"Customer", "customer", "customers",
         "query($id: ID!) { found: customer(id: $id) { id name externalId } }",
         "query($name: String) { found: customers(name: $name, first: " CANDIDATES
         ") { nodes { id name externalId } } external: customers(externalId: $name, first: "
         "1) { nodes { id name externalId } } }",
         "query($name: String) { found: customers(name_Icontains: $name, first: " CANDIDATES
         ") { nodes { id name } } }"},
    [FIND_INSTANCE] =
        {"Instance", "instance", "instances",
         "query($id: ID!) { found: instance(id: $id) { id name customer { id name } integration { "
         "id name versionNumber versionSequenceId } } }",
         "query($name: String, $customer: ID) { found: instances(name: $name, customer: "
         "$customer, first: " CANDIDATES
         ") { nodes { id name customer { id name } integration { id name versionNumber "
         "versionSequenceId } } } }",
         "query($name: String) { found: instances(name_Icontains: $name, first: " CANDIDATES
         ") { nodes { id name customer { name } } } }"},
};

static void add_candidate(struct cli *cli, struct json node)
{
    struct arena *a = cli->arena;
    struct str name = cli_text(node, "name"), customer = cli_text(node, "customer.name");
    cli_problem(cli, cli_text(node, "id"),
                customer.len ? str_of(arena_printf(a, "%.*s/%.*s", (int)customer.len, customer.ptr,
                                                   (int)name.len, name.ptr))
                             : name);
}

static int found_none(struct cli *cli, enum find_kind kind, const char *text, struct err *err)
{
    struct json data;
    const char *slash = strrchr(text, '/');
    const char *part = kind == FIND_INSTANCE && slash ? slash + 1 : text;
    int r = client_ask(cli->client, cli->arena, kinds[kind].near,
                       CLI_VARS(cli->arena, {"name", part}), &data, err);
    if (r != 0) {
        return r;
    }
    struct json nodes = cli_get(data, "found.nodes");
    for (uint32_t i = 0; i < nodes.len; i++) {
        add_candidate(cli, json_at(nodes, i));
    }
    return nodes.len ? err_set(err, -ENOENT, "cli.not_found",
                               "there is no %s \"%.200s\". Did you mean:", kinds[kind].word, text)
                     : err_set(err, -ENOENT, "cli.not_found",
                               "there is no %s \"%.200s\": `leat %s` lists them", kinds[kind].word,
                               text, kinds[kind].list);
}

static int by_name(struct cli *cli, enum find_kind kind, const char *name, const char *customer,
                   struct json *ret_nodes, struct err *err)
{
    struct json data;
    int r = client_ask(cli->client, cli->arena, kinds[kind].by_name,
                       CLI_VARS(cli->arena, {"name", name}, {"customer", customer}), &data, err);
    if (r != 0) {
        return r;
    }
    *ret_nodes = cli_get(data, "found.nodes");
    if (ret_nodes->len == 0 && kind == FIND_CUSTOMER) {
        *ret_nodes = cli_get(data, "external.nodes");
    }
    return 0;
}

/* CUSTOMER/INSTANCE: a name may hold a slash itself, so every one is tried. */
static int by_customer(struct cli *cli, const char *text, struct json *ret_nodes, struct err *err)
{
    int r = 0;
    for (const char *slash = strchr(text, '/'); r == 0 && slash && ret_nodes->len == 0;
         slash = strchr(slash + 1, '/')) {
        struct json customers;
        const char *customer = arena_strndup(cli->arena, text, (size_t)(slash - text));
        r = by_name(cli, FIND_CUSTOMER, customer, NULL, &customers, err);
        for (uint32_t i = 0; r == 0 && i < customers.len && ret_nodes->len == 0; i++) {
            r = by_name(cli, FIND_INSTANCE, slash + 1,
                        cli_cstr(cli->arena, json_at(customers, i), "id"), ret_nodes, err);
        }
    }
    return r;
}

int cli_find(struct cli *cli, enum find_kind kind, const char *text, struct json *ret,
             struct err *err)
{
    struct uuid id;
    struct json data, nodes;
    if (global_id_parse(str_of(text), kinds[kind].type, &id)) {
        int r = client_ask(cli->client, cli->arena, kinds[kind].by_id,
                           CLI_VARS(cli->arena, {"id", text}), &data, err);
        *ret = r == 0 ? cli_get(data, "found") : json_null();
        return r == 0 && ret->type != JSON_OBJECT
                   ? err_set(err, -ENOENT, "cli.not_found", "there is no %s with the id %.130s",
                             kinds[kind].word, text)
                   : r;
    }
    int r = by_name(cli, kind, text, NULL, &nodes, err);
    if (r == 0 && nodes.len == 0 && kind == FIND_INSTANCE) {
        r = by_customer(cli, text, &nodes, err);
    }
    if (r != 0) {
        return r;
    }
    if (nodes.len == 0) {
        return found_none(cli, kind, text, err);
    }
    if (nodes.len > 1) {
        for (uint32_t i = 0; i < nodes.len; i++) {
            add_candidate(cli, json_at(nodes, i));
        }
        return err_set(err, -EINVAL, "cli.ambiguous",
                       "\"%.200s\" is the name of several %s; give the id%s:", text,
                       kinds[kind].list, kind == FIND_INSTANCE ? ", or CUSTOMER/INSTANCE" : "");
    }
    *ret = json_at(nodes, 0);
    return 0;
}

int cli_find_id(struct cli *cli, enum find_kind kind, const char *text, const char **ret_id,
                struct err *err)
{
    struct json found;
    *ret_id = NULL;
    if (!text || !*text) {
        return 0;
    }
    int r = cli_find(cli, kind, text, &found, err);
    if (r == 0) {
        *ret_id = cli_cstr(cli->arena, found, "id");
    }
    return r;
}

int cli_find_version(struct cli *cli, struct json integration, const char *text, struct json *ret,
                     struct err *err)
{
    static const char query[] =
        "query($id: ID, $number: Int) { found: integrations(allVersions: true, versionSequence: "
        "$id, versionNumber: $number, first: 1, sortBy: [{field: VERSION_NUMBER, direction: "
        "DESC}]) "
        "{ nodes { id name versionNumber versionIsAvailable } } }";
    struct json_builder vars;
    struct json data;
    int64_t number = 0;
    bool latest = strcmp(text, "latest") == 0, draft = strcmp(text, "draft") == 0;
    if (!latest && !draft && (!str_to_i64(str_of(text), &number) || number < 1)) {
        return err_set(err, -EINVAL, "config.version",
                       "\"%.100s\" is no version: a number, latest or draft", text);
    }
    json_build_object(&vars, cli->arena);
    json_set(&vars, STR("id"), cli_get(integration, "versionSequenceId"));
    json_set(&vars, STR("number"), latest ? json_null() : json_num((double)number));
    int r = client_ask(cli->client, cli->arena, query, json_built(&vars), &data, err);
    if (r != 0) {
        return r;
    }
    *ret = json_at(cli_get(data, "found.nodes"), 0);
    if (ret->type != JSON_OBJECT || (latest && cli_int(*ret, "versionNumber") == 0)) {
        struct str name = cli_text(integration, "name");
        int len = (int)MIN(name.len, 200);
        return latest ? err_set(err, -ENOENT, "cli.not_found",
                                "%.*s has no version yet: `leat publish` makes one", len, name.ptr)
                      : err_set(err, -ENOENT, "cli.not_found", "%.*s has no version %.100s", len,
                                name.ptr, text);
    }
    return 0;
}
