/* What authors are told: one valid definition, broken in one way at a time. Each row replaces a
 * piece of it and expects one report with its code, path, line and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "catalog.h"
#include "definition_files.h"

#define WEBHOOK                                                                                    \
    "{key: webhook, component: {key: webhook-triggers, version: LATEST, isPublic: true}}"

static const char base[] =
    "definitionVersion: 7\n"                                                            /* 1 */
    "name: Base\n"                                                                      /* 2 */
    "endpointType: flow_specific\n"                                                     /* 3 */
    "configPages:\n"                                                                    /* 4 */
    "  - name: Page\n"                                                                  /* 5 */
    "    elements:\n"                                                                   /* 6 */
    "      - {type: configVar, value: Base URL}\n"                                      /* 7 */
    "requiredConfigVars:\n"                                                             /* 8 */
    "  - {key: Base URL, dataType: string, defaultValue: x}\n"                          /* 9 */
    "  - {key: Count, dataType: number, defaultValue: \"5\"}\n"                         /* 10 */
    "flows:\n"                                                                          /* 11 */
    "  - name: Main\n"                                                                  /* 12 */
    "    isSynchronous: false\n"                                                        /* 13 */
    "    steps:\n"                                                                      /* 14 */
    "      - name: Start\n"                                                             /* 15 */
    "        isTrigger: true\n"                                                         /* 16 */
    "        action: " WEBHOOK "\n"                                                     /* 17 */
    "      - name: Get User\n"                                                          /* 18 */
    "        action: {key: httpGet, component: {key: http, version: 1}}\n"              /* 19 */
    "        inputs:\n"                                                                 /* 20 */
    "          url: {type: template, value: \"{{#Base URL}}/{{$start.results.id}}\"}\n" /* 21 */
    "          timeout: {type: configVar, value: Count}\n"                              /* 22 */
    "        errorConfig: {errorHandlerType: retry, maxAttempts: 2, delaySeconds: 9}\n" /* 23 */
    "      - name: Each Item\n"                                                         /* 24 */
    "        action: {key: loopOverItems, component: {key: loop, version: LATEST}}\n"   /* 25 */
    "        inputs:\n"                                                                 /* 26 */
    "          items: {type: reference, value: getUser.results.items}\n"                /* 27 */
    "        steps:\n"                                                                  /* 28 */
    "          - name: Choose\n"                                                        /* 29 */
    "            action: {key: branchOnExpression, component: {key: branch}}\n"         /* 30 */
    "            inputs:\n"                                                             /* 31 */
    "              conditions:\n"                                                       /* 32 */
    "                type: complex\n"                                                   /* 33 */
    "                value:\n"                                                          /* 34 */
    "                  - name: Good\n"                                                  /* 35 */
    "                    type: complex\n"                                               /* 36 */
    "                    value: [equal, {type: reference, value: eachItem.index}, "
    "{type: value, value: \"1\"}]\n"                                            /* 37 */
    "            branches:\n"                                                   /* 38 */
    "              - name: Good\n"                                              /* 39 */
    "                steps:\n"                                                  /* 40 */
    "                  - name: Leave\n"                                         /* 41 */
    "                    action: {key: breakLoop, component: {key: loop}}\n"    /* 42 */
    "              - {name: Else, steps: []}\n"                                 /* 43 */
    "      - name: Write\n"                                                     /* 44 */
    "        action: {key: writeLog, component: {key: log, version: LATEST}}\n" /* 45 */
    "        inputs:\n"                                                         /* 46 */
    "          message: {type: reference, value: eachItem.results}\n"           /* 47 */
    "          level: {type: value, value: Info}\n"                             /* 48 */
    "  - name: Timer\n"                                                         /* 49 */
    "    steps:\n"                                                              /* 50 */
    "      - name: Tick\n"                                                      /* 51 */
    "        isTrigger: true\n"                                                 /* 52 */
    "        action: {key: schedule, component: {key: schedule-triggers}}\n"    /* 53 */
    "        schedule: {type: value, value: \"*/5 * * * *\", meta: {scheduleType: minute}}\n"; /* 54
                                                                                                */

struct row {
    const char *find, *replace;
    const char *code, *field;
    int line;
    const char *words;
};

static char *replaced(const char *find, const char *replace)
{
    const char *at = strstr(base, find);
    if (!at) {
        print_error("not in the base: %s\n", find);
    }
    assert_non_null(at);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_add(&b, base, (size_t)(at - base));
    buf_adds(&b, replace);
    buf_adds(&b, at + strlen(find));
    return buf_take(&b);
}

static bool has_report(const struct err_list *errors, const struct row *row, bool warning)
{
    for (int i = 0; i < errors->n; i++) {
        const struct err *e = &errors->items[i];
        if (strcmp(e->code, row->code) == 0 && strcmp(e->field, row->field) == 0 &&
            e->line == row->line && strstr(e->message, row->words) && e->warning == warning) {
            return true;
        }
    }
    return false;
}

static void print_reports(const char *what, const struct err_list *errors)
{
    print_error("after %s:\n", what);
    for (int i = 0; i < errors->n; i++) {
        const struct err *e = &errors->items[i];
        print_error("  %d:%d [%s] %s %s\n", e->line, e->column, e->field, e->code, e->message);
    }
}

static void check_rows(const struct row *rows, size_t n, const struct catalog *catalog,
                       bool warning)
{
    struct err_list *errors = mem_new(struct err_list);
    for (size_t i = 0; i < n; i++) {
        struct definition *d = NULL;
        memset(errors, 0, sizeof(*errors));
        AUTO(mem_free) char *text = replaced(rows[i].find, rows[i].replace);
        int rc = definition_parse(str_of(text), catalog, &d, errors);
        bool found = has_report(errors, &rows[i], warning);
        if (!found || rc != (warning ? 0 : -EINVAL)) {
            print_reports(rows[i].replace, errors);
        }
        assert_int_equal(rc, warning ? 0 : -EINVAL);
        assert_true(found);
        if (!warning) {
            assert_null(d);
        }
        definition_unref(d);
    }
    mem_free(errors);
}

static void the_base_is_valid(void **state)
{
    AUTO(definition_unref) struct definition *d = parse_ok(str_of(base));
    assert_int_equal(definition_view(d)->n_flows, 2);
}

static void root_and_config(void **state)
{
    static const struct row rows[] = {
        {"definitionVersion: 7", "definitionVersion: 4", "definition.version", "definitionVersion",
         1, "versions 6 and 7"},
        {"definitionVersion: 7\n", "", "definition.version", "definitionVersion", 1, "missing"},
        {"definitionVersion: 7", "definitionVersion: \"7\"", "definition.type", "definitionVersion",
         1, "whole number"},
        {"name: Base\n", "name: Base\ndefinitionType: workflow\n", "definition.version",
         "definitionType", 3, "workflow"},
        {"name: Base\n", "nam: Base\n", "definition.required", "name", 1, "\"name\" is required"},
        {"name: Base\n", "name: [Base]\n", "definition.type", "name", 2,
         "must be text, not a list"},
        {"flow_specific", "instance_specfic", "definition.enum", "endpointType", 3,
         "did you mean \"instance_specific\"?"},
        {"value: Base URL}\n", "value: Base Url}\n", "definition.unknown_config_var",
         "configPages[0].elements[0].value", 7, "did you mean \"Base URL\"?"},
        {"- {type: configVar,", "- {type: widget,", "definition.enum",
         "configPages[0].elements[0].type", 7, "It is one of: configVar, htmlElement, jsonForm."},
        {"key: Count, dataType: number", "key: Base URL, dataType: number", "definition.duplicate",
         "requiredConfigVars[1].key", 10, "first is at line 9, column 5"},
        {"dataType: string", "dataType: sting", "definition.enum", "requiredConfigVars[0].dataType",
         9,
         "Config variable \"Base URL\": \"dataType\" cannot be \"sting\"; did you mean "
         "\"string\"?"},
        {"{key: Base URL, dataType: string, ", "{key: Base URL, ", "definition.required",
         "requiredConfigVars[0].dataType", 9, "missing"},
        {"defaultValue: \"5\"", "defaultValue: five", "definition.type",
         "requiredConfigVars[1].defaultValue", 10, "must be a number, not \"five\""},
        {"defaultValue: x}", "defaultValue: x, orgOnly: \"true\"}", "definition.type",
         "requiredConfigVars[0].orgOnly", 9,
         "true or false (without quotes), not the text \"true\""},
        {"dataType: string,", "dataType: jsonForm, collectionType: valuelist,", "definition.enum",
         "requiredConfigVars[0].collectionType", 9, "cannot be a collection"},
        {"dataType: string,", "dataType: connection,", "definition.required",
         "requiredConfigVars[0]", 9, "useScopedConfigVar"},
        {"dataType: string,", "dataType: string, inputs: {a: {type: reference, value: x.results}},",
         "definition.type", "requiredConfigVars[0].inputs.a", 9, "cannot be used here"},
        {"dataType: string,",
         "dataType: string, inputs: {a: {type: template, value: \"{{#Cuont}}\"}},",
         "definition.unknown_config_var", "requiredConfigVars[0].inputs.a", 9, "\"Count\""},
        {"dataType: string,",
         "dataType: string, inputs: {a: {type: template, value: \"{{$start.results}}\"}},",
         "definition.reference", "requiredConfigVars[0].inputs.a", 9, "cannot refer to the step"},
        {"requiredConfigVars:\n", "requiredConfigVars: {}\nx:\n", "definition.type",
         "requiredConfigVars", 8, "a list, not a mapping"},
        {"name: Timer", "name: Main", "definition.duplicate", "flows[1].name", 49,
         "first is at line 12"},
        {"name: Base\n", "name: Base\nname: Again\n", "definition.duplicate_key", "", 3,
         "first at line 2, column 1"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, false);
}

static void routing(void **state)
{
    static const struct row rows[] = {
        {"flow_specific", "instance_specific", "definition.routing", "endpointType", 3,
         "needs \"flowNameField\""},
        {"flow_specific", "shared_instance", "definition.routing", "endpointType", 3,
         "externalCustomerIdField"},
        {"flow_specific", "instance_specific\npreprocessFlowName: Tmer", "definition.routing",
         "preprocessFlowName", 4, "did you mean \"Timer\"?"},
        {"flow_specific",
         "instance_specific\nflowNameField: {type: reference, value: start.results.flow}",
         "definition.routing", "flowNameField", 4, "begins with \"payload.results\""},
        {"flow_specific",
         "instance_specific\npreprocessFlowName: Timer\n"
         "flowNameField: {type: reference, value: write.results.flow}",
         "definition.routing", "flowNameField", 5, "preprocess flow \"Timer\" does not have"},
        {"flow_specific",
         "instance_specific\nflowNameField: {type: reference, value: payload.currentItem.x}",
         "definition.routing", "flowNameField", 4, "must go on with \".results\""},
        {"flow_specific", "instance_specific\nflowNameField: {type: value, value: x}",
         "definition.type", "flowNameField", 4, "must be of type reference"},
    };
    static const struct row warnings[] = {
        {"flow_specific",
         "flow_specific\nflowNameField: {type: reference, value: payload.results.x}",
         "definition.routing", "endpointType", 3, "no effect"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, false);
    check_rows(warnings, ARRAY_LEN(warnings), NULL, true);
}

static void flows(void **state)
{
    static const struct row rows[] = {
        {"isSynchronous: false", "isSynchronous: yes", "definition.type", "flows[0].isSynchronous",
         13, "true or false"},
        {"isSynchronous: false",
         "isSynchronous: true\n    retryConfig: {maxAttempts: 1, delayMinutes: 1}",
         "definition.flow", "flows[0].retryConfig", 12,
         "Flow \"Main\": a synchronous flow cannot be retried."},
        {"isSynchronous: false", "retryConfig: {maxAttempts: 11, delayMinutes: 1}",
         "definition.range", "flows[0].retryConfig.maxAttempts", 13, "from 0 to 10, not 11"},
        {"isSynchronous: false", "retryConfig: {maxAttempts: 1}", "definition.required",
         "flows[0].retryConfig.delayMinutes", 13, "missing"},
        {"isSynchronous: false",
         "retryConfig: {maxAttempts: 1, delayMinutes: 1, uniqueRequestIdField: getUser.results.id}",
         "definition.reference", "flows[0].retryConfig.uniqueRequestIdField", 12,
         "only refer to the trigger, \"start\""},
        {"isSynchronous: false", "queueConfig: {usesFifoQueue: true, concurrencyLimit: 16}",
         "definition.range", "flows[0].queueConfig.concurrencyLimit", 13, "from 2 to 15"},
        {"isSynchronous: false", "queueConfig: {usesFifoQueue: false, concurrencyLimit: 3}",
         "definition.flow", "flows[0].queueConfig", 12, "needs usesFifoQueue"},
        {"isSynchronous: false", "queueConfig: {usesFifoQueue: true, singletonExecutions: true}",
         "definition.flow", "flows[0].queueConfig", 12, "exclude each other"},
        {"isSynchronous: false", "queueConfig: {singletonExecutions: true}", "definition.flow",
         "flows[0].queueConfig", 12, "schedule"},
        {"name: Timer\n", "name: Timer\n    isSynchronous: true\n", "definition.flow",
         "flows[1].isSynchronous", 49, "cannot have a schedule"},
        {"name: Timer\n", "name: Timer\n    queueConfig: {usesFifoQueue: true}\n",
         "definition.flow", "flows[1].queueConfig", 49, "cannot have a FIFO queue"},
        {"isSynchronous: false", "endpointSecurityType: organization", "definition.flow",
         "flows[0].organizationApiKeys", 12, "at least one key"},
        {"isSynchronous: false", "triggerResolver: {enabled: true}", "definition.required",
         "flows[0].triggerResolver.batchSize", 13, "missing"},
        {"\"*/5 * * * *\"", "\"*/5 * * *\"", "cron.syntax", "flows[1].steps[0].schedule", 54,
         "Step \"Tick\": "},
        {"\"*/5 * * * *\"", "\"\"", "definition.schedule", "flows[1].steps[0].schedule", 54,
         "no cron text"},
        {"{type: value, value: \"*/5 * * * *\"", "{type: configVar, value: Missing",
         "definition.unknown_config_var", "flows[1].steps[0].schedule", 54, "\"Missing\""},
        {"{type: value, value: \"*/5 * * * *\"", "{type: complex, value: []", "definition.type",
         "flows[1].steps[0].schedule", 54, "not a list"},
        {"scheduleType: minute", "scheduleType: minutes", "definition.enum",
         "flows[1].steps[0].schedule.meta.scheduleType", 54, "did you mean \"minute\"?"},
        {"scheduleType: minute", "timeZone: Mars/Base", "zone.unknown",
         "flows[1].steps[0].schedule", 54, "Mars/Base"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, false);
}

static void steps_and_triggers(void **state)
{
    static const struct row rows[] = {
        {"isTrigger: true\n        action: " WEBHOOK, "action: " WEBHOOK, "definition.trigger",
         "flows[0].steps[0]", 15, "must be the trigger"},
        {"- name: Get User\n", "- name: Get User\n        isTrigger: true\n", "definition.trigger",
         "flows[0].steps[1]", 18, "second trigger; the flow's trigger is \"Start\" at line 15"},
        {"- name: Leave\n", "- name: Leave\n                    isTrigger: true\n",
         "definition.trigger", "flows[0].steps[2].steps[0].branches[0].steps[0]", 41,
         "second trigger"},
        {"name: Write\n", "name: Get User\n", "definition.duplicate", "flows[0].steps[3].name", 44,
         "two steps named \"Get User\" in this flow; the first is at line 18, column 9"},
        {"name: Leave\n", "name: get-user\n", "definition.duplicate",
         "flows[0].steps[2].steps[0].branches[0].steps[0].name", 41,
         "same key \"getUser\" as step \"Get User\" at line 18, column 9"},
        {"name: Write\n", "name: \"\xE2\x86\x92!\"\n", "definition.step_name",
         "flows[0].steps[3].name", 44, "at least one letter or digit"},
        {"name: Write\n", "nome: Write\n", "definition.required", "flows[0].steps[3].name", 44,
         "\"name\" is required but missing"},
        {"action: {key: writeLog, ", "axtion: {key: writeLog, ", "definition.required",
         "flows[0].steps[3].action", 44, "Step \"Write\": \"action\" is required"},
        {"{key: writeLog, component: {key: log, version: LATEST}}", "{key: writeLog}",
         "definition.required", "flows[0].steps[3].action.component", 45, "missing"},
        {"{key: http, version: 1}", "{key: http, version: new}", "definition.type",
         "flows[0].steps[1].action.component.version", 19, "LATEST"},
        {"{key: http, version: 1}", "{key: http, version: 0}", "definition.type",
         "flows[0].steps[1].action.component.version", 19, "from 1 up"},
        {"maxAttempts: 2", "maxAttempts: 6", "definition.range",
         "flows[0].steps[1].errorConfig.maxAttempts", 23, "from 0 to 5, not 6"},
        {"delaySeconds: 9", "delaySeconds: 9.5", "definition.type",
         "flows[0].steps[1].errorConfig.delaySeconds", 23, "whole number"},
        {"errorHandlerType: retry", "errorHandlerType: retri", "definition.enum",
         "flows[0].steps[1].errorConfig.errorHandlerType", 23, "did you mean \"retry\"?"},
        {"action: {key: writeLog, component: {key: log, version: LATEST}}",
         "action: {key: breakLoop, component: {key: loop}}", "definition.loop", "flows[0].steps[3]",
         44, "stands in none"},
        {"- name: Write\n", "- name: Write\n        schedule: {type: value, value: 0 0 * * *}\n",
         "definition.schedule", "flows[0].steps[3].schedule", 45, "only a trigger may"},
        {"{name: Else, steps: []}", "{name: Good, steps: []}", "definition.duplicate",
         "flows[0].steps[2].steps[0].branches[1].name", 43, "two branches named \"Good\""},
        {"                  - name: Good\n", "                  - name: God\n", "definition.branch",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0].name", 35,
         "has no branch \"God\"; did you mean \"Good\"?"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, false);
}

static void inputs_and_references(void **state)
{
    static const struct row rows[] = {
        {"value: getUser.results.items", "value: getUsr.results.items", "definition.reference",
         "flows[0].steps[2].inputs.items", 27,
         "Step \"Each Item\" refers to step key \"getUsr\", which no earlier step has; did you "
         "mean "
         "\"getUser\"?"},
        {"value: getUser.results.items", "value: write.results.items", "definition.reference",
         "flows[0].steps[2].inputs.items", 27,
         "refers to step \"Write\" (line 44), which runs only after it"},
        {"value: getUser.results.items", "value: eachItem.results.items", "definition.reference",
         "flows[0].steps[2].inputs.items", 27, "its own output"},
        {"value: getUser.results.items", "value: getUser.currentItem", "definition.reference",
         "flows[0].steps[2].inputs.items", 27,
         "currentItem of step \"Get User\", which is not a loop"},
        {"value: getUser.results.items", "value: getUser.result.items", "path.syntax",
         "flows[0].steps[2].inputs.items", 27, "Step \"Each Item\": "},
        {"value: eachItem.index", "value: eachTime.index", "definition.reference",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0]", 37, "did you mean \"eachItem\"?"},
        {"{{$start.results.id}}", "{{$strat.results.id}}", "definition.reference",
         "flows[0].steps[1].inputs.url", 21, "did you mean \"start\"?"},
        {"{{#Base URL}}", "{{#Base}}", "definition.unknown_config_var",
         "flows[0].steps[1].inputs.url", 21,
         "Step \"Get User\": There is no config variable \"Base\""},
        {"{type: configVar, value: Count}", "{type: configVar, value: count}",
         "definition.unknown_config_var", "flows[0].steps[1].inputs.timeout", 22,
         "did you mean \"Count\"?"},
        {"{type: value, value: Info}", "{type: valu, value: Info}", "definition.enum",
         "flows[0].steps[3].inputs.level.type", 48, "did you mean \"value\"?"},
        {"{type: value, value: Info}", "{value: Info}", "definition.required",
         "flows[0].steps[3].inputs.level.type", 48, "missing"},
        {"{type: value, value: Info}", "Info", "definition.type", "flows[0].steps[3].inputs.level",
         48, "{type, value}"},
        {"{type: value, value: Info}", "{type: value, value: [a]}", "definition.type",
         "flows[0].steps[3].inputs.level", 48, "a list needs type: complex"},
        {"{type: value, value: Info}", "{type: complex, value: a}", "definition.type",
         "flows[0].steps[3].inputs.level.value", 48, "must be a list"},
        {"{type: value, value: Info}",
         "{type: complex, value: [{type: reference, value: gone.results}]}", "definition.reference",
         "flows[0].steps[3].inputs.level.value[0]", 48, "\"gone\""},
        {"{type: value, value: Info}",
         "{type: complex, value: [{name: {type: reference, value: gone.results}, type: value}]}",
         "definition.reference", "flows[0].steps[3].inputs.level.value[0].name", 48, "\"gone\""},
        {"inputs:\n          message: {type", "inputs: [1]\n        x:\n          message: {type",
         "definition.type", "flows[0].steps[3].inputs", 46, "mapping of keys, not a list"},
        {"[equal, {type: reference", "[equals, {type: reference", "definition.condition",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0].value[0]", 37,
         "no condition operator \"equals\"; did you mean \"equal\"?"},
        {"[equal, {type: reference, value: eachItem.index}, {type: value, value: \"1\"}]",
         "[equal, {type: reference, value: eachItem.index}]", "definition.condition",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0].value", 37,
         "compares 2 terms, but 1 is given"},
        {"[equal, {type: reference, value: eachItem.index}, {type: value, value: \"1\"}]",
         "[and, [exists, {type: value, value: a}], x]", "definition.condition",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0].value[2]", 37,
         "A condition is a list"},
        {"[equal, {type: reference, value: eachItem.index}, {type: value, value: \"1\"}]",
         "[exists, {type: complex, value: []}]", "definition.type",
         "flows[0].steps[2].steps[0].inputs.conditions.value[0].value[1]", 37,
         "cannot be used here"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, false);
}

/* Within a loop a later step has a value from the iteration before. */
static void references_back_through_a_loop_are_allowed(void **state)
{
    static const struct row rows[] = {
        {"{type: value, value: \"1\"}", "{type: reference, value: leave.results}",
         "definition.reference", "flows[0].steps[2].steps[0].inputs.conditions.value[0]", 37,
         "no value in the first iteration"},
    };
    check_rows(rows, ARRAY_LEN(rows), NULL, true);
}

static const char catalog_json[] =
    "{\"components\":["
    "{\"key\":\"webhook-triggers\",\"version\":1,\"public\":true,\"actions\":[{\"key\":\"webhook\","
    "\"trigger\":true,\"staticBranches\":[\"Ping\",\"Event\"],\"inputs\":[]}]},"
    "{\"key\":\"schedule-triggers\",\"version\":1,\"actions\":[{\"key\":\"schedule\",\"trigger\":"
    "true,"
    "\"scheduleAllowed\":true,\"scheduleRequired\":true}]},"
    "{\"key\":\"http\",\"version\":1,\"actions\":[{\"key\":\"httpGet\",\"inputs\":[{\"key\":"
    "\"url\","
    "\"label\":\"URL\",\"type\":\"string\",\"required\":true},{\"key\":\"timeout\",\"type\":"
    "\"number\"}]}]},"
    "{\"key\":\"loop\",\"version\":1,\"actions\":[{\"key\":\"loopOverItems\",\"loops\":true,"
    "\"inputs\":["
    "{\"key\":\"items\",\"type\":\"json\"}]},{\"key\":\"breakLoop\",\"breaks\":true}]},"
    "{\"key\":\"branch\",\"version\":1,\"actions\":[{\"key\":\"branchOnExpression\",\"branches\":"
    "true,"
    "\"inputs\":[{\"key\":\"conditions\",\"type\":\"conditions\"}]}]},"
    "{\"key\":\"log\",\"version\":1,\"actions\":[{\"key\":\"writeLog\",\"inputs\":[{\"key\":"
    "\"message\","
    "\"type\":\"text\"},{\"key\":\"level\",\"type\":\"string\",\"choices\":[\"Info\",\"Error\"]}]}]"
    "}"
    "]}";

static void the_catalog_is_checked(void **state)
{
    static const struct row errors[] = {
        {"{key: httpGet, ", "{key: httpGte, ", "definition.unknown_action",
         "flows[0].steps[1].action.key", 18,
         "Step \"Get User\": The component \"http\" has no action \"httpGte\"; did you mean "
         "\"httpGet\"?"},
        {"{key: writeLog, component: {key: log, version: LATEST}}", WEBHOOK, "definition.action",
         "flows[0].steps[3].action", 44, "is a trigger and can only be the first step"},
        {WEBHOOK, "{key: httpGet, component: {key: http}}", "definition.action",
         "flows[0].steps[0].action", 15, "is an action, not a trigger"},
        {"{key: loopOverItems, component: {key: loop, version: LATEST}}",
         "{key: writeLog, component: {key: log}}", "definition.action", "flows[0].steps[2].steps",
         24, "is not a loop"},
        {"{key: branchOnExpression, component: {key: branch}}",
         "{key: writeLog, component: {key: log}}", "definition.action",
         "flows[0].steps[2].steps[0].branches", 29, "does not branch"},
        {"        schedule: {type: value, value: \"*/5 * * * *\", meta: {scheduleType: minute}}\n",
         "", "definition.action", "flows[1].steps[0].schedule", 51, "needs a schedule"},
        {"action: " WEBHOOK,
         "action: " WEBHOOK "\n        schedule: {type: value, value: 0 0 * * *}",
         "definition.action", "flows[0].steps[0].schedule", 15, "cannot have a schedule"},
        {"action: " WEBHOOK, "action: " WEBHOOK "\n        branches: [{name: Pong, steps: []}]",
         "definition.branch", "flows[0].steps[0].branches[0].name", 15, "did you mean \"Ping\"?"},
    };
    static const struct row warnings[] = {
        {"{key: http, version: 1}", "{key: htp, version: 1}", "definition.unknown_component",
         "flows[0].steps[1].action", 18,
         "\"htp\" is not installed: steps that use it will fail when "
         "they run; did you mean \"http\"?"},
        {"timeout: {type", "timeuot: {type", "definition.unknown_input",
         "flows[0].steps[1].inputs.timeuot", 22, "did you mean \"timeout\"?"},
        {"value: Info", "value: Inof", "definition.input", "flows[0].steps[3].inputs.level", 48,
         "does not know the value \"Inof\"; did you mean \"Info\"?"},
        {"url: {type: template, value: \"{{#Base URL}}/{{$start.results.id}}\"}",
         "url: {type: value, value: \"\"}", "definition.input", "flows[0].steps[1].inputs.url", 21,
         "\"url\" (URL) is required"},
    };
    AUTO(catalog_free) struct catalog *catalog = NULL;
    struct err err = {0};
    assert_int_equal(catalog_parse(str_of(catalog_json), &catalog, &err), 0);
    AUTO(definition_unref) struct definition *d = NULL;
    struct err_list *list = mem_new(struct err_list);
    assert_int_equal(definition_parse(str_of(base), catalog, &d, list), 0);
    assert_int_equal(list->n, 0);
    mem_free(list);
    check_rows(errors, ARRAY_LEN(errors), catalog, false);
    check_rows(warnings, ARRAY_LEN(warnings), catalog, true);
}

static void many_errors_are_found_in_one_pass(void **state)
{
    struct err_list *errors = mem_new(struct err_list);
    struct definition *d = NULL;
    static const char text[] = "definitionVersion: 7\n"
                               "requiredConfigVars:\n"
                               "  - {key: A, dataType: nope}\n"
                               "flows:\n"
                               "  - name: F\n"
                               "    endpointSecurityType: open\n"
                               "    steps:\n"
                               "      - {name: T, action: {key: k, component: {key: c}}}\n"
                               "      - {name: S, action: {key: k, component: {key: c}}, inputs: "
                               "{a: {type: reference, value: "
                               "zz.results}, b: {type: configVar, value: B}}}\n";
    assert_int_equal(definition_parse(STR(text), NULL, &d, errors), -EINVAL);
    assert_null(d);
    assert_int_equal(errors->n, 6);
    mem_free(errors);
}

/* More errors than fit are counted, and none of them costs much. */
static void floods_are_bounded(void **state)
{
    struct err_list *errors = mem_new(struct err_list);
    struct definition *d = NULL;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "definitionVersion: 7\nname: F\nflows:\n- name: F\n  steps:\n");
    for (int i = 0; i < 1500; i++) {
        buf_addf(
            &b, "  - {name: S%d, isTrigger: true, action: {key: k, component: {key: c}}, inputs: {",
            i);
        for (int j = 0; j < 20; j++) {
            buf_addf(&b, "i%d: {type: reference, value: nowhere%d.results}, ", j, j);
        }
        buf_adds(&b, "}}\n");
    }
    assert_int_equal(definition_parse(buf_str(&b), NULL, &d, errors), -EINVAL);
    assert_int_equal(errors->n, ERR_LIST_MAX);
    assert_int_equal(errors->dropped, 1500 * 20 + 1499 - ERR_LIST_MAX);
    mem_free(errors);
}

static void counts_and_nesting_are_bounded(void **state)
{
    static const struct {
        const char *head, *item, *words;
        int n;
    } rows[] = {
        {"flows:\n", "- {name: F%d}\n", "at most 100", 101},
        {"flows:\n- name: F\n  steps:\n", "  - {name: S%d}\n", "at most 2000", 2001},
        {"flows:\n- name: F\n  steps:\n  - name: T\n    inputs:\n", "      i%d: {type: value}\n",
         "at most 200", 201},
        {"requiredConfigVars:\n", "- {key: V%d, dataType: string}\n", "at most 500", 501},
        {"flows:\n- name: F\n  steps:\n", "  %*s- steps:\n", "at most 20 levels", 25},
    };
    struct err_list *errors = mem_new(struct err_list);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf b;
        struct definition *d = NULL;
        bool found = false;
        buf_init(&b, 0);
        buf_addf(&b, "definitionVersion: 7\nname: N\n%s", rows[i].head);
        for (int j = 0; j < rows[i].n; j++) {
            if (strstr(rows[i].item, "%*s")) {
                buf_addf(&b, "  %*s- steps:\n", 2 * j, "");
            } else {
                const char *at = strstr(rows[i].item, "%d");
                buf_add(&b, rows[i].item, (size_t)(at - rows[i].item));
                buf_addf(&b, "%d%s", j, at + 2);
            }
        }
        memset(errors, 0, sizeof(*errors));
        assert_int_equal(definition_parse(buf_str(&b), NULL, &d, errors), -EINVAL);
        for (int j = 0; j < errors->n; j++) {
            found |= strstr(errors->items[j].message, rows[i].words) != NULL;
        }
        if (!found) {
            print_reports(rows[i].words, errors);
        }
        assert_true(found);
    }
    mem_free(errors);
}

static void words_stay_whole_and_printable(void **state)
{
    AUTO(buf_done) struct buf b;
    buf_init(&b, 0);
    buf_adds(&b, "{type: configVar, value: \"line\\nbreak ");
    for (int i = 0; i < 100; i++) {
        buf_adds(&b, "\xF0\x9F\x9A\x80");
    }
    buf_adds(&b, "\"}");
    AUTO(mem_free) char *text = replaced("{type: configVar, value: Count}", b.data);
    struct err_list *errors = mem_new(struct err_list);
    struct definition *d = NULL;
    assert_int_equal(definition_parse(str_of(text), NULL, &d, errors), -EINVAL);
    const struct err *e = &errors->items[0];
    assert_true(str_utf8_valid(str_of(e->message)));
    assert_null(strchr(e->message, '\n'));
    assert_non_null(strstr(e->message, "line break"));

    /* A malformed reference that is cut in the middle of a character. */
    buf_clear(&b);
    buf_adds(&b, "{type: reference, value: \"getUser.x\\n");
    for (int i = 0; i < 100; i++) {
        buf_adds(&b, "\xF0\x9F\x9A\x80");
    }
    buf_adds(&b, "\"}");
    AUTO(mem_free) char *other = replaced("{type: configVar, value: Count}", b.data);
    memset(errors, 0, sizeof(*errors));
    assert_int_equal(definition_parse(str_of(other), NULL, &d, errors), -EINVAL);
    assert_string_equal(errors->items[0].code, "path.syntax");
    assert_true(str_utf8_valid(str_of(errors->items[0].message)));
    assert_null(strchr(errors->items[0].message, '\n'));
    mem_free(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_is_valid),
        cmocka_unit_test(root_and_config),
        cmocka_unit_test(routing),
        cmocka_unit_test(flows),
        cmocka_unit_test(steps_and_triggers),
        cmocka_unit_test(inputs_and_references),
        cmocka_unit_test(references_back_through_a_loop_are_allowed),
        cmocka_unit_test(the_catalog_is_checked),
        cmocka_unit_test(many_errors_are_found_in_one_pass),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(counts_and_nesting_are_bounded),
        cmocka_unit_test(words_stay_whole_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
