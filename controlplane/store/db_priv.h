/* Shared by db.c and db_result.c only. */
#pragma once

#include <libpq-fe.h>

#include "db.h"

struct db_rows *db_rows_of(PGresult *own_result);
/* What a failed statement means: fills err, returns the code of db.h. */
int db_failure(const PGconn *conn, const PGresult *result, struct err *err);
