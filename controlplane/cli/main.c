/* leat: the command for people. Owns finding the subcommand, its arguments and its exit status. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "suggest.h"

#define ARENA_MAX MIB(1024)

static void print_problems(struct cli *cli, struct json problems)
{
    for (uint32_t i = 0; problems.type == JSON_ARRAY && i < problems.len; i++) {
        struct str field = text_line(cli->arena, cli_text(problems.items[i], "field"));
        struct json messages = cli_get(problems.items[i], "messages");
        for (uint32_t k = 0; messages.type == JSON_ARRAY && k < messages.len; k++) {
            struct str s = text_lines(cli->arena, json_as_str(messages.items[k]));
            fprintf(stderr, "  %.*s%s%.*s\n", (int)field.len, field.ptr, field.len ? ": " : "",
                    (int)s.len, s.ptr);
        }
    }
}

static int client_failed(struct cli *cli, const struct err *err)
{
    struct json problems = cli->client ? client_problems(cli->client) : json_undefined();
    struct json_builder told, error;
    bool single = problems.type == JSON_ARRAY && problems.len == 1 && cli->problems.len == 0 &&
                  cli_get(json_at(problems, 0), "messages").len == 1;
    if (cli->problems.len > 0 || strcmp(err->code, "client.refused") != 0) {
        problems = json_built(&cli->problems);
    }
    struct str message = text_lines(cli->arena, str_of(err->message));
    (void)fflush(stdout);
    fprintf(stderr, "leat: %s%s%.*s\n", single ? err->field : "",
            single && err->field[0] ? ": " : "", (int)message.len, message.ptr);
    if (!single) {
        print_problems(cli, problems);
    }
    if (cli->json) {
        json_build_object(&error, cli->arena);
        json_append(&error, STR("code"), json_cstr(err->code));
        json_append(&error, STR("message"), json_str(message));
        json_append(&error, STR("problems"),
                    problems.type == JSON_ARRAY ? problems : json_array(NULL, 0));
        json_build_object(&told, cli->arena);
        json_append(&told, STR("error"), json_built(&error));
        cli_print_json(json_built(&told));
    }
    return strncmp(err->code, "config.", 7) == 0 ? COMMAND_USAGE : COMMAND_FAILED;
}

static int load(struct cli *cli, void *config, int argc, char **argv, struct err *err)
{
    static const struct config_option json_option[] = {
        {"json", CONFIG_BOOL, offsetof(struct cli, json), NULL, "", 0, 0, false}, {0}};
    const struct command *c = cli->command;
    struct args_table tables[] = {
        {c->options, config}, {command_client_options, &cli->where}, {json_option, cli}};
    int r = args_load(tables, ARRAY_LEN(tables), argc, argv, (size_t)c->words_max, cli->words,
                      &cli->n_words, err);
    if (r == 0 && cli->n_words < (size_t)c->words_min) {
        r = cli_usage(err, "usage: leat %s %s (see --help)", c->name, c->words);
    }
    return r;
}

static int run_client(const struct command *c, int argc, char **argv)
{
    AUTO(arena_free) struct arena *arena = arena_new(KIB(64), ARENA_MAX);
    struct cli cli = {.command = c, .arena = arena};
    struct err err;
    void *config = arena_zalloc(arena, c->config_size + 1);
    err_clear(&err);
    json_build_array(&cli.problems, arena);
    int r = load(&cli, config, argc, argv, &err);
    if (r > 0) {
        help_command(stdout, c);
        return COMMAND_OK;
    }
    r = r ? r : client_new(&cli.where, &cli.client, &err);
    r = r ? r : c->call(&cli, config, &err);
    r = r < 0 ? client_failed(&cli, &err) : r;
    client_free(cli.client);
    return r;
}

static int unknown(const char *name)
{
    struct suggest near;
    const struct command *c;
    suggest_init(&near, str_of(name));
    for (size_t i = 0; (c = command_local(i)); i++) {
        suggest_offer(&near, c->name);
    }
    for (size_t i = 0; (c = command_client(i)); i++) {
        suggest_offer(&near, c->name);
    }
    fprintf(stderr, "leat: there is no command \"%s\"", name);
    if (near.best) {
        fprintf(stderr, "; did you mean `leat %s`?", near.best);
    }
    fprintf(stderr, "\n`leat --help` lists them.\n");
    return COMMAND_USAGE;
}

static int run(int argc, char **argv)
{
    int used;
    if (argc < 2) {
        help_usage(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help_usage(stdout);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("leat %s\n", LEAT_VERSION);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "--print-docs") == 0) {
        help_markdown(stdout);
        return COMMAND_OK;
    }
    const struct command *c = command_find(argc - 1, argv + 1, &used);
    if (!c) {
        return unknown(argv[1]);
    }
    return c->run ? c->run(argc - used, argv + used) : run_client(c, argc - used, argv + used);
}

int main(int argc, char **argv)
{
    text_start();
    int status = run(argc, argv);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "leat: cannot write the output: %s\n", strerror(errno));
        return COMMAND_FAILED;
    }
    return status;
}
