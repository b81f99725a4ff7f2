/* Owns how the tables of commands are told to people. Pure but for the stream it prints to. */
#include "cli/help.h"

#include "str.h"

static const char *const value_names[] = {
    [CONFIG_STR] = " TEXT", [CONFIG_INT] = " N", [CONFIG_BOOL] = ""};

static void print_rows(FILE *to, const struct command *(*at)(size_t))
{
    const struct command *c;
    for (size_t i = 0; (c = at(i)); i++) {
        fprintf(to, "  %-13s %s\n", c->name, c->summary);
    }
}

void help_usage(FILE *to)
{
    fprintf(to, "usage: leat COMMAND [OPTION...]\n\nOn this machine and its database:\n");
    print_rows(to, command_local);
    fprintf(to, "\nWith a control plane, by its API:\n");
    print_rows(to, command_client);
    fprintf(to, "\n`leat COMMAND --help` tells the options of a command and shows an example.\n");
}

static void print_options(FILE *to, const struct config_option *options)
{
    for (const struct config_option *o = options; o && o->name; o++) {
        char option[80];
        (void)snprintf(option, sizeof(option), "--%s%s", o->name, value_names[o->type]);
        fprintf(to, "  %-26s %s", option, o->help);
        if (o->fallback && o->type != CONFIG_BOOL) {
            fprintf(to, " [%s]", o->fallback);
        }
        fprintf(to, "\n");
    }
}

/* Every line of a text, indented. */
static void print_indented(FILE *to, const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n');
        int len = (int)(end ? (size_t)(end - text) : strlen(text));
        fprintf(to, "  %.*s\n", len, text);
        text += len + (end ? 1 : 0);
    }
}

void help_command(FILE *to, const struct command *c)
{
    fprintf(to, "usage: leat %s%s%s [OPTION...]\n\n%s\n", c->name, c->words ? " " : "",
            c->words ? c->words : "", c->summary);
    if (c->details) {
        fprintf(to, "\n%s\n", c->details);
    }
    fprintf(to, "\nOptions:\n");
    print_options(to, c->options);
    print_options(to, command_client_options);
    fprintf(to, "  %-26s %s\n", "--json", c->output);
    fprintf(to, "\nExample:\n");
    print_indented(to, c->examples);
}

/* Table cells must not hold a bare bar. */
static void print_cell(FILE *to, const char *text)
{
    for (; *text; text++) {
        fprintf(to, "%s%c", *text == '|' ? "\\" : "", *text);
    }
}

static void markdown_options(FILE *to, const struct config_option *options)
{
    for (const struct config_option *o = options; o && o->name; o++) {
        fprintf(to, "| `--%s%s` | ", o->name, value_names[o->type]);
        print_cell(to, o->help);
        if (o->fallback && o->type != CONFIG_BOOL) {
            fprintf(to, " [%s]", o->fallback);
        }
        fprintf(to, " |\n");
    }
}

static void markdown_local(FILE *to, const struct command *c)
{
    fprintf(to, "\n### leat %s\n\n%c%s.\n", c->name, c->summary[0] - 'a' + 'A', c->summary + 1);
    if (c->options) {
        fprintf(to, "\n| Option | Meaning |\n|---|---|\n");
        markdown_options(to, c->options);
    }
}

static void markdown_client(FILE *to, const struct command *c)
{
    fprintf(to, "\n### leat %s\n\n`leat %s%s%s`: %s.\n", c->name, c->name, c->words ? " " : "",
            c->words ? c->words : "", c->summary);
    if (c->details) {
        fprintf(to, "\n%s\n", c->details);
    }
    fprintf(to, "\n```sh\n%s\n```\n\n| Option | Meaning |\n|---|---|\n", c->examples);
    markdown_options(to, c->options);
    fprintf(to, "| `--json` | ");
    print_cell(to, c->output);
    fprintf(to, " |\n");
}

void help_markdown(FILE *to)
{
    const struct command *c;
    fprintf(to,
            "# The command\n\n"
            "Made from the command's own tables (`leat --print-docs`).\n\n"
            "| exit status | |\n|---|---|\n"
            "| 0 | it is done |\n| 1 | it failed: standard error says why and what to do |\n"
            "| 2 | the arguments are wrong |\n"
            "| 3 | `diff` and `apply --plan`: there are changes |\n\n"
            "With `--json` standard output is one JSON text; of a failure "
            "`{\"error\": {\"code\", \"message\", \"problems\": [{\"field\", \"messages\"}]}}`. "
            "Names or ids are taken for integrations, customers (external ids, too) and "
            "instances (`CUSTOMER/INSTANCE` where a name is not enough).\n\n"
            "## On this machine and its database\n\n"
            "Each option can also be given as an environment variable: `--master-key-file` is "
            "`LEAT_MASTER_KEY_FILE`.\n");
    for (size_t i = 0; (c = command_local(i)); i++) {
        markdown_local(to, c);
    }
    fprintf(to, "\n## With a control plane, by its API\n\n"
                "Where to and as whom: the options below, else the variables, else the file that "
                "`leat dev` writes. The token of that file is never sent to another URL.\n\n"
                "| Option of all | Meaning |\n|---|---|\n");
    markdown_options(to, command_client_options);
    for (size_t i = 0; (c = command_client(i)); i++) {
        markdown_client(to, c);
    }
}
