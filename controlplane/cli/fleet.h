/* A fleet as its folder tells it: integrations, customers and instances, each a file of YAML. */
#pragma once

#include "err.h"
#include "json.h"

#define FLEET_MAX_FILES  10000
#define FLEET_MAX_ERRORS 50

enum fleet_kind { FLEET_INTEGRATION, FLEET_CUSTOMER, FLEET_INSTANCE, _FLEET_KIND_N };
extern const char *const fleet_words[_FLEET_KIND_N]; /* "integration", ... */

struct fleet_object {
    enum fleet_kind kind;
    const char *path; /* relative to the folder */
    struct str name;
    struct str text; /* INTEGRATION: the definition as it is in the file */
    /* CUSTOMER: {name, externalId, description, labels, concurrencyLimit}; INSTANCE: {name,
     * customer, integration, version, description, labels, enabled, configVariables: [{key, line,
     * column, secret, value | inputs: [{name, value}], scheduleType, timeZone}]}. What the file
     * does not say is not there. */
    struct json value;
};
struct fleet {
    struct arena *arena;          /* borrowed; all of it is there */
    struct fleet_object *objects; /* by kind, then by path */
    size_t n, cap;
    char *errors[FLEET_MAX_ERRORS]; /* "instances/acme.yml:3:5: ..." */
    size_t n_errors;
};
/* Reads all of it. What is wrong with the files is in errors (then nothing else may be relied on);
 * <0 only when the folder cannot be read. */
int fleet_read(struct arena *a, const char *folder, struct fleet *ret, struct err *err) must_check;
void fleet_error(struct fleet *f, const char *path, int line, int column, const char *fmt, ...)
    printf_like(5, 6);
/* By name, of an instance with its customer; NULL = none. */
const struct fleet_object *fleet_find(const struct fleet *f, enum fleet_kind kind,
                                      struct str customer, struct str name);
