/* Who asks: the bearer token of a request, whatever kind it is. */
#pragma once

#include "api/api_priv.h"

/* 0 with c->viewer set and *ret_known true; false and words for the sender when the token stands
 * for nobody. Else a failure of the store. */
int auth_viewer(struct call *c, struct str authorization, bool *ret_known, struct err *words,
                struct err *err) must_check;
/* The same of an embedded token (a JWT of an organization). */
int auth_embedded(struct call *c, struct str token, bool *ret_known, struct err *words,
                  struct err *err) must_check;
