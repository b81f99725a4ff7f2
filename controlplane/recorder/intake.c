/* Owns the items from their putting to their taking. Any thread puts, one takes. It refuses items
 * beyond its bytes. */
#include "recorder/intake.h"

void intake_init(struct intake *q, size_t max_bytes)
{
    *q = (struct intake){.max_bytes = max_bytes};
    q->tail = &q->head;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
}

void intake_item_free(struct intake_item *item)
{
    arena_free(item->arena);
}

void intake_done(struct intake *q)
{
    while (q->head) {
        struct intake_item *next = q->head->next;
        intake_item_free(q->head);
        q->head = next;
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

void intake_stop(struct intake *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopping = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

bool intake_put(struct intake *q, struct intake_item *item, struct arena *arena, size_t bytes)
{
    pthread_mutex_lock(&q->lock);
    bool room = !q->stopping && q->bytes < q->max_bytes;
    if (room) {
        *item = (struct intake_item){.arena = arena, .bytes = bytes};
        q->bytes += bytes;
        *q->tail = item;
        q->tail = &item->next;
        pthread_cond_signal(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return room;
}

size_t intake_take(struct intake *q, struct intake_item **ret_items, size_t most, intake_fits fits)
{
    size_t n = 0;
    pthread_mutex_lock(&q->lock);
    while (!q->head && !q->stopping) {
        pthread_cond_wait(&q->changed, &q->lock);
    }
    struct intake_item **at = &q->head;
    while (!q->stopping && *at && n < most) {
        struct intake_item *item = *at;
        if (!fits(item, ret_items, n)) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        q->bytes -= item->bytes;
        ret_items[n++] = item;
    }
    while (*at) {
        at = &(*at)->next;
    }
    q->tail = at;
    pthread_mutex_unlock(&q->lock);
    return n;
}
