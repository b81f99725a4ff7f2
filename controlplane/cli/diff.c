/* leat diff: two versions of an integration, or a file against its draft. */
#include "cli/changes.h"
#include "cli/commands.h"
#include "definition/definition.h"

struct diff_config {
    const char *file;
};

static int show(struct cli *cli, struct json diff)
{
    struct json changes = cli_get(diff, "changes"), instances = cli_get(diff, "instances");
    if (cli->json) {
        cli_print_json(diff);
        return changes.len > 0 ? COMMAND_DIFFERS : COMMAND_OK;
    }
    changes_print(cli, changes, 0);
    if (cli_bool(diff, "truncated")) {
        cli_say(cli, "... and more");
    }
    if (instances.len > 0) {
        cli_say(cli, "Instances that would need values:");
    }
    for (uint32_t i = 0; i < instances.len; i++) {
        struct str name = cli_text(instances.items[i], "name");
        struct str customer = cli_text(instances.items[i], "customerName");
        struct json keys = cli_get(instances.items[i], "configVariables");
        AUTO(buf_done) struct buf list = {0};
        buf_init(&list, KIB(64));
        for (uint32_t k = 0; k < keys.len; k++) {
            buf_addf(&list, "%s%.*s", k ? ", " : "", (int)json_as_str(keys.items[k]).len,
                     json_as_str(keys.items[k]).ptr);
        }
        cli_say(cli, "  %.*s/%.*s: %s", (int)customer.len, customer.ptr, (int)name.len, name.ptr,
                buf_str(&list).ptr);
    }
    if (changes.len == 0) {
        cli_say(cli, "No changes.");
    }
    return changes.len > 0 ? COMMAND_DIFFERS : COMMAND_OK;
}

static int compare_file(struct cli *cli, struct json integration, const char *file, struct err *err)
{
    struct json data, changes;
    struct str text;
    struct json_member id = {STR("id"), cli_get(integration, "versionSequenceId")};
    int r = cli_read_file(cli, file, DEFINITION_MAX_BYTES, &text, err);
    r = r ? r
          : client_ask(cli->client, cli->arena,
                       "query($id: ID!) { integration(id: $id) { definition } }",
                       json_object(&id, 1), &data, err);
    r = r ? r : changes_of(cli, cli_text(data, "integration.definition"), text, &changes, err);
    if (r != 0) {
        return r;
    }
    struct json_member diff[] = {{STR("changes"), changes},
                                 {STR("truncated"), json_bool(false)},
                                 {STR("instances"), json_array(NULL, 0)}};
    return show(cli, json_object(diff, ARRAY_LEN(diff)));
}

static int call_diff(struct cli *cli, const void *config, struct err *err)
{
    const struct diff_config *o = config;
    struct json integration, from, to, data;
    int r = cli_find(cli, FIND_INTEGRATION, cli->words[0], &integration, err);
    if (r == 0 && *o->file) {
        return cli->n_words > 1
                   ? cli_usage(err, "--file compares with the draft, not with %s", cli->words[1])
                   : compare_file(cli, integration, o->file, err);
    }
    const char *first = cli->n_words > 1 ? cli->words[1] : "latest";
    const char *second = cli->n_words > 2 ? cli->words[2] : "draft";
    r = r ? r : cli_find_version(cli, integration, first, &from, err);
    r = r ? r : cli_find_version(cli, integration, second, &to, err);
    if (r != 0) {
        return r;
    }
    struct json_member vars[] = {{STR("from"), cli_get(from, "id")},
                                 {STR("to"), cli_get(to, "id")}};
    r = client_ask(
        cli->client, cli->arena,
        "query($from: ID!, $to: ID!) { integrationDiff(from: $from, to: $to) { changes { "
        "kind subject configVariable flow step name before after } truncated instances { "
        "id name customerName configVariables } } }",
        json_object(vars, ARRAY_LEN(vars)), &data, err);
    return r ? r : show(cli, cli_get(data, "integrationDiff"));
}

static const struct config_option options[] = {
    {"file", CONFIG_STR, offsetof(struct diff_config, file), NULL,
     "what importing this file would change of the draft", 0, 0, false},
    {0},
};
const struct command command_diff = {
    .name = "diff",
    .summary = "tell what one version of an integration changes of another",
    .words = "NAME [FROM [TO]]",
    .words_min = 1,
    .words_max = 3,
    .word = WORD_NAME,
    .options = options,
    .call = call_diff,
    .config_size = sizeof(struct diff_config),
    .details =
        "FROM and TO are a number, latest or draft; without them it is what the draft changes "
        "of the latest\nversion. Exit status 3: there are changes.",
    .examples = "leat diff Orders 3 4\nleat diff Orders --file orders.yml",
    .output = "{changes: [{kind, subject, configVariable, flow, step, name, before, after}], "
              "truncated, instances}",
};
