/* A mail message as the bytes that are sent: RFC 5322 headers, MIME bodies (RFC 2045 to 2047,
 * 2231). Nothing that a header is made of can begin a new one. */
#pragma once

#include "err.h"
#include "str.h"

#define MAIL_MAX_ADDRESS 320
#define MAIL_MAX_MESSAGE MIB(50)

struct mail_address {
    struct str name; /* UTF-8; "" = none */
    struct str address;
};
/* Reads "a@b.example" or "Name <a@b.example>". false when it is neither, or holds control
 * characters, or its address has others than ASCII. */
bool mail_address_parse(struct str text, struct mail_address *ret);

struct mail_attachment {
    struct str name, type, data; /* type "" = application/octet-stream */
};
struct mail_message {
    struct mail_address from;
    const struct mail_address *to, *cc, *reply_to; /* bcc is of the envelope only */
    size_t n_to, n_cc, n_reply_to;
    struct str subject, text, html; /* html "" = none */
    const struct mail_attachment *attachments;
    size_t n_attachments;
    const char *id;  /* without < >; also what boundaries are made of */
    int64_t date_ns; /* since the epoch */
};
/* Appends the message; b->full when it is larger than b's bound. */
void mail_message_write(struct buf *b, const struct mail_message *m);
