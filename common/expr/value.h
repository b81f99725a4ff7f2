/* JavaScript's coercions on engine values (ECMA-262, abstract operations of chapter 7). */
#pragma once

#include "json.h"

bool value_truthy(struct json v);
double value_to_number(struct json v);                        /* ToNumber; arrays/objects through text */
struct str value_to_string(struct arena *a, struct json v);   /* String(v); objects "[object Object]" */
struct str value_to_text(struct arena *a, struct json v);     /* for people and bodies: objects as JSON */
bool value_loose_equal(struct arena *a, struct json x, struct json y); /* == */
bool value_strict_equal(struct json x, struct json y);        /* ===; objects by deep equality */
/* If v is a string holding a JSON text, that value; else v. */
struct json value_parse_json(struct arena *a, struct json v);
