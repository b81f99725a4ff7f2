/* Owns the connection to the API of one command: one thread, one request at a time. Answers are
 * bounded; redirects are refused, since the token would go elsewhere. The token is in no message.
 */
#include "cli/client.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/dev_data.h"
#include "clock.h"
#include "net/http_client.h"
#include "secret.h"

#define ANSWER_MAX   MIB(64)
#define FILE_MAX     KIB(64)
#define TOKEN_MAX    KIB(8)
#define REQUEST_MAX  MIB(16)
#define DEADLINE_NS  (60 * NS_PER_SEC)
#define URL_VARIABLE "PRISMATIC_URL"
#define TOKEN_WORD   "PRISM_ACCESS_TOKEN"

struct client {
    struct arena *arena;
    struct address_policy policy; /* everything: an operator says where to */
    struct http_client *http;
    const char *url, *token;
    struct json problems;
};

struct client *client_free(struct client *c)
{
    if (c) {
        c->http = http_client_free(c->http);
        arena_free(c->arena);
        mem_free(c);
    }
    return NULL;
}

const char *client_url(const struct client *c)
{
    return c->url;
}

struct json client_problems(const struct client *c)
{
    return c->problems;
}

/* A small file; NULL when it cannot be read. */
static char *read_small(struct arena *a, const char *path)
{
    char *text = arena_alloc(a, FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, FILE_MAX - 1) : -1;
    if (fd >= 0) {
        int code = errno;
        close(fd);
        errno = code;
    }
    if (n < 0) {
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* The value of NAME=VALUE in a text; NULL when it has none. */
static const char *file_value(struct arena *a, const char *text, const char *name)
{
    size_t len = strlen(name);
    while (text && *text) {
        const char *end = strchr(text, '\n');
        size_t n = end ? (size_t)(end - text) : strlen(text);
        if (n > len && strncmp(text, name, len) == 0 && text[len] == '=') {
            struct str value = str_trim(str_n(text + len + 1, n - len - 1));
            return value.len ? arena_strndup(a, value.ptr, value.len) : NULL;
        }
        text = end ? end + 1 : NULL;
    }
    return NULL;
}

static const char *variable(const char *first, const char *second)
{
    const char *value = getenv(first);
    value = value && *value ? value : getenv(second);
    return value && *value ? value : NULL;
}

static int find_url(struct client *c, const struct client_options *o, const char *file,
                    struct err *err)
{
    const char *url = *o->url ? o->url : variable("LEAT_URL", URL_VARIABLE);
    url = url ? url : file_value(c->arena, file, URL_VARIABLE);
    if (!url) {
        return err_set(err, -EINVAL, "client.url",
                       "where is the API? Set LEAT_URL or give --url, or start `leat dev`");
    }
    if (!str_starts(str_of(url), STR("https://")) && !str_starts(str_of(url), STR("http://"))) {
        return err_set(err, -EINVAL, "client.url",
                       "\"%.200s\" is no URL: it begins with https:// or http://", url);
    }
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    c->url = arena_strndup(c->arena, url, len);
    return 0;
}

static int find_token(struct client *c, const struct client_options *o, const char *file,
                      struct err *err)
{
    const char *token = NULL;
    if (*o->token_file) {
        token = read_small(c->arena, o->token_file);
        if (!token) {
            return err_set(err, -errno, "client.token", "cannot read the token file %s: %s",
                           o->token_file, strerror(errno));
        }
    }
    token = token ? token : variable("LEAT_TOKEN", TOKEN_WORD);
    token = token ? token : file_value(c->arena, file, TOKEN_WORD);
    struct str s = str_trim(str_of(token));
    if (s.len == 0 || s.len > TOKEN_MAX) {
        return err_set(err, -EINVAL, "client.token",
                       "who asks? Set LEAT_TOKEN or give --token-file; `leat token --postgres URL "
                       "--email ADDRESS` makes the first token");
    }
    c->token = arena_strndup(c->arena, s.ptr, s.len);
    return 0;
}

/* The token of `leat dev` is for its own address: the file counts only when nothing else does. */
static int read_env_file(struct client *c, const struct client_options *o, char **ret,
                         struct err *err)
{
    if (*o->env_file) {
        *ret = read_small(c->arena, o->env_file);
        return *ret ? 0
                    : err_set(err, -errno, "client.env", "cannot read %s: %s", o->env_file,
                              strerror(errno));
    }
    bool told = *o->url || *o->token_file || variable("LEAT_URL", URL_VARIABLE) ||
                variable("LEAT_TOKEN", TOKEN_WORD);
    const char *path = arena_printf(c->arena, "%s/env", dev_data_default(c->arena));
    *ret = told ? NULL : read_small(c->arena, path);
    return 0;
}

int client_new(const struct client_options *options, struct client **ret, struct err *err)
{
    AUTO(client_free) struct client *c = mem_new(struct client);
    char *file = NULL;
    c->arena = arena_new(KIB(8), MIB(1));
    int r = address_policy_parse(STR("0.0.0.0/0, ::/0"), &c->policy, err);
    r = r ? r : read_env_file(c, options, &file, err);
    r = r ? r : find_url(c, options, file, err);
    r = r ? r : find_token(c, options, file, err);
    if (r == 0) {
        struct http_client_options http = {.policy = &c->policy, .max_response_bytes = ANSWER_MAX};
        c->http = http_client_new(&http);
        *ret = TAKE(c);
    }
    return r;
}

static int explain_transport(struct client *c, int r, struct err *err)
{
    if (r == -EIO || r == -ETIMEDOUT || strcmp(err->code, "http.connect") == 0) {
        struct err why = *err;
        size_t len = strlen(why.message);
        why.message[len - (len > 0 && why.message[len - 1] == '.')] = '\0';
        return err_set(err, r, "client.unreachable",
                       "cannot reach %.200s: %.200s. Is the control plane running, and is the URL "
                       "right?",
                       c->url, why.message);
    }
    err_prefix(err, "%.200s", c->url);
    return r;
}

static int explain_status(struct client *c, int status, struct err *err)
{
    if (status == 401) {
        return err_set(err, -EACCES, "client.token",
                       "%.200s does not know the token (any more): set LEAT_TOKEN to one that is "
                       "neither expired nor revoked",
                       c->url);
    }
    if (status == 503 || status == 429) {
        return err_set(err, -EAGAIN, "client.unavailable",
                       "%.200s is busy or its database is away (%d): try again in a moment", c->url,
                       status);
    }
    if (status == 413) {
        return err_set(err, -EMSGSIZE, "client.too_large", "the request is larger than 16 MB");
    }
    return err_set(err, -EPROTO, "client.not_leat",
                   "%.200s/api answers %d and is not the API of Leat: check the URL", c->url,
                   status);
}

/* The request's own errors, not those of a mutation's input. */
static int explain_errors(struct json errors, struct err *err)
{
    struct json first = json_at(errors, 0);
    struct str message = json_as_str(json_get(first, STR("message")));
    struct str code = json_as_str(json_get(json_get(first, STR("extensions")), STR("code")));
    int len = (int)MIN(message.len, 400);
    if (str_eq(code, STR("FORBIDDEN"))) {
        return err_set(err, -EACCES, "client.forbidden",
                       "%.*s (the token's scope, or the role of its user, does not allow it)", len,
                       message.ptr);
    }
    if (str_eq(code, STR("UNAVAILABLE")) || str_eq(code, STR("TIMEOUT"))) {
        return err_set(err, -EAGAIN, "client.unavailable", "%.*s Try again in a moment.", len,
                       message.ptr);
    }
    return err_set(err, -EINVAL, "client.refused", "%.*s", len, message.ptr);
}

int client_ask(struct client *c, struct arena *a, const char *query, struct json variables,
               struct json *ret, struct err *err)
{
    AUTO(buf_done) struct buf body = {0};
    struct json_builder request;
    json_build_object(&request, a);
    json_append(&request, STR("query"), json_cstr(query));
    json_append(&request, STR("variables"), variables);
    buf_init(&body, REQUEST_MAX);
    json_dump(&body, json_built(&request));
    if (body.full) {
        return explain_status(c, 413, err);
    }
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Authorization"), str_of(arena_printf(a, "Bearer %s", c->token)), .secret = true},
    };
    struct http_request req = {
        .method = STR("POST"),
        .url = str_of(arena_printf(a, "%s/api", c->url)),
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = buf_str(&body),
        .has_body = true,
        .no_redirects = true,
        .deadline_ns = clock_mono_ns() + DEADLINE_NS,
    };
    struct http_response response;
    struct json answer;
    int r = http_client_send(c->http, a, &req, &response, err);
    if (r != 0) {
        return explain_transport(c, r, err);
    }
    if (json_parse(a, response.body, &answer, NULL) != 0 || answer.type != JSON_OBJECT) {
        return explain_status(c, response.status, err);
    }
    struct json errors = json_get(answer, STR("errors"));
    if (response.status == 401 || (errors.type != JSON_ARRAY && response.status != 200)) {
        return explain_status(c, response.status, err);
    }
    if (errors.type == JSON_ARRAY && errors.len > 0) {
        return explain_errors(errors, err);
    }
    *ret = json_get(answer, STR("data"));
    return 0;
}

int client_change(struct client *c, struct arena *a, const char *mutation, struct json input,
                  struct json *ret, struct err *err)
{
    struct json_member member = {STR("input"), input};
    struct json data;
    c->problems = json_undefined();
    int r = client_ask(c, a, mutation, json_object(&member, 1), &data, err);
    if (r != 0) {
        return r;
    }
    struct json done = json_get(data, STR("done")), errors = json_get(done, STR("errors"));
    if (errors.type == JSON_ARRAY && errors.len > 0) {
        struct json first = json_at(errors, 0);
        struct str message = json_as_str(json_at(json_get(first, STR("messages")), 0));
        c->problems = errors;
        return err_field(err, -EINVAL, "client.refused",
                         arena_strndup(a, json_as_str(json_get(first, STR("field"))).ptr,
                                       json_as_str(json_get(first, STR("field"))).len),
                         "%.*s", (int)MIN(message.len, 480), message.ptr);
    }
    *ret = done;
    return 0;
}
