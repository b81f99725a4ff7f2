/* Owns reading the arguments of clients of the API. Unlike config_load it takes words, and nothing
 * from the environment: LEAT_STATUS must not filter a list. Pure. */
#include "cli/args.h"

#include "suggest.h"

static const struct {
    char letter;
    const char *name;
} letters[] = {{'h', "help"}, {'o', "output"}, {'y', "yes"}, {'f', "follow"}};

static const char *long_name(const char *arg)
{
    if (arg[0] == '-' && arg[1] == '-') {
        return arg + 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if (arg[1] == letters[i].letter && arg[2] == '\0') {
            return letters[i].name;
        }
    }
    return NULL;
}

static int unknown(const struct args_table *tables, size_t n, const char *arg, struct str key,
                   struct err *err)
{
    struct suggest near;
    suggest_init(&near, key);
    for (size_t t = 0; t < n; t++) {
        for (const struct config_option *o = tables[t].options; o && o->name; o++) {
            suggest_offer(&near, o->name);
        }
    }
    return err_field(err, -EINVAL, "config.unknown_option", arg, "unknown option %.100s%s%s%s", arg,
                     near.best ? "; did you mean --" : "", near.best ? near.best : "",
                     near.best ? "?" : "");
}

/* One option; *ret_used = arguments taken, the value included. */
static int load_option(const struct args_table *tables, size_t n, const char *arg, const char *next,
                       int *ret_used, struct err *err)
{
    const char *name = long_name(arg);
    const char *equals = name ? strchr(name, '=') : NULL;
    struct str key = equals ? str_n(name, (size_t)(equals - name)) : str_of(name ? name : arg);
    for (size_t t = 0; t < n; t++) {
        const struct config_option *o =
            tables[t].options ? config_find(tables[t].options, key) : NULL;
        if (!o) {
            continue;
        }
        *ret_used = equals || o->type == CONFIG_BOOL ? 1 : 2;
        if (*ret_used == 2 && !next) {
            return err_field(err, -EINVAL, "config.invalid", o->name, "--%s wants a value",
                             o->name);
        }
        return config_set(o, tables[t].into,
                          equals                   ? equals + 1
                          : o->type == CONFIG_BOOL ? "true"
                                                   : next,
                          err);
    }
    return unknown(tables, n, arg, key, err);
}

int args_load(const struct args_table *tables, size_t n_tables, int argc, char **argv,
              size_t words_max, const char **ret_words, size_t *ret_n, struct err *err)
{
    int r = 0;
    bool options = true;
    *ret_n = 0;
    for (size_t t = 0; t < n_tables; t++) {
        for (const struct config_option *o = tables[t].options; r == 0 && o && o->name; o++) {
            r = config_set_default(o, tables[t].into, err);
        }
    }
    for (int i = 1, used = 1; r == 0 && i < argc; i += used) {
        const char *arg = argv[i];
        used = 1;
        if (options && strcmp(arg, "--") == 0) {
            options = false;
        } else if (options && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            return 1;
        } else if (options && arg[0] == '-' && arg[1]) {
            r = load_option(tables, n_tables, arg, i + 1 < argc ? argv[i + 1] : NULL, &used, err);
        } else if (*ret_n == words_max) {
            r = err_set(err, -EINVAL, "config.words", "too many arguments: \"%.100s\"", arg);
        } else {
            ret_words[(*ret_n)++] = arg;
        }
    }
    return r;
}
