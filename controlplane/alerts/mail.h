/* The text of an e-mail about an alert. Pure. */
#pragma once

#include "str.h"
#include "uuid.h"

struct mail {
    struct str from, to; /* addresses */
    struct str subject;  /* what is not printable ASCII becomes "?" */
    struct str text;     /* UTF-8 */
    struct uuid id;      /* the same for each attempt, so that receivers can tell */
    int64_t time_ns;
};
/* Appends the whole message with CR LF. */
void mail_write(const struct mail *m, struct buf *to);
/* Whether it can stand in a header and in a command: no blanks, brackets or control characters. */
bool mail_address_valid(struct str address);
