/* The process as a whole: what there is, and the order of its start and end. Called by main only.
 * Producers of messages to the loops end before the loops do, the dispatcher after everybody who
 * hands it events, the bus last. */
#include "controlplane.h"

#include <stdatomic.h>

#include "alerts/alerts.h"
#include "api/api.h"
#include "bus.h"
#include "catalog.h"
#include "clock.h"
#include "definitions/responder.h"
#include "dispatch/dispatcher.h"
#include "dispatch/gate.h"
#include "dispatch/sweeper.h"
#include "embed.h"
#include "hooks/hook.h"
#include "http/metrics.h"
#include "http/routes.h"
#include "http/server.h"
#include "log.h"
#include "media/media_url.h"
#include "migrate.h"
#include "oauth2/consent.h"
#include "oauth2/refresher.h"
#include "outbound/events.h"
#include "recorder/checkpoints.h"
#include "recorder/feed.h"
#include "recorder/progress.h"
#include "recorder/recorder.h"
#include "recorder/values.h"
#include "results/results.h"
#include "schedule/scheduler.h"
#include "streams/streams.h"
#include "subjects.h"
#include "tail/tail.h"

#define CONNECT_WAIT_MS    60000
#define CONNECT_RETRY_NS   (200 * NS_PER_MS)
#define INDEX_WAIT_MS      30000
#define ACCEPT_DEADLINE_MS 10000
#define TURN_DEADLINE_MS   2000
#define POOL_DEADLINE_MS   60000
#define LANE_QUEUE         1000
#define DRAIN_EXTRA_MS     2000
#define RESULT_THREADS     2
#define STREAMS_EVERY      5 /* ticks */

struct controlplane {
    struct controlplane_config config;
    struct secret_key master_key, bus_key;
    unsigned roles;
    struct uuid node;
    int replica_id;
    char *public_url;
    struct catalog *catalog;
    struct bus *bus;
    struct dispatcher *dispatcher;
    struct gate *gate;
    struct accept *accept;
    struct hook_index *index;
    struct hooks *hooks;
    struct api *api;
    struct media_urls *media;
    struct lane *lane;
    struct server *server;
    struct routes_ctx routes_ctx;
    struct tail *tail;
    struct feed *feed;
    struct recorder *recorder;
    struct checkpoints *checkpoints;
    struct values *values;
    struct result_urls *urls;
    struct results *results;
    struct progress *progress;
    struct responder *responder;
    struct sweeper *sweeper;
    struct scheduler *scheduler;
    struct alerts *alerts;
    struct consent *consent;
    struct refresher *refresher;
    struct events *events;
    struct streams *streams;
    struct address_policy webhook_addresses, smtp_addresses;
    struct net_server smtp;
    _Atomic bool streams_made;
    unsigned ticks;
};

extern const struct embed_file catalog_files[];

static int open_db(const char *conninfo, struct db **ret, struct err *err)
{
    int64_t until = clock_mono_ns() + CONNECT_WAIT_MS * NS_PER_MS;
    bool said = false;
    int r;
    while ((r = db_open(conninfo, DB_OWNER, "leat control plane", ret, err)) != 0 &&
           clock_mono_ns() < until) {
        if (!said) {
            log_warn("waiting for PostgreSQL", LOG_STR("error", err->message));
            said = true;
        }
        clock_wait_ns(CONNECT_RETRY_NS);
    }
    return r;
}

static int check_schema(struct controlplane *cp, struct db *db, struct err *err)
{
    int applied = 0, r = 0;
    if (cp->config.migrate) {
        r = migrate_run(db, &applied, err);
    }
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    if (r == 0) {
        r = db_run(db, QUERY_SCHEMA_CURRENT, &rows, err);
    }
    if (r > 0) {
        return err_set(err, -EPROTO, "schema.missing",
                       "the database has no schema yet: run \"leat migrate\" or start with "
                       "--migrate");
    }
    int64_t current = r == 0 ? db_int(rows, 0, 0) : 0;
    if (r == 0 && current != migrate_latest()) {
        return err_set(err, -EPROTO, "schema.version",
                       "the database has schema %lld, this program needs %d: %s",
                       (long long)current, migrate_latest(),
                       current < migrate_latest() ? "run \"leat migrate\" or start with --migrate"
                                                  : "use a newer Leat");
    }
    return r;
}

static int prepare_db(struct controlplane *cp, struct err *err)
{
    AUTO(db_close) struct db *db = NULL;
    AUTO(db_rows_free) struct db_rows *rows = NULL;
    int r = open_db(cp->config.postgres, &db, err);
    if (r == 0) {
        r = check_schema(cp, db, err);
    }
    if (r == 0) {
        r = api_sync_components(db, cp->catalog, err);
    }
    if (r == 0) {
        r = db_run(db, QUERY_REPLICA_REGISTER, &rows, err, DB_UUID(cp->node));
    }
    if (r == 0) {
        cp->replica_id = (int)db_int(rows, 0, 0);
    }
    return r;
}

static bool has(const struct controlplane *cp, unsigned role)
{
    return (cp->roles & role) != 0;
}

static int make_bus(struct controlplane *cp, struct err *err)
{
    struct bus_options options = {.url = cp->config.nats, .name = "leat-controlplane"};
    int r = bus_new(&options, CONNECT_WAIT_MS, &cp->bus, err);
    if (r == 0) {
        r = bus_ensure_streams(cp->bus, cp->config.pool, err);
        atomic_store(&cp->streams_made, r == 0);
    }
    return r;
}

/* Every replica dispatches what it accepts and releases what it queues, whatever its roles. */
static int make_dispatch(struct controlplane *cp, struct err *err)
{
    struct dispatcher_options options = {.bus = cp->bus,
                                         .conninfo = cp->config.postgres,
                                         .pool = cp->config.pool,
                                         .replica_id = cp->replica_id,
                                         .bulk_rate = cp->config.bulk_rate};
    int r = dispatcher_new(&options, &cp->dispatcher, err);
    r = r == 0 ? dispatcher_start(cp->dispatcher) : r;
    if (r == 0) {
        r = gate_new(
            &(struct gate_options){.conninfo = cp->config.postgres, .dispatcher = cp->dispatcher},
            &cp->gate, err);
    }
    return r == 0 ? gate_start(cp->gate) : r;
}

static void on_freed(void *arg, const struct uuid *keys, size_t n)
{
    struct controlplane *cp = arg;
    gate_wake(cp->gate, keys, n);
}

/* What organizations are told of outside: alerts and log lines. The SMTP server is the operator's
 * own, wherever it stands. */
static int make_outbound(struct controlplane *cp, struct err *err)
{
    const struct controlplane_config *c = &cp->config;
    cp->smtp = (struct net_server){.protocol = "smtp",
                                   .policy = &cp->smtp_addresses,
                                   .host = str_of(c->smtp_host),
                                   .port = (int)c->smtp_port,
                                   .username = str_of(c->smtp_username),
                                   .password = str_of(c->smtp_password)};
    int r = controlplane_smtp_tls(c->smtp_tls, &cp->smtp.tls, err);
    r = r ? r : address_policy_parse(STR("0.0.0.0/0,::/0"), &cp->smtp_addresses, err);
    if (r != 0) {
        return r;
    }
    cp->alerts = alerts_new(&(struct alerts_options){.conninfo = c->postgres,
                                                     .sender = {.conninfo = c->postgres,
                                                                .master_key = &cp->master_key,
                                                                .public_url = cp->public_url,
                                                                .policy = &cp->webhook_addresses,
                                                                .smtp = &cp->smtp,
                                                                .mail_from = c->mail_from}});
    cp->events = events_new(&(struct events_options){
        .conninfo = c->postgres, .master_key = &cp->master_key, .policy = &cp->webhook_addresses});
    cp->streams = streams_new(&(struct stream_sender_options){
        .conninfo = c->postgres, .master_key = &cp->master_key, .policy = &cp->webhook_addresses});
    r = alerts_start(cp->alerts);
    r = r ? r : events_start(cp->events);
    return r ? r : streams_start(cp->streams);
}

static void on_executions(void *arg, const struct uuid *ids, size_t n)
{
    struct controlplane *cp = arg;
    dispatcher_add_ids(cp->dispatcher, ids, n);
    gate_wake(cp->gate, NULL, 0);
}

static int make_back_office(struct controlplane *cp, struct err *err)
{
    const char *postgres = cp->config.postgres, *pool = cp->config.pool;
    int r = 0;
    if (has(cp, ROLE_RECORDER)) {
        r = feed_new(cp->bus, &cp->feed, err);
        r = r == 0 ? feed_start(cp->feed) : r;
    }
    if (r == 0 && has(cp, ROLE_RECORDER)) {
        r = recorder_new(&(struct recorder_options){.bus = cp->bus,
                                                    .conninfo = postgres,
                                                    .pool = pool,
                                                    .on_freed = on_freed,
                                                    .on_freed_arg = cp,
                                                    .on_executions = on_executions,
                                                    .on_executions_arg = cp,
                                                    .feed = cp->feed},
                         &cp->recorder, err);
        r = r == 0 ? recorder_start(cp->recorder) : r;
        cp->checkpoints =
            checkpoints_new(&(struct checkpoints_options){.bus = cp->bus, .conninfo = postgres});
        r = r == 0 ? checkpoints_start(cp->checkpoints) : r;
        cp->values = values_new(&(struct values_options){.bus = cp->bus, .conninfo = postgres});
        r = r == 0 ? values_start(cp->values) : r;
    }
    if (r == 0 && has(cp, ROLE_RECORDER)) {
        r = progress_new(
            &(struct progress_options){.bus = cp->bus, .conninfo = postgres, .feed = cp->feed},
            &cp->progress, err);
        r = r == 0 ? progress_start(cp->progress) : r;
    }
    if (r == 0 && has(cp, ROLE_DISPATCHER)) {
        r = responder_new(&(struct responder_options){.bus = cp->bus,
                                                      .conninfo = postgres,
                                                      .master_key = &cp->master_key,
                                                      .bus_key = &cp->bus_key,
                                                      .public_url = cp->public_url},
                          &cp->responder, err);
        r = r == 0 ? responder_start(cp->responder) : r;
    }
    if (r == 0 && has(cp, ROLE_DISPATCHER)) {
        r = sweeper_new(&(struct sweeper_options){.bus = cp->bus,
                                                  .conninfo = postgres,
                                                  .pool = pool,
                                                  .dispatcher = cp->dispatcher,
                                                  .retention_days = (int)cp->config.retention_days,
                                                  .audit_days = (int)cp->config.audit_days},
                        &cp->sweeper, err);
        r = r == 0 ? sweeper_start(cp->sweeper) : r;
    }
    if (r == 0 && has(cp, ROLE_SCHEDULER)) {
        r = scheduler_new(&(struct scheduler_options){.conninfo = postgres,
                                                      .dispatcher = cp->dispatcher,
                                                      .gate = cp->gate,
                                                      .replica_id = cp->replica_id},
                          &cp->scheduler, err);
        r = r == 0 ? scheduler_start(cp->scheduler) : r;
        r = r == 0 ? make_outbound(cp, err) : r;
    }
    if (r == 0 && has(cp, ROLE_SCHEDULER)) {
        cp->refresher = refresher_new(&(struct refresher_options){
            .conninfo = postgres, .master_key = &cp->master_key, .policy = &cp->webhook_addresses});
        r = refresher_start(cp->refresher);
    }
    return r;
}

static bool is_ready(void *arg, const char **ret_missing)
{
    struct controlplane *cp = arg;
    *ret_missing = NULL;
    if (cp->accept && !accept_available(cp->accept)) {
        *ret_missing = "PostgreSQL cannot be reached";
    } else if (cp->index && !hook_index_loaded(cp->index)) {
        *ret_missing = "the index of flows is not loaded yet";
    } else if (!bus_connected(cp->bus)) {
        *ret_missing = "NATS cannot be reached";
    } else if (!atomic_load(&cp->streams_made)) {
        *ret_missing = "the streams are not made yet";
    }
    return *ret_missing == NULL;
}

static int make_server(struct controlplane *cp, struct err *err)
{
    const struct controlplane_config *c = &cp->config;
    int r = 0;
    if (has(cp, ROLE_API)) {
        struct lane_options lane = {.conninfo = c->postgres,
                                    .threads = (int)c->lanes,
                                    .queue = LANE_QUEUE,
                                    .forwarded = c->forwarded};
        r = lane_new(&lane, &cp->lane, err);
        r = r == 0 ? lane_start(cp->lane) : r;
    }
    struct server_options options = {
        .address = c->listen,
        .port = (int)c->port,
        .threads = (int)c->threads,
        .tls_cert = c->tls_cert,
        .tls_key = c->tls_key,
        .max_body = ROUTES_MAX_BODY,
        .max_connections = (size_t)c->max_connections,
        .deadline_ms = {[DEADLINE_ACCEPT] = ACCEPT_DEADLINE_MS,
                        [DEADLINE_SYNC] = c->sync_limit_ms,
                        [DEADLINE_TRIGGER] = c->trigger_limit_ms,
                        [DEADLINE_TURN] = MIN(c->trigger_limit_ms, TURN_DEADLINE_MS),
                        [DEADLINE_POOL] = POOL_DEADLINE_MS},
        .routes = routes,
        .ctx = &cp->routes_ctx,
        .lane = cp->lane,
    };
    r = r == 0 ? server_new(&options, &cp->server, err) : r;
    if (r == 0) {
        struct buf url;
        buf_init(&url, KIB(4));
        buf_adds(&url, c->public_url);
        while (url.len > 0 && url.data[url.len - 1] == '/') {
            url.data[--url.len] = '\0';
        }
        if (url.len == 0) {
            buf_addf(&url, "%s://%s:%d", c->tls_cert[0] ? "https" : "http", c->listen,
                     server_port(cp->server));
        }
        cp->public_url = buf_take(&url);
    }
    return r;
}

/* Who gives out URLs of results serves them, too. */
static int make_results(struct controlplane *cp, struct err *err)
{
    cp->urls = result_urls_new(&cp->master_key, cp->public_url);
    if (!has(cp, ROLE_API) && !has(cp, ROLE_INGRESS)) {
        return 0;
    }
    int r = results_new(&(struct results_options){.conninfo = cp->config.postgres,
                                                  .urls = cp->urls,
                                                  .threads = RESULT_THREADS},
                        &cp->results, err);
    return r == 0 ? results_start(cp->results) : r;
}

static int make_ingress(struct controlplane *cp, struct err *err)
{
    struct accept_options accept = {.conninfo = cp->config.postgres,
                                    .dispatcher = cp->dispatcher,
                                    .gate = cp->gate,
                                    .replica_id = cp->replica_id};
    int r = accept_new(&accept, &cp->accept, err);
    r = r == 0 ? accept_start(cp->accept) : r;
    r = r == 0 ? hook_index_new(cp->config.postgres, &cp->index, err) : r;
    r = r == 0 ? hook_index_start(cp->index) : r;
    if (r == 0 && hook_index_wait(cp->index, INDEX_WAIT_MS) != 0) {
        log_warn("the index of flows is still loading; webhooks wait for it");
    }
    struct hooks_options hooks = {.accept = cp->accept,
                                  .index = cp->index,
                                  .dispatcher = cp->dispatcher,
                                  .bus = cp->bus,
                                  .urls = cp->urls,
                                  .node = cp->node};
    r = r == 0 ? hooks_new(&hooks, cp->server, &cp->hooks, err) : r;
    return r == 0 ? hooks_start(cp->hooks, err) : r;
}

static int make_api(struct controlplane *cp, struct err *err)
{
    cp->media = media_urls_new(&cp->master_key, cp->public_url);
    cp->consent = consent_new(&(struct consent_options){.master_key = &cp->master_key,
                                                        .policy = &cp->webhook_addresses,
                                                        .public_url = cp->public_url});
    struct api_options options = {.master = cp->master_key,
                                  .public_url = cp->public_url,
                                  .urls = cp->urls,
                                  .catalog = cp->catalog,
                                  .media = cp->media,
                                  .consent = cp->consent,
                                  .replica_id = cp->replica_id,
                                  .on_executions = on_executions,
                                  .on_executions_arg = cp};
    int r = api_new(&options, &cp->api, err);
    secret_wipe(&options.master, sizeof(options.master));
    r = r ? r
          : tail_new(&(struct tail_options){.bus = cp->bus,
                                            .api = cp->api,
                                            .conninfo = cp->config.postgres},
                     &cp->tail, err);
    return r ? r : tail_start(cp->tail);
}

static int64_t gauge_accept_waiting(void *arg)
{
    const struct controlplane *cp = arg;
    return cp->accept ? (int64_t)accept_waiting(cp->accept) : 0;
}

static int64_t gauge_dispatcher_waiting(void *arg)
{
    const struct controlplane *cp = arg;
    return (int64_t)dispatcher_waiting(cp->dispatcher);
}

static int64_t gauge_index_size(void *arg)
{
    struct controlplane *cp = arg;
    return cp->index ? (int64_t)hook_index_size(cp->index) : 0;
}

static int64_t gauge_pending(void *arg)
{
    const struct controlplane *cp = arg;
    return (int64_t)server_pending(cp->server);
}

static int64_t gauge_statements(void *arg)
{
    return (int64_t)db_statements();
}

static int64_t gauge_recorded(void *arg)
{
    const struct controlplane *cp = arg;
    return cp->recorder ? (int64_t)recorder_recorded(cp->recorder) : 0;
}

static int64_t gauge_refused(void *arg)
{
    const struct controlplane *cp = arg;
    return cp->recorder ? (int64_t)recorder_refused(cp->recorder) : 0;
}

static int64_t gauge_values(void *arg)
{
    const struct controlplane *cp = arg;
    return cp->values ? (int64_t)values_chunks(cp->values) : 0;
}

static int64_t gauge_bus(void *arg)
{
    const struct controlplane *cp = arg;
    return bus_connected(cp->bus);
}

static const struct {
    const char *name, *help;
    metrics_gauge_fn fn;
} gauge_table[] = {
    {"leat_accept_waiting", "webhook events not committed yet", gauge_accept_waiting},
    {"leat_dispatcher_waiting", "accepted events not published yet", gauge_dispatcher_waiting},
    {"leat_hook_index_flows", "flows that can be called", gauge_index_size},
    {"leat_http_pending", "requests not answered yet", gauge_pending},
    {"leat_db_statements", "SQL statements since the start", gauge_statements},
    {"leat_recorded", "results recorded since the start", gauge_recorded},
    {"leat_record_refused", "results refused as doubled or late", gauge_refused},
    {"leat_value_chunks", "chunks of large values stored since the start", gauge_values},
    {"leat_bus_connected", "1 while NATS is connected", gauge_bus},
};

static int start_all(struct controlplane *cp, struct err *err)
{
    int r = catalog_parse(str_n(catalog_files[0].data, catalog_files[0].len), &cp->catalog, err);
    r = r ? r
          : address_policy_parse(str_of(cp->config.allow_addresses), &cp->webhook_addresses, err);
    r = r == 0 ? prepare_db(cp, err) : r;
    r = r == 0 ? make_bus(cp, err) : r;
    r = r == 0 ? make_dispatch(cp, err) : r;
    r = r == 0 ? make_server(cp, err) : r;
    r = r == 0 ? make_results(cp, err) : r;
    r = r == 0 ? make_back_office(cp, err) : r;
    if (r == 0 && has(cp, ROLE_INGRESS)) {
        r = make_ingress(cp, err);
    }
    if (r == 0 && has(cp, ROLE_API)) {
        r = make_api(cp, err);
    }
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(gauge_table); i++) {
        metrics_gauge(gauge_table[i].name, gauge_table[i].help, gauge_table[i].fn, cp);
    }
    cp->routes_ctx = (struct routes_ctx){.api = cp->api,
                                         .hooks = cp->hooks,
                                         .media = cp->media,
                                         .consent = cp->consent,
                                         .results = cp->results,
                                         .tail = cp->tail,
                                         .ready = is_ready,
                                         .ready_arg = cp};
    return r == 0 ? server_start(cp->server) : r;
}

int controlplane_new(const struct controlplane_config *config, const struct secret_key *master_key,
                     const struct secret_key *bus_key, struct controlplane **ret, struct err *err)
{
    struct controlplane *cp = mem_new(struct controlplane);
    cp->config = *config;
    cp->master_key = *master_key;
    cp->bus_key = *bus_key;
    cp->node = uuid_v4();
    int r = controlplane_roles(config->roles, &cp->roles, err);
    r = r == 0 ? start_all(cp, err) : r;
    if (r != 0) {
        controlplane_drain(cp);
        controlplane_free(cp);
        return r < 0 ? r : -EPROTO;
    }
    *ret = cp;
    return 0;
}

int controlplane_port(const struct controlplane *cp)
{
    return server_port(cp->server);
}

void controlplane_tick(struct controlplane *cp)
{
    struct err err = {0};
    bool made = atomic_load(&cp->streams_made);
    if (!bus_connected(cp->bus) || (made && ++cp->ticks % STREAMS_EVERY != 0)) {
        return;
    }
    int r = bus_ensure_streams(cp->bus, cp->config.pool, &err);
    if (r != 0 && made) {
        log_warn("the streams cannot be made", LOG_STR("error", err.message));
    }
    atomic_store(&cp->streams_made, r == 0);
}

void controlplane_drain(struct controlplane *cp)
{
    if (cp->tail) {
        tail_drain(cp->tail);
    }
    if (cp->server) {
        server_drain(cp->server,
                     MAX(cp->config.sync_limit_ms, cp->config.trigger_limit_ms) + DRAIN_EXTRA_MS);
    }
    if (cp->scheduler) {
        scheduler_stop(cp->scheduler);
    }
    if (cp->alerts) {
        alerts_stop(cp->alerts);
    }
    if (cp->refresher) {
        refresher_stop(cp->refresher);
    }
    if (cp->events) {
        events_stop(cp->events);
    }
    if (cp->streams) {
        streams_stop(cp->streams);
    }
    if (cp->hooks) {
        hooks_stop(cp->hooks);
    }
    if (cp->accept) {
        accept_drain(cp->accept);
        accept_stop(cp->accept);
    }
    if (cp->index) {
        hook_index_stop(cp->index);
    }
    if (cp->lane) {
        lane_stop(cp->lane);
    }
    if (cp->results) {
        results_stop(cp->results);
    }
    if (cp->server) {
        server_stop(cp->server);
    }
    if (cp->tail) {
        tail_stop(cp->tail);
    }
    if (cp->sweeper) {
        sweeper_stop(cp->sweeper);
    }
    if (cp->responder) {
        responder_stop(cp->responder);
    }
    if (cp->checkpoints) {
        checkpoints_stop(cp->checkpoints);
    }
    if (cp->values) {
        values_stop(cp->values);
    }
    if (cp->recorder) {
        recorder_stop(cp->recorder);
    }
    if (cp->gate) {
        gate_stop(cp->gate);
    }
    if (cp->progress) {
        progress_stop(cp->progress);
    }
    if (cp->feed) {
        feed_stop(cp->feed);
    }
    if (cp->dispatcher) {
        dispatcher_stop(cp->dispatcher);
    }
}

struct controlplane *controlplane_free(struct controlplane *cp)
{
    if (cp) {
        metrics_clear_gauges();
        scheduler_free(cp->scheduler);
        alerts_free(cp->alerts);
        refresher_free(cp->refresher);
        events_free(cp->events);
        streams_free(cp->streams);
        sweeper_free(cp->sweeper);
        responder_free(cp->responder);
        checkpoints_free(cp->checkpoints);
        values_free(cp->values);
        recorder_free(cp->recorder);
        progress_free(cp->progress);
        feed_free(cp->feed);
        server_free(cp->server);
        tail_free(cp->tail);
        results_free(cp->results);
        hooks_free(cp->hooks);
        hook_index_free(cp->index);
        accept_free(cp->accept);
        lane_free(cp->lane);
        api_free(cp->api);
        media_urls_free(cp->media);
        consent_free(cp->consent);
        result_urls_free(cp->urls);
        gate_free(cp->gate);
        dispatcher_free(cp->dispatcher);
        bus_free(cp->bus);
        catalog_free(cp->catalog);
        secret_key_done(&cp->master_key);
        secret_key_done(&cp->bus_key);
        mem_free(cp->public_url);
        mem_free(cp);
    }
    return NULL;
}
