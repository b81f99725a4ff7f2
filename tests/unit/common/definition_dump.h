/* Test-only: the compiled view of a definition as text, places left out, so that two definitions
 * can be compared for meaning. */
#pragma once

#include "definition/definition.h"

static void dump_input(struct buf *b, const struct def_input *input);

static void dump_path(struct buf *b, const struct path *p)
{
    if (!p) {
        buf_adds(b, "-");
        return;
    }
    buf_addf(b, "%.*s@%u/%d", (int)p->step_key.len, p->step_key.ptr, p->step, (int)p->root);
    for (size_t i = 0; i < p->n_segments; i++) {
        buf_addf(b, "/%.*s#%lld", (int)p->segments[i].key.len, p->segments[i].key.ptr,
                 (long long)p->segments[i].index);
    }
}

static void dump_condition(struct buf *b, const struct condition *c)
{
    buf_addf(b, "(%s", condition_ops[c->op].name);
    for (size_t i = 0; i < c->n_children; i++) {
        dump_condition(b, &c->children[i]);
    }
    if (c->left) {
        dump_input(b, c->left);
    }
    if (c->right) {
        dump_input(b, c->right);
    }
    buf_adds(b, ")");
}

static void dump_input(struct buf *b, const struct def_input *input)
{
    buf_addf(b, "{%s:%d:%.*s", input->key, (int)input->type, (int)input->text.len,
             input->text.ptr ? input->text.ptr : "");
    if (input->path) {
        dump_path(b, input->path);
    }
    for (size_t i = 0; input->template && i < input->template->n_parts; i++) {
        const struct template_part *part = &input->template->parts[i];
        buf_addf(b, "<%d:%.*s>", (int)part->type, (int)part->text.len, part->text.ptr);
        if (part->path) {
            dump_path(b, part->path);
        }
    }
    if (input->name) {
        buf_adds(b, "name=");
        dump_input(b, input->name);
    }
    for (size_t i = 0; i < input->n_items; i++) {
        dump_input(b, &input->items[i]);
    }
    for (size_t i = 0; i < input->n_predicates; i++) {
        buf_addf(b, "[%s]", input->predicates[i].branch);
        dump_condition(b, input->predicates[i].condition);
    }
    buf_adds(b, "}");
}

static int dump_compare_inputs(const void *x, const void *y)
{
    const struct def_input *const *a = x, *const *b = y;
    return strcmp((*a)->key, (*b)->key);
}

/* The order of keys carries no meaning. */
static void dump_inputs(struct buf *b, const struct def_input *inputs, size_t n)
{
    const struct def_input **sorted = mem_array(n, sizeof(const struct def_input *));
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &inputs[i];
    }
    qsort(sorted, n, sizeof(const struct def_input *), dump_compare_inputs);
    for (size_t i = 0; i < n; i++) {
        dump_input(b, sorted[i]);
    }
    mem_free(sorted);
}

static void dump_steps(struct buf *b, const struct def_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct def_step *s = &steps[i];
        buf_addf(b, "\nstep %u %s|%s|%s|%s|%s|%d|%d|%d|%d,%d,%d,%d,%d\n", s->index, s->name, s->key,
                 s->description, s->component, s->action, s->component_version, s->component_public,
                 s->is_trigger, s->error.handler, s->error.max_attempts, s->error.delay_seconds,
                 s->error.exponential_backoff, s->error.ignore_final_error);
        dump_inputs(b, s->inputs, s->n_inputs);
        if (s->schedule) {
            buf_addf(b, "schedule %d %s", s->schedule->type, s->schedule->time_zone);
            dump_input(b, &s->schedule->value);
        }
        dump_steps(b, s->steps, s->n_steps);
        for (size_t j = 0; j < s->n_branches; j++) {
            buf_addf(b, "\nbranch %s", s->branches[j].name);
            dump_steps(b, s->branches[j].steps, s->branches[j].n_steps);
        }
        buf_adds(b, "\nend");
    }
}

static void dump_texts(struct buf *b, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "|%s", texts[i]);
    }
    buf_adds(b, "\n");
}

static void dump_var(struct buf *b, const struct def_config_var *v)
{
    buf_addf(b, "var %s|%s|%s|%s|%d|%d|%d|%d|%d|%d|%s|%s|%s|%s", v->key, v->stable_key,
             v->description, v->default_value, v->type, v->collection, v->org_only,
             v->visible_to_customer_deployer, v->visible_to_org_deployer, v->schedule_type,
             v->time_zone, v->connection_key, v->connection_component, v->scoped_config_var);
    dump_texts(b, v->pick_list, v->n_pick_list);
    dump_inputs(b, v->inputs, v->n_inputs);
}

static void dump_flow(struct buf *b, const struct def_flow *f)
{
    buf_addf(b, "\nflow %s|%s|%s|%d|%d|%u|%d,%d,%d|%d,%d,%d", f->name, f->stable_key,
             f->description, f->is_synchronous, f->security, f->n_all_steps, f->retry.max_attempts,
             f->retry.delay_minutes, f->retry.exponential_backoff, f->queue.fifo,
             f->queue.concurrency_limit, f->queue.singleton);
    dump_texts(b, f->organization_api_keys, f->n_organization_api_keys);
    dump_path(b, f->retry.unique_request_id);
    dump_path(b, f->queue.dedupe_id);
    dump_steps(b, f->steps, f->n_steps);
}

/* The caller frees the text. The version is left out: emission raises it. */
static char *definition_dump(const struct definition *d)
{
    const struct def_view *v = definition_view(d);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_addf(&b, "%s|%s|%s|%s|%d|%s", v->name, v->description, v->documentation, v->category,
             v->endpoint, v->preprocess_flow);
    dump_texts(&b, v->labels, v->n_labels);
    dump_path(&b, v->flow_name_field);
    dump_path(&b, v->external_customer_id_field);
    dump_path(&b, v->external_customer_user_id_field);
    for (size_t i = 0; i < v->n_pages; i++) {
        const struct def_config_page *page = &v->pages[i];
        buf_addf(&b, "\npage %s|%s|%d", page->name, page->tagline, page->user_level);
        for (size_t j = 0; j < page->n_elements; j++) {
            buf_addf(&b, "|%d %s", (int)page->elements[j].type, page->elements[j].value);
        }
    }
    for (size_t i = 0; i < v->n_vars; i++) {
        dump_var(&b, &v->vars[i]);
    }
    for (size_t i = 0; i < v->n_flows; i++) {
        dump_flow(&b, &v->flows[i]);
    }
    return buf_take(&b);
}
