/* A real server as a child of a test: see peers.py, which also says what it prints. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "component_fixture.h"

#define PEER_PASSWORD "correct horse"

struct peer {
    pid_t pid;
    int in; /* closing it ends the server */
    char text[4096];
};

static struct address_policy peer_loopback;

static unused void peer_start(struct peer *p, const char *kind)
{
    int in[2], out[2];
    struct err err;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(address_policy_parse(STR("127.0.0.0/8, [::1]"), &peer_loopback, &err), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)close(in[1]);
        (void)close(out[0]);
        execl("/usr/bin/python3", "python3", TEST_SOURCE_ROOT "/tests/unit/worker/peers.py", kind,
              (char *)NULL);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    p->in = in[1];
    size_t n = 0;
    while (!strstr(p->text, "\nready\n")) {
        ssize_t got = read(out[0], p->text + n, sizeof(p->text) - 1 - n);
        if (got <= 0) {
            fail_msg("no %s server: %s", kind, p->text);
        }
        n += (size_t)got;
        p->text[n] = '\0';
    }
    (void)close(out[0]);
}

static unused void peer_stop(struct peer *p)
{
    int status = 0;
    (void)close(p->in);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_int_equal(status, 0);
}

/* The value of a line that the server printed. */
static unused const char *peer_value(struct peer *p, struct arena *a, const char *name)
{
    struct str text = str_of(p->text), key = str_of(arena_printf(a, "%s ", name));
    for (ptrdiff_t at = 0; (at = str_find(text, key, (size_t)at)) >= 0; at++) {
        if (at == 0 || text.ptr[at - 1] == '\n') {
            const char *from = text.ptr + at + key.len;
            return arena_strndup(a, from, strcspn(from, "\n"));
        }
    }
    fail_msg("the server has no %s", name);
    return "";
}

static unused void peer_context(struct action_context *ctx)
{
    fixture_init(ctx);
    ctx->http = http_client_new(&(struct http_client_options){.policy = &peer_loopback});
}

/* $name in the text stands for what the server printed; ' stands for ". */
static unused const char *peer_text(struct peer *p, struct action_context *ctx, const char *text)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    for (const char *c = text; *c; c++) {
        if (*c == '$' && c[1] >= 'a' && c[1] <= 'z') {
            size_t n = strspn(c + 1, "abcdefghijklmnopqrstuvwxyz");
            buf_adds(&b, peer_value(p, ctx->arena, arena_strndup(ctx->arena, c + 1, n)));
            c += n;
        } else {
            buf_addc(&b, *c == '\'' ? '"' : *c);
        }
    }
    return arena_strdup(ctx->arena, b.len ? b.data : "");
}

static unused int peer_run(struct peer *p, struct action_context *ctx, const char *name,
                           const char *inputs)
{
    return fixture_run(ctx, name, peer_text(p, ctx, inputs));
}

static unused void peer_expect_error(struct action_context *ctx, int rc, const char *code,
                                     const char *words)
{
    if (rc >= 0 || strcmp(ctx->err.code, code) != 0 || !strstr(ctx->err.message, words)) {
        fail_msg("%d %s: %s, instead of %s: %s", rc, ctx->err.code, ctx->err.message, code, words);
    }
    assert_null(strstr(ctx->err.message, PEER_PASSWORD));
}

static unused void peer_expect(struct action_context *ctx, int rc, const char *result)
{
    if (rc != 0 || strcmp(fixture_result(ctx), result) != 0) {
        fail_msg("%d %s, %s instead of %s", rc, ctx->err.message, fixture_result(ctx), result);
    }
}
