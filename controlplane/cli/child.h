/* Child processes of `leat dev`: started with their output in a log file, ended with it even when
 * it is killed (parent-death signal), started again when they die by themselves. */
#pragma once

#include <sys/types.h>

#include "err.h"

#define CHILD_ARGS_MAX 40

struct child {
    const char *name;
    const char *args[CHILD_ARGS_MAX]; /* args[0] = program; NULL-terminated */
    const char *log_path;
    const char *user; /* run as; NULL = as we are */
    int stop_signal;  /* asks for a clean end; also sent when the parent dies */
    pid_t pid;        /* 0 = not running */
    int64_t started_ns;
    int restarts;
};
int child_start(struct child *c, struct err *err) must_check;
/* Asks the child to end, waits up to wait_ms, then kills it. */
void child_stop(struct child *c, int64_t wait_ms);
/* Reaps what has ended; starts it again with a growing pause. Call it often. */
void child_watch(struct child *c);
/* The failure of a child in words, with the end of its log; returns -ECHILD. */
int child_failed(const struct child *c, struct err *err);
/* Runs to the end (initdb, createdb); -ECHILD with the end of its log when it fails. */
int child_run(struct child *c, struct err *err) must_check;
