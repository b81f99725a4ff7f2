/* Owns the table of options and how the two keys and the roles are read. */
#include "controlplane_config.h"

#include <fcntl.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096
#define AT(field)    offsetof(struct controlplane_config, field)

static const struct {
    struct str name;
    unsigned bit;
} role_table[] = {
    {STR("api"), ROLE_API},
    {STR("ingress"), ROLE_INGRESS},
    {STR("recorder"), ROLE_RECORDER},
    {STR("dispatcher"), ROLE_DISPATCHER},
    {STR("scheduler"), ROLE_SCHEDULER},
};

const struct config_option controlplane_options[] = {
    {.name = "postgres",
     .type = CONFIG_STR,
     .offset = AT(postgres),
     .help = "connection URL of the database, of its owner: postgresql://user@host/database"},
    {.name = "nats",
     .type = CONFIG_STR,
     .offset = AT(nats),
     .fallback = "nats://127.0.0.1:4222",
     .help = "address of the NATS server: nats://[user:password@]host:port[,...]"},
    {.name = "pool",
     .type = CONFIG_STR,
     .offset = AT(pool),
     .fallback = "default",
     .help = "pool of workers that events are sent to"},
    {.name = "roles",
     .type = CONFIG_STR,
     .offset = AT(roles),
     .fallback = "",
     .help = "what this process does, comma separated: api, ingress, recorder, dispatcher, "
             "scheduler; empty = all"},
    {.name = "listen",
     .type = CONFIG_STR,
     .offset = AT(listen),
     .fallback = "127.0.0.1",
     .help = "numeric address to listen on"},
    {.name = "port",
     .type = CONFIG_INT,
     .offset = AT(port),
     .fallback = "8080",
     .help = "port to listen on; 0 = one that is free, which is printed",
     .max = 65535},
    {.name = "port-file",
     .type = CONFIG_STR,
     .offset = AT(port_file),
     .help = "file that the port is written to once it listens"},
    {.name = "public-url",
     .type = CONFIG_STR,
     .offset = AT(public_url),
     .help = "base of webhook URLs as senders reach them; empty = http://LISTEN:PORT"},
    {.name = "tls-cert",
     .type = CONFIG_STR,
     .offset = AT(tls_cert),
     .help = "file of the TLS certificate chain (PEM); empty = cleartext"},
    {.name = "tls-key",
     .type = CONFIG_STR,
     .offset = AT(tls_key),
     .help = "file of the TLS key (PEM)"},
    {.name = "threads",
     .type = CONFIG_INT,
     .offset = AT(threads),
     .fallback = "1",
     .help = "event loops that take requests",
     .min = 1,
     .max = 64},
    {.name = "lanes",
     .type = CONFIG_INT,
     .offset = AT(lanes),
     .fallback = "4",
     .help = "threads, each with a connection, that answer the API",
     .min = 1,
     .max = 200},
    {.name = "forwarded",
     .type = CONFIG_BOOL,
     .offset = AT(forwarded),
     .help = "take a sender's address from the last entry of X-Forwarded-For: only behind a load "
             "balancer that writes it"},
    {.name = "max-connections",
     .type = CONFIG_INT,
     .offset = AT(max_connections),
     .fallback = "10000",
     .help = "open HTTP connections of one event loop",
     .min = 1,
     .max = 1000000},
    {.name = "sync-limit-ms",
     .type = CONFIG_INT,
     .offset = AT(sync_limit_ms),
     .fallback = "30000",
     .help = "time a synchronous call waits for its flow, in ms; then 504",
     .min = 100,
     .max = 600000},
    {.name = "trigger-limit-ms",
     .type = CONFIG_INT,
     .offset = AT(trigger_limit_ms),
     .fallback = "10000",
     .help = "time a call waits for a trigger that answers by itself, in ms; then 200",
     .min = 100,
     .max = 600000},
    {.name = "master-key",
     .type = CONFIG_STR,
     .offset = AT(master_key),
     .help = "key that seals the organizations' data keys, 64 hex digits or base64 of 32 bytes",
     .secret = true},
    {.name = "master-key-file",
     .type = CONFIG_STR,
     .offset = AT(master_key_file),
     .help = "file that holds the master key, used when the key is not given itself"},
    {.name = "bus-key",
     .type = CONFIG_STR,
     .offset = AT(bus_key),
     .help = "key shared with the workers, 64 hex digits or base64 of 32 bytes",
     .secret = true},
    {.name = "bus-key-file",
     .type = CONFIG_STR,
     .offset = AT(bus_key_file),
     .help = "file that holds the bus key, used when the key is not given itself"},
    {.name = "retention-days",
     .type = CONFIG_INT,
     .offset = AT(retention_days),
     .fallback = "30",
     .help = "executions, results and logs are kept this many days; 0 = for ever",
     .max = 36500},
    {.name = "bulk-rate",
     .type = CONFIG_INT,
     .offset = AT(bulk_rate),
     .fallback = "1000",
     .help = "runs a second of customers over their share (500/s) while others are about",
     .min = 1,
     .max = 1000000},
    {.name = "audit-days",
     .type = CONFIG_INT,
     .offset = AT(audit_days),
     .fallback = "0",
     .help = "entries of the audit log are kept this many days; 0 = for ever",
     .max = 36500},
    {.name = "allow-addresses",
     .type = CONFIG_STR,
     .offset = AT(allow_addresses),
     .fallback = "",
     .help =
         "address ranges that webhooks and requests for OAuth 2.0 tokens may reach besides public "
         "ones, comma separated"},
    {.name = "smtp-host",
     .type = CONFIG_STR,
     .offset = AT(smtp_host),
     .fallback = "",
     .help = "server that alerts are mailed through, by name or address; empty = no e-mail"},
    {.name = "smtp-port",
     .type = CONFIG_INT,
     .offset = AT(smtp_port),
     .fallback = "587",
     .help = "its port",
     .min = 1,
     .max = 65535},
    {.name = "smtp-tls",
     .type = CONFIG_STR,
     .offset = AT(smtp_tls),
     .fallback = "starttls",
     .help = "starttls, tls (from the first byte) or none"},
    {.name = "smtp-username",
     .type = CONFIG_STR,
     .offset = AT(smtp_username),
     .fallback = "",
     .help = "name to log in with; empty = without a login"},
    {.name = "smtp-password",
     .type = CONFIG_STR,
     .offset = AT(smtp_password),
     .fallback = "",
     .help = "password to log in with",
     .secret = true},
    {.name = "mail-from",
     .type = CONFIG_STR,
     .offset = AT(mail_from),
     .fallback = "leat@localhost",
     .help = "address that e-mail comes from"},
    {.name = "migrate",
     .type = CONFIG_BOOL,
     .offset = AT(migrate),
     .help = "bring the schema of the database up to date at start"},
    {.name = "log-level",
     .type = CONFIG_STR,
     .offset = AT(log_level),
     .fallback = "info",
     .help = "debug, info, warn or error"},
    {.name = "log-format",
     .type = CONFIG_STR,
     .offset = AT(log_format),
     .fallback = "logfmt",
     .help = "logfmt or json"},
    {.name = "print-config",
     .type = CONFIG_BOOL,
     .offset = AT(print_config),
     .help = "print these options as a page of documentation and end"},
    {0},
};

int controlplane_smtp_tls(const char *text, enum net_tls *ret, struct err *err)
{
    static const struct {
        const char *word;
        enum net_tls tls;
    } table[] = {{"starttls", NET_STARTTLS}, {"tls", NET_TLS}, {"none", NET_PLAIN}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(text, table[i].word) == 0) {
            *ret = table[i].tls;
            return 0;
        }
    }
    return err_set(err, -EINVAL, "config.smtp_tls", "smtp-tls is starttls, tls or none");
}

static unsigned role_of(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(role_table); i++) {
        if (str_eq(word, role_table[i].name)) {
            return role_table[i].bit;
        }
    }
    return 0;
}

int controlplane_roles(const char *text, unsigned *ret_roles, struct err *err)
{
    struct str rest = str_of(text);
    unsigned roles = 0;
    for (bool more = rest.len > 0; more;) {
        ptrdiff_t comma = str_find(rest, STR(","), 0);
        struct str word = str_trim(str_n(rest.ptr, comma < 0 ? rest.len : (size_t)comma));
        unsigned role = role_of(word);
        if (!role) {
            return err_set(err, -EINVAL, "config.roles", "\"%.*s\" is not a role",
                           (int)MIN(word.len, (size_t)40), word.ptr);
        }
        roles |= role;
        more = comma >= 0;
        size_t used = more ? (size_t)comma + 1 : rest.len;
        rest = str_n(rest.ptr + used, rest.len - used);
    }
    *ret_roles =
        roles ? roles : ROLE_API | ROLE_INGRESS | ROLE_RECORDER | ROLE_DISPATCHER | ROLE_SCHEDULER;
    return 0;
}

static int key_from_file(const char *file, const char *what, struct secret_key *ret_key,
                         struct err *err)
{
    char text[KEY_FILE_MAX];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    int r = n < 0 ? -errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (r != 0) {
        return err_set(err, r, "config.key", "%s-file %s cannot be read: %s", what, file,
                       strerror(-r));
    }
    r = secret_key_parse(str_n(text, (size_t)n), ret_key, err);
    secret_wipe(text, sizeof(text));
    return r;
}

int controlplane_key(const char *key, const char *file, const char *what,
                     struct secret_key *ret_key, struct err *err)
{
    int r;
    if (key && key[0]) {
        r = secret_key_parse(str_of(key), ret_key, err);
    } else if (file && file[0]) {
        r = key_from_file(file, what, ret_key, err);
    } else {
        return err_set(err, -EINVAL, "config.key",
                       "no %s: give it in the environment or by --%s-file", what, what);
    }
    if (r != 0) {
        err_prefix(err, "%s", what);
    }
    return r;
}
