/* Owns how `leat dev` sets PostgreSQL and NATS up. Durability is that of production: fsync and
 * synchronous_commit on. */
#include "cli/dev_services.h"

#include <glob.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "db.h"
#include "enc.h"
#include "secret.h"

#define DATABASE "leat"

/* The newest PostgreSQL of Debian's layout, or the one in PATH. */
static const char *find_postgres(struct dev_data *d, const char *program)
{
    const char *best = NULL;
    glob_t found = {0};
    char *pattern = arena_printf(d->arena, "/usr/lib/postgresql/*/bin/%s", program);
    if (glob(pattern, 0, NULL, &found) == 0) {
        int64_t best_version = 14; /* 15 or later */
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct str path = str_of(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"));
            int64_t version;
            ptrdiff_t end = str_find(path, STR("/"), 0);
            if (end > 0 && str_to_i64(str_n(path.ptr, (size_t)end), &version) &&
                version > best_version) {
                best_version = version;
                best = arena_strdup(d->arena, found.gl_pathv[i]);
            }
        }
    }
    globfree(&found);
    return best;
}

static const char *find_program(struct dev_data *d, const char *program)
{
    static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/usr/local/bin", NULL};
    for (int i = 0; folders[i]; i++) {
        const char *path = arena_printf(d->arena, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

static int make_cluster(struct dev_data *d, struct err *err)
{
    if (access(arena_printf(d->arena, "%s/PG_VERSION", d->postgres_dir), F_OK) == 0) {
        return 0;
    }
    const char *initdb = find_postgres(d, "initdb");
    if (!initdb) {
        return err_set(err, -ENOENT, "dev.no_postgres",
                       "PostgreSQL 15 or later is not installed (package postgresql); or give "
                       "--postgres URL");
    }
    struct child child = {
        .name = "initdb",
        .args = {initdb, "--pgdata", d->postgres_dir, "--username", "leat", "--auth", "trust",
                 "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions", NULL},
        .log_path = arena_printf(d->arena, "%s/initdb.log", d->log_dir),
        .user = d->postgres_user,
        .stop_signal = SIGTERM,
    };
    return child_run(&child, err);
}

int dev_postgres_prepare(struct dev_data *d, struct child *ret_child, const char **ret_url,
                         struct err *err)
{
    int r = make_cluster(d, err);
    if (r != 0) {
        return r;
    }
    const char *postgres = find_postgres(d, "postgres");
    if (!postgres) {
        return err_set(err, -ENOENT, "dev.no_postgres", "PostgreSQL is not installed any more");
    }
    /* A backend gives the memory of each statement back by default and faults it in again. */
    (void)setenv("MALLOC_TOP_PAD_", "4194304", 0);
    (void)setenv("MALLOC_TRIM_THRESHOLD_", "67108864", 0);
    /* Only this user's processes reach the socket's folder; "trust" is safe in it. */
    *ret_child = (struct child){
        .name = "postgres",
        .args = {postgres,
                 "-D",
                 d->postgres_dir,
                 "-k",
                 d->socket_dir,
                 "-c",
                 "listen_addresses=",
                 "-c",
                 "unix_socket_permissions=0700",
                 "-c",
                 "fsync=on",
                 "-c",
                 "synchronous_commit=on",
                 "-c",
                 "shared_buffers=128MB",
                 "-c",
                 "max_connections=60",
                 "-c",
                 "max_wal_size=4GB",
                 "-c",
                 "min_wal_size=1GB",
                 "-c",
                 "wal_compression=lz4",
                 "-c",
                 "checkpoint_completion_target=0.9",
                 "-c",
                 "jit=off",
                 NULL},
        .log_path = arena_printf(d->arena, "%s/postgres.log", d->log_dir),
        .user = d->postgres_user,
        .stop_signal = SIGINT, /* fast shutdown */
    };
    *ret_url =
        arena_printf(d->arena, "postgresql:///" DATABASE "?host=%s&user=leat", d->socket_dir);
    return 0;
}

int dev_postgres_ready(struct dev_data *d, const char *url, int64_t timeout_ms, struct err *err)
{
    const char *maintenance =
        arena_printf(d->arena, "postgresql:///postgres?host=%s&user=leat", d->socket_dir);
    int64_t until = clock_mono_ns() + timeout_ms * NS_PER_MS;
    AUTO(db_close) struct db *db = NULL;
    int r = db_open(maintenance, DB_OWNER, "leat-dev", &db, err);
    while (r != 0 && clock_mono_ns() < until) {
        clock_wait_ns(50 * NS_PER_MS);
        r = db_open(maintenance, DB_OWNER, "leat-dev", &db, err);
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (r == 0) {
        r = db_run(db, QUERY_DATABASE_EXISTS, &rows, err, DB_TEXT(DATABASE));
    }
    if (r == 0 && db_rows_n(rows) == 0) {
        r = db_exec(db, "CREATE DATABASE " DATABASE, err);
    }
    return r;
}

int dev_nats_prepare(struct dev_data *d, struct child *ret_child, const char **ret_url,
                     struct err *err)
{
    const char *server = find_program(d, "nats-server");
    if (!server) {
        return err_set(err, -ENOENT, "dev.no_nats",
                       "nats-server is not installed (package nats-server); or give --nats URL");
    }
    int port = dev_data_free_port();
    if (port == 0) {
        return err_set(err, -EADDRINUSE, "dev.port", "no free port on loopback");
    }
    uint8_t random[18];
    char password[40];
    secret_random(random, sizeof(random));
    (void)enc_base64url(str_n((const char *)random, sizeof(random)), password, sizeof(password));
    AUTO(buf_done) struct buf config = {0};
    buf_init(&config, KIB(4));
    buf_addf(&config,
             "listen: \"127.0.0.1:%d\"\nmax_payload: 8MB\nmax_pending: 64MB\n"
             "jetstream { store_dir: \"%s\", max_file_store: 8GB, max_memory_store: 256MB }\n"
             "authorization { user: leat, password: \"%s\" }\n",
             port, d->nats_dir, password);
    int r = dev_data_write(d->nats_config, 0600, buf_str(&config), err);
    /* Its heap is small and its messages are large: by default it would collect garbage most of the
     * time, give the pages back, and keep a second processor busy with looking for work. The soft
     * limit bounds what that costs. */
    (void)setenv("GOGC", "400", 0);
    (void)setenv("GOMEMLIMIT", "384MiB", 0);
    (void)setenv("GOMAXPROCS", "1", 0);
    (void)setenv("GODEBUG", "madvdontneed=0", 0);
    *ret_child = (struct child){
        .name = "nats-server",
        .args = {server, "--config", d->nats_config, NULL},
        .log_path = arena_printf(d->arena, "%s/nats.log", d->log_dir),
        .stop_signal = SIGTERM,
    };
    *ret_url = arena_printf(d->arena, "nats://leat:%s@127.0.0.1:%d", password, port);
    return r;
}
