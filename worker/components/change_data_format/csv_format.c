/* Owns what change-data-format does with CSV beyond reading and writing it: names with double
 * underscores become objects, and documents are looked through for their rows. Pure, on the slot's
 * thread. It refuses to nest names of which one is both a value and an object, and too many. */
#include "components/change_data_format/csv_format.h"

#include "components/csv/csv_write.h"

#define NEST_COLUMNS_MAX 1000
#define NEST_DEPTH_MAX   20
#define SEPARATOR        "__"

/* A member of the objects that rows become: a column's value, or an object of more. */
struct member {
    struct str key;
    uint32_t column; /* number + 1; 0 = an object */
    struct member *next, *members, **last;
};

static struct member *add_member(struct arena *a, struct member *object, struct str key)
{
    struct member *m = arena_new_of(a, struct member);
    *m = (struct member){.key = key};
    m->last = &m->members;
    *object->last = m;
    object->last = &m->next;
    return m;
}

static struct member *find_member(const struct member *object, struct str key)
{
    struct member *m = object->members;
    while (m && !str_eq(m->key, key)) {
        m = m->next;
    }
    return m;
}

/* Whether the name has parts, none of them empty. */
static bool nests(struct str name)
{
    size_t from = 0, parts = 1;
    for (ptrdiff_t at; (at = str_find(name, STR(SEPARATOR), from)) >= 0; parts++) {
        if ((size_t)at == from) {
            return false;
        }
        from = (size_t)at + 2;
    }
    return parts > 1 && parts <= NEST_DEPTH_MAX && from < name.len;
}

static int add_column(struct action_context *ctx, struct member *root, struct str name,
                      uint32_t column, struct err *err)
{
    struct member *object = root;
    struct str rest = name;
    while (nests(name)) {
        ptrdiff_t at = str_find(rest, STR(SEPARATOR), 0);
        if (at < 0) {
            break;
        }
        struct str key = str_n(rest.ptr, (size_t)at);
        struct member *m = find_member(object, key);
        object = m ? m : add_member(action_arena(ctx), object, key);
        if (object->column) {
            return action_input_error(ctx, "data", err,
                                      "the column \"%.*s\" cannot be in \"%.*s\", which is a "
                                      "column itself.",
                                      (int)MIN(name.len, 80), name.ptr, (int)MIN(key.len, 80),
                                      key.ptr);
        }
        rest = str_n(rest.ptr + at + 2, rest.len - (size_t)at - 2);
    }
    if (find_member(object, rest)) {
        return action_input_error(ctx, "data", err,
                                  "the column \"%.*s\" is an object of other columns, too.",
                                  (int)MIN(name.len, 80), name.ptr);
    }
    add_member(action_arena(ctx), object, rest)->column = column + 1;
    return 0;
}

/* Rows with fewer fields lack the last members. */
static struct json nested(struct arena *a, const struct member *object, struct json row)
{
    struct json_builder b;
    json_build_object(&b, a);
    for (const struct member *m = object->members; m; m = m->next) {
        if (!m->column) {
            json_append(&b, m->key, nested(a, m, row));
        } else if (m->column <= row.len) {
            json_append(&b, m->key, row.members[m->column - 1].value);
        }
    }
    return json_built(&b);
}

static int nest(struct action_context *ctx, struct csv_table *table, struct err *err)
{
    struct json names = table->names;
    struct member root = {.last = &root.members};
    if (names.len > NEST_COLUMNS_MAX) {
        return action_input_error(ctx, "unflattenKeys", err, "there are more than %d columns.",
                                  NEST_COLUMNS_MAX);
    }
    size_t row_bytes = sizeof(struct json);
    for (uint32_t i = 0; i < names.len; i++) {
        row_bytes += (NEST_DEPTH_MAX + 1) * 8 * sizeof(struct json_member);
    }
    int rc = action_room(ctx, row_bytes, err);
    for (uint32_t i = 0; rc == 0 && i < names.len; i++) {
        rc = add_column(ctx, &root, json_as_str(names.items[i]), i, err);
    }
    struct json *rows = NULL;
    rc = rc == 0 ? action_room(ctx, table->rows.len * sizeof(*rows), err) : rc;
    if (rc == 0) {
        rows = arena_array(action_arena(ctx), table->rows.len, sizeof(*rows));
    }
    for (uint32_t i = 0; rc == 0 && i < table->rows.len; i++) {
        rc = action_room(ctx, row_bytes, err);
        if (rc == 0) {
            rows[i] = nested(action_arena(ctx), &root, table->rows.items[i]);
        }
    }
    if (rc == 0) {
        table->rows = json_array(rows, table->rows.len);
    }
    return rc;
}

int csv_format_read(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct csv_format format = {.delimiter = STR(",")};
    struct csv_table table;
    struct str text;
    bool unflatten;
    int rc = action_input_text(ctx, "data", &text, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "csvHeader", &format.first_row_names, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "unflattenKeys", &unflatten, err);
    }
    if (rc == 0) {
        rc = csv_read(ctx, "data", text, &format, &table, err);
    }
    if (rc == 0 && unflatten && table.names.type == JSON_ARRAY) {
        rc = nest(ctx, &table, err);
    }
    if (rc == 0) {
        *ret = table.rows;
    }
    return rc;
}

int csv_format_write(struct action_context *ctx, const char *key, struct json value,
                     struct action_result *ret, struct err *err)
{
    struct json rows = value.type == JSON_OBJECT ? json_array(&value, 1) : value;
    if (rows.type != JSON_ARRAY) {
        return action_input_error(ctx, key, err, "must be a list of objects or of lists.");
    }
    return csv_write(ctx, key, rows, STR(","), true, ret, err);
}

struct json csv_format_rows(struct json value)
{
    while (
        value.type == JSON_OBJECT && value.len == 1 &&
        (value.members[0].value.type == JSON_OBJECT || value.members[0].value.type == JSON_ARRAY)) {
        value = value.members[0].value;
    }
    return value;
}
