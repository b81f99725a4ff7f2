/* The private PostgreSQL and NATS of `leat dev`. */
#pragma once

#include "cli/child.h"
#include "cli/dev_data.h"

/* Makes the database cluster on first use, then describes the server as a child (not started).
 * *ret_url: connection URL of the database "leat", owned by the data's arena. */
int dev_postgres_prepare(struct dev_data *d, struct child *ret_child, const char **ret_url,
                         struct err *err) must_check;
/* Waits until the server answers and the database exists. */
int dev_postgres_ready(struct dev_data *d, const char *url, int64_t timeout_ms,
                       struct err *err) must_check;
int dev_nats_prepare(struct dev_data *d, struct child *ret_child, const char **ret_url,
                     struct err *err) must_check;
