/* Owns declarative components: parsed from YAML by whoever publishes one (a lane thread) or runs
 * one (a slot thread), then immutable. It refuses keys that it does not know, so that a slip of the
 * pen is told and not passed over. */
#include "definition/declarative_priv.h"
#include "suggest.h"

#define CONNECTIONS_MAX 20

static const char *const auth_names[_DECL_AUTH_N] = {
    [DECL_NO_AUTH] = "none",
    [DECL_BASIC] = "basic",
    [DECL_BEARER] = "bearer",
    [DECL_HEADER] = "header",
    [DECL_QUERY] = "query",
    [DECL_OAUTH2_CODE] = "oauth2_authorization_code",
    [DECL_OAUTH2_CLIENT] = "oauth2_client_credentials",
};

/* Fields that the platform itself looks for in connections of these kinds. */
static const struct {
    enum decl_auth auth;
    const char *key, *label, *type;
    bool required;
} usual_fields[] = {
    {DECL_BASIC, "username", "User name", "string", true},
    {DECL_BASIC, "password", "Password", "password", true},
    {DECL_OAUTH2_CODE, "authorizeUrl", "Authorize URL", "string", true},
    {DECL_OAUTH2_CODE, "tokenUrl", "Token URL", "string", true},
    {DECL_OAUTH2_CODE, "scopes", "Scopes", "string", false},
    {DECL_OAUTH2_CODE, "clientId", "Client ID", "string", true},
    {DECL_OAUTH2_CODE, "clientSecret", "Client Secret", "password", true},
    {DECL_OAUTH2_CLIENT, "tokenUrl", "Token URL", "string", true},
    {DECL_OAUTH2_CLIENT, "scopes", "Scopes", "string", false},
    {DECL_OAUTH2_CLIENT, "clientId", "Client ID", "string", true},
    {DECL_OAUTH2_CLIENT, "clientSecret", "Client Secret", "password", true},
};

void decl_check_keys(struct def_map *m, const char *const *known)
{
    for (size_t i = 0; m->node && i < m->node->n_entries; i++) {
        struct str key = m->node->entries[i].key;
        struct suggest near;
        const char *const *k = known;
        def_suggest_init(m->c, &near, key);
        for (; *k && !str_eq(str_of(*k), key); k++) {
            suggest_offer(&near, *k);
        }
        if (!*k) {
            struct def_place at = {m->node->entries[i].line, m->node->entries[i].column};
            def_fail(m->c, m->where, at, "component.unknown_key", "\"%s\" is not known here%s",
                     def_show(m->c, key), def_did_you_mean(m->c, near.best));
        }
    }
}

bool decl_sub(struct def_map *m, const char *key, struct def_where *where, struct def_map *ret)
{
    const struct yaml_node *node = def_get_map(m, key, DEF_OPTIONAL);
    *where = def_key(m->where, key);
    return node && def_map_init(ret, m->c, node, where);
}

const char *decl_get_key(struct def_map *m, const char *const *before, size_t n)
{
    const char *key = def_get_text(m, "key", DEF_REQUIRED);
    struct def_where where = def_key(m->where, "key");
    bool fits = strlen(key) <= 100;
    for (const char *c = key; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        fits = fits && (letter || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_');
    }
    if (!fits) {
        def_fail(m->c, &where, def_place_in(m, "key"), "component.key",
                 "A key has 1 to 100 letters, digits, \"-\" and \"_\".");
    }
    for (size_t i = 0; i < n && key[0]; i++) {
        if (strcmp(before[i], key) == 0) {
            def_fail(m->c, &where, def_place_in(m, "key"), "component.key",
                     "The key \"%s\" stands twice.", def_show(m->c, str_of(key)));
            break;
        }
    }
    return key;
}

/* --- connections ------------------------------------------------------------------------------ */

static bool has_field(const struct decl_fields *fields, const char *key)
{
    for (size_t i = 0; i < fields->n; i++) {
        if (strcmp(fields->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Those of the usual fields that the author did not describe. */
static void add_usual_fields(struct decl_compile *p, struct decl_connection *c)
{
    struct decl_fields all = {
        .items =
            arena_array(p->c.arena, c->fields.n + ARRAY_LEN(usual_fields), sizeof(*all.items))};
    for (size_t i = 0; i < c->fields.n; i++) {
        all.items[all.n++] = c->fields.items[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(usual_fields); i++) {
        if (usual_fields[i].auth == c->auth && !has_field(&c->fields, usual_fields[i].key)) {
            all.items[all.n++] = (struct decl_field){.key = usual_fields[i].key,
                                                     .label = usual_fields[i].label,
                                                     .type = usual_fields[i].type,
                                                     .required = usual_fields[i].required,
                                                     .comments = "",
                                                     .fallback = "",
                                                     .example = "",
                                                     .placeholder = "",
                                                     .collection = "",
                                                     .shown = true};
        }
    }
    c->fields = all;
}

static void parse_auth(struct decl_compile *p, struct def_map *connection,
                       struct decl_connection *c)
{
    static const char *const known[] = {"type", "name", "value", "username", "password", NULL};
    struct def_where where;
    struct def_map m;
    if (!decl_sub(connection, "auth", &where, &m)) {
        add_usual_fields(p, c);
        return;
    }
    decl_check_keys(&m, known);
    c->auth = (enum decl_auth)def_get_enum(&m, "type", DEF_REQUIRED, auth_names, _DECL_AUTH_N,
                                           DECL_NO_AUTH);
    bool named = c->auth == DECL_HEADER || c->auth == DECL_QUERY;
    add_usual_fields(p, c);
    p->fields = &c->fields;
    c->name = def_get_text(&m, "name", named ? DEF_REQUIRED : DEF_OPTIONAL);
    if (c->auth == DECL_BASIC) {
        decl_get_text(p, &m, "username", DEF_OPTIONAL, &c->value);
        decl_get_text(p, &m, "password", DEF_OPTIONAL, &c->secret);
    } else {
        decl_get_text(p, &m, "value", named || c->auth == DECL_BEARER ? DEF_REQUIRED : DEF_OPTIONAL,
                      &c->value);
    }
    p->fields = NULL;
}

static void parse_connections(struct decl_compile *p, struct def_map *root)
{
    static const char *const known[] = {"key", "label", "comments", "auth", "fields", NULL};
    const struct yaml_node *list = def_get_list(root, "connections", DEF_OPTIONAL, CONNECTIONS_MAX);
    struct def_where in = def_key(root->where, "connections");
    size_t n = list ? list->n_items : 0;
    const char **keys = arena_array(p->c.arena, n + 1, sizeof(const char *));
    p->d->connections = arena_array(p->c.arena, n, sizeof(*p->d->connections));
    for (size_t i = 0; i < n; i++) {
        struct def_where where = def_index(&in, i);
        struct def_map m;
        if (!def_map_init(&m, &p->c, list->items[i], &where)) {
            continue;
        }
        struct decl_connection *c = &p->d->connections[p->d->n_connections];
        *c = (struct decl_connection){.key = decl_get_key(&m, keys, p->d->n_connections),
                                      .name = ""};
        keys[p->d->n_connections++] = c->key;
        p->c.subject =
            arena_printf(p->c.arena, "Connection \"%s\": ", def_show(&p->c, str_of(c->key)));
        decl_check_keys(&m, known);
        c->label = def_get_text(&m, "label", DEF_REQUIRED);
        c->comments = def_get_text(&m, "comments", DEF_OPTIONAL);
        decl_parse_fields(p, &m, "fields", &c->fields);
        parse_auth(p, &m, c);
        p->c.subject = "";
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static void parse_root(struct decl_compile *p, const struct yaml_node *node)
{
    static const char *const known[] = {
        "formatVersion", "key",     "label",       "description", "category", "documentationUrl",
        "baseUrl",       "headers", "connections", "actions",     "triggers", NULL};
    struct def_map m;
    struct declarative *d = p->d;
    if (!def_map_init(&m, &p->c, node, NULL)) {
        return;
    }
    decl_check_keys(&m, known);
    (void)def_get_int(&m, "formatVersion", DEF_REQUIRED, 1, 1, 1);
    d->key = decl_get_key(&m, NULL, 0);
    d->label = def_get_text(&m, "label", DEF_REQUIRED);
    d->description = def_get_text(&m, "description", DEF_REQUIRED);
    d->category = def_get_text(&m, "category", DEF_OPTIONAL);
    d->documentation_url = def_get_text(&m, "documentationUrl", DEF_OPTIONAL);
    parse_connections(p, &m);
    decl_get_text(p, &m, "baseUrl", DEF_REQUIRED, &d->base_url);
    decl_get_pairs(p, &m, "headers", &d->headers);
    decl_parse_actions(p, &m);
    decl_parse_triggers(p, &m);
}

int declarative_parse(struct arena *a, struct str text, struct declarative **ret,
                      struct err_list *errors)
{
    struct yaml_node *root = NULL;
    if (text.len > DECL_MAX_BYTES) {
        return err_set(err_list_add(errors), -EINVAL, "component.too_large",
                       "A component has at most %zu KB.", DECL_MAX_BYTES / KIB(1));
    }
    int rc = yaml_read(a, text, &root, errors);
    if (rc < 0) {
        return rc;
    }
    struct decl_compile p = {.c = {.arena = a, .errors = errors, .subject = ""},
                             .d = arena_new_of(a, struct declarative)};
    parse_root(&p, root);
    if (p.c.failures > 0) {
        return -EINVAL;
    }
    *ret = p.d;
    return 0;
}

/* --- what it is for the API ------------------------------------------------------------------- */

static void put_text(struct json_builder *b, const char *key, const char *text)
{
    if (text[0]) {
        json_append(b, str_of(key), json_cstr(text));
    }
}

static struct json choices_of(struct arena *a, const struct decl_field *f)
{
    struct json_builder list;
    json_build_array(&list, a);
    for (size_t i = 0; i < f->n_choices; i++) {
        struct json_builder one;
        json_build_object(&one, a);
        json_append(&one, STR("label"), json_cstr(f->choices[i]));
        json_append(&one, STR("value"), json_cstr(f->choices[i]));
        json_push(&list, json_built(&one));
    }
    return json_built(&list);
}

static void describe_fields(struct arena *a, const struct decl_fields *fields,
                            struct json_builder *list)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct decl_field *f = &fields->items[i];
        struct json_builder one;
        json_build_object(&one, a);
        json_append(&one, STR("key"), json_cstr(f->key));
        json_append(&one, STR("label"), json_cstr(f->label));
        json_append(&one, STR("type"), json_cstr(f->type));
        put_text(&one, "collection", f->collection);
        put_text(&one, "comments", f->comments);
        put_text(&one, "default", f->fallback);
        put_text(&one, "example", f->example);
        put_text(&one, "placeholder", f->placeholder);
        json_append(&one, STR("required"), json_bool(f->required));
        json_append(&one, STR("shown"), json_bool(f->shown));
        if (f->n_choices) {
            json_append(&one, STR("model"), choices_of(a, f));
        }
        json_push(list, json_built(&one));
    }
}

static struct json display(struct arena *a, const char *label, const char *description)
{
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("label"), json_cstr(label));
    json_append(&b, STR("description"), json_cstr(description));
    return json_built(&b);
}

static struct json describe_action(struct arena *a, const struct declarative *d,
                                   const struct decl_action *action)
{
    struct json_builder b, inputs;
    json_build_object(&b, a);
    json_build_array(&inputs, a);
    if (d->n_connections) {
        struct json_builder one;
        json_build_object(&one, a);
        json_append(&one, STR("key"), json_cstr("connection"));
        json_append(&one, STR("label"), json_cstr("Connection"));
        json_append(&one, STR("type"), json_cstr("connection"));
        json_append(&one, STR("required"), json_bool(true));
        json_push(&inputs, json_built(&one));
    }
    describe_fields(a, &action->inputs, &inputs);
    json_append(&b, STR("key"), json_cstr(action->key));
    json_append(&b, STR("display"), display(a, action->label, action->description));
    json_append(&b, STR("inputs"), json_built(&inputs));
    put_text(&b, "examplePayload", action->example);
    return json_built(&b);
}

static struct json describe_trigger(struct arena *a, const struct decl_trigger *t)
{
    struct json_builder b, inputs;
    bool answers = t->header[0] || t->challenge_parameter[0] || t->challenge;
    json_build_object(&b, a);
    json_build_array(&inputs, a);
    describe_fields(a, &t->inputs, &inputs);
    json_append(&b, STR("key"), json_cstr(t->key));
    json_append(&b, STR("display"), display(a, t->label, t->description));
    json_append(&b, STR("inputs"), json_built(&inputs));
    json_append(&b, STR("scheduleSupport"), json_cstr("invalid"));
    json_append(&b, STR("synchronousResponseSupport"), json_cstr(answers ? "valid" : "invalid"));
    put_text(&b, "examplePayload", t->example);
    return json_built(&b);
}

static struct json describe_connection(struct arena *a, const struct decl_connection *c)
{
    struct json_builder b, inputs;
    json_build_object(&b, a);
    json_build_array(&inputs, a);
    describe_fields(a, &c->fields, &inputs);
    json_append(&b, STR("key"), json_cstr(c->key));
    json_append(&b, STR("label"), json_cstr(c->label));
    put_text(&b, "comments", c->comments);
    if (c->auth == DECL_OAUTH2_CODE) {
        json_append(&b, STR("oauth2Type"), json_cstr("authorization_code"));
    } else if (c->auth == DECL_OAUTH2_CLIENT) {
        json_append(&b, STR("oauth2Type"), json_cstr("client_credentials"));
    }
    json_append(&b, STR("inputs"), json_built(&inputs));
    return json_built(&b);
}

struct json declarative_describe(struct arena *a, const struct declarative *d)
{
    struct json_builder root, definition, shown, actions, triggers, connections;
    json_build_object(&shown, a);
    json_append(&shown, STR("label"), json_cstr(d->label));
    json_append(&shown, STR("description"), json_cstr(d->description));
    json_append(&shown, STR("category"), json_cstr(d->category));
    json_build_object(&definition, a);
    json_append(&definition, STR("key"), json_cstr(d->key));
    json_append(&definition, STR("display"), json_built(&shown));
    put_text(&definition, "documentationUrl", d->documentation_url);
    json_build_array(&actions, a);
    for (size_t i = 0; i < d->n_actions; i++) {
        json_push(&actions, describe_action(a, d, &d->actions[i]));
    }
    json_build_array(&triggers, a);
    for (size_t i = 0; i < d->n_triggers; i++) {
        json_push(&triggers, describe_trigger(a, &d->triggers[i]));
    }
    json_build_array(&connections, a);
    for (size_t i = 0; i < d->n_connections; i++) {
        json_push(&connections, describe_connection(a, &d->connections[i]));
    }
    json_build_object(&root, a);
    json_append(&root, STR("definition"), json_built(&definition));
    json_append(&root, STR("actions"), json_built(&actions));
    json_append(&root, STR("triggers"), json_built(&triggers));
    json_append(&root, STR("connections"), json_built(&connections));
    return json_built(&root);
}
