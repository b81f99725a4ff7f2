/* Owns reading a fleet's folder. Reads everything before it is content: every mistake is told with
 * file, line and column, several at a time. It refuses unknown keys, secrets that are not there,
 * and files and folders above its bounds. */
#include "cli/fleet.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "definition/definition.h"
#include "definition/yaml.h"
#include "suggest.h"

#define SECRET_MAX KIB(64)
#define VALUE_MAX  MIB(1)

const char *const fleet_words[_FLEET_KIND_N] = {"integration", "customer", "instance"};
static const char *const folders[_FLEET_KIND_N] = {"integrations", "customers", "instances"};

enum field_type { FIELD_TEXT, FIELD_INT, FIELD_BOOL, FIELD_TEXTS, FIELD_VARS };
struct field {
    const char *key;
    enum field_type type;
    bool required;
};
static const struct field customer_fields[] = {{"name", FIELD_TEXT, true},
                                               {"externalId", FIELD_TEXT, false},
                                               {"description", FIELD_TEXT, false},
                                               {"labels", FIELD_TEXTS, false},
                                               {"concurrencyLimit", FIELD_INT, false},
                                               {0}};
static const struct field instance_fields[] = {{"name", FIELD_TEXT, true},
                                               {"customer", FIELD_TEXT, true},
                                               {"integration", FIELD_TEXT, true},
                                               {"version", FIELD_TEXT, false},
                                               {"description", FIELD_TEXT, false},
                                               {"labels", FIELD_TEXTS, false},
                                               {"enabled", FIELD_BOOL, false},
                                               {"configVariables", FIELD_VARS, false},
                                               {0}};

struct reader {
    struct fleet *fleet;
    const char *folder, *path; /* of the file at hand */
};

void fleet_error(struct fleet *f, const char *path, int line, int column, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (f->n_errors < FLEET_MAX_ERRORS) {
        f->errors[f->n_errors++] =
            line ? arena_printf(f->arena, "%s:%d:%d: %s", path, line, column, text)
                 : arena_printf(f->arena, "%s: %s", path, text);
    }
}

#define wrong(r, node, ...)                                                                        \
    fleet_error((r)->fleet, (r)->path, (node)->line, (node)->column, __VA_ARGS__)

/* A whole file below the fleet's folder; false: *ret is what is wrong. */
static bool read_file(struct reader *r, const char *path, size_t max, struct str *ret)
{
    struct arena *a = r->fleet->arena;
    const char *full = path[0] == '/' ? path : arena_printf(a, "%s/%s", r->folder, path);
    AUTO(buf_done) struct buf text = {0};
    int fd = open(full, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    buf_init(&text, max);
    while (n > 0 && !text.full) {
        char part[16384];
        n = read(fd, part, sizeof(part));
        buf_add(&text, part, (size_t)MAX(n, 0));
    }
    *ret = n < 0 ? str_of(arena_strdup(a, strerror(errno))) : STR("it is too large");
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0 || text.full) {
        return false;
    }
    *ret = str_n(arena_strndup(a, buf_str(&text).ptr, text.len), text.len);
    return true;
}

/* What one ${...} stands for. */
static bool resolve(struct reader *r, const struct yaml_node *node, struct str name,
                    struct str *ret)
{
    struct arena *a = r->fleet->arena;
    if (str_starts(name, STR("ENV:"))) {
        const char *variable = arena_strndup(a, name.ptr + 4, name.len - 4);
        const char *value = getenv(variable);
        *ret = str_of(value);
        if (!value) {
            wrong(r, node, "the environment variable %s is not set", variable);
        }
        return value != NULL;
    }
    if (str_starts(name, STR("FILE:"))) {
        const char *path = arena_strndup(a, name.ptr + 5, name.len - 5);
        if (!read_file(r, path, SECRET_MAX, ret)) {
            wrong(r, node, "cannot read %s: %.*s", path, (int)ret->len, ret->ptr);
            return false;
        }
        while (ret->len > 0 && (ret->ptr[ret->len - 1] == '\n' || ret->ptr[ret->len - 1] == '\r')) {
            ret->len--;
        }
        return true;
    }
    wrong(r, node, "${%.*s} is not known: write ${ENV:NAME} or ${FILE:path}, or $${ for a plain ${",
          (int)MIN(name.len, 100), name.ptr);
    return false;
}

/* A text with its ${...} replaced; *secret when there was one. */
static struct str expand(struct reader *r, const struct yaml_node *node, struct str s, bool *secret)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, VALUE_MAX);
    for (size_t at = 0; at < s.len;) {
        ptrdiff_t begin = str_find(s, STR("${"), at);
        ptrdiff_t end = begin < 0 ? -1 : str_find(s, STR("}"), (size_t)begin);
        if (end < 0) {
            buf_add(&text, s.ptr + at, s.len - at);
            break;
        }
        buf_add(&text, s.ptr + at, (size_t)begin - at);
        if (begin > 0 && s.ptr[begin - 1] == '$') { /* "$${": plain */
            buf_adds(&text, "{");
            at = (size_t)begin + 2;
            continue;
        }
        struct str value;
        *secret = true;
        if (resolve(r, node, str_n(s.ptr + begin + 2, (size_t)(end - begin - 2)), &value)) {
            buf_add_str(&text, value);
        }
        at = (size_t)end + 1;
    }
    if (text.full || !str_utf8_valid(buf_str(&text))) {
        wrong(r, node,
              text.full ? "the value is longer than 1 MB" : "the value is no text (UTF-8)");
        buf_clear(&text);
    }
    return str_n(arena_strndup(r->fleet->arena, buf_str(&text).ptr, text.len), text.len);
}

static struct json tree(struct reader *r, const struct yaml_node *node, bool *secret)
{
    struct json_builder b;
    struct arena *a = r->fleet->arena;
    switch (node->kind) {
    case YAML_SEQUENCE:
        json_build_array(&b, a);
        for (size_t i = 0; i < node->n_items; i++) {
            json_push(&b, tree(r, node->items[i], secret));
        }
        return json_built(&b);
    case YAML_MAPPING:
        json_build_object(&b, a);
        for (size_t i = 0; i < node->n_entries; i++) {
            json_set(&b, node->entries[i].key, tree(r, node->entries[i].value, secret));
        }
        return json_built(&b);
    case YAML_SCALAR:
        break;
    }
    struct json number;
    switch (yaml_scalar_type(node->text, node->plain)) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOL:
        return json_bool(node->text.ptr[0] == 't' || node->text.ptr[0] == 'T');
    case YAML_INT:
    case YAML_FLOAT:
        if (json_parse(a, node->text, &number, NULL) == 0) {
            return number;
        }
        return json_str(node->text);
    case YAML_TEXT:
        break;
    }
    return json_str(expand(r, node, node->text, secret));
}

static bool need(struct reader *r, const struct yaml_node *node, enum yaml_kind kind,
                 const char *what, const char *key)
{
    if (node->kind == kind) {
        return true;
    }
    wrong(r, node, "%s wants %s", key, what);
    return false;
}

static void unknown_key(struct reader *r, const struct yaml_entry *e, const char *const *known,
                        size_t n)
{
    struct suggest near;
    suggest_init(&near, e->key);
    for (size_t i = 0; i < n; i++) {
        suggest_offer(&near, known[i]);
    }
    fleet_error(r->fleet, r->path, e->line, e->column, "unknown key \"%.*s\"%s%s%s",
                (int)e->key.len, e->key.ptr, near.best ? ": did you mean " : "",
                near.best ? near.best : "", near.best ? "?" : "");
}

/* The value of a variable: a scalar is text; lists and maps are JSON text. */
static void set_value(struct reader *r, const struct yaml_node *node, struct json_builder *b)
{
    bool secret = false;
    if (node->kind == YAML_SCALAR) {
        if (!yaml_is_null(node)) {
            json_set(b, STR("value"), json_str(expand(r, node, node->text, &secret)));
        }
    } else {
        AUTO(buf_done) struct buf text = {0};
        buf_init(&text, VALUE_MAX);
        json_dump(&text, tree(r, node, &secret));
        json_set(b, STR("value"),
                 json_str(str_n(arena_strndup(r->fleet->arena, buf_str(&text).ptr, text.len),
                                text.len)));
    }
    json_set(b, STR("secret"), json_bool(secret));
}

static void set_inputs(struct reader *r, const struct yaml_node *node, struct json_builder *b)
{
    struct json_builder list;
    if (!need(r, node, YAML_MAPPING, "a map of the connection's inputs", "inputs")) {
        return;
    }
    json_build_array(&list, r->fleet->arena);
    for (size_t i = 0; i < node->n_entries; i++) {
        const struct yaml_node *value = node->entries[i].value;
        struct json_builder one;
        bool secret;
        if (need(r, value, YAML_SCALAR, "a text", "an input")) {
            json_build_object(&one, r->fleet->arena);
            json_append(&one, STR("name"), json_str(node->entries[i].key));
            json_append(&one, STR("type"), json_cstr("value"));
            json_append(&one, STR("value"), json_str(expand(r, value, value->text, &secret)));
            json_push(&list, json_built(&one));
        }
    }
    json_set(b, STR("inputs"), json_built(&list));
}

static struct json variable(struct reader *r, const struct yaml_entry *e)
{
    static const char *const known[] = {"inputs", "scheduleType", "timeZone", "value"};
    struct json_builder b;
    const struct yaml_node *node = e->value;
    json_build_object(&b, r->fleet->arena);
    json_append(&b, STR("key"), json_str(e->key));
    json_append(&b, STR("line"), json_num(e->line));
    json_append(&b, STR("column"), json_num(e->column));
    /* A map is the long form when it has one of its keys; values that are maps are written so. */
    bool is_long = false;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        is_long = is_long || yaml_get(node, known[i]) != NULL;
    }
    if (!is_long) {
        set_value(r, node, &b);
        return json_built(&b);
    }
    for (size_t i = 0; i < node->n_entries; i++) {
        const struct yaml_entry *part = &node->entries[i];
        if (str_eq(part->key, STR("value"))) {
            set_value(r, part->value, &b);
        } else if (str_eq(part->key, STR("inputs"))) {
            set_inputs(r, part->value, &b);
        } else if (str_eq(part->key, STR("scheduleType")) || str_eq(part->key, STR("timeZone"))) {
            if (need(r, part->value, YAML_SCALAR, "a text", "a schedule's part")) {
                json_set(&b, part->key, json_str(part->value->text));
            }
        } else {
            unknown_key(r, part, known, ARRAY_LEN(known));
        }
    }
    return json_built(&b);
}

static struct json field_value(struct reader *r, const struct field *field,
                               const struct yaml_node *node)
{
    struct json_builder list;
    int64_t n;
    json_build_array(&list, r->fleet->arena);
    switch (field->type) {
    case FIELD_TEXT:
        return need(r, node, YAML_SCALAR, "a text", field->key) ? json_str(node->text)
                                                                : json_null();
    case FIELD_INT:
        if (node->kind == YAML_SCALAR && str_to_i64(node->text, &n) && n > -1000000 &&
            n < 1000000) {
            return json_num((double)n);
        }
        wrong(r, node, "%s wants a whole number", field->key);
        return json_null();
    case FIELD_BOOL:
        if (node->kind == YAML_SCALAR && yaml_scalar_type(node->text, node->plain) == YAML_BOOL) {
            return json_bool(node->text.ptr[0] == 't' || node->text.ptr[0] == 'T');
        }
        wrong(r, node, "%s wants true or false", field->key);
        return json_null();
    case FIELD_TEXTS:
        for (size_t i = 0; need(r, node, YAML_SEQUENCE, "a list", field->key) && i < node->n_items;
             i++) {
            if (need(r, node->items[i], YAML_SCALAR, "texts", field->key)) {
                json_push(&list, json_str(node->items[i]->text));
            }
        }
        return json_built(&list);
    case FIELD_VARS:
        for (size_t i = 0; need(r, node, YAML_MAPPING, "a map of keys to values", field->key) &&
                           i < node->n_entries;
             i++) {
            json_push(&list, variable(r, &node->entries[i]));
        }
        return json_built(&list);
    }
    return json_null();
}

static void read_object(struct reader *r, const struct field *fields, struct str text,
                        struct fleet_object *o)
{
    struct arena *a = r->fleet->arena;
    struct err_list *errors = arena_new_of(a, struct err_list);
    struct yaml_node *root;
    const char *known[16];
    size_t n_known = 0;
    struct json_builder b;
    if (yaml_read(a, text, &root, errors) != 0) {
        for (int i = 0; i < errors->n; i++) {
            fleet_error(r->fleet, r->path, errors->items[i].line, errors->items[i].column, "%s",
                        errors->items[i].message);
        }
        return;
    }
    if (!need(r, root, YAML_MAPPING, "keys and values", "the file")) {
        return;
    }
    json_build_object(&b, a);
    for (const struct field *f = fields; f->key; f++) {
        const struct yaml_node *node = yaml_get(root, f->key);
        known[n_known++] = f->key;
        if (node && !yaml_is_null(node)) {
            json_append(&b, str_of(f->key), field_value(r, f, node));
        } else if (f->required) {
            wrong(r, root, "%s is missing", f->key);
        }
    }
    for (size_t i = 0; i < root->n_entries; i++) {
        bool found = false;
        for (size_t k = 0; k < n_known; k++) {
            found = found || str_eq(root->entries[i].key, str_of(known[k]));
        }
        if (!found) {
            unknown_key(r, &root->entries[i], known, n_known);
        }
    }
    o->value = json_built(&b);
    o->name = json_as_str(json_get(o->value, STR("name")));
}

static void read_integration(struct reader *r, struct str text, struct fleet_object *o)
{
    struct arena *a = r->fleet->arena;
    struct err_list *errors = arena_new_of(a, struct err_list);
    AUTO(definition_unref) struct definition *definition = NULL;
    int rc = definition_parse(text, NULL, &definition, errors);
    for (int i = 0; i < errors->n; i++) {
        const struct err *e = &errors->items[i];
        if (!e->warning) {
            fleet_error(r->fleet, r->path, e->line, e->column, "%s%s%s", e->field,
                        e->field[0] ? ": " : "", e->message);
        }
    }
    if (rc == 0) {
        o->name = str_of(arena_strdup(a, definition_view(definition)->name));
        o->text = text;
    }
}

static bool same_object(struct str customer, struct str name, const struct fleet_object *o)
{
    return str_eq(o->name, name) &&
           (o->kind != FLEET_INSTANCE ||
            str_eq(json_as_str(json_get(o->value, STR("customer"))), customer));
}

const struct fleet_object *fleet_find(const struct fleet *f, enum fleet_kind kind,
                                      struct str customer, struct str name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->objects[i].kind == kind && same_object(customer, name, &f->objects[i])) {
            return &f->objects[i];
        }
    }
    return NULL;
}

static void add(struct reader *r, enum fleet_kind kind, struct str text)
{
    struct fleet *f = r->fleet;
    struct fleet_object o = {.kind = kind, .path = r->path};
    size_t before = f->n_errors;
    if (kind == FLEET_INTEGRATION) {
        read_integration(r, text, &o);
    } else {
        read_object(r, kind == FLEET_CUSTOMER ? customer_fields : instance_fields, text, &o);
    }
    if (f->n_errors > before) {
        return;
    }
    const struct fleet_object *other =
        fleet_find(f, kind, json_as_str(json_get(o.value, STR("customer"))), o.name);
    if (other) {
        fleet_error(f, r->path, 1, 1, "%s has this %s, too", other->path, fleet_words[kind]);
        return;
    }
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        struct fleet_object *objects = arena_array(f->arena, cap, sizeof(*objects));
        if (f->n > 0) {
            memcpy(objects, f->objects, f->n * sizeof(*objects));
        }
        f->objects = objects;
        f->cap = cap;
    }
    f->objects[f->n++] = o;
}

static int is_yaml(const struct dirent *e)
{
    struct str name = str_of(e->d_name);
    return name.ptr[0] != '.' && (str_ends(name, STR(".yml")) || str_ends(name, STR(".yaml")));
}

static int read_kind(struct reader *r, enum fleet_kind kind, bool *found, struct err *err)
{
    struct arena *a = r->fleet->arena;
    struct dirent **names = NULL;
    const char *folder = arena_printf(a, "%s/%s", r->folder, folders[kind]);
    int n = scandir(folder, &names, is_yaml, alphasort);
    if (n < 0) {
        return errno == ENOENT ? 0
                               : err_set(err, -errno, "fleet.folder", "cannot read %s: %s", folder,
                                         strerror(errno));
    }
    *found = true;
    for (int i = 0; i < n; i++) {
        struct str text;
        size_t max = kind == FLEET_INTEGRATION ? DEFINITION_MAX_BYTES : MIB(1);
        r->path = arena_printf(a, "%s/%s", folders[kind], names[i]->d_name);
        if (i >= FLEET_MAX_FILES) {
            fleet_error(r->fleet, folders[kind], 0, 0, "more than %d files", FLEET_MAX_FILES);
            break;
        }
        if (read_file(r, r->path, max, &text)) {
            add(r, kind, text);
        } else {
            fleet_error(r->fleet, r->path, 0, 0, "%.*s", (int)text.len, text.ptr);
        }
    }
    for (int i = 0; i < n; i++) {
        free(names[i]);
    }
    free(names);
    return 0;
}

int fleet_read(struct arena *a, const char *folder, struct fleet *ret, struct err *err)
{
    struct reader r = {.fleet = ret, .folder = folder};
    bool found = false;
    int rc = 0;
    *ret = (struct fleet){.arena = a};
    for (int kind = 0; rc == 0 && kind < _FLEET_KIND_N; kind++) {
        rc = read_kind(&r, (enum fleet_kind)kind, &found, err);
    }
    if (rc == 0 && !found) {
        return err_set(err, -ENOENT, "fleet.folder",
                       "%s has none of the folders integrations, customers and instances", folder);
    }
    return rc;
}
