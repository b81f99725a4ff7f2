/* What has to change so that a control plane is as a fleet's folder says. Pure: files and what the
 * API tells go in, steps come out. */
#pragma once

#include "cli/fleet.h"

enum plan_action {
    PLAN_CREATE = 1,
    PLAN_UPDATE = 2,
    PLAN_PUBLISH = 4,
    PLAN_DEPLOY = 8,
    PLAN_DELETE = 16,
};
#define PLAN_MARK "leat-apply" /* label of what was made by it */

struct plan_item {
    enum fleet_kind kind;
    const struct fleet_object *wanted; /* NULL = to delete */
    struct str name;                   /* of an instance "Customer/Name" */
    unsigned actions;                  /* of enum plan_action; 0 = nothing to do */
    struct json current;               /* as the API tells it; null = not there */
    struct json changes; /* [{name, before, after}], of integrations those of integrationDiff */
    const char *note;    /* what cannot be compared; NULL = nothing */
    struct json input;   /* of the mutation that creates or updates, without ids */
};

/* A customer against what is there (null: nothing). */
void plan_customer(struct arena *a, const struct fleet_object *wanted, struct json current,
                   struct plan_item *ret);
/* An instance. `version`: number that it should run; 0 = one that this plan publishes. `secrets`:
 * inputs of connections are set though they cannot be compared. */
void plan_instance(struct arena *a, const struct fleet_object *wanted, struct json current,
                   int64_t version, bool secrets, struct plan_item *ret);
/* Whether the labels of an object have the mark. */
bool plan_is_marked(struct json object);
