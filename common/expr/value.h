/* JavaScript's coercions on engine values (ECMA-262, abstract operations of chapter 7). */
#pragma once

#include "json.h"

/* Texts made from arrays and objects are cut at this size. */
#define VALUE_TEXT_MAX MIB(64)

bool value_truthy(struct json v);
double value_to_number(struct json v); /* ToNumber; arrays/objects through text */
struct str value_to_string(struct arena *a,
                           struct json v); /* String(v); objects "[object Object]" */
/* For people and bodies: objects as JSON. Cut where it is longer than VALUE_TEXT_MAX or than half
 * of what the arena has left; value_text tells by false that it was. */
struct str value_to_text(struct arena *a, struct json v);
bool value_text(struct arena *a, struct json v, struct str *ret) must_check;
/* Of a string, number or boolean that text without the blanks around it; false for what has none.
 */
bool value_word(struct arena *a, struct json v, struct str *ret) must_check;
/* value_to_text, appended: strings as is, binary as UTF-8 with U+FFFD for bytes that are none,
 * nothing for null and undefined. */
void value_add_text(struct buf *b, struct json v);
/* == and ===, but two arrays, objects or binaries are equal by content: same members in any order,
 * their values compared by the same rule, but that a list or object in one is never equal to a text
 * or number in the other. */
bool value_loose_equal(struct arena *a, struct json x, struct json y);
bool value_strict_equal(struct json x, struct json y);
/* If v is a string holding a JSON text, that value; else v. */
struct json value_parse_json(struct arena *a, struct json v);
/* Three-way comparison of two texts by UTF-16 code units, as JavaScript orders strings. */
int value_compare_strings(struct str x, struct str y);
