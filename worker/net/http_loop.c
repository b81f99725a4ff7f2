/* Owns the threads that drive outbound HTTP, half as many as there are processors, each with one
 * curl multi handle, its connections, and an epoll of their sockets. Slots hand a transfer over and
 * sleep until it is done; it belongs to the loop's thread meanwhile. Nothing here blocks but the
 * epoll. Idle connections are kept up to a number, and all of them are closed when nothing was
 * transferred for a while. It refuses nothing: limits of time and size are the transfer's own. */
#include "net/http_loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "net/net_curl.h"

#define RINGS_MAX   8
#define KEPT_MOST   4096 /* connections, of all rings */
#define MANY_ACTIVE 256  /* transfers, from which a search for an idle connection is dear */
#define QUIET_NS    (30 * NS_PER_SEC)
#define EVENTS_MAX  256
#define NEVER       INT64_MAX
#define WAIT_MAX_MS 1000000

struct http_ring {
    pthread_mutex_t lock; /* guards incoming, started and stopping */
    struct http_transfer *incoming, **tail;
    bool started, stopping;
    pthread_t thread;
    int wake; /* an eventfd */
    /* The thread's own: */
    int epoll;
    CURLM *multi;   /* NULL while nothing is or was lately to be done */
    int64_t active; /* transfers */
    int64_t open;   /* sockets, idle connections' too */
    int64_t kept;   /* connections at most */
    int64_t due_ns; /* when curl wants to be called for its timeouts */
};

struct http_loop {
    int direct;
    _Atomic int n_spared;
    size_t n_rings;
    struct http_ring rings[RINGS_MAX];
};

/* --- callbacks of curl ------------------------------------------------------------------------ */

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_ring *r = arg;
    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event ev = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
                                       (what & CURL_POLL_OUT ? EPOLLOUT : 0),
                             .data.fd = fd};
    if (known) {
        (void)epoll_ctl(r->epoll, EPOLL_CTL_MOD, fd, &ev);
    } else {
        (void)epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev);
        (void)curl_multi_assign(r->multi, fd, r);
    }
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct http_ring *r = arg;
    (void)multi;
    r->due_ns = ms < 0 ? NEVER : clock_mono_ns() + ms * NS_PER_MS;
    return 0;
}

static int on_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    struct http_ring *r = arg;
    (void)fd;
    (void)purpose;
    r->open++;
    return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct http_ring *r = arg;
    r->open--;
    return close(fd);
}

/* --- the thread ------------------------------------------------------------------------------- */

#define MULTI_SET(r, option, value) ASSERT(curl_multi_setopt((r)->multi, option, value) == CURLM_OK)
#define SET(t, option, value)       ASSERT(curl_easy_setopt((t)->curl, option, value) == CURLE_OK)

static void make_multi(struct http_ring *r)
{
    r->multi = curl_multi_init();
    ASSERT(r->multi);
    MULTI_SET(r, CURLMOPT_SOCKETFUNCTION, on_socket);
    MULTI_SET(r, CURLMOPT_SOCKETDATA, r);
    MULTI_SET(r, CURLMOPT_TIMERFUNCTION, on_timer);
    MULTI_SET(r, CURLMOPT_TIMERDATA, r);
    MULTI_SET(r, CURLMOPT_MAXCONNECTS, (long)r->kept);
    /* One request a connection: one that stalls holds up no other. */
    MULTI_SET(r, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

static void finish(struct http_ring *r, struct http_transfer *t, CURLcode code)
{
    r->active--;
    t->code = code;
    if (t->begun && t->block_end) {
        t->block_end(t->block_ctx);
    }
    (void)sem_post(&t->done); /* from here on it may be gone */
}

static void act(struct http_ring *r, curl_socket_t fd, uint32_t events)
{
    int running;
    int mask = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR | CURL_CSELECT_IN : 0);
    (void)curl_multi_socket_action(r->multi, fd, mask, &running);
}

/* Curl tells a time when it changes only, and rounds it down: what was too early is asked again. */
static void act_on_time(struct http_ring *r)
{
    int64_t now = clock_mono_ns();
    if (now >= r->due_ns) {
        r->due_ns = now + NS_PER_MS;
        act(r, CURL_SOCKET_TIMEOUT, 0);
    }
}

static void start(struct http_ring *r, struct http_transfer *t)
{
    if (!r->multi) {
        make_multi(r);
    }
    SET(t, CURLOPT_PRIVATE, t);
    SET(t, CURLOPT_SOCKOPTFUNCTION, on_made);
    SET(t, CURLOPT_SOCKOPTDATA, r);
    SET(t, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(t, CURLOPT_CLOSESOCKETDATA, r);
    /* Curl looks for an idle connection among all of the host: in vain when none is idle. */
    SET(t, CURLOPT_FRESH_CONNECT, (long)(r->active > MANY_ACTIVE && r->open <= r->active));
    SET(t, CURLOPT_FORBID_REUSE, (long)(r->active >= r->kept));
    r->active++;
    t->begun = curl_multi_add_handle(r->multi, t->curl) == CURLM_OK;
}

/* Sends the requests, or begins to connect; only then are they waited for. */
static void start_all(struct http_ring *r, struct http_transfer *first)
{
    for (struct http_transfer *t = first; t; t = t->next) {
        start(r, t);
    }
    if (first) {
        act_on_time(r);
    }
    for (struct http_transfer *t = first, *next; t; t = next) {
        next = t->next;
        if (!t->begun) {
            finish(r, t, CURLE_FAILED_INIT);
        } else if (t->block_begin) {
            t->block_begin(t->block_ctx);
        }
    }
}

/* False when the ring is to end. */
static bool start_incoming(struct http_ring *r)
{
    pthread_mutex_lock(&r->lock);
    struct http_transfer *t = r->incoming;
    r->incoming = NULL;
    r->tail = &r->incoming;
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    start_all(r, t);
    return !stopping;
}

static void finish_ended(struct http_ring *r)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(r->multi, &left))) {
        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *curl = m->easy_handle;
        CURLcode code = m->data.result;
        struct http_transfer *t = NULL;
        (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&t);
        (void)curl_multi_remove_handle(r->multi, curl); /* m is gone with it */
        finish(r, t, code);
    }
}

static int wait_ms(const struct http_ring *r)
{
    if (!r->multi) {
        return -1;
    }
    int64_t ns = r->due_ns == NEVER ? NEVER : MAX(r->due_ns - clock_mono_ns(), 0);
    if (!r->active) {
        ns = MIN(ns, QUIET_NS);
    }
    return ns == NEVER ? -1 : (int)MIN((ns + NS_PER_MS - 1) / NS_PER_MS, WAIT_MAX_MS);
}

static void drop_connections(struct http_ring *r)
{
    (void)curl_multi_cleanup(r->multi);
    r->multi = NULL;
    r->due_ns = NEVER;
}

static void *ring_main(void *arg)
{
    struct http_ring *r = arg;
    struct epoll_event events[EVENTS_MAX];
    int64_t busy_ns = clock_mono_ns();
    while (start_incoming(r)) {
        int n = epoll_wait(r->epoll, events, EVENTS_MAX, wait_ms(r));
        for (int i = 0; i < n; i++) {
            uint64_t count;
            if (events[i].data.fd == r->wake) {
                (void)!read(r->wake, &count, sizeof(count));
            } else if (r->multi) {
                act(r, events[i].data.fd, events[i].events);
            }
        }
        if (!r->multi) {
            continue;
        }
        act_on_time(r);
        finish_ended(r);
        if (r->active || n > 0) {
            busy_ns = clock_mono_ns();
        } else if (clock_mono_ns() - busy_ns >= QUIET_NS) {
            drop_connections(r);
        }
    }
    if (r->multi) {
        drop_connections(r);
    }
    return NULL;
}

/* --- for the clients -------------------------------------------------------------------------- */

struct http_loop *http_loop_new(int direct)
{
    net_curl_start();
    struct http_loop *l = mem_new(struct http_loop);
    l->direct = direct;
    l->n_rings = (size_t)MIN(MAX(sysconf(_SC_NPROCESSORS_ONLN) / 2, 1), RINGS_MAX);
    for (size_t i = 0; i < l->n_rings; i++) {
        struct http_ring *r = &l->rings[i];
        ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
        r->tail = &r->incoming;
        r->due_ns = NEVER;
        r->kept = KEPT_MOST / (int64_t)l->n_rings;
    }
    return l;
}

static void wake(struct http_ring *r)
{
    uint64_t one = 1;
    (void)!write(r->wake, &one, sizeof(one));
}

struct http_loop *http_loop_free(struct http_loop *l)
{
    for (size_t i = 0; l && i < l->n_rings; i++) {
        struct http_ring *r = &l->rings[i];
        if (r->started) {
            pthread_mutex_lock(&r->lock);
            r->stopping = true;
            pthread_mutex_unlock(&r->lock);
            wake(r);
            (void)pthread_join(r->thread, NULL);
            (void)close(r->epoll);
            (void)close(r->wake);
        }
        pthread_mutex_destroy(&r->lock);
    }
    mem_free(l);
    return NULL;
}

/* Under the lock. False when the system refuses: no files or threads are left. */
static bool start_ring(struct http_ring *r)
{
    struct epoll_event ev = {.events = EPOLLIN};
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->wake = ev.data.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->started = r->epoll >= 0 && r->wake >= 0 &&
                 epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake, &ev) == 0 &&
                 pthread_create(&r->thread, NULL, ring_main, r) == 0;
    if (!r->started) {
        (void)close(r->epoll);
        (void)close(r->wake);
    }
    return r->started;
}

bool http_loop_spares(struct http_loop *l)
{
    if (atomic_fetch_add(&l->n_spared, 1) < l->direct) {
        return true;
    }
    http_loop_regains(l);
    return false;
}

void http_loop_regains(struct http_loop *l)
{
    (void)atomic_fetch_sub(&l->n_spared, 1);
}

void http_transfer_init(struct http_transfer *t)
{
    *t = (struct http_transfer){0};
    ASSERT(sem_init(&t->done, 0, 0) == 0);
}

void http_transfer_done(struct http_transfer *t)
{
    (void)sem_destroy(&t->done);
}

static struct http_ring *ring_of(struct http_loop *l, const char *host)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *host; host++) {
        hash = (hash ^ (unsigned char)*host) * 16777619u;
    }
    return &l->rings[hash % l->n_rings];
}

CURLcode http_loop_perform(struct http_loop *l, struct http_transfer *t, const char *host)
{
    struct http_ring *r = ring_of(l, host);
    t->next = NULL;
    pthread_mutex_lock(&r->lock);
    if (!r->started && !start_ring(r)) {
        pthread_mutex_unlock(&r->lock);
        return CURLE_FAILED_INIT;
    }
    bool first = !r->incoming;
    *r->tail = t;
    r->tail = &t->next;
    pthread_mutex_unlock(&r->lock);
    if (first) {
        wake(r);
    }
    while (sem_wait(&t->done) != 0) { /* a signal came */
    }
    return t->code;
}
