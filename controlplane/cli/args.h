/* The arguments of a command that is a client of the API: options and words in any order. */
#pragma once

#include "config.h"

struct args_table {
    const struct config_option *options;
    void *into;
};
/* Fills every table's struct from defaults, then arguments; what is no option is a word. "--" ends
 * the options; "-" is a word; -h, -o, -y and -f are short for --help, --output, --yes and --follow.
 * Returns 0, 1 when --help was asked, -EINVAL ("config.*") with the option named. */
int args_load(const struct args_table *tables, size_t n_tables, int argc, char **argv,
              size_t words_max, const char **ret_words, size_t *ret_n, struct err *err) must_check;
