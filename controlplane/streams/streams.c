/* Owns the sending threads of log streams. Without streams each asks PostgreSQL one small question
 * a second. A failure is told once and tried again. */
#include "streams/streams.h"

#include "beat.h"
#include "log.h"

#define EVERY_MS 1000
#define AWAY_MS  2000
#define SENDERS  4 /* so that some slow receivers do not hold up everybody */

struct streams {
    struct stream_thread {
        struct stream_sender *sender;
        bool said;
        struct beat *beat;
    } threads[SENDERS];
};

static int64_t send_once(void *arg)
{
    struct stream_thread *own = arg;
    struct err err = {0};
    bool found = false;
    int r = stream_sender_once(own->sender, &found, &err);
    if (r != 0 && !own->said) {
        log_warn("log streams are not sent", LOG_STR("error", err.message));
    }
    own->said = r != 0;
    return r != 0 ? AWAY_MS : found ? 0 : EVERY_MS;
}

struct streams *streams_new(const struct stream_sender_options *options)
{
    struct streams *s = mem_new(struct streams);
    for (int i = 0; i < SENDERS; i++) {
        s->threads[i].sender = stream_sender_new(options);
        s->threads[i].beat = beat_new("log-streams", send_once, &s->threads[i]);
    }
    return s;
}

int streams_start(struct streams *s)
{
    int r = 0;
    for (int i = 0; i < SENDERS && r == 0; i++) {
        r = beat_start(s->threads[i].beat);
    }
    return r;
}

void streams_stop(struct streams *s)
{
    for (int i = 0; i < SENDERS; i++) {
        beat_end(s->threads[i].beat);
    }
    for (int i = 0; i < SENDERS; i++) {
        beat_stop(s->threads[i].beat);
    }
}

struct streams *streams_free(struct streams *s)
{
    if (s) {
        streams_stop(s);
        for (int i = 0; i < SENDERS; i++) {
            beat_free(s->threads[i].beat);
            stream_sender_free(s->threads[i].sender);
        }
        mem_free(s);
    }
    return NULL;
}
