/* What is write-only in the API, sealed in the database. */
#pragma once

#include "api/api_priv.h"

/* The value as JSON text, sealed for this column of this row. It must be smaller than 4 MB. */
int call_seal(struct call *c, const char *column, const struct uuid *row, struct json v,
              struct db_param *ret, struct err *err) must_check;
int call_open(struct call *c, const char *column, const struct uuid *row, struct str sealed,
              struct str *ret_plain, struct err *err) must_check;
/* For resolvers whose raw value is [row, base64 of what is sealed or null]: ptr NULL = there is
 * nothing. False: the request has failed. */
bool call_open_raw(struct call *c, struct gql_sel *sel, const char *column, struct json raw,
                   struct str *ret_plain) must_check;
