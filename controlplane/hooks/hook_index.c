/* Owns the hook index and its thread. The thread loads everything in pages, listens for changed
 * instances and reads those anew, and answers questions about ids that would be refused. Loops read
 * under a shared lock, for the copy of one entry. While PostgreSQL is away the old index serves;
 * when it is back everything is loaded again, since notifications were missed. */
#include "hooks/hook_index.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "hooks/hook_endpoints.h"
#include "hooks/hook_table.h"
#include "http/metrics.h"
#include "log.h"
#include "secret.h"

#define PAGE_ROWS         5000
#define CHANGES_MAX       4096 /* instances read anew at once; beyond it everything is */
#define QUESTIONS_MAX     2000
#define QUESTIONS_AT_ONCE 200
#define QUESTION_EVERY_NS (10 * NS_PER_MS)
#define ASKED_SLOTS       8192 /* what was asked lately, by hash */
#define ASKED_FOR_NS      NS_PER_SEC
#define RECONNECT_MS      500
#define POLL_MS           1000

struct asked {
    struct uuid id;
    int64_t at_ns;
};
struct hook_index {
    char *conninfo;
    struct db *db; /* the thread's */
    pthread_t thread;
    bool started;
    int wake_fd;
    _Atomic bool stopping, loaded;
    uint32_t round;
    int64_t last_questions_ns;
    pthread_rwlock_t lock; /* guards table and endpoints */
    struct hook_table table;
    struct hook_endpoints endpoints;
    pthread_mutex_t questions_lock; /* guards all below */
    pthread_cond_t loaded_cond;
    struct hook_question *questions, **last_question;
    size_t n_questions;
    struct asked *asked;
};

static void wake(struct hook_index *x)
{
    uint64_t one = 1;
    (void)!write(x->wake_fd, &one, sizeof(one));
}

static void unwake(struct hook_index *x)
{
    uint64_t many;
    (void)!read(x->wake_fd, &many, sizeof(many));
}

int hook_index_new(const char *conninfo, struct hook_index **ret, struct err *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return err_set(err, -errno, "hook_index.eventfd", "eventfd: %s", strerror(errno));
    }
    struct hook_index *x = mem_new(struct hook_index);
    x->wake_fd = fd;
    x->conninfo = mem_strdup(conninfo);
    hook_table_init(&x->table);
    hook_endpoints_init(&x->endpoints);
    x->last_question = &x->questions;
    x->asked = mem_array(ASKED_SLOTS, sizeof(*x->asked));
    pthread_rwlock_init(&x->lock, NULL);
    pthread_mutex_init(&x->questions_lock, NULL);
    clock_cond_init(&x->loaded_cond);
    *ret = x;
    return 0;
}

struct hook_index *hook_index_free(struct hook_index *x)
{
    if (x) {
        hook_index_stop(x);
        db_close(x->db);
        hook_table_done(&x->table);
        hook_endpoints_done(&x->endpoints);
        pthread_rwlock_destroy(&x->lock);
        pthread_mutex_destroy(&x->questions_lock);
        pthread_cond_destroy(&x->loaded_cond);
        close(x->wake_fd);
        mem_free(x->asked);
        mem_free(x->conninfo);
        mem_free(x);
    }
    return NULL;
}

bool hook_index_loaded(const struct hook_index *x)
{
    return atomic_load(&x->loaded);
}

size_t hook_index_size(struct hook_index *x)
{
    pthread_rwlock_rdlock(&x->lock);
    size_t n = x->table.n;
    pthread_rwlock_unlock(&x->lock);
    return n;
}

bool hook_index_find(struct hook_index *x, const struct uuid *flow_config_id,
                     struct hook_target *ret)
{
    pthread_rwlock_rdlock(&x->lock);
    const struct hook_entry *e = hook_table_find(&x->table, flow_config_id);
    if (e) {
        hook_table_copy(e, ret);
    }
    pthread_rwlock_unlock(&x->lock);
    return e != NULL;
}

bool hook_index_endpoint(struct hook_index *x, const struct uuid *id, struct hook_endpoint *ret)
{
    pthread_rwlock_rdlock(&x->lock);
    bool found = hook_endpoints_find(&x->endpoints, id, ret);
    pthread_rwlock_unlock(&x->lock);
    return found;
}

bool hook_index_member(struct hook_index *x, const struct uuid *sequence_id, struct str external_id,
                       struct uuid *ret_instance_id)
{
    pthread_rwlock_rdlock(&x->lock);
    bool found = hook_endpoints_member(&x->endpoints, sequence_id, external_id, ret_instance_id);
    pthread_rwlock_unlock(&x->lock);
    return found;
}

enum hook_found hook_index_flow_of(struct hook_index *x, const struct uuid *instance_id,
                                   struct str name, struct uuid *ret_flow_config_id)
{
    pthread_rwlock_rdlock(&x->lock);
    enum hook_found found = hook_table_flow_of(&x->table, instance_id, name, ret_flow_config_id);
    pthread_rwlock_unlock(&x->lock);
    return found;
}

/* Whether an instance of the rows has one address for its flows. */
static bool put_rows(struct hook_index *x, const struct db_rows *rows)
{
    bool endpoints = false;
    pthread_rwlock_wrlock(&x->lock);
    for (size_t row = 0; row < db_rows_n(rows); row++) {
        hook_table_put_row(&x->table, rows, row, x->round);
        endpoints = endpoints || hook_table_row_has_endpoint(rows, row);
    }
    pthread_rwlock_unlock(&x->lock);
    return endpoints;
}

static void drop_unseen(struct hook_index *x, const struct uuid *id)
{
    pthread_rwlock_wrlock(&x->lock);
    hook_table_drop_unseen(&x->table, id, x->round);
    hook_endpoints_drop_unseen(&x->endpoints, id, x->round);
    pthread_rwlock_unlock(&x->lock);
}

/* Pages of endpoints; nil id: of all. */
static int load_pages(struct hook_index *x, enum query_id query, const struct uuid *id,
                      void (*put)(struct hook_index *x, const struct db_rows *rows, size_t row,
                                  struct uuid *ret_router_of),
                      struct uuid *ret_router_of, struct err *err)
{
    struct uuid after = {{0}};
    for (size_t n = PAGE_ROWS; n == PAGE_ROWS;) {
        AUTO(db_rows_free) struct db_rows *rows = NULL;
        int r = db_run(x->db, query, &rows, err, DB_UUID(after), DB_UUID_OR_NULL(*id),
                       DB_I64(PAGE_ROWS));
        if (r != 0) {
            return r;
        }
        n = db_rows_n(rows);
        pthread_rwlock_wrlock(&x->lock);
        for (size_t row = 0; row < n; row++) {
            put(x, rows, row, ret_router_of);
        }
        pthread_rwlock_unlock(&x->lock);
        after = n > 0 ? db_uuid(rows, n - 1, 0) : after;
    }
    return 0;
}

static void put_endpoint(struct hook_index *x, const struct db_rows *rows, size_t row,
                         struct uuid *ret_router_of)
{
    hook_endpoints_put_instance(&x->endpoints, rows, row, x->round, ret_router_of);
}

static void put_shared(struct hook_index *x, const struct db_rows *rows, size_t row,
                       struct uuid *unused_router_of)
{
    hook_endpoints_put_shared(&x->endpoints, rows, row, x->round);
}

/* *ret_router_of: of the last instance. */
static int load_endpoints(struct hook_index *x, const struct uuid *instance_id,
                          struct uuid *ret_router_of, struct err *err)
{
    return load_pages(x, QUERY_HOOK_INDEX_ENDPOINTS, instance_id, put_endpoint, ret_router_of, err);
}

static int load_shared(struct hook_index *x, const struct uuid *sequence_id, struct err *err)
{
    return load_pages(x, QUERY_HOOK_INDEX_SHARED, sequence_id, put_shared, NULL, err);
}

static int load_integration(struct hook_index *x, const struct uuid *sequence_id, struct err *err)
{
    x->round++;
    int r = load_shared(x, sequence_id, err);
    if (r == 0) {
        pthread_rwlock_wrlock(&x->lock);
        hook_endpoints_drop_unseen(&x->endpoints, sequence_id, x->round);
        pthread_rwlock_unlock(&x->lock);
    }
    return r;
}

static int load_all(struct hook_index *x, struct err *err)
{
    struct uuid after = {0}, everybody = {0}, router_of;
    x->round++;
    for (size_t n = PAGE_ROWS; n == PAGE_ROWS;) {
        AUTO(db_rows_free) struct db_rows *rows = NULL;
        int r = db_run(x->db, QUERY_HOOK_INDEX_PAGE, &rows, err, DB_UUID(after), DB_I64(PAGE_ROWS));
        if (r != 0) {
            return r;
        }
        n = db_rows_n(rows);
        (void)put_rows(x, rows);
        if (n > 0) {
            after = db_uuid(rows, n - 1, 0);
        }
    }
    int r = load_endpoints(x, &everybody, &router_of, err);
    r = r ? r : load_shared(x, &everybody, err);
    if (r != 0) {
        return r;
    }
    drop_unseen(x, &everybody);
    pthread_mutex_lock(&x->questions_lock);
    atomic_store(&x->loaded, true);
    pthread_cond_broadcast(&x->loaded_cond);
    pthread_mutex_unlock(&x->questions_lock);
    log_info("hook index loaded", LOG_INT("flows", hook_index_size(x)));
    return 0;
}

static int load_instance(struct hook_index *x, const struct uuid *instance_id, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    struct uuid router_of = {{0}};
    int r = db_run(x->db, QUERY_HOOK_INDEX_INSTANCE, &rows, err, DB_UUID(*instance_id));
    if (r != 0) {
        return r;
    }
    x->round++;
    if (put_rows(x, rows)) {
        r = load_endpoints(x, instance_id, &router_of, err);
    }
    if (r == 0) {
        drop_unseen(x, instance_id);
        metrics_add(METRIC_INDEX_RELOADS, 1);
    }
    return r != 0 || uuid_is_nil(&router_of) ? r : load_integration(x, &router_of, err);
}

static bool contains(const struct uuid *ids, size_t n, const struct uuid *id)
{
    for (size_t i = 0; i < n; i++) {
        if (uuid_eq(&ids[i], id)) {
            return true;
        }
    }
    return false;
}

/* Reads what was notified; a burst beyond the bound means everything. */
static int take_changes(struct hook_index *x, struct err *err)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct uuid *changed = arena_array(a, CHANGES_MAX, sizeof(*changed));
    size_t n = 0;
    bool all = false;
    char payload[64];
    int r;
    while ((r = db_notification(x->db, payload, sizeof(payload))) == 1) {
        struct uuid id;
        if (strncmp(payload, "s:", 2) == 0 && uuid_parse(str_of(payload + 2), &id)) {
            int loaded = load_integration(x, &id, err);
            if (loaded != 0) {
                return loaded;
            }
            continue;
        }
        if (!uuid_parse(str_of(payload), &id)) {
            continue;
        }
        /* Several rows of one instance are notified one after another. */
        size_t recent = MIN(n, (size_t)16);
        if (n == CHANGES_MAX) {
            all = true;
        } else if (!contains(changed + n - recent, recent, &id)) {
            changed[n++] = id;
        }
    }
    if (r == 0 && all) {
        return load_all(x, err);
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = load_instance(x, &changed[i], err);
    }
    return r;
}

/* What was asked, in one id. */
static struct uuid asked_id(const struct hook_question *q)
{
    if (q->customer.len == 0) {
        return q->id;
    }
    uint8_t digest[32];
    struct uuid id;
    secret_sha256(q->customer, digest);
    for (size_t i = 0; i < sizeof(id.b); i++) {
        id.b[i] = q->id.b[i] ^ digest[i];
    }
    return id;
}

static struct asked *asked_slot(struct hook_index *x, const struct uuid *id)
{
    return &x->asked[uuid_hash(id) % ASKED_SLOTS];
}

/* Under questions_lock. */
static bool asked_lately(struct hook_index *x, const struct hook_question *q, int64_t now)
{
    struct uuid id = asked_id(q);
    const struct asked *a = asked_slot(x, &id);
    return a->at_ns && uuid_eq(&a->id, &id) && now - a->at_ns < ASKED_FOR_NS;
}

int hook_index_ask(struct hook_index *x, struct hook_question *q)
{
    pthread_mutex_lock(&x->questions_lock);
    int r = asked_lately(x, q, clock_mono_ns()) ? 1 : x->n_questions >= QUESTIONS_MAX ? -EAGAIN : 0;
    if (r == 0) {
        q->next = NULL;
        *x->last_question = q;
        x->last_question = &q->next;
        x->n_questions++;
    }
    pthread_mutex_unlock(&x->questions_lock);
    if (r == 0) {
        wake(x);
    }
    return r;
}

/* Takes up to max questions off the list. */
static struct hook_question *take_questions(struct hook_index *x, size_t max)
{
    pthread_mutex_lock(&x->questions_lock);
    struct hook_question *first = x->questions, **end = &x->questions;
    for (size_t n = 0; *end && n < max; n++) {
        end = &(*end)->next;
        x->n_questions--;
    }
    x->questions = *end;
    if (!x->questions) {
        x->last_question = &x->questions;
    }
    if (first == x->questions) {
        first = NULL;
    }
    *end = NULL;
    pthread_mutex_unlock(&x->questions_lock);
    return first;
}

static void answer(struct hook_index *x, struct hook_question *first, int rc)
{
    int64_t now = clock_mono_ns();
    pthread_mutex_lock(&x->questions_lock);
    for (struct hook_question *q = first; q && rc == 0; q = q->next) {
        struct uuid id = asked_id(q);
        *asked_slot(x, &id) = (struct asked){id, now};
    }
    pthread_mutex_unlock(&x->questions_lock);
    while (first) {
        struct hook_question *q = first;
        first = q->next;
        q->done(q, rc);
    }
}

static int look_up_flows(struct hook_index *x, const struct uuid *ids, size_t n, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = n == 0 ? 0 : db_run(x->db, QUERY_HOOK_INDEX_INSTANCES_OF, &rows, err, DB_UUIDS(ids, n));
    for (size_t row = 0; r == 0 && n > 0 && row < db_rows_n(rows); row++) {
        struct uuid instance_id = db_uuid(rows, row, 0);
        r = load_instance(x, &instance_id, err);
    }
    return r;
}

static int look_up_integration(struct hook_index *x, const struct hook_question *q, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (q->customer.len == 0) {
        return load_integration(x, &q->id, err);
    }
    int r = db_run(x->db, QUERY_HOOK_INDEX_OF_CUSTOMER, &rows, err, DB_UUID(q->id),
                   DB_STR(q->customer));
    if (r > 0) { /* no text that PostgreSQL knows: nobody has it */
        return 0;
    }
    for (size_t row = 0; r == 0 && row < db_rows_n(rows); row++) {
        struct uuid instance_id = db_uuid(rows, row, 0);
        r = load_instance(x, &instance_id, err);
    }
    return r;
}

static int look_up(struct hook_index *x, const struct hook_question *first, struct err *err)
{
    struct uuid ids[QUESTIONS_AT_ONCE];
    const struct hook_question *others[QUESTIONS_AT_ONCE];
    size_t n = 0, n_others = 0;
    pthread_mutex_lock(&x->questions_lock);
    int64_t now = clock_mono_ns();
    for (const struct hook_question *q = first; q; q = q->next) {
        if (asked_lately(x, q, now)) {
            continue;
        }
        if (q->kind != HOOK_URL_FLOW) {
            others[n_others++] = q;
        } else if (!contains(ids, n, &q->id)) {
            ids[n++] = q->id;
        }
    }
    pthread_mutex_unlock(&x->questions_lock);
    metrics_add(METRIC_INDEX_LOOKUPS, n + n_others);
    int r = look_up_flows(x, ids, n, err);
    for (size_t i = 0; r == 0 && i < n_others; i++) {
        r = others[i]->kind == HOOK_URL_INSTANCE ? load_instance(x, &others[i]->id, err)
                                                 : look_up_integration(x, others[i], err);
    }
    return r;
}

/* One batch; its rate is bounded, so that a storm of made-up ids costs little. */
static int take_a_batch(struct hook_index *x, struct err *err)
{
    struct hook_question *first = take_questions(x, QUESTIONS_AT_ONCE);
    if (!first) {
        return 0;
    }
    int64_t since = clock_mono_ns() - x->last_questions_ns;
    if (since < QUESTION_EVERY_NS) {
        clock_wait_ns(QUESTION_EVERY_NS - since);
    }
    int r = look_up(x, first, err);
    x->last_questions_ns = clock_mono_ns();
    answer(x, first, r == 0 ? 0 : -ENOTCONN);
    return r;
}

static bool questions_wait(struct hook_index *x)
{
    pthread_mutex_lock(&x->questions_lock);
    bool wait = x->questions != NULL;
    pthread_mutex_unlock(&x->questions_lock);
    return wait;
}

static int connect_and_load(struct hook_index *x, struct err *err)
{
    int r = x->db ? db_reconnect(x->db, err)
                  : db_open(x->conninfo, DB_OWNER, "leat hook index", &x->db, err);
    if (r == 0) {
        r = db_exec(x->db, "LISTEN leat_instance", err);
    }
    return r == 0 ? load_all(x, err) : r;
}

static int serve(struct hook_index *x, struct err *err)
{
    int r = 0;
    while (r == 0 && !atomic_load(&x->stopping)) {
        struct pollfd fds[] = {{.fd = db_socket(x->db), .events = POLLIN},
                               {.fd = x->wake_fd, .events = POLLIN}};
        (void)poll(fds, ARRAY_LEN(fds), questions_wait(x) ? 0 : POLL_MS);
        unwake(x);
        r = take_changes(x, err);
        if (r == 0) {
            r = take_a_batch(x, err);
        }
    }
    return r;
}

static void pause_and_refuse(struct hook_index *x)
{
    struct pollfd fd = {.fd = x->wake_fd, .events = POLLIN};
    int64_t until = clock_mono_ns() + RECONNECT_MS * NS_PER_MS;
    while (clock_mono_ns() < until && !atomic_load(&x->stopping)) {
        (void)poll(&fd, 1, RECONNECT_MS / 10);
        unwake(x);
        answer(x, take_questions(x, QUESTIONS_MAX), -ENOTCONN);
    }
}

static void *index_thread(void *arg)
{
    struct hook_index *x = arg;
    bool said = false; /* once an outage */
    (void)pthread_setname_np(pthread_self(), "hook-index");
    while (!atomic_load(&x->stopping)) {
        struct err err = {0};
        int r = connect_and_load(x, &err);
        if (r == 0) {
            said = false;
            r = serve(x, &err);
        }
        if (r != 0 && !said) {
            log_warn("hook index lost PostgreSQL; it serves what it has",
                     LOG_STR("error", err.message));
            said = true;
        }
        if (r != 0) {
            pause_and_refuse(x);
        }
    }
    answer(x, take_questions(x, SIZE_MAX), -ENOTCONN);
    return NULL;
}

int hook_index_start(struct hook_index *x)
{
    int r = pthread_create(&x->thread, NULL, index_thread, x);
    x->started = r == 0;
    return -r;
}

void hook_index_stop(struct hook_index *x)
{
    atomic_store(&x->stopping, true);
    wake(x);
    if (x->started) {
        pthread_join(x->thread, NULL);
        x->started = false;
    }
}

int hook_index_wait(struct hook_index *x, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    int r = 0;
    pthread_mutex_lock(&x->questions_lock);
    while (!atomic_load(&x->loaded) && r == 0) {
        r = pthread_cond_timedwait(&x->loaded_cond, &x->questions_lock, &until);
    }
    pthread_mutex_unlock(&x->questions_lock);
    return atomic_load(&x->loaded) ? 0 : -ETIMEDOUT;
}
