/* Owns the typing of config variables: settings are texts, steps see values. Pure, any thread. It
 * refuses settings that do not fit the variable's type, so that a deploy fails and not a run. */
#include "domain/config_value.h"

#include <math.h>

#include "cron.h"

#define TEXT_MAX KIB(64)

static int bad(const struct def_config_var *var, struct err *err, const char *words)
{
    return err_field(err, -EINVAL, "config.bad_value", var->key, "\"%s\" %s.", var->key, words);
}

/* The text that holds: the setting's, else the default's. */
static struct str text_of(const struct def_config_var *var, const struct config_setting *set)
{
    return set && set->has_value ? set->value : str_of(var->default_value);
}

static int make_json(struct arena *a, const struct def_config_var *var, struct str text,
                     enum json_type wanted, struct json *ret, struct err *err)
{
    struct json v;
    /* Parsed strings may point into the text: keep a copy as long as the value. */
    text = str_n(arena_strndup(a, text.ptr, text.len), text.len);
    if (json_parse(a, text, &v, NULL) < 0) {
        return bad(var, err, "must be a JSON text");
    }
    if (wanted != JSON_UNDEFINED && v.type != wanted) {
        return bad(var, err,
                   wanted == JSON_ARRAY ? "must be a JSON list" : "must be a JSON object");
    }
    *ret = v;
    return 0;
}

static int make_number(const struct def_config_var *var, struct arena *a, struct str text,
                       struct json *ret, struct err *err)
{
    struct json v;
    text = str_trim(text);
    text = str_n(arena_strndup(a, text.ptr, text.len), text.len);
    if (json_parse(a, text, &v, NULL) < 0 || v.type != JSON_NUMBER || !isfinite(v.num)) {
        return bad(var, err, "must be a number");
    }
    *ret = v;
    return 0;
}

static int make_bool(const struct def_config_var *var, struct str text, struct json *ret,
                     struct err *err)
{
    text = str_trim(text);
    if (!str_eq_ci(text, STR("true")) && !str_eq_ci(text, STR("false"))) {
        return bad(var, err, "must be true or false");
    }
    *ret = json_bool(str_eq_ci(text, STR("true")));
    return 0;
}

static const char *const schedule_words[_DEF_SCHEDULE_N] = {"none", "once", "minute", "hour",
                                                            "day",  "week", "custom"};

static int make_schedule(struct arena *a, const struct def_config_var *var,
                         const struct config_setting *set, struct json *ret, struct err *err)
{
    struct str cron_text = str_trim(text_of(var, set));
    struct str type = set && set->schedule_type.len ? set->schedule_type
                                                    : str_of(schedule_words[var->schedule_type]);
    struct str zone = set && set->time_zone.len ? set->time_zone : str_of(var->time_zone);
    struct json_builder b;
    struct cron cron;
    struct err why;
    int64_t next;
    size_t known = 0;
    err_clear(&why);
    while (known < _DEF_SCHEDULE_N && !str_eq(type, str_of(schedule_words[known]))) {
        known++;
    }
    if (known == _DEF_SCHEDULE_N) {
        return bad(var, err, "has an unknown schedule type");
    }
    if (known != DEF_SCHEDULE_NONE && cron_text.len > 0 && cron_parse(cron_text, &cron, &why) < 0) {
        return bad(var, err, why.message);
    }
    if (zone.len > 0 &&
        (zone.len > 64 || cron_parse(STR("* * * * *"), &cron, NULL) < 0 ||
         cron_next(&cron, arena_strndup(a, zone.ptr, zone.len), 0, &next, &why) < 0)) {
        return bad(var, err, "has an unknown time zone");
    }
    json_build_object(&b, a);
    json_append(&b, STR("value"), json_str(cron_text));
    json_append(&b, STR("schedule_type"), json_str(type));
    json_append(&b, STR("time_zone"), json_str(zone));
    *ret = json_built(&b);
    return 0;
}

static bool is_scoped(const struct def_config_var *var)
{
    return var->scoped_config_var && var->scoped_config_var[0];
}

/* Values of [{name, value}] over those there are. */
static int add_fields(const struct def_config_var *var, struct json given,
                      struct json_builder *fields, struct err *err)
{
    for (uint32_t i = 0; given.type == JSON_ARRAY && i < given.len; i++) {
        struct json name = json_get(given.items[i], STR("name"));
        if (name.type != JSON_STRING || name.len == 0) {
            return bad(var, err, "needs a name for each of its values");
        }
    }
    config_fields_add(fields, given);
    return 0;
}

void config_fields_add(struct json_builder *fields, struct json given)
{
    for (uint32_t i = 0; given.type == JSON_ARRAY && i < given.len; i++) {
        struct json name = json_get(given.items[i], STR("name"));
        struct json value = json_get(given.items[i], STR("value"));
        if (json_as_str(name).len > 0 && !json_is_nullish(value) &&
            json_as_str(value).len + (value.type != JSON_STRING) > 0) {
            json_set(fields, json_as_str(name), value);
        }
    }
}

static bool gives(struct json inputs, struct str name)
{
    for (uint32_t i = 0; inputs.type == JSON_ARRAY && i < inputs.len; i++) {
        struct json value = json_get(inputs.items[i], STR("value"));
        if (str_eq(json_as_str(json_get(inputs.items[i], STR("name"))), name) &&
            !json_is_nullish(value) && json_as_str(value).len + (value.type != JSON_STRING) > 0) {
            return true;
        }
    }
    return false;
}

/* {{#Key}} is a sibling input, else another variable. */
static int fill_template(struct arena *a, const struct def_config_var *var,
                         const struct template *t, struct json fields, struct json others,
                         struct json *ret, struct err *err)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->type == TEMPLATE_TEXT) {
            buf_add_str(&text, part->text);
        } else if (part->type == TEMPLATE_CONFIG_VAR) {
            struct json sibling = json_get(fields, part->text);
            template_add_value(
                &text, sibling.type != JSON_UNDEFINED ? sibling : json_get(others, part->text));
        }
    }
    if (text.full) {
        return bad(var, err, "has an input that becomes longer than 64 KB");
    }
    *ret = json_str(str_n(arena_strndup(a, text.len ? text.data : "", text.len), text.len));
    return 0;
}

/* Inputs that refer to other variables, or to inputs beside them, unless the instance has its own.
 */
static int add_references(struct arena *a, const struct def_config_var *var,
                          const struct config_setting *set, struct json_builder *fields,
                          struct err *err)
{
    for (size_t i = 0; i < var->n_inputs; i++) {
        const struct def_input *in = &var->inputs[i];
        struct json v = json_undefined();
        int rc = 0;
        if (!set || gives(set->inputs, str_of(in->key))) {
            continue;
        }
        if (in->type == DEF_INPUT_CONFIG_VAR) {
            v = json_get(set->others, in->text);
        } else if (in->type == DEF_INPUT_TEMPLATE) {
            rc = fill_template(a, var, in->template, json_built(fields), set->others, &v, err);
        }
        if (rc != 0) {
            return rc;
        }
        if (v.type != JSON_UNDEFINED) {
            json_set(fields, str_of(in->key), v);
        }
    }
    return 0;
}

static int make_connection(struct arena *a, const struct def_config_var *var,
                           const struct config_setting *set, struct json *ret, struct err *err)
{
    struct json_builder b, fields, empty;
    struct str key = str_of(var->connection_key);
    json_build_object(&fields, a);
    json_build_object(&empty, a);
    config_fields_add(&fields, set ? set->presets : json_undefined());
    for (size_t i = 0; i < var->n_inputs; i++) {
        const struct def_input *in = &var->inputs[i];
        bool preset = json_get(json_built(&fields), str_of(in->key)).type != JSON_UNDEFINED;
        if (in->type == DEF_INPUT_VALUE && !(preset && in->text.len == 0)) {
            json_set(&fields, str_of(in->key), json_str(in->text));
        }
    }
    if (is_scoped(var)) {
        if (!set || !set->is_bound) {
            *ret = json_undefined();
            return 0;
        }
        key = set->connection_key;
        config_fields_add(&fields, set->scoped_inputs);
        config_fields_add(&fields, set->own_inputs);
    } else if (set && add_fields(var, set->inputs, &fields, err) < 0) {
        return -EINVAL;
    } else if (add_references(a, var, set, &fields, err) < 0) {
        return -EINVAL;
    }
    json_build_object(&b, a);
    json_append(&b, STR("key"), json_str(key));
    json_append(&b, STR("configVarKey"), json_cstr(var->key));
    json_append(&b, STR("fields"), json_built(&fields));
    json_append(&b, STR("token"), json_built(&empty));
    json_append(&b, STR("context"), json_built(&empty));
    *ret = json_built(&b);
    return 0;
}

static int make_choice(const struct def_config_var *var, struct str text, struct json *ret,
                       struct err *err)
{
    bool found = var->n_pick_list == 0; /* choices of a data source are not known here */
    for (size_t i = 0; i < var->n_pick_list && !found; i++) {
        found = str_eq(text, str_of(var->pick_list[i]));
    }
    *ret = json_str(text);
    return found ? 0 : bad(var, err, "must be one of its choices");
}

int config_value_make(struct arena *a, const struct def_config_var *var,
                      const struct config_setting *set, struct json *ret, struct err *err)
{
    struct str text = text_of(var, set);
    if (var->type == DEF_VAR_CONNECTION) {
        return make_connection(a, var, set, ret, err);
    }
    if (var->type == DEF_VAR_SCHEDULE) {
        return make_schedule(a, var, set, ret, err);
    }
    if (text.len == 0) { /* never set, or set to nothing */
        *ret =
            var->type == DEF_VAR_STRING && set && set->has_value ? json_cstr("") : json_undefined();
        return 0;
    }
    if (var->collection != DEF_COLLECTION_NONE) {
        return make_json(a, var, text, JSON_ARRAY, ret, err);
    }
    switch (var->type) {
    case DEF_VAR_NUMBER:
        return make_number(var, a, text, ret, err);
    case DEF_VAR_BOOLEAN:
        return make_bool(var, text, ret, err);
    case DEF_VAR_PICKLIST:
        return make_choice(var, text, ret, err);
    case DEF_VAR_OBJECT_SELECTION:
        return make_json(a, var, text, JSON_ARRAY, ret, err);
    case DEF_VAR_OBJECT_FIELD_MAP:
        return make_json(a, var, text, JSON_OBJECT, ret, err);
    case DEF_VAR_JSON_FORM:
        return make_json(a, var, text, JSON_UNDEFINED, ret, err);
    case DEF_VAR_STRING:
    case DEF_VAR_DATE:
    case DEF_VAR_TIMESTAMP:
    case DEF_VAR_CODE:
    case DEF_VAR_SCHEDULE:
    case DEF_VAR_CONNECTION:
    case _DEF_VAR_TYPE_N:
        break;
    }
    *ret = json_str(text);
    return 0;
}

bool config_value_complete(const struct def_config_var *var, struct json v)
{
    if (is_scoped(var)) {
        return v.type != JSON_UNDEFINED;
    }
    if (var->type == DEF_VAR_CONNECTION) {
        /* Which inputs a connection needs is known to its component only. */
        return var->n_inputs == 0 || json_get(v, STR("fields")).len > 0;
    }
    return var->type == DEF_VAR_BOOLEAN || v.type != JSON_UNDEFINED;
}
