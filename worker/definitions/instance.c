/* Owns the decoded form of a fetched instance. Built on the slot thread that fetched it, read by
 * all. Refuses replies whose parts do not fit together (a flow that the definition lacks is left
 * out: a request for it then fails by name). */
#include "definitions/instance.h"

#include <stdatomic.h>

#include "secret.h"

struct owned {
    struct instance shared; /* first: the address is that of the public part */
    atomic_int refs;
    struct arena *arena;
    char *plain;
    size_t plain_len;
};

static struct owned *owner_of(struct instance *instance)
{
    return (struct owned *)instance;
}

static struct json id_json(struct arena *a, const char *type, const struct uuid *id)
{
    if (uuid_is_nil(id)) {
        return json_cstr("");
    }
    char text[GLOBAL_ID_MAX];
    size_t len = global_id_format(type, id, text);
    return json_str(str_n(arena_strndup(a, text, len), len));
}

static struct json object_of(struct arena *a, const struct json_member *members, size_t n)
{
    return json_object(arena_dup(a, members, n * sizeof(*members)), n);
}
#define OBJECT(a, ...)                                                                             \
    object_of((a), (const struct json_member[]){__VA_ARGS__},                                      \
              sizeof((const struct json_member[]){__VA_ARGS__}) / sizeof(struct json_member))

static void build_common(struct instance *in, struct arena *a)
{
    const struct fetched_instance *f = &in->fetched;
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&f->integration_id, text);
    in->customer = OBJECT(a, {STR("id"), id_json(a, "Customer", &f->customer_id)},
                          {STR("name"), json_str(f->customer_name)},
                          {STR("externalId"), json_str(f->customer_external_id)});
    in->instance = OBJECT(a, {STR("id"), id_json(a, "Instance", &f->instance_id)},
                          {STR("name"), json_str(f->instance_name)});
    in->integration = OBJECT(a, {STR("id"), id_json(a, "Integration", &f->integration_id)},
                             {STR("name"), json_str(f->integration_name)},
                             {STR("versionSequenceId"), json_cstr(arena_strdup(a, text))},
                             {STR("externalVersion"), json_str(f->external_version)});
}

static void build_flows(struct instance *in, struct arena *a)
{
    struct json_builder urls, calls, keys;
    json_build_object(&urls, a);
    json_build_object(&calls, a);
    json_build_object(&keys, a);
    const struct fetched_flow *flows = in->fetched.flows.items;
    in->flows = arena_array(a, in->fetched.flows.n, sizeof(*in->flows));
    for (size_t i = 0; i < in->fetched.flows.n; i++) {
        const struct fetched_flow *f = &flows[i];
        struct json list;
        if (!f->api_keys.len || json_parse(a, f->api_keys, &list, NULL) < 0 ||
            list.type != JSON_ARRAY) {
            list = json_array(NULL, 0);
        }
        json_set(&urls, f->name, json_str(f->webhook_url));
        json_set(&calls, f->name, json_str(f->call_url.len ? f->call_url : f->webhook_url));
        json_set(&keys, f->name, list);
        const struct plan_flow *plan = plan_flow(in->plan, f->name);
        if (!plan) {
            continue;
        }
        in->flows[in->n_flows++] = (struct instance_flow){
            .flow_config_id = f->flow_config_id,
            .plan = plan,
            .invoke_url = f->webhook_url,
            .flow = OBJECT(a, {STR("id"), id_json(a, "IntegrationFlow", &f->flow_id)},
                           {STR("name"), json_str(f->name)},
                           {STR("stableId"), json_str(f->stable_id)})};
    }
    in->webhook_urls = json_built(&urls);
    in->call_urls = json_built(&calls);
    in->webhook_api_keys = json_built(&keys);
}

static int build(struct instance *in, struct owned *o, instance_plan_fn plan, void *ctx,
                 struct err *err)
{
    struct fetched_instance *f = &in->fetched;
    int rc =
        wire_decode(&fetched_instance_message, o->arena, str_n(o->plain, o->plain_len), f, err);
    if (rc < 0) {
        return rc;
    }
    if (f->error.len) {
        return err_set(err, -ENOENT, "instance.unavailable", "%.*s", (int)MIN(f->error.len, 500),
                       f->error.ptr);
    }
    in->config = json_object(NULL, 0);
    if (f->config.len) {
        rc = json_parse(o->arena, f->config, &in->config, err);
        if (rc < 0) {
            err_prefix(err, "configuration of the instance");
            return rc;
        }
    }
    rc = plan(ctx, f, &in->plan, err);
    if (rc < 0) {
        return rc;
    }
    in->bytes = arena_used(o->arena) + o->plain_len + sizeof(*o);
    f->definition = f->config = STR("");
    f->components = (struct wire_list){0};
    build_common(in, o->arena);
    build_flows(in, o->arena);
    return 0;
}

int instance_new(struct str plain, instance_plan_fn plan, void *ctx, struct instance **ret,
                 struct err *err)
{
    struct owned *o = mem_new(struct owned);
    AUTO(instance_unref) struct instance *in = &o->shared;
    atomic_init(&o->refs, 1);
    o->arena = arena_new(KIB(8), 0);
    o->plain = mem_dup(plain.ptr, plain.len);
    o->plain_len = plain.len;
    int rc = build(in, o, plan, ctx, err);
    if (rc < 0) {
        return rc;
    }
    *ret = TAKE(in);
    return 0;
}

struct instance *instance_ref(struct instance *instance)
{
    atomic_fetch_add(&owner_of(instance)->refs, 1);
    return instance;
}

struct instance *instance_unref(struct instance *instance)
{
    if (!instance) {
        return NULL;
    }
    struct owned *o = owner_of(instance);
    if (atomic_fetch_sub(&o->refs, 1) == 1) {
        plan_unref(instance->plan);
        arena_free(o->arena);
        secret_wipe(o->plain, o->plain_len);
        mem_free(o->plain);
        mem_free(o);
    }
    return NULL;
}

const struct instance_flow *instance_flow(const struct instance *instance,
                                          const struct uuid *flow_config_id, struct str name)
{
    for (size_t i = 0; i < instance->n_flows; i++) {
        if (uuid_eq(&instance->flows[i].flow_config_id, flow_config_id) &&
            (!name.len || str_eq(str_of(instance->flows[i].plan->def->name), name))) {
            return &instance->flows[i];
        }
    }
    return NULL;
}
