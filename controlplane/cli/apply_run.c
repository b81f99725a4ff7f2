/* Owns doing the plan of `leat apply`, in its order. An item that was done stays done; the first
 * error ends it. */
#include "cli/apply.h"

static struct json with(struct arena *a, struct json input, const char *key, struct json value)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (uint32_t i = 0; input.type == JSON_OBJECT && i < input.len; i++) {
        json_set(&b, input.members[i].key, input.members[i].value);
    }
    json_set(&b, str_of(key), value);
    return json_built(&b);
}

static struct json without(struct arena *a, struct json input, const char *key)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (uint32_t i = 0; input.type == JSON_OBJECT && i < input.len; i++) {
        if (!str_eq(input.members[i].key, str_of(key))) {
            json_set(&b, input.members[i].key, input.members[i].value);
        }
    }
    return json_built(&b);
}

/* `mutation` is its name, `type` its input's, `object` what it returns; *ret_id = the object's id.
 */
static int change(struct apply *x, const char *mutation, const char *type, const char *object,
                  struct json input, struct json *ret_id, struct err *err)
{
    struct arena *a = x->cli->arena;
    struct json done;
    int r = client_change(x->cli->client, a,
                          arena_printf(a,
                                       "mutation($input: %s!) { done: %s(input: $input) { object: "
                                       "%s { id } errors { field messages } } }",
                                       type, mutation, object),
                          input, &done, err);
    if (r == 0) {
        *ret_id = cli_get(done, "object.id");
    }
    return r;
}

static int run_integration(struct apply *x, struct plan_item *item, struct err *err)
{
    struct arena *a = x->cli->arena;
    struct json id = cli_get(item->current, "id"), version;
    struct json input = json_object(NULL, 0);
    bool made = item->actions & PLAN_CREATE;
    int r = 0;
    if (item->actions & (PLAN_CREATE | PLAN_UPDATE)) {
        input = with(a, input, "definition", json_str(item->wanted->text));
        input = made ? input : with(a, input, "integrationId", id);
        r = change(x, "importIntegration", "ImportIntegrationInput", "integration", input, &id,
                   err);
        item->current = with(a, item->current, "id", id);
    }
    if (r == 0 && (item->actions & PLAN_PUBLISH)) {
        input = with(a, json_object(NULL, 0), "id", id);
        input = with(a, input, "comment", json_cstr(x->comment));
        if (made) { /* --prune knows by it what may be deleted */
            input = with(a, input, "attributes", json_cstr("{\"" PLAN_MARK "\": true}"));
        }
        r = change(x, "publishIntegration", "PublishIntegrationInput", "integration", input,
                   &version, err);
    }
    return r;
}

static int run_customer(struct apply *x, struct plan_item *item, struct err *err)
{
    struct json id;
    if (item->actions & PLAN_CREATE) {
        int r =
            change(x, "createCustomer", "CreateCustomerInput", "customer", item->input, &id, err);
        item->current = with(x->cli->arena, item->current, "id", r == 0 ? id : json_null());
        return r;
    }
    return change(x, "updateCustomer", "UpdateCustomerInput", "customer",
                  with(x->cli->arena, item->input, "id", cli_get(item->current, "id")), &id, err);
}

/* The ids of what an instance hangs on: by now they are there. */
static int find_owners(struct apply *x, const struct plan_item *item, struct json *ret_customer,
                       struct json *ret_version, struct err *err)
{
    struct arena *a = x->cli->arena;
    const struct fleet_object *customer;
    struct str text = cli_text(item->wanted->value, "version");
    struct str name = cli_text(item->wanted->value, "integration");
    struct json found, draft = cli_get(apply_find(x->integrations, "name", name), "id");
    (void)apply_customer(x, cli_text(item->wanted->value, "customer"), ret_customer, &customer);
    for (size_t i = 0; i < x->n; i++) { /* those that were made a moment ago */
        const struct plan_item *other = &x->items[i];
        if (customer && other->wanted == customer) {
            *ret_customer = cli_get(other->current, "id");
        } else if (other->kind == FLEET_INTEGRATION && str_eq(other->name, name)) {
            draft = cli_get(other->current, "id");
        }
    }
    struct json_member integration[] = {{STR("versionSequenceId"), draft},
                                        {STR("name"), json_str(name)}};
    int r =
        cli_find_version(x->cli, json_object(integration, ARRAY_LEN(integration)),
                         text.len ? arena_strndup(a, text.ptr, text.len) : "latest", &found, err);
    *ret_version = r == 0 ? cli_get(found, "id") : json_null();
    return r;
}

static bool changes_version(const struct plan_item *item)
{
    return apply_find(item->changes, "name", STR("version")).type == JSON_OBJECT;
}

static int run_instance(struct apply *x, struct plan_item *item, struct err *err)
{
    struct arena *a = x->cli->arena;
    struct json customer, version, id = cli_get(item->current, "id"), input = item->input;
    struct json enabled = json_get(input, STR("enabled"));
    int r = find_owners(x, item, &customer, &version, err);
    if (r == 0 && (item->actions & PLAN_CREATE)) {
        input = with(a, without(a, input, "enabled"), "customer", customer);
        r = change(x, "createInstance", "CreateInstanceInput", "instance",
                   with(a, input, "integration", version), &id, err);
    } else if (r == 0 && (item->actions & PLAN_UPDATE)) {
        input = changes_version(item) ? with(a, input, "integration", version) : input;
        r = change(x, "updateInstance", "UpdateInstanceInput", "instance", with(a, input, "id", id),
                   &id, err);
    }
    if (r == 0 && (item->actions & PLAN_DEPLOY)) {
        r = change(x, "deployInstance", "DeployInstanceInput", "instance",
                   with(a, json_object(NULL, 0), "id", id), &id, err);
    }
    if (r == 0 && (item->actions & PLAN_CREATE) && enabled.type == JSON_FALSE) {
        input = with(a, with(a, json_object(NULL, 0), "id", id), "enabled", enabled);
        r = change(x, "updateInstance", "UpdateInstanceInput", "instance", input, &id, err);
    }
    return r;
}

static int run_delete(struct apply *x, struct plan_item *item, struct err *err)
{
    static const char *const names[_FLEET_KIND_N][3] = {
        [FLEET_INTEGRATION] = {"deleteIntegration", "DeleteIntegrationInput", "integration"},
        [FLEET_CUSTOMER] = {"deleteCustomer", "DeleteCustomerInput", "customer"},
        [FLEET_INSTANCE] = {"deleteInstance", "DeleteInstanceInput", "instance"},
    };
    struct json id = cli_get(item->current, "id");
    const char *const *n = names[item->kind];
    return change(x, n[0], n[1], n[2], with(x->cli->arena, json_object(NULL, 0), "id", id), &id,
                  err);
}

static int run_item(struct apply *x, struct plan_item *item, struct err *err)
{
    if (item->actions & PLAN_DELETE) {
        return run_delete(x, item, err);
    }
    switch (item->kind) {
    case FLEET_INTEGRATION:
        return run_integration(x, item, err);
    case FLEET_CUSTOMER:
        return run_customer(x, item, err);
    case FLEET_INSTANCE:
        return run_instance(x, item, err);
    case _FLEET_KIND_N:
        break;
    }
    return 0;
}

int apply_run(struct apply *x, size_t *ret_done, struct err *err)
{
    size_t n = apply_changes(x), done = 0;
    *ret_done = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct plan_item *item = &x->items[i];
        if (item->actions == 0) {
            continue;
        }
        int r = run_item(x, item, err);
        if (r != 0) {
            err_prefix(err, "%s %.*s", fleet_words[item->kind], (int)MIN(item->name.len, 150),
                       item->name.ptr);
            return r;
        }
        *ret_done = ++done;
        cli_progress(x->cli, "%zu of %zu: %s %.*s", done, n, fleet_words[item->kind],
                     (int)item->name.len, item->name.ptr);
    }
    return 0;
}
