/* Owns the actions of the SFTP component: what is asked of the server, and what comes back as a
 * value. Called on the slot's thread; an action is one connection, closed at its end. */
#include <sys/stat.h>

#include "components/connection_fields.h"
#include "components/registry.h"
#include "components/remote_changes.h"
#include "components/remote_file.h"
#include "components/sftp/sftp_session.h"

#define PORT        22
#define MAX_ENTRIES 100000
#define MAX_DEPTH   32
#define MAX_KEY     KIB(64)

#define CONNECTION_INPUT                                                                           \
    {                                                                                              \
        .key = "connection", .label = "Connection", .type = CATALOG_CONNECTION, .required = true,  \
        .comments =                                                                                \
            "The server: host, port, username, and a password or a privateKey (Ed25519 or "        \
            "ECDSA; RSA for old servers) with its passphrase. hostKeyFingerprint (SHA256:...) "    \
            "names the only host key to accept.",                                                  \
    }
#define PATH_INPUT(name, text, words, sample)                                                      \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_STRING, .required = true,                  \
        .comments = (words), .example = (sample),                                                  \
    }
#define SWITCH_INPUT(name, text, is_on, words)                                                     \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_BOOLEAN, .fallback = (is_on),              \
        .comments = (words),                                                                       \
    }
#define DATA_INPUT                                                                                 \
    {                                                                                              \
        .key = "data", .label = "Data", .type = CATALOG_TEXT, .required = true,                    \
        .comments = "The content: text, or a file from an earlier step.",                          \
    }

static const struct action_input read_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("inputPath", "Path", "The file to read.", "/in/orders.csv"),
    SWITCH_INPUT("returnBuffer", "Return Buffer", "false",
                 "Give the bytes as they are, also of a text file; for texts that are not UTF-8."),
    {0},
};
static const struct action_input stat_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("inputPath", "Path", "The file or directory.", "/in/orders.csv"),
    {0},
};
static const struct action_input write_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("outputPath", "Path", "The file to write; one that is there is replaced.",
               "/out/orders.csv"),
    DATA_INPUT,
    {0},
};
static const struct action_input append_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("outputPath", "Path", "The file to add to; made when it is not there.",
               "/out/orders.csv"),
    DATA_INPUT,
    {0},
};
static const struct action_input delete_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The file to delete.", "/in/orders.csv"),
    {0},
};
static const struct action_input create_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to make.", "/out/2026/01"),
    SWITCH_INPUT("recursive", "Include Subfolders", "true",
                 "Make the directories above it as well, and accept one that is there."),
    {0},
};
#define PATTERN_INPUT                                                                              \
    {                                                                                              \
        .key = "pattern", .label = "Pattern", .type = CATALOG_STRING, .fallback = "*",             \
        .comments = "Which files: * stands for any run of characters, ? for one, [a-c] for one "   \
                    "of them. Directories are entered whatever they are called.",                  \
        .example = "*.csv",                                                                        \
    }
static const struct action_input list_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to list.", "/in"),
    PATTERN_INPUT,
    SWITCH_INPUT("includeSubdirectories", "Include Subdirectories", "false",
                 "List what is in directories below as well; the results are then whole paths."),
    SWITCH_INPUT("includeDirectories", "Include Directories", "false",
                 "List directories as well as files."),
    {0},
};
static const struct action_input changes_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("path", "Path", "The directory to watch.", "/in"),
    PATTERN_INPUT,
    SWITCH_INPUT("includeSubdirectories", "Include Subdirectories", "false",
                 "Watch what is in directories below as well."),
    {0},
};
static const struct action_input move_inputs[] = {
    CONNECTION_INPUT,
    PATH_INPUT("sourcePath", "Source Path", "The file to move.", "/in/orders.csv"),
    PATH_INPUT("destinationPath", "Destination Path", "Its new path; nothing may be there.",
               "/done/orders.csv"),
    {0},
};

/* --- the session ---------------------------------------------------------------------------------
 */

static int read_target(struct action_context *ctx, struct sftp_target *ret, struct err *err)
{
    struct connection_fields c;
    int rc = connection_fields_read(ctx, "connection", &c, err);
    if (rc == 0) {
        rc = connection_server(&c, "sftp", PORT, &ret->server, err);
    }
    if (rc < 0) {
        return rc;
    }
    ret->private_key = connection_field(&c, "privateKey");
    ret->passphrase = connection_field(&c, "passphrase");
    ret->fingerprint = str_trim(connection_field(&c, "hostKeyFingerprint"));
    if (ret->server.username.len == 0) {
        return connection_field_error(&c, "username", err, "is empty.");
    }
    if (ret->private_key.len > MAX_KEY) {
        return connection_field_error(&c, "privateKey", err, "is too long for a key.");
    }
    if (ret->private_key.len == 0 && ret->server.password.len == 0) {
        return connection_field_error(&c, "password", err, "is empty, and there is no privateKey.");
    }
    return 0;
}

/* What one action does on the open session. */
struct job;
typedef int (*job_fn)(struct action_context *ctx, struct sftp_session *s, struct job *job,
                      struct err *err);
struct job {
    struct str path, other, data, pattern;
    bool as_bytes, append, recursive, directories;
    struct remote_changes *changes; /* files are noted there instead of listed */
    struct json result;
};

static int run(struct action_context *ctx, job_fn fn, struct job *job, struct action_result *ret,
               struct err *err)
{
    struct sftp_target target;
    struct sftp_session *s = NULL;
    int rc = read_target(ctx, &target, err);
    if (rc < 0) {
        return rc;
    }
    action_block_begin(ctx);
    rc = sftp_session_open(&target, &s, err);
    if (rc == 0) {
        rc = fn(ctx, s, job, err);
    }
    sftp_session_free(s);
    action_block_end(ctx);
    ret->data = job->result;
    return rc;
}

static struct json path_value(struct job *job)
{
    return json_str(job->path);
}

/* --- files ---------------------------------------------------------------------------------------
 */

static int do_read(struct action_context *ctx, struct sftp_session *s, struct job *job,
                   struct err *err)
{
    struct str bytes;
    struct arena *a = action_arena(ctx);
    struct spill_set *spills = action_spills(ctx);
    size_t most = spill_set_works(spills) ? SPILL_VALUE_MAX : arena_room(a) / 2;
    int rc = sftp_session_read(s, a, spills, job->path, most, &bytes, err);
    if (rc == 0) {
        job->result = remote_file_value(a, job->path, bytes, job->as_bytes);
    }
    return rc;
}

static int read_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = remote_file_path(ctx, "inputPath", &job.path, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "returnBuffer", &job.as_bytes, err);
    }
    return rc < 0 ? rc : run(ctx, do_read, &job, ret, err);
}

static int do_write(struct action_context *ctx, struct sftp_session *s, struct job *job,
                    struct err *err)
{
    job->result = path_value(job);
    return sftp_session_write(s, job->path, job->data, job->append, err);
}

static int write_to(struct action_context *ctx, bool append, struct action_result *ret,
                    struct err *err)
{
    struct job job = {.append = append};
    int rc = remote_file_path(ctx, "outputPath", &job.path, err);
    if (rc == 0) {
        rc = remote_file_data(ctx, "data", &job.data, err);
    }
    return rc < 0 ? rc : run(ctx, do_write, &job, ret, err);
}

static int write_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return write_to(ctx, false, ret, err);
}

static int append_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return write_to(ctx, true, ret, err);
}

static int do_delete(struct action_context *ctx, struct sftp_session *s, struct job *job,
                     struct err *err)
{
    job->result = json_null();
    return sftp_session_delete(s, job->path, err);
}

static int delete_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = remote_file_path(ctx, "path", &job.path, err);
    return rc < 0 ? rc : run(ctx, do_delete, &job, ret, err);
}

static int do_move(struct action_context *ctx, struct sftp_session *s, struct job *job,
                   struct err *err)
{
    job->result = json_null();
    return sftp_session_move(s, job->path, job->other, err);
}

static int move_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = remote_file_path(ctx, "sourcePath", &job.path, err);
    if (rc == 0) {
        rc = remote_file_path(ctx, "destinationPath", &job.other, err);
    }
    return rc < 0 ? rc : run(ctx, do_move, &job, ret, err);
}

static int do_stat(struct action_context *ctx, struct sftp_session *s, struct job *job,
                   struct err *err)
{
    struct sftp_stat stat;
    int rc = sftp_session_stat(s, job->path, &stat, err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    json_append(&b, STR("mode"), json_num(stat.mode));
    json_append(&b, STR("uid"), json_num(stat.uid));
    json_append(&b, STR("gid"), json_num(stat.gid));
    json_append(&b, STR("size"), json_num((double)stat.size));
    json_append(&b, STR("accessTime"), json_num(stat.accessed * 1000.0));
    json_append(&b, STR("modifyTime"), json_num(stat.modified * 1000.0));
    json_append(&b, STR("isDirectory"), json_bool(S_ISDIR(stat.mode)));
    json_append(&b, STR("isFile"), json_bool(S_ISREG(stat.mode)));
    json_append(&b, STR("isBlockDevice"), json_bool(S_ISBLK(stat.mode)));
    json_append(&b, STR("isCharacterDevice"), json_bool(S_ISCHR(stat.mode)));
    json_append(&b, STR("isSymbolicLink"), json_bool(S_ISLNK(stat.mode)));
    json_append(&b, STR("isFIFO"), json_bool(S_ISFIFO(stat.mode)));
    json_append(&b, STR("isSocket"), json_bool(S_ISSOCK(stat.mode)));
    job->result = json_built(&b);
    return 0;
}

static int stat_file(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = remote_file_path(ctx, "inputPath", &job.path, err);
    return rc < 0 ? rc : run(ctx, do_stat, &job, ret, err);
}

/* --- directories ---------------------------------------------------------------------------------
 */

static int do_create(struct action_context *ctx, struct sftp_session *s, struct job *job,
                     struct err *err)
{
    job->result = path_value(job);
    if (!job->recursive) {
        return sftp_session_make_directory(s, job->path, err);
    }
    for (size_t i = 1; i <= job->path.len; i++) {
        struct str part = str_n(job->path.ptr, i);
        struct sftp_stat stat;
        if ((i < job->path.len && job->path.ptr[i] != '/') || part.ptr[i - 1] == '/') {
            continue;
        }
        int rc = sftp_session_stat(s, part, &stat, NULL);
        if (rc == -EBADE) {
            rc = sftp_session_make_directory(s, part, err);
        } else if (rc < 0) {
            rc = sftp_session_stat(s, part, &stat, err); /* once more, for its words */
        } else if (stat.mode && !S_ISDIR(stat.mode)) {
            rc = action_input_error(ctx, "path", err, "\"%.*s\" is there and is no directory.",
                                    (int)MIN(part.len, 100), part.ptr);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int create_directory(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = remote_file_path(ctx, "path", &job.path, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "recursive", &job.recursive, err);
    }
    return rc < 0 ? rc : run(ctx, do_create, &job, ret, err);
}

struct listing {
    struct action_context *ctx;
    struct sftp_session *s;
    struct job *job;
    struct json_builder names;
    size_t seen;
};

/* Links are not followed, so the tree has no circles. */
static int list_folder(struct listing *l, struct str folder, int depth, struct err *err)
{
    struct sftp_entry *entries = NULL;
    size_t n = 0;
    int rc = sftp_session_list(l->s, action_arena(l->ctx), folder, MAX_ENTRIES - l->seen, &entries,
                               &n, err);
    l->seen += n;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct sftp_entry *e = &entries[i];
        bool directory = S_ISDIR(e->stat.mode);
        size_t room = folder.len + e->name.len + KIB(1) + (size_t)l->names.len * 48;
        rc = action_room(l->ctx, room, err);
        if (rc < 0) {
            return rc;
        }
        bool whole = l->job->recursive || l->job->changes;
        struct str path = whole ? remote_file_join(action_arena(l->ctx), folder, e->name) : e->name;
        bool fits = remote_file_matches(l->job->pattern, e->name);
        if (l->job->changes && fits && (S_ISREG(e->stat.mode) || !e->stat.mode)) {
            rc = remote_changes_add(l->job->changes, path, (double)e->stat.size,
                                    e->stat.modified * 1000.0, err);
        } else if (!l->job->changes && fits && (!directory || l->job->directories)) {
            json_push(&l->names, json_str(path));
        }
        if (rc == 0 && directory && l->job->recursive && depth < MAX_DEPTH) {
            rc = list_folder(l, path, depth + 1, err);
        }
    }
    return rc;
}

static int by_name(const void *x, const void *y)
{
    struct str p = json_as_str(*(const struct json *)x), q = json_as_str(*(const struct json *)y);
    int order = memcmp(p.ptr, q.ptr, MIN(p.len, q.len));
    return order ? order : p.len < q.len ? -1 : p.len > q.len;
}

static int do_list(struct action_context *ctx, struct sftp_session *s, struct job *job,
                   struct err *err)
{
    struct listing l = {.ctx = ctx, .s = s, .job = job};
    json_build_array(&l.names, action_arena(ctx));
    int rc = list_folder(&l, job->path, 0, err);
    if (rc == 0 && l.names.len) {
        qsort(l.names.slots, l.names.len, sizeof(struct json), by_name);
    }
    job->result = json_built(&l.names);
    return rc;
}

static int read_listing(struct action_context *ctx, struct job *job, struct err *err)
{
    int rc = remote_file_path(ctx, "path", &job->path, err);
    if (rc == 0) {
        rc = remote_file_pattern(ctx, "pattern", &job->pattern, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "includeSubdirectories", &job->recursive, err);
    }
    return rc;
}

static int list_directory(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct job job = {0};
    int rc = read_listing(ctx, &job, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "includeDirectories", &job.directories, err);
    }
    return rc < 0 ? rc : run(ctx, do_list, &job, ret, err);
}

static int new_or_modified_files(struct action_context *ctx, struct action_result *ret,
                                 struct err *err)
{
    struct remote_changes changes;
    struct job job = {.changes = &changes};
    remote_changes_start(&changes, ctx);
    int rc = read_listing(ctx, &job, err);
    rc = rc == 0 ? run(ctx, do_list, &job, ret, err) : rc;
    return rc == 0 ? remote_changes_finish(&changes, ret, err) : rc;
}

#define STAT_EXAMPLE                                                                               \
    "{\"mode\": 33188, \"uid\": 1000, \"gid\": 1000, \"size\": 5, \"accessTime\": "                \
    "1767323045000, \"modifyTime\": 1767323045000, \"isDirectory\": false, \"isFile\": true, "     \
    "\"isBlockDevice\": false, \"isCharacterDevice\": false, \"isSymbolicLink\": false, "          \
    "\"isFIFO\": false, \"isSocket\": false}"
#define FILE_EXAMPLE "{\"data\": \"id,total\\n1,20\\n\", \"contentType\": \"text/csv\"}"
#define ROW(name, text, words, flag, list, sample, fn)                                             \
    {                                                                                              \
        .key = (name), .label = (text), .description = (words), .flags = (flag), .inputs = (list), \
        .example = (sample), .perform = (fn),                                                      \
    }

static const struct action actions[] = {
    ROW("appendFile", "Append File", "Adds to the end of a file; the result is its path.",
        ACTION_WRITES, append_inputs, "\"/out/orders.csv\"", append_file),
    ROW("createDirectory", "Create Directory", "Makes a directory; the result is its path.",
        ACTION_WRITES, create_inputs, "\"/out/2026/01\"", create_directory),
    ROW("deleteFile", "Delete File", "Deletes a file.", ACTION_WRITES, delete_inputs, "null",
        delete_file),
    ROW("fastGet", "Fast Get", "Reads a file, as Read File does.", ACTION_READS, read_inputs,
        FILE_EXAMPLE, read_file),
    ROW("listDirectory", "List Directory", "Lists the files of a directory, by name.", ACTION_READS,
        list_inputs, "[\"a.csv\", \"orders.csv\"]", list_directory),
    ROW("moveFile", "Move File", "Moves or renames a file.", ACTION_WRITES, move_inputs, "null",
        move_file),
    ROW("readFile", "Read File", "Reads a file; its content type comes from its name.",
        ACTION_READS, read_inputs, FILE_EXAMPLE, read_file),
    ROW("statFile", "Stat File", "Tells size, times and kind of a file.", ACTION_READS, stat_inputs,
        STAT_EXAMPLE, stat_file),
    ROW("writeFile", "Write File", "Writes a file; the result is its path.", ACTION_WRITES,
        write_inputs, "\"/out/orders.csv\"", write_file),
    ROW("newOrModifiedFiles", "New or Modified Files",
        "Looks for new and changed files of a directory on a schedule, and starts the flow with "
        "them. The first time all files are new.",
        ACTION_TRIGGER | ACTION_READS | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED, changes_inputs,
        REMOTE_CHANGES_EXAMPLE, new_or_modified_files),
    {0},
};

const struct component component_sftp = {
    .key = "sftp",
    .label = "SFTP",
    .description = "Read, write and move files on an SFTP server.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
