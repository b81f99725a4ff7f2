/* Owns the trigger that asks a table for what is new. The largest value of the cursor column that
 * was seen is kept in the flow's state, as text that the server itself wrote, so that nothing of it
 * is lost; it is saved when the execution succeeds, so rows that a failed one had come again.
 * Called on the slot's thread. It refuses names that cannot be those of a table or column.
 *
 * What is committed late with a smaller value than one that was seen before is not found: the
 * database says no more than the column does. */
#include "components/postgres/postgres_poll.h"

#define STATE_KEY  STR("postgres.polled")
#define ROWS_MAX   1000 /* at once; more where several rows have the last value */
#define NAME_BYTES 400  /* of a table's name with its schema */
#define CURSOR     "__leat_cursor"

struct poll {
    struct str table, column; /* as given */
    const char *quoted_table, *quoted_column;
    struct json since; /* text; null: the table was empty; UNDEFINED: the first time */
};

static void add_quoted(struct buf *b, struct str name)
{
    buf_addc(b, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"') {
            buf_addc(b, '"');
        }
        buf_addc(b, name.ptr[i]);
    }
    buf_addc(b, '"');
}

/* Quoted, each of up to `parts` names between dots; 1 = dots are of the name. NULL when it cannot
 * be one. */
static const char *quote(struct arena *a, struct str name, int parts)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(4));
    if (name.len > NAME_BYTES || !str_utf8_valid(name) ||
        memchr(name.len ? name.ptr : "", '\0', name.len)) {
        return NULL;
    }
    bool split = parts > 1;
    for (size_t from = 0;;) {
        ptrdiff_t dot = split ? str_find(name, STR("."), from) : -1;
        size_t end = dot < 0 ? name.len : (size_t)dot;
        if (end == from || parts-- == 0) {
            return NULL;
        }
        add_quoted(&b, str_n(name.ptr + from, end - from));
        if (dot < 0) {
            return arena_strndup(a, b.data, b.len);
        }
        buf_addc(&b, '.');
        from = end + 1;
    }
}

static int read_inputs(struct action_context *ctx, struct poll *p, bool *ret_times_as_text,
                       struct err *err)
{
    struct json state;
    int rc = action_input_text(ctx, "tableName", &p->table, err);
    rc = rc == 0 ? action_input_text(ctx, "cursorField", &p->column, err) : rc;
    rc = rc == 0 ? action_input_bool(ctx, "castTimestampsToStrings", ret_times_as_text, err) : rc;
    rc = rc == 0 ? action_state_get(ctx, STATE_INSTANCE, STATE_KEY, &state, err) : rc;
    rc = rc == 0 ? action_room(ctx, KIB(32), err) : rc;
    if (rc < 0) {
        return rc;
    }
    p->table = str_trim(p->table);
    p->column = str_trim(p->column);
    p->quoted_table = quote(action_arena(ctx), p->table, 3);
    p->quoted_column = quote(action_arena(ctx), p->column, 1);
    if (!p->quoted_table) {
        return action_input_error(ctx, "tableName", err,
                                  "must be the name of a table, such as orders or shop.orders.");
    }
    if (!p->quoted_column) {
        return action_input_error(ctx, "cursorField", err, "must be the name of a column.");
    }
    bool same = str_eq(json_as_str(json_get(state, STR("table"))), p->table) &&
                str_eq(json_as_str(json_get(state, STR("column"))), p->column);
    p->since = same ? json_get(state, STR("since")) : json_undefined();
    return 0;
}

static int ask(struct action_context *ctx, const struct postgres_target *target,
               struct postgres_query *q, struct json *ret, struct err *err)
{
    action_block_begin(ctx);
    int rc = postgres_run(ctx, target, q, ret, err);
    action_block_end(ctx);
    return rc;
}

/* Where the table stands. */
static int look(struct action_context *ctx, const struct postgres_target *target, struct poll *p,
                struct err *err)
{
    struct json rows;
    struct postgres_query q = {.sql = arena_printf(action_arena(ctx),
                                                   "SELECT max(t.%s)::text AS since FROM %s t",
                                                   p->quoted_column, p->quoted_table)};
    int rc = ask(ctx, target, &q, &rows, err);
    if (rc == 0) {
        p->since = json_get(json_at(rows, 0), STR("since"));
    }
    return rc;
}

/* The rows after `since` in order, up to the value of the last of ROWS_MAX, and the cursor's text
 * as their last column. */
static int fetch(struct action_context *ctx, const struct postgres_target *target, struct poll *p,
                 bool times_as_text, struct json *ret, struct err *err)
{
    struct arena *a = action_arena(ctx);
    const char *c = p->quoted_column, *t = p->quoted_table;
    bool bound = p->since.type == JSON_STRING;
    const char *since = bound ? arena_strndup(a, p->since.str, p->since.len) : NULL;
    const char *after =
        bound ? arena_printf(a, "t.%s > $1", c) : arena_printf(a, "t.%s IS NOT NULL", c);
    struct postgres_query q = {
        .sql = arena_printf(a,
                            "SELECT t.*, t.%s::text AS " CURSOR " FROM %s t WHERE %s AND t.%s <= "
                            "(SELECT max(x.c) FROM (SELECT t.%s AS c FROM %s t WHERE %s "
                            "ORDER BY t.%s LIMIT %d) x) ORDER BY t.%s",
                            c, t, after, c, c, t, after, c, ROWS_MAX, c),
        .values = &since,
        .n_values = bound ? 1 : 0,
        .times_as_text = times_as_text};
    return ask(ctx, target, &q, ret, err);
}

/* Takes the cursor's column off each row; the last one's is where the next time begins. */
static int take_cursor(struct action_context *ctx, struct poll *p, struct json rows,
                       struct json *ret, struct err *err)
{
    int rc = action_room(ctx, (size_t)rows.len * sizeof(struct json), err);
    if (rc < 0) {
        return rc;
    }
    struct json *items = arena_array(action_arena(ctx), rows.len, sizeof(*items));
    for (uint32_t i = 0; i < rows.len; i++) {
        struct json row = rows.items[i];
        struct json_member last = row.members[row.len - 1];
        if (!str_eq(last.key, STR(CURSOR)) || last.value.type != JSON_STRING) {
            return err_set(err, -EBADE, "postgres.answer",
                           "PostgreSQL answered with other columns than it was asked for.");
        }
        items[i] = json_object(row.members, row.len - 1);
        p->since = last.value;
    }
    *ret = json_array(items, rows.len);
    return 0;
}

static int keep(struct action_context *ctx, const struct poll *p, struct err *err)
{
    struct json_builder state;
    json_build_object(&state, action_arena(ctx));
    json_append(&state, STR("table"), json_str(p->table));
    json_append(&state, STR("column"), json_str(p->column));
    json_append(&state, STR("since"), p->since);
    return action_state_set(ctx, STATE_INSTANCE, STATE_KEY, json_built(&state), err);
}

static struct json payload_with(struct action_context *ctx, struct json found)
{
    struct json payload = action_trigger_payload(ctx);
    struct json_builder all, body;
    json_build_object(&body, action_arena(ctx));
    json_append(&body, STR("data"), found);
    json_build_object(&all, action_arena(ctx));
    for (uint32_t i = 0; payload.type == JSON_OBJECT && i < payload.len; i++) {
        json_append(&all, payload.members[i].key, payload.members[i].value);
    }
    json_set(&all, STR("body"), json_built(&body));
    return json_built(&all);
}

int postgres_poll(struct action_context *ctx, const struct postgres_target *target,
                  struct action_result *ret, struct err *err)
{
    struct poll p = {0};
    struct json rows, found = json_array(NULL, 0);
    bool times_as_text;
    int rc = read_inputs(ctx, &p, &times_as_text, err);
    if (rc < 0) {
        return rc;
    }
    if (p.since.type == JSON_UNDEFINED) {
        rc = look(ctx, target, &p, err);
    } else {
        rc = fetch(ctx, target, &p, times_as_text, &rows, err);
        rc = rc == 0 ? take_cursor(ctx, &p, rows, &found, err) : rc;
    }
    rc = rc == 0 ? keep(ctx, &p, err) : rc;
    if (rc == 0) {
        ret->data = payload_with(ctx, found);
        ret->result_type = found.len ? NULL : "POLLED_NO_CHANGES";
    }
    return rc;
}
