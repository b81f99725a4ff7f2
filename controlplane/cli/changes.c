/* Owns how differences of definitions are shown, and comparing a file with a draft. */
#include "cli/changes.h"

#include "domain/definition_diff.h"

#define SHOWN_COLUMNS 60

static const char *const kinds[_DIFF_KIND_N] = {
    [DIFF_ADDED] = "ADDED", [DIFF_REMOVED] = "REMOVED", [DIFF_CHANGED] = "CHANGED"};
static const struct {
    const char *name, *word;
} subjects[_DIFF_SUBJECT_N] = {
    [DIFF_INTEGRATION] = {"INTEGRATION", "integration"},
    [DIFF_CONFIG_VARIABLE] = {"CONFIG_VARIABLE", "config variable"},
    [DIFF_FLOW] = {"FLOW", "flow"},
    [DIFF_STEP] = {"STEP", "step"},
    [DIFF_INPUT] = {"INPUT", "input"},
};

static struct json text_or_null(struct str s)
{
    return s.len ? json_str(s) : json_null();
}

static struct json shown(struct cli *cli, struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    if (json_is_nullish(v) || v.type == JSON_STRING) {
        return json_is_nullish(v) ? json_null() : v;
    }
    buf_init(&text, MIB(16));
    json_dump(&text, v);
    return json_str(str_n(arena_strndup(cli->arena, buf_str(&text).ptr, text.len), text.len));
}

int changes_of(struct cli *cli, struct str before, struct str after, struct json *ret,
               struct err *err)
{
    struct json trees[2];
    struct definition_diff diff;
    struct json_builder list;
    if (definition_tree(cli->arena, before, &trees[0]) != 0 ||
        definition_tree(cli->arena, after, &trees[1]) != 0) {
        return err_set(err, -EINVAL, "cli.diff",
                       "this is no YAML: `leat import FILE --check` tells what is wrong");
    }
    definition_diff(cli->arena, trees[0], trees[1], &diff);
    json_build_array(&list, cli->arena);
    for (size_t i = 0; i < diff.n; i++) {
        const struct diff_change *change = &diff.changes[i];
        struct json_builder one;
        json_build_object(&one, cli->arena);
        json_append(&one, STR("kind"), json_cstr(kinds[change->kind]));
        json_append(&one, STR("subject"), json_cstr(subjects[change->subject].name));
        json_append(&one, STR("configVariable"), text_or_null(change->config_variable));
        json_append(&one, STR("flow"), text_or_null(change->flow));
        json_append(&one, STR("step"), text_or_null(change->step));
        json_append(&one, STR("name"), json_str(change->name));
        json_append(&one, STR("before"), shown(cli, change->before));
        json_append(&one, STR("after"), shown(cli, change->after));
        json_push(&list, json_built(&one));
    }
    *ret = json_built(&list);
    return 0;
}

static const char *word_of(struct str subject)
{
    for (size_t i = 0; i < _DIFF_SUBJECT_N; i++) {
        if (str_eq(subject, str_of(subjects[i].name))) {
            return subjects[i].word;
        }
    }
    return "";
}

/* " (flow Main, step Tell)" */
static const char *place(struct arena *a, struct json change)
{
    static const struct {
        const char *path, *word;
    } parts[] = {{"configVariable", "config variable"}, {"flow", "flow"}, {"step", "step"}};
    const char *text = "";
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct str s = cli_text(change, parts[i].path);
        if (s.len > 0 && !str_eq(s, cli_text(change, "name"))) {
            text = arena_printf(a, "%s%s%s %.*s", text, *text ? ", " : " (", parts[i].word,
                                (int)s.len, s.ptr);
        }
    }
    return *text ? arena_printf(a, "%s)", text) : text;
}

static struct str value(struct cli *cli, struct json change, const char *path)
{
    struct str s = text_line(cli->arena, cli_text(change, path));
    return s.len ? text_cut(cli->arena, s, SHOWN_COLUMNS) : STR("nothing");
}

void changes_print(struct cli *cli, struct json changes, int indent)
{
    for (uint32_t i = 0; changes.type == JSON_ARRAY && i < changes.len; i++) {
        struct json change = changes.items[i];
        struct str kind = cli_text(change, "kind"), name = cli_text(change, "name");
        bool changed = str_eq(kind, STR("CHANGED"));
        bool input = str_eq(cli_text(change, "subject"), STR("INPUT"));
        const char *word = changed && !input ? "" : word_of(cli_text(change, "subject"));
        struct str before = value(cli, change, "before"), after = value(cli, change, "after");
        cli_say(cli, "%*s%s %s%s%.*s%s%s%.*s%s%.*s", indent, "",
                changed                      ? "~"
                : str_eq(kind, STR("ADDED")) ? "+"
                                             : "-",
                word, *word ? " " : "", (int)name.len, name.ptr, place(cli->arena, change),
                changed ? ": " : "", changed ? (int)before.len : 0, before.ptr,
                changed ? " -> " : "", changed ? (int)after.len : 0, after.ptr);
    }
}
