/* Owns allocation: the aborting heap wrappers and arenas. Callable on any thread; an arena belongs
 * to one thread at a time. Refuses to return NULL. */
#include "mem.h"

#include <malloc.h>
#include <stdarg.h>

#define ARENA_ALIGN     16
#define ARENA_CHUNK_MAX KIB(256)
#define ARENA_MAX_BYTES MIB(1024)
#define KEEP_FREED      MIB(32) /* of each of malloc's arenas */
#define MAP_FROM        MIB(4)  /* larger blocks go back to the system at once */

void base_assert_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "assert failed: %s at %s:%d\n", expr, file, line);
    abort();
}

static noreturn_fn void out_of_memory(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes\n", size);
    abort();
}

void mem_keep_freed(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_FREED);
    (void)mallopt(M_TOP_PAD, MIB(1));
    (void)mallopt(M_MMAP_THRESHOLD, MAP_FROM);
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (unlikely(!p)) {
        out_of_memory(size);
    }
    return p;
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (unlikely(!p)) {
        out_of_memory(size);
    }
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);
    if (unlikely(!q)) {
        out_of_memory(size);
    }
    return q;
}

void *mem_array(size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        out_of_memory(SIZE_MAX);
    }
    return mem_zalloc(total);
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

char *mem_strndup(const char *s, size_t len)
{
    char *p = mem_alloc(len + 1);
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

void *mem_dup(const void *p, size_t len)
{
    void *q = mem_alloc(len);
    if (len) {
        memcpy(q, p, len);
    }
    return q;
}

void mem_free(void *p)
{
    free(p);
}

struct chunk {
    struct chunk *next;
    size_t size; /* of data[] */
    size_t used;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *ptr;
};

struct arena {
    struct chunk *head; /* newest */
    struct chunk *first;
    struct deferred *deferred;
    size_t next_size;
    size_t first_size;
    size_t held; /* bytes of all chunks */
    size_t used; /* bytes handed out */
    size_t max_bytes;
};

static struct chunk *chunk_new(size_t size)
{
    struct chunk *c = mem_alloc(sizeof(*c) + size);
    c->next = NULL;
    c->size = size;
    c->used = 0;
    return c;
}

struct arena *arena_new(size_t first_chunk, size_t max_bytes)
{
    struct arena *a = mem_new(struct arena);
    a->first_size = first_chunk ? first_chunk : KIB(4);
    a->max_bytes = max_bytes ? max_bytes : ARENA_MAX_BYTES;
    a->next_size = a->first_size;
    return a;
}

static void run_deferred(struct arena *a)
{
    while (a->deferred) {
        struct deferred *d = a->deferred;
        a->deferred = d->next;
        d->fn(d->ptr);
    }
}

void arena_clear(struct arena *a)
{
    run_deferred(a);
    while (a->head && a->head != a->first) {
        struct chunk *c = a->head;
        a->head = c->next;
        mem_free(c);
    }
    if (a->first) {
        a->first->used = 0;
        a->held = a->first->size;
        a->next_size = MIN(MAX(a->first->size * 2, a->first_size), ARENA_CHUNK_MAX);
    }
    a->used = 0;
}

struct arena *arena_free(struct arena *a)
{
    if (a) {
        arena_clear(a);
        mem_free(a->first);
        mem_free(a);
    }
    return NULL;
}

static void *arena_alloc_slow(struct arena *a, size_t size)
{
    size_t want = MAX(a->next_size, size);
    if (unlikely(size > a->max_bytes || a->held > a->max_bytes - size)) {
        out_of_memory(size);
    }
    struct chunk *c = chunk_new(want);
    c->next = a->head;
    a->head = c;
    if (!a->first) {
        a->first = c;
    }
    a->held += want;
    a->next_size = MIN(a->next_size * 2, MAX(ARENA_CHUNK_MAX, a->first_size));
    c->used = size;
    a->used += size;
    return c->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct chunk *c = a->head;
    if (likely(c && c->size - c->used >= size)) {
        void *p = c->data + c->used;
        c->used += size;
        a->used += size;
        return p;
    }
    return arena_alloc_slow(a, size);
}

void *arena_zalloc(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        out_of_memory(SIZE_MAX);
    }
    return arena_zalloc(a, total);
}

void *arena_dup(struct arena *a, const void *p, size_t len)
{
    void *q = arena_alloc(a, len);
    if (len) {
        memcpy(q, p, len);
    }
    return q;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_dup(a, s, strlen(s) + 1);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *p = arena_alloc(a, len + 1);
    if (len) {
        memcpy(p, s, len);
    }
    p[len] = '\0';
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *ptr)
{
    struct deferred *d = arena_alloc(a, sizeof(*d));
    d->next = a->deferred;
    d->fn = fn;
    d->ptr = ptr;
    a->deferred = d;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

size_t arena_room(const struct arena *a)
{
    return a->max_bytes > a->held ? a->max_bytes - a->held : 0;
}

bool arena_fits(const struct arena *a, size_t size)
{
    return size <= arena_room(a) ||
           (a->head && size <= ((a->head->size - a->head->used) & ~(size_t)(ARENA_ALIGN - 1)));
}
