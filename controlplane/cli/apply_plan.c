/* Owns the plan of `leat apply`: what the API has is read once, compared with the files, and
 * nothing is changed. Integrations are compared by what their definitions mean. */
#include "cli/apply.h"
#include "cli/changes.h"
#include "definition/definition.h"

#define LIST_MAX 100000

struct json apply_find(struct json list, const char *path, struct str value)
{
    for (uint32_t i = 0; value.len > 0 && list.type == JSON_ARRAY && i < list.len; i++) {
        if (str_eq(cli_text(list.items[i], path), value)) {
            return list.items[i];
        }
    }
    return json_undefined();
}

static struct plan_item *add_item(struct apply *x)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;
        struct plan_item *items = arena_array(x->cli->arena, cap, sizeof(*items));
        if (x->n > 0) {
            memcpy(items, x->items, x->n * sizeof(*items));
        }
        x->items = items;
        x->cap = cap;
    }
    x->items[x->n] = (struct plan_item){0};
    return &x->items[x->n++];
}

static int read_state(struct apply *x, struct err *err)
{
    static const struct {
        const char *list, *query;
    } lists[] = {
        {"integrations",
         "query($first: Int, $after: String) { integrations(first: $first, after: $after, "
         "customer_Isnull: true) { nodes { id name hasUnpublishedChanges instances(first: 1) { "
         "totalCount } latest: versionSequence(first: 1, sortBy: [{field: VERSION_NUMBER, "
         "direction: DESC}]) { nodes { id versionNumber } } oldest: versionSequence(first: 1, "
         "sortBy: [{field: VERSION_NUMBER, direction: ASC}]) { nodes { versionAttributes } } } "
         "pageInfo { hasNextPage endCursor } } }"},
        {"customers",
         "query($first: Int, $after: String) { customers(first: $first, after: $after) { nodes { "
         "id "
         "name externalId description labels concurrencyLimit } pageInfo { hasNextPage endCursor } "
         "} }"},
        {"instances",
         "query($first: Int, $after: String) { instances(first: $first, after: $after) { nodes { "
         "id "
         "name description labels enabled needsDeploy deployedVersion customer { id name } "
         "integration { id name versionNumber versionSequenceId } configVariables(first: 100) { "
         "nodes { key value scheduleType timeZone inputs { nodes { name hasValue } } } } } "
         "pageInfo "
         "{ hasNextPage endCursor } } }"},
    };
    struct json *into[] = {&x->integrations, &x->customers, &x->instances};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        bool more;
        int r = cli_list(x->cli, lists[i].query, json_undefined(), lists[i].list, LIST_MAX, into[i],
                         &more, err);
        if (r == 0 && more) {
            r = err_set(err, -E2BIG, "apply.too_many", "there are more than %d %s", LIST_MAX,
                        lists[i].list);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* The API checks a definition with its catalog: components, actions, inputs. */
static int check_definition(struct apply *x, const struct fleet_object *o, struct err *err)
{
    struct json_member member = {STR("definition"), json_str(o->text)};
    struct json done;
    int r = client_change(x->cli->client, x->cli->arena,
                          "mutation($input: ValidateIntegrationSchemaInput!) { done: "
                          "validateIntegrationSchema(input: $input) { warnings errors { field "
                          "messages } } }",
                          json_object(&member, 1), &done, err);
    struct json problems = client_problems(x->cli->client);
    if (r == 0 || strcmp(err->code, "client.refused") != 0 || problems.type != JSON_ARRAY) {
        return r;
    }
    for (uint32_t i = 0; i < problems.len; i++) {
        struct json messages = cli_get(problems.items[i], "messages");
        for (uint32_t k = 0; k < messages.len; k++) {
            struct str s = json_as_str(messages.items[k]);
            fleet_error(&x->fleet, o->path, 0, 0, "%.*s", (int)s.len, s.ptr);
        }
    }
    return 0;
}

static int plan_integration(struct apply *x, const struct fleet_object *o, struct err *err)
{
    struct plan_item *item = add_item(x);
    struct json data;
    *item = (struct plan_item){.kind = FLEET_INTEGRATION, .wanted = o, .name = o->name};
    item->current = apply_find(x->integrations, "name", o->name);
    item->changes = json_array(NULL, 0);
    if (item->current.type != JSON_OBJECT) {
        item->actions = PLAN_CREATE | PLAN_PUBLISH;
        return check_definition(x, o, err);
    }
    struct json_member id = {STR("id"), cli_get(item->current, "id")};
    int r = client_ask(x->cli->client, x->cli->arena,
                       "query($id: ID!) { integration(id: $id) { definition } }",
                       json_object(&id, 1), &data, err);
    r = r ? r
          : changes_of(x->cli, cli_text(data, "integration.definition"), o->text, &item->changes,
                       err);
    if (r != 0) {
        return r;
    }
    bool unpublished = cli_bool(item->current, "hasUnpublishedChanges") ||
                       cli_get(item->current, "latest.nodes").len == 0;
    item->actions = item->changes.len > 0 ? PLAN_UPDATE | PLAN_PUBLISH
                    : unpublished         ? PLAN_PUBLISH
                                          : 0;
    return item->changes.len > 0 ? check_definition(x, o, err) : 0;
}

bool apply_customer(const struct apply *x, struct str named, struct json *ret_id,
                    const struct fleet_object **ret_wanted)
{
    *ret_wanted = NULL;
    for (size_t i = 0; i < x->fleet.n; i++) {
        const struct fleet_object *o = &x->fleet.objects[i];
        struct str external = cli_text(o->value, "externalId");
        if (o->kind == FLEET_CUSTOMER &&
            (str_eq(o->name, named) || (external.len && str_eq(external, named)))) {
            *ret_wanted = o;
        }
    }
    struct json found = json_undefined();
    if (*ret_wanted) { /* it may be renamed by this plan */
        found =
            apply_find(x->customers, "externalId", cli_text((*ret_wanted)->value, "externalId"));
        named = (*ret_wanted)->name;
    }
    found = found.type == JSON_OBJECT ? found : apply_find(x->customers, "name", named);
    found = found.type == JSON_OBJECT ? found : apply_find(x->customers, "externalId", named);
    *ret_id = found.type == JSON_OBJECT ? cli_get(found, "id") : json_null();
    return *ret_wanted || found.type == JSON_OBJECT;
}

static void plan_one_customer(struct apply *x, const struct fleet_object *o)
{
    struct json id;
    const struct fleet_object *wanted;
    (void)apply_customer(x, o->name, &id, &wanted);
    plan_customer(x->cli->arena, o, apply_find(x->customers, "id", json_as_str(id)), add_item(x));
}

static const struct plan_item *item_of(const struct apply *x, enum fleet_kind kind, struct str name)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->items[i].kind == kind && str_eq(x->items[i].name, name)) {
            return &x->items[i];
        }
    }
    return NULL;
}

/* Keys that the definition of the files does not know are mistakes of the files. */
static void check_keys(struct apply *x, const struct fleet_object *o, struct str definition_text)
{
    AUTO(definition_unref) struct definition *definition = NULL;
    struct err_list *errors = arena_new_of(x->cli->arena, struct err_list);
    struct json vars = json_get(o->value, STR("configVariables"));
    if (definition_parse(definition_text, NULL, &definition, errors) != 0) {
        return;
    }
    for (uint32_t i = 0; vars.type == JSON_ARRAY && i < vars.len; i++) {
        struct str key = cli_text(vars.items[i], "key");
        const struct def_config_var *var = definition_var(definition, key);
        bool inputs = cli_get(vars.items[i], "inputs").type == JSON_ARRAY;
        if (!var) {
            fleet_error(&x->fleet, o->path, (int)cli_int(vars.items[i], "line"),
                        (int)cli_int(vars.items[i], "column"),
                        "the integration has no config variable \"%.*s\"", (int)key.len, key.ptr);
        } else if (inputs != (var->type == DEF_VAR_CONNECTION)) {
            fleet_error(&x->fleet, o->path, (int)cli_int(vars.items[i], "line"),
                        (int)cli_int(vars.items[i], "column"),
                        inputs ? "\"%.*s\" is no connection: it has a value, not inputs"
                               : "\"%.*s\" is a connection: write its inputs",
                        (int)key.len, key.ptr);
        }
    }
}

/* The version that the instance should run; 0 = the one that this plan publishes. */
static int64_t wanted_version(struct apply *x, const struct fleet_object *o)
{
    struct str integration = cli_text(o->value, "integration");
    struct str text = cli_text(o->value, "version");
    const struct plan_item *item = item_of(x, FLEET_INTEGRATION, integration);
    struct json current = apply_find(x->integrations, "name", integration);
    int64_t latest = cli_int(json_at(cli_get(current, "latest.nodes"), 0), "versionNumber");
    int64_t number;
    if (!item && current.type != JSON_OBJECT) {
        fleet_error(&x->fleet, o->path, 1, 1, "there is no integration \"%.*s\"",
                    (int)integration.len, integration.ptr);
        return 0;
    }
    if (text.len == 0 || str_eq(text, STR("latest"))) {
        if (!item && latest == 0) {
            fleet_error(&x->fleet, o->path, 1, 1, "\"%.*s\" has no version yet",
                        (int)integration.len, integration.ptr);
        }
        if (item) {
            check_keys(x, o, item->wanted->text);
        }
        return item && (item->actions & PLAN_PUBLISH) ? 0 : latest;
    }
    if (!str_to_i64(text, &number) || number < 1 || number > latest) {
        fleet_error(&x->fleet, o->path, 1, 1,
                    "version \"%.*s\": a number up to %lld, the latest one, or latest",
                    (int)text.len, text.ptr, (long long)latest);
    }
    return number;
}

static void plan_one_instance(struct apply *x, const struct fleet_object *o)
{
    const struct fleet_object *wanted;
    struct json customer, current = json_null();
    struct str named = cli_text(o->value, "customer");
    int64_t version = wanted_version(x, o);
    if (!apply_customer(x, named, &customer, &wanted)) {
        fleet_error(&x->fleet, o->path, 1, 1, "there is no customer \"%.*s\"", (int)named.len,
                    named.ptr);
        return;
    }
    for (uint32_t i = 0; i < x->instances.len; i++) {
        struct json there = x->instances.items[i];
        if (str_eq(cli_text(there, "name"), o->name) &&
            str_eq(cli_text(there, "customer.id"), json_as_str(customer))) {
            current = there;
        }
    }
    struct str integration = cli_text(current, "integration.name");
    if (integration.len && !str_eq(integration, cli_text(o->value, "integration"))) {
        fleet_error(&x->fleet, o->path, 1, 1,
                    "this instance is there and is one of \"%.*s\": delete it, or choose another "
                    "name",
                    (int)integration.len, integration.ptr);
        return;
    }
    plan_instance(x->cli->arena, o, current, version, x->secrets, add_item(x));
}

static bool is_wanted(const struct apply *x, enum fleet_kind kind, struct json there)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->items[i].kind == kind && x->items[i].wanted &&
            str_eq(cli_text(x->items[i].current, "id"), cli_text(there, "id"))) {
            return true;
        }
    }
    return false;
}

/* Instances that are there and stay. */
static bool has_others(const struct apply *x, const char *path, struct json owner)
{
    for (uint32_t i = 0; i < x->instances.len; i++) {
        struct json there = x->instances.items[i];
        bool goes = plan_is_marked(there) && !is_wanted(x, FLEET_INSTANCE, there);
        if (!goes && str_eq(cli_text(there, path), cli_text(owner, "id"))) {
            return true;
        }
    }
    return false;
}

static bool made_integration(struct arena *a, struct json there)
{
    struct json attributes;
    struct str text = cli_text(json_at(cli_get(there, "oldest.nodes"), 0), "versionAttributes");
    return text.len > 0 && json_parse(a, text, &attributes, NULL) == 0 &&
           cli_bool(attributes, PLAN_MARK);
}

static void plan_deletions(struct apply *x)
{
    static const struct {
        enum fleet_kind kind;
        const char *owner; /* path of an instance to it; NULL = it owns none */
    } order[] = {{FLEET_INSTANCE, NULL},
                 {FLEET_CUSTOMER, "customer.id"},
                 {FLEET_INTEGRATION, "integration.versionSequenceId"}};
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        struct json list = order[k].kind == FLEET_INSTANCE   ? x->instances
                           : order[k].kind == FLEET_CUSTOMER ? x->customers
                                                             : x->integrations;
        for (uint32_t i = 0; i < list.len; i++) {
            struct json there = list.items[i];
            bool ours = order[k].kind == FLEET_INTEGRATION ? made_integration(x->cli->arena, there)
                                                           : plan_is_marked(there);
            if (!ours || is_wanted(x, order[k].kind, there) ||
                (order[k].owner && has_others(x, order[k].owner, there))) {
                continue;
            }
            struct str customer = cli_text(there, "customer.name"), name = cli_text(there, "name");
            struct plan_item *item = add_item(x);
            item->kind = order[k].kind;
            item->actions = PLAN_DELETE;
            item->current = there;
            item->changes = json_array(NULL, 0);
            item->name = customer.len
                             ? str_of(arena_printf(x->cli->arena, "%.*s/%.*s", (int)customer.len,
                                                   customer.ptr, (int)name.len, name.ptr))
                             : name;
        }
    }
}

int apply_plan(struct apply *x, struct err *err)
{
    int r = read_state(x, err);
    for (size_t i = 0; r == 0 && i < x->fleet.n; i++) {
        const struct fleet_object *o = &x->fleet.objects[i];
        switch (o->kind) {
        case FLEET_INTEGRATION:
            r = plan_integration(x, o, err);
            break;
        case FLEET_CUSTOMER:
            plan_one_customer(x, o);
            break;
        case FLEET_INSTANCE:
            plan_one_instance(x, o);
            break;
        case _FLEET_KIND_N:
            break;
        }
    }
    if (r == 0 && x->prune) {
        plan_deletions(x);
    }
    return r;
}

size_t apply_changes(const struct apply *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        n += x->items[i].actions != 0;
    }
    return n;
}
