/* leat replay: stored requests again, one after the other. An execution that cannot be replayed
 * does not keep the others from it; the exit status tells. */
#include "cli/commands.h"
#include "cli/watch.h"

struct replay_config {
    const char *instance, *customer, *integration, *since;
    int64_t limit, timeout;
    bool failed, yes, wait;
};

struct replayed {
    const char *from, *to; /* ids; to NULL = it was refused */
    const char *status, *error;
};

static int ids_of_failed(struct cli *cli, const struct replay_config *o, struct json_builder *ids,
                         struct err *err)
{
    struct executions_filter filter = {o->instance, o->customer, o->integration, "ERROR", o->since};
    struct json nodes;
    bool more;
    int r = executions_list(cli, &filter, o->limit, &nodes, &more, err);
    for (uint32_t i = r == 0 ? nodes.len : 0; i > 0; i--) { /* in the order they came */
        json_push(ids, cli_get(nodes.items[i - 1], "id"));
    }
    if (r == 0 && more) {
        cli_progress(cli, "There are more than %lld: see --limit.", (long long)o->limit);
    }
    return r;
}

static int one(struct cli *cli, const char *id, struct replayed *ret, struct err *err)
{
    struct json done;
    ret->from = id;
    ret->status = "REFUSED";
    ret->error = "";
    int r = client_change(cli->client, cli->arena,
                          "mutation($input: ReplayExecutionInput!) { done: replayExecution(input: "
                          "$input) { instanceExecutionResult { id } errors { field messages } } }",
                          CLI_VARS(cli->arena, {"id", id}), &done, err);
    if (r == 0) {
        ret->to = cli_cstr(cli->arena, done, "instanceExecutionResult.id");
        ret->status = "PENDING";
        return 0;
    }
    if (strcmp(err->code, "client.refused") != 0) {
        return r; /* the API is away: the others would fail, too */
    }
    ret->error = arena_strdup(cli->arena, err->message);
    return 0;
}

static int wait_for(struct cli *cli, const struct replay_config *o, struct replayed *all, size_t n,
                    struct err *err)
{
    struct cli quiet = *cli;
    quiet.json = true; /* no steps */
    for (size_t i = 0; o->wait && i < n; i++) {
        struct json execution;
        if (!all[i].to) {
            continue;
        }
        int r = watch_execution(&quiet, all[i].to, false, o->timeout, &execution, err);
        if (r != 0) {
            return r;
        }
        all[i].status = cli_cstr(cli->arena, execution, "status");
        all[i].error = cli_cstr(cli->arena, execution, "error");
        cli_progress(cli, "%zu of %zu ended: %s", i + 1, n, all[i].status);
    }
    return 0;
}

static int tell(struct cli *cli, const struct replayed *all, size_t n)
{
    static const struct table_column columns[] = {{"EXECUTION", false, false},
                                                  {"REPLAY", false, false},
                                                  {"STATUS", false, false},
                                                  {"ERROR", false, true},
                                                  {0}};
    struct table *t = table_new(cli->arena, columns);
    struct json_builder list;
    bool failed = false;
    json_build_array(&list, cli->arena);
    for (size_t i = 0; i < n; i++) {
        struct json_builder row;
        json_build_object(&row, cli->arena);
        json_append(&row, STR("execution"), json_cstr(all[i].from));
        json_append(&row, STR("replay"), all[i].to ? json_cstr(all[i].to) : json_null());
        json_append(&row, STR("status"), json_cstr(all[i].status));
        json_append(&row, STR("error"), *all[i].error ? json_cstr(all[i].error) : json_null());
        json_push(&list, json_built(&row));
        table_cell(t, str_of(all[i].from));
        table_cell(t, all[i].to ? str_of(all[i].to) : STR("-"));
        table_cell(t, str_of(all[i].status));
        table_cell(t, str_of(all[i].error));
        failed = failed || !all[i].to || strcmp(all[i].status, "ERROR") == 0;
    }
    if (cli->json) {
        cli_print_json(json_built(&list));
    } else {
        table_print(t);
    }
    return failed ? COMMAND_FAILED : COMMAND_OK;
}

static int call_replay(struct cli *cli, const void *config, struct err *err)
{
    const struct replay_config *o = config;
    struct json_builder ids;
    int r = 0;
    json_build_array(&ids, cli->arena);
    if ((cli->n_words > 0) == o->failed) {
        return cli_usage(err,
                         "replay what? Name executions by their ids, or those that failed with "
                         "--failed");
    }
    for (size_t i = 0; i < cli->n_words; i++) {
        json_push(&ids, json_cstr(cli->words[i]));
    }
    r = o->failed ? ids_of_failed(cli, o, &ids, err) : 0;
    if (r == 0 && o->failed && ids.len > 0) {
        r = cli_confirm(cli, o->yes,
                        arena_printf(cli->arena, "Replay %u failed executions?", ids.len), err);
    }
    struct replayed *all = arena_array(cli->arena, ids.len + 1, sizeof(*all));
    size_t n = 0;
    for (; r == 0 && n < ids.len; n++) {
        struct str id = json_as_str(json_at(json_built(&ids), n));
        r = one(cli, arena_strndup(cli->arena, id.ptr, id.len), &all[n], err);
        if (r == 0 && ids.len > 1) {
            cli_progress(cli, "%zu of %u: %s", n + 1, ids.len,
                         all[n].to ? "replayed" : all[n].error);
        }
    }
    r = r ? r : wait_for(cli, o, all, n, err);
    return r ? r : tell(cli, all, n);
}

static const struct config_option options[] = {
    {"failed", CONFIG_BOOL, offsetof(struct replay_config, failed), NULL,
     "those that failed, and that the options below say", 0, 0, false},
    {"instance", CONFIG_STR, offsetof(struct replay_config, instance), NULL, "of an instance", 0, 0,
     false},
    {"customer", CONFIG_STR, offsetof(struct replay_config, customer), NULL,
     "of a customer's instances", 0, 0, false},
    {"integration", CONFIG_STR, offsetof(struct replay_config, integration), NULL,
     "of an integration's instances", 0, 0, false},
    {"since", CONFIG_STR, offsetof(struct replay_config, since), "1h",
     "accepted since: 15m, 2h, 7d or an instant", 0, 0, false},
    {"limit", CONFIG_INT, offsetof(struct replay_config, limit), "100", "at most so many", 1, 10000,
     false},
    {"wait", CONFIG_BOOL, offsetof(struct replay_config, wait), NULL,
     "until they have ended; exit status 1 when one failed", 0, 0, false},
    {"timeout", CONFIG_INT, offsetof(struct replay_config, timeout), "900",
     "seconds to wait for each", 1, 86400, false},
    {"yes", CONFIG_BOOL, offsetof(struct replay_config, yes), NULL, "do not ask (-y)", 0, 0, false},
    {0},
};
const struct command command_replay = {
    .name = "replay",
    .summary = "run stored requests again, on the version that is deployed now",
    .words = "[ID...]",
    .words_max = COMMAND_WORDS_MAX,
    .options = options,
    .call = call_replay,
    .config_size = sizeof(struct replay_config),
    .examples = "leat replay ID --wait\nleat replay --failed --integration Orders --since 2h",
    .output = "[{execution, replay, status, error}]",
};
