/* Reusable connections: what scoped config variables and those of customers share. */
#pragma once

#include "api/connection.h"

#define SCOPED_COLUMN   "scoped_config_variable.sealed_inputs"
#define CUSTOMER_COLUMN "customer_config_variable.sealed_inputs"
#define TEMPLATE_COLUMN "connection_template.sealed_presets"

/* The inputs that the mutation gives over those that are stored: what it leaves out stays. Errors
 * on "inputs". UNDEFINED when it gives none. */
struct json reusable_inputs(struct call *c, struct json before);
/* Opens a list of inputs; undefined when there is none. */
int reusable_open(struct call *c, const char *column, const struct uuid *row, struct str sealed,
                  struct json *ret, struct err *err) must_check;
/* The connection that a field names by its id: keys of its component and its own. */
int reusable_connection(struct call *c, const char *field, struct str *ret_component,
                        struct str *ret_connection, struct err *err) must_check;
/* After a change of what instances stand on: with redeploy they are deployed again, else they need
 * it. id is the scoped config variable's or the customer's. */
int reusable_changed(struct call *c, const struct uuid *id, bool redeploy,
                     struct err *err) must_check;
/* An error on "id" when an instance stands on it. */
int reusable_unused(struct call *c, const struct uuid *id, struct err *err) must_check;
