/* What the mutations of alerting share: lists of ids in their input. For
 * controlplane/api/alert_*.c. */
#pragma once

#include "api/input.h"

#define ALERT_NAME_MAX 500
#define ALERT_IDS_MAX  100

struct alert_ids { /* a field of the input with ids of one type */
    const char *field, *type;
    enum query_id count; /* how many of some ids there are */
};
extern const struct alert_ids alert_users, alert_webhooks, alert_groups, alert_triggers;

/* The ids as a parameter, each once; NULL when the field is absent or null. One that does not exist
 * is an error on the field. */
int alert_ids(struct call *c, const struct alert_ids *what, struct db_param *ret,
              struct err *err) must_check;
