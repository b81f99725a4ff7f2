/* Owns the rules of what a publisher may say of a component. Pure: called on a lane thread with the
 * mutation's arena. It refuses keys that stand twice, lists and texts without bound, and words that
 * nobody knows; kinds of inputs that it does not know it keeps, since the field's tools add some.
 */
#include "domain/component_metadata.h"

#include <stdarg.h>

#define ACTIONS_MAX     500
#define CONNECTIONS_MAX 100
#define INPUTS_MAX      200
#define CHOICES_MAX     1000
#define BRANCHES_MAX    100
#define TEXT_MAX        KIB(20)
#define LABEL_MAX       500
#define DEFAULT_MAX     KIB(256) /* in memory */
#define EXAMPLE_MAX     MIB(1)

struct reader {
    struct arena *arena;
    struct err_list *errors;
};

static void refuse(struct reader *r, const char *at, const char *fmt, ...) printf_like(3, 4);

static void refuse(struct reader *r, const char *at, const char *fmt, ...)
{
    char words[sizeof(((struct err *)0)->message)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    (void)err_field(err_list_add(r->errors), -EINVAL, "component.definition", at, "%s", words);
}

bool component_key_valid(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char ch = key.ptr[i];
        bool known = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || ch == '-' || ch == '_';
        if (!known) {
            return false;
        }
    }
    return key.len > 0 && key.len <= COMPONENT_KEY_MAX;
}

/* --- members that are kept as they are, maybe by another name --------------------------------- */

struct member {
    const char *name, *as;
    enum { MEMBER_TEXT, MEMBER_FLAG, MEMBER_WORD, MEMBER_TEXTS } kind;
    size_t max;               /* TEXT: bytes */
    const char *const *words; /* WORD: ended by NULL */
};

static const char *const support_words[] = {"invalid", "valid", "required", NULL};
static const char *const collection_words[] = {"valuelist", "keyvaluelist", NULL};
static const char *const oauth2_words[] = {"authorization_code", "client_credentials", NULL};
static const char *const pkce_words[] = {"plain", "S256", NULL};

static const struct member display_members[] = {
    {"label", "label", MEMBER_TEXT, LABEL_MAX, NULL},
    {"description", "description", MEMBER_TEXT, TEXT_MAX, NULL},
    {"directions", "directions", MEMBER_TEXT, TEXT_MAX, NULL},
    {"category", "category", MEMBER_TEXT, LABEL_MAX, NULL},
    {"important", "important", MEMBER_FLAG, 0, NULL},
    {0},
};
static const struct member action_members[] = {
    {"allowsBranching", "branches", MEMBER_FLAG, 0, NULL},
    {"breakLoop", "breaksLoop", MEMBER_FLAG, 0, NULL},
    {"terminateExecution", "stopsExecution", MEMBER_FLAG, 0, NULL},
    {"staticBranchNames", "staticBranches", MEMBER_TEXTS, 0, NULL},
    {"dynamicBranchInput", "dynamicBranchInput", MEMBER_TEXT, LABEL_MAX, NULL},
    {"hasOnInstanceDeploy", "hasOnInstanceDeploy", MEMBER_FLAG, 0, NULL},
    {"hasOnInstanceDelete", "hasOnInstanceDelete", MEMBER_FLAG, 0, NULL},
    {"hasWebhookCreateFunction", "hasWebhookCreateFunction", MEMBER_FLAG, 0, NULL},
    {"hasWebhookDeleteFunction", "hasWebhookDeleteFunction", MEMBER_FLAG, 0, NULL},
    {"isCommonTrigger", "isCommonTrigger", MEMBER_FLAG, 0, NULL},
    {"isPollingTrigger", "isPolling", MEMBER_FLAG, 0, NULL},
    {"synchronousResponseSupport", "synchronousResponseSupport", MEMBER_WORD, 0, support_words},
    {"dataSourceType", "dataSourceType", MEMBER_TEXT, LABEL_MAX, NULL},
    {"detailDataSource", "detailDataSource", MEMBER_TEXT, LABEL_MAX, NULL},
    {0},
};
static const struct member input_members[] = {
    {"label", "label", MEMBER_TEXT, LABEL_MAX, NULL},
    {"type", "type", MEMBER_TEXT, LABEL_MAX, NULL},
    {"collection", "collection", MEMBER_WORD, 0, collection_words},
    {"comments", "comments", MEMBER_TEXT, TEXT_MAX, NULL},
    {"example", "example", MEMBER_TEXT, TEXT_MAX, NULL},
    {"placeholder", "placeholder", MEMBER_TEXT, TEXT_MAX, NULL},
    {"keyLabel", "keyLabel", MEMBER_TEXT, LABEL_MAX, NULL},
    {"language", "language", MEMBER_TEXT, LABEL_MAX, NULL},
    {"dataSource", "dataSource", MEMBER_TEXT, LABEL_MAX, NULL},
    {"required", "required", MEMBER_FLAG, 0, NULL},
    {"shown", "shown", MEMBER_FLAG, 0, NULL},
    {"onPremiseControlled", "onPremiseControlled", MEMBER_FLAG, 0, NULL},
    {0},
};
static const struct member connection_members[] = {
    {"label", "label", MEMBER_TEXT, LABEL_MAX, NULL},
    {"comments", "comments", MEMBER_TEXT, TEXT_MAX, NULL},
    {"oauth2Type", "oauth2Type", MEMBER_WORD, 0, oauth2_words},
    {"oauth2PkceMethod", "oauth2PkceMethod", MEMBER_WORD, 0, pkce_words},
    {0},
};
static const struct member oauth2_members[] = {
    {"overrideGrantType", "overrideGrantType", MEMBER_TEXT, LABEL_MAX, NULL},
    {"allowedTokenParams", "allowedTokenParams", MEMBER_TEXTS, 0, NULL},
    {0},
};

static void check_word(struct reader *r, const char *at, const struct member *m, struct str word)
{
    AUTO(buf_done) struct buf list = {0};
    buf_init(&list, KIB(1));
    for (const char *const *w = m->words; *w; w++) {
        if (str_eq(word, str_of(*w))) {
            return;
        }
        buf_addf(&list, "%s%s", list.len ? ", " : "", *w);
    }
    buf_addc(&list, '\0');
    refuse(r, at, "This must be one of %s.", list.data);
}

static void check_texts(struct reader *r, const char *at, struct json list)
{
    if (list.len > BRANCHES_MAX) {
        refuse(r, at, "At most %d.", BRANCHES_MAX);
        return;
    }
    for (uint32_t i = 0; i < list.len; i++) {
        if (list.items[i].type != JSON_STRING || list.items[i].len == 0 ||
            list.items[i].len > LABEL_MAX) {
            refuse(r, at, "Each has 1 to %d bytes.", LABEL_MAX);
            return;
        }
    }
}

/* Appends the members that are there and not null. */
static void keep(struct reader *r, const char *at, struct json from, const struct member *members,
                 struct json_builder *to)
{
    for (const struct member *m = members; m->name; m++) {
        struct json v = json_get(from, str_of(m->name));
        if (json_is_nullish(v)) {
            continue;
        }
        const char *place = arena_printf(r->arena, "%s.%s", at, m->name);
        switch (m->kind) {
        case MEMBER_TEXT:
            if (v.len > m->max) {
                refuse(r, place, "This has at most %zu bytes.", m->max);
            }
            break;
        case MEMBER_WORD:
            if (v.len == 0) { /* as if it were not there */
                continue;
            }
            check_word(r, place, m, json_as_str(v));
            break;
        case MEMBER_TEXTS:
            check_texts(r, place, v);
            break;
        case MEMBER_FLAG:
            break;
        }
        json_append(to, str_of(m->as), v);
    }
}

/* --- lists ------------------------------------------------------------------------------------ */

/* The key of an item, that none before it in the list has; false when it is refused. */
static bool take_key(struct reader *r, const char *at, struct json list, uint32_t i,
                     struct json_builder *to)
{
    struct json key = json_get(list.items[i], STR("key"));
    struct str text = json_as_str(key);
    if (text.len == 0 || text.len > COMPONENT_KEY_MAX) {
        refuse(r, arena_printf(r->arena, "%s.key", at), "A key has 1 to %d bytes.",
               COMPONENT_KEY_MAX);
        return false;
    }
    for (uint32_t k = 0; k < i; k++) {
        if (str_eq(json_as_str(json_get(list.items[k], STR("key"))), text)) {
            refuse(r, arena_printf(r->arena, "%s.key", at), "This key stands twice.");
            return false;
        }
    }
    json_append(to, STR("key"), key);
    return true;
}

typedef void (*item_fn)(struct reader *r, const char *at, struct json item,
                        struct json_builder *to);

/* Appends the items of a list of objects with keys to a list; nulls are passed over. */
static void take_list(struct reader *r, struct json list, const char *at, uint32_t max, item_fn fn,
                      struct json_builder *to)
{
    if (list.type == JSON_ARRAY && list.len > max) {
        refuse(r, at, "At most %u.", max);
        return;
    }
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        const char *place = arena_printf(r->arena, "%s[%u]", at, i);
        struct json_builder one;
        json_build_object(&one, r->arena);
        if (list.items[i].type == JSON_OBJECT && take_key(r, place, list, i, &one)) {
            fn(r, place, list.items[i], &one);
            json_push(to, json_built(&one));
        }
    }
}

static void take_model(struct reader *r, const char *at, struct json model, struct json_builder *to)
{
    if (json_is_nullish(model)) {
        return;
    }
    if (model.len > CHOICES_MAX) {
        refuse(r, at, "At most %d.", CHOICES_MAX);
        return;
    }
    for (uint32_t i = 0; i < model.len; i++) {
        if (json_get(model.items[i], STR("label")).len > LABEL_MAX ||
            json_get(model.items[i], STR("value")).len > TEXT_MAX) {
            refuse(r, arena_printf(r->arena, "%s[%u]", at, i), "A label or value is too long.");
            return;
        }
    }
    json_append(to, STR("model"), model);
}

static void take_input(struct reader *r, const char *at, struct json item, struct json_builder *to)
{
    struct json fallback = json_get(item, STR("default"));
    keep(r, at, item, input_members, to);
    if (json_size(fallback) > DEFAULT_MAX) {
        refuse(r, arena_printf(r->arena, "%s.default", at), "This default is too large.");
    } else if (!json_is_nullish(fallback)) {
        json_append(to, STR("default"), fallback);
    }
    take_model(r, arena_printf(r->arena, "%s.model", at), json_get(item, STR("model")), to);
}

static void take_inputs(struct reader *r, const char *at, struct json item, struct json_builder *to)
{
    struct json_builder inputs;
    json_build_array(&inputs, r->arena);
    take_list(r, json_get(item, STR("inputs")), arena_printf(r->arena, "%s.inputs", at), INPUTS_MAX,
              take_input, &inputs);
    json_append(to, STR("inputs"), json_built(&inputs));
}

static void take_example(struct reader *r, const char *at, struct json item,
                         struct json_builder *to)
{
    struct json example = json_get(item, STR("examplePayload")), ignored;
    struct err err = {0};
    if (example.type != JSON_STRING || example.len == 0) {
        return;
    }
    if (example.len > EXAMPLE_MAX ||
        json_parse(r->arena, json_as_str(example), &ignored, &err) < 0) {
        refuse(r, arena_printf(r->arena, "%s.examplePayload", at),
               "This is the text of a JSON value of at most 1 MB.");
        return;
    }
    json_append(to, STR("example"), example);
}

static void take_schedule(struct reader *r, const char *at, struct json item,
                          struct json_builder *to)
{
    static const struct member support = {"scheduleSupport", "", MEMBER_WORD, 0, support_words};
    struct str word = json_as_str(json_get(item, STR("scheduleSupport")));
    if (word.len > 0) {
        check_word(r, arena_printf(r->arena, "%s.%s", at, support.name), &support, word);
    }
    json_append(to, STR("scheduleAllowed"), json_bool(str_eq(word, STR("valid"))));
    json_append(to, STR("scheduleRequired"), json_bool(str_eq(word, STR("required"))));
}

static void take_any(struct reader *r, const char *at, struct json item, struct json_builder *to)
{
    struct json display = json_get(item, STR("display"));
    keep(r, arena_printf(r->arena, "%s.display", at), display, display_members, to);
    keep(r, at, item, action_members, to);
    take_inputs(r, at, item, to);
    take_example(r, at, item, to);
}

static void take_action(struct reader *r, const char *at, struct json item, struct json_builder *to)
{
    json_append(to, STR("isTrigger"), json_bool(false));
    take_any(r, at, item, to);
}

static void take_trigger(struct reader *r, const char *at, struct json item,
                         struct json_builder *to)
{
    struct str answers = json_as_str(json_get(item, STR("synchronousResponseSupport")));
    json_append(to, STR("isTrigger"), json_bool(true));
    json_append(to, STR("replies"),
                json_bool(str_eq(answers, STR("valid")) || str_eq(answers, STR("required"))));
    take_any(r, at, item, to);
    take_schedule(r, at, item, to);
}

static void take_data_source(struct reader *r, const char *at, struct json item,
                             struct json_builder *to)
{
    json_append(to, STR("isTrigger"), json_bool(false));
    json_append(to, STR("isDataSource"), json_bool(true));
    take_any(r, at, item, to);
}

static void take_connection(struct reader *r, const char *at, struct json item,
                            struct json_builder *to)
{
    struct json_builder oauth2;
    json_build_object(&oauth2, r->arena);
    keep(r, at, item, connection_members, to);
    keep(r, arena_printf(r->arena, "%s.oauth2Config", at), json_get(item, STR("oauth2Config")),
         oauth2_members, &oauth2);
    json_append(to, STR("oauth2Config"), json_built(&oauth2));
    take_inputs(r, at, item, to);
}

int component_metadata(struct arena *a, struct json input, struct json *ret,
                       struct err_list *errors)
{
    struct reader r = {.arena = a, .errors = errors};
    struct json_builder root, actions, connections;
    int before = errors->n + errors->dropped;
    json_build_object(&root, a);
    json_build_array(&actions, a);
    json_build_array(&connections, a);
    take_list(&r, json_get(input, STR("actions")), "actions", ACTIONS_MAX, take_action, &actions);
    take_list(&r, json_get(input, STR("triggers")), "triggers", ACTIONS_MAX, take_trigger,
              &actions);
    take_list(&r, json_get(input, STR("dataSources")), "dataSources", ACTIONS_MAX, take_data_source,
              &actions);
    take_list(&r, json_get(input, STR("connections")), "connections", CONNECTIONS_MAX,
              take_connection, &connections);
    json_append(&root, STR("actions"), json_built(&actions));
    json_append(&root, STR("connections"), json_built(&connections));
    if (errors->n + errors->dropped > before) {
        return -EINVAL;
    }
    *ret = json_built(&root);
    return 0;
}
