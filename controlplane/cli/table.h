/* Aligned tables for people. */
#pragma once

#include "str.h"

#define TABLE_COLUMNS_MAX 12

struct table_column {
    const char *title;
    bool right;    /* numbers */
    bool flexible; /* is cut first when the terminal is narrow */
};
struct table;
/* Everything is in the arena; columns end with {0}. */
struct table *table_new(struct arena *a, const struct table_column *columns);
/* The next cell, row by row; cleaned and put on one line. */
void table_cell(struct table *t, struct str s);
size_t table_rows(const struct table *t);
/* Two blanks between columns, none at the end of a line. width 0: nothing is cut. */
void table_write(const struct table *t, size_t width, struct buf *to);
void table_print(const struct table *t); /* on standard output, as wide as the terminal */
