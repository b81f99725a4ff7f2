/* What one reader of the tail asked for, and what of a message it gets. */
#pragma once

#include "json.h"
#include "uuid.h"

struct tail_filter {
    /* As asked; nil = any. */
    struct uuid instance, customer, integration, flow_config, execution;
    int severity;   /* lines below it are left out */
    char text[256]; /* lines without it are left out; any case; "" = none */
    /* What it may see, found by who asks: all instances, or these. */
    bool all;
    struct uuid *instances; /* owned, sorted */
    size_t n_instances;
};
/* From a query string; false and words for the sender when it asks for what there is not. */
bool tail_filter_read(struct tail_filter *f, struct str query, const char **ret_words);
void tail_filter_done(struct tail_filter *f);

/* A message of the feed, read once for all readers. */
struct tail_message {
    struct uuid instance, flow_config, execution;
    struct json body;
};
bool tail_message_read(struct arena *a, struct str text, struct tail_message *ret);
/* Whether the message's execution is one that the reader follows. */
bool tail_filter_takes(const struct tail_filter *f, const struct tail_message *m);
/* Appends the events of the message that the reader gets; *ret_n = how many. */
void tail_write(const struct tail_filter *f, const struct tail_message *m, struct arena *a,
                struct buf *to, size_t *ret_n);
