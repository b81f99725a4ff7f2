/* Owns the layout of tables on a terminal: columns as wide as what is in them; where the terminal
 * is narrower, flexible columns give way, the widest first. Pure but for table_print. */
#include "cli/table.h"

#include "cli/text.h"

#define GAP      2
#define LEAST    8 /* columns that a flexible one keeps */
#define TEXT_MAX MIB(64)

struct table {
    struct arena *arena;
    const struct table_column *columns;
    size_t n_columns;
    struct str *cells;
    size_t n, cap;
};

struct table *table_new(struct arena *a, const struct table_column *columns)
{
    struct table *t = arena_new_of(a, struct table);
    t->arena = a;
    t->columns = columns;
    while (columns[t->n_columns].title) {
        t->n_columns++;
    }
    ASSERT(t->n_columns > 0 && t->n_columns <= TABLE_COLUMNS_MAX);
    return t;
}

void table_cell(struct table *t, struct str s)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct str *cells = arena_array(t->arena, cap, sizeof(*cells));
        if (t->n > 0) {
            memcpy(cells, t->cells, t->n * sizeof(*cells));
        }
        t->cells = cells;
        t->cap = cap;
    }
    t->cells[t->n++] = text_line(t->arena, s);
}

size_t table_rows(const struct table *t)
{
    return t->n / t->n_columns;
}

static void measure(const struct table *t, size_t width, size_t *widths)
{
    size_t total = 0;
    for (size_t c = 0; c < t->n_columns; c++) {
        widths[c] = text_width(str_of(t->columns[c].title));
        for (size_t i = c; i < t->n; i += t->n_columns) {
            size_t w = text_width(t->cells[i]);
            widths[c] = MAX(widths[c], w);
        }
        total += widths[c] + (c > 0 ? GAP : 0);
    }
    while (width > 0 && total > width) {
        size_t widest = t->n_columns;
        for (size_t c = 0; c < t->n_columns; c++) {
            if (t->columns[c].flexible && widths[c] > LEAST &&
                (widest == t->n_columns || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest == t->n_columns) {
            return; /* it cannot be narrower */
        }
        widths[widest]--;
        total--;
    }
}

static void write_row(const struct table *t, const size_t *widths, const struct str *row,
                      struct buf *to)
{
    size_t owed = 0; /* blanks before the next text */
    for (size_t c = 0; c < t->n_columns; c++) {
        struct str s = text_cut(t->arena, row[c], widths[c]);
        size_t w = text_width(s), pad = widths[c] > w ? widths[c] - w : 0;
        owed += t->columns[c].right ? pad : 0;
        for (; s.len > 0 && owed > 0; owed--) {
            buf_addc(to, ' ');
        }
        buf_add_str(to, s);
        owed += (t->columns[c].right ? 0 : pad) + GAP;
    }
    buf_addc(to, '\n');
}

void table_write(const struct table *t, size_t width, struct buf *to)
{
    size_t widths[TABLE_COLUMNS_MAX];
    struct str titles[TABLE_COLUMNS_MAX];
    measure(t, width, widths);
    for (size_t c = 0; c < t->n_columns; c++) {
        titles[c] = str_of(t->columns[c].title);
    }
    write_row(t, widths, titles, to);
    for (size_t i = 0; i + t->n_columns <= t->n; i += t->n_columns) {
        write_row(t, widths, t->cells + i, to);
    }
}

void table_print(const struct table *t)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, TEXT_MAX);
    table_write(t, text_terminal(), &text);
    (void)fwrite(buf_str(&text).ptr, 1, text.len, stdout);
}
