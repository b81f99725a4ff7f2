/* Sealing of messages that hold secrets, with the key both sides get from LEAT_BUS_KEY. */
#pragma once

#include "secret.h"

void sealed_write(const struct secret_key *bus_key, const char *subject, struct str plain,
                  struct buf *to);
int sealed_read(struct arena *a, const struct secret_key *bus_key, const char *subject,
                struct str sealed, struct str *ret_plain, struct err *err) must_check;
