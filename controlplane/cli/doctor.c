/* leat doctor: looks whether everything around Leat is as docs/operating.md says, changes nothing.
 * Owns the checks, one function each; each tells OK, WARN or FAIL, and what to do. */
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <arpa/inet.h>
#include <linux/magic.h>

#include "bus.h"
#include "cli/account.h"
#include "cli/cli.h"
#include "clock.h"
#include "migrate.h"
#include "net/http_client.h"
#include "org_key.h"
#include "subjects.h"

#define SKEW_WARN_MS 500
#define SKEW_FAIL_MS 5000
#define NATS_MS      5000
#define HTTP_NS      (5 * NS_PER_SEC)
#define FILES_LEAST  (10000 + 4096 + 256) /* of a worker with the default slots */
#define SPILL_LEAST  ((int64_t)10 << 30)
#define QUEUE_OLD_NS (60 * NS_PER_SEC)

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL, _HEALTH_N };
static const char *const health_words[_HEALTH_N] = {"OK", "WARN", "FAIL"};

struct doctor_config {
    const char *postgres, *nats, *master_key_file, *bus_key_file, *url, *allow_addresses, *pool,
        *spill_folder;
    bool json;
};
struct doctor {
    const struct doctor_config *config;
    struct arena *arena;
    struct db *db;
    struct secret_key master;
    bool has_master;
    struct json_builder found;
    enum health worst;
};

const struct config_option doctor_options[] = {
    {"postgres", CONFIG_STR, offsetof(struct doctor_config, postgres), NULL,
     "connection URL of the database, as its owner", 0, 0, false},
    {"nats", CONFIG_STR, offsetof(struct doctor_config, nats), NULL, "URL of the NATS server", 0, 0,
     false},
    {"master-key-file", CONFIG_STR, offsetof(struct doctor_config, master_key_file), NULL,
     "file with the master key", 0, 0, false},
    {"bus-key-file", CONFIG_STR, offsetof(struct doctor_config, bus_key_file), NULL,
     "file with the bus key", 0, 0, false},
    {"url", CONFIG_STR, offsetof(struct doctor_config, url), NULL, "URL of the control plane", 0, 0,
     false},
    {"allow-addresses", CONFIG_STR, offsetof(struct doctor_config, allow_addresses), NULL,
     "what workers are started with", 0, 0, false},
    {"pool", CONFIG_STR, offsetof(struct doctor_config, pool), "default", "pool of the workers", 0,
     0, false},
    {"spill-folder", CONFIG_STR, offsetof(struct doctor_config, spill_folder), "/var/tmp",
     "where workers of this machine keep large values", 0, 0, false},
    {"json", CONFIG_BOOL, offsetof(struct doctor_config, json), NULL,
     "[{check, health, found, todo}] on standard output", 0, 0, false},
    {0},
};

/* todo: NULL when it is OK. */
static void tell(struct doctor *d, enum health health, const char *check, const char *todo,
                 const char *fmt, ...) printf_like(5, 6);
static void tell(struct doctor *d, enum health health, const char *check, const char *todo,
                 const char *fmt, ...)
{
    char text[600];
    va_list args;
    struct json_builder one;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct str line = text_line(d->arena, str_of(text));
    todo = health == HEALTH_OK ? NULL : todo;
    json_build_object(&one, d->arena);
    json_append(&one, STR("check"), json_cstr(check));
    json_append(&one, STR("health"), json_cstr(health_words[health]));
    json_append(&one, STR("found"), json_str(line));
    json_append(&one, STR("todo"), todo ? json_cstr(todo) : json_null());
    json_push(&d->found, json_built(&one));
    d->worst = MAX(d->worst, health);
    if (!d->config->json) {
        printf("%-4s  %-16s  %.*s\n", health_words[health], check, (int)line.len, line.ptr);
        if (todo) {
            printf("      %-16s  -> %s\n", "", todo);
        }
        (void)fflush(stdout);
    }
}

static void check_key(struct doctor *d, const char *check, const char *path, struct secret_key *ret,
                      bool *ret_has)
{
    struct err err;
    struct stat st;
    *ret_has = account_key_file(path, ret, &err) == 0;
    if (!*ret_has) {
        tell(d, HEALTH_FAIL, check, "a key is 32 bytes, as 64 hex digits or base64", "%s",
             err.message);
    } else if (stat(path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH))) {
        tell(d, HEALTH_WARN, check, "chmod 600: only the processes may read it",
             "%s can be read by other users (mode %o)", path, st.st_mode & 0777);
    } else {
        tell(d, HEALTH_OK, check, NULL, "%s", path);
    }
}

static void check_keys(struct doctor *d)
{
    if (*d->config->master_key_file) {
        check_key(d, "master key", d->config->master_key_file, &d->master, &d->has_master);
    }
    if (*d->config->bus_key_file) {
        struct secret_key bus;
        bool has;
        check_key(d, "bus key", d->config->bus_key_file, &bus, &has);
        secret_key_done(&bus);
    }
}

static void check_setting(struct doctor *d, const char *name, struct str value, bool good,
                          enum health bad, const char *todo)
{
    tell(d, good ? HEALTH_OK : bad, "PostgreSQL", todo, "%s = %.*s", name, (int)value.len,
         value.ptr);
}

static void check_server(struct doctor *d)
{
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    AUTO(db_rows_free) struct db_rows *schema = NULL;
    struct err err;
    int64_t before = clock_now_ns();
    if (db_run(d->db, QUERY_DOCTOR_SERVER, &rows, &err) != 0) {
        tell(d, HEALTH_FAIL, "PostgreSQL", "see the server's log", "%s", err.message);
        return;
    }
    int64_t here_ms = (before + (clock_now_ns() - before) / 2) / NS_PER_MS;
    int64_t skew = db_int(rows, 0, 2) - here_ms;
    struct str version = db_str(rows, 0, 1);
    tell(d, db_int(rows, 0, 0) >= 150000 ? HEALTH_OK : HEALTH_FAIL, "PostgreSQL",
         "PostgreSQL 15 or later is needed", "version %.*s", (int)version.len, version.ptr);
    tell(d,
         llabs(skew) < SKEW_WARN_MS   ? HEALTH_OK
         : llabs(skew) < SKEW_FAIL_MS ? HEALTH_WARN
                                      : HEALTH_FAIL,
         "clock", "let NTP set the clock of both machines: leases, schedules and tokens go by it",
         "the database's clock is %lld ms %s", (long long)llabs(skew),
         skew < 0 ? "behind" : "ahead");
    check_setting(d, "fsync", db_str(rows, 0, 3), str_eq(db_str(rows, 0, 3), STR("on")),
                  HEALTH_FAIL, "set it on: a webhook's 200 means that it is on the disk");
    check_setting(d, "synchronous_commit", db_str(rows, 0, 4),
                  !str_eq(db_str(rows, 0, 4), STR("off")), HEALTH_FAIL,
                  "set it on: a webhook's 200 means that it is on the disk");
    check_setting(d, "full_page_writes", db_str(rows, 0, 5), str_eq(db_str(rows, 0, 5), STR("on")),
                  HEALTH_WARN, "set it on, unless the file system never tears pages");
    tell(d, db_int(rows, 0, 6) >= (int64_t)1 << 30 ? HEALTH_OK : HEALTH_WARN, "PostgreSQL",
         "set min_wal_size to a few GB and max_wal_size above it: log files are then reused",
         "min_wal_size = %lld MB", (long long)(db_int(rows, 0, 6) >> 20));
    check_setting(d, "wal_compression", db_str(rows, 0, 7), !str_eq(db_str(rows, 0, 7), STR("off")),
                  HEALTH_WARN, "set it to lz4");
    int64_t most = db_int(rows, 0, 9), used = db_int(rows, 0, 10);
    tell(d, used * 10 < most * 8 ? HEALTH_OK : HEALTH_WARN, "PostgreSQL",
         "raise max_connections, or start fewer control planes",
         "%lld of %lld connections are used", (long long)used, (long long)most);
    tell(d, HEALTH_OK, "database", NULL, "%lld MB", (long long)(db_int(rows, 0, 12) >> 20));
    if (!db_bool(rows, 0, 11) || db_run(d->db, QUERY_DOCTOR_SCHEMA, &schema, &err) != 0) {
        tell(d, HEALTH_FAIL, "schema", "leat migrate --postgres URL", "the database is empty");
        return;
    }
    int64_t current = db_int(schema, 0, 0);
    tell(d, current == migrate_latest() ? HEALTH_OK : HEALTH_FAIL, "schema",
         current < migrate_latest() ? "leat migrate --postgres URL"
                                    : "use a newer Leat: this one is older than the database",
         "the database has %lld, Leat %s has %d", (long long)current, LEAT_VERSION,
         migrate_latest());
    if (current != migrate_latest() || !d->has_master) {
        return;
    }
    AUTO(db_rows_free) struct db_rows *organization = NULL;
    struct secret_key key;
    if (db_run(d->db, QUERY_DOCTOR_ORGANIZATION, &organization, &err) != 0 ||
        db_rows_n(organization) == 0) {
        return; /* none yet */
    }
    struct uuid id = db_uuid(organization, 0, 0);
    bool opens = org_key_get(d->db, &d->master, &id, &key, &err) == 0;
    if (opens) {
        secret_key_done(&key);
    }
    tell(d, opens ? HEALTH_OK : HEALTH_FAIL, "master key",
         "this is not the key that the secrets are sealed with: find the right one",
         opens ? "opens the secrets of the database" : "does not open the secrets of the database");
}

static void check_postgres(struct doctor *d)
{
    struct err err;
    if (!*d->config->postgres) {
        return;
    }
    if (db_open(d->config->postgres, DB_OWNER, "leat-doctor", &d->db, &err) != 0) {
        tell(d, HEALTH_FAIL, "PostgreSQL", "is it running, and is the URL right?", "%s",
             err.message);
        return;
    }
    check_server(d);
}

static void check_queue(struct doctor *d, struct bus *bus, const char *check, const char *stream,
                        const char *consumer)
{
    struct bus_queue_state state;
    struct err err;
    int r = bus_queue_state(bus, stream, consumer, &state, &err);
    if (r != 0) {
        tell(d, r == -ENOENT ? HEALTH_WARN : HEALTH_FAIL, check,
             r == -ENOENT ? "a control plane makes it when it starts; JetStream must be on"
                          : "see the log of nats-server",
             "%s: %s", stream, err.message);
        return;
    }
    bool old =
        state.oldest_pending_ns > 0 && clock_now_ns() - state.oldest_pending_ns > QUEUE_OLD_NS;
    tell(d, old ? HEALTH_WARN : HEALTH_OK, check,
         "start workers or control planes: nobody takes what waits, or too few do",
         "%s / %s: %llu wait, %llu are being worked on, %llu KB", stream, consumer,
         (unsigned long long)state.pending, (unsigned long long)state.ack_pending,
         (unsigned long long)(state.bytes / 1024));
}

static void check_nats(struct doctor *d)
{
    struct bus *bus = NULL;
    struct bus_options options = {.url = d->config->nats, .name = "leat-doctor"};
    struct err err;
    if (!*d->config->nats) {
        return;
    }
    if (bus_new(&options, NATS_MS, &bus, &err) != 0) {
        tell(d, HEALTH_FAIL, "NATS", "is it running, and are URL and password right?", "%s",
             err.message);
        return;
    }
    tell(d, HEALTH_OK, "NATS", NULL, "connected");
    check_queue(d, bus, "streams", STREAM_RUN,
                arena_printf(d->arena, CONSUMER_RUN "-%s", d->config->pool));
    check_queue(d, bus, "streams", STREAM_RESULT, CONSUMER_RESULT);
    bus_free(bus);
}

static void check_path(struct doctor *d, struct http_client *http, const char *path)
{
    struct http_request req = {.method = STR("GET"),
                               .url = str_of(arena_printf(d->arena, "%s%s", d->config->url, path)),
                               .no_redirects = true,
                               .deadline_ns = clock_mono_ns() + HTTP_NS};
    struct http_response response;
    struct err err;
    int r = http_client_send(http, d->arena, &req, &response, &err);
    tell(d, r == 0 && response.status == 200 ? HEALTH_OK : HEALTH_FAIL, "control plane",
         r == 0 ? "PostgreSQL or NATS is away, or it has just started: see its log"
                : "is it running, and is the URL right?",
         "%s %s", path,
         r == 0 ? arena_printf(d->arena, "answers %d", response.status) : err.message);
}

static void check_controlplane(struct doctor *d)
{
    struct address_policy all;
    if (!*d->config->url || address_policy_parse(STR("0.0.0.0/0, ::/0"), &all, NULL) != 0) {
        return;
    }
    struct http_client_options options = {.policy = &all, .max_response_bytes = MIB(1)};
    AUTO(http_client_free) struct http_client *http = http_client_new(&options);
    check_path(d, http, "/healthz");
    check_path(d, http, "/readyz");
}

static void check_policy(struct doctor *d)
{
    static const struct {
        const char *address, *what;
    } risky[] = {{"169.254.169.254", "the metadata of the cloud's machines"},
                 {"127.0.0.1", "services on the workers' own machines"}};
    struct address_policy policy;
    struct err err;
    if (address_policy_parse(str_of(d->config->allow_addresses), &policy, &err) != 0) {
        tell(d, HEALTH_FAIL, "outbound", "correct --allow-addresses", "%s", err.message);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(risky); i++) {
        struct sockaddr_in to = {.sin_family = AF_INET};
        (void)inet_pton(AF_INET, risky[i].address, &to.sin_addr);
        if (!address_policy_refusal(&policy, (const struct sockaddr *)&to)) {
            tell(d, HEALTH_WARN, "outbound",
                 "leave it out of --allow-addresses, unless it is wanted",
                 "flows can reach %s (%s)", risky[i].what, risky[i].address);
        }
    }
    tell(d, HEALTH_OK, "outbound", NULL, "public addresses%s%s", policy.n_allowed ? ", and " : "",
         policy.n_allowed ? d->config->allow_addresses : "");
}

static void check_machine(struct doctor *d)
{
    struct rlimit files;
    struct statvfs space;
    struct statfs kind;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        tell(d, files.rlim_max >= FILES_LEAST ? HEALTH_OK : HEALTH_WARN, "open files",
             "raise the hard limit (LimitNOFILE of systemd), or start workers with fewer "
             "--max-slots",
             "at most %llu a process here; a worker of 10,000 slots wants %d",
             (unsigned long long)files.rlim_max, FILES_LEAST);
    }
    const char *folder = d->config->spill_folder;
    if (statvfs(folder, &space) != 0 || statfs(folder, &kind) != 0) {
        tell(d, HEALTH_FAIL, "disk", "name a folder that is there: --spill-folder", "%s: %s",
             folder, strerror(errno));
        return;
    }
    int64_t bytes = (int64_t)space.f_bavail * (int64_t)space.f_frsize;
    bool memory = kind.f_type == TMPFS_MAGIC;
    tell(d, memory || bytes < SPILL_LEAST ? HEALTH_WARN : HEALTH_OK, "disk",
         memory ? "name a folder on a disk: --spill-folder of the worker"
                : "make room, or lower --spill-max-mb of the worker",
         "%s: %lld MB free%s", folder, (long long)(bytes >> 20), memory ? ", but in memory" : "");
}

int command_doctor(int argc, char **argv)
{
    struct doctor_config config;
    struct err err;
    AUTO(arena_free) struct arena *arena = arena_new(KIB(64), MIB(64));
    int r = config_load(doctor_options, &config, argc, argv,
                        "leat doctor [OPTION...]\n\nLooks at what its options name, and at this "
                        "machine. Exit status 1: something fails.\n\nExample:\n  leat doctor "
                        "--postgres postgresql://leat@db/leat --nats nats://bus:4222 \\\n"
                        "    --master-key-file master.key --url https://hooks.acme.example",
                        &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    struct doctor d = {.config = &config, .arena = arena};
    json_build_array(&d.found, arena);
    check_keys(&d);
    check_postgres(&d);
    check_nats(&d);
    check_controlplane(&d);
    check_policy(&d);
    check_machine(&d);
    db_close(d.db);
    secret_key_done(&d.master);
    if (config.json) {
        cli_print_json(json_built(&d.found));
    } else if (!*config.postgres || !*config.nats || !*config.url) {
        printf("Not looked at: what no option names (--postgres, --nats, --url).\n");
    }
    return d.worst == HEALTH_FAIL ? COMMAND_FAILED : COMMAND_OK;
}
