/* Owns parsing the root of a definition, its config pages and config variables. Called by
 * definition.c on any thread. Keys that it does not know are left alone: emission keeps them. */
#include "definition/definition_priv.h"
#include "suggest.h"

const char *const def_endpoint_names[_DEF_ENDPOINT_N] = {
    [DEF_ENDPOINT_FLOW] = "flow_specific",
    [DEF_ENDPOINT_INSTANCE] = "instance_specific",
    [DEF_ENDPOINT_SHARED] = "shared_instance",
};

const char *const def_var_type_names[_DEF_VAR_TYPE_N] = {
    [DEF_VAR_STRING] = "string",
    [DEF_VAR_DATE] = "date",
    [DEF_VAR_TIMESTAMP] = "timestamp",
    [DEF_VAR_PICKLIST] = "picklist",
    [DEF_VAR_SCHEDULE] = "schedule",
    [DEF_VAR_CODE] = "code",
    [DEF_VAR_BOOLEAN] = "boolean",
    [DEF_VAR_NUMBER] = "number",
    [DEF_VAR_CONNECTION] = "connection",
    [DEF_VAR_OBJECT_SELECTION] = "objectSelection",
    [DEF_VAR_OBJECT_FIELD_MAP] = "objectFieldMap",
    [DEF_VAR_JSON_FORM] = "jsonForm",
};

static const char *const element_names[] = {"configVar", "htmlElement", "jsonForm"};
static const char *const collection_names[] = {"valuelist", "keyvaluelist"};
static const char *const code_languages[] = {"json", "xml", "html"};
static const char *const on_premise_names[] = {"disallowed", "allowed", "required"};

/* --- config pages ----------------------------------------------------------------------------- */

static void parse_page(struct def_compile *c, const struct yaml_node *node,
                       const struct def_where *where, struct def_config_page *page)
{
    page->name = page->tagline = "";
    struct def_map m;
    if (!def_map_init(&m, c, node, where)) {
        return;
    }
    page->name = def_get_text(&m, "name", DEF_REQUIRED);
    page->tagline = def_get_text(&m, "tagline", DEF_OPTIONAL);
    page->user_level = def_get_bool(&m, "userLevelConfigured", false);
    const struct yaml_node *elements = def_get_list(&m, "elements", DEF_OPTIONAL, DEF_MAX_VARS);
    if (!elements) {
        return;
    }
    struct def_where in = def_key(where, "elements");
    page->elements = arena_array(c->arena, elements->n_items, sizeof(*page->elements));
    for (size_t i = 0; i < elements->n_items; i++) {
        struct def_where at = def_index(&in, i);
        struct def_map e;
        if (!def_map_init(&e, c, elements->items[i], &at)) {
            continue;
        }
        int type = def_get_enum(&e, "type", DEF_REQUIRED, element_names, ARRAY_LEN(element_names),
                                DEF_ELEMENT_HTML);
        struct def_config_element *element = &page->elements[page->n_elements++];
        element->type = type == DEF_ELEMENT_CONFIG_VAR ? DEF_ELEMENT_CONFIG_VAR
                        : type == DEF_ELEMENT_HTML     ? DEF_ELEMENT_HTML
                                                       : DEF_ELEMENT_JSON_FORM;
        element->value = def_get_text(&e, "value", DEF_OPTIONAL);
    }
}

static void parse_pages(struct def_map *root)
{
    struct def_compile *c = root->c;
    const struct yaml_node *list = def_get_list(root, "configPages", DEF_OPTIONAL, DEF_MAX_PAGES);
    if (!list) {
        return;
    }
    struct def_where in = def_key(root->where, "configPages");
    c->view.pages = arena_array(c->arena, list->n_items, sizeof(*c->view.pages));
    c->view.n_pages = list->n_items;
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(&in, i);
        parse_page(c, list->items[i], &at, &c->view.pages[i]);
    }
}

/* --- config variables ------------------------------------------------------------------------- */

static void mark_version(const struct yaml_node *component)
{
    struct yaml_node *version = yaml_get(component, "version");
    if (version) {
        version->mark = DEF_MARK_COMPONENT_VERSION;
    }
}

/* {key, component: {key, ...}} of a connection or data source. */
static void parse_component_ref(struct def_map *var, const char *name, const char **ret_key,
                                const char **ret_component, bool *ret_public)
{
    const struct yaml_node *node = def_get_map(var, name, DEF_OPTIONAL);
    if (!node) {
        return;
    }
    struct def_where where = def_key(var->where, name), component_at = def_key(&where, "component");
    struct def_map m, component;
    (void)def_map_init(&m, var->c, node, &where);
    *ret_key = def_get_text(&m, "key", DEF_REQUIRED);
    const struct yaml_node *ref = def_get_map(&m, "component", DEF_REQUIRED);
    if (ref && def_map_init(&component, var->c, ref, &component_at)) {
        *ret_component = def_get_text(&component, "key", DEF_REQUIRED);
        *ret_public = def_get_bool(&component, "isPublic", true);
        mark_version(ref);
    }
}

static void parse_connection(struct def_map *m, struct def_config_var *var)
{
    struct def_compile *c = m->c;
    var->scoped_config_var = def_get_text(m, "useScopedConfigVar", DEF_OPTIONAL);
    parse_component_ref(m, "connection", &var->connection_key, &var->connection_component,
                        &var->connection_public);
    struct def_where at = def_key(m->where, "connection");
    struct def_map connection;
    (void)def_map_init(&connection, c, yaml_get(m->node, "connection"), &at);
    var->connection_template = def_get_text(&connection, "template", DEF_OPTIONAL);
    if (!var->scoped_config_var[0] && yaml_is_null(yaml_get(m->node, "connection"))) {
        def_fail(c, m->where, def_place_of(m->node), "definition.required",
                 "A connection needs \"connection\" (its key and component) or "
                 "\"useScopedConfigVar\".");
    }
    (void)def_get_enum(m, "onPremiseConnectionConfig", DEF_OPTIONAL, on_premise_names,
                       ARRAY_LEN(on_premise_names), 0);
    struct def_where where = def_key(m->where, "meta");
    struct def_map meta;
    (void)def_map_init(&meta, c, def_get_map(m, "meta", DEF_OPTIONAL), &where);
    var->override_grant_type = def_get_text(&meta, "overrideGrantType", DEF_OPTIONAL);
    var->oauth_success_url = def_get_text(&meta, "oAuthSuccessRedirectUri", DEF_OPTIONAL);
    var->oauth_failure_url = def_get_text(&meta, "oAuthFailureRedirectUri", DEF_OPTIONAL);
}

static void parse_visibility(struct def_map *m, struct def_config_var *var)
{
    struct def_where where = def_key(m->where, "meta");
    struct def_map meta;
    (void)def_map_init(&meta, m->c, def_get_map(m, "meta", DEF_OPTIONAL), &where);
    var->org_only = def_get_bool(m, "orgOnly", false);
    var->visible_to_customer_deployer =
        def_get_bool(&meta, "visibleToCustomerDeployer",
                     def_get_bool(&meta, "isVisibleToCustomerDeployer", !var->org_only));
    var->visible_to_org_deployer = def_get_bool(
        &meta, "visibleToOrgDeployer", def_get_bool(&meta, "isVisibleToOrgDeployer", true));
}

static void parse_collection(struct def_map *m, struct def_config_var *var)
{
    int n = def_get_enum(m, "collectionType", DEF_OPTIONAL, collection_names,
                         ARRAY_LEN(collection_names), -1);
    var->collection = n < 0    ? DEF_COLLECTION_NONE
                      : n == 0 ? DEF_COLLECTION_VALUES
                               : DEF_COLLECTION_KEY_VALUES;
    bool single = var->type == DEF_VAR_SCHEDULE || var->type == DEF_VAR_OBJECT_SELECTION ||
                  var->type == DEF_VAR_OBJECT_FIELD_MAP || var->type == DEF_VAR_JSON_FORM;
    if (n >= 0 && single) {
        struct def_where where = def_key(m->where, "collectionType");
        def_fail(m->c, &where, def_place_in(m, "collectionType"), "definition.enum",
                 "A config variable of type %s cannot be a collection.",
                 def_var_type_names[var->type]);
    }
}

/* Defaults are always text; these two must read as what they stand for. */
static void check_default(struct def_map *m, const struct def_config_var *var)
{
    struct str value = str_of(var->default_value);
    bool ok = true;
    if (var->collection != DEF_COLLECTION_NONE || value.len == 0) {
        return;
    }
    if (var->type == DEF_VAR_BOOLEAN) {
        ok = yaml_scalar_type(value, true) == YAML_BOOL;
    } else if (var->type == DEF_VAR_NUMBER) {
        enum yaml_scalar type = yaml_scalar_type(value, true);
        ok = type == YAML_INT || type == YAML_FLOAT;
    }
    if (!ok) {
        struct def_where where = def_key(m->where, "defaultValue");
        def_fail(m->c, &where, def_place_in(m, "defaultValue"), "definition.type",
                 "The default of a %s must be %s, not \"%s\".", def_var_type_names[var->type],
                 var->type == DEF_VAR_BOOLEAN ? "\"true\" or \"false\"" : "a number",
                 def_show(m->c, value));
    }
}

static void parse_var_fields(struct def_map *m, struct def_config_var *var)
{
    struct def_compile *c = m->c;
    var->stable_key = def_get_text(m, "stableKey", DEF_OPTIONAL);
    var->description = def_get_text(m, "description", DEF_OPTIONAL);
    var->default_value = def_get_text(m, "defaultValue", DEF_OPTIONAL);
    parse_visibility(m, var);
    parse_collection(m, var);
    check_default(m, var);
    var->pick_list = def_get_texts(m, "pickList", DEF_MAX_VARS, &var->n_pick_list);
    var->schedule_type = (enum def_schedule_type)def_get_enum(
        m, "scheduleType", DEF_OPTIONAL, def_schedule_type_names, _DEF_SCHEDULE_N,
        var->default_value[0] ? DEF_SCHEDULE_CUSTOM : DEF_SCHEDULE_NONE);
    var->time_zone = def_get_text(m, "timeZone", DEF_OPTIONAL);
    (void)def_get_enum(m, "codeLanguage", DEF_OPTIONAL, code_languages, ARRAY_LEN(code_languages),
                       0);
    if (var->type == DEF_VAR_CONNECTION) {
        parse_connection(m, var);
    }
    parse_component_ref(m, "dataSource", &var->source_key, &var->source_component,
                        &var->source_public);
    struct def_where in = def_key(m->where, "inputs");
    def_parse_inputs(c, &in, def_get_map(m, "inputs", DEF_OPTIONAL), DEF_KINDS_CONFIG, &var->inputs,
                     &var->n_inputs);
    if (var->type == DEF_VAR_PICKLIST && var->n_pick_list == 0 && !var->source_key[0]) {
        def_warn(c, m->where, var->place, "definition.required",
                 "A picklist without \"pickList\" or \"dataSource\" offers nothing to pick.");
    }
}

static void parse_var(struct def_compile *c, const struct yaml_node *node,
                      const struct def_where *where, struct def_config_var *var)
{
    *var = (struct def_config_var){
        .key = "",
        .stable_key = "",
        .description = "",
        .default_value = "",
        .time_zone = "",
        .connection_key = "",
        .connection_component = "",
        .source_key = "",
        .source_component = "",
        .scoped_config_var = "",
        .connection_template = "",
        .override_grant_type = "",
        .oauth_success_url = "",
        .oauth_failure_url = "",
        .place = def_place_of(node),
    };
    struct def_map m;
    if (!def_map_init(&m, c, node, where)) {
        return;
    }
    var->key = def_get_text(&m, "key", DEF_REQUIRED);
    if (var->key[0]) {
        c->subject =
            arena_printf(c->arena, "Config variable \"%s\": ", def_show(c, str_of(var->key)));
    }
    int type = def_get_enum(&m, "dataType", DEF_REQUIRED, def_var_type_names, _DEF_VAR_TYPE_N, -1);
    if (type >= 0) {
        var->type = (enum def_var_type)type;
        parse_var_fields(&m, var);
    }
    c->subject = "";
}

void def_parse_config(struct def_map *root)
{
    struct def_compile *c = root->c;
    parse_pages(root);
    const struct yaml_node *list =
        def_get_list(root, "requiredConfigVars", DEF_OPTIONAL, DEF_MAX_VARS);
    if (!list) {
        return;
    }
    struct def_where in = def_key(root->where, "requiredConfigVars");
    c->view.vars = arena_array(c->arena, list->n_items, sizeof(*c->view.vars));
    c->view.n_vars = list->n_items;
    for (size_t i = 0; i < list->n_items; i++) {
        struct def_where at = def_index(&in, i);
        parse_var(c, list->items[i], &at, &c->view.vars[i]);
    }
}

/* --- root ------------------------------------------------------------------------------------- */

static void parse_version(struct def_map *root)
{
    struct def_compile *c = root->c;
    struct def_where where = def_key(root->where, "definitionVersion");
    const struct yaml_node *node = yaml_get(root->node, "definitionVersion");
    if (yaml_is_null(node)) {
        def_fail(c, &where, def_place_of(root->node), "definition.version",
                 "\"definitionVersion\" is missing; versions 6 and 7 can be read.");
        return;
    }
    c->view.version = def_get_int(root, "definitionVersion", DEF_OPTIONAL, 0, INT32_MAX, 0);
    if (c->view.version != 6 && c->view.version != 7) {
        def_fail(c, &where, def_place_of(node), "definition.version",
                 "Definition version %s cannot be read; only versions 6 and 7 can.",
                 node->kind == YAML_SCALAR ? def_show(c, node->text) : "of this form");
    }
}

static void parse_labels(struct def_map *root)
{
    struct def_view *v = &root->c->view;
    v->labels = def_get_texts(root, "labels", DEF_MAX_LABELS, &v->n_labels);
    for (size_t i = 0; i < v->n_labels; i++) {
        char *label = arena_strdup(root->c->arena, v->labels[i]);
        for (char *p = label; *p; p++) {
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        }
        v->labels[i] = label;
    }
}

void def_parse_root(struct def_compile *c, const struct yaml_node *node)
{
    static const char *const definition_types[] = {"integration", "workflow"};
    struct def_map root;
    struct def_view *v = &c->view;
    v->name = v->description = v->documentation = v->category = v->preprocess_flow = "";
    if (!def_map_init(&root, c, node, NULL)) {
        return;
    }
    parse_version(&root);
    if (def_get_enum(&root, "definitionType", DEF_OPTIONAL, definition_types,
                     ARRAY_LEN(definition_types), 0) == 1) {
        struct def_where where = def_key(NULL, "definitionType");
        def_fail(c, &where, def_place_in(&root, "definitionType"), "definition.version",
                 "This is a workflow; only integrations can be read.");
    }
    v->name = def_get_text(&root, "name", DEF_REQUIRED);
    v->description = def_get_text(&root, "description", DEF_OPTIONAL);
    v->documentation = def_get_text(&root, "documentation", DEF_OPTIONAL);
    v->category = def_get_text(&root, "category", DEF_OPTIONAL);
    v->is_code_native = def_get_bool(&root, "isCodeNative", false);
    parse_labels(&root);
    v->endpoint =
        (enum def_endpoint)def_get_enum(&root, "endpointType", DEF_OPTIONAL, def_endpoint_names,
                                        _DEF_ENDPOINT_N, DEF_ENDPOINT_FLOW);
    v->preprocess_flow = def_get_text(&root, "preprocessFlowName", DEF_OPTIONAL);
    v->flow_name_field = def_parse_reference(&root, "flowNameField");
    v->external_customer_id_field = def_parse_reference(&root, "externalCustomerIdField");
    v->external_customer_user_id_field = def_parse_reference(&root, "externalCustomerUserIdField");
    def_parse_config(&root);
    def_parse_flows(&root);
}
