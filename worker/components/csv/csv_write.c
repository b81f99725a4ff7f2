/* Owns writing rows as delimited text (CSV). Pure, on the slot's thread. It refuses rows of
 * different kinds and results above 64 MB. */
#include "components/csv/csv_write.h"

#include "expr/value.h"

#define COLUMNS_MAX 100001

struct writer {
    struct str delimiter;
    struct buf out, cell;
    bool empty; /* no row yet */
};

static void writer_done(struct writer *w)
{
    buf_done(&w->out);
    buf_done(&w->cell);
}
DEFINE_DONE(struct writer, writer_done)

static bool needs_quotes(const struct writer *w, struct str s, bool alone)
{
    if (s.len == 0) {
        return alone; /* else the row would be a blank line */
    }
    if (s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ' || str_starts(s, STR("\xEF\xBB\xBF"))) {
        return true;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\n' || s.ptr[i] == '\r') {
            return true;
        }
    }
    /* Also where the end of the text and the delimiter after it would be read as a delimiter. */
    struct str d = w->delimiter;
    for (size_t n = 1; n < d.len; n++) {
        if (str_ends(s, str_n(d.ptr, n))) {
            return true;
        }
    }
    return str_find(s, d, 0) >= 0;
}

static void write_cell(struct writer *w, struct json v, bool first, bool alone)
{
    if (!first) {
        buf_add_str(&w->out, w->delimiter);
    }
    buf_clear(&w->cell);
    value_add_text(&w->cell, v);
    struct str s = buf_str(&w->cell);
    w->out.full = w->out.full || w->cell.full;
    if (!needs_quotes(w, s, alone)) {
        buf_add_str(&w->out, s);
        return;
    }
    buf_addc(&w->out, '"');
    for (size_t from = 0; from < s.len;) {
        ptrdiff_t at = str_find(s, STR("\""), from);
        size_t to = at < 0 ? s.len : (size_t)at + 1;
        buf_add(&w->out, s.ptr + from, to - from);
        if (at >= 0) {
            buf_addc(&w->out, '"');
        }
        from = to;
    }
    buf_addc(&w->out, '"');
}

static void start_row(struct writer *w)
{
    if (!w->empty) {
        buf_adds(&w->out, "\r\n");
    }
    w->empty = false;
}

static void write_list(struct writer *w, struct json row)
{
    if (row.len == 0) {
        return; /* a blank line, which readers leave out */
    }
    start_row(w);
    for (uint32_t i = 0; i < row.len; i++) {
        write_cell(w, row.items[i], i == 0, row.len == 1);
    }
}

/* A column of a table of objects; sorted by name to be found. */
struct column {
    struct str name;
    uint32_t at;
};
struct columns {
    struct json names;     /* the keys of an object, in order */
    struct column *sorted; /* as many */
    struct json *row;      /* one value a column */
};

static int by_name(const void *x, const void *y)
{
    const struct column *a = x, *b = y;
    int order = memcmp(a->name.ptr, b->name.ptr, MIN(a->name.len, b->name.len));
    return order ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void write_names(struct writer *w, struct json names)
{
    start_row(w);
    for (uint32_t i = 0; i < names.len; i++) {
        write_cell(w, json_str(names.members[i].key), i == 0, names.len == 1);
    }
}

static void write_object(struct writer *w, const struct columns *c, struct json row)
{
    for (uint32_t i = 0; i < c->names.len; i++) {
        c->row[i] = json_undefined();
    }
    for (uint32_t i = 0; i < row.len; i++) {
        uint32_t at = i; /* mostly all rows have the same members in the same order */
        if (i >= c->names.len || !str_eq(row.members[i].key, c->names.members[i].key)) {
            struct column key = {.name = row.members[i].key};
            const struct column *column =
                bsearch(&key, c->sorted, c->names.len, sizeof(key), by_name);
            ASSERT(column); /* the columns were collected from these very rows */
            at = column->at;
        }
        c->row[at] = row.members[i].value;
    }
    start_row(w);
    for (uint32_t i = 0; i < c->names.len; i++) {
        write_cell(w, c->row[i], i == 0, c->names.len == 1);
    }
}

static int finish(struct action_context *ctx, const char *key, const struct writer *w,
                  struct action_result *ret, struct err *err)
{
    if (w->out.full) {
        return action_input_error(ctx, key, err, "the result would be larger than 64 MB.");
    }
    int rc = action_room(ctx, w->out.len + 32, err);
    if (rc == 0) {
        struct str s = buf_str(&w->out);
        ret->data = json_str(str_n(arena_strndup(action_arena(ctx), s.ptr, s.len), s.len));
        ret->content_type = "text/csv";
    }
    return rc;
}

/* The names of all rows, in order of first appearance. */
static int collect_columns(struct action_context *ctx, const char *key, struct arena *scratch,
                           struct json rows, struct columns *ret, struct err *err)
{
    struct json_builder names;
    json_build_object(&names, scratch);
    for (uint32_t i = 0; i < rows.len; i++) {
        for (uint32_t k = 0; k < rows.items[i].len; k++) {
            if (names.len == COLUMNS_MAX) {
                return action_input_error(ctx, key, err, "has more than %d different member names.",
                                          COLUMNS_MAX - 1);
            }
            json_set(&names, rows.items[i].members[k].key, json_null());
        }
    }
    /* Rows have a cell for each name, also where they lack it. */
    if ((uint64_t)rows.len * names.len > CSV_MAX_BYTES) {
        return action_input_error(ctx, key, err, "the result would be larger than 64 MB.");
    }
    ret->names = json_built(&names);
    ret->sorted = arena_array(scratch, names.len, sizeof(*ret->sorted));
    ret->row = arena_array(scratch, names.len, sizeof(*ret->row));
    for (uint32_t i = 0; i < names.len; i++) {
        ret->sorted[i] = (struct column){ret->names.members[i].key, i};
    }
    if (names.len) {
        qsort(ret->sorted, names.len, sizeof(*ret->sorted), by_name);
    }
    return 0;
}

static int check_rows(struct action_context *ctx, const char *key, struct json rows,
                      struct err *err)
{
    enum json_type type = rows.len ? rows.items[0].type : JSON_OBJECT;
    if (type != JSON_OBJECT && type != JSON_ARRAY) {
        return action_input_error(ctx, key, err, "must be a list of objects or of lists.");
    }
    for (uint32_t i = 0; i < rows.len; i++) {
        if (rows.items[i].type != type) {
            return action_input_error(ctx, key, err, "item %u is not %s, as row 1 is.", i + 1,
                                      type == JSON_OBJECT ? "an object" : "a list");
        }
    }
    return 0;
}

int csv_write(struct action_context *ctx, const char *key, struct json rows, struct str delimiter,
              bool header, struct action_result *ret, struct err *err)
{
    AUTO(writer_done) struct writer w = {.empty = true, .delimiter = delimiter};
    int rc = check_rows(ctx, key, rows, err);
    if (rc < 0) {
        return rc;
    }
    buf_init(&w.out, CSV_MAX_BYTES);
    buf_init(&w.cell, CSV_MAX_BYTES);
    if (rows.len == 0 || rows.items[0].type == JSON_ARRAY) {
        for (uint32_t i = 0; i < rows.len && !w.out.full; i++) {
            write_list(&w, rows.items[i]);
        }
        return finish(ctx, key, &w, ret, err);
    }
    AUTO(arena_free) struct arena *scratch = arena_new(0, 0);
    struct columns columns = {0};
    rc = collect_columns(ctx, key, scratch, rows, &columns, err);
    if (rc < 0) {
        return rc;
    }
    if (header && columns.names.len) {
        write_names(&w, columns.names);
    }
    for (uint32_t i = 0; i < rows.len && columns.names.len && !w.out.full; i++) {
        write_object(&w, &columns, rows.items[i]);
    }
    return finish(ctx, key, &w, ret, err);
}
