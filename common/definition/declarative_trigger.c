/* Owns parsing the triggers of declarative components. Called by declarative.c. A key that an
 * action has, too, is refused: in a file they are told apart by nothing but the list they stand in.
 */
#include "definition/declarative_priv.h"

static const char *const algorithms[] = {"sha256", "sha1", "sha512"};
static const char *const encodings[] = {"hex", "base64"};

static void parse_signature(struct decl_compile *p, struct def_map *trigger, struct decl_trigger *t)
{
    static const char *const known[] = {"header", "algorithm", "encoding", "prefix",
                                        "secret", "timestamp", NULL};
    static const char *const known_time[] = {"header", "toleranceSeconds", NULL};
    struct def_where where, time_where;
    struct def_map m, time;
    if (!decl_sub(trigger, "signature", &where, &m)) {
        return;
    }
    decl_check_keys(&m, known);
    t->header = def_get_text(&m, "header", DEF_REQUIRED);
    t->algorithm = algorithms[def_get_enum(&m, "algorithm", DEF_OPTIONAL, algorithms,
                                           ARRAY_LEN(algorithms), 0)];
    t->base64 = def_get_enum(&m, "encoding", DEF_OPTIONAL, encodings, ARRAY_LEN(encodings), 0) == 1;
    t->prefix = def_get_text(&m, "prefix", DEF_OPTIONAL);
    decl_get_text(p, &m, "secret", DEF_REQUIRED, &t->secret);
    if (decl_sub(&m, "timestamp", &time_where, &time)) {
        decl_check_keys(&time, known_time);
        t->timestamp_header = def_get_text(&time, "header", DEF_REQUIRED);
        t->tolerance_s = def_get_int(&time, "toleranceSeconds", DEF_OPTIONAL, 1, 86400, 300);
    }
}

static void parse_challenge(struct decl_compile *p, struct def_map *trigger, struct decl_trigger *t)
{
    static const char *const known[] = {"parameter", "path", NULL};
    struct def_where where;
    struct def_map m;
    if (decl_sub(trigger, "challenge", &where, &m)) {
        decl_check_keys(&m, known);
        t->challenge_parameter = def_get_text(&m, "parameter", DEF_OPTIONAL);
        t->challenge = decl_get_path(p, &m, "path", DEF_OPTIONAL);
    }
}

static void parse_trigger(struct decl_compile *p, struct def_map *m, struct decl_trigger *t)
{
    static const char *const known[] = {"key",       "label",     "description", "inputs",
                                        "signature", "challenge", "example",     NULL};
    decl_check_keys(m, known);
    t->label = def_get_text(m, "label", DEF_REQUIRED);
    t->description = def_get_text(m, "description", DEF_OPTIONAL);
    t->example = decl_get_example(p, m);
    decl_parse_fields(p, m, "inputs", &t->inputs);
    p->inputs = &t->inputs;
    parse_signature(p, m, t);
    p->inputs = NULL;
    parse_challenge(p, m, t);
}

void decl_parse_triggers(struct decl_compile *p, struct def_map *root)
{
    struct declarative *d = p->d;
    const struct yaml_node *list = def_get_list(root, "triggers", DEF_OPTIONAL, DECL_MAX_ACTIONS);
    struct def_where in = def_key(root->where, "triggers");
    size_t n = list ? list->n_items : 0, n_keys = 0;
    const char **keys = arena_array(p->c.arena, n + d->n_actions + 1, sizeof(const char *));
    for (; n_keys < d->n_actions; n_keys++) {
        keys[n_keys] = d->actions[n_keys].key;
    }
    d->triggers = arena_array(p->c.arena, n, sizeof(*d->triggers));
    for (size_t i = 0; i < n; i++) {
        struct def_where where = def_index(&in, i);
        struct def_map m;
        if (def_map_init(&m, &p->c, list->items[i], &where)) {
            struct decl_trigger *t = &d->triggers[d->n_triggers++];
            *t = (struct decl_trigger){.key = decl_get_key(&m, keys, n_keys),
                                       .header = "",
                                       .algorithm = algorithms[0],
                                       .prefix = "",
                                       .timestamp_header = "",
                                       .challenge_parameter = ""};
            keys[n_keys++] = t->key;
            p->c.subject =
                arena_printf(p->c.arena, "Trigger \"%s\": ", def_show(&p->c, str_of(t->key)));
            parse_trigger(p, &m, t);
            p->c.subject = "";
        }
    }
}
