/* Owns the actions of the Redis component: which command each is, and what its reply means. Called
 * on the slot's thread; a step is one connection, closed at its end. Commands that never end their
 * replies are refused. */
#include <hiredis.h>
#include <math.h>

#include "clock.h"
#include "components/connection_fields.h"
#include "components/redis/redis_reply.h"
#include "components/registry.h"
#include "expr/value.h"
#include "net/net_stream.h"

#define PORT          6379
#define MAX_ARGUMENTS 10000
#define MAX_COMMAND   MIB(64)
#define READ_BYTES    KIB(16)
#define MAX_TTL       INT64_C(3153600000) /* seconds: a hundred years */

#define CONNECTION_INPUT                                                                           \
    {                                                                                              \
        .key = "redisConnection", .label = "Connection", .type = CATALOG_CONNECTION,               \
        .required = true,                                                                          \
        .comments =                                                                                \
            "The server: host, port, username, password, db; useTls with ca, cert and key "        \
            "as PEM where they are needed. ignoreSslErrors accepts certificates that do not "      \
            "verify.",                                                                             \
    }
#define KEY_INPUT                                                                                  \
    {                                                                                              \
        .key = "key", .label = "Key", .type = CATALOG_STRING, .required = true,                    \
        .comments = "The key.", .example = "customer:17",                                          \
    }
#define FIELD_INPUT                                                                                \
    {                                                                                              \
        .key = "field", .label = "Field", .type = CATALOG_STRING, .required = true,                \
        .comments = "The field of the hash.", .example = "name",                                   \
    }
#define VALUE_INPUT(name, text, words)                                                             \
    {                                                                                              \
        .key = (name), .label = (text), .type = CATALOG_STRING, .required = true,                  \
        .comments = (words), .example = "Jane",                                                    \
    }

static const char *const ends[] = {"left", "right", NULL};

static const struct action_input no_inputs[] = {CONNECTION_INPUT, {0}};
static const struct action_input key_inputs[] = {CONNECTION_INPUT, KEY_INPUT, {0}};
static const struct action_input set_inputs[] = {
    CONNECTION_INPUT,
    KEY_INPUT,
    VALUE_INPUT("value", "Value", "What to keep; objects and lists are kept as JSON."),
    {
        .key = "ttl",
        .label = "Time To Live",
        .type = CATALOG_NUMBER,
        .comments = "Seconds after which the key is gone; empty = never.",
        .example = "3600",
    },
    {0},
};
static const struct action_input increment_inputs[] = {
    CONNECTION_INPUT,
    KEY_INPUT,
    {
        .key = "amount",
        .label = "Amount",
        .type = CATALOG_NUMBER,
        .fallback = "1",
        .comments = "The whole number to add; may be negative.",
    },
    {0},
};
static const struct action_input hash_get_inputs[] = {
    CONNECTION_INPUT, KEY_INPUT, FIELD_INPUT, {0}};
static const struct action_input hash_set_inputs[] = {
    CONNECTION_INPUT, KEY_INPUT, FIELD_INPUT, VALUE_INPUT("value", "Value", "What to keep."), {0},
};
#define END_INPUT                                                                                  \
    {                                                                                              \
        .key = "end", .label = "End", .type = CATALOG_STRING, .fallback = "right",                 \
        .choices = ends, .comments = "The end of the list: left or right.",                        \
    }
static const struct action_input push_inputs[] = {
    CONNECTION_INPUT, KEY_INPUT, VALUE_INPUT("value", "Value", "The item to add."), END_INPUT, {0}};
static const struct action_input pop_inputs[] = {CONNECTION_INPUT, KEY_INPUT, END_INPUT, {0}};
static const struct action_input keys_inputs[] = {
    CONNECTION_INPUT,
    {
        .key = "searchPattern",
        .label = "Search Pattern",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "* stands for any run of characters, ? for one, [ab] for one of them.",
        .example = "customer:*",
    },
    {0},
};
static const struct action_input publish_inputs[] = {
    CONNECTION_INPUT,
    VALUE_INPUT("channel", "Channel", "The channel."),
    VALUE_INPUT("message", "Message", "What to say; objects and lists are sent as JSON."),
    {0},
};
static const struct action_input raw_inputs[] = {
    CONNECTION_INPUT,
    {
        .key = "command",
        .label = "Command",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The command, one word.",
        .example = "ZADD",
    },
    {
        .key = "arguments",
        .label = "Arguments",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .comments = "Its arguments, one an item.",
    },
    {0},
};

/* --- the exchange --------------------------------------------------------------------------------
 */

struct target {
    struct net_server server;
    struct str db;
};

static int read_target(struct action_context *ctx, struct target *ret, struct err *err)
{
    struct connection_fields c;
    bool tls = false;
    int64_t db = 0;
    int rc = connection_fields_read(ctx, "redisConnection", &c, err);
    if (rc == 0) {
        rc = connection_server(&c, "redis", PORT, &ret->server, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "useTls", false, &tls, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "ignoreSslErrors", false, &ret->server.ignore_tls_errors,
                                   err);
    }
    if (rc == 0) {
        rc = connection_field_int(&c, "db", 0, 1000000, 0, &db, err);
    }
    if (rc == 0) {
        ret->server.tls = tls ? NET_TLS : NET_PLAIN;
        ret->server.ca = connection_field(&c, "ca");
        ret->server.cert = connection_field(&c, "cert");
        ret->server.cert_key = connection_field(&c, "key");
        ret->db = db ? str_of(arena_printf(action_arena(ctx), "%lld", (long long)db)) : STR("");
    }
    return rc;
}

struct exchange {
    struct action_context *ctx;
    const struct target *target;
    struct net_stream *stream;
    struct redis_reply *reply;
};

static int redis_error(const struct exchange *x, struct err *err, int rc, const char *code,
                       struct str words)
{
    size_t n = MIN(words.len, (size_t)300);
    while (n > 0 && !str_utf8_valid(str_n(words.ptr, n))) {
        n--;
    }
    rc = err_set(err, rc, code, "%.*s answered: %.*s", (int)MIN(x->target->server.host.len, 100),
                 x->target->server.host.ptr, (int)n, words.ptr);
    net_redact(err, x->target->server.password);
    return rc;
}

static int take_reply(struct exchange *x, struct json *ret, struct err *err)
{
    char bytes[READ_BYTES];
    ssize_t n = 0;
    for (;;) {
        switch (redis_reply_take(x->reply, bytes, (size_t)n, ret)) {
        case REDIS_TAKE_VALUE:
            return 0;
        case REDIS_TAKE_ERROR: {
            struct str words = json_as_str(*ret);
            int rc = redis_error(x, err, -EBADE, "redis.answer", words);
            if (err) {
                err->retryable = str_starts(words, STR("LOADING")) ||
                                 str_starts(words, STR("BUSY ")) ||
                                 str_starts(words, STR("TRYAGAIN"));
            }
            return rc;
        }
        case REDIS_TAKE_TOO_LARGE:
            return redis_error(x, err, -EMSGSIZE, "redis.too_large",
                               STR("more than the memory of one execution holds."));
        case REDIS_TAKE_BROKEN:
            return redis_error(x, err, -EPROTO, "redis.failed",
                               STR("something that is not the Redis protocol. Check the port, and "
                                   "whether it wants TLS."));
        case REDIS_TAKE_MORE:
            break;
        }
        n = net_stream_receive(x->stream, bytes, sizeof(bytes), err);
        if (n == 0) {
            int rc = redis_error(x, err, -EIO, "redis.failed", STR("nothing, and closed."));
            if (err) {
                err->retryable = true;
            }
            return rc;
        }
        if (n < 0) {
            return (int)n;
        }
    }
}

static int ask(struct exchange *x, const struct str *words, size_t n, struct json *ret,
               struct err *err)
{
    AUTO(mem_free) const char **texts = mem_array(n, sizeof(*texts));
    AUTO(mem_free) size_t *lengths = mem_array(n, sizeof(*lengths));
    for (size_t i = 0; i < n; i++) {
        texts[i] = words[i].ptr;
        lengths[i] = words[i].len;
    }
    char *command = NULL;
    int len = redisFormatCommandArgv(&command, (int)n, texts, lengths);
    ASSERT(len > 0);
    int rc = net_stream_send(x->stream, str_n(command, (size_t)len), err);
    redisFreeCommand(command);
    return rc < 0 ? rc : take_reply(x, ret, err);
}

static int log_in(struct exchange *x, struct err *err)
{
    const struct net_server *server = &x->target->server;
    struct json ignored;
    int rc = 0;
    if (server->password.len) {
        struct str words[3] = {STR("AUTH"), server->username, server->password};
        if (server->username.len == 0) {
            words[1] = server->password;
        }
        rc = ask(x, words, server->username.len ? 3 : 2, &ignored, err);
    }
    if (rc == 0 && x->target->db.len) {
        const struct str words[] = {STR("SELECT"), x->target->db};
        rc = ask(x, words, ARRAY_LEN(words), &ignored, err);
    }
    return rc;
}

static int too_large(struct action_context *ctx, const char *input, struct err *err)
{
    return action_input_error(ctx, input, err,
                              "makes a command of more than 64 MB. Send smaller parts.");
}

static int run(struct action_context *ctx, const struct str *words, size_t n, struct json *ret,
               struct err *err)
{
    struct target target;
    int rc = read_target(ctx, &target, err);
    if (rc < 0) {
        return rc;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += words[i].len;
    }
    if (bytes > MAX_COMMAND) {
        return too_large(ctx, "redisConnection", err);
    }
    AUTO(redis_reply_free)
    struct redis_reply *reply =
        redis_reply_new(action_arena(ctx), arena_room(action_arena(ctx)) / 2);
    struct exchange x = {.ctx = ctx, .target = &target, .reply = reply};
    action_block_begin(ctx);
    rc = net_stream_open(&target.server, &x.stream, err);
    if (rc == 0) {
        rc = log_in(&x, err);
    }
    if (rc == 0) {
        rc = ask(&x, words, n, ret, err);
    }
    net_stream_free(x.stream);
    action_block_end(ctx);
    return rc;
}

/* --- the actions ---------------------------------------------------------------------------------
 */

/* A command whose arguments are inputs, in order. */
static int run_inputs(struct action_context *ctx, const char *verb, const char *const *keys,
                      struct action_result *ret, struct err *err)
{
    struct str words[8] = {str_of(verb)};
    size_t n = 1;
    for (; keys[n - 1]; n++) {
        ASSERT(n < ARRAY_LEN(words));
        int rc = action_input_text(ctx, keys[n - 1], &words[n], err);
        if (rc < 0) {
            return rc;
        }
    }
    return run(ctx, words, n, &ret->data, err);
}
#define RUN(verb, ...) run_inputs(ctx, verb, (const char *const[]){__VA_ARGS__, NULL}, ret, err)

#define ACTION(name)                                                                               \
    static int name(struct action_context *ctx, struct action_result *ret, struct err *err)

ACTION(delete_key)
{
    return RUN("DEL", "key");
}

ACTION(flush_all)
{
    return RUN("FLUSHALL", NULL);
}

ACTION(get)
{
    return RUN("GET", "key");
}

ACTION(hash_get)
{
    return RUN("HGET", "key", "field");
}

ACTION(hash_set)
{
    return RUN("HSET", "key", "field", "value");
}

ACTION(keys)
{
    return RUN("KEYS", "searchPattern");
}

ACTION(ping)
{
    return RUN("PING", NULL);
}

ACTION(publish)
{
    return RUN("PUBLISH", "channel", "message");
}

/* [name, value, name, value] -> {name: value}. */
ACTION(hash_get_all)
{
    int rc = RUN("HGETALL", "key");
    if (rc < 0 || ret->data.type != JSON_ARRAY) {
        return rc;
    }
    rc = action_room(ctx, (size_t)ret->data.len * 100 + 64, err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i + 1 < ret->data.len; i += 2) {
        json_set(&b, value_to_text(action_arena(ctx), ret->data.items[i]), ret->data.items[i + 1]);
    }
    ret->data = json_built(&b);
    return 0;
}

/* [seconds, microseconds] -> ISO 8601. */
ACTION(get_time)
{
    int rc = RUN("TIME", NULL);
    int64_t seconds, micros;
    if (rc < 0) {
        return rc;
    }
    if (!str_to_i64(json_as_str(json_at(ret->data, 0)), &seconds) ||
        !str_to_i64(json_as_str(json_at(ret->data, 1)), &micros) || seconds < 0 ||
        seconds >= INT64_MAX / NS_PER_SEC || micros < 0 || micros > 999999) {
        return err_set(err, -EPROTO, "redis.failed", "The server's time is none.");
    }
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(seconds * NS_PER_SEC + micros * 1000, iso);
    ret->data = json_cstr(arena_strdup(action_arena(ctx), iso));
    return 0;
}

static int read_ttl(struct action_context *ctx, const char **ret, struct err *err)
{
    double n;
    int64_t seconds = 0;
    int rc = action_input_number(ctx, "ttl", &n, err);
    *ret = NULL;
    if (rc < 0 || isnan(n)) {
        return rc;
    }
    rc = action_input_int(ctx, "ttl", 1, MAX_TTL, &seconds, err);
    *ret = arena_printf(action_arena(ctx), "%lld", (long long)seconds);
    return rc;
}

ACTION(set)
{
    const char *ttl = NULL;
    struct str words[5] = {STR("SET")};
    int rc = action_input_text(ctx, "key", &words[1], err);
    if (rc == 0) {
        rc = action_input_text(ctx, "value", &words[2], err);
    }
    if (rc == 0) {
        rc = read_ttl(ctx, &ttl, err);
    }
    if (rc < 0) {
        return rc;
    }
    words[3] = STR("EX");
    words[4] = str_of(ttl);
    return run(ctx, words, ttl ? 5 : 3, &ret->data, err);
}

ACTION(increment)
{
    int64_t amount;
    struct str words[3] = {STR("INCRBY")};
    int rc = action_input_text(ctx, "key", &words[1], err);
    if (rc == 0) {
        rc = action_input_int(ctx, "amount", -1000000000000, 1000000000000, &amount, err);
    }
    if (rc < 0) {
        return rc;
    }
    words[2] = str_of(arena_printf(action_arena(ctx), "%lld", (long long)amount));
    return run(ctx, words, ARRAY_LEN(words), &ret->data, err);
}

static int read_end(struct action_context *ctx, bool *ret_left, struct err *err)
{
    struct str end;
    int rc = action_input_text(ctx, "end", &end, err);
    if (rc < 0) {
        return rc;
    }
    *ret_left = str_eq_ci(str_trim(end), STR("left"));
    return *ret_left || str_eq_ci(str_trim(end), STR("right"))
               ? 0
               : action_input_error(ctx, "end", err, "must be left or right.");
}

ACTION(list_push)
{
    bool left;
    int rc = read_end(ctx, &left, err);
    return rc < 0 ? rc : RUN(left ? "LPUSH" : "RPUSH", "key", "value");
}

ACTION(list_pop)
{
    bool left;
    int rc = read_end(ctx, &left, err);
    return rc < 0 ? rc : RUN(left ? "LPOP" : "RPOP", "key");
}

/* Their replies do not end, or change what the connection is. */
static bool is_endless(struct str verb)
{
    static const char *const names[] = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR",
                                        "SYNC",      "PSYNC",      "QUIT",       "HELLO",
                                        "CLIENT",    "RESET"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_ci(verb, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

ACTION(raw_command)
{
    struct str verb;
    struct json arguments;
    int rc = action_input_text(ctx, "command", &verb, err);
    if (rc == 0) {
        rc = action_input_list(ctx, "arguments", &arguments, err);
    }
    if (rc < 0) {
        return rc;
    }
    verb = str_trim(verb);
    if (verb.len == 0 || verb.len > 64 || memchr(verb.ptr, ' ', verb.len)) {
        return action_input_error(ctx, "command", err,
                                  "must be one word; its arguments go into Arguments.");
    }
    if (is_endless(verb)) {
        return action_input_error(ctx, "command", err, "cannot be used in a step: %.*s.",
                                  (int)verb.len, verb.ptr);
    }
    if (arguments.len > MAX_ARGUMENTS) {
        return action_input_error(ctx, "arguments", err, "has more than %d items.", MAX_ARGUMENTS);
    }
    struct str *words = arena_array(action_arena(ctx), (size_t)arguments.len + 1, sizeof(*words));
    words[0] = verb;
    size_t bytes = 0;
    for (uint32_t i = 0; i < arguments.len; i++) {
        struct json v = arguments.items[i];
        words[i + 1] = v.type == JSON_BINARY ? json_as_str(v) : value_to_text(action_arena(ctx), v);
        bytes += words[i + 1].len;
        if (bytes > MAX_COMMAND) {
            return too_large(ctx, "arguments", err);
        }
    }
    return run(ctx, words, (size_t)arguments.len + 1, &ret->data, err);
}

#define ROW(name, text, words, flag, list, sample, fn)                                             \
    {                                                                                              \
        .key = (name), .label = (text), .description = (words), .flags = (flag), .inputs = (list), \
        .example = (sample), .perform = (fn),                                                      \
    }

static const struct action actions[] = {
    ROW("deleteKey", "Delete Key", "Removes a key; the result is how many were removed.",
        ACTION_WRITES, key_inputs, "1", delete_key),
    ROW("flushAll", "Flush All", "Removes every key of every database of the server.",
        ACTION_WRITES, no_inputs, "\"OK\"", flush_all),
    ROW("get", "Get", "Reads the value of a key; null when there is none.", ACTION_READS,
        key_inputs, "\"Jane\"", get),
    ROW("getTime", "Get Time", "Reads the server's clock.", ACTION_READS, no_inputs,
        "\"2026-01-02T03:04:05.678Z\"", get_time),
    ROW("hashGet", "Hash Get", "Reads a field of a hash; null when there is none.", ACTION_READS,
        hash_get_inputs, "\"Jane\"", hash_get),
    ROW("hashGetAll", "Hash Get All", "Reads all fields of a hash.", ACTION_READS, key_inputs,
        "{\"name\": \"Jane\", \"city\": \"Oslo\"}", hash_get_all),
    ROW("hashSet", "Hash Set", "Sets a field of a hash; the result is how many are new.",
        ACTION_WRITES, hash_set_inputs, "1", hash_set),
    ROW("increment", "Increment", "Adds to a number; the result is the sum.", ACTION_WRITES,
        increment_inputs, "18", increment),
    ROW("keys", "Keys", "Lists the keys that fit a pattern. Slow on a server with many keys.",
        ACTION_READS, keys_inputs, "[\"customer:17\", \"customer:18\"]", keys),
    ROW("listPop", "List Pop", "Takes an item off a list; null when it is empty.", ACTION_WRITES,
        pop_inputs, "\"Jane\"", list_pop),
    ROW("listPush", "List Push", "Adds an item to a list; the result is the list's length.",
        ACTION_WRITES, push_inputs, "3", list_push),
    ROW("ping", "Ping", "Asks whether the server is there.", ACTION_READS, no_inputs, "\"PONG\"",
        ping),
    ROW("publish", "Publish", "Says something on a channel; the result is how many hear it.",
        ACTION_WRITES, publish_inputs, "2", publish),
    ROW("rawCommand", "Raw Command", "Runs any command.", ACTION_READS | ACTION_WRITES, raw_inputs,
        "\"OK\"", raw_command),
    ROW("set", "Set", "Sets the value of a key.", ACTION_WRITES, set_inputs, "\"OK\"", set),
    {0},
};

const struct component component_redis = {
    .key = "redis",
    .label = "Redis",
    .description = "Read and write keys, hashes and lists of a Redis server.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
