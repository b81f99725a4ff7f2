/* Owns the walk over the tree that writes the output. Called by liquid.c on the slot's thread.
 * It refuses what goes past the bounds; values that are missing are written as nothing. */
#include <math.h>

#include "components/liquid_template/liquid_priv.h"

enum flow { FLOW_NEXT = 0, FLOW_BREAK = 1, FLOW_CONTINUE = 2 }; /* returned where rc is not < 0 */

static int set_variable(struct liquid *l, struct liquid_variable **list, struct str name,
                        struct json value)
{
    size_t n = 0;
    struct liquid_variable *v = *list;
    while (v && !str_eq(v->name, name)) {
        v = v->next;
        n++;
    }
    int rc = liquid_spend(l, n / 4);
    if (rc == 0 && !v) {
        rc = liquid_room(l, sizeof(*v));
    }
    if (rc < 0) {
        return rc;
    }
    if (v) {
        v->value = value;
        return 0;
    }
    v = arena_new_of(l->arena, struct liquid_variable);
    *v = (struct liquid_variable){.name = name, .value = value, .next = *list};
    *list = v;
    return 0;
}

static int output(struct liquid *l, const struct liquid_node *node)
{
    struct json v = json_undefined();
    int rc = liquid_eval_pipeline(l, node->value, &v);
    return rc < 0 ? rc : liquid_add_text(l, l->out, v);
}

static int assign(struct liquid *l, const struct liquid_node *node)
{
    struct json v = json_undefined();
    int rc = liquid_eval_pipeline(l, node->value, &v);
    return rc < 0 ? rc : set_variable(l, &l->variables, node->text, v);
}

/* What the body writes is taken back from the output. */
static int capture(struct liquid *l, const struct liquid_node *node)
{
    size_t start = l->out->len;
    int flow = liquid_render_nodes(l, node->body);
    if (flow < 0) {
        return flow;
    }
    struct buf written = {.data = l->out->data ? l->out->data + start : NULL,
                          .len = l->out->len - start,
                          .full = l->out->full};
    struct json text;
    int rc = liquid_give(l, &written, &text);
    if (rc < 0) {
        return rc;
    }
    l->out->len = start;
    if (l->out->data) {
        l->out->data[start] = '\0';
    }
    rc = set_variable(l, &l->variables, node->text, text);
    return rc < 0 ? rc : flow;
}

static int render_if(struct liquid *l, const struct liquid_node *node)
{
    for (const struct liquid_branch *b = node->branches; b; b = b->next) {
        bool holds = true;
        if (b->last) {
            int rc = liquid_eval_condition(l, b->last, &holds);
            if (rc < 0) {
                return rc;
            }
            holds = holds != b->negated;
        }
        if (holds) {
            return liquid_render_nodes(l, b->body);
        }
    }
    return 0;
}

static int when_holds(struct liquid *l, const struct liquid_branch *b, struct json subject,
                      bool *ret)
{
    *ret = false;
    int rc = 0;
    for (const struct liquid_expr *e = b->values; rc == 0 && e && !*ret; e = e->next) {
        struct json v = json_undefined();
        rc = liquid_eval(l, e, &v);
        if (rc == 0) {
            rc = liquid_equal(l, e, subject, v, ret);
        }
    }
    return rc;
}

static int render_case(struct liquid *l, const struct liquid_node *node)
{
    struct json subject = json_undefined();
    bool any = false;
    int rc = liquid_eval_pipeline(l, node->value, &subject);
    for (const struct liquid_branch *b = node->branches; rc == 0 && b; b = b->next) {
        bool holds = !b->values && !any;
        if (b->values) {
            rc = when_holds(l, b, subject, &holds);
        }
        any = any || holds;
        if (rc == 0 && holds) {
            rc = liquid_render_nodes(l, b->body);
        }
    }
    return rc;
}

static int loop_number(struct liquid *l, const struct liquid_expr *e, uint32_t otherwise,
                       uint32_t *ret)
{
    struct json v = json_undefined();
    int rc = e ? liquid_eval(l, e, &v) : 0;
    double n = liquid_number(v);
    *ret = !e || json_is_nullish(v) ? otherwise : n <= 0 ? 0 : (uint32_t)MIN(n, UINT32_MAX);
    return rc;
}

/* An item of a list; a pair [key, value] of an object; a text is one item. */
static int loop_item(struct liquid *l, struct json list, uint32_t i, struct json *ret)
{
    if (list.type == JSON_ARRAY) {
        *ret = list.items[i];
        return 0;
    }
    if (list.type != JSON_OBJECT) {
        *ret = list;
        return 0;
    }
    int rc = liquid_room(l, 2 * sizeof(struct json));
    if (rc == 0) {
        struct json *pair = arena_array(l->arena, 2, sizeof(*pair));
        pair[0] = json_str(list.members[i].key);
        pair[1] = list.members[i].value;
        *ret = json_array(pair, 2);
    }
    return rc;
}

static int render_loop(struct liquid *l, const struct liquid_node *node, struct json list,
                       uint32_t skip, uint32_t count)
{
    struct liquid_loop loop = {.parent = l->loop, .name = node->text, .length = count};
    int flow = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (++l->loops > LIQUID_MAX_LOOPS) {
            return liquid_fail(l, node->offset, "the loops run more than %d times in all.",
                               LIQUID_MAX_LOOPS);
        }
        loop.index = i;
        flow = loop_item(l, list, skip + (node->reversed ? count - 1 - i : i), &loop.item);
        if (flow < 0) {
            return flow;
        }
        l->loop = &loop;
        flow = liquid_render_nodes(l, node->branches->body);
        l->loop = loop.parent;
        if (flow < 0 || flow == FLOW_BREAK) {
            break;
        }
    }
    return flow < 0 ? flow : 0;
}

static int render_for(struct liquid *l, const struct liquid_node *node)
{
    struct json list = json_undefined();
    uint32_t skip = 0, limit = 0;
    int rc = liquid_eval(l, node->values, &list);
    if (rc == 0) {
        rc = loop_number(l, node->skip, 0, &skip);
    }
    if (rc == 0) {
        rc = loop_number(l, node->limit, UINT32_MAX, &limit);
    }
    if (rc < 0) {
        return rc;
    }
    uint32_t n = list.type == JSON_ARRAY || list.type == JSON_OBJECT ? list.len
                 : list.type == JSON_STRING && list.len              ? 1
                                                                     : 0;
    uint32_t count = skip >= n ? 0 : MIN(n - skip, limit);
    if (count == 0) {
        const struct liquid_branch *otherwise = node->branches->next;
        return otherwise ? liquid_render_nodes(l, otherwise->body) : 0;
    }
    return render_loop(l, node, list, skip, count);
}

static int counter(struct liquid *l, const struct liquid_node *node)
{
    double n = 0;
    for (const struct liquid_variable *v = l->counters; v; v = v->next) {
        if (str_eq(v->name, node->text)) {
            n = v->value.num;
        }
    }
    bool up = node->kind == LIQUID_INCREMENT;
    int rc = set_variable(l, &l->counters, node->text, json_num(up ? n + 1 : n - 1));
    return rc < 0 ? rc : liquid_add_text(l, l->out, json_num(up ? n : n - 1));
}

static int cycle(struct liquid *l, const struct liquid_node *node)
{
    uint32_t n = 0;
    for (const struct liquid_expr *e = node->values; e; e = e->next) {
        n++;
    }
    const struct liquid_expr *chosen = node->values;
    for (uint32_t i = l->cycles[node->cycle]++ % n; i > 0; i--) {
        chosen = chosen->next;
    }
    struct json v = json_undefined();
    int rc = liquid_spend(l, n);
    if (rc == 0) {
        rc = liquid_eval(l, chosen, &v);
    }
    return rc < 0 ? rc : liquid_add_text(l, l->out, v);
}

static int render_node(struct liquid *l, const struct liquid_node *node)
{
    switch (node->kind) {
    case LIQUID_TEXT:
        return liquid_add_text(l, l->out, json_str(node->text));
    case LIQUID_OUTPUT:
        return output(l, node);
    case LIQUID_ASSIGN:
        return assign(l, node);
    case LIQUID_CAPTURE:
        return capture(l, node);
    case LIQUID_IF:
        return render_if(l, node);
    case LIQUID_CASE:
        return render_case(l, node);
    case LIQUID_FOR:
        return render_for(l, node);
    case LIQUID_INCREMENT:
    case LIQUID_DECREMENT:
        return counter(l, node);
    case LIQUID_CYCLE:
        return cycle(l, node);
    case LIQUID_BREAK:
        return FLOW_BREAK;
    case LIQUID_CONTINUE:
        return FLOW_CONTINUE;
    }
    return -EINVAL;
}

/* Recursion is bounded by the nesting that the parser lets through. */
int liquid_render_nodes(struct liquid *l, const struct liquid_node *node)
{
    for (; node; node = node->next) {
        l->at = node->offset;
        int rc = liquid_spend(l, 1);
        if (rc < 0) {
            return rc;
        }
        int flow = render_node(l, node);
        if (flow != FLOW_NEXT) {
            return flow;
        }
    }
    return FLOW_NEXT;
}
