/* Owns reading delimited text: one pass, field by field, on the slot's thread. Rows are put
 * together outside the arena and moved there at their final size, so that memory stays near what
 * the result takes. It refuses text that would have to be guessed at, with the line. */
#include "components/csv/csv_read.h"

#include <limits.h>

#define CSV_ROWS_MAX_BYTES  MIB(256) /* 16 million rows */
#define CSV_CELLS_MAX_BYTES MIB(64)  /* 4 million fields in a row */

struct reader {
    struct action_context *ctx;
    const char *key;
    struct str text, delimiter;
    size_t at, line; /* line of `at`, from 1 */
    size_t row_line; /* where the row began */
    const char *line_break;
    struct buf cells; /* struct json each, of the row that is read */
};

static int refuse(const struct reader *r, size_t line, struct err *err, const char *what)
{
    int rc = action_input_error(r->ctx, r->key, err, "line %zu: %s", line, what);
    if (err) {
        err->line = (int)MIN(line, (size_t)INT_MAX);
    }
    return rc;
}

static bool starts_line_break(const struct reader *r, size_t at)
{
    return r->text.ptr[at] == '\n' || r->text.ptr[at] == '\r';
}

static bool starts_delimiter(const struct reader *r, size_t at)
{
    return r->text.ptr[at] == r->delimiter.ptr[0] && r->text.len - at >= r->delimiter.len &&
           memcmp(r->text.ptr + at, r->delimiter.ptr, r->delimiter.len) == 0;
}

static size_t line_break_len(const struct reader *r, size_t at)
{
    return r->text.ptr[at] == '\r' && at + 1 < r->text.len && r->text.ptr[at + 1] == '\n' ? 2 : 1;
}

static void pass_line_break(struct reader *r)
{
    size_t len = line_break_len(r, r->at);
    if (!r->line_break[0]) {
        r->line_break = len == 2 ? "\r\n" : r->text.ptr[r->at] == '\n' ? "\n" : "\r";
    }
    r->at += len;
    r->line++;
}

/* "" stands for a quote; the copy is never longer than what was read. */
static int unquote(const struct reader *r, struct str raw, size_t quotes, struct str *ret,
                   struct err *err)
{
    int rc = action_room(r->ctx, raw.len + 32, err);
    if (rc < 0) {
        return rc;
    }
    char *copy = arena_alloc(action_arena(r->ctx), raw.len - quotes + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        copy[n++] = raw.ptr[i];
        i += raw.ptr[i] == '"' ? 1 : 0;
    }
    *ret = str_n(copy, n);
    return 0;
}

static int read_quoted(struct reader *r, struct str *ret, struct err *err)
{
    size_t opened = r->line, start = ++r->at, quotes = 0;
    for (;; r->at++) {
        if (r->at >= r->text.len) {
            return refuse(r, opened, err,
                          "a quoted field begins here and does not end. Close it, and double "
                          "the quotes inside it.");
        }
        char c = r->text.ptr[r->at];
        if (c == '"' && r->at + 1 < r->text.len && r->text.ptr[r->at + 1] == '"') {
            quotes++;
            r->at++;
        } else if (c == '"') {
            break;
        } else if (starts_line_break(r, r->at)) {
            r->at += line_break_len(r, r->at) - 1;
            r->line++;
        }
    }
    struct str raw = str_n(r->text.ptr + start, r->at - start);
    r->at++;
    size_t blanks = r->at;
    while (blanks < r->text.len && r->text.ptr[blanks] == ' ' && !starts_delimiter(r, blanks)) {
        blanks++;
    }
    if (blanks < r->text.len && !starts_delimiter(r, blanks) && !starts_line_break(r, blanks)) {
        return refuse(r, r->line, err,
                      "text follows the end of a quoted field. Double the quotes inside a quoted "
                      "field, and check the delimiter.");
    }
    r->at = blanks;
    if (quotes) {
        return unquote(r, raw, quotes, ret, err);
    }
    *ret = raw;
    return 0;
}

static struct str read_plain(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->text.len && !starts_line_break(r, r->at) && !starts_delimiter(r, r->at)) {
        r->at++;
    }
    return str_n(r->text.ptr + start, r->at - start);
}

/* Reads a row into the cells. False at the end of the text. */
static int read_row(struct reader *r, bool *ret_more, struct err *err)
{
    buf_clear(&r->cells);
    while (r->at < r->text.len && starts_line_break(r, r->at)) {
        pass_line_break(r);
    }
    r->row_line = r->line;
    *ret_more = r->at < r->text.len;
    for (bool more = *ret_more; more;) {
        struct str text;
        if (r->at < r->text.len && r->text.ptr[r->at] == '"') {
            int rc = read_quoted(r, &text, err);
            if (rc < 0) {
                return rc;
            }
        } else {
            text = read_plain(r);
        }
        struct json cell = json_str(text);
        buf_add(&r->cells, &cell, sizeof(cell));
        more = r->at < r->text.len && starts_delimiter(r, r->at);
        r->at += more ? r->delimiter.len : 0;
        if (r->cells.full) {
            return refuse(r, r->row_line, err, "the row has too many fields.");
        }
    }
    return 0;
}

static size_t n_cells(const struct reader *r)
{
    return r->cells.len / sizeof(struct json);
}

static int move(struct action_context *ctx, const void *p, size_t bytes, void **ret,
                struct err *err)
{
    int rc = action_room(ctx, bytes + 16, err);
    if (rc == 0) {
        *ret = arena_dup(action_arena(ctx), p, bytes);
    }
    return rc;
}

static int cells_to_array(const struct reader *r, struct json *ret, struct err *err)
{
    void *items;
    int rc = move(r->ctx, r->cells.data, r->cells.len, &items, err);
    if (rc == 0) {
        *ret = json_array(items, n_cells(r));
    }
    return rc;
}

static int cells_to_object(const struct reader *r, struct json names, struct json *ret,
                           struct err *err)
{
    const struct json *cells = (const struct json *)(const void *)r->cells.data;
    size_t n = n_cells(r);
    if (n > names.len) {
        return refuse(r, r->row_line, err,
                      "the row has more fields than the first row has names. Quote fields that "
                      "hold the delimiter, or read rows as lists.");
    }
    int rc = action_room(r->ctx, n * sizeof(struct json_member) + 16, err);
    if (rc < 0) {
        return rc;
    }
    struct json_member *members = arena_alloc(action_arena(r->ctx), n * sizeof(*members));
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct json_member){json_as_str(names.items[i]), cells[i]};
    }
    *ret = json_object(members, n);
    return 0;
}

static int check_names(const struct reader *r, struct json names, struct err *err)
{
    AUTO(arena_free) struct arena *scratch = arena_new(0, 0);
    struct json_builder seen;
    if (names.len > CSV_MAX_BYTES / 256) {
        return refuse(r, r->row_line, err, "the first row has too many names.");
    }
    json_build_object(&seen, scratch);
    for (uint32_t i = 0; i < names.len; i++) {
        json_set(&seen, json_as_str(names.items[i]), json_null());
        if (seen.len != i + 1) {
            char what[160];
            (void)snprintf(what, sizeof(what),
                           "the name \"%.*s\" stands twice. Give each column its own name, or "
                           "read rows as lists.",
                           (int)MIN(names.items[i].len, 40u), names.items[i].str);
            return refuse(r, r->row_line, err, what);
        }
    }
    return 0;
}

static int check_text(const struct reader *r, struct err *err)
{
    if (r->text.len > CSV_MAX_BYTES) {
        return action_input_error(r->ctx, r->key, err, "is larger than 64 MB.");
    }
    if (str_utf8_valid(r->text)) {
        return 0;
    }
    size_t line = 1;
    for (size_t from = 0;; line++) {
        ptrdiff_t end = str_find(r->text, STR("\n"), from);
        size_t to = end < 0 ? r->text.len : (size_t)end;
        if (end < 0 || !str_utf8_valid(str_n(r->text.ptr + from, to - from))) {
            break;
        }
        from = to + 1;
    }
    return refuse(r, line, err,
                  "is not UTF-8 text. Save the file as UTF-8 where it is made; spreadsheets call "
                  "it CSV UTF-8.");
}

static int read_rows(struct reader *r, const struct csv_format *format, struct buf *rows,
                     struct csv_table *ret, struct err *err)
{
    bool first = true, more;
    for (;;) {
        int rc = read_row(r, &more, err);
        if (rc < 0 || !more) {
            return rc;
        }
        struct json row = json_undefined();
        if (!format->first_row_names && !(first && format->skip_first_row)) {
            rc = cells_to_array(r, &row, err);
        } else if (format->first_row_names && first) {
            rc = cells_to_array(r, &ret->names, err);
            rc = rc == 0 ? check_names(r, ret->names, err) : rc;
        } else if (format->first_row_names) {
            rc = cells_to_object(r, ret->names, &row, err);
        }
        if (rc < 0) {
            return rc;
        }
        if (row.type != JSON_UNDEFINED) {
            buf_add(rows, &row, sizeof(row));
        }
        if (rows->full) {
            return refuse(r, r->row_line, err, "the text has too many rows.");
        }
        first = false;
    }
}

static void reader_done(struct reader *r)
{
    buf_done(&r->cells);
}
DEFINE_DONE(struct reader, reader_done)

int csv_read(struct action_context *ctx, const char *key, struct str text,
             const struct csv_format *format, struct csv_table *ret, struct err *err)
{
    AUTO(reader_done)
    struct reader r = {.ctx = ctx,
                       .key = key,
                       .text = text,
                       .delimiter = format->delimiter,
                       .line = 1,
                       .line_break = ""};
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        r.text = str_n(text.ptr + 3, text.len - 3);
    }
    int rc = check_text(&r, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf rows = {0};
    struct csv_table table = {.names = json_undefined()};
    void *items;
    buf_init(&rows, CSV_ROWS_MAX_BYTES);
    buf_init(&r.cells, CSV_CELLS_MAX_BYTES);
    rc = read_rows(&r, format, &rows, &table, err);
    rc = rc == 0 ? move(ctx, rows.data, rows.len, &items, err) : rc;
    if (rc == 0) {
        table.rows = json_array(items, rows.len / sizeof(struct json));
        table.line_break = r.line_break;
        *ret = table;
    }
    return rc;
}
