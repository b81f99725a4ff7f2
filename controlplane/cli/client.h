/* A client of the API: GraphQL over HTTP. What goes wrong comes as a sentence with the next step.
 */
#pragma once

#include "json.h"

struct client;
struct client_options {
    const char *url;        /* --url; "" = of the environment or the file */
    const char *token_file; /* --token-file; "" = of the environment or the file */
    const char *env_file;   /* --env-file; "" = the one of `leat dev` */
};
/* Where to and as whom: options, then LEAT_URL and LEAT_TOKEN, then PRISMATIC_URL and
 * PRISM_ACCESS_TOKEN, then the file that `leat dev` writes. Nothing is sent yet. Errors:
 * "client.url", "client.token". */
int client_new(const struct client_options *options, struct client **ret,
               struct err *err) must_check;
struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client *, client_free)
const char *client_url(const struct client *c);

/* One request; *ret is its data, in the arena. Errors: "client.unreachable", "client.token",
 * "client.forbidden", "client.unavailable", "client.refused" and what http_client_send says. */
int client_ask(struct client *c, struct arena *a, const char *query, struct json variables,
               struct json *ret, struct err *err) must_check;
/* A mutation whose text is `mutation($input: ...) { done: x(input: $input) { ... errors { field
 * messages } } }`; *ret is what is in `done`. With errors -EINVAL ("client.refused"). */
int client_change(struct client *c, struct arena *a, const char *mutation, struct json input,
                  struct json *ret, struct err *err) must_check;
/* Of the last client_change that was refused: [{field, messages}], in the arena it was given. */
struct json client_problems(const struct client *c);
