/* How the audit log calls what a mutation did. Pure. */
#pragma once

#include "str.h"

#define AUDIT_ACTION_MAX 120

/* From the name of a mutation: "deployInstance" -> "instance.deployed", object "Instance". The
 * object points into the name, or to a constant. False for mutations that change nothing. */
bool audit_action(struct str mutation, char ret_action[AUDIT_ACTION_MAX], struct str *ret_object);
