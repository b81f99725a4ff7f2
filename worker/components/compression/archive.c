/* Owns the use of libzip, over values only. Slot threads, no state. Sizes that the directory of an
 * archive claims are added up before anything is decompressed, and are what is read: an entry that
 * turns out longer or shorter is refused. */
#include "components/compression/archive.h"

#include <zip.h>

#define PART_BYTES KIB(32)

static void zip_close_cleanup(zip_t **z)
{
    if (*z) {
        zip_discard(*z);
    }
}
static void entry_cleanup(zip_file_t **f)
{
    if (*f) {
        (void)zip_fclose(*f);
    }
}

static int refuse(struct action_context *ctx, const char *key, zip_error_t *e, const char *what,
                  struct err *err)
{
    return action_input_error(ctx, key, err, "%s: %s.", what, zip_error_strerror(e));
}

bool archive_name_ok(struct str name)
{
    return name.len > 0 && name.len <= ARCHIVE_NAME_MAX && !memchr(name.ptr, '\0', name.len) &&
           str_utf8_valid(name);
}

size_t archive_max_bytes(struct action_context *ctx)
{
    return spill_set_works(action_spills(ctx)) ? SPILL_VALUE_MAX : MIB(64);
}

/* --- writing --------------------------------------------------------------------------------- */

static int add_file(struct action_context *ctx, const char *key, zip_t *z,
                    const struct archive_file *file, struct err *err)
{
    AUTO(buf_done) struct buf name = {0};
    buf_init(&name, 0);
    buf_add_str(&name, file->name);
    zip_source_t *s = zip_source_buffer(z, file->data.ptr, file->data.len, 0);
    if (!s) {
        return refuse(ctx, key, zip_get_error(z), "cannot be put into an archive", err);
    }
    if (zip_file_add(z, name.data, s, ZIP_FL_ENC_UTF_8) < 0) {
        int rc = action_input_error(ctx, key, err, "\"%.100s\" cannot be put into the archive: %s.",
                                    name.data, zip_strerror(z));
        zip_source_free(s);
        return rc;
    }
    return 0;
}

/* The archive while it is written. The library goes back to write sizes before what it compressed.
 */
struct target {
    struct spill bytes;
    size_t at;
    zip_error_t error;
};

static void target_done(struct target *t)
{
    spill_done(&t->bytes);
    zip_error_fini(&t->error);
}
DEFINE_DONE(struct target, target_done)

static zip_int64_t target_write(struct target *t, const char *p, size_t n)
{
    size_t over = MIN(n, t->bytes.len - t->at);
    if (!spill_replace(&t->bytes, t->at, p, over) || !spill_add(&t->bytes, p + over, n - over)) {
        zip_error_set(&t->error, ZIP_ER_WRITE, 0);
        return -1;
    }
    t->at += n;
    return (zip_int64_t)n;
}

static zip_int64_t target_call(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
    struct target *t = arg;
    zip_int64_t at;
    switch ((int)cmd) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_BEGIN_WRITE,
            ZIP_SOURCE_COMMIT_WRITE, ZIP_SOURCE_ROLLBACK_WRITE, ZIP_SOURCE_WRITE,
            ZIP_SOURCE_SEEK_WRITE, ZIP_SOURCE_TELL_WRITE, ZIP_SOURCE_REMOVE, -1);
    case ZIP_SOURCE_STAT:
        zip_stat_init(data);
        ((zip_stat_t *)data)->size = 0;
        ((zip_stat_t *)data)->valid = ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
    case ZIP_SOURCE_WRITE:
        return target_write(t, data, len);
    case ZIP_SOURCE_SEEK_WRITE:
        at = zip_source_seek_compute_offset(t->at, t->bytes.len, data, len, &t->error);
        t->at = at < 0 ? t->at : (size_t)at;
        return at < 0 ? -1 : 0;
    case ZIP_SOURCE_TELL_WRITE:
        return (zip_int64_t)t->at;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&t->error, data, len);
    default: /* reading what is not there yet, beginnings and ends */
        return 0;
    }
}

/* Why closing failed, or the bytes. */
static int finish(struct action_context *ctx, const char *key, struct target *t, zip_t *failed,
                  struct str *ret, struct err *err)
{
    if (t->bytes.full) {
        return action_input_error(ctx, key, err, "the archive would be larger than %zu MB.",
                                  t->bytes.max / MIB(1));
    }
    if (failed && t->bytes.failure == SPILL_OK) {
        return refuse(ctx, key, zip_get_error(failed), "cannot be written as an archive", err);
    }
    return spill_end(&t->bytes, action_arena(ctx), ret, err);
}

int archive_write(struct action_context *ctx, const char *key, const struct archive_file *files,
                  size_t n, struct str *ret, struct err *err)
{
    zip_error_t e;
    zip_error_init(&e);
    AUTO(target_done) struct target t = {.bytes = SPILL_NONE};
    spill_begin(&t.bytes, action_spills(ctx), archive_max_bytes(ctx));
    zip_error_init(&t.error);
    zip_source_t *s = zip_source_function_create(target_call, &t, &e);
    __attribute__((cleanup(zip_close_cleanup))) zip_t *z =
        s ? zip_open_from_source(s, ZIP_CREATE | ZIP_TRUNCATE, &e) : NULL;
    if (!z) {
        if (s) {
            zip_source_free(s);
        }
        return refuse(ctx, key, &e, "cannot be written as an archive", err);
    }
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = add_file(ctx, key, z, &files[i], err);
    }
    if (rc < 0) {
        return rc;
    }
    bool closed = zip_close(z) == 0;
    rc = finish(ctx, key, &t, closed ? NULL : z, ret, err);
    z = closed ? NULL : z;
    return rc;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_folder(const zip_stat_t *st)
{
    size_t len = strlen(st->name);
    return len > 0 && st->name[len - 1] == '/' && st->size == 0;
}

/* Others may claim dictionaries of gigabytes, which the library would allocate. */
static bool is_known_method(zip_uint16_t method)
{
    return method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE || method == ZIP_CM_BZIP2;
}

/* Opening costs memory for each entry of the directory, so they are counted before, roughly: stored
 * archives within this one have such marks as well. */
static bool has_too_many_marks(struct str bytes)
{
    size_t n = 0;
    for (size_t at = 0;; n++) {
        const char *mark = memmem(bytes.ptr + at, bytes.len - at, "PK\1\2", 4);
        if (!mark || n > ARCHIVE_MAX_ENTRIES * 10) {
            return mark != NULL;
        }
        at = (size_t)(mark - bytes.ptr) + 4;
    }
}

/* What the directory says, before anything is read. */
static int check_directory(struct action_context *ctx, const char *key, zip_t *z, size_t n,
                           struct err *err)
{
    uint64_t total = 0, most = archive_max_bytes(ctx);
    for (size_t i = 0; i < n; i++) {
        zip_stat_t st;
        const zip_uint64_t needed =
            ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
        if (zip_stat_index(z, i, 0, &st) < 0 || (st.valid & needed) != needed) {
            return action_input_error(ctx, key, err, "entry %zu is damaged: %s.", i + 1,
                                      zip_strerror(z));
        }
        if (st.encryption_method != ZIP_EM_NONE) {
            return action_input_error(ctx, key, err,
                                      "\"%.100s\" is encrypted, which is not supported. Send the "
                                      "archive without a password.",
                                      st.name);
        }
        if (!is_known_method(st.comp_method)) {
            return action_input_error(ctx, key, err,
                                      "\"%.100s\" is compressed with method %u, which is not "
                                      "supported. Make the archive with deflate.",
                                      st.name, st.comp_method);
        }
        total += MIN(st.size, (zip_uint64_t)most + 1);
        if (total > most) {
            return action_input_error(ctx, key, err,
                                      "holds more than %zu MB of files when it is decompressed.",
                                      most / MIB(1));
        }
    }
    return 0;
}

static int read_entry(struct action_context *ctx, const char *key, zip_t *z, size_t i,
                      const zip_stat_t *st, struct spill *all, struct archive_file *ret,
                      struct err *err)
{
    size_t name_len = strlen(st->name);
    int rc = action_room(ctx, name_len + 64, err);
    if (rc < 0) {
        return rc;
    }
    size_t from = all->len;
    zip_int64_t got = -1;
    const char *why = "cannot be opened";
    __attribute__((cleanup(entry_cleanup))) zip_file_t *f = zip_fopen_index(z, i, 0);
    if (f) {
        /* To the end, which is what compares the checksum. */
        char part[PART_BYTES];
        bool fits = true;
        while (fits && (got = zip_fread(f, part, sizeof(part))) > 0) {
            fits = (zip_uint64_t)got <= st->size - (all->len - from) &&
                   spill_add(all, part, (size_t)got);
        }
        if (all->failure != SPILL_OK) {
            return spill_error(all, err);
        }
        why = got < 0 ? zip_file_strerror(f) : "is not as long as the archive says";
        got = got == 0 && all->len - from == st->size ? 0 : -1;
    } else {
        why = zip_strerror(z);
    }
    if (got != 0) {
        return action_input_error(ctx, key, err, "\"%.100s\" is damaged: %s.", st->name, why);
    }
    ret->name = str_n(arena_strndup(action_arena(ctx), st->name, name_len), name_len);
    ret->data = str_n(NULL, st->size); /* comes with the others' */
    return 0;
}

/* The files are one value, so that many small ones need no more memory than a large one. */
static int read_entries(struct action_context *ctx, const char *key, zip_t *z, size_t n,
                        struct archive_file *files, size_t *ret_n, struct err *err)
{
    struct str bytes;
    AUTO(spill_done) struct spill all = SPILL_NONE;
    spill_begin(&all, action_spills(ctx), archive_max_bytes(ctx));
    for (size_t i = 0; i < n; i++) {
        zip_stat_t st;
        if (zip_stat_index(z, i, 0, &st) < 0) {
            return action_input_error(ctx, key, err, "entry %zu is damaged: %s.", i + 1,
                                      zip_strerror(z));
        }
        if (is_folder(&st)) {
            continue;
        }
        int rc = read_entry(ctx, key, z, i, &st, &all, &files[*ret_n], err);
        if (rc < 0) {
            return rc;
        }
        (*ret_n)++;
    }
    int rc = spill_end(&all, action_arena(ctx), &bytes, err);
    for (size_t i = 0, at = 0; rc == 0 && i < *ret_n; i++) {
        files[i].data.ptr = bytes.ptr + at;
        at += files[i].data.len;
    }
    return rc;
}

int archive_read(struct action_context *ctx, const char *key, struct str bytes,
                 struct archive_file **ret_files, size_t *ret_n, struct err *err)
{
    if (bytes.len > archive_max_bytes(ctx)) {
        return action_input_error(ctx, key, err, "is larger than %zu MB.",
                                  archive_max_bytes(ctx) / MIB(1));
    }
    if (bytes.len == 0) { /* which the library takes for an archive without files */
        return action_input_error(ctx, key, err, "is not a ZIP archive: it has no bytes.");
    }
    if (has_too_many_marks(bytes)) {
        return action_input_error(ctx, key, err, "has more than %d entries.", ARCHIVE_MAX_ENTRIES);
    }
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *s = zip_source_buffer_create(bytes.ptr, bytes.len, 0, &e);
    __attribute__((cleanup(zip_close_cleanup))) zip_t *z =
        s ? zip_open_from_source(s, ZIP_RDONLY, &e) : NULL;
    if (!z) {
        if (s) {
            zip_source_free(s);
        }
        return refuse(ctx, key, &e, "is not a ZIP archive, or is damaged", err);
    }
    zip_int64_t n = zip_get_num_entries(z, 0);
    if (n < 0 || n > ARCHIVE_MAX_ENTRIES) {
        return action_input_error(ctx, key, err, "has more than %d entries.", ARCHIVE_MAX_ENTRIES);
    }
    int rc = check_directory(ctx, key, z, (size_t)n, err);
    rc = rc == 0 ? action_room(ctx, (size_t)n * sizeof(**ret_files) + 32, err) : rc;
    if (rc < 0) {
        return rc;
    }
    struct archive_file *files = arena_array(action_arena(ctx), (size_t)n, sizeof(*files));
    size_t n_files = 0;
    rc = read_entries(ctx, key, z, (size_t)n, files, &n_files, err);
    if (rc == 0) {
        *ret_files = files;
        *ret_n = n_files;
    }
    return rc;
}
