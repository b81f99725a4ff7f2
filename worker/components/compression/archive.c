/* Owns the use of libzip, over memory only. Slot threads, no state. Sizes that the directory of an
 * archive claims are added up before anything is decompressed, and are what is allocated and read:
 * an entry that turns out longer or shorter is refused. */
#include "components/compression/archive.h"

#include <zip.h>

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
static void source_cleanup(zip_source_t **s)
{
    if (*s) {
        zip_source_free(*s);
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

/* The archive that was written into a source, which is read once more. */
static int read_back(struct action_context *ctx, const char *key, zip_source_t *s, struct str *ret,
                     struct err *err)
{
    zip_stat_t st;
    if (zip_source_stat(s, &st) < 0 || !(st.valid & ZIP_STAT_SIZE) || zip_source_open(s) < 0) {
        return refuse(ctx, key, zip_source_error(s), "cannot be written as an archive", err);
    }
    int rc = 0;
    if (st.size > ARCHIVE_MAX_BYTES) {
        rc = action_input_error(ctx, key, err, "the archive would be larger than 64 MB.");
    }
    rc = rc == 0 ? action_room(ctx, st.size + 16, err) : rc;
    if (rc == 0) {
        char *data = arena_alloc(action_arena(ctx), st.size);
        if (zip_source_read(s, data, st.size) != (zip_int64_t)st.size) {
            rc = refuse(ctx, key, zip_source_error(s), "cannot be written as an archive", err);
        }
        *ret = str_n(data, st.size);
    }
    (void)zip_source_close(s);
    return rc;
}

int archive_write(struct action_context *ctx, const char *key, const struct archive_file *files,
                  size_t n, struct str *ret, struct err *err)
{
    zip_error_t e;
    zip_error_init(&e);
    __attribute__((cleanup(source_cleanup))) zip_source_t *s =
        zip_source_buffer_create(NULL, 0, 0, &e);
    __attribute__((cleanup(zip_close_cleanup))) zip_t *z =
        s ? zip_open_from_source(s, ZIP_CREATE | ZIP_TRUNCATE, &e) : NULL;
    if (!z) {
        return refuse(ctx, key, &e, "cannot be written as an archive", err);
    }
    zip_source_keep(s); /* z has one reference, which closing gives back */
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = add_file(ctx, key, z, &files[i], err);
    }
    if (rc < 0) {
        return rc;
    }
    if (zip_close(z) < 0) {
        return refuse(ctx, key, zip_get_error(z), "cannot be written as an archive", err);
    }
    z = NULL;
    return read_back(ctx, key, s, ret, err);
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
    uint64_t total = 0;
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
        total += MIN(st.size, (zip_uint64_t)ARCHIVE_MAX_BYTES + 1);
        if (total > ARCHIVE_MAX_BYTES) {
            return action_input_error(ctx, key, err,
                                      "holds more than 64 MB of files when it is decompressed.");
        }
    }
    return 0;
}

static int read_entry(struct action_context *ctx, const char *key, zip_t *z, size_t i,
                      const zip_stat_t *st, struct archive_file *ret, struct err *err)
{
    size_t name_len = strlen(st->name);
    int rc = action_room(ctx, st->size + name_len + 64, err);
    if (rc < 0) {
        return rc;
    }
    char *data = arena_alloc(action_arena(ctx), st->size + 1);
    zip_int64_t got = -1;
    const char *why = "cannot be opened";
    __attribute__((cleanup(entry_cleanup))) zip_file_t *f = zip_fopen_index(z, i, 0);
    if (f) {
        /* One byte more: reading to the end is what compares the checksum. */
        size_t at = 0;
        while ((got = zip_fread(f, data + at, st->size + 1 - at)) > 0 && at <= st->size) {
            at += (size_t)got;
        }
        why = got < 0 ? zip_file_strerror(f) : "is not as long as the archive says";
        got = got == 0 && at == st->size ? 0 : -1;
    } else {
        why = zip_strerror(z);
    }
    if (got != 0) {
        return action_input_error(ctx, key, err, "\"%.100s\" is damaged: %s.", st->name, why);
    }
    *ret = (struct archive_file){
        .name = str_n(arena_strndup(action_arena(ctx), st->name, name_len), name_len),
        .data = str_n(data, st->size),
    };
    return 0;
}

static int read_entries(struct action_context *ctx, const char *key, zip_t *z, size_t n,
                        struct archive_file *files, size_t *ret_n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        zip_stat_t st;
        if (zip_stat_index(z, i, 0, &st) < 0) {
            return action_input_error(ctx, key, err, "entry %zu is damaged: %s.", i + 1,
                                      zip_strerror(z));
        }
        if (is_folder(&st)) {
            continue;
        }
        int rc = read_entry(ctx, key, z, i, &st, &files[*ret_n], err);
        if (rc < 0) {
            return rc;
        }
        (*ret_n)++;
    }
    return 0;
}

int archive_read(struct action_context *ctx, const char *key, struct str bytes,
                 struct archive_file **ret_files, size_t *ret_n, struct err *err)
{
    if (bytes.len > ARCHIVE_MAX_BYTES) {
        return action_input_error(ctx, key, err, "is larger than 64 MB.");
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
