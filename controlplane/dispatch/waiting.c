/* Owns the line of waiting events: a ring that doubles. */
#include "dispatch/waiting.h"

struct waiting {
    struct waiting_event *ring;
    size_t cap, first, len; /* cap is a power of two */
    size_t bytes, max_bytes;
};

struct waiting *waiting_new(size_t max_bytes)
{
    struct waiting *w = mem_new(struct waiting);
    w->cap = 1024;
    w->ring = mem_array(w->cap, sizeof(*w->ring));
    w->max_bytes = max_bytes;
    return w;
}

struct waiting *waiting_free(struct waiting *w)
{
    if (w) {
        while (w->len > 0) {
            mem_free(waiting_pop(w).bytes);
        }
        mem_free(w->ring);
        mem_free(w);
    }
    return NULL;
}

static void resize(struct waiting *w, size_t cap)
{
    struct waiting_event *ring = mem_array(cap, sizeof(*ring));
    for (size_t i = 0; i < w->len; i++) {
        ring[i] = w->ring[(w->first + i) & (w->cap - 1)];
    }
    mem_free(w->ring);
    w->ring = ring;
    w->cap = cap;
    w->first = 0;
}

void waiting_push(struct waiting *w, const struct uuid *id, struct str bytes, bool taken_over)
{
    if (w->len == w->cap) {
        resize(w, w->cap * 2);
    }
    bool keep = bytes.ptr && w->bytes + bytes.len <= w->max_bytes;
    w->ring[(w->first + w->len) & (w->cap - 1)] = (struct waiting_event){
        .id = *id,
        .bytes = keep ? mem_dup(bytes.ptr, bytes.len) : NULL,
        .size = (uint32_t)bytes.len,
        .taken_over = taken_over,
    };
    w->bytes += keep ? bytes.len : 0;
    w->len++;
}

size_t waiting_len(const struct waiting *w)
{
    return w->len;
}

const struct waiting_event *waiting_at(const struct waiting *w, size_t i)
{
    ASSERT(i < w->len);
    return &w->ring[(w->first + i) & (w->cap - 1)];
}

struct waiting_event waiting_pop(struct waiting *w)
{
    ASSERT(w->len > 0);
    struct waiting_event e = w->ring[w->first];
    w->first = (w->first + 1) & (w->cap - 1);
    w->len--;
    w->bytes -= e.bytes ? e.size : 0;
    if (w->cap > 65536 && w->len < w->cap / 8) {
        resize(w, w->cap / 2);
    }
    return e;
}
