/* Owns following one execution: it asks again and again, quicker at first. What was printed is not
 * printed again; each round's answer lives in an arena of its own, so watching long costs nothing.
 */
#include "cli/watch.h"

#include "clock.h"

#define FIRST_PAUSE_NS (100 * NS_PER_MS)
#define LAST_PAUSE_NS  NS_PER_SEC

int watch_once(struct cli *cli, struct arena *a, const char *id, struct json *ret, struct err *err)
{
    static const char query[] =
        "query($id: ID!) { executionResult(id: $id) { id status resultType startedAt endedAt "
        "invokeType isTestExecution error errorStep retryCount retryNextAt flow { name } instance "
        "{ "
        "id name customer { name } } stepResults { nodes { stepName displayStepName component "
        "action "
        "startedAt endedAt hasError error attempts loopPath results } } logs(first: 100) { nodes { "
        "id timestamp level message stepName } } } }";
    struct json data;
    int r = client_ask(cli->client, a, query, CLI_VARS(a, {"id", id}), &data, err);
    if (r == 0) {
        *ret = cli_get(data, "executionResult");
        r = ret->type == JSON_OBJECT
                ? 0
                : err_set(err, -ENOENT, "cli.not_found", "there is no execution %.150s", id);
    }
    return r;
}

void watch_print_step(struct cli *cli, struct json step)
{
    struct arena *a = cli->arena;
    struct str name = cli_text(step, "displayStepName"), loop = cli_text(step, "loopPath");
    struct str took = text_duration(a, cli_text(step, "startedAt"), cli_text(step, "endedAt"));
    struct str error = cli_text(step, "error");
    bool failed = cli_bool(step, "hasError");
    cli_say(cli, "  %s %.*s%s%.*s%s  %.*s%s%.*s", failed ? "FAIL" : "ok  ", (int)name.len, name.ptr,
            loop.len ? " [" : "", (int)loop.len, loop.ptr, loop.len ? "]" : "", (int)took.len,
            took.ptr, error.len ? "  " : "", (int)MIN(error.len, 1000), error.ptr);
}

void watch_print_end(struct cli *cli, struct json execution)
{
    struct arena *a = cli->arena;
    struct str took =
        text_duration(a, cli_text(execution, "startedAt"), cli_text(execution, "endedAt"));
    struct str error = cli_text(execution, "error"), step = cli_text(execution, "errorStep");
    if (cli_text(execution, "endedAt").len == 0) {
        cli_say(cli, "It has not ended yet.");
    } else if (watch_status(execution) == COMMAND_OK) {
        cli_say(cli, "succeeded in %.*s", (int)took.len, took.ptr);
    } else {
        cli_say(cli, "failed in %.*s%s%.*s: %.*s", (int)took.len, took.ptr,
                step.len ? ", step " : "", (int)step.len, step.ptr, (int)MIN(error.len, 1500),
                error.ptr);
    }
}

int watch_status(struct json execution)
{
    return str_eq(cli_text(execution, "status"), STR("ERROR")) ? COMMAND_FAILED : COMMAND_OK;
}

int watch_execution(struct cli *cli, const char *id, bool log, int64_t timeout_s, struct json *ret,
                    struct err *err)
{
    AUTO(arena_free) struct arena *round = arena_new(KIB(64), 0);
    int64_t until = clock_mono_ns() + timeout_s * NS_PER_SEC, pause = FIRST_PAUSE_NS;
    uint32_t steps = 0, lines = 0;
    for (;;) {
        struct json execution;
        int r = watch_once(cli, round, id, &execution, err);
        if (r != 0) {
            return r;
        }
        struct json nodes = cli_get(execution, "stepResults.nodes");
        for (; steps < nodes.len; steps++) {
            watch_print_step(cli, nodes.items[steps]);
        }
        nodes = cli_get(execution, "logs.nodes");
        /* Newest first: those that were printed are at the end. */
        for (uint32_t i = log && nodes.len > lines ? nodes.len - lines : 0; i > 0; i--, lines++) {
            struct str level = cli_text(nodes.items[i - 1], "level");
            struct str message = cli_text(nodes.items[i - 1], "message");
            cli_say(cli, "    %.*s %.*s", (int)level.len, level.ptr, (int)MIN(message.len, 1500),
                    message.ptr);
        }
        if (cli_text(execution, "endedAt").len > 0) {
            *ret = json_copy(cli->arena, execution);
            return 0;
        }
        if (clock_mono_ns() > until) {
            return err_set(err, -ETIMEDOUT, "cli.timeout",
                           "it still runs after %lld s: `leat executions %s --watch` goes on",
                           (long long)timeout_s, id);
        }
        (void)fflush(stdout);
        arena_clear(round);
        clock_wait_ns(pause);
        pause = MIN(pause * 3 / 2, LAST_PAUSE_NS);
    }
}
