/* Keys of steps, from the names authors give. */
#include "expr/step_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *name, *key;
} cases[] = {
    {"Get Thread's Last Response ID", "getThreadSLastResponseId"},
    {"Get a Queue's URL", "getAQueueSUrl"},
    {"Add # of Jira issues + STARTAT value", "addOfJiraIssuesStartatValue"},
    {"Prep Agent and RunResult for Storage", "prepAgentAndRunresultForStorage"},
    {"Create GitHub Comment Body", "createGithubCommentBody"},
    {"Create SNS Topic For S3 Event Notification", "createSnsTopicForS3EventNotification"},
    {"[CRM] Query Entities", "crmQueryEntities"},
    {"WARNING - this will remove all event entities", "warningThisWillRemoveAllEventEntities"},
    {"Webhook/Subscriptions Trigger", "webhookSubscriptionsTrigger"},
    {"Loop Over Items 2", "loopOverItems2"},
    {"Add 1 to current page value", "add1ToCurrentPageValue"},
    {"Fetch \xF0\x9F\x9A\x80 rocket launches", "fetchRocketLaunches"},
    {"HTTP - GET", "httpGet"},
    {"A-B", "aB"},
    {"A B", "aB"},
    {"2nd step", "2ndStep"},
    {"  padded  ", "padded"},
    {"caf\xC3\xA9 au lait", "cafAuLait"},
    {"\xC3\xA9t\xC3\xA9", "t"},
    {"\xFF\xFE broken", "broken"},
    {"snake_case_name", "snakeCaseName"},
    {"", ""},
    {" -\xE2\x80\x94- ", ""},
};

static void makes_keys(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(step_key_make(a, str_of(cases[i].name)), cases[i].key);
    }
}

static void nul_separates_words(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    assert_string_equal(step_key_make(a, STR("one\0two")), "oneTwo");
}

static void long_names_keep_every_letter(void **state)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    char name[5000];
    memset(name, 'X', sizeof(name));
    char *key = step_key_make(a, str_n(name, sizeof(name)));
    assert_int_equal(strlen(key), sizeof(name));
    assert_int_equal(strspn(key, "x"), sizeof(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_keys),
        cmocka_unit_test(nul_separates_words),
        cmocka_unit_test(long_names_keep_every_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
