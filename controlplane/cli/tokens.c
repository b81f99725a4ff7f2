/* leat token create, list and revoke: API tokens by the API. The first one of all is made by `leat
 * token` on the database. */
#include "cli/commands.h"

struct token_create_config {
    const char *scope;
    int64_t expires_days;
};

static int call_create(struct cli *cli, const void *config, struct err *err)
{
    const struct token_create_config *o = config;
    struct json_builder input;
    struct json done;
    json_build_object(&input, cli->arena);
    json_set(&input, STR("name"), json_cstr(cli->words[0]));
    json_set(&input, STR("scope"), json_cstr(o->scope));
    if (o->expires_days > 0) {
        json_set(&input, STR("expiresInDays"), json_num((double)o->expires_days));
    }
    int r = client_change(cli->client, cli->arena,
                          "mutation($input: CreateApiTokenInput!) { done: createApiToken(input: "
                          "$input) { apiToken { id name scope expiresAt } token errors { field "
                          "messages } } }",
                          json_built(&input), &done, err);
    if (r != 0) {
        return r;
    }
    if (cli->json) {
        struct json_member shown[] = {{STR("apiToken"), cli_get(done, "apiToken")},
                                      {STR("token"), cli_get(done, "token")}};
        cli_print_json(json_object(shown, ARRAY_LEN(shown)));
    } else {
        printf("%s\n", cli_cstr(cli->arena, done, "token"));
    }
    return COMMAND_OK;
}

static const struct config_option create_options[] = {
    {"scope", CONFIG_STR, offsetof(struct token_create_config, scope), "admin",
     "what it may of what you may: read, write (nothing that takes an admin) or admin", 0, 0,
     false},
    {"expires-days", CONFIG_INT, offsetof(struct token_create_config, expires_days), "0",
     "days until it expires; 0 = never", 0, 3650, false},
    {0},
};
const struct command command_token_create = {
    .name = "token create",
    .summary = "make an API token; it is shown this once",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .options = create_options,
    .call = call_create,
    .config_size = sizeof(struct token_create_config),
    .examples = "leat token create 'nightly report' --scope read --expires-days 90",
    .output = "{apiToken: {id, name, scope, expiresAt}, token}",
};

struct token_list_config {
    bool everybody, revoked;
};

static int call_list(struct cli *cli, const void *config, struct err *err)
{
#define TOKEN_PAGE                                                                                 \
    "apiTokens(first: $first, after: $after, revokedAt_Isnull: $open, sortBy: [{field: NAME, "     \
    "direction: ASC}]) { nodes { id name scope createdAt expiresAt revokedAt lastUsedAt user { "   \
    "email } } pageInfo { hasNextPage endCursor } }"
    static const struct table_column columns[] = {{"NAME", false, true},
                                                  {"SCOPE", false, false},
                                                  {"USER", false, true},
                                                  {"EXPIRES", false, false},
                                                  {"LAST USED", false, false},
                                                  {"ID", false, false},
                                                  {0}};
    const struct token_list_config *o = config;
    struct json_member open = {STR("open"), o->revoked ? json_null() : json_bool(true)};
    struct json nodes;
    bool more;
    int r = cli_list(cli,
                     o->everybody
                         ? "query($first: Int, $after: String, $open: Boolean) { organization "
                           "{ " TOKEN_PAGE " } }"
                         : "query($first: Int, $after: String, $open: Boolean) { " TOKEN_PAGE " }",
                     json_object(&open, 1), o->everybody ? "organization.apiTokens" : "apiTokens",
                     10000, &nodes, &more, err);
    if (r != 0 || cli->json) {
        if (r == 0) {
            cli_print_json(nodes);
        }
        return r;
    }
    struct table *t = table_new(cli->arena, columns);
    for (uint32_t i = 0; i < nodes.len; i++) {
        struct json n = nodes.items[i];
        table_cell(t, cli_text(n, "name"));
        table_cell(t, cli_text(n, "revokedAt").len ? STR("revoked") : cli_text(n, "scope"));
        table_cell(t, cli_text(n, "user.email"));
        table_cell(t, text_time(cli->arena, cli_text(n, "expiresAt")));
        table_cell(t, text_time(cli->arena, cli_text(n, "lastUsedAt")));
        table_cell(t, cli_text(n, "id"));
    }
    table_print(t);
    return COMMAND_OK;
}

static const struct config_option list_options[] = {
    {"everybody", CONFIG_BOOL, offsetof(struct token_list_config, everybody), NULL,
     "those of all users; takes an admin", 0, 0, false},
    {"revoked", CONFIG_BOOL, offsetof(struct token_list_config, revoked), NULL,
     "with those that were revoked", 0, 0, false},
    {0},
};
const struct command command_token_list = {
    .name = "token list",
    .summary = "list API tokens",
    .options = list_options,
    .call = call_list,
    .config_size = sizeof(struct token_list_config),
    .examples = "leat token list --everybody",
    .output = "[{id, name, scope, createdAt, expiresAt, revokedAt, lastUsedAt, user}]",
};

static int call_revoke(struct cli *cli, const void *config, struct err *err)
{
    struct json done;
    int r = client_change(cli->client, cli->arena,
                          "mutation($input: RevokeApiTokenInput!) { done: revokeApiToken(input: "
                          "$input) { apiToken { id name revokedAt } errors { field messages } } }",
                          CLI_VARS(cli->arena, {"id", cli->words[0]}), &done, err);
    if (r == 0 && cli->json) {
        cli_print_json(cli_get(done, "apiToken"));
    } else if (r == 0) {
        struct str name = cli_text(done, "apiToken.name");
        cli_say(cli, "%.*s: revoked", (int)name.len, name.ptr);
    }
    return r;
}

const struct command command_token_revoke = {
    .name = "token revoke",
    .summary = "end an API token at once",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .call = call_revoke,
    .examples = "leat token revoke ID",
    .output = "{id, name, revokedAt}",
};
