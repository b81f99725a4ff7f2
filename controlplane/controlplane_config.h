/* Settings of leat-controlplane: the table that makes --help, the environment names and the docs.
 */
#pragma once

#include "config.h"
#include "net/net_server.h"
#include "secret.h"

enum {                      /* roles, for splitting a deployment; the default is all of them */
       ROLE_API = 1,        /* GraphQL at /api */
       ROLE_INGRESS = 2,    /* webhooks at /trigger */
       ROLE_RECORDER = 4,   /* results into PostgreSQL */
       ROLE_DISPATCHER = 8, /* takes lost runs over, answers workers' questions */
       ROLE_SCHEDULER = 16, /* fires schedules, judges and sends alerts */
};

struct controlplane_config {
    const char *postgres, *nats, *pool;
    const char *listen, *port_file, *public_url, *tls_cert, *tls_key;
    const char *roles, *master_key, *master_key_file, *bus_key, *bus_key_file;
    const char *log_level, *log_format;
    int64_t port, threads, lanes, max_connections, sync_limit_ms, trigger_limit_ms, retention_days,
        bulk_rate, audit_days;
    const char *allow_addresses, *smtp_host, *smtp_tls, *smtp_username, *smtp_password, *mail_from;
    int64_t smtp_port;
    bool migrate, forwarded, print_config;
};
extern const struct config_option controlplane_options[];

/* "api,ingress" -> bits; "" = all. -EINVAL names the word that is no role. */
int controlplane_roles(const char *text, unsigned *ret_roles, struct err *err) must_check;
/* "starttls", "tls" or "none". */
int controlplane_smtp_tls(const char *text, enum net_tls *ret, struct err *err) must_check;
/* A key given itself, or in a file. `what` names it in the words of an error: "master-key". */
int controlplane_key(const char *key, const char *file, const char *what,
                     struct secret_key *ret_key, struct err *err) must_check;
