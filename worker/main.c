/* leat-worker: reads its settings, runs until SIGTERM or SIGINT, drains, ends. The main thread only
 * waits for signals; every other thread has them blocked. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "components/catalog_dump.h"
#include "log.h"
#include "mem.h"
#include "worker.h"

#define USAGE        "leat-worker [options]\n\nRuns executions. Stateless: add or end any at any time."
#define KEY_FILE_MAX 4096
#define FUTEX_LISTS  16384
#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH           78
#define PR_FUTEX_HASH_SET_SLOTS 1
#endif
#define OPEN_FILES_SPARE 256 /* open files besides a socket for each run */

static int fail(const struct err *err)
{
    fprintf(stderr, "leat-worker: %s\n", err->message);
    return EXIT_FAILURE;
}

static int read_key_file(const char *path, struct secret_key *ret_key, struct err *err)
{
    char text[KEY_FILE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    int rc = n < 0 ? -errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (rc < 0) {
        return err_set(err, rc, "config.bus_key", "the bus key file %s cannot be read: %s", path,
                       strerror(-rc));
    }
    rc = secret_key_parse(str_n(text, (size_t)n), ret_key, err);
    secret_wipe(text, sizeof(text));
    return rc;
}

static int read_key(const struct worker_config *config, struct secret_key *ret_key, struct err *err)
{
    if (config->bus_key && config->bus_key[0]) {
        return secret_key_parse(str_of(config->bus_key), ret_key, err);
    }
    if (config->bus_key_file && config->bus_key_file[0]) {
        return read_key_file(config->bus_key_file, ret_key, err);
    }
    return err_set(err, -EINVAL, "config.bus_key",
                   "no bus key: set LEAT_BUS_KEY or --bus-key-file, the same as the control plane");
}

static int set_up_log(const struct worker_config *config, struct err *err)
{
    enum log_level level;
    if (!log_level_parse(config->log_level, &level)) {
        return err_set(err, -EINVAL, "config.log_level", "log-level \"%s\" is unknown",
                       config->log_level);
    }
    bool json = strcmp(config->log_format, "json") == 0;
    log_setup("leat-worker", level, json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
    return 0;
}

static int print(const struct worker_config *config)
{
    struct err err = {0};
    if (config->print_config) {
        config_print_markdown(worker_options, "leat-worker");
        return EXIT_SUCCESS;
    }
    if (config->dump_docs && config->dump_docs[0]) {
        return catalog_dump_pages(config->dump_docs, &err) < 0 ? fail(&err) : EXIT_SUCCESS;
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    catalog_dump(&text);
    bool whole = fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    return whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A run that waits for a third party needs a socket. */
static void raise_open_files(const struct worker_config *config)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return;
    }
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 ||
        files.rlim_cur < (rlim_t)config->max_slots + OPEN_FILES_SPARE) {
        log_warn("fewer files may be open than runs may wait: raise the limit of open files",
                 LOG_INT("limit", (int64_t)files.rlim_cur),
                 LOG_INT("max_slots", config->max_slots));
    }
}

/* Kernels from 6.16 on keep a process' sleeping threads in a few lists, sized for its processors,
 * and every wake-up walks one: too long with thousands of slots that wait. Others do not know this.
 */
static void spread_sleepers(void)
{
    (void)prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, FUTEX_LISTS, 0, 0);
}

static int serve(const struct worker_config *config)
{
    struct err err = {0};
    struct secret_key key;
    struct worker *w = NULL;
    sigset_t signals;
    int signal_seen;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (set_up_log(config, &err) < 0 || read_key(config, &key, &err) < 0) {
        return fail(&err);
    }
    raise_open_files(config);
    spread_sleepers();
    int rc;
    while ((rc = worker_new(config, &key, &w, &err)) < 0 && rc != -EINVAL) {
        log_warn("the bus does not answer yet", LOG_STR("error", err.message));
        if (sigtimedwait(&signals, NULL, &(struct timespec){0}) > 0) {
            secret_key_done(&key);
            return EXIT_SUCCESS;
        }
    }
    secret_key_done(&key);
    if (rc < 0) {
        return fail(&err);
    }
    log_info("worker started", LOG_STR("pool", config->pool));
    (void)sigwait(&signals, &signal_seen);
    log_info("worker stops", LOG_INT("signal", signal_seen));
    if (!worker_drain(w)) {
        log_warn("runs were left unfinished; they will be taken over");
        _exit(EXIT_SUCCESS); /* their threads are still busy */
    }
    worker_free(w);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    mem_keep_freed();
    struct worker_config config = {0};
    struct err err = {0};
    int rc = config_load(worker_options, &config, argc, argv, USAGE, &err);
    if (rc != 0) {
        return rc < 0 ? fail(&err) : EXIT_SUCCESS;
    }
    if (config.dump_catalog || config.print_config || (config.dump_docs && config.dump_docs[0])) {
        return print(&config);
    }
    return serve(&config);
}
