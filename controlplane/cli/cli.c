/* Owns what the commands that are clients of the API share. One thread. What comes from the API is
 * cleaned before it is printed. */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE           100
#define LINE_MAX_BYTES 2000

int command_failed(const struct err *err)
{
    fprintf(stderr, "leat: %s\n", err->message);
    return strncmp(err->code, "config.", 7) == 0 ? COMMAND_USAGE : COMMAND_FAILED;
}

int cli_usage(struct err *err, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return err_set(err, -EINVAL, "config.usage", "%s", text);
}

void cli_problem(struct cli *cli, struct str field, struct str message)
{
    struct json *messages = arena_new_of(cli->arena, struct json);
    struct json_builder one;
    *messages = json_str(message);
    json_build_object(&one, cli->arena);
    json_append(&one, STR("field"), json_str(field));
    json_append(&one, STR("messages"), json_array(messages, 1));
    json_push(&cli->problems, json_built(&one));
}

void cli_print_json(struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    json_dump_pretty(&text, v, 2);
    buf_addc(&text, '\n');
    (void)fwrite(text.data, 1, text.len, stdout);
}

static void printf_like(3, 0) print_line(struct cli *cli, FILE *to, const char *fmt, va_list args)
{
    char text[LINE_MAX_BYTES];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    struct str line = text_lines(cli->arena, str_of(text));
    fprintf(to, "%.*s\n", (int)line.len, line.ptr);
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!cli->json) {
        print_line(cli, stdout, fmt, args);
    }
    va_end(args);
}

void cli_progress(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fflush(stdout);
    print_line(cli, stderr, fmt, args);
    va_end(args);
}

int cli_confirm(struct cli *cli, bool yes, const char *question, struct err *err)
{
    char answer[16] = "";
    if (yes) {
        return 0;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return err_set(err, -ECANCELED, "cli.confirm",
                       "nobody can be asked without a terminal: give --yes");
    }
    (void)fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
        return err_set(err, -ECANCELED, "cli.confirm", "nothing was changed");
    }
    return 0;
}

int cli_read_file(struct cli *cli, const char *path, size_t max_bytes, struct str *ret,
                  struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 0;
    buf_init(&text, max_bytes + 1);
    while (fd >= 0) {
        char part[16384];
        n = read(fd, part, sizeof(part));
        if (n <= 0 || text.full) {
            break;
        }
        buf_add(&text, part, (size_t)n);
    }
    int code = errno;
    if (fd >= 0 && !is_input) {
        close(fd);
    }
    if (n < 0) {
        return err_set(err, -code, "cli.file", "cannot read %s: %s", path, strerror(code));
    }
    if (text.full || text.len > max_bytes) {
        return err_set(err, -EMSGSIZE, "cli.file", "%s is larger than %zu KB", path,
                       max_bytes / 1024);
    }
    *ret = str_n(arena_strndup(cli->arena, buf_str(&text).ptr, text.len), text.len);
    return 0;
}

int cli_write_file(const char *path, struct str content, struct err *err)
{
    AUTO(mem_free) char *temporary = mem_alloc(strlen(path) + 8);
    (void)snprintf(temporary, strlen(path) + 8, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < content.len;) {
        ssize_t n = write(fd, content.ptr + done, content.len - done);
        ok = n > 0;
        done += ok ? (size_t)n : 0;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    ok = ok && fchmod(fd, 0666 & ~mask) == 0 && rename(temporary, path) == 0;
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        if (fd >= 0) {
            (void)unlink(temporary);
        }
        return err_set(err, -code, "cli.file", "cannot write %s: %s", path, strerror(code));
    }
    return 0;
}

struct json cli_vars(struct arena *a, const char *const pairs[][2], size_t n)
{
    struct json_builder object;
    json_build_object(&object, a);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i][1]) {
            json_set(&object, str_of(pairs[i][0]), json_cstr(pairs[i][1]));
        }
    }
    return json_built(&object);
}

struct json cli_get(struct json object, const char *path)
{
    while (*path) {
        const char *dot = strchr(path, '.');
        size_t len = dot ? (size_t)(dot - path) : strlen(path);
        object = json_get(object, str_n(path, len));
        path += len + (dot ? 1 : 0);
    }
    return object;
}

struct str cli_text(struct json object, const char *path)
{
    return json_as_str(cli_get(object, path));
}

const char *cli_cstr(struct arena *a, struct json object, const char *path)
{
    struct str s = cli_text(object, path);
    return arena_strndup(a, s.ptr, s.len);
}

int64_t cli_int(struct json object, const char *path)
{
    struct json v = cli_get(object, path);
    return v.type == JSON_NUMBER && v.num > -9e15 && v.num < 9e15 ? (int64_t)v.num : 0;
}

bool cli_bool(struct json object, const char *path)
{
    return cli_get(object, path).type == JSON_TRUE;
}

int cli_list(struct cli *cli, const char *query, struct json variables, const char *list,
             int64_t limit, struct json *ret_nodes, bool *ret_more, struct err *err)
{
    struct json_builder all;
    struct json after = json_null();
    int64_t n = 0;
    bool more = true;
    json_build_array(&all, cli->arena);
    while (more && n < limit) {
        struct json_builder vars;
        struct json data;
        json_build_object(&vars, cli->arena);
        for (uint32_t i = 0; variables.type == JSON_OBJECT && i < variables.len; i++) {
            json_set(&vars, variables.members[i].key, variables.members[i].value);
        }
        json_set(&vars, STR("first"), json_num((double)MIN(limit - n, PAGE)));
        json_set(&vars, STR("after"), after);
        int r = client_ask(cli->client, cli->arena, query, json_built(&vars), &data, err);
        if (r != 0) {
            return r;
        }
        struct json connection = cli_get(data, list);
        struct json nodes = cli_get(connection, "nodes");
        for (uint32_t i = 0; nodes.type == JSON_ARRAY && i < nodes.len; i++, n++) {
            json_push(&all, nodes.items[i]);
        }
        after = cli_get(connection, "pageInfo.endCursor");
        more = cli_bool(connection, "pageInfo.hasNextPage") && nodes.len > 0;
    }
    *ret_nodes = json_built(&all);
    *ret_more = more;
    return 0;
}
