/* Rules of alert webhooks: where they may point, their headers, how a template becomes a body.
 * Pure. */
#pragma once

#include "err.h"
#include "json.h"

#define ALERT_URL_MAX      KIB(2)
#define ALERT_HEADERS_MAX  50
#define ALERT_HEADER_BYTES KIB(8) /* of a name and its value */
#define ALERT_TEMPLATE_MAX KIB(64)
#define ALERT_BODY_MAX     MIB(1)

/* Absolute, http or https, with a host, without blanks and control characters. */
bool alert_url_valid(struct str url);
/* Reads headers as the API takes them: the text of a JSON object of names and texts.
 * -EINVAL ("alert.headers") and words about what is wrong. */
int alert_headers_parse(struct arena *a, struct str text, struct json *ret_headers,
                        struct err *err) must_check;
/* Appends the template with each $WORD that facts has a text for in its place; the longest word
 * counts, words without a text become nothing, other dollars stay. In a template that is JSON the
 * texts are escaped as inside its strings. */
void alert_template_fill(struct arena *a, struct str template, struct json facts, struct buf *to);
