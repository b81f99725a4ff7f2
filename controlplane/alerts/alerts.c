/* Owns the threads of alerting, each with a connection of its own. They ask PostgreSQL now and
 * then; without monitors that is one small statement. A failure is told once and tried again. */
#include "alerts/alerts.h"

#include "alerts/judge.h"
#include "beat.h"
#include "log.h"

#define EVERY_MS 1000
#define AWAY_MS  2000
#define SENDERS  2 /* so that one slow receiver does not hold up everybody */

struct alerts {
    char *conninfo;
    struct db *db; /* the judge's */
    bool said;     /* the judge's: the failure was told */
    struct beat *judge;
    struct alert_sender {
        struct sender *sender;
        bool said;
        struct beat *beat;
    } senders[SENDERS];
};

static int64_t judge_once(void *arg)
{
    struct alerts *s = arg;
    struct err err = {0};
    size_t tripped = 0;
    bool more = false;
    int r = db_ensure(&s->db, s->conninfo, "leat alerts", &err);
    r = r ? r : judge_pass(s->db, &tripped, &more, &err);
    if (r != 0 && !s->said) {
        log_warn("alert monitors are not judged", LOG_STR("error", err.message));
    }
    s->said = r != 0;
    if (tripped > 0) {
        log_info("alert monitors tripped", LOG_INT("monitors", tripped));
    }
    return r != 0 ? AWAY_MS : more ? 0 : EVERY_MS;
}

static int64_t send_once(void *arg)
{
    struct alert_sender *own = arg;
    struct err err = {0};
    bool found = false;
    int r = sender_once(own->sender, &found, &err);
    if (r != 0 && !own->said) {
        log_warn("alerts are not sent", LOG_STR("error", err.message));
    }
    own->said = r != 0;
    return r != 0 ? AWAY_MS : found ? 0 : EVERY_MS;
}

struct alerts *alerts_new(const struct alerts_options *options)
{
    struct alerts *s = mem_new(struct alerts);
    s->conninfo = mem_strdup(options->conninfo);
    s->judge = beat_new("alert-judge", judge_once, s);
    for (int i = 0; i < SENDERS; i++) {
        s->senders[i].sender = sender_new(&options->sender);
        s->senders[i].beat = beat_new("alert-sender", send_once, &s->senders[i]);
    }
    return s;
}

int alerts_start(struct alerts *s)
{
    int r = beat_start(s->judge);
    for (int i = 0; i < SENDERS && r == 0; i++) {
        r = beat_start(s->senders[i].beat);
    }
    return r;
}

void alerts_stop(struct alerts *s)
{
    for (int i = 0; i < SENDERS; i++) {
        beat_end(s->senders[i].beat);
    }
    beat_stop(s->judge);
    for (int i = 0; i < SENDERS; i++) {
        beat_stop(s->senders[i].beat);
    }
}

struct alerts *alerts_free(struct alerts *s)
{
    if (s) {
        alerts_stop(s);
        beat_free(s->judge);
        for (int i = 0; i < SENDERS; i++) {
            beat_free(s->senders[i].beat);
            sender_free(s->senders[i].sender);
        }
        db_close(s->db);
        mem_free(s->conninfo);
        mem_free(s);
    }
    return NULL;
}
