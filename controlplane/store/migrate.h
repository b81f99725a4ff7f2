/* Forward-only numbered migrations, embedded in the binary, applied under an advisory lock. */
#pragma once

#include "db.h"

/* Applies what is missing; *ret_applied = how many. -EPROTO ("migrate.newer") when the database is
 * from a newer Leat. */
int migrate_run(struct db *db, int *ret_applied, struct err *err) must_check;
int migrate_latest(void); /* number of the last migration in this binary */
