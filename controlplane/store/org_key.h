/* The data key of an organization: random, sealed by the master key in organization.data_key. */
#pragma once

#include "db.h"
#include "json.h"
#include "secret.h"

/* A new data key, sealed, for a new organization's row. */
void org_key_make(const struct secret_key *master, const struct uuid *organization,
                  struct buf *ret_sealed);
/* Reads and opens it (works under row-level security too). The caller wipes it: secret_key_done. */
int org_key_get(struct db *db, const struct secret_key *master, const struct uuid *organization,
                struct secret_key *ret_key, struct err *err) must_check;
/* Opens a sealed column of a row of the organization into the arena. Retryable when it was the
 * store that failed. */
int org_key_open(struct db *db, const struct secret_key *master, const struct uuid *organization,
                 const char *table_column, const struct uuid *row, struct str sealed,
                 struct arena *a, struct str *ret_plain, struct err *err) must_check;
/* Associated data of a sealed column: "table.column:<uuid of the row>". */
struct str org_key_aad(struct arena *a, const char *table_column, const struct uuid *row);
/* A value as JSON text, sealed for this column of this row, in the arena; and back. What is opened
 * is the caller's to wipe where it must not stay in memory. -EMSGSIZE ("secret.too_large") when the
 * text is longer than 4 MB. */
int org_seal_json(struct arena *a, const struct secret_key *key, const char *table_column,
                  const struct uuid *row, struct json v, struct str *ret_sealed,
                  struct err *err) must_check;
int org_open_json(struct arena *a, const struct secret_key *key, const char *table_column,
                  const struct uuid *row, struct str sealed, struct json *ret,
                  struct err *err) must_check;
