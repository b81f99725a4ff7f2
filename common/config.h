/* Settings of a process: one table of options; each can be given as --name VALUE or in the
 * environment variable LEAT_NAME. The table makes --help and docs/config.md. */
#pragma once

#include "err.h"
#include "str.h"

enum config_type { CONFIG_STR, CONFIG_INT, CONFIG_BOOL };
struct config_option {
    const char *name; /* "max-slots": --max-slots, LEAT_MAX_SLOTS */
    enum config_type type;
    size_t offset;        /* of const char *, int64_t or bool in the struct */
    const char *fallback; /* default as text; NULL = unset ("" / 0 / false) */
    const char *help;     /* with the unit */
    int64_t min, max;     /* for CONFIG_INT; both 0 = unchecked */
    bool secret;          /* not printed; refused on the command line */
};
/* Fills `into` from defaults, environment, then arguments; the options table ends with {0}.
 * A bare --bool sets true, --bool=false is accepted. Strings stay owned by argv/environ.
 * A variable that is set but empty counts as not set; --name= sets an empty text.
 * Returns 0; 1 when --help was asked (printed); -EINVAL with the option named. */
int config_load(const struct config_option *options, void *into, int argc, char **argv,
                const char *usage, struct err *err) must_check;
/* The parts of it, for programs whose arguments are more than options: one option by its name (NULL
 * when there is none), its default, and a value given as text; both return 0 or -EINVAL. */
const struct config_option *config_find(const struct config_option *options, struct str name);
int config_set_default(const struct config_option *o, void *into, struct err *err) must_check;
int config_set(const struct config_option *o, void *into, const char *value,
               struct err *err) must_check;
void config_print_help(const struct config_option *options, const char *usage);
void config_print_markdown(const struct config_option *options, const char *title);
