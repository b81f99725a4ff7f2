/* The key of a step in references, made from its name. */
#pragma once

#include "str.h"

/* Runs of characters outside [0-9A-Za-z] separate words (ASCII only); the first word is
 * lower-cased, each later one capitalized with the rest lower-cased. "" when the name has no such
 * character. */
char *step_key_make(struct arena *a, struct str name);
