/* JSON text made ready for the YAML reader: JSON is YAML but for the pairs of escapes that stand
 * for one character outside the basic plane ("\\ud83d\\ude80"), which YAML does not know. */
#pragma once

#include "str.h"

/* The text, or, where it is JSON and has such pairs, a copy in the arena with YAML's own escape in
 * their places. It has the same length: what a string gets shorter stands as blanks after it, so
 * everything outside keeps its line and column. Text that is not JSON is left alone. */
struct str json_text_for_yaml(struct arena *a, struct str text);
