/* Values of PostgreSQL, in its text form, as values of the engine. */
#pragma once

#include "json.h"

/* Bytes of the arena that one value may take, to be asked for before. */
size_t postgres_value_room(unsigned type, size_t len);
/* Of a time with a date: what postgres_value turns into milliseconds. */
bool postgres_is_timestamp(unsigned type);
/* type: the OID of the column. Booleans and numbers that a double holds become those; bigint and
 * numeric stay text; times become ISO 8601; bytea bytes; json values; arrays lists. What does not
 * read as its type stays text. The text must outlive the value. */
struct json postgres_value(struct arena *a, unsigned type, struct str text);
