/* What every user of libcurl in this folder shares: its start, the check of each address, and words
 * for what went wrong. Included inside net only. */
#pragma once

#include <curl/curl.h>

#include "err.h"
#include "net/address_policy.h"

/* Starts libcurl once for the process; cheap afterwards, from any thread. */
void net_curl_start(void);

#define NET_GATE_SOCKETS 8
#define NET_GATE_NOTES   8

/* The state of the check during one transfer; must outlive the handle it is set for. */
struct net_gate {
    const struct address_policy *policy;
    const char *refusal; /* why an address was refused; NULL = none was */
    /* Only look: addresses are noted and none is connected to. */
    bool only_note;
    struct sockaddr_storage notes[NET_GATE_NOTES];
    size_t n_notes;
    /* Sockets that are open, so that a farewell cannot wait. */
    curl_socket_t open[NET_GATE_SOCKETS];
};
/* Makes every socket of the handle pass the gate, and keeps proxies of the environment, signals and
 * name servers that hang out of it. */
void net_gate_set(struct net_gate *g, CURL *curl);
/* Before the handle is freed: what a protocol says when it leaves is sent, but not waited for. */
void net_gate_leave(struct net_gate *g);

/* Explains a failure: "<protocol>.refused" (-EACCES), ".timeout" (-ETIMEDOUT), ".tls" (-EPROTO),
 * ".connect", ".login" (-EACCES) or ".failed" (-EIO). detail: curl's error buffer; may be "". */
int net_failure(const char *protocol, struct str host, CURLcode code, const struct net_gate *g,
                const char *detail, struct err *err);
