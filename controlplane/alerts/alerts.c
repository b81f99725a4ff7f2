/* Owns the threads of alerting, each with a connection of its own. They ask PostgreSQL now and
 * then; without monitors that is one small statement. */
#include "alerts/alerts.h"

#include "alerts/judge.h"
#include "log.h"
#include "outbound/rounds.h"

#define SENDERS 2 /* so that one slow receiver does not hold up everybody */

struct alerts {
    char *conninfo;
    struct db *db; /* the judge's */
    struct sender *senders[SENDERS];
    struct rounds *rounds;
};

static int judge_once(void *arg, bool *ret_more, struct err *err)
{
    struct alerts *s = arg;
    size_t tripped = 0;
    int r = db_ensure(&s->db, s->conninfo, "leat alerts", err);
    r = r ? r : judge_pass(s->db, &tripped, ret_more, err);
    if (tripped > 0) {
        log_info("alert monitors tripped", LOG_INT("monitors", tripped));
    }
    return r;
}

static int send_once(void *arg, bool *ret_more, struct err *err)
{
    return sender_once(arg, ret_more, err);
}

struct alerts *alerts_new(const struct alerts_options *options)
{
    struct alerts *s = mem_new(struct alerts);
    s->conninfo = mem_strdup(options->conninfo);
    s->rounds = rounds_new();
    rounds_add(s->rounds, &(struct rounds_task){.name = "alert-judge",
                                                .trouble = "alert monitors are not judged",
                                                .once = judge_once,
                                                .arg = s});
    for (int i = 0; i < SENDERS; i++) {
        s->senders[i] = sender_new(&options->sender);
        rounds_add(s->rounds, &(struct rounds_task){.name = "alert-sender",
                                                    .trouble = "alerts are not sent",
                                                    .once = send_once,
                                                    .arg = s->senders[i]});
    }
    return s;
}

int alerts_start(struct alerts *s)
{
    return rounds_start(s->rounds);
}

void alerts_stop(struct alerts *s)
{
    rounds_stop(s->rounds);
}

struct alerts *alerts_free(struct alerts *s)
{
    if (s) {
        rounds_free(s->rounds);
        for (int i = 0; i < SENDERS; i++) {
            sender_free(s->senders[i]);
        }
        db_close(s->db);
        mem_free(s->conninfo);
        mem_free(s);
    }
    return NULL;
}
