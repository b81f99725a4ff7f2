/* The parts of `leat apply`: what is there, the plan, and doing it. */
#pragma once

#include "cli/cli.h"
#include "cli/plan.h"

struct apply {
    struct cli *cli;
    struct fleet fleet;
    bool secrets, prune;
    struct json integrations, customers, instances; /* as the API lists them */
    struct plan_item *items; /* integrations, customers, instances, then what is deleted */
    size_t n, cap;
    const char *comment;
};

/* Reads what the API has, compares, and fills items; mistakes of the files go to fleet.errors. */
int apply_plan(struct apply *x, struct err *err) must_check;
void apply_show(const struct apply *x);
struct json apply_json(const struct apply *x, size_t done);
size_t apply_changes(const struct apply *x); /* items with something to do */
/* In order, stopping at the first error; *ret_done items are done. */
int apply_run(struct apply *x, size_t *ret_done, struct err *err) must_check;
/* The customer that an instance's file names, by name or external id: of the files, or of the API.
 * False: there is none. *ret_id is null when it is still to be made. */
bool apply_customer(const struct apply *x, struct str named, struct json *ret_id,
                    const struct fleet_object **ret_wanted);
struct json apply_find(struct json list, const char *path, struct str value); /* or undefined */
