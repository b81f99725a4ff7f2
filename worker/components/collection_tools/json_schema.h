/* JSON Schema over engine values: the assertions and applicators common to drafts 4 to 2020-12,
 * with references inside the one schema. `format` and unknown keywords are notes, nothing is
 * fetched. */
#pragma once

#include "json.h"

#define JSON_SCHEMA_MAX_ERRORS 100

struct json_schema;
/* Checks the whole schema, which must outlive the result. -EINVAL ("json_schema.malformed") tells
 * what is wrong and where, as a sentence that follows the schema's name. */
int json_schema_new(struct json source, struct json_schema **ret, struct err *err) must_check;
struct json_schema *json_schema_free(struct json_schema *s); /* accepts NULL; returns NULL */
/* *ret_errors: an array in the arena, empty when the value is valid, of at most
 * JSON_SCHEMA_MAX_ERRORS {instancePath (JSON pointer), message}; needs JSON_SCHEMA_ROOM there.
 * -E2BIG ("json_schema.work") when the schema takes too much work or time on this value; until_ns:
 * monotonic. A schema serves one thread at a time. */
#define JSON_SCHEMA_ROOM MIB(1)
int json_schema_validate(const struct json_schema *s, struct json value, struct arena *a,
                         int64_t until_ns, struct json *ret_errors, struct err *err) must_check;
DEFINE_CLEANUP(struct json_schema *, json_schema_free)
