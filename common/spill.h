/* Values too large for memory: gathered in a file without a name and mapped once they are whole.
 * What reads a value through its pointer works unchanged, while its pages are the page cache's. */
#pragma once

#include "json.h"

#define SPILL_FROM      MIB(1)   /* smaller ones stay in memory */
#define SPILL_VALUE_MAX MIB(500) /* a body or a step's result */
#define SPILL_RUN_MAX   (4 * SPILL_VALUE_MAX)

/* The folder of the files and what they may take together. Shared by all threads. */
struct spill_disk;
/* folder "" = $TMPDIR, or /var/tmp. Fails (-EINVAL) when no file can be made there. Ignores SIGXFSZ
 * from then on: a limit of file sizes is an error of a write. */
int spill_disk_new(struct spill_disk **ret, const char *folder, uint64_t max_bytes,
                   struct err *err) must_check;
/* Nobody may hold values any more. Accepts NULL; returns NULL. */
struct spill_disk *spill_disk_free(struct spill_disk *disk);
uint64_t spill_disk_used(struct spill_disk *disk);
DEFINE_CLEANUP(struct spill_disk *, spill_disk_free)

/* The large values of one run; one thread. Inside loops a value belongs to an iteration, told by
 * its level, until a copy takes it outwards. */
struct spill_value;
struct spill_set {
    struct spill_disk *disk; /* NULL: values stay in memory */
    struct spill_value *values;
    uint32_t n, cap;
    uint64_t bytes; /* of the values and of what is being gathered */
    int level;      /* of loops, for values that are made now */
};
void spill_set_init(struct spill_set *set, struct spill_disk *disk);
void spill_set_clear(struct spill_set *set); /* gives all values back */
void spill_set_done(struct spill_set *set);
DEFINE_DONE(struct spill_set, spill_set_done)
static inline bool spill_set_works(const struct spill_set *set)
{
    return set && set->disk;
}
/* Gives back the values after the first n: those that a failed attempt has made. */
void spill_set_cut(struct spill_set *set, uint32_t n);
/* json_copy, but that large values of the set are the same bytes; they then live as long as the
 * memory of that level of loops. */
struct json spill_copy(struct spill_set *set, struct arena *a, struct json v, int level);
/* Gives back the values of a level and of those within which no copy was made at that level since
 * the last call. */
void spill_set_turn(struct spill_set *set, int level);
/* Gives back all values of a level and of those within. */
void spill_set_leave(struct spill_set *set, int level);

enum spill_failure { SPILL_OK, SPILL_DISK, SPILL_RUN, SPILL_WORKER };
/* One value while it comes. */
struct spill {
    struct spill_set *set;
    struct buf part; /* what is not in the file yet */
    size_t len, max;
    size_t written;
    int fd;    /* -1 = none yet */
    bool full; /* it is longer than max: what does not fit was dropped */
    enum spill_failure failure;
    int error; /* errno of SPILL_DISK */
};
#define SPILL_NONE ((struct spill){.fd = -1})
void spill_init(struct spill *s);
void spill_done(struct spill *s);
DEFINE_DONE(struct spill, spill_done)
/* Begins a value of at most max bytes; what came before is given back. Without a set that works it
 * stays in memory. */
void spill_begin(struct spill *s, struct spill_set *set, size_t max);
/* False when it is full or has failed. */
bool spill_add(struct spill *s, const void *p, size_t n);
bool spill_add_str(struct spill *s, struct str bytes);
/* Replaces bytes that are there. */
bool spill_replace(struct spill *s, size_t at, const void *p, size_t n);
/* Ends it: *ret points into the arena, or to a value of the set. A NUL stands behind it. Must not
 * be full. <0: "spill.disk", "spill.run", "spill.worker" (-ENOSPC), or "action.memory" (-ENOMEM)
 * when the arena has no room. */
int spill_end(struct spill *s, struct arena *a, struct str *ret, struct err *err) must_check;
/* Tells about a failure. */
int spill_error(const struct spill *s, struct err *err);
