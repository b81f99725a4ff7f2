/* leat dev: everything on this machine, in one data folder, on loopback only. Owns the order of
 * starting and stopping and keeps the children alive until it is told to end. */
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "cli/account.h"
#include "cli/command.h"
#include "cli/dev_services.h"
#include "clock.h"
#include "config.h"
#include "log.h"
#include "migrate.h"

#define READY_MS    60000
#define STOP_MS     30000
#define START_TRIES 3 /* a child that ends so often while starting will not start */

struct dev_config {
    const char *data, *postgres, *nats;
    int64_t port, workers;
};
const struct config_option dev_options[] = {
    {"data", CONFIG_STR, offsetof(struct dev_config, data), NULL,
     "folder for databases, keys and logs (default: /var/lib/leat-dev as root, else "
     "~/.local/share/leat-dev)",
     0, 0, false},
    {"port", CONFIG_INT, offsetof(struct dev_config, port), "3040",
     "port of the API and the webhooks on 127.0.0.1; 0 = a free one", 0, 65535, false},
    {"postgres", CONFIG_STR, offsetof(struct dev_config, postgres), NULL,
     "URL of a PostgreSQL to use instead of a private one", 0, 0, false},
    {"nats", CONFIG_STR, offsetof(struct dev_config, nats), NULL,
     "URL of a NATS server to use instead of a private one", 0, 0, false},
    {"workers", CONFIG_INT, offsetof(struct dev_config, workers), "1", "worker processes", 1, 8,
     false},
    {0},
};

enum { CHILD_POSTGRES, CHILD_NATS, CHILD_CONTROLPLANE, CHILD_WORKER, CHILDREN_MAX = 11 };
struct dev {
    struct dev_config config;
    struct dev_data data;
    const char *postgres_url, *nats_url, *base_url;
    struct child children[CHILDREN_MAX];
    int signals; /* signalfd */
};

static void say(const char *what)
{
    fprintf(stderr, "  %s\n", what);
}

static bool asked_to_stop(struct dev *dev, int64_t wait_ms)
{
    struct pollfd p = {.fd = dev->signals, .events = POLLIN};
    return poll(&p, 1, (int)wait_ms) > 0;
}

static int block_signals(struct dev *dev, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    dev->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return dev->signals >= 0 ? 0 : err_set(err, -errno, "dev.signals", "%s", strerror(errno));
}

static int prepare_database(struct dev *dev, struct err *err)
{
    AUTO(db_close) struct db *db = NULL;
    int applied = 0;
    int r = db_open(dev->postgres_url, DB_OWNER, "leat-dev", &db, err);
    if (r == 0) {
        r = migrate_run(db, &applied, err);
    }
    struct secret_key master;
    if (r == 0) {
        r = account_key_file(dev->data.master_key_file, &master, err);
    }
    if (r != 0 || access(dev->data.env_file, F_OK) == 0) {
        return r;
    }
    char token[ACCOUNT_TOKEN_MAX];
    struct account_options o = {"Development", "dev@localhost", 0, "leat dev"};
    r = account_token(db, &master, &o, token, err);
    secret_key_done(&master);
    if (r == 0) {
        AUTO(buf_done) struct buf env = {0};
        buf_init(&env, KIB(4));
        buf_addf(&env, "PRISMATIC_URL=\nPRISM_ACCESS_TOKEN=%s\n", token);
        r = dev_data_write(dev->data.env_file, 0600, buf_str(&env), err);
    }
    return r;
}

/* The token stays over restarts; the address may change with --port. */
static int write_env(struct dev *dev, struct err *err)
{
    char text[512];
    FILE *f = fopen(dev->data.env_file, "re");
    const char *token = NULL;
    while (f && !token && fgets(text, sizeof(text), f)) {
        token = strncmp(text, "PRISM_ACCESS_TOKEN=", 19) == 0 ? text + 19 : NULL;
    }
    if (f) {
        (void)fclose(f);
    }
    AUTO(buf_done) struct buf env = {0};
    buf_init(&env, KIB(4));
    buf_addf(&env, "PRISMATIC_URL=%s\nPRISM_ACCESS_TOKEN=%s", dev->base_url, token ? token : "\n");
    return dev_data_write(dev->data.env_file, 0600, buf_str(&env), err);
}

static int start_services(struct dev *dev, struct err *err)
{
    int r = 0;
    dev->postgres_url = dev->config.postgres;
    dev->nats_url = dev->config.nats;
    if (!dev->postgres_url || !dev->postgres_url[0]) {
        struct child *postgres = &dev->children[CHILD_POSTGRES];
        say("PostgreSQL: starting (a first start makes the database cluster)");
        r = dev_postgres_prepare(&dev->data, postgres, &dev->postgres_url, err);
        if (r == 0) {
            r = child_start(postgres, err);
        }
        if (r == 0) {
            r = dev_postgres_ready(&dev->data, dev->postgres_url, READY_MS, err);
        }
    }
    if (r == 0 && (!dev->nats_url || !dev->nats_url[0])) {
        struct child *nats = &dev->children[CHILD_NATS];
        say("NATS: starting");
        r = dev_nats_prepare(&dev->data, nats, &dev->nats_url, err);
        if (r == 0) {
            r = child_start(nats, err);
        }
    }
    return r;
}

static void describe_processes(struct dev *dev, int port)
{
    struct arena *a = dev->data.arena;
    dev->children[CHILD_CONTROLPLANE] = (struct child){
        .name = "leat-controlplane",
        .args = {arena_printf(a, "%s/leat-controlplane", dev->data.bin_dir), "--postgres",
                 dev->postgres_url, "--nats", dev->nats_url, "--listen", "127.0.0.1", "--port",
                 arena_printf(a, "%d", port), "--public-url", dev->base_url, "--master-key-file",
                 dev->data.master_key_file, "--bus-key-file", dev->data.bus_key_file,
                 "--allow-addresses", "127.0.0.0/8,::1/128", NULL},
        .log_path = arena_printf(a, "%s/controlplane.log", dev->data.log_dir),
        .stop_signal = SIGTERM,
    };
    for (int i = 0; i < dev->config.workers; i++) {
        dev->children[CHILD_WORKER + i] = (struct child){
            .name = "leat-worker",
            .args = {arena_printf(a, "%s/leat-worker", dev->data.bin_dir), "--nats", dev->nats_url,
                     "--bus-key-file", dev->data.bus_key_file, "--allow-addresses",
                     "127.0.0.0/8,::1/128", NULL},
            .log_path = arena_printf(a, "%s/worker-%d.log", dev->data.log_dir, i + 1),
            .stop_signal = SIGTERM,
        };
    }
}

static bool answers(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char ask[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[64] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
              send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) > 0 &&
              recv(fd, answer, sizeof(answer) - 1, 0) > 12 && strncmp(answer + 9, "200", 3) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static int start_processes(struct dev *dev, int port, struct err *err)
{
    int r = 0;
    say("control plane and worker: starting");
    for (int i = CHILD_CONTROLPLANE; r == 0 && i < CHILDREN_MAX; i++) {
        r = dev->children[i].name ? child_start(&dev->children[i], err) : 0;
    }
    int64_t until = clock_mono_ns() + READY_MS * NS_PER_MS;
    while (r == 0 && !answers(port)) {
        if (clock_mono_ns() > until) {
            r = err_set(err, -ETIMEDOUT, "dev.not_ready",
                        "the control plane is not ready after %d s; see %s", READY_MS / 1000,
                        dev->children[CHILD_CONTROLPLANE].log_path);
        } else if (asked_to_stop(dev, 50)) {
            r = err_set(err, -EINTR, "dev.stopped", "stopped while starting");
        }
        for (int i = 0; r == 0 && i < CHILDREN_MAX; i++) {
            struct child *c = &dev->children[i];
            if (c->name) {
                child_watch(c);
                r = c->restarts < START_TRIES ? 0 : child_failed(c, err);
            }
        }
    }
    return r;
}

static void stop_all(struct dev *dev)
{
    for (int i = CHILDREN_MAX - 1; i >= 0; i--) {
        child_stop(&dev->children[i], STOP_MS);
    }
}

static int start_all(struct dev *dev, struct err *err)
{
    int port = dev->config.port ? (int)dev->config.port : dev_data_free_port();
    dev->base_url = arena_printf(dev->data.arena, "http://127.0.0.1:%d", port);
    int r = start_services(dev, err);
    if (r == 0) {
        say("database: migrating");
        r = prepare_database(dev, err);
    }
    if (r == 0) {
        r = write_env(dev, err);
    }
    if (r == 0) {
        describe_processes(dev, port);
        r = start_processes(dev, port, err);
    }
    return r;
}

int command_dev(int argc, char **argv)
{
    struct dev dev = {.signals = -1};
    struct err err;
    int r = config_load(dev_options, &dev.config, argc, argv,
                        "leat dev [OPTION...]\n\nRuns PostgreSQL, NATS, the control plane and a "
                        "worker in one data folder, on loopback.",
                        &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    log_setup("leat-dev", LOG_INFO, LOG_FORMAT_LOGFMT);
    r = block_signals(&dev, &err);
    if (r == 0) {
        r = dev_data_open(dev.config.data, &dev.data, &err);
    }
    if (r == 0) {
        fprintf(stderr, "leat dev: data in %s\n", dev.data.dir);
        r = start_all(&dev, &err);
    }
    if (r == 0) {
        fprintf(stderr, "leat dev: ready at %s\n  for shells: set -a; . %s; set +a\n", dev.base_url,
                dev.data.env_file);
        while (!asked_to_stop(&dev, 100)) {
            for (int i = 0; i < CHILDREN_MAX; i++) {
                if (dev.children[i].name) {
                    child_watch(&dev.children[i]);
                }
            }
        }
        fprintf(stderr, "leat dev: stopping\n");
    }
    stop_all(&dev);
    dev_data_done(&dev.data);
    if (dev.signals >= 0) {
        close(dev.signals);
    }
    return r == 0 || r == -EINTR ? 0 : command_failed(&err);
}
