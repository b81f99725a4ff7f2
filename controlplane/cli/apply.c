/* leat apply: a fleet kept in files. Owns the command: read, plan, show, ask, do, tell. */
#include "cli/apply.h"
#include "cli/changes.h"
#include "cli/commands.h"

struct apply_config {
    const char *comment;
    bool plan, prune, secrets, yes;
};

static const struct {
    enum plan_action action;
    const char *word;
} words[] = {{PLAN_CREATE, "create"},
             {PLAN_UPDATE, "update"},
             {PLAN_PUBLISH, "publish"},
             {PLAN_DEPLOY, "deploy"},
             {PLAN_DELETE, "delete"}};

static const char *action_words(struct arena *a, unsigned actions)
{
    const char *text = "";
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (actions & words[i].action) {
            text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", words[i].word);
        }
    }
    return text;
}

static struct str shown(struct arena *a, struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    if (json_is_nullish(v) || (v.type == JSON_STRING && v.len == 0)) {
        return STR("nothing");
    }
    if (v.type == JSON_STRING) {
        return text_cut(a, text_line(a, json_as_str(v)), 60);
    }
    buf_init(&text, MIB(1));
    json_dump(&text, v);
    return text_cut(
        a, text_line(a, str_n(arena_strndup(a, buf_str(&text).ptr, text.len), text.len)), 60);
}

void apply_show(const struct apply *x)
{
    struct cli *cli = x->cli;
    for (size_t i = 0; i < x->n; i++) {
        const struct plan_item *item = &x->items[i];
        if (item->actions == 0 && !item->note) {
            continue;
        }
        cli_say(cli, "%s %s %.*s%s%s",
                item->actions & PLAN_CREATE   ? "+"
                : item->actions & PLAN_DELETE ? "-"
                : item->actions               ? "~"
                                              : " ",
                fleet_words[item->kind], (int)item->name.len, item->name.ptr,
                item->actions ? ": " : "", action_words(cli->arena, item->actions));
        if (item->kind == FLEET_INTEGRATION) {
            changes_print(cli, item->changes, 4);
        }
        for (uint32_t k = 0; item->kind != FLEET_INTEGRATION && k < item->changes.len; k++) {
            struct json change = item->changes.items[k];
            struct str name = cli_text(change, "name");
            struct str before = shown(cli->arena, cli_get(change, "before"));
            struct str after = shown(cli->arena, cli_get(change, "after"));
            if (item->actions & PLAN_CREATE) {
                continue;
            }
            cli_say(cli, "    %.*s: %.*s -> %.*s", (int)name.len, name.ptr, (int)before.len,
                    before.ptr, (int)after.len, after.ptr);
        }
        if (item->note && !(item->actions & PLAN_CREATE)) {
            cli_say(cli, "    (%s)", item->note);
        }
    }
}

struct json apply_json(const struct apply *x, size_t done)
{
    struct arena *a = x->cli->arena;
    struct json_builder all, list;
    json_build_array(&list, a);
    for (size_t i = 0; i < x->n; i++) {
        const struct plan_item *item = &x->items[i];
        struct json_builder one, actions;
        json_build_array(&actions, a);
        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
            if (item->actions & words[k].action) {
                json_push(&actions, json_cstr(words[k].word));
            }
        }
        json_build_object(&one, a);
        json_append(&one, STR("kind"), json_cstr(fleet_words[item->kind]));
        json_append(&one, STR("name"), json_str(item->name));
        json_append(&one, STR("actions"), json_built(&actions));
        json_append(&one, STR("changes"), item->changes);
        json_append(&one, STR("note"), item->note ? json_cstr(item->note) : json_null());
        json_push(&list, json_built(&one));
    }
    json_build_object(&all, a);
    json_append(&all, STR("plan"), json_built(&list));
    json_append(&all, STR("changes"), json_num((double)apply_changes(x)));
    json_append(&all, STR("done"), json_num((double)done));
    return json_built(&all);
}

static int mistakes(struct apply *x, struct err *err)
{
    for (size_t i = 0; i < x->fleet.n_errors; i++) {
        cli_problem(x->cli, STR(""), str_of(x->fleet.errors[i]));
    }
    return err_set(err, -EINVAL, "apply.files", "nothing was changed; the files have mistakes:");
}

static int carry_out(struct apply *x, const struct apply_config *o, struct err *err)
{
    size_t n = apply_changes(x), done;
    int r = cli_confirm(x->cli, o->yes, arena_printf(x->cli->arena, "Apply %zu changes?", n), err);
    if (r != 0) {
        return r;
    }
    r = apply_run(x, &done, err);
    if (r != 0) {
        cli_progress(x->cli,
                     "%zu of %zu are done, this one perhaps in part. Correct what is "
                     "wrong and apply again: what is done will not be done again.",
                     done, n);
        return r;
    }
    if (x->cli->json) {
        cli_print_json(apply_json(x, done));
    }
    cli_say(x->cli, "%zu changes applied.", done);
    return COMMAND_OK;
}

static int call_apply(struct cli *cli, const void *config, struct err *err)
{
    const struct apply_config *o = config;
    struct apply *x = arena_new_of(cli->arena, struct apply);
    x->cli = cli;
    x->prune = o->prune;
    x->secrets = o->secrets;
    x->comment = o->comment;
    int r = fleet_read(cli->arena, cli->words[0], &x->fleet, err);
    if (r == 0 && x->fleet.n_errors > 0) {
        return mistakes(x, err);
    }
    r = r ? r : apply_plan(x, err);
    if (r == 0 && x->fleet.n_errors > 0) {
        return mistakes(x, err);
    }
    if (r != 0) {
        return r;
    }
    apply_show(x);
    size_t n = apply_changes(x);
    if (n > 0 && !o->plan) {
        return carry_out(x, o, err);
    }
    if (cli->json) {
        cli_print_json(apply_json(x, 0));
    }
    if (n == 0) {
        cli_say(cli, "Everything is as the files say.");
    } else {
        cli_say(cli, "%zu to change.", n);
    }
    return n > 0 ? COMMAND_DIFFERS : COMMAND_OK;
}

static const struct config_option options[] = {
    {"plan", CONFIG_BOOL, offsetof(struct apply_config, plan), NULL,
     "show what would change, change nothing; exit status 3 when there is something", 0, 0, false},
    {"prune", CONFIG_BOOL, offsetof(struct apply_config, prune), NULL,
     "delete what apply made and the files do not have any more", 0, 0, false},
    {"secrets", CONFIG_BOOL, offsetof(struct apply_config, secrets), NULL,
     "set the inputs of all connections again: whether they changed cannot be told", 0, 0, false},
    {"comment", CONFIG_STR, offsetof(struct apply_config, comment), "leat apply",
     "what versions that are published are told to be", 0, 0, false},
    {"yes", CONFIG_BOOL, offsetof(struct apply_config, yes), NULL, "do not ask (-y)", 0, 0, false},
    {0},
};
const struct command command_apply = {
    .name = "apply",
    .summary = "make integrations, customers and instances as a folder of files says",
    .words = "FOLDER",
    .words_min = 1,
    .words_max = 1,
    .word = WORD_FOLDER,
    .options = options,
    .call = call_apply,
    .config_size = sizeof(struct apply_config),
    .details = "The folder is told in docs/apply.md. Everything is read and checked before the "
               "first change; a second run\nhas nothing to do.",
    .examples = "leat apply fleet --plan\nleat apply fleet --yes --prune",
    .output = "{plan: [{kind, name, actions, changes, note}], changes, done}",
};
