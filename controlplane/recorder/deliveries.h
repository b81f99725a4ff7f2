/* What the lines of a batch are to external log streams. */
#pragma once

#include "recorder/batch.h"

/* Leaves the executions of the batch that have lines to the streams of their organizations; inside
 * the batch's transaction. */
int deliveries_write(const struct batch *b, struct db *db, struct err *err) must_check;
