/* Sends what alert events gave rise to: webhooks by POST, e-mail by SMTP. At least once: a message
 * is claimed for a time, sent, and what came of it recorded; a sender that dies in between leaves
 * it to the next one. What fails is tried again, ever later, up to POST_ATTEMPTS times. */
#pragma once

#include "net/net_server.h"
#include "secret.h"

struct sender;
struct sender_options {   /* all borrowed for the sender's life */
    const char *conninfo; /* owner connection */
    const struct secret_key *master_key;
    const char *public_url;
    const struct address_policy *policy; /* of webhooks */
    const struct net_server *smtp;       /* host "" = no e-mail; deadline_ns is set here */
    const char *mail_from;               /* an address */
};
struct sender *sender_new(const struct sender_options *options);
struct sender *sender_free(struct sender *s);
DEFINE_CLEANUP(struct sender *, sender_free)
/* One message, if one is due. <0 or >0: the store failed. One thread at a time. */
int sender_once(struct sender *s, bool *ret_found, struct err *err) must_check;
