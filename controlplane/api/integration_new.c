/* Owns making integrations: an empty one of a chosen trigger, or one of a definition; copies of
 * others; and the check of a definition without storing it. On a lane thread, inside the mutation's
 * transaction. It refuses triggers that the catalog does not have. */
#include "api/integration.h"

#include "api/input.h"

#define FIRST_FLOW    "Flow 1"
#define HOURLY        "0 * * * *"
#define TRIGGER_BYTES 200

/* --- input ------------------------------------------------------------------------------------ */

const char *input_text(struct call *c, const char *field, size_t max)
{
    struct json v = call_input(c, field);
    if (v.type != JSON_STRING) {
        return NULL;
    }
    if (v.len > max) {
        call_refuse(c, field, "This field has at most %zu bytes.", max);
        return NULL;
    }
    return arena_strndup(c->a, v.str, v.len);
}

const char *input_name(struct call *c)
{
    struct str name;
    bool fits = call_need_text(c, "name", INTEGRATION_NAME_MAX, &name);
    return fits ? arena_strndup(c->a, name.ptr, name.len) : NULL;
}

struct db_param input_word(struct call *c, const char *field, const char *const *words)
{
    struct json v = call_input(c, field);
    AUTO(buf_done) struct buf list = {0};
    if (v.type != JSON_STRING) {
        return DB_NULL;
    }
    buf_init(&list, 400);
    for (const char *const *w = words; *w; w++) {
        if (str_eq(json_as_str(v), str_of(*w))) {
            return DB_TEXT(*w);
        }
        buf_addf(&list, "%s%s", list.len ? ", " : "", *w);
    }
    call_refuse(c, field, "This must be one of %s.", buf_str(&list).ptr);
    return DB_NULL;
}

int input_customer(struct call *c, struct uuid *ret, struct err *err)
{
    *ret = (struct uuid){{0}};
    return call_input(c, "customer").type == JSON_STRING ? call_customer(c, ret, err) : 0;
}

int version_lock(struct call *c, const char *field, struct db_rows **ret, struct err *err)
{
    return call_find(c, field, "Integration", QUERY_INTEGRATION_LOCK, &c->id, ret, err);
}

/* --- an empty definition ---------------------------------------------------------------------- */

/* A JSON object of n members, copied into the arena. */
static struct json object_of(struct call *c, size_t n, const struct json_member *members)
{
    struct json_builder b;
    json_build_object(&b, c->a);
    for (size_t i = 0; i < n; i++) {
        if (members[i].value.type != JSON_UNDEFINED) {
            json_append(&b, members[i].key, members[i].value);
        }
    }
    return json_built(&b);
}
#define OBJECT(c, ...)                                                                             \
    object_of(c, sizeof((struct json_member[]){__VA_ARGS__}) / sizeof(struct json_member),         \
              (struct json_member[]){__VA_ARGS__})

static struct json list_of(struct call *c, struct json item)
{
    struct json_builder b;
    json_build_array(&b, c->a);
    json_push(&b, item);
    return json_built(&b);
}

static struct str member_text(struct json object, const char *key, const char *fallback)
{
    struct json v = json_get(object, str_of(key));
    return v.type == JSON_STRING ? json_as_str(v) : str_of(fallback);
}

/* NULL and an error when the catalog has no such trigger. */
static const struct catalog_action *find_trigger(struct call *c, struct str component,
                                                 struct str action)
{
    const struct catalog_component *known = NULL;
    const struct catalog_action *found = NULL;
    if (component.len > TRIGGER_BYTES || action.len > TRIGGER_BYTES) {
        call_refuse(c, "trigger", "Keys have at most %d bytes.", TRIGGER_BYTES);
        return NULL;
    }
    if (c->api->catalog) {
        known =
            catalog_component(c->api->catalog, arena_strndup(c->a, component.ptr, component.len));
        found = known ? catalog_action(known, arena_strndup(c->a, action.ptr, action.len)) : NULL;
    }
    if (!found || !found->is_trigger) {
        call_refuse(c, "trigger", "There is no trigger \"%.*s\" in component \"%.*s\".",
                    (int)action.len, action.ptr, (int)component.len, component.ptr);
        return NULL;
    }
    return found;
}

static struct json schedule_of(struct call *c, struct json trigger,
                               const struct catalog_action *action)
{
    struct str cron = member_text(trigger, "schedule", action->schedule_required ? HOURLY : "");
    if (cron.len == 0) {
        return json_undefined();
    }
    struct json meta = OBJECT(c, {STR("scheduleType"), json_cstr("custom")},
                              {STR("timeZone"), json_str(member_text(trigger, "timeZone", ""))});
    return OBJECT(c, {STR("type"), json_cstr("value")}, {STR("value"), json_str(cron)},
                  {STR("meta"), meta});
}

/* An integration of one flow that has only its trigger, as JSON text; "" and an error when the
 * trigger is not known. */
static struct str empty_definition(struct call *c, struct str name)
{
    struct json trigger = call_input(c, "trigger");
    struct str component = member_text(trigger, "component", "webhook-triggers");
    struct str action = member_text(trigger, "action", "webhook");
    struct json nothing = json_array(NULL, 0), no_text = json_cstr("");
    const struct catalog_action *known = find_trigger(c, component, action);
    if (!known) {
        return STR("");
    }
    struct json home =
        OBJECT(c, {STR("key"), json_str(component)}, {STR("version"), json_cstr("LATEST")},
               {STR("isPublic"), json_bool(true)});
    struct json action_ref = OBJECT(c, {STR("key"), json_str(action)}, {STR("component"), home});
    struct json step = OBJECT(c, {STR("name"), json_cstr(known->label)},
                              {STR("description"), no_text}, {STR("isTrigger"), json_bool(true)},
                              {STR("action"), action_ref}, {STR("inputs"), json_object(NULL, 0)},
                              {STR("schedule"), schedule_of(c, trigger, known)});
    struct json flow =
        OBJECT(c, {STR("name"), json_cstr(FIRST_FLOW)}, {STR("description"), no_text},
               {STR("isSynchronous"), json_bool(false)},
               {STR("endpointSecurityType"), json_cstr("customer_optional")},
               {STR("steps"), list_of(c, step)});
    struct json root =
        OBJECT(c, {STR("definitionVersion"), json_num(7)}, {STR("name"), json_str(name)},
               {STR("description"), no_text}, {STR("documentation"), no_text},
               {STR("category"), no_text}, {STR("labels"), nothing},
               {STR("endpointType"), json_cstr("flow_specific")}, {STR("configPages"), nothing},
               {STR("requiredConfigVars"), nothing}, {STR("flows"), list_of(c, flow)});
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, MIB(1));
    json_dump(&text, root);
    return str_n(arena_strndup(c->a, buf_str(&text).ptr, text.len), text.len);
}

/* --- mutations -------------------------------------------------------------------------------- */

/* Labels of the input, lower-cased; NULL when there are none. */
const char *const *input_labels(struct call *c, size_t *ret_n)
{
    struct db_param given = call_labels(c, "labels");
    if (given.type != DB_P_TEXTS) {
        return NULL;
    }
    const struct str *items = given.items;
    const char **labels = arena_array(c->a, given.n + 1, sizeof(const char *));
    for (size_t i = 0; i < given.n; i++) {
        labels[i] = items[i].ptr;
    }
    *ret_n = given.n;
    return labels;
}

int mutate_create_integration(struct call *c, struct err *err)
{
    AUTO(definition_unref) struct definition *d = NULL;
    struct draft_write w = {.is_new = true, .name_field = "name"};
    struct str text = call_text(c, "definition", "");
    w.replace.name = input_name(c);
    w.replace.description = input_text(c, "description", INTEGRATION_DESCRIPTION_MAX);
    w.replace.category = input_text(c, "category", INTEGRATION_CATEGORY_MAX);
    w.replace.labels = input_labels(c, &w.replace.n_labels);
    int rc = input_customer(c, &w.customer, err);
    bool is_given = text.len > 0;
    if (rc == 0 && c->n_errors == 0 && !is_given) {
        text = empty_definition(c, str_of(w.replace.name));
    }
    rc = rc || c->n_errors ? rc
                           : draft_check(c, is_given ? "definition" : "trigger", text,
                                         &(struct draft_owner){.customer = w.customer}, &d, err);
    if (!d) {
        return rc;
    }
    c->id = uuid_v7();
    return draft_write(c, d, &w, err);
}

int mutate_fork_integration(struct call *c, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *parent = NULL;
    AUTO(definition_unref) struct definition *d = NULL;
    struct draft_write w = {.is_new = true, .name_field = "name"};
    struct str *labels;
    w.replace.name = input_name(c);
    w.replace.description = input_text(c, "description", INTEGRATION_DESCRIPTION_MAX);
    int rc = version_lock(c, "parent", &parent, err);
    if (rc != 0 || c->n_errors > 0 ||
        !draft_parse(c, "parent", db_str(parent, 0, VERSION_DEFINITION), NULL, &d)) {
        return rc;
    }
    w.replace.n_labels = db_array(parent, 0, VERSION_LABELS, c->a, &labels);
    const char **list = arena_array(c->a, w.replace.n_labels + 1, sizeof(const char *));
    for (size_t i = 0; i < w.replace.n_labels; i++) {
        list[i] = arena_strndup(c->a, labels[i].ptr, labels[i].len);
    }
    w.replace.labels = list;
    if (!db_is_null(parent, 0, VERSION_CUSTOMER)) {
        w.customer = db_uuid(parent, 0, VERSION_CUSTOMER);
    }
    c->id = uuid_v7();
    rc = draft_write(c, d, &w, err);
    struct uuid sequence = db_uuid(parent, 0, VERSION_SEQUENCE);
    return rc || c->n_errors ? rc : integration_fork_icon(c, &sequence, err);
}

int mutate_validate_integration_schema(struct call *c, struct err *err)
{
    AUTO(definition_unref) struct definition *d = NULL;
    int rc = draft_check(c, "definition", call_text(c, "definition", ""), &(struct draft_owner){0},
                         &d, err);
    if (d) {
        c->id = c->viewer.user; /* any row: the payload shows one that says that it is valid */
    }
    return rc;
}
