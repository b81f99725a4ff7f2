/* The outbound door for FTP and SMTP. One call is one connection: it is made, used and closed, so
 * no credentials stay behind. Blocking, bounded by the server's deadline. */
#pragma once

#include "net/net_server.h"
#include "spill.h"

struct net_transfer {
    /* FTP: what to do, in this order. Paths are sent as they are: "/a" is absolute. */
    const struct str *commands; /* "DELE /a"; a leading * = an error is no failure */
    size_t n_commands;
    enum { NET_ONLY_COMMANDS, NET_DOWNLOAD, NET_LIST, NET_UPLOAD } action;
    struct str path;
    struct str list_command; /* "MLSD" or "LIST" */
    /* SMTP: one message. Addresses without angle brackets. */
    struct str mail_from;
    const struct str *mail_to;
    size_t n_mail_to;
    struct str data;          /* what is uploaded or mailed */
    size_t max_bytes;         /* of what is downloaded or listed */
    struct spill_set *spills; /* for a large download; NULL = it stays in memory */
};
struct net_transferred {
    struct str body;  /* in the arena, or in t->spills */
    struct str reply; /* the server's last line, without line ends; in the arena */
    int status;       /* the server's last code, as 550; 0 = none came */
};
/* server->protocol is "ftp" or "smtp". 0, or <0 with err: as net_failure, ".too_large"
 * (-EMSGSIZE), or ".answer" (-EBADE, the server says no; its line is in the message and *ret is
 * filled), or as spill_end. No text that is sent may hold CR, LF or NUL where lines are sent: the
 * caller checks, and this does again (-EINVAL, ".input"). */
int net_transfer(const struct net_server *server, const struct net_transfer *t, struct arena *a,
                 struct net_transferred *ret, struct err *err) must_check;
