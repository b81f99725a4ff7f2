/* Owns the table of fields that C computes, and the small ones of them: the definition in another
 * form, the inputs of a connection without their values, roles. On a lane thread, inside the
 * request's transaction. */
#include "api/api_priv.h"

#include "definition/definition.h"
#include "domain/role.h"
#include "enc.h"
#include "api/reusable.h"
#include "api/sealed.h"

static bool resolve_definition(struct call *c, struct gql_sel *sel, struct json raw,
                               struct json *ret)
{
    struct json version = json_get(sel->args, STR("version"));
    bool latest = json_get(sel->args, STR("useLatestComponentVersions")).type == JSON_TRUE;
    *ret = raw;
    if (version.type == JSON_NUMBER && (version.num < 7 || version.num > 7)) {
        return gql_fail(&c->rq, sel->loc, NULL, "Definitions are written as version 7 only.");
    }
    if (!latest || json_as_str(raw).len == 0) {
        return true;
    }
    AUTO(definition_unref) struct definition *d = NULL;
    struct err_list *errors = arena_new_of(c->a, struct err_list);
    if (definition_parse(json_as_str(raw), NULL, &d, errors) < 0) {
        return gql_fail(&c->rq, sel->loc, NULL, "The stored definition cannot be read: %s",
                        errors->n ? errors->items[0].message : "");
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, DEFINITION_MAX_BYTES * 2);
    definition_emit(d, &(struct definition_emit_options){.latest_components = true}, &text);
    *ret = json_str(str_n(arena_strndup(c->a, buf_str(&text).ptr, text.len), text.len));
    return true;
}

/* raw: [id, base64 of the sealed inputs or null]. */
static bool show_inputs(struct call *c, struct gql_sel *sel, const char *column, struct json raw,
                        struct json *ret)
{
    struct json_builder list, all;
    struct str plain;
    struct json inputs;
    struct err err;
    json_build_array(&list, c->a);
    json_build_object(&all, c->a);
    json_append(&all, STR("nodes"), json_built(&list));
    json_append(&all, STR("totalCount"), json_num(0));
    *ret = json_built(&all);
    if (!call_open_raw(c, sel, column, raw, &plain)) {
        return false;
    }
    if (!plain.ptr) {
        return true;
    }
    if (json_parse(c->a, plain, &inputs, &err) != 0) {
        return gql_fail(&c->rq, sel->loc, "SEALED", "A sealed value cannot be opened.");
    }
    for (uint32_t i = 0; inputs.type == JSON_ARRAY && i < inputs.len; i++) {
        struct json_builder one;
        struct json type = json_get(inputs.items[i], STR("type"));
        json_build_object(&one, c->a);
        json_append(&one, STR("name"), json_copy(c->a, json_get(inputs.items[i], STR("name"))));
        json_append(&one, STR("type"),
                    type.type == JSON_STRING ? json_copy(c->a, type) : json_cstr("value"));
        json_append(&one, STR("hasValue"),
                    json_bool(json_as_str(json_get(inputs.items[i], STR("value"))).len > 0));
        json_push(&list, json_built(&one));
    }
    secret_wipe((void *)(uintptr_t)plain.ptr, plain.len);
    json_set(&all, STR("nodes"), json_built(&list));
    json_set(&all, STR("totalCount"), json_num(json_built(&list).len));
    *ret = json_built(&all);
    return true;
}

static bool resolve_config_inputs(struct call *c, struct gql_sel *sel, struct json raw,
                                  struct json *ret)
{
    return show_inputs(c, sel, "instance_config_variable.sealed_inputs", raw, ret);
}

static bool resolve_scoped_inputs(struct call *c, struct gql_sel *sel, struct json raw,
                                  struct json *ret)
{
    return show_inputs(c, sel, SCOPED_COLUMN, raw, ret);
}

static bool resolve_customer_inputs(struct call *c, struct gql_sel *sel, struct json raw,
                                    struct json *ret)
{
    return show_inputs(c, sel, CUSTOMER_COLUMN, raw, ret);
}

/* What the statement made is JSON with the members as the schema calls them. */
static bool resolve_members(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    *ret = raw;
    return true;
}

static struct json role_json(struct call *c, const struct role *r)
{
    const char *names[32], *plain = arena_printf(c->a, "Role:%s", r->name);
    size_t n = role_permissions(r, names, ARRAY_LEN(names));
    char gid[100];
    struct json_builder one, permissions;
    (void)enc_base64(str_of(plain), gid, sizeof(gid));
    json_build_object(&one, c->a);
    json_build_array(&permissions, c->a);
    for (size_t i = 0; i < n; i++) {
        json_push(&permissions, json_cstr(names[i]));
    }
    json_append(&one, STR("id"), json_cstr(arena_strdup(c->a, gid)));
    json_append(&one, STR("name"), json_cstr(r->name));
    json_append(&one, STR("description"), json_cstr(r->description));
    json_append(&one, STR("level"), json_num(r->level));
    json_append(&one, STR("permissions"), json_built(&permissions));
    json_append(&one, STR("embeddedOnly"), json_bool(r->embedded_only));
    return json_built(&one);
}

/* raw: the name of a role. */
static bool resolve_role(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    const struct role *r = role_find(json_as_str(raw));
    *ret = r ? role_json(c, r) : json_null();
    return true;
}

/* raw: "organization" or "customer". */
static bool resolve_roles(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    bool of_customer = str_eq(json_as_str(raw), STR("customer"));
    struct json_builder list;
    json_build_array(&list, c->a);
    for (const struct role *r = roles; r->name; r++) {
        if (r->of_customer == of_customer) {
            json_push(&list, role_json(c, r));
        }
    }
    *ret = json_built(&list);
    return true;
}

const struct resolver api_resolvers[] = {
    {"definition", resolve_definition},
    {"config_inputs", resolve_config_inputs},
    {"scoped_inputs", resolve_scoped_inputs},
    {"customer_inputs", resolve_customer_inputs},
    {"template_presets", resolve_template_presets},
    {"template_inputs", resolve_template_inputs},
    {"members", resolve_members},
    {"role", resolve_role},
    {"roles", resolve_roles},
    {"step_results", resolve_step_results},
    {"request_url", resolve_request_url},
    {"persisted_state", resolve_persisted_state},
    {"icon_url", resolve_icon_url},
    {"attachments", resolve_attachments},
    {"component_url", resolve_component_url},
    {"component_urls", resolve_component_urls},
    {"upload_media", resolve_upload_media},
    {"integration_diff", resolve_integration_diff},
    {"authorize_url", resolve_authorize_url},
    {"alert_headers", resolve_alert_headers},
    {"webhook_headers", resolve_webhook_headers},
    {"log_stream_headers", resolve_log_stream_headers},
    {0},
};
