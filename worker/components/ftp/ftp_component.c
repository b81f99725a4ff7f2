/* Owns the actions of the FTP component: what is asked of the server, and what comes back as a
 * value. Called on the slot's thread, blocks inside the transfer. Each action is one connection. */
#include <time.h>

#include "components/connection_fields.h"
#include "components/ftp/ftp_listing.h"
#include "components/registry.h"
#include "components/remote_changes.h"
#include "components/remote_file.h"
#include "net/net_transfer.h"

#define PLAIN_PORT  21
#define TLS_PORT    990
#define MAX_LEVELS  64
#define MAX_FOLDERS 1000 /* that a trigger looks into */
#define MAX_DEPTH   32
#define MAX_LISTING MIB(16)
#define STATUS_NONE 502 /* from here on to 504: the server does not know the command */

#define CONNECTION_INPUT                                                                           \
    {                                                                                              \
        .key = "connection", .label = "Connection", .type = CATALOG_CONNECTION, .required = true,  \
        .comments = "The server: host, port, username, password, and secure: false, true (TLS on " \
                    "the plain port) or implicit (TLS from the start).",                           \
    }
#define PATH_INPUT(name, text, words, sample)                                                      \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_STRING, .required = true,                  \
        .comments = (words), .example = (sample),                                                  \
    }

static const struct action_input read_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("inputPath", "Path", "The file to read.", "/in/orders.csv"),
    {
        .key = "returnBuffer",
        .label = "Return Buffer",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments =
            "Give the bytes as they are, also of a text file; for texts that are not UTF-8.",
    },
    {0},
};
static const struct action_input write_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("outputPath", "Path", "The file to write; one that is there is replaced.",
               "/out/orders.csv"),
    {
        .key = "data",
        .label = "Data",
        .type = CATALOG_TEXT,
        .required = true,
        .comments = "The content: text, or a file from an earlier step.",
    },
    {0},
};
static const struct action_input path_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The file.", "/in/orders.csv"),
    {0},
};
static const struct action_input list_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to list.", "/in"),
    {0},
};
static const struct action_input changes_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to watch.", "/in"),
    {
        .key = "pattern",
        .label = "Pattern",
        .type = CATALOG_STRING,
        .fallback = "*",
        .comments = "Which files: * stands for any run of characters, ? for one, [a-c] for one of "
                    "them. Directories are entered whatever they are called.",
        .example = "*.csv",
    },
    {
        .key = "includeSubdirectories",
        .label = "Include Subdirectories",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Watch what is in directories below as well.",
    },
    {0},
};
static const struct action_input create_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to make.", "/out/2026/01"),
    {
        .key = "recursive",
        .label = "Include Subfolders",
        .type = CATALOG_BOOLEAN,
        .fallback = "true",
        .comments = "Make the directories above it as well, and accept one that is there.",
    },
    {0},
};
static const struct action_input move_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("sourcePath", "Source Path", "The file to move.", "/in/orders.csv"),
    PATH_INPUT("destinationPath", "Destination Path", "Its new path.", "/done/orders.csv"),
    {0},
};

static int read_server(struct action_context *ctx, struct net_server *ret, struct err *err)
{
    struct connection_fields c;
    int rc = connection_fields_read(ctx, "connection", &c, err);
    if (rc < 0) {
        return rc;
    }
    struct str secure = str_trim(connection_field(&c, "secure"));
    enum net_tls tls = NET_PLAIN;
    bool on = false;
    if (str_eq_ci(secure, STR("implicit"))) {
        tls = NET_TLS;
    } else {
        rc = connection_field_bool(&c, "secure", false, &on, err);
        tls = on ? NET_STARTTLS : NET_PLAIN;
    }
    if (rc == 0) {
        rc = connection_server(&c, "ftp", tls == NET_TLS ? TLS_PORT : PLAIN_PORT, ret, err);
    }
    if (rc == 0) {
        ret->tls = tls;
        rc = connection_field_bool(&c, "ignoreSslErrors", false, &ret->ignore_tls_errors, err);
    }
    return rc;
}

static int transfer(struct action_context *ctx, const struct net_server *server,
                    const struct net_transfer *t, struct net_transferred *ret, struct err *err)
{
    *ret = (struct net_transferred){.body = STR(""), .reply = STR("")};
    action_block_begin(ctx);
    int rc = net_transfer(server, t, action_arena(ctx), ret, err);
    action_block_end(ctx);
    return rc;
}

static struct str command(struct action_context *ctx, const char *verb, struct str path)
{
    return str_of(arena_printf(action_arena(ctx), "%s %.*s", verb, (int)path.len, path.ptr));
}

static int run_commands(struct action_context *ctx, const struct str *commands, size_t n,
                        struct err *err)
{
    struct net_server server;
    struct net_transferred got;
    int rc = read_server(ctx, &server, err);
    struct net_transfer t = {
        .commands = commands, .n_commands = n, .action = NET_ONLY_COMMANDS, .path = STR("")};
    return rc < 0 ? rc : transfer(ctx, &server, &t, &got, err);
}

static int read_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct net_server server;
    struct net_transferred got;
    struct net_transfer t = {.action = NET_DOWNLOAD};
    bool as_bytes = false;
    int rc = remote_file_path(ctx, "inputPath", &t.path, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "returnBuffer", &as_bytes, err);
    }
    if (rc == 0) {
        rc = read_server(ctx, &server, err);
    }
    if (rc < 0) {
        return rc;
    }
    t.spills = action_spills(ctx);
    t.max_bytes = spill_set_works(t.spills) ? SPILL_VALUE_MAX : arena_room(action_arena(ctx)) / 2;
    rc = transfer(ctx, &server, &t, &got, err);
    if (rc == 0) {
        ret->data = remote_file_value(action_arena(ctx), t.path, got.body, as_bytes);
    }
    return rc;
}

static int write_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct net_server server;
    struct net_transferred got;
    struct net_transfer t = {.action = NET_UPLOAD};
    int rc = remote_file_path(ctx, "outputPath", &t.path, err);
    if (rc == 0) {
        rc = remote_file_data(ctx, "data", &t.data, err);
    }
    if (rc == 0) {
        rc = read_server(ctx, &server, err);
    }
    if (rc == 0) {
        rc = transfer(ctx, &server, &t, &got, err);
    }
    ret->data = json_null();
    return rc;
}

/* The entries of a directory: by facts where the server has them, else by lines for people. */
static int read_directory(struct action_context *ctx, const struct net_server *server,
                          struct str path, struct json *ret, struct err *err)
{
    struct net_transferred got;
    struct net_transfer t = {.action = NET_LIST, .path = path, .list_command = STR("MLSD")};
    t.max_bytes = MIN((size_t)MAX_LISTING, arena_room(action_arena(ctx)) / 2);
    bool facts = true;
    int rc = transfer(ctx, server, &t, &got, err);
    if (rc == -EBADE && (got.status == 500 || (got.status >= STATUS_NONE && got.status <= 504))) {
        facts = false;
        err_clear(err);
        t.list_command = STR("LIST");
        rc = transfer(ctx, server, &t, &got, err);
    }
    if (rc < 0) {
        return rc;
    }
    *ret = facts ? ftp_listing_facts(action_arena(ctx), got.body)
                 : ftp_listing_lines(action_arena(ctx), got.body);
    if (ret->type == JSON_UNDEFINED) {
        return action_input_error(ctx, "path", err,
                                  "is a directory with more entries than one execution can hold.");
    }
    return 0;
}

static int list_directory(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct net_server server;
    struct str path;
    int rc = remote_file_path(ctx, "path", &path, err);
    if (rc == 0) {
        rc = read_server(ctx, &server, err);
    }
    return rc < 0 ? rc : read_directory(ctx, &server, path, &ret->data, err);
}

/* What a trigger looks for; each directory is one connection. */
struct watch {
    struct action_context *ctx;
    struct net_server server;
    struct str pattern;
    bool recursive;
    int folders; /* so far */
    struct remote_changes changes;
};

/* Milliseconds since the epoch; 0 where the server does not tell the time in full. */
static double modified_ms(struct action_context *ctx, struct json entry)
{
    struct str text = json_as_str(json_get(entry, STR("modifiedAt")));
    struct tm tm = {0};
    const char *iso = arena_strndup(action_arena(ctx), text.ptr, text.len);
    return strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm) ? (double)timegm(&tm) * 1000 : 0;
}

static int watch_folder(struct watch *w, struct str folder, int depth, struct err *err)
{
    struct json entries = json_array(NULL, 0);
    if (++w->folders > MAX_FOLDERS) {
        return action_input_error(w->ctx, "path", err, "holds more than %d directories.",
                                  MAX_FOLDERS);
    }
    int rc = read_directory(w->ctx, &w->server, folder, &entries, err);
    for (uint32_t i = 0; rc == 0 && i < entries.len; i++) {
        struct json entry = entries.items[i];
        struct str name = json_as_str(json_get(entry, STR("name")));
        rc = action_room(w->ctx, folder.len + name.len + KIB(1), err);
        if (rc < 0) {
            return rc;
        }
        struct str path = remote_file_join(action_arena(w->ctx), folder, name);
        bool file = json_get(entry, STR("isFile")).type == JSON_TRUE;
        bool directory = json_get(entry, STR("isDirectory")).type == JSON_TRUE;
        if (file && remote_file_matches(w->pattern, name)) {
            rc = remote_changes_add(&w->changes, path, json_get(entry, STR("size")).num,
                                    modified_ms(w->ctx, entry), err);
        } else if (directory && w->recursive && depth < MAX_DEPTH) {
            rc = watch_folder(w, path, depth + 1, err);
        }
    }
    return rc;
}

static int new_or_modified_files(struct action_context *ctx, struct action_result *ret,
                                 struct err *err)
{
    struct watch w = {.ctx = ctx};
    struct str path;
    int rc = remote_file_path(ctx, "path", &path, err);
    if (rc == 0) {
        rc = remote_file_pattern(ctx, "pattern", &w.pattern, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "includeSubdirectories", &w.recursive, err);
    }
    if (rc == 0) {
        rc = read_server(ctx, &w.server, err);
    }
    remote_changes_start(&w.changes, ctx);
    rc = rc == 0 ? watch_folder(&w, path, 0, err) : rc;
    return rc == 0 ? remote_changes_finish(&w.changes, ret, err) : rc;
}

static int delete_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str path;
    int rc = remote_file_path(ctx, "path", &path, err);
    ret->data = json_null();
    if (rc < 0) {
        return rc;
    }
    struct str commands[] = {command(ctx, "DELE", path)};
    return run_commands(ctx, commands, ARRAY_LEN(commands), err);
}

static int move_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str from, to;
    int rc = remote_file_path(ctx, "sourcePath", &from, err);
    if (rc == 0) {
        rc = remote_file_path(ctx, "destinationPath", &to, err);
    }
    ret->data = json_null();
    if (rc < 0) {
        return rc;
    }
    struct str commands[] = {command(ctx, "RNFR", from), command(ctx, "RNTO", to)};
    return run_commands(ctx, commands, ARRAY_LEN(commands), err);
}

static int create_directory(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str path, commands[MAX_LEVELS + 2];
    bool recursive = false;
    size_t n = 0;
    int rc = remote_file_path(ctx, "path", &path, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "recursive", &recursive, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (recursive) {
        for (size_t i = 1; i <= path.len; i++) {
            if (i < path.len && path.ptr[i] != '/') {
                continue;
            }
            if (n == MAX_LEVELS) {
                return action_input_error(ctx, "path", err, "has more than %d levels.", MAX_LEVELS);
            }
            commands[n++] = command(ctx, "*MKD", str_n(path.ptr, i));
        }
        commands[n++] = command(ctx, "CWD", path); /* the proof that it is there */
    } else {
        commands[n++] = command(ctx, "MKD", path);
    }
    ret->data = json_str(path);
    return run_commands(ctx, commands, n, err);
}

#define LISTING_EXAMPLE                                                                            \
    "[{\"name\": \"orders.csv\", \"type\": 1, \"size\": 245760, \"rawModifiedAt\": "               \
    "\"20260123163800\", \"modifiedAt\": \"2026-01-23T16:38:00.000Z\", \"permissions\": "          \
    "{\"user\": 6, \"group\": 4, \"world\": 4}, \"user\": \"deploy\", \"group\": \"ftp\", "        \
    "\"isDirectory\": false, \"isFile\": true, \"isSymbolicLink\": false}]"

static const struct action actions[] = {
    {
        .key = "createDirectory",
        .label = "Create Directory",
        .description = "Makes a directory.",
        .flags = ACTION_WRITES,
        .inputs = create_inputs,
        .example = "\"/out/2026/01\"",
        .perform = create_directory,
    },
    {
        .key = "deleteFile",
        .label = "Delete File",
        .description = "Deletes a file.",
        .flags = ACTION_WRITES,
        .inputs = path_inputs,
        .example = "null",
        .perform = delete_file,
    },
    {
        .key = "listDirectory",
        .label = "List Directory",
        .description = "Lists what a directory holds: type 1 is a file, 2 a directory, 3 a link.",
        .flags = ACTION_READS,
        .inputs = list_inputs,
        .example = LISTING_EXAMPLE,
        .perform = list_directory,
    },
    {
        .key = "moveFile",
        .label = "Move File",
        .description = "Moves or renames a file.",
        .flags = ACTION_WRITES,
        .inputs = move_inputs,
        .example = "null",
        .perform = move_file,
    },
    {
        .key = "readFile",
        .label = "Read File",
        .description = "Reads a file; its content type comes from its name.",
        .flags = ACTION_READS,
        .inputs = read_inputs,
        .example = "{\"data\": \"id,total\\n1,20\\n\", \"contentType\": \"text/csv\"}",
        .perform = read_file,
    },
    {
        .key = "writeFile",
        .label = "Write File",
        .description = "Writes a file.",
        .flags = ACTION_WRITES,
        .inputs = write_inputs,
        .example = "null",
        .perform = write_file,
    },
    {
        .key = "newOrModifiedFiles",
        .label = "New or Modified Files",
        .description = "Looks for new and changed files of a directory on a schedule, and starts "
                       "the flow with them. The first time all files are new.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED,
        .inputs = changes_inputs,
        .example = REMOTE_CHANGES_EXAMPLE,
        .perform = new_or_modified_files,
    },
    {0},
};

const struct component component_ftp = {
    .key = "ftp",
    .label = "FTP",
    .description = "Read, write and move files on an FTP server, with or without TLS.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
