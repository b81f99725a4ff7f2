/* Owns reading clocks and printing instants. Any thread. */
#include "clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

struct timespec clock_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC};
}

void clock_wait_ns(int64_t ns)
{
    int64_t until = clock_mono_ns() + ns;
    struct timespec ts = clock_timespec(until);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
    }
}

void clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    ASSERT(pthread_condattr_init(&monotonic) == 0);
    ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(cond, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

void clock_iso(int64_t epoch_ns, char ret_text[CLOCK_ISO_LEN + 1])
{
    int64_t sec = epoch_ns / NS_PER_SEC, ns = epoch_ns % NS_PER_SEC;
    if (ns < 0) {
        ns += NS_PER_SEC;
        sec--;
    }
    time_t t = (time_t)sec;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        memcpy(ret_text, "1970-01-01T00:00:00.000Z", CLOCK_ISO_LEN + 1);
        return;
    }
    char text[80];
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   (int)(ns / NS_PER_MS));
    memcpy(ret_text, text, CLOCK_ISO_LEN);
    ret_text[CLOCK_ISO_LEN] = '\0';
}
