/* The answer to one request, as plain data: handlers fill it on whatever thread they run, the op
 * (http/op.h) sends it on the loop. Content-Length is always set from the body. */
#pragma once

#include "str.h"

#define REPLY_MAX_BODY    MIB(32)
#define REPLY_MAX_HEADERS 64

struct reply_header {
    char *name, *value; /* owned */
};
struct reply {
    int status;               /* 100..999; reply_init sets 200 */
    const char *content_type; /* NULL = none sent; static text or own_content_type */
    struct reply_header headers[REPLY_MAX_HEADERS];
    int n_headers;
    struct buf body;
    char *own_content_type;
};
void reply_init(struct reply *r); /* 200, application/json, empty body */
void reply_done(struct reply *r);
void reply_clear(struct reply *r); /* as after reply_init */

/* Copies. A content type with bytes that are not printable ASCII is refused. */
bool reply_content_type(struct reply *r, struct str content_type);
bool reply_content_type_fits(struct str content_type);
/* Copies name and value. Returns false, adding nothing, for a header that is not a valid token, has
 * control bytes in its value (no response splitting), is hop-by-hop or set by the server itself
 * (Content-Length, Transfer-Encoding, Connection, Content-Type, Date, Server), or is one too many.
 */
bool reply_header(struct reply *r, struct str name, struct str value);

/* status and {"error": "...", "code": "..."}; code NULL = left out. Replaces what was in the reply
 * but its headers. */
void reply_error(struct reply *r, int status, const char *code, const char *fmt, ...)
    printf_like(4, 5);
/* Words of a status, e.g. "Bad Request"; "" for an unknown one. */
const char *reply_reason(int status);
DEFINE_DONE(struct reply, reply_done)
