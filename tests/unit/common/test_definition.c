/* What a definition means once compiled: views, inputs, references, defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "definition_files.h"

static struct definition *load(const char *name)
{
    size_t len;
    char *text = fixture_read(name, &len);
    struct definition *d = parse_ok(str_n(text, len));
    memset(text, 'x', len); /* the definition must not point into it */
    mem_free(text);
    return d;
}

static const struct def_input *input_of(const struct def_step *step, const char *key)
{
    const struct def_input *input = def_step_input(step, key);
    assert_non_null(input);
    return input;
}

static void minimal_file_has_defaults(void **state)
{
    AUTO(definition_unref) struct definition *d = load("minimal.yml");
    const struct def_view *v = definition_view(d);
    assert_int_equal(v->version, 7);
    assert_string_equal(v->name, "Minimal");
    assert_string_equal(v->description, "");
    assert_int_equal(v->endpoint, DEF_ENDPOINT_FLOW);
    assert_int_equal(v->n_flows, 1);
    const struct def_flow *flow = definition_flow(d, STR("Only Flow"));
    assert_ptr_equal(flow, &v->flows[0]);
    assert_null(definition_flow(d, STR("only flow")));
    assert_int_equal(flow->security, DEF_SECURITY_CUSTOMER_OPTIONAL);
    assert_false(flow->is_synchronous);
    assert_int_equal(flow->n_all_steps, 1);
    const struct def_step *step = &flow->steps[0];
    assert_string_equal(step->key, "incomingCall");
    assert_true(step->is_trigger);
    assert_int_equal(step->component_version, 0);
    assert_int_equal(step->error.handler, DEF_ERROR_FAIL);
    assert_null(step->schedule);
    assert_null(def_step_input(step, "body"));
    assert_int_equal(step->place.line, 6);
}

static void version_6_is_read(void **state)
{
    AUTO(definition_unref) struct definition *d = load("version-6.yml");
    const struct def_view *v = definition_view(d);
    assert_int_equal(v->version, 6);
    assert_int_equal(v->flows[0].steps[1].component_version, 3);
    const struct def_config_var *var = definition_var(d, STR("Tank Connection"));
    assert_non_null(var);
    assert_false(var->visible_to_customer_deployer); /* the older spelling */
    assert_true(var->visible_to_org_deployer);
    assert_string_equal(var->connection_component, "tank-service");
}

static void root_and_pages(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_view *v = definition_view(d);
    assert_string_equal(v->category, "ERP");
    assert_int_equal(v->n_labels, 2);
    assert_string_equal(v->labels[0], "milling");
    assert_string_equal(v->labels[1], "grain");
    assert_int_equal(v->endpoint, DEF_ENDPOINT_INSTANCE);
    assert_string_equal(v->preprocess_flow, "Route");
    assert_int_equal(v->flow_name_field->step, 1);
    assert_string_equal(v->documentation, "# Mill Orders\n\n    indented code\nlast line\n");
    assert_int_equal(v->n_pages, 2);
    assert_int_equal(v->pages[0].n_elements, 3);
    assert_int_equal(v->pages[0].elements[0].type, DEF_ELEMENT_HTML);
    assert_string_equal(v->pages[0].elements[2].value, "Grain");
    assert_true(v->pages[1].user_level);
}

static void config_vars(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_config_var *var = definition_var(d, STR("Mill Connection"));
    assert_int_equal(var->type, DEF_VAR_CONNECTION);
    assert_true(var->org_only);
    assert_false(var->visible_to_customer_deployer);
    assert_string_equal(var->connection_key, "oauth2");
    assert_int_equal(var->n_inputs, 3);
    assert_int_equal(var->inputs[1].type, DEF_INPUT_TEMPLATE);
    assert_int_equal(var->inputs[2].type, DEF_INPUT_UNSET); /* null */
    var = definition_var(d, STR("Grain"));
    assert_int_equal(var->n_pick_list, 3);
    assert_string_equal(var->pick_list[2], "007");
    assert_false(var->visible_to_customer_deployer);
    assert_int_equal(definition_var(d, STR("Tags"))->collection, DEF_COLLECTION_VALUES);
    assert_int_equal(definition_var(d, STR("Headers"))->collection, DEF_COLLECTION_KEY_VALUES);
    var = definition_var(d, STR("Run At"));
    assert_int_equal(var->schedule_type, DEF_SCHEDULE_HOUR);
    assert_string_equal(var->time_zone, "Europe/Berlin");
    assert_string_equal(definition_var(d, STR("Shared"))->scoped_config_var, "org-wide-mill");
    assert_null(definition_var(d, STR("grain")));
}

static void flow_settings(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_flow *flow = definition_flow(d, STR("Orders"));
    assert_string_equal(flow->stable_key, "orders");
    assert_int_equal(flow->security, DEF_SECURITY_ORGANIZATION);
    assert_int_equal(flow->n_organization_api_keys, 2);
    assert_int_equal(flow->retry.max_attempts, 3);
    assert_true(flow->retry.exponential_backoff);
    assert_int_equal(flow->retry.unique_request_id->step, 0);
    assert_true(flow->queue.fifo);
    assert_int_equal(flow->queue.concurrency_limit, 4);
    assert_string_equal(flow->queue.dedupe_id->segments[2].key.ptr, "id");
    const struct def_flow *nightly = definition_flow(d, STR("Nightly"));
    assert_true(nightly->queue.singleton);
    assert_int_equal(nightly->steps[0].schedule->type, DEF_SCHEDULE_WEEK);
    assert_string_equal(nightly->steps[0].schedule->value.text.ptr, "00 00 * * 0");
    assert_false(nightly->steps[1].component_public);
}

static void steps_are_numbered_depth_first(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_flow *flow = definition_flow(d, STR("Orders"));
    assert_int_equal(flow->n_all_steps, 6);
    assert_int_equal(flow->n_steps, 3);
    const struct def_step *loop = &flow->steps[1], *branch = &loop->steps[0];
    assert_int_equal(loop->index, 1);
    assert_int_equal(branch->index, 2);
    assert_int_equal(branch->branches[0].steps[0].index, 3);
    assert_int_equal(branch->branches[1].steps[0].index, 4);
    assert_int_equal(branch->branches[2].n_steps, 0);
    assert_int_equal(flow->steps[2].index, 5);
    const struct def_error_config *e = &branch->branches[0].steps[0].error;
    assert_int_equal(e->handler, DEF_ERROR_RETRY);
    assert_int_equal(e->max_attempts, 5);
    assert_int_equal(e->delay_seconds, 60);
    assert_true(e->exponential_backoff && e->ignore_final_error);
}

static void the_five_input_types(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_flow *flow = definition_flow(d, STR("Orders"));
    const struct def_step *trigger = &flow->steps[0], *loop = &flow->steps[1];
    const struct def_step *mill = &loop->steps[0].branches[0].steps[0];

    const struct def_input *input = input_of(trigger, "statusCode");
    assert_int_equal(input->type, DEF_INPUT_VALUE); /* a bare number is text, too */
    assert_string_equal(input->text.ptr, "202");
    assert_int_equal(input_of(trigger, "body")->type, DEF_INPUT_UNSET);
    assert_int_equal(input_of(trigger, "headers")->type, DEF_INPUT_LIST);
    assert_int_equal(input_of(trigger, "headers")->n_items, 0);

    input = input_of(loop, "items");
    assert_int_equal(input->type, DEF_INPUT_REFERENCE);
    assert_int_equal(input->path->step, 0);
    assert_int_equal(input->path->root, PATH_RESULTS);
    assert_int_equal(input->path->n_segments, 3);

    input = input_of(mill, "connection");
    assert_int_equal(input->type, DEF_INPUT_CONFIG_VAR);
    assert_string_equal(input->text.ptr, "Mill Connection");

    input = input_of(mill, "note");
    assert_int_equal(input->type, DEF_INPUT_TEMPLATE);
    assert_int_equal(input->template->n_parts, 4);
    assert_int_equal(input->template->parts[2].path->step, 1);
    assert_int_equal(input->template->parts[2].path->root, PATH_CURRENT_ITEM);

    input = input_of(mill, "list");
    assert_int_equal(input->type, DEF_INPUT_LIST);
    assert_int_equal(input->n_items, 2);
    assert_int_equal(input->items[1].type, DEF_INPUT_REFERENCE);
    assert_null(input->items[0].name);
}

static void key_value_lists(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_step *step = &definition_flow(d, STR("Route"))->steps[1];
    const struct def_input *input = input_of(step, "keyValueInput");
    assert_int_equal(input->type, DEF_INPUT_KEY_VALUES);
    assert_int_equal(input->n_items, 3);
    assert_int_equal(input->items[0].name->type, DEF_INPUT_VALUE);
    assert_string_equal(input->items[0].name->text.ptr, "flow");
    assert_int_equal(input->items[1].name->type, DEF_INPUT_REFERENCE);
    assert_int_equal(input->items[1].name->path->step, 0);
    assert_int_equal(input->items[2].name->type, DEF_INPUT_CONFIG_VAR);
    assert_int_equal(input->items[2].type, DEF_INPUT_LIST);
}

static void conditions(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_step *step = &definition_flow(d, STR("Orders"))->steps[1].steps[0];
    const struct def_input *input = input_of(step, "conditions");
    assert_int_equal(input->type, DEF_INPUT_CONDITIONS);
    assert_int_equal(input->n_predicates, 2);
    assert_string_equal(input->predicates[0].branch, "Rye");
    const struct condition *c = input->predicates[0].condition;
    assert_int_equal(c->op, COND_AND);
    assert_int_equal(c->n_children, 2);
    assert_int_equal(c->children[0].op, COND_EQUAL);
    assert_int_equal(c->children[0].left->path->step, 1);
    assert_int_equal(c->children[0].right->type, DEF_INPUT_VALUE);
    const struct condition *any = &c->children[1];
    assert_int_equal(any->op, COND_OR);
    assert_int_equal(any->children[0].op, COND_EXISTS);
    assert_null(any->children[0].right); /* the dummy term of unary operators */
    assert_int_equal(any->children[1].left->type, DEF_INPUT_CONFIG_VAR);
    assert_int_equal(any->children[1].right->type, DEF_INPUT_TEMPLATE);
    assert_int_equal(input->predicates[1].condition->op, COND_IS_EMPTY);
}

static void an_input_that_is_no_template_is_left_alone(void **state)
{
    AUTO(definition_unref) struct definition *d = load("complete.yml");
    const struct def_input *input = input_of(&definition_flow(d, STR("Nightly"))->steps[1], "code");
    assert_int_equal(input->type, DEF_INPUT_VALUE);
    assert_non_null(strstr(input->text.ptr, "{{$notAReference}}"));
    assert_null(input->template);
}

static void references_are_counted(void **state)
{
    struct definition *d = load("minimal.yml");
    struct definition *other = definition_ref(d);
    assert_ptr_equal(other, d);
    assert_null(definition_unref(d));
    assert_string_equal(definition_view(other)->name, "Minimal");
    assert_null(definition_unref(other));
    assert_null(definition_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_file_has_defaults),
        cmocka_unit_test(version_6_is_read),
        cmocka_unit_test(root_and_pages),
        cmocka_unit_test(config_vars),
        cmocka_unit_test(flow_settings),
        cmocka_unit_test(steps_are_numbered_depth_first),
        cmocka_unit_test(the_five_input_types),
        cmocka_unit_test(key_value_lists),
        cmocka_unit_test(conditions),
        cmocka_unit_test(an_input_that_is_no_template_is_left_alone),
        cmocka_unit_test(references_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
