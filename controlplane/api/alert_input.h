/* What the mutations of alerting share: lists of ids in their input, names, looking an object up.
 * For controlplane/api/alert_*.c. */
#pragma once

#include "api/api_priv.h"

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
/* The name for an update: NULL when it is not given; an error when it is empty. */
struct db_param alert_new_name(struct call *c);
/* Sets c->id from the field id and locks the row; an error on the field when there is none. */
int alert_find(struct call *c, const char *type, enum query_id lock, struct err *err) must_check;
