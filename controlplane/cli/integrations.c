/* leat import, export and publish: integrations from files, to files, and their versions. */
#include "cli/commands.h"
#include "definition/definition.h"

struct import_config {
    const char *integration, *customer, *comment;
    bool check, publish;
};

static void tell_warnings(struct cli *cli, struct json payload)
{
    struct json warnings = cli_get(payload, "warnings");
    for (uint32_t i = 0; warnings.type == JSON_ARRAY && i < warnings.len; i++) {
        struct str s = json_as_str(warnings.items[i]);
        cli_progress(cli, "warning: %.*s", (int)s.len, s.ptr);
    }
}

static int publish(struct cli *cli, const char *id, const char *comment, struct json *ret,
                   struct err *err)
{
    return client_change(cli->client, cli->arena,
                         "mutation($input: PublishIntegrationInput!) { done: "
                         "publishIntegration(input: $input) { integration { id name versionNumber "
                         "versionSequenceId } errors { field messages } } }",
                         CLI_VARS(cli->arena, {"id", id}, {"comment", comment}), ret, err);
}

static int check(struct cli *cli, const char *file, struct str text, struct err *err)
{
    struct json_member member = {STR("definition"), json_str(text)};
    struct json done;
    int r = client_change(cli->client, cli->arena,
                          "mutation($input: ValidateIntegrationSchemaInput!) { done: "
                          "validateIntegrationSchema(input: $input) { result { isValid } warnings "
                          "errors { field messages } } }",
                          json_object(&member, 1), &done, err);
    if (r == 0 && cli->json) {
        cli_print_json(done);
    } else if (r == 0) {
        tell_warnings(cli, done);
        cli_say(cli, "%s can be imported.", file);
    }
    return r;
}

static int import(struct cli *cli, const struct import_config *o, struct str text,
                  struct json *ret_integration, struct err *err)
{
    const char *integration, *customer;
    struct json_builder input;
    struct json done;
    int r = cli_find_id(cli, FIND_INTEGRATION, o->integration, &integration, err);
    r = r ? r : cli_find_id(cli, FIND_CUSTOMER, o->customer, &customer, err);
    if (r != 0) {
        return r;
    }
    json_build_object(&input, cli->arena);
    json_set(&input, STR("definition"), json_str(text));
    if (integration) {
        json_set(&input, STR("integrationId"), json_cstr(integration));
    }
    if (customer) {
        json_set(&input, STR("customer"), json_cstr(customer));
    }
    r = client_change(cli->client, cli->arena,
                      "mutation($input: ImportIntegrationInput!) { done: importIntegration(input: "
                      "$input) { integration { id name hasUnpublishedChanges } warnings errors { "
                      "field messages } } }",
                      json_built(&input), &done, err);
    if (r == 0) {
        tell_warnings(cli, done);
        *ret_integration = cli_get(done, "integration");
    }
    return r;
}

static int call_import(struct cli *cli, const void *config, struct err *err)
{
    const struct import_config *o = config;
    struct str text;
    struct json integration, published;
    int r = cli_read_file(cli, cli->words[0], DEFINITION_MAX_BYTES, &text, err);
    if (r != 0 || o->check) {
        return r ? r : check(cli, cli->words[0], text, err);
    }
    r = import(cli, o, text, &integration, err);
    if (r != 0) {
        return r;
    }
    struct str name = cli_text(integration, "name");
    bool changed = cli_bool(integration, "hasUnpublishedChanges");
    if (o->publish && changed) {
        r = publish(cli, cli_cstr(cli->arena, integration, "id"), o->comment, &published, err);
        if (r != 0) {
            return r;
        }
        integration = cli_get(published, "integration");
        cli_say(cli, "%.*s: published version %lld", (int)name.len, name.ptr,
                (long long)cli_int(integration, "versionNumber"));
    } else {
        cli_say(cli, "%.*s: imported; the draft %s", (int)name.len, name.ptr,
                changed ? "has changes to publish" : "is the same as the latest version");
    }
    if (cli->json) {
        cli_print_json(integration);
    }
    return COMMAND_OK;
}

static const struct config_option import_options[] = {
    {"integration", CONFIG_STR, offsetof(struct import_config, integration), NULL,
     "replace the draft of this one, in place of the one of the same name", 0, 0, false},
    {"customer", CONFIG_STR, offsetof(struct import_config, customer), NULL,
     "the customer who owns a new one; without it is the organization's", 0, 0, false},
    {"publish", CONFIG_BOOL, offsetof(struct import_config, publish), NULL,
     "publish it, when it differs from the latest version", 0, 0, false},
    {"comment", CONFIG_STR, offsetof(struct import_config, comment), NULL,
     "what the version is told to be, with --publish", 0, 0, false},
    {"check", CONFIG_BOOL, offsetof(struct import_config, check), NULL,
     "check the file only, change nothing", 0, 0, false},
    {0},
};
const struct command command_import = {
    .name = "import",
    .summary = "make an integration, or its draft, from a file",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .word = WORD_FILE,
    .options = import_options,
    .call = call_import,
    .config_size = sizeof(struct import_config),
    .details = "FILE is a definition as YAML (- is standard input). The draft of the integration "
               "with the name in it\nis replaced; without one an integration is made.",
    .examples = "leat import orders.yml --publish --comment 'retries twice'\n"
                "leat import orders.yml --check",
    .output = "{id, name, versionNumber or hasUnpublishedChanges}; with --check {result, warnings}",
};

struct export_config {
    const char *version, *output;
    bool latest_components;
};

static int call_export(struct cli *cli, const void *config, struct err *err)
{
    const struct export_config *o = config;
    struct json integration, version, data;
    struct json_builder vars;
    int r = cli_find(cli, FIND_INTEGRATION, cli->words[0], &integration, err);
    r = r ? r : cli_find_version(cli, integration, o->version, &version, err);
    if (r != 0) {
        return r;
    }
    json_build_object(&vars, cli->arena);
    json_set(&vars, STR("id"), cli_get(version, "id"));
    json_set(&vars, STR("latest"), json_bool(o->latest_components));
    r = client_ask(cli->client, cli->arena,
                   "query($id: ID!, $latest: Boolean) { integration(id: $id) { id name "
                   "versionNumber definition(useLatestComponentVersions: $latest) } }",
                   json_built(&vars), &data, err);
    if (r != 0) {
        return r;
    }
    struct str text = cli_text(data, "integration.definition");
    if (text.len == 0) {
        return err_set(err, -EACCES, "cli.export", "its definition is not for this token's user");
    }
    if (*o->output && strcmp(o->output, "-") != 0) {
        r = cli_write_file(o->output, text, err);
    } else if (!cli->json) {
        (void)fwrite(text.ptr, 1, text.len, stdout);
    }
    if (r == 0 && cli->json) {
        cli_print_json(cli_get(data, "integration"));
    }
    return r;
}

static const struct config_option export_options[] = {
    {"version", CONFIG_STR, offsetof(struct export_config, version), "draft",
     "a number, latest or draft", 0, 0, false},
    {"latest-components", CONFIG_BOOL, offsetof(struct export_config, latest_components), NULL,
     "with LATEST in place of component versions", 0, 0, false},
    {"output", CONFIG_STR, offsetof(struct export_config, output), NULL,
     "file to write (-o), in place of standard output", 0, 0, false},
    {0},
};
const struct command command_export = {
    .name = "export",
    .summary = "write the definition of an integration as YAML",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .word = WORD_NAME,
    .options = export_options,
    .call = call_export,
    .config_size = sizeof(struct export_config),
    .examples = "leat export Orders --version latest -o orders.yml",
    .output = "{id, name, versionNumber, definition}",
};

struct publish_config {
    const char *comment;
};

static int call_publish(struct cli *cli, const void *config, struct err *err)
{
    const struct publish_config *o = config;
    struct json integration, done;
    int r = cli_find(cli, FIND_INTEGRATION, cli->words[0], &integration, err);
    r = r ? r
          : publish(cli, cli_cstr(cli->arena, integration, "versionSequenceId"), o->comment, &done,
                    err);
    if (r != 0) {
        return r;
    }
    integration = cli_get(done, "integration");
    struct str name = cli_text(integration, "name");
    cli_say(cli, "%.*s: published version %lld", (int)name.len, name.ptr,
            (long long)cli_int(integration, "versionNumber"));
    if (cli->json) {
        cli_print_json(integration);
    }
    return COMMAND_OK;
}

static const struct config_option publish_options[] = {
    {"comment", CONFIG_STR, offsetof(struct publish_config, comment), NULL,
     "what the version is told to be", 0, 0, false},
    {0},
};
const struct command command_publish = {
    .name = "publish",
    .summary = "make the draft of an integration its next version",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .word = WORD_NAME,
    .options = publish_options,
    .call = call_publish,
    .config_size = sizeof(struct publish_config),
    .examples = "leat publish Orders --comment 'retries twice'",
    .output = "{id, name, versionNumber, versionSequenceId}",
};
