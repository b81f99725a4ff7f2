/* Owns the two printed forms of the component tables: JSON for programs, Markdown for people.
 * Called by the worker's command line only, on its main thread, before anything else runs. */
#include "components/catalog_dump.h"

static const char *const type_names[_CATALOG_INPUT_TYPE_N] = {
    [CATALOG_STRING] = "string",
    [CATALOG_TEXT] = "text",
    [CATALOG_NUMBER] = "number",
    [CATALOG_BOOLEAN] = "boolean",
    [CATALOG_JSON] = "json",
    [CATALOG_CODE] = "code",
    [CATALOG_CONNECTION] = "connection",
    [CATALOG_CONDITIONS] = "conditions",
    [CATALOG_PASSWORD] = "password",
};
static const char *const collection_names[] = {
    [CATALOG_SINGLE] = "single",
    [CATALOG_VALUE_LIST] = "valuelist",
    [CATALOG_KEY_VALUE_LIST] = "keyvaluelist",
};

static struct json names(struct arena *a, const char *const *list)
{
    struct json_builder b;
    json_build_array(&b, a);
    for (size_t i = 0; list && list[i]; i++) {
        json_push(&b, json_cstr(list[i]));
    }
    return json_built(&b);
}

static struct json dump_input(struct arena *a, const struct action_input *input)
{
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("key"), json_cstr(input->key));
    json_append(&b, STR("label"), json_cstr(input->label));
    json_append(&b, STR("type"), json_cstr(type_names[input->type]));
    json_append(&b, STR("collection"), json_cstr(collection_names[input->collection]));
    json_append(&b, STR("required"), json_bool(input->required));
    json_append(&b, STR("default"), json_cstr(input->fallback));
    json_append(&b, STR("comments"), json_cstr(input->comments));
    json_append(&b, STR("example"), json_cstr(input->example));
    if (input->choices) {
        json_append(&b, STR("choices"), names(a, input->choices));
    }
    return json_built(&b);
}

static struct json dump_action(struct arena *a, const struct action *action)
{
    static const struct {
        unsigned flag;
        const char *name;
    } flags[] = {
        {ACTION_TRIGGER, "trigger"},
        {ACTION_BRANCHES, "branches"},
        {ACTION_LOOP, "loops"},
        {ACTION_BREAKS, "breaks"},
        {ACTION_STOPS, "stops"},
        {ACTION_SCHEDULE, "scheduleAllowed"},
        {ACTION_SCHEDULE_REQUIRED, "scheduleRequired"},
        {ACTION_REPLIES, "replies"},
    };
    struct json_builder b, inputs;
    json_build_object(&b, a);
    json_append(&b, STR("key"), json_cstr(action->key));
    json_append(&b, STR("label"), json_cstr(action->label));
    json_append(&b, STR("description"), json_cstr(action->description));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        json_append(&b, str_of(flags[i].name), json_bool(action->flags & flags[i].flag));
    }
    if (action->static_branches) {
        json_append(&b, STR("staticBranches"), names(a, action->static_branches));
    }
    json_build_array(&inputs, a);
    for (const struct action_input *in = action->inputs; in && in->key; in++) {
        json_push(&inputs, dump_input(a, in));
    }
    json_append(&b, STR("inputs"), json_built(&inputs));
    struct json example;
    if (action->example) {
        /* A unit test parses every example. */
        ASSERT(json_parse(a, str_of(action->example), &example, NULL) == 0);
        json_append(&b, STR("example"), example);
    }
    return json_built(&b);
}

void catalog_dump(struct buf *b)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(64), 0);
    struct json_builder list;
    json_build_array(&list, a);
    for (size_t i = 0; component_registry[i]; i++) {
        const struct component *c = component_registry[i];
        struct json_builder one, actions;
        json_build_array(&actions, a);
        for (const struct action *action = c->actions; action->key; action++) {
            json_push(&actions, dump_action(a, action));
        }
        json_build_object(&one, a);
        json_append(&one, STR("key"), json_cstr(c->key));
        json_append(&one, STR("label"), json_cstr(c->label));
        json_append(&one, STR("description"), json_cstr(c->description));
        json_append(&one, STR("category"), json_cstr(c->category));
        json_append(&one, STR("version"), json_num(c->version));
        json_append(&one, STR("public"), json_bool(true));
        json_append(&one, STR("actions"), json_built(&actions));
        json_push(&list, json_built(&one));
    }
    struct json_builder root;
    json_build_object(&root, a);
    json_append(&root, STR("components"), json_built(&list));
    json_dump(b, json_built(&root));
}

/* A table cell: no pipes, no line ends. */
static void add_cell(struct buf *b, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '|':
            buf_adds(b, "\\|");
            break;
        case '\n':
            buf_addc(b, ' ');
            break;
        default:
            buf_addc(b, *text);
        }
    }
}

static void add_default_cell(struct buf *b, const char *text)
{
    if (text && *text) {
        buf_addc(b, '`');
        add_cell(b, strcmp(text, "\n") == 0 ? "\\n" : text);
        buf_addc(b, '`');
    }
}

static void add_comments_cell(struct buf *b, const struct action_input *in)
{
    add_cell(b, in->comments);
    for (size_t i = 0; in->choices && in->choices[i]; i++) {
        buf_adds(b, i == 0 ? " One of `" : ", `");
        add_cell(b, strcmp(in->choices[i], "\n") == 0     ? "\\n"
                    : strcmp(in->choices[i], "\r\n") == 0 ? "\\r\\n"
                                                          : in->choices[i]);
        buf_addc(b, '`');
    }
    if (in->example && *in->example) {
        buf_adds(b, " Example: `");
        add_cell(b, in->example);
        buf_addc(b, '`');
    }
}

static void add_action_markdown(struct buf *b, const struct action *action)
{
    buf_addf(b, "\n### %s\n\n`%s`%s\n\n%s\n", action->label, action->key,
             action->flags & ACTION_TRIGGER ? " (trigger)" : "", action->description);
    if (action->inputs && action->inputs[0].key) {
        buf_adds(b, "\n| Input | Key | Type | Required | Default | Comments |\n"
                    "|---|---|---|---|---|---|\n");
    }
    for (const struct action_input *in = action->inputs; in && in->key; in++) {
        static const char *const suffix[] = {"", " list", " key/value list"};
        buf_addf(b, "| %s | `%s` | %s%s | %s | ", in->label, in->key, type_names[in->type],
                 suffix[in->collection], in->required ? "yes" : "");
        add_default_cell(b, in->fallback);
        buf_adds(b, " | ");
        add_comments_cell(b, in);
        buf_adds(b, " |\n");
    }
    for (size_t i = 0; action->static_branches && action->static_branches[i]; i++) {
        buf_addf(b, "%s`%s`", i == 0 ? "\nBranches: " : ", ", action->static_branches[i]);
    }
    if (action->static_branches) {
        buf_addc(b, '\n');
    }
    if (action->example) {
        buf_addf(b, "\nExample result:\n\n```json\n%s\n```\n", action->example);
    }
}

void catalog_dump_markdown(struct buf *b, const struct component *c)
{
    buf_addf(b, "# %s\n\n`%s` · %s\n\n%s\n", c->label, c->key, c->category, c->description);
    static const struct {
        const char *heading;
        unsigned wanted;
    } parts[] = {{"Triggers", ACTION_TRIGGER}, {"Actions", 0}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bool any = false;
        for (const struct action *action = c->actions; action->key; action++) {
            if ((action->flags & ACTION_TRIGGER) != parts[i].wanted) {
                continue;
            }
            if (!any) {
                buf_addf(b, "\n## %s\n", parts[i].heading);
                any = true;
            }
            add_action_markdown(b, action);
        }
    }
}

static int write_page(const char *dir, const char *name, struct str text, struct err *err)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.md", dir, name) >= sizeof(path)) {
        return err_set(err, -ENAMETOOLONG, "docs.path", "The folder's name is too long.");
    }
    FILE *f = fopen(path, "wb");
    if (!f) {
        return err_set(err, -errno, "docs.open", "Cannot write %s: %s", path, strerror(errno));
    }
    bool ok = fwrite(text.ptr, 1, text.len, f) == text.len;
    ok = fclose(f) == 0 && ok;
    return ok ? 0 : err_set(err, -EIO, "docs.write", "Cannot write %s.", path);
}

int catalog_dump_pages(const char *dir, struct err *err)
{
    AUTO(buf_done) struct buf list = {0}, page = {0};
    buf_init(&list, MIB(4));
    buf_init(&page, MIB(4));
    buf_adds(&list, "# Built-in components\n\nGenerated by `leat-worker --dump-docs`.\n\n"
                    "| Component | Key | What it does |\n|---|---|---|\n");
    for (size_t i = 0; component_registry[i]; i++) {
        const struct component *c = component_registry[i];
        buf_addf(&list, "| [%s](%s.md) | `%s` | %s |\n", c->label, c->key, c->key, c->description);
        buf_clear(&page);
        catalog_dump_markdown(&page, c);
        int rc = write_page(dir, c->key, buf_str(&page), err);
        if (rc < 0) {
            return rc;
        }
    }
    return write_page(dir, "README", buf_str(&list), err);
}
