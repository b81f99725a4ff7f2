/* Memory. Allocation never fails: out of memory aborts, so every size that comes from input is
 * bounded before it gets here. Arenas serve one request or one run and are freed whole. */
#pragma once

#include "base.h"

/* For programs that run long, once and first: memory that was freed is kept for what comes next. A
 * page given back and touched again is a fault, and batches would do so with each one. */
void mem_keep_freed(void);

void *mem_alloc(size_t size);  /* not zeroed */
void *mem_zalloc(size_t size); /* zeroed */
void *mem_realloc(void *p, size_t size);
void *mem_array(size_t n, size_t size); /* zeroed, n * size checked for overflow */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);
void *mem_dup(const void *p, size_t len);
void mem_free(void *p); /* accepts NULL */
#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

static inline unused void mem_free_cleanup(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof(p));
    mem_free(p);
}

/* An arena: bump allocation in chunks, freed at once. Not thread-safe: one owner at a time. */
struct arena;
/* first_chunk: bytes of the first chunk (0 = 4 KiB); chunks then double up to 256 KiB.
 * max_bytes: the bound of all chunks together; going past it aborts, so callers bound input first
 * (arena_room tells what is left). 0 = 1 GiB. */
struct arena *arena_new(size_t first_chunk, size_t max_bytes);
struct arena *arena_free(struct arena *a); /* runs the deferred calls, last first; returns NULL */
void arena_clear(struct arena *a);         /* runs the deferred calls, keeps the first chunk */
void *arena_alloc(struct arena *a, size_t size); /* 16-byte aligned, not zeroed */
void *arena_zalloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t n, size_t size); /* zeroed */
void *arena_dup(struct arena *a, const void *p, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);
void arena_defer(struct arena *a, void (*fn)(void *), void *ptr);
size_t arena_used(const struct arena *a);            /* bytes handed out since new or clear */
size_t arena_room(const struct arena *a);            /* bytes left below max_bytes */
bool arena_fits(const struct arena *a, size_t size); /* whether arena_alloc(a, size) would do */
#define arena_new_of(a, type) ((type *)arena_zalloc((a), sizeof(type)))
DEFINE_CLEANUP(struct arena *, arena_free)
