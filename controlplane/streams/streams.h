/* External log streams in the background: threads that send what the recorder wrote for them. Any
 * number of replicas share the work through PostgreSQL. */
#pragma once

#include "streams/stream_sender.h"

struct streams;
struct streams *streams_new(const struct stream_sender_options *options);
int streams_start(struct streams *s) must_check;
void streams_stop(struct streams *s);
struct streams *streams_free(struct streams *s);
DEFINE_CLEANUP(struct streams *, streams_free)
