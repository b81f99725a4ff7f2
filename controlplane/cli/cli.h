/* What the commands that are clients of the API share: arguments, output, questions. */
#pragma once

#include "cli/client.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

struct cli {
    const struct command *command;
    struct arena *arena; /* of the whole command */
    struct client *client;
    const char *words[COMMAND_WORDS_MAX];
    size_t n_words;
    bool json; /* --json: one JSON text on standard output, nothing else */
    struct client_options where;
    struct json_builder problems; /* what cli_problem added */
};

/* Sets what is wrong with the arguments: exit status COMMAND_USAGE. */
int cli_usage(struct err *err, const char *fmt, ...) printf_like(2, 3);
/* One more line under the message of an error. field may be "". */
void cli_problem(struct cli *cli, struct str field, struct str message);
void cli_print_json(struct json v); /* indented, with a line end */
/* A line for people, cleaned; nothing with --json. */
void cli_say(struct cli *cli, const char *fmt, ...) printf_like(2, 3);
/* Prints on standard error what a long command is doing; also with --json. */
void cli_progress(struct cli *cli, const char *fmt, ...) printf_like(2, 3);
/* "yes" on a terminal; without one --yes must have been given. 0, or -ECANCELED. */
int cli_confirm(struct cli *cli, bool yes, const char *question, struct err *err) must_check;

/* A whole file, "-" = standard input. "cli.file" names it. */
int cli_read_file(struct cli *cli, const char *path, size_t max_bytes, struct str *ret,
                  struct err *err) must_check;
/* By way of a temporary file beside it. */
int cli_write_file(const char *path, struct str content, struct err *err) must_check;

/* {name: value, ...} with as many pairs as are given; NULL values are left out. */
struct json cli_vars(struct arena *a, const char *const pairs[][2], size_t n);
#define CLI_VARS(a, ...)                                                                           \
    cli_vars((a), (const char *const[][2]){__VA_ARGS__},                                           \
             sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(const char *const[2]))
/* Members of an object as text: "" when there is none. path: "customer.name". */
struct str cli_text(struct json object, const char *path);
struct json cli_get(struct json object, const char *path);
int64_t cli_int(struct json object, const char *path); /* 0 when there is none */
bool cli_bool(struct json object, const char *path);
const char *cli_cstr(struct arena *a, struct json object, const char *path);

/* Pages through a list: the query has $first: Int and $after: String, and its connection the name
 * `list` with nodes and pageInfo { hasNextPage endCursor }. At most `limit` nodes; *ret_more tells
 * that there are more. */
int cli_list(struct cli *cli, const char *query, struct json variables, const char *list,
             int64_t limit, struct json *ret_nodes, bool *ret_more, struct err *err) must_check;

enum find_kind { FIND_INTEGRATION, FIND_CUSTOMER, FIND_INSTANCE, _FIND_KIND_N };
/* An object by its id or its name; a customer also by its external id, an instance also as
 * CUSTOMER/INSTANCE. *ret has id and name, and what the query of its kind selects. None, or
 * several, is an error that says which there are. */
int cli_find(struct cli *cli, enum find_kind kind, const char *text, struct json *ret,
             struct err *err) must_check;
/* NULL and "" = not asked for: *ret_id is NULL then. */
int cli_find_id(struct cli *cli, enum find_kind kind, const char *text, const char **ret_id,
                struct err *err) must_check;
/* A version of an integration that cli_find found: a number, "latest" or "draft". *ret has id,
 * versionNumber and name. */
int cli_find_version(struct cli *cli, struct json integration, const char *text, struct json *ret,
                     struct err *err) must_check;
