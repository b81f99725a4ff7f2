/* Rows of calls: an action, its inputs ("$" is the server's address, "@" its connection), the reply
 * it gets, parts of the request it makes, and its result or refusal. */
#pragma once

#include "aws_server_fixture.h"
#include "component_fixture.h"

static struct aws_server server;
static struct address_policy loopback;

#define OK_XML "HTTP/1.1 200 OK\r\nx-amz-request-id: R1\r\n\r\n"
#define META   "\"$metadata\":{\"httpStatusCode\":200,\"requestId\":\"R1\"}"

struct aws_case {
    const char *name, *inputs, *reply;
    const char *parts[6];
    const char *result, *refusal; /* one of the two */
};

static unused const char *aws_inputs(struct action_context *ctx, const char *name,
                                     const char *inputs)
{
    struct buf b;
    buf_init(&b, 0);
    for (const char *c = inputs; *c; c++) {
        if (*c == '$') {
            buf_adds(&b, server.url);
        } else if (*c == '@') {
            const struct action *a = NULL;
            char key[64];
            const char *dot = strchr(name, '.');
            (void)snprintf(key, sizeof(key), "%.*s", (int)(dot - name), name);
            a = component_action(component_find(key), dot + 1);
            bool sns = false;
            for (const struct action_input *in = a->inputs; in->key; in++) {
                sns = sns || strcmp(in->key, "awsConnection") == 0;
            }
            buf_addf(&b,
                     "\"%s\": {\"fields\": {\"accessKeyId\": \"AKID\", \"secretAccessKey\": "
                     "\"hidden-secret\", \"customEndpoint\": \"%s\"}}",
                     sns ? "awsConnection" : "accessKey", server.url);
        } else {
            buf_addc(&b, *c);
        }
    }
    const char *text = arena_strdup(ctx->arena, b.data);
    buf_done(&b);
    return text;
}

static unused void aws_start(struct action_context *ctx)
{
    fixture_init(ctx);
    ctx->http = http_client_new(&(struct http_client_options){.policy = &loopback});
}

static unused void aws_check(const struct aws_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct aws_case *c = &cases[i];
        struct action_context ctx;
        aws_start(&ctx);
        aws_server_prepare(&server, c->reply, NULL, NULL);
        int rc = fixture_run(&ctx, c->name, aws_inputs(&ctx, c->name, c->inputs));
        struct str request = atomic_load(&server.served) ? buf_str(&server.requests[0]) : STR("");
        for (size_t k = 0; k < ARRAY_LEN(c->parts) && c->parts[k]; k++) {
            if (str_find(request, str_of(c->parts[k]), 0) < 0) {
                fail_msg("%s %s: no \"%s\" in \"%.*s\"", c->name, c->inputs, c->parts[k],
                         (int)request.len, request.ptr);
            }
        }
        if (str_find(request, STR("hidden-secret"), 0) >= 0 ||
            strstr(ctx.err.message, "hidden-secret")) {
            fail_msg("%s tells the secret", c->name);
        }
        if (c->refusal) {
            if (rc >= 0 || !strstr(ctx.err.message, c->refusal) || !ctx.err.code[0]) {
                fail_msg("%s %s: rc %d, \"%s\" instead of \"%s\"", c->name, c->inputs, rc,
                         ctx.err.message, c->refusal);
            }
        } else if (rc != 0 || strcmp(fixture_result(&ctx), c->result) != 0) {
            fail_msg("%s %s: rc %d (%s), %s instead of %s", c->name, c->inputs, rc, ctx.err.message,
                     fixture_result(&ctx), c->result);
        }
        fixture_done(&ctx);
    }
}

static unused int aws_setup(void **state)
{
    ASSERT(address_policy_parse(STR("127.0.0.1"), &loopback, NULL) == 0);
    aws_server_start(&server);
    return 0;
}

static unused int aws_teardown(void **state)
{
    aws_server_stop(&server);
    return 0;
}
