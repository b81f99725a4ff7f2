/* Owns the files and mappings of values that are too large for memory. A file has no name from the
 * start, so that nothing is left of a process that is killed, and is closed once it is mapped.
 * Called on run threads; the disk alone is shared and counts with an atomic. It refuses values,
 * runs and workers that hold more than they may, and tells a full disk from that. */
#include "spill.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFERRED_FROM KIB(64) /* strings from here on are looked up instead of copied */
#define DEFAULT_DIR   "/var/tmp"

struct spill_disk {
    char *folder;
    uint64_t max_bytes;
    atomic_uint_fast64_t used;
};

struct spill_value {
    char *data;
    size_t len; /* without the NUL behind it */
    int level;
    bool copied; /* at its level, since the last turn */
};

/* --- the disk --------------------------------------------------------------------------------- */

/* A file without a name; -errno. */
static int open_unnamed(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
        return fd >= 0 ? fd : -errno;
    }
    AUTO(buf_done) struct buf name = {0};
    buf_init(&name, KIB(8));
    buf_addf(&name, "%s/leat-XXXXXX", folder);
    fd = name.full ? -1 : mkostemp(name.data, O_CLOEXEC);
    if (fd < 0) {
        return name.full ? -ENAMETOOLONG : -errno;
    }
    (void)unlink(name.data);
    return fd;
}

int spill_disk_new(struct spill_disk **ret, const char *folder, uint64_t max_bytes, struct err *err)
{
    if (!folder || !folder[0]) {
        folder = getenv("TMPDIR");
        folder = folder && folder[0] ? folder : DEFAULT_DIR;
    }
    int fd = open_unnamed(folder);
    if (fd < 0) {
        return err_set(err, -EINVAL, "config.spill_folder",
                       "no file for large data can be made in %s: %s. Set spill-folder to a folder "
                       "that can be written to.",
                       folder, strerror(-fd));
    }
    (void)close(fd);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct spill_disk *disk = mem_new(struct spill_disk);
    disk->folder = mem_strdup(folder);
    disk->max_bytes = max_bytes;
    *ret = disk;
    return 0;
}

struct spill_disk *spill_disk_free(struct spill_disk *disk)
{
    if (disk) {
        mem_free(disk->folder);
        mem_free(disk);
    }
    return NULL;
}

uint64_t spill_disk_used(struct spill_disk *disk)
{
    return atomic_load(&disk->used);
}

static void give_back(struct spill_set *set, size_t bytes)
{
    set->bytes -= bytes;
    atomic_fetch_sub(&set->disk->used, bytes);
}

static enum spill_failure take(struct spill_set *set, size_t bytes)
{
    if (set->bytes + bytes > SPILL_RUN_MAX) {
        return SPILL_RUN;
    }
    if (atomic_fetch_add(&set->disk->used, bytes) + bytes > set->disk->max_bytes) {
        atomic_fetch_sub(&set->disk->used, bytes);
        return SPILL_WORKER;
    }
    set->bytes += bytes;
    return SPILL_OK;
}

/* --- the values of a run ---------------------------------------------------------------------- */

void spill_set_init(struct spill_set *set, struct spill_disk *disk)
{
    *set = (struct spill_set){.disk = disk};
}

static void value_free(struct spill_set *set, struct spill_value *v)
{
    (void)munmap(v->data, v->len + 1);
    give_back(set, v->len);
}

void spill_set_cut(struct spill_set *set, uint32_t n)
{
    while (set->n > n) {
        value_free(set, &set->values[--set->n]);
    }
}

void spill_set_clear(struct spill_set *set)
{
    spill_set_cut(set, 0);
    mem_free(set->values);
    *set = (struct spill_set){.disk = set->disk, .bytes = set->bytes};
}

void spill_set_done(struct spill_set *set)
{
    spill_set_clear(set);
}

static void release(struct spill_set *set, int level, bool all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        struct spill_value *v = &set->values[i];
        if (v->level >= level && (all || !v->copied)) {
            value_free(set, v);
            continue;
        }
        v->copied = v->level >= level ? false : v->copied;
        set->values[kept++] = *v;
    }
    set->n = kept;
}

void spill_set_turn(struct spill_set *set, int level)
{
    release(set, level, false);
}

void spill_set_leave(struct spill_set *set, int level)
{
    release(set, level, true);
}

/* Whether the bytes are the set's; the value they are in then lives as long as the level. */
static bool hold(struct spill_set *set, const char *p, int level)
{
    for (uint32_t i = 0; i < set->n; i++) {
        struct spill_value *v = &set->values[i];
        if (p >= v->data && p < v->data + v->len) {
            if (level < v->level) {
                v->level = level;
                v->copied = false;
            } else if (level == v->level) {
                v->copied = true;
            }
            return true;
        }
    }
    return false;
}

static struct json copy_nested(struct spill_set *set, struct arena *a, struct json v, int level,
                               int depth)
{
    if (v.type == JSON_ARRAY && depth < JSON_MAX_NEST) {
        struct json *items = arena_alloc(a, v.len * sizeof(*items));
        for (uint32_t i = 0; i < v.len; i++) {
            items[i] = copy_nested(set, a, v.items[i], level, depth + 1);
        }
        return json_array(items, v.len);
    }
    if (v.type == JSON_OBJECT && depth < JSON_MAX_NEST) {
        struct json_member *members = arena_alloc(a, v.len * sizeof(*members));
        for (uint32_t i = 0; i < v.len; i++) {
            struct str key = v.members[i].key;
            members[i].key = str_n(arena_strndup(a, key.ptr, key.len), key.len);
            members[i].value = copy_nested(set, a, v.members[i].value, level, depth + 1);
        }
        return json_object(members, v.len);
    }
    if (v.type == JSON_ARRAY || v.type == JSON_OBJECT) {
        return json_null();
    }
    bool large = (v.type == JSON_STRING || v.type == JSON_BINARY) && v.len >= REFERRED_FROM;
    return large && hold(set, v.str, level) ? v : json_copy(a, v);
}

struct json spill_copy(struct spill_set *set, struct arena *a, struct json v, int level)
{
    return set->n ? copy_nested(set, a, v, level, 0) : json_copy(a, v);
}

/* --- one value -------------------------------------------------------------------------------- */

void spill_init(struct spill *s)
{
    *s = SPILL_NONE;
}

static void forget_file(struct spill *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd);
        give_back(s->set, s->written);
    }
    s->fd = -1;
    s->written = 0;
}

void spill_done(struct spill *s)
{
    forget_file(s);
    buf_done(&s->part);
}

void spill_begin(struct spill *s, struct spill_set *set, size_t max)
{
    forget_file(s);
    if (!s->part.max) {
        buf_init(&s->part, 0);
    }
    buf_clear(&s->part);
    s->set = spill_set_works(set) ? set : NULL;
    s->len = 0;
    s->max = max;
    s->full = false;
    s->failure = SPILL_OK;
    s->error = 0;
}

static bool fail(struct spill *s, enum spill_failure failure, int error)
{
    s->failure = failure;
    s->error = error;
    return false;
}

static bool write_at(struct spill *s, const char *p, size_t n, size_t at)
{
    while (n) {
        ssize_t done = pwrite(s->fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return fail(s, SPILL_DISK, done < 0 ? errno : ENOSPC);
        }
        p += done;
        at += (size_t)done;
        n -= (size_t)done;
    }
    return true;
}

/* Moves what is in memory to the file. */
static bool flush(struct spill *s)
{
    if (s->fd < 0) {
        s->fd = open_unnamed(s->set->disk->folder);
        if (s->fd < 0) {
            int error = -s->fd;
            s->fd = -1;
            return fail(s, SPILL_DISK, error);
        }
    }
    enum spill_failure failure = take(s->set, s->part.len);
    if (failure != SPILL_OK) {
        return fail(s, failure, 0);
    }
    size_t at = s->written;
    s->written += s->part.len;
    bool done = write_at(s, s->part.data, s->part.len, at);
    buf_clear(&s->part);
    return done;
}

bool spill_add(struct spill *s, const void *p, size_t n)
{
    if (s->full || s->failure != SPILL_OK) {
        return false;
    }
    if (n > s->max - s->len) {
        s->full = true;
        return false;
    }
    const char *from = p;
    s->len += n;
    while (s->set && s->part.len + n > SPILL_FROM) {
        size_t fits = SPILL_FROM - s->part.len;
        buf_add(&s->part, from, fits);
        from += fits;
        n -= fits;
        if (!flush(s)) {
            return false;
        }
    }
    buf_add(&s->part, from, n);
    return true;
}

bool spill_add_str(struct spill *s, struct str bytes)
{
    return spill_add(s, bytes.ptr, bytes.len);
}

bool spill_replace(struct spill *s, size_t at, const void *p, size_t n)
{
    ASSERT(at <= s->len && n <= s->len - at);
    const char *from = p;
    if (s->failure != SPILL_OK) {
        return false;
    }
    size_t in_file = at < s->written ? MIN(n, s->written - at) : 0;
    if (in_file && !write_at(s, from, in_file, at)) {
        return false;
    }
    if (n > in_file) {
        memcpy(s->part.data + (at + in_file - s->written), from + in_file, n - in_file);
    }
    return true;
}

static int map(struct spill *s, struct str *ret, struct err *err)
{
    struct spill_set *set = s->set;
    if (!flush(s) || !write_at(s, "", 1, s->written)) {
        return spill_error(s, err);
    }
    char *data = mmap(NULL, s->len + 1, PROT_READ, MAP_SHARED, s->fd, 0);
    if (data == MAP_FAILED) {
        (void)fail(s, SPILL_DISK, errno);
        return spill_error(s, err);
    }
    (void)madvise(data, s->len + 1, MADV_SEQUENTIAL);
    if (set->n == set->cap) {
        set->cap = MAX(set->cap * 2, 8u);
        set->values = mem_realloc(set->values, set->cap * sizeof(*set->values));
    }
    set->values[set->n++] = (struct spill_value){.data = data, .len = s->len, .level = set->level};
    (void)close(s->fd); /* the bytes are counted with the value from here on */
    s->fd = -1;
    s->written = 0;
    *ret = str_n(data, s->len);
    return 0;
}

int spill_end(struct spill *s, struct arena *a, struct str *ret, struct err *err)
{
    ASSERT(!s->full);
    if (s->failure != SPILL_OK) {
        return spill_error(s, err);
    }
    if (s->fd >= 0) {
        return map(s, ret, err);
    }
    if (!arena_fits(a, s->len + 1)) {
        return err_set(err, -ENOMEM, "action.memory",
                       "The data is too large for the memory of one execution. Work on smaller "
                       "parts, for example page by page.");
    }
    *ret = str_n(arena_strndup(a, buf_str(&s->part).ptr, s->len), s->len);
    return 0;
}

int spill_error(const struct spill *s, struct err *err)
{
    const struct spill_disk *disk = s->set->disk;
    int rc = -ENOSPC;
    switch (s->failure) {
    case SPILL_OK:
        ASSERT(false);
    case SPILL_DISK:
        rc = err_set(err, rc, "spill.disk",
                     "Data of more than %zu MB could not be written to the worker's folder %.200s: "
                     "%s. Make room there, or set spill-folder to a larger one.",
                     s->len / MIB(1), disk->folder, strerror(s->error));
        break;
    case SPILL_RUN:
        return err_set(err, rc, "spill.run",
                       "The execution would hold more than %zu MB of files and bodies. Work on "
                       "fewer of them in one execution.",
                       SPILL_RUN_MAX / MIB(1));
    case SPILL_WORKER:
        rc = err_set(err, rc, "spill.worker",
                     "The executions of this worker would hold more than %llu MB of files and "
                     "bodies, which is its spill-max-mb. Try again when others have ended, or "
                     "raise it.",
                     (unsigned long long)(disk->max_bytes / MIB(1)));
        break;
    }
    if (err) {
        err->retryable = true;
    }
    return rc;
}
