/* Owns reading the settings of a process from its option table, and printing that table. Called
 * once, by main, before there are threads. Refuses unknown options, values out of range and
 * secrets on the command line, where every user of the machine could read them. */
#include "config.h"

#include "str.h"

#define VARIABLE_MAX 80

static const char *const type_names[] = {
    [CONFIG_STR] = "text", [CONFIG_INT] = "number", [CONFIG_BOOL] = "true or false"};

static const struct {
    const char *text;
    bool value;
} bool_words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false},
                  {"on", true},   {"off", false},   {"1", true},   {"0", false}};

/* "max-slots" -> "LEAT_MAX_SLOTS" */
static void variable_name(const struct config_option *o, char ret[VARIABLE_MAX])
{
    int n = snprintf(ret, VARIABLE_MAX, "LEAT_%s", o->name);
    ASSERT(n > 0 && n < VARIABLE_MAX);
    for (char *p = ret; *p; p++) {
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    }
}

static int invalid(struct err *err, const struct config_option *o, const char *wants)
{
    return err_field(err, -EINVAL, "config.invalid", o->name, "--%s wants %s", o->name, wants);
}

static int set_int(const struct config_option *o, void *at, const char *value, struct err *err)
{
    int64_t num;
    if (!str_to_i64(str_of(value), &num)) {
        return invalid(err, o, "a whole number");
    }
    if ((o->min || o->max) && (num < o->min || num > o->max)) {
        return err_field(err, -EINVAL, "config.invalid", o->name,
                         "--%s wants a number from %lld to %lld", o->name, (long long)o->min,
                         (long long)o->max);
    }
    memcpy(at, &num, sizeof(num));
    return 0;
}

static int set_bool(const struct config_option *o, void *at, const char *value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(bool_words); i++) {
        if (str_eq_ci(str_of(value), str_of(bool_words[i].text))) {
            memcpy(at, &bool_words[i].value, sizeof(bool));
            return 0;
        }
    }
    return invalid(err, o, "true or false");
}

int config_set(const struct config_option *o, void *into, const char *value, struct err *err)
{
    void *at = (char *)into + o->offset;
    switch (o->type) {
    case CONFIG_STR:
        memcpy(at, &value, sizeof(value));
        return 0;
    case CONFIG_INT:
        return set_int(o, at, value, err);
    case CONFIG_BOOL:
        return set_bool(o, at, value, err);
    }
    return invalid(err, o, "a known type");
}

int config_set_default(const struct config_option *o, void *into, struct err *err)
{
    if (o->fallback) {
        return config_set(o, into, o->fallback, err);
    }
    char *at = (char *)into + o->offset;
    const char *empty = "";
    switch (o->type) {
    case CONFIG_STR:
        memcpy(at, &empty, sizeof(empty));
        break;
    case CONFIG_INT:
        memset(at, 0, sizeof(int64_t));
        break;
    case CONFIG_BOOL:
        memset(at, 0, sizeof(bool));
        break;
    }
    return 0;
}

static int load_environment(const struct config_option *options, void *into, struct err *err)
{
    for (const struct config_option *o = options; o->name; o++) {
        char variable[VARIABLE_MAX];
        variable_name(o, variable);
        const char *value = getenv(variable);
        int rc = value && *value ? config_set(o, into, value, err) : 0;
        if (rc < 0) {
            err_prefix(err, "%s", variable);
            return rc;
        }
    }
    return 0;
}

const struct config_option *config_find(const struct config_option *options, struct str name)
{
    for (const struct config_option *o = options; o->name; o++) {
        if (str_eq(str_of(o->name), name)) {
            return o;
        }
    }
    return NULL;
}

/* One argument; *ret_used = arguments taken, the value included. */
static int load_argument(const struct config_option *options, void *into, const char *arg,
                         const char *next, int *ret_used, struct err *err)
{
    if (!str_starts(str_of(arg), STR("--"))) {
        return err_field(err, -EINVAL, "config.unknown_option", arg, "unexpected argument '%s'",
                         arg);
    }
    const char *name = arg + 2, *equals = strchr(name, '=');
    struct str key = equals ? str_n(name, (size_t)(equals - name)) : str_of(name);
    const struct config_option *o = config_find(options, key);
    if (!o) {
        return err_field(err, -EINVAL, "config.unknown_option", arg, "unknown option --%.*s",
                         (int)MIN(key.len, 100), key.ptr);
    }
    if (o->secret) {
        char variable[VARIABLE_MAX];
        variable_name(o, variable);
        return err_field(err, -EINVAL, "config.secret_argument", o->name,
                         "--%s is a secret: set %s instead", o->name, variable);
    }
    *ret_used = 1;
    if (equals) {
        return config_set(o, into, equals + 1, err);
    }
    if (o->type == CONFIG_BOOL) {
        return config_set(o, into, "true", err);
    }
    if (!next) {
        return invalid(err, o, "a value");
    }
    *ret_used = 2;
    return config_set(o, into, next, err);
}

int config_load(const struct config_option *options, void *into, int argc, char **argv,
                const char *usage, struct err *err)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            config_print_help(options, usage);
            return 1;
        }
    }
    for (const struct config_option *o = options; o->name; o++) {
        int rc = config_set_default(o, into, err);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = load_environment(options, into, err);
    for (int i = 1, used = 0; rc == 0 && i < argc; i += used) {
        rc = load_argument(options, into, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, err);
    }
    return rc;
}

void config_print_help(const struct config_option *options, const char *usage)
{
    printf("usage: %s\n\nEach option can also be set as an environment variable.\n\n", usage);
    for (const struct config_option *o = options; o->name; o++) {
        char variable[VARIABLE_MAX], option[VARIABLE_MAX];
        variable_name(o, variable);
        (void)snprintf(option, sizeof(option), "--%s", o->name);
        printf("  %-28s %s\n", o->secret ? "(environment only)" : option, variable);
        printf("      %s", o->help);
        if (o->fallback && !o->secret) {
            printf(" [%s]", o->fallback);
        }
        printf("\n");
    }
}

/* Table cells must not hold a bare bar. */
static void print_cell(const char *text)
{
    for (; *text; text++) {
        printf("%s%c", *text == '|' ? "\\" : "", *text);
    }
}

void config_print_markdown(const struct config_option *options, const char *title)
{
    printf("## %s\n\n| Option | Variable | Value | Default | Meaning |\n|---|---|---|---|---|\n",
           title);
    for (const struct config_option *o = options; o->name; o++) {
        char variable[VARIABLE_MAX];
        variable_name(o, variable);
        if (o->secret) {
            printf("| (environment only) | `%s` | %s | | ", variable, type_names[o->type]);
        } else {
            printf("| `--%s` | `%s` | %s", o->name, variable, type_names[o->type]);
            if (o->min || o->max) {
                printf(", %lld to %lld", (long long)o->min, (long long)o->max);
            }
            printf(" | ");
            print_cell(o->fallback ? o->fallback : "");
            printf(" | ");
        }
        print_cell(o->help);
        printf(" |\n");
    }
}
