/* Owns the sending threads of log streams. Without streams each asks PostgreSQL one small question
 * a second. */
#include "streams/streams.h"

#include "outbound/rounds.h"

#define SENDERS 4 /* so that some slow receivers do not hold up everybody */

struct streams {
    struct stream_sender *senders[SENDERS];
    struct rounds *rounds;
};

static int send_once(void *arg, bool *ret_more, struct err *err)
{
    return stream_sender_once(arg, ret_more, err);
}

struct streams *streams_new(const struct stream_sender_options *options)
{
    struct streams *s = mem_new(struct streams);
    s->rounds = rounds_new();
    for (int i = 0; i < SENDERS; i++) {
        s->senders[i] = stream_sender_new(options);
        rounds_add(s->rounds, &(struct rounds_task){.name = "log-streams",
                                                    .trouble = "log streams are not sent",
                                                    .once = send_once,
                                                    .arg = s->senders[i]});
    }
    return s;
}

int streams_start(struct streams *s)
{
    return rounds_start(s->rounds);
}

void streams_stop(struct streams *s)
{
    rounds_stop(s->rounds);
}

struct streams *streams_free(struct streams *s)
{
    if (s) {
        rounds_free(s->rounds);
        for (int i = 0; i < SENDERS; i++) {
            stream_sender_free(s->senders[i]);
        }
        mem_free(s);
    }
    return NULL;
}
