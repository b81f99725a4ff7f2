/* leat-controlplane: reads its settings, runs until SIGTERM or SIGINT, drains, ends. The main
 * thread only waits for signals and looks after the streams; every other thread has signals
 * blocked. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "controlplane.h"
#include "log.h"
#include "mem.h"

#define USAGE                                                                                      \
    "leat-controlplane [options]\n\nThe API, webhooks, dispatch and record of Leat. Any number "   \
    "may "                                                                                         \
    "run side by side."

/* h2o keeps free lists of each thread and a queue's head for good: not a leak of ours. */
#if defined(__SANITIZE_ADDRESS__)
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\nleak:h2o_multithread_create_queue\n";
}
#endif

static int fail(const struct err *err)
{
    fprintf(stderr, "leat-controlplane: %s\n", err->message);
    return EXIT_FAILURE;
}

static int set_up_log(const struct controlplane_config *config, struct err *err)
{
    enum log_level level;
    if (!log_level_parse(config->log_level, &level)) {
        return err_set(err, -EINVAL, "config.log_level", "log-level \"%s\" is unknown",
                       config->log_level);
    }
    bool json = strcmp(config->log_format, "json") == 0;
    log_setup("leat-controlplane", level, json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
    return 0;
}

static int check(const struct controlplane_config *config, struct err *err)
{
    if (!config->postgres || !config->postgres[0]) {
        return err_set(err, -EINVAL, "config.postgres",
                       "no database: give --postgres URL or LEAT_POSTGRES");
    }
    if ((config->tls_cert[0] != '\0') != (config->tls_key[0] != '\0')) {
        return err_set(err, -EINVAL, "config.tls", "tls-cert and tls-key go together");
    }
    return 0;
}

/* Whole or not at all: whoever waits for the file never reads half of it. */
static int write_port_file(const char *path, int port, struct err *err)
{
    struct buf half;
    buf_init(&half, KIB(8));
    buf_addf(&half, "%s.new", path);
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", port);
    int fd = open(half.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text, (size_t)len) == len;
    ok = fd >= 0 && close(fd) == 0 && ok;
    ok = ok && rename(half.data, path) == 0;
    int r = ok ? 0 : -errno;
    buf_done(&half);
    return ok ? 0
              : err_set(err, r, "config.port_file", "port-file %s cannot be written: %s", path,
                        strerror(-r));
}

static int run(const struct controlplane_config *config, const sigset_t *signals,
               struct controlplane *cp, struct err *err)
{
    int port = controlplane_port(cp);
    if (config->port_file[0]) {
        int r = write_port_file(config->port_file, port, err);
        if (r != 0) {
            return r;
        }
    }
    printf("listening on %s port %d\n", config->listen, port);
    (void)fflush(stdout);
    log_info("control plane started", LOG_STR("listen", config->listen), LOG_INT("port", port));
    struct timespec second = {.tv_sec = 1};
    int seen;
    while ((seen = sigtimedwait(signals, NULL, &second)) < 0) {
        controlplane_tick(cp);
    }
    log_info("control plane stops", LOG_INT("signal", seen));
    return 0;
}

/* A second signal while draining ends the process at once. */
static void on_second_signal(int signal_seen)
{
    _exit(EXIT_FAILURE);
}

static int serve(const struct controlplane_config *config)
{
    struct err err = {0};
    struct secret_key master_key, bus_key;
    struct controlplane *cp = NULL;
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    if (check(config, &err) < 0 || set_up_log(config, &err) < 0 ||
        controlplane_key(config->master_key, config->master_key_file, "master-key", &master_key,
                         &err) < 0 ||
        controlplane_key(config->bus_key, config->bus_key_file, "bus-key", &bus_key, &err) < 0) {
        return fail(&err);
    }
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int r = controlplane_new(config, &master_key, &bus_key, &cp, &err);
    secret_key_done(&master_key);
    secret_key_done(&bus_key);
    if (r < 0) {
        return fail(&err);
    }
    r = run(config, &signals, cp, &err);
    (void)signal(SIGINT, on_second_signal);
    (void)signal(SIGTERM, on_second_signal);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    controlplane_drain(cp);
    controlplane_free(cp);
    log_info("control plane ended");
    return r < 0 ? fail(&err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    mem_keep_freed();
    struct controlplane_config config = {0};
    struct err err = {0};
    int r = config_load(controlplane_options, &config, argc, argv, USAGE, &err);
    if (r != 0) {
        return r < 0 ? fail(&err) : EXIT_SUCCESS;
    }
    if (config.print_config) {
        config_print_markdown(controlplane_options, "leat-controlplane");
        return EXIT_SUCCESS;
    }
    return serve(&config);
}
