/* What the results of preprocess flows mean: their events go on as executions of other flows. */
#pragma once

#include "recorder/batch.h"

bool routes_any(const struct batch *b);
/* Inside the batch's transaction, before its results are written: finds the flow of each; a result
 * whose event can go nowhere becomes a failed one that says why. */
int routes_find(struct batch *b, struct db *db, struct err *err) must_check;
/* Inside it, after its results: the executions of those that were found. */
int routes_write(struct batch *b, struct db *db, struct err *err) must_check;
/* After the commit: hands over what the transaction has made, for batch.routed. */
void routes_keep(struct batch *b);
