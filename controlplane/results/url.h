/* Signed URLs of results: <public url>/results/<token>. Whoever has one may fetch that result until
 * it expires; who may get one is decided where it is made. */
#pragma once

#include "secret.h"
#include "uuid.h"

#define RESULTS_PATH       "/results/"
#define RESULT_URL_SECONDS 600

enum result_form {
    RESULT_STEP,    /* a step's data as recorded: MessagePack of {data, contentType} */
    RESULT_VALUE,   /* a large value, the same */
    RESULT_RAW,     /* the raw bytes of a large value: a synchronous answer */
    RESULT_REQUEST, /* the request of an execution: JSON of {headers, body, contentType} */
    _RESULT_FORM_N
};
struct result_ref {
    enum result_form form;
    struct uuid organization_id, execution_id;
    struct uuid value_id; /* VALUE, RAW */
    uint32_t step;        /* STEP: its place in the order of execution */
    int64_t expires_s;    /* since the epoch */
};

struct result_urls; /* immutable: any thread */
struct result_urls *result_urls_new(const struct secret_key *master_key, const char *public_url);
struct result_urls *result_urls_free(struct result_urls *u); /* accepts NULL; returns NULL */
/* Appends the URL; expires_s is as given, or 0 = RESULT_URL_SECONDS from now. */
void result_url_write(const struct result_urls *u, const struct result_ref *ref, struct buf *to);
/* Reads the token of a path after RESULTS_PATH. False: it was not made with this key. Whether it
 * has expired is for the caller to see. */
bool result_url_read(const struct result_urls *u, struct str token, struct result_ref *ret);
