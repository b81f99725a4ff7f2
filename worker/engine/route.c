/* What a preprocess flow's run decides: which flow, and of a shared integration which customer,
 * gets the event. Read at the end of the run on the slot's thread; the recorder finds the instance
 * and sends the event on. A value that is missing fails the run. */
#include "engine/run_priv.h"

#include "expr/value.h"

static int read_field(struct run *run, const struct path *path, const char *field,
                      struct route_value *ret, struct err *err)
{
    if (!path) {
        return 0;
    }
    struct json root = run->last.data; /* "onExecution" */
    if (path->step < run->flow->plan->n_steps) {
        const struct scope_entry *e = &run->scope[path->step];
        root = e->has_result ? e->result : json_undefined();
    }
    struct json v = path_resolve(path, root);
    struct str text;
    bool scalar = value_word(run->keep, v, &text);
    ret->field = str_of(path_words(run->keep, path->step_key, path));
    ret->value = text;
    if (text.len == 0 || text.len > ROUTE_VALUE_MAX) {
        return err_set(err, -EINVAL, "routing.value",
                       "routing failed: %s refers to %.*s, which is %s", field,
                       (int)MIN(ret->field.len, 200), ret->field.ptr,
                       v.type == JSON_UNDEFINED ? "missing"
                       : scalar && !text.len    ? "empty"
                       : scalar                 ? "too long"
                                                : "neither text nor number");
    }
    return 0;
}

int run_route(struct run *run, struct run_route *ret, struct err *err)
{
    const struct def_view *v = definition_view(plan_definition(run->instance->plan));
    if (v->endpoint == DEF_ENDPOINT_FLOW ||
        strcmp(v->preprocess_flow, run->flow->plan->def->name) != 0) {
        return err_set(err, -EINVAL, "routing.flow",
                       "routing failed: the flow is not the preprocess flow any more");
    }
    struct run_route route = {0};
    int rc = read_field(run, v->flow_name_field, "flowNameField", &route.flow, err);
    if (rc == 0 && v->endpoint == DEF_ENDPOINT_SHARED) {
        rc = read_field(run, v->external_customer_id_field, "externalCustomerIdField",
                        &route.customer, err);
    }
    if (rc == 0) {
        *ret = route;
    }
    return rc;
}
