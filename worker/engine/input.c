/* Evaluates the inputs of steps against what has run. Called on the slot's thread; memory comes
 * from the run's scratch arena. Missing references are no error here: they are undefined, and the
 * action decides. Refuses only template texts over TEXT_MAX, or over what memory is left. */
#include "engine/run_priv.h"

#include "expr/value.h"

#define TEXT_MAX MIB(64)

static struct json eval_path(struct run *run, const struct path *path)
{
    if (path->step >= run->flow->plan->n_steps) {
        return json_undefined();
    }
    const struct scope_entry *e = &run->scope[path->step];
    switch (path->root) {
    case PATH_RESULTS:
        return e->has_result ? path_resolve(path, e->result) : json_undefined();
    case PATH_CURRENT_ITEM:
        return e->in_loop ? path_resolve(path, e->item) : json_undefined();
    case PATH_INDEX:
        return e->in_loop ? path_resolve(path, json_num(e->index)) : json_undefined();
    case _PATH_ROOT_N:
        break;
    }
    ASSERT(false);
}

static struct json eval_config_var(struct run *run, struct str key)
{
    return json_get(run->instance->config, key);
}

static int eval_template(struct run *run, const struct template *t, struct json *ret,
                         struct err *err)
{
    struct buf *text = &run->memory->text;
    size_t max = text->max;
    buf_clear(text);
    text->max = TEXT_MAX;
    for (size_t i = 0; i < t->n_parts && !text->full; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->type == TEMPLATE_TEXT) {
            buf_add_str(text, part->text);
        } else if (part->type == TEMPLATE_CONFIG_VAR) {
            template_add_value(text, eval_config_var(run, part->text));
        } else {
            template_add_value(text, eval_path(run, part->path));
        }
    }
    text->max = max;
    if (text->full) {
        return err_set(err, -EFBIG, "input.too_large", "the text of a template is over %zu bytes",
                       TEXT_MAX);
    }
    if (text->len + 1 > arena_room(run->scratch)) {
        return err_set(err, -ENOMEM, "run.memory",
                       "the texts of this step's templates do not fit in the memory of the "
                       "execution");
    }
    *ret = json_str(
        str_n(arena_strndup(run->scratch, text->len ? text->data : "", text->len), text->len));
    return 0;
}

static int eval_list(struct run *run, const struct def_input *in, struct json *ret, struct err *err)
{
    struct json *items = arena_array(run->scratch, in->n_items, sizeof(*items));
    for (size_t i = 0; i < in->n_items; i++) {
        int rc = run_eval(run, &in->items[i], &items[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    *ret = json_array(items, in->n_items);
    return 0;
}

static int eval_key_values(struct run *run, const struct def_input *in, struct json *ret,
                           struct err *err)
{
    struct json *items = arena_array(run->scratch, in->n_items, sizeof(*items));
    for (size_t i = 0; i < in->n_items; i++) {
        const struct def_input *item = &in->items[i];
        struct json_member *pair = arena_array(run->scratch, 2, sizeof(*pair));
        struct json name = json_cstr("");
        if (item->name) {
            int rc = run_eval(run, item->name, &name, err);
            if (rc < 0) {
                return rc;
            }
        }
        pair[0].key = STR("key");
        pair[0].value = json_str(value_to_text(run->scratch, name));
        pair[1].key = STR("value");
        int rc = run_eval(run, item, &pair[1].value, err);
        if (rc < 0) {
            return rc;
        }
        items[i] = json_object(pair, 2);
    }
    *ret = json_array(items, in->n_items);
    return 0;
}

int run_eval(struct run *run, const struct def_input *in, struct json *ret, struct err *err)
{
    *ret = json_undefined();
    switch (in->type) {
    case DEF_INPUT_UNSET:
    case DEF_INPUT_CONDITIONS:
        return 0;
    case DEF_INPUT_VALUE:
        *ret = json_str(in->text);
        return 0;
    case DEF_INPUT_REFERENCE:
        *ret = eval_path(run, in->path);
        return 0;
    case DEF_INPUT_CONFIG_VAR:
        *ret = eval_config_var(run, in->text);
        return 0;
    case DEF_INPUT_TEMPLATE:
        return eval_template(run, in->template, ret, err);
    case DEF_INPUT_LIST:
        return eval_list(run, in, ret, err);
    case DEF_INPUT_KEY_VALUES:
        return eval_key_values(run, in, ret, err);
    case _DEF_INPUT_TYPE_N:
        break;
    }
    ASSERT(false);
}

/* Unset: no value, or an empty text that no step made. */
static bool is_unset(const struct def_input *in, struct json v)
{
    if (in && in->type == DEF_INPUT_REFERENCE) {
        return v.type == JSON_UNDEFINED;
    }
    return v.type == JSON_UNDEFINED || (v.type == JSON_STRING && v.len == 0);
}

int run_eval_inputs(struct run *run, const struct plan_step *ps, struct json **ret_values,
                    struct err *err)
{
    struct json *values = arena_alloc(run->scratch, ps->n_inputs * sizeof(*values));
    for (uint32_t i = 0; i < ps->n_inputs; i++) {
        const struct plan_input *input = &ps->inputs[i];
        values[i] = json_undefined();
        if (input->input) {
            int rc = run_eval(run, input->input, &values[i], err);
            if (rc < 0) {
                err_prefix(err, "input \"%s\"", input->label);
                return rc;
            }
        }
        if (is_unset(input->input, values[i])) {
            values[i] = input->fallback ? json_cstr(input->fallback) : json_undefined();
        }
    }
    *ret_values = values;
    return 0;
}
