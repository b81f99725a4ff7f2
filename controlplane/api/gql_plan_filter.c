/* Owns the filters: argument values become parameters of the conditions that the schema gives. An
 * id that is no id of the wanted type matches nothing, as if the object did not exist. */
#include "api/gql_plan_priv.h"

/* An input object goes as jsonb, its members for the condition to read. */
static struct db_param object_value(struct gql_plan *p, struct json v)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, KIB(64));
    json_dump(&text, v);
    return text.full ? DB_NULL
                     : DB_STR(str_n(arena_strndup(p->rq->arena, text.data, text.len), text.len));
}

static struct db_param one_value(struct gql_plan *p, const struct gql_filter *f, struct json v)
{
    struct uuid id;
    switch (v.type) {
    case JSON_TRUE:
    case JSON_FALSE:
        return DB_BOOL(v.type == JSON_TRUE);
    case JSON_NUMBER:
        return DB_I64((int64_t)v.num);
    case JSON_STRING:
        if (f->gid) {
            return global_id_parse(json_as_str(v), f->gid, &id) ? DB_UUID(id) : DB_NULL;
        }
        return DB_STR(json_as_str(v));
    case JSON_OBJECT:
        return object_value(p, v);
    case JSON_UNDEFINED:
    case JSON_NULL:
    case JSON_BINARY:
    case JSON_ARRAY:
    case _JSON_TYPE_N:
        break;
    }
    return DB_NULL;
}

/* A list goes as text[], cast to the type of its items. */
static const char *list_value(struct gql_plan *p, const struct gql_filter *f, struct json v)
{
    struct str *items = arena_array(p->rq->arena, v.len + 1, sizeof(*items));
    size_t n = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        struct json item = v.items[i];
        struct uuid id;
        if (f->gid) {
            char *text = arena_alloc(p->rq->arena, UUID_TEXT_LEN + 1);
            if (!global_id_parse(json_as_str(item), f->gid, &id)) {
                continue;
            }
            uuid_format(&id, text);
            items[n++] = str_of(text);
        } else if (item.type == JSON_NUMBER) {
            items[n++] = str_of(arena_printf(p->rq->arena, "%.0f", item.num));
        } else if (item.type == JSON_STRING) {
            items[n++] = json_as_str(item);
        }
    }
    const char *text = gql_plan_param(p, DB_TEXTS(items, n), "text[]");
    return strcmp(f->type, "text") == 0 ? text
                                        : arena_printf(p->rq->arena, "%s::%s[]", text, f->type);
}

static bool given(const struct gql_sel *sel, const char *name)
{
    return name && !json_is_nullish(json_get(sel->args, str_of(name)));
}

/* A costly filter without bounds of its own looks at a span of time. */
static void add_window(struct gql_plan *p, struct buf *to, const struct gql_sel *sel)
{
    const struct gql_window *w = sel->def->mapping ? sel->def->mapping->window : NULL;
    bool open = w && given(sel, w->with);
    for (const char *const *name = w ? w->unless : NULL; open && *name; name++) {
        open = !given(sel, *name);
    }
    if (open) {
        struct json end = json_get(sel->args, w->before ? str_of(w->before) : STR(""));
        const char *v = json_is_nullish(end)
                            ? "now()"
                            : gql_plan_param(p, DB_STR(json_as_str(end)), "timestamptz");
        buf_adds(to, " AND (");
        gql_plan_expand(p, to, w->where, NULL, NULL, NULL, v);
        buf_addc(to, ')');
    }
}

const char *gql_plan_merge_keys(struct gql_plan *p, const struct gql_sel *sel)
{
    const struct gql_table *table = sel->def->mapping->type->table;
    AUTO(buf_done) struct buf keys = {0};
    const char *query = !uuid_is_nil(&p->viewer->customer) ? table->merge_own : NULL, *v = NULL;
    if (!table->merge_key) {
        return NULL;
    }
    for (const struct gql_input_def *in = sel->def->args; in; in = in->next) {
        if (in->filter && in->filter->each &&
            given(sel, arena_strndup(p->rq->arena, in->name.ptr, in->name.len))) {
            query = in->filter->each;
            v = gql_plan_param(p, one_value(p, in->filter, json_get(sel->args, in->name)),
                               in->filter->type);
            break;
        }
    }
    if (!query) {
        return NULL;
    }
    buf_init(&keys, KIB(16));
    gql_plan_expand(p, &keys, query, NULL, NULL, NULL, v);
    return arena_strndup(p->rq->arena, keys.data, keys.len);
}

bool gql_plan_filters(struct gql_plan *p, struct buf *to, const struct gql_sel *sel)
{
    for (const struct gql_input_def *in = sel->def->args; in; in = in->next) {
        struct json v = json_get(sel->args, in->name);
        const struct gql_filter *f = in->filter;
        if (!f || json_is_nullish(v)) {
            continue;
        }
        if (v.type == JSON_ARRAY && v.len > 1000) {
            return gql_fail(p->rq, sel->loc, "TOO_COMPLEX", "A list of values has at most 1000.");
        }
        if (str_eq(gql_type_name(in->type), STR("JSONString")) &&
            json_parse(p->rq->arena, json_as_str(v), &(struct json){0}, NULL) < 0) {
            return gql_fail(p->rq, sel->loc, NULL, "\"%.*s\" must be a JSON text.",
                            (int)in->name.len, in->name.ptr);
        }
        const char *value =
            f->list ? list_value(p, f, v) : gql_plan_param(p, one_value(p, f, v), f->type);
        buf_adds(to, " AND (");
        gql_plan_expand(p, to, f->where, NULL, NULL, f->sql, value);
        buf_addc(to, ')');
    }
    add_window(p, to, sel);
    return p->rq->n_errors == 0;
}
