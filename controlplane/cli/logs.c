/* leat logs: log lines, oldest first, and those that come. It asks again from the newest line on: a
 * line that is stored late, with a time before it, is found again for some seconds. */
#include "cli/commands.h"

#include <unistd.h>

#include "clock.h"

#define PAUSE_NS  NS_PER_SEC
#define LATE_NS   (10 * NS_PER_SEC) /* how late a line may come to be followed */
#define KNOWN_MAX 4096              /* lines that are remembered as printed */

struct logs_config {
    const char *instance, *customer, *execution, *level, *search, *since;
    int64_t limit;
    bool follow;
};

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", "fatal"};

struct logs {
    struct cli *cli;
    struct json filter; /* variables, without $since */
    const char *since;  /* may be NULL */
    uint64_t known[KNOWN_MAX];
    size_t n_known;
    int64_t newest_ns;
};

static uint64_t hash_of(struct str id)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id.len; i++) {
        h = (h ^ (uint8_t)id.ptr[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* True the first time. */
static bool is_new(struct logs *l, struct str id)
{
    uint64_t h = hash_of(id);
    for (size_t i = 0; i < MIN(l->n_known, KNOWN_MAX); i++) {
        if (l->known[i] == h) {
            return false;
        }
    }
    l->known[l->n_known++ % KNOWN_MAX] = h;
    return true;
}

static void print_line(struct logs *l, struct arena *a, struct json line)
{
    struct str at = text_time(a, cli_text(line, "timestamp")), level = cli_text(line, "level");
    struct str instance = text_line(a, cli_text(line, "instance.name"));
    struct str step = text_line(a, cli_text(line, "stepName"));
    struct str message = text_lines(a, cli_text(line, "message"));
    if (l->cli->json) { /* one a line, so that what follows can be read at once */
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, 0);
        json_dump(&text, line);
        printf("%s\n", text.data);
        return;
    }
    printf("%.*s  %-5.*s  %.*s%s%.*s  %.*s\n", (int)at.len, at.ptr, (int)level.len, level.ptr,
           (int)instance.len, instance.ptr, step.len ? " / " : "", (int)step.len, step.ptr,
           (int)message.len, message.ptr);
}

/* Newest first, as the API pages them; printed oldest first. */
static int round_of(struct logs *l, struct arena *a, int64_t limit, struct err *err)
{
    static const char query[] =
        "query($first: Int, $after: String, $instance: ID, $customer: ID, $execution: ID, $level: "
        "Int, $search: String, $since: DateTime) { logs(first: $first, after: $after, instance: "
        "$instance, instance_Customer: $customer, executionResult: $execution, severity_Gte: "
        "$level, "
        "message_Icontains: $search, timestamp_Gte: $since) { nodes { id timestamp level message "
        "stepName instance { id name } executionResult { id } } pageInfo { hasNextPage endCursor } "
        "} }";
    struct cli in_round = *l->cli; /* its memory is this round's */
    struct json_builder vars;
    struct json nodes;
    bool more;
    in_round.arena = a;
    json_build_object(&vars, a);
    for (uint32_t i = 0; i < l->filter.len; i++) {
        json_set(&vars, l->filter.members[i].key, l->filter.members[i].value);
    }
    char iso[CLOCK_ISO_LEN + 1];
    if (l->newest_ns > 0) {
        clock_iso(l->newest_ns - LATE_NS, iso);
        json_set(&vars, STR("since"), json_cstr(iso));
    } else if (l->since) {
        json_set(&vars, STR("since"), json_cstr(l->since));
    }
    int r = cli_list(&in_round, query, json_built(&vars), "logs", limit, &nodes, &more, err);
    for (uint32_t i = r == 0 ? nodes.len : 0; i > 0; i--) {
        struct json line = nodes.items[i - 1];
        int64_t ns;
        if (text_time_ns(cli_text(line, "timestamp"), &ns)) {
            l->newest_ns = MAX(l->newest_ns, ns);
        }
        if (is_new(l, cli_text(line, "id"))) {
            print_line(l, a, line);
        }
    }
    return r;
}

static int follow(struct logs *l, int64_t limit, struct err *err)
{
    AUTO(arena_free) struct arena *round = arena_new(KIB(64), 0);
    if (l->newest_ns == 0) {
        l->newest_ns = clock_now_ns();
    }
    for (;;) {
        (void)fflush(stdout);
        if (ferror(stdout)) {
            return COMMAND_FAILED;
        }
        clock_wait_ns(PAUSE_NS);
        arena_clear(round);
        int r = round_of(l, round, limit, err);
        if (r != 0 && strcmp(err->code, "client.unavailable") != 0 &&
            strcmp(err->code, "client.unreachable") != 0) {
            return r;
        }
        if (r != 0) { /* it comes back */
            cli_progress(l->cli, "%s", err->message);
        }
    }
}

static int level_of(const char *name, struct json *ret, struct err *err)
{
    *ret = json_null();
    for (size_t i = 0; *name && i < ARRAY_LEN(levels); i++) {
        if (str_eq_ci(str_of(name), str_of(levels[i]))) {
            *ret = json_num((double)i);
        }
    }
    return *name && ret->type == JSON_NULL
               ? cli_usage(err, "--level is trace, debug, info, warn, error or fatal")
               : 0;
}

static int call_logs(struct cli *cli, const void *config, struct err *err)
{
    const struct logs_config *o = config;
    struct logs *l = arena_new_of(cli->arena, struct logs);
    const char *instance, *customer;
    struct json level;
    struct json_builder filter;
    l->cli = cli;
    if (*o->since && !(l->since = text_since(cli->arena, o->since))) {
        return cli_usage(err, "--since is a time like 15m, 2h, 7d or 2026-01-02T03:04:05Z");
    }
    int r = level_of(o->level, &level, err);
    r = r ? r : cli_find_id(cli, FIND_INSTANCE, o->instance, &instance, err);
    r = r ? r : cli_find_id(cli, FIND_CUSTOMER, o->customer, &customer, err);
    if (r != 0) {
        return r;
    }
    json_build_object(&filter, cli->arena);
    json_set(&filter, STR("instance"), instance ? json_cstr(instance) : json_null());
    json_set(&filter, STR("customer"), customer ? json_cstr(customer) : json_null());
    json_set(&filter, STR("execution"), *o->execution ? json_cstr(o->execution) : json_null());
    json_set(&filter, STR("level"), level);
    json_set(&filter, STR("search"), *o->search ? json_cstr(o->search) : json_null());
    l->filter = json_built(&filter);
    r = round_of(l, cli->arena, o->limit, err);
    return r || !o->follow ? r : follow(l, o->limit, err);
}

static const struct config_option options[] = {
    {"instance", CONFIG_STR, offsetof(struct logs_config, instance), NULL, "those of an instance",
     0, 0, false},
    {"customer", CONFIG_STR, offsetof(struct logs_config, customer), NULL,
     "those of a customer's instances", 0, 0, false},
    {"execution", CONFIG_STR, offsetof(struct logs_config, execution), NULL,
     "those of an execution, by its id", 0, 0, false},
    {"level", CONFIG_STR, offsetof(struct logs_config, level), NULL,
     "of this level and above: trace, debug, info, warn, error, fatal", 0, 0, false},
    {"search", CONFIG_STR, offsetof(struct logs_config, search), NULL, "that hold this text", 0, 0,
     false},
    {"since", CONFIG_STR, offsetof(struct logs_config, since), NULL,
     "since: 15m, 2h, 7d or an instant", 0, 0, false},
    {"limit", CONFIG_INT, offsetof(struct logs_config, limit), "100",
     "the newest so many, and with --follow so many a second", 1, 100000, false},
    {"follow", CONFIG_BOOL, offsetof(struct logs_config, follow), NULL,
     "go on with those that come (-f), until it is interrupted", 0, 0, false},
    {0},
};
const struct command command_logs = {
    .name = "logs",
    .summary = "show log lines, oldest first",
    .options = options,
    .call = call_logs,
    .config_size = sizeof(struct logs_config),
    .examples = "leat logs --instance 'Acme/Orders to ERP' --level warn --follow",
    .output = "{id, timestamp, level, message, stepName, instance, executionResult}, one a line",
};
