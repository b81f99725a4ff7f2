/* Owns who is followed, and the thread that publishes. Followers say so every few seconds
 * (SUBJECT_FOLLOW, on a library thread); the recorder's threads only look at a small table and
 * leave a text in a bounded queue. What does not fit is dropped, and the next message says how many
 * were. */
#include "recorder/feed.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "json.h"
#include "queue.h"
#include "recorder/log_rows.h"
#include "subjects.h"

#define FOLLOWED_MAX 256
#define FOLLOW_NS    (10 * NS_PER_SEC) /* after the last word of a follower */
#define QUEUE        1000
#define MESSAGE_MAX  KIB(512)
#define LINES_MAX    500 /* of an execution in a message */
#define LINES_BYTES  KIB(128)

struct feed {
    struct bus *bus;
    struct bus_sub *sub;
    pthread_t thread;
    bool started;
    struct queue *queue;    /* of struct item */
    _Atomic int n_followed; /* at most so many; 0 = nobody, looked at without the lock */
    pthread_mutex_t lock;   /* guards followed */
    struct followed {
        struct uuid organization;
        int64_t until_ns;
        uint64_t dropped; /* since the last message */
    } followed[FOLLOWED_MAX];
};
struct item {
    struct uuid organization;
    struct buf text;
};

static void item_free(struct item *item)
{
    buf_done(&item->text);
    mem_free(item);
}

/* --- who is followed -------------------------------------------------------------------------- */

static void follow(struct feed *f, const struct uuid *organization)
{
    int64_t now = clock_mono_ns();
    struct followed *to = NULL;
    int n = f->n_followed;
    for (int i = 0; i < n && !to; i++) {
        to = uuid_eq(&f->followed[i].organization, organization) ? &f->followed[i] : NULL;
    }
    for (int i = 0; i < n && !to; i++) {
        if (f->followed[i].until_ns < now) {
            to = &f->followed[i];
            *to = (struct followed){.organization = *organization};
        }
    }
    if (!to && n < FOLLOWED_MAX) {
        to = &f->followed[n];
        *to = (struct followed){.organization = *organization};
        f->n_followed = n + 1;
    }
    if (to) {
        to->until_ns = now + FOLLOW_NS;
    }
}

/* The ids of organizations, 16 bytes each. */
static void on_follow(void *ctx, struct bus_message *m)
{
    struct feed *f = ctx;
    struct str data = bus_message_data(m);
    pthread_mutex_lock(&f->lock);
    for (size_t at = 0; at + 16 <= data.len; at += 16) {
        struct uuid id;
        memcpy(id.b, data.ptr + at, 16);
        follow(f, &id);
    }
    pthread_mutex_unlock(&f->lock);
}

static bool is_followed(struct feed *f, const struct uuid *organization)
{
    bool found = false;
    if (!f || f->n_followed == 0) {
        return false;
    }
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < f->n_followed && !found; i++) {
        found =
            f->followed[i].until_ns >= now && uuid_eq(&f->followed[i].organization, organization);
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* Changes by n what the organization has lost, and returns what it was. */
static uint64_t count_dropped(struct feed *f, const struct uuid *organization, uint64_t n)
{
    uint64_t before = 0;
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < f->n_followed; i++) {
        if (uuid_eq(&f->followed[i].organization, organization)) {
            before = f->followed[i].dropped;
            f->followed[i].dropped = n ? before + n : 0;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return before;
}

/* --- messages --------------------------------------------------------------------------------- */

static void set_id(struct arena *a, struct json_builder *b, const char *name, const char *type,
                   const struct uuid *id)
{
    char text[GLOBAL_ID_MAX];
    size_t len = global_id_format(type, id, text);
    json_append(b, str_of(name), json_str(str_n(arena_strndup(a, text, len), len)));
}

static struct json instant(struct arena *a, int64_t ns)
{
    char *text = arena_alloc(a, CLOCK_ISO_LEN + 1);
    clock_iso(ns, text);
    return json_cstr(text);
}

/* *ret_left = how many were too many. */
static struct json lines_of(struct arena *a, const struct uuid *execution, struct wire_list logs,
                            uint32_t first, uint64_t *ret_left)
{
    size_t bytes = 0, n = 0;
    const struct result_log *items = logs.items;
    struct json_builder list;
    json_build_array(&list, a);
    for (size_t i = 0; i < logs.n && i < LINES_MAX && bytes < LINES_BYTES; i++, n++) {
        struct json_builder one;
        bytes += items[i].message.len;
        struct uuid id = log_rows_id(execution, first + (uint32_t)i, items[i].time_ns);
        json_build_object(&one, a);
        set_id(a, &one, "id", "Log", &id);
        json_append(&one, STR("timestamp"), instant(a, items[i].time_ns));
        json_append(&one, STR("severity"), json_num(MIN(items[i].level, 6u)));
        json_append(&one, STR("message"), json_str(log_rows_clean(a, items[i].message)));
        json_append(&one, STR("stepName"), json_str(log_rows_clean(a, items[i].step_name)));
        json_push(&list, json_built(&one));
    }
    *ret_left = logs.n - n;
    return json_built(&list);
}

static void begin(struct arena *a, struct json_builder *b, const struct uuid *execution,
                  const struct uuid *instance, const struct uuid *flow_config)
{
    json_build_object(b, a);
    set_id(a, b, "executionResult", "InstanceExecutionResult", execution);
    set_id(a, b, "instance", "Instance", instance);
    set_id(a, b, "flowConfig", "InstanceFlowConfig", flow_config);
}

/* Leaves it to the thread. */
static void leave(struct feed *f, const struct uuid *organization, struct json_builder *b,
                  uint64_t left)
{
    uint64_t dropped = left + count_dropped(f, organization, 0);
    struct item *item = mem_new(struct item);
    item->organization = *organization;
    buf_init(&item->text, MESSAGE_MAX);
    json_append(b, STR("dropped"), json_num((double)dropped));
    json_dump(&item->text, json_built(b));
    if (item->text.full || queue_push(f->queue, item) != 0) {
        (void)count_dropped(f, organization, dropped + 1);
        item_free(item);
    }
}

static void feed_result(struct feed *f, const struct run_result *r)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(8));
    struct json_builder b;
    uint64_t left = 0;
    /* Those of test runs were told as they came. */
    struct wire_list lines = r->streamed ? (struct wire_list){0} : r->logs;
    begin(a, &b, &r->execution_id, &r->instance_id, &r->flow_config_id);
    json_append(&b, STR("status"),
                r->status == RUN_FAILED ? json_cstr("ERROR") : json_cstr("SUCCESS"));
    json_append(&b, STR("startedAt"), instant(a, uuid_v7_ms(&r->execution_id) * NS_PER_MS));
    json_append(&b, STR("endedAt"), instant(a, r->ended_ns));
    json_append(&b, STR("error"),
                r->error.len ? json_str(log_rows_clean(a, r->error)) : json_null());
    json_append(&b, STR("lines"), lines_of(a, &r->execution_id, lines, 0, &left));
    leave(f, &r->organization_id, &b, left);
}

void feed_results(struct feed *f, const struct run_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_followed(f, &results[i].organization_id)) {
            feed_result(f, &results[i]);
        }
    }
}

static struct json steps_of(struct arena *a, struct str batch)
{
    struct json_builder list;
    struct str message;
    json_build_array(&list, a);
    while (wire_batch_next(&batch, &message) == 1) {
        struct step_result s;
        struct json_builder one;
        if (wire_decode(&step_result_message, a, message, &s, NULL) != 0) {
            break;
        }
        json_build_object(&one, a);
        json_append(&one, STR("stepName"), json_str(log_rows_clean(a, s.key)));
        json_append(&one, STR("displayStepName"), json_str(log_rows_clean(a, s.name)));
        json_append(&one, STR("startedAt"), instant(a, s.started_ns));
        json_append(&one, STR("endedAt"), instant(a, s.ended_ns));
        json_append(&one, STR("hasError"), json_bool(s.error.len > 0));
        json_append(&one, STR("loopPath"),
                    s.loop_path.len ? json_str(log_rows_clean(a, s.loop_path)) : json_null());
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

void feed_progress(struct feed *f, const struct run_progress *p)
{
    struct json_builder b;
    uint64_t left = 0;
    if (!is_followed(f, &p->organization_id)) {
        return;
    }
    AUTO(arena_free) struct arena *a = arena_new(KIB(16), MIB(32));
    begin(a, &b, &p->execution_id, &p->instance_id, &p->flow_config_id);
    json_append(&b, STR("steps"), steps_of(a, p->steps));
    json_append(&b, STR("lines"), lines_of(a, &p->execution_id, p->logs, p->first_log, &left));
    leave(f, &p->organization_id, &b, left);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *run(void *arg)
{
    struct feed *f = arg;
    void *items[64];
    size_t n;
    (void)pthread_setname_np(pthread_self(), "feed");
    while ((n = queue_pop_many(f->queue, items, ARRAY_LEN(items), -1)) > 0) {
        for (size_t i = 0; i < n; i++) {
            struct item *item = items[i];
            char subject[sizeof(SUBJECT_FEED) + 1 + UUID_TEXT_LEN], id[UUID_TEXT_LEN + 1];
            uuid_format(&item->organization, id);
            (void)snprintf(subject, sizeof(subject), "%s.%s", SUBJECT_FEED, id);
            if (bus_publish(f->bus, subject, buf_str(&item->text)) != 0) {
                (void)count_dropped(f, &item->organization, 1);
            }
            item_free(item);
        }
    }
    return NULL;
}

int feed_new(struct bus *bus, struct feed **ret, struct err *err)
{
    struct feed *f = mem_new(struct feed);
    f->bus = bus;
    f->queue = queue_new(QUEUE);
    pthread_mutex_init(&f->lock, NULL);
    *ret = f;
    return 0;
}

int feed_start(struct feed *f)
{
    int r = bus_subscribe(f->bus, SUBJECT_FOLLOW, NULL, on_follow, f, &f->sub);
    if (r == 0) {
        r = -pthread_create(&f->thread, NULL, run, f);
        f->started = r == 0;
    }
    return r;
}

void feed_stop(struct feed *f)
{
    f->sub = bus_sub_free(f->sub);
    queue_close(f->queue);
    if (f->started) {
        pthread_join(f->thread, NULL);
        f->started = false;
    }
}

struct feed *feed_free(struct feed *f)
{
    if (f) {
        feed_stop(f);
        void *item;
        while (queue_pop_many(f->queue, &item, 1, 0) == 1) {
            item_free(item);
        }
        queue_free(f->queue);
        pthread_mutex_destroy(&f->lock);
        mem_free(f);
    }
    return NULL;
}
