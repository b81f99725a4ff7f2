/* Owns the threads of alerting, each with a connection of its own. They ask PostgreSQL now and
 * then; without monitors that is one small statement. A failure is told once and tried again. */
#include "alerts/alerts.h"

#include <pthread.h>

#include "alerts/judge.h"
#include "clock.h"
#include "log.h"

#define EVERY_MS 1000
#define AWAY_MS  2000
#define SENDERS  2 /* so that one slow receiver does not hold up everybody */

struct alerts {
    char *conninfo;
    struct db *db; /* the judge's */
    pthread_t judge;
    bool judge_started;
    struct alert_sender {
        struct alerts *owner;
        struct sender *sender;
        pthread_t thread;
        bool started;
    } senders[SENDERS];
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t stop;
    bool stopping;
};

/* False when stopping. */
static bool wait_ms(struct alerts *s, int64_t ms)
{
    struct timespec until = clock_timespec(clock_mono_ns() + ms * NS_PER_MS);
    pthread_mutex_lock(&s->lock);
    int r = 0;
    while (!s->stopping && ms > 0 && r == 0) {
        r = pthread_cond_timedwait(&s->stop, &s->lock, &until);
    }
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static int64_t judge_once(struct alerts *s, bool *said)
{
    struct err err = {0};
    size_t tripped = 0;
    bool more = false;
    int r = db_ensure(&s->db, s->conninfo, "leat alerts", &err);
    r = r ? r : judge_pass(s->db, &tripped, &more, &err);
    if (r != 0 && !*said) {
        log_warn("alert monitors are not judged", LOG_STR("error", err.message));
    }
    *said = r != 0;
    if (tripped > 0) {
        log_info("alert monitors tripped", LOG_INT("monitors", tripped));
    }
    return r != 0 ? AWAY_MS : more ? 0 : EVERY_MS;
}

static void *judge_thread(void *arg)
{
    struct alerts *s = arg;
    bool said = false;
    int64_t pause_ms = 0;
    (void)pthread_setname_np(pthread_self(), "alert-judge");
    while (wait_ms(s, pause_ms)) {
        pause_ms = judge_once(s, &said);
    }
    return NULL;
}

static void *sender_thread(void *arg)
{
    struct alert_sender *own = arg;
    bool said = false;
    int64_t pause_ms = 0;
    (void)pthread_setname_np(pthread_self(), "alert-sender");
    while (wait_ms(own->owner, pause_ms)) {
        struct err err = {0};
        bool found = false;
        int r = sender_once(own->sender, &found, &err);
        if (r != 0 && !said) {
            log_warn("alerts are not sent", LOG_STR("error", err.message));
        }
        said = r != 0;
        pause_ms = r != 0 ? AWAY_MS : found ? 0 : EVERY_MS;
    }
    return NULL;
}

struct alerts *alerts_new(const struct alerts_options *options)
{
    struct alerts *s = mem_new(struct alerts);
    s->conninfo = mem_strdup(options->conninfo);
    for (int i = 0; i < SENDERS; i++) {
        s->senders[i] = (struct alert_sender){.owner = s, .sender = sender_new(&options->sender)};
    }
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->stop);
    return s;
}

int alerts_start(struct alerts *s)
{
    int r = pthread_create(&s->judge, NULL, judge_thread, s);
    s->judge_started = r == 0;
    for (int i = 0; i < SENDERS && r == 0; i++) {
        r = pthread_create(&s->senders[i].thread, NULL, sender_thread, &s->senders[i]);
        s->senders[i].started = r == 0;
    }
    return -r;
}

void alerts_stop(struct alerts *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->stop);
    pthread_mutex_unlock(&s->lock);
    if (s->judge_started) {
        pthread_join(s->judge, NULL);
        s->judge_started = false;
    }
    for (int i = 0; i < SENDERS; i++) {
        if (s->senders[i].started) {
            pthread_join(s->senders[i].thread, NULL);
            s->senders[i].started = false;
        }
    }
}

struct alerts *alerts_free(struct alerts *s)
{
    if (s) {
        alerts_stop(s);
        for (int i = 0; i < SENDERS; i++) {
            sender_free(s->senders[i].sender);
        }
        db_close(s->db);
        pthread_cond_destroy(&s->stop);
        pthread_mutex_destroy(&s->lock);
        mem_free(s->conninfo);
        mem_free(s);
    }
    return NULL;
}
