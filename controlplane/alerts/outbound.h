/* A POST to where an organization wants to be told: its sealed headers, its address, what the
 * answer means. Called by senders on their own threads. */
#pragma once

#include "db.h"
#include "net/http_client.h"
#include "secret.h"

#define OUTBOUND_RESPONSE_MAX KIB(64)

struct outbound {
    struct http_client *http;
    struct db *db; /* for the organization's key */
    const struct secret_key *master_key;
    struct uuid organization, row; /* row: whose headers they are */
    const char *column;            /* of the sealed headers: "table.column" */
    struct str sealed_headers;     /* a JSON object of names and texts; ptr NULL = none */
    struct str url, body;
    bool is_json; /* the Content-Type when the headers have none */
    int64_t deadline_ns;
};
/* 0: answered with 2xx. Otherwise err says in words without secrets what was wrong; it is retryable
 * unless a second try cannot end otherwise. Never what the other side wrote. */
int outbound_post(const struct outbound *o, struct arena *a, struct err *err) must_check;
