/* Time. One type: int64_t nanoseconds. */
#pragma once

#include <pthread.h>
#include <time.h>

#include "base.h"

#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

int64_t clock_now_ns(void);  /* since the Unix epoch, wall clock */
int64_t clock_mono_ns(void); /* monotonic, for durations and deadlines */
/* A time of either clock as the C library takes it, e.g. for pthread_cond_timedwait. */
struct timespec clock_timespec(int64_t ns);
/* Waits at least ns (monotonic), restarting after signals. */
void clock_wait_ns(int64_t ns);
/* A condition whose timed waits are told a time of clock_mono_ns. */
void clock_cond_init(pthread_cond_t *cond);

#define CLOCK_ISO_LEN 24 /* "2026-01-02T03:04:05.678Z" */
/* Writes ISO-8601 UTC with milliseconds and a NUL. */
void clock_iso(int64_t epoch_ns, char ret_text[CLOCK_ISO_LEN + 1]);
