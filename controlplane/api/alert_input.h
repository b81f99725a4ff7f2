/* What the mutations of alerting and of event webhooks share: lists of ids in their input, where
 * messages go. */
#pragma once

#include "api/input.h"

#define ALERT_NAME_MAX 500
#define ALERT_IDS_MAX  100

struct alert_ids { /* a field of the input with ids of one type */
    const char *field, *type;
    enum query_id count; /* how many of some ids there are */
};
/* The error of a url that cannot be sent to. */
void call_check_webhook_url(struct call *c, struct str url);
/* The field "headers", sealed for a column of c->id; NULL when there are none. */
int call_seal_headers(struct call *c, const char *column, struct db_param *ret,
                      struct err *err) must_check;
/* A resolver's: the sealed headers of a column as JSON text, their values masked; null without. */
bool call_masked_headers(struct call *c, struct gql_sel *sel, const char *column, struct json raw,
                         struct json *ret);

extern const struct alert_ids alert_users, alert_webhooks, alert_groups, alert_triggers;

/* The ids as a parameter, each once; NULL when the field is absent or null. One that does not exist
 * is an error on the field. */
int alert_ids(struct call *c, const struct alert_ids *what, struct db_param *ret,
              struct err *err) must_check;
