/* Readers of input fields that several entities share: each is bounded and tells by field what is
 * wrong with it. */
#pragma once

#include "api/api_priv.h"

/* A text of at most max bytes; DB_NULL when it is absent, null, or refused. */
struct db_param call_limited(struct call *c, const char *field, size_t max);
/* A name that may be left out but not be empty: as above. */
struct db_param call_name(struct call *c, const char *field, size_t max);
/* http(s)://... or a path of this server; "" takes it away. */
struct db_param call_url(struct call *c, const char *field);
/* The JSON text of an object of at most 64 KB; "" takes it away. */
struct db_param call_json_object(struct call *c, const char *field);

/* The object that a field names by its global id, and the row that the query has of it; an error on
 * the field when there is none. ret_row may be NULL. */
int call_find(struct call *c, const char *field, const char *type, enum query_id query,
              struct uuid *ret_id, struct db_rows **ret_row, struct err *err) must_check;
/* The customer that the field "customer" names, locked; an error when it does not exist. A foreign
 * key does not know of tenants: what it refers to is looked for first. */
int call_customer(struct call *c, struct uuid *ret, struct err *err) must_check;

/* The list of attachments [{name, url}] after what addAttachment, removeAttachment and
 * renameAttachment ask, as JSON text; DB_NULL when they ask nothing or were refused. */
struct db_param call_attachments(struct call *c, struct str before);
/* Puts or takes the viewer's star of c->id as "starred" says. */
int call_star(struct call *c, struct err *err) must_check;
