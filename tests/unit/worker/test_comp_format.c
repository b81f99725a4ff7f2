/* change-data-format and datetime, as tables, and hostile documents. */
#include "component_fixture.h"

#include <unistd.h>

#define F "change-data-format."
#define D "datetime."

static void json_and_forms(void **state)
{
    static const struct action_case cases[] = {
        {F "deserializeFromJson", "{\"data\": \"{\\\"a\\\": [1]}\"}", "{\"a\":[1]}"},
        {F "deserializeFromJson", "{\"data\": {\"a\": 1}}", "{\"a\":1}"},
        {F "deserializeFromJson",
         "{\"data\": {\"data\": \"\\ufeff[1]\", \"contentType\": \"text/plain\"}}", "[1]"},
        {F "deserializeFromJson", "{\"data\": \"{a\"}", NULL, "Data (data): is not JSON"},
        {F "deserializeFromJson", "{}", NULL, "Data (data): has no value"},
        {F "binaryToJson", "{\"data\": {\"a\": \"\\u00e9\"}}", "\"{\\\"a\\\":\\\"\xC3\xA9\\\"}\""},
        {F "binaryToJson", "{\"data\": \"x\"}", "\"\\\"x\\\"\""},
        {F "prettyPrint", "{\"data\": \"[1]\"}", "\"[\\n  1\\n]\""},
        {F "convertToString", "{\"value\": {\"a\": 1}}", "\"{\\\"a\\\":1}\""},
        {F "convertToString", "{\"value\": 1.50}", "\"1.5\""},
        {F "convertToString", "{}", "\"\""},
        {F "convertToInt", "{\"value\": \"-2.9\"}", "-2"},
        {F "convertToNumber", "{\"value\": \"2.5\"}", "2.5"},
        {F "convertToNumber", "{\"value\": \"x\"}", NULL, "Value (value)"},
        {F "convertToBoolean", "{\"value\": \"yes\"}", "true"},
        {F "deserializeFormData", "{\"data\": \"a=1&b=x+y%21&a=2&&c&=d&a=%zz\"}",
         "{\"a\":[\"1\",\"2\",\"%zz\"],\"b\":\"x y!\",\"c\":\"\",\"\":\"d\"}"},
        {F "deserializeFormData",
         "{\"data\": {\"data\": \"payload=%7B%7D\", \"contentType\": "
         "\"application/x-www-form-urlencoded\"}}",
         "{\"payload\":\"{}\"}"},
        {F "deserializeFormData", "{\"data\": 5}", NULL, "must be text"},
        {F "serializeFormData", "{\"data\": {\"a b\": \"x&y\", \"l\": [1, 2]}}",
         "\"a%20b=x%26y&l=1&l=2\""},
        {F "deserializeJsonl", "{\"data\": \"{\\\"a\\\":1}\\r\\n\\n[2]\"}", "[{\"a\":1},[2]]"},
        {F "deserializeJsonl", "{\"data\": \"{\\n}\"}", NULL, "is not JSON"},
        {F "serializeJsonl", "{\"data\": [{\"a\": 1}, 2]}", "\"{\\\"a\\\":1}\\n2\\n\""},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void xml(void **state)
{
    static const struct action_case cases[] = {
        {F "deserializeFromXml",
         "{\"data\": \"<?xml version='1.0'?><order><item><name>W &amp; x</name></item>"
         "<qty>5</qty><price>12.50</price><zip>00701</zip><e/></order>\"}",
         "{\"order\":{\"item\":{\"name\":\"W & x\"},\"qty\":5,\"price\":12.5,\"zip\":\"00701\","
         "\"e\":\"\"}}"},
        {F "deserializeFromXml", "{\"data\": \"<a><q>5</q></a>\", \"numbersAsStrings\": \"true\"}",
         "{\"a\":{\"q\":\"5\"}}"},
        {F "deserializeFromXml", "{\"data\": \"<r><i>1</i><x/><i>2</i><i a='b'>3</i></r>\"}",
         "{\"r\":{\"i\":[1,2,{\"@_a\":\"b\",\"#text\":3}],\"x\":\"\"}}"},
        {F "deserializeFromXml",
         "{\"data\": \"<n:r xmlns:n='u'><n:a><![CDATA[<b>]]></n:a></n:r>\"}",
         "{\"n:r\":{\"@_xmlns:n\":\"u\",\"n:a\":\"<b>\"}}"},
        {F "deserializeFromXml",
         "{\"data\": \"<?xml version='1.0' encoding='UTF-16'?><a>\\u00e9</a>\"}",
         "{\"a\":\"\xC3\xA9\"}"},
        {F "deserializeFromXml", "{\"data\": \"<a><b></a>\"}", NULL, "not well-formed XML: line 1"},
        {F "deserializeFromXml", "{\"data\": \"\"}", NULL, "has no value"},
        {F "deserializeFromXml", "{\"data\": \"text\"}", NULL, "not well-formed"},
        {F "deserializeFromXml", "{\"data\": \"<a>&nope;</a>\"}", NULL, "not well-formed"},
        {F "deserializeFromXml", "{\"data\": {\"a\": 1}}", NULL, "must be XML text"},
        {F "deserializeFromXml",
         "{\"data\": \"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>\"}", NULL,
         "DOCTYPE"},
        {F "deserializeFromXml",
         "{\"data\": \"<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><l>&b;</l>\"}", NULL,
         "DOCTYPE"},
        {F "xmlToJson", "{\"data\": \"<a>1</a>\"}", "\"{\\\"a\\\":1}\""},
        {F "jsonToXml", "{\"data\": \"{\\\"o\\\": {\\\"@_id\\\": 7, \\\"i\\\": [1, \\\"<\\\"]}}\"}",
         "\"<o id=\\\"7\\\">\\n  <i>1</i>\\n  <i>&lt;</i>\\n</o>\\n\""},
        {F "jsonToXml", "{\"data\": {\"a\": {\"#text\": \"x\", \"@_b\": \"\\\"&\\n\"}}}",
         "\"<a b=\\\"&quot;&amp;&#10;\\\">x</a>\\n\""},
        {F "jsonToXml", "{\"data\": {\"a\": {\"#text\": \"x\\r\\n\\ty\", \"@_b\": \"\\r\\t\"}}}",
         "\"<a b=\\\"&#13;&#9;\\\">x&#13;\\n\\ty</a>\\n\""},
        {F "deserializeFromXml", "{\"data\": \"<a b='&#13;&#9;|'>x&#13;\\n\\ty</a>\"}",
         "{\"a\":{\"@_b\":\"|\",\"#text\":\"x\\r\\n\\ty\"}}"},
        {F "jsonToXml", "{\"data\": {\"a\": null, \"b\": true, \"c\": [[1], []]}}",
         "\"<a></a>\\n<b>true</b>\\n<c>\\n  <item>1</item>\\n</c>\\n<c>\\n</c>\\n\""},
        {F "jsonToXml", "{\"data\": {\"a b\": 1}}", NULL, "cannot be the name of an XML element"},
        {F "jsonToXml", "{\"data\": {\"1\": 1}}", NULL, "cannot be the name"},
        {F "jsonToXml", "{\"data\": {\"a\": {\"@_><\": 1}}}", NULL, "name of an attribute"},
        {F "jsonToXml", "{\"data\": [1]}", NULL, "must be an object"},
        {F "binaryToXml", "{\"data\": {\"a\": \"\\u0001\"}}", "\"<a>\xEF\xBF\xBD</a>\\n\""},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static int read_xml_text(struct action_context *ctx, struct str text, bool binary)
{
    struct json_member m = {STR("data"), binary ? json_binary(text) : json_str(text)};
    return fixture_run_value(ctx, F "deserializeFromXml", json_object(&m, 1));
}

static void hostile_xml(void **state)
{
    struct action_context ctx;
    struct buf b;
    fixture_init(&ctx);
    buf_init(&b, 0);
    for (int i = 0; i < 200; i++) {
        buf_adds(&b, "<a>");
    }
    for (int i = 0; i < 200; i++) {
        buf_adds(&b, "</a>");
    }
    assert_int_equal(read_xml_text(&ctx, buf_str(&b), false), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "nested deeper"));
    buf_clear(&b);
    for (int i = 0; i < 100000; i++) {
        buf_adds(&b, "<a>");
    }
    assert_int_equal(read_xml_text(&ctx, buf_str(&b), false), -EINVAL);
    buf_clear(&b);
    buf_adds(&b, "<r>");
    for (int i = 0; i < 30000; i++) {
        buf_addf(&b, "<x%d/>", i);
    }
    buf_adds(&b, "</r>");
    int64_t start = clock_mono_ns();
    assert_int_equal(read_xml_text(&ctx, buf_str(&b), false), 0);
    assert_int_equal(json_get(ctx.result.data, STR("r")).len, 30000);
    assert_true(clock_mono_ns() - start < 5 * NS_PER_SEC);
    /* libxml2 would take hours for the attributes of this. */
    const char *before[] = {"", "<!-- ' -->", "<?p '?>", "<b><![CDATA[']]></b>"};
    for (size_t k = 0; k < ARRAY_LEN(before); k++) {
        buf_clear(&b);
        buf_addf(&b, "<r>%s<a", before[k]);
        for (int i = 0; i < 60000; i++) {
            buf_addf(&b, " a%x=%s", i, i % 2 ? "'>'" : "\">\"");
        }
        buf_adds(&b, "/></r>");
        assert_int_equal(read_xml_text(&ctx, buf_str(&b), k % 2), -EINVAL);
        assert_non_null(strstr(ctx.err.message, "more than 1000 attributes"));
    }
    buf_clear(&b);
    buf_adds(&b, "<r");
    for (int i = 0; i < 1000; i++) {
        buf_addf(&b, " a%d='it&quot;s'", i);
    }
    buf_adds(&b, "/>");
    assert_int_equal(read_xml_text(&ctx, buf_str(&b), false), 0);
    assert_int_equal(
        read_xml_text(&ctx, STR("<?xml version='1.0' encoding='IBM037'?><a>\xFF</a>"), true),
        -EINVAL);
    assert_non_null(strstr(ctx.err.message, "\"IBM037\", which is not read here"));
    assert_int_equal(read_xml_text(&ctx, STR("\xFF\xFE<\0a\0/\0>\0"), true), 0);
    assert_string_equal(fixture_result(&ctx), "{\"a\":\"\"}");
    assert_int_equal(read_xml_text(&ctx, STR("\0<\0a\0/\0>"), true), 0);
    /* What is UTF-8 is UTF-8, whatever it says; its quotes are quotes. */
    assert_int_equal(
        read_xml_text(&ctx, STR("<?xml version='1.0' encoding='UTF-7'?><a>+ACI-</a>"), true), 0);
    assert_string_equal(fixture_result(&ctx), "{\"a\":\"+ACI-\"}");
    /* ISO-8859-1 bytes of a file are read as declared. */
    assert_int_equal(
        read_xml_text(&ctx, STR("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>"), true),
        0);
    assert_string_equal(fixture_result(&ctx), "{\"a\":\"\xC3\xA9\"}");
    assert_int_equal(read_xml_text(&ctx, STR("<a>\0</a>"), true), -EINVAL);
    assert_int_equal(read_xml_text(&ctx, STR("<a>\xFF\xFE</a>"), true), -EINVAL);
    buf_done(&b);
    fixture_done(&ctx);
}

static void xml_errors_go_nowhere_else(void **state)
{
    const struct str texts[] = {
        STR("\xFF\xFE<\0a\0>\0\0\xD8x\0<\0/\0a\0>\0"),
        STR("<?xml version='1.0' encoding='EUC-JP'?><a>\xFF\xFF\xFF</a>"),
        STR("<?xml version='1.0' encoding='euc-none'?><a>\xFF</a>"),
        STR("<a>\xFF</a>"),
        STR("<a"),
    };
    FILE *written = tmpfile();
    assert_non_null(written);
    int saved = dup(STDERR_FILENO);
    (void)fflush(stderr);
    (void)dup2(fileno(written), STDERR_FILENO);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct action_context ctx;
        fixture_init(&ctx);
        (void)read_xml_text(&ctx, texts[i], true);
        fixture_done(&ctx);
    }
    (void)fflush(stderr);
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    assert_int_equal(lseek(fileno(written), 0, SEEK_END), 0);
    (void)fclose(written);
}

static void many_form_fields(void **state)
{
    struct action_context ctx;
    struct buf b;
    fixture_init(&ctx);
    buf_init(&b, 0);
    for (int i = 0; i < 50000; i++) {
        buf_adds(&b, "a=1&");
    }
    struct json_member m = {STR("data"), json_str(buf_str(&b))};
    assert_int_equal(fixture_run_value(&ctx, F "deserializeFormData", json_object(&m, 1)), 0);
    assert_int_equal(json_get(ctx.result.data, STR("a")).len, 50000);
    buf_clear(&b);
    while (b.len < 1000001) {
        buf_addc(&b, '&');
    }
    m.value = json_str(buf_str(&b));
    assert_int_equal(fixture_run_value(&ctx, F "deserializeFormData", json_object(&m, 1)), -EINVAL);
    assert_non_null(strstr(ctx.err.message, "more than 1000000 fields"));
    buf_done(&b);
    fixture_done(&ctx);
}

static void dates(void **state)
{
    static const struct action_case cases[] = {
        {D "adjustDateTime",
         "{\"dateTimeInput\": \"2026-01-02T03:04:05.678Z\", \"daysInput\": \"7\", "
         "\"minutesInput\": \"5\"}",
         "\"2026-01-09T03:09:05.678Z\""},
        {D "adjustDateTime",
         "{\"dateTimeInput\": \"2024-03-01\", \"hoursInput\": -24, \"secondsInput\": 1}",
         "\"2024-02-29T00:00:01.000Z\""},
        {D "adjustDateTime",
         "{\"dateTimeInput\": 0, \"secondsInput\": 1e308, \"minutesInput\": -1e308}", NULL,
         "the result would be outside the years"},
        {D "adjustDateTime", "{\"dateTimeInput\": 0}", "\"1970-01-01T00:00:00.000Z\""},
        {D "adjustDateTime", "{\"dateTimeInput\": -1}", "\"1969-12-31T23:59:59.999Z\""},
        {D "adjustDateTime", "{\"dateTimeInput\": \"soon\"}", NULL,
         "Date/Time (dateTimeInput): \"soon\" is not a date"},
        {D "adjustDateTime", "{\"dateTimeInput\": \"2026-02-30\"}", NULL, "is not a date"},
        {D "adjustDateTime", "{}", NULL, "has no value"},
        {D "adjustDateTime", "{\"dateTimeInput\": \"2026-01-01\", \"daysInput\": \"x\"}", NULL,
         "Days (daysInput)"},
        {D "adjustDateTime", "{\"dateTimeInput\": \"2026-01-01\", \"daysInput\": 1e9}", NULL,
         "outside the years"},
        {D "adjustDateTime", "{\"dateTimeInput\": 1e300}", NULL, "outside the years"},
        {D "convertToIsoString", "{\"dateTimeInput\": \"2026-01-02T03:04:05+02:00\"}",
         "\"2026-01-02T01:04:05.000Z\""},
        {D "convertToIsoString", "{\"dateTimeInput\": \"1767323045678\"}",
         "\"2026-01-02T03:04:05.678Z\""},
        {D "convertToEpoch", "{\"dateTimeInput\": \"2026-01-02T03:04:05.678Z\"}", "1767323045678"},
        {D "convertToEpoch",
         "{\"dateTimeInput\": \"2026-01-02T03:04:05.678Z\", \"epochInSeconds\": \"true\"}",
         "1767323045"},
        {D "convertFromEpoch", "{\"epochTimestamp\": \"1767323045\", \"epochInSeconds\": true}",
         "\"2026-01-02T03:04:05.000Z\""},
        {D "formatDateTime",
         "{\"dateTimeInput\": \"2026-01-02T15:04:05.007Z\", \"format\": \"YY M/D dddd ddd MMM MMMM "
         "h:mm A a H [at] Z ZZ SSS s\"}",
         "\"26 1/2 Friday Fri Jan January 3:04 PM pm 15 at +00:00 +0000 007 5\""},
        {D "formatDateTime", "{\"dateTimeInput\": \"2026-01-02T00:00:00Z\"}",
         "\"2026-01-02T00:00:00.000+00:00\""},
        {D "formatDateTime",
         "{\"dateTimeInput\": \"2026-07-01T23:30:00Z\", \"timeZone\": \"Europe/Berlin\", "
         "\"format\": \"YYYY-MM-DD HH:mm hh Z [open\"}",
         "\"2026-07-02 01:30 01 +02:00 [open\""},
        {D "formatDateTime",
         "{\"dateTimeInput\": \"2026-01-01T00:30:00Z\", \"timeZone\": \"America/New_York\", "
         "\"format\": \"YYYY-MM-DD HH:mm Z\"}",
         "\"2025-12-31 19:30 -05:00\""},
        {D "formatDateTime",
         "{\"dateTimeInput\": \"2026-07-01\", \"timeZone\": \"../../etc/passwd\"}", NULL,
         "Time Zone (timeZone)"},
        {D "convertToLocalIsoString",
         "{\"dateTimeInput\": \"2026-01-02T03:04:05.678Z\", \"timeZone\": \"Europe/Berlin\"}",
         "\"2026-01-02T04:04:05.678+01:00\""},
        {D "dateTimeDifference",
         "{\"startInput\": \"2026-01-01\", \"endInput\": \"2026-01-03\", \"unit\": \"days\"}", "2"},
        {D "dateTimeDifference", "{\"startInput\": \"2026-01-02\", \"endInput\": \"2026-01-01\"}",
         "-86400"},
        {D "dateTimeDifference",
         "{\"startInput\": \"2026-01-02\", \"endInput\": \"2026-01-01\", \"unit\": \"weeks\"}",
         NULL, "Unit (unit)"},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void current_time(void **state)
{
    struct action_context ctx;
    fixture_init(&ctx);
    double before = (double)(clock_now_ns() / NS_PER_SEC);
    assert_int_equal(fixture_run(&ctx, D "getCurrentDateTime", "{\"epochInSeconds\": \"true\"}"),
                     0);
    assert_true(ctx.result.data.num >= before && ctx.result.data.num <= before + 60);
    assert_int_equal(fixture_run(&ctx, D "getCurrentDateTime", "{}"), 0);
    struct str text = json_as_str(ctx.result.data);
    assert_int_equal(text.len, CLOCK_ISO_LEN);
    fixture_done(&ctx);
}

static void csv(void **state)
{
    static const struct action_case cases[] = {
        {F "deserializeFromCsv", "{\"data\": \"id,name\\r\\n17,\\\"a,b\\\"\\r\\n18\"}",
         "[{\"id\":\"17\",\"name\":\"a,b\"},{\"id\":\"18\"}]"},
        {F "deserializeFromCsv", "{\"data\": \"a,b\\n1,2\", \"csvHeader\": \"false\"}",
         "[[\"a\",\"b\"],[\"1\",\"2\"]]"},
        {F "deserializeFromCsv",
         "{\"data\": {\"data\": \"p__a__x,q,p__b,p__a__y,__c,d__\\n1,2,3,4,5,6\\n7,8\", "
         "\"contentType\": \"text/csv\"}, \"unflattenKeys\": true}",
         "[{\"p\":{\"a\":{\"x\":\"1\",\"y\":\"4\"},\"b\":\"3\"},\"q\":\"2\",\"__c\":\"5\",\"d__\":"
         "\"6\"}"
         ",{\"p\":{\"a\":{\"x\":\"7\"}},\"q\":\"8\"}]"},
        {F "deserializeFromCsv",
         "{\"data\": \"a__b\\n1\", \"csvHeader\": false, \"unflattenKeys\": true}",
         "[[\"a__b\"],[\"1\"]]"},
        {F "deserializeFromCsv", "{\"data\": \"a,a__b\\n1,2\", \"unflattenKeys\": true}", NULL,
         "cannot be in \"a\", which is a column itself"},
        {F "deserializeFromCsv", "{\"data\": \"a__b,a\\n1,2\", \"unflattenKeys\": true}", NULL,
         "\"a\" is an object of other columns"},
        {F "deserializeFromCsv", "{\"data\": \"a\\n1,2\"}", NULL,
         "line 2: the row has more fields"},
        {F "csvToJson", "{\"data\": \"a\\n1\"}", "\"[{\\\"a\\\":\\\"1\\\"}]\""},
        {F "csvToYaml", "{\"data\": \"a\\nx\"}", "\"- a: x\\n\""},
        {F "csvToXml", "{\"data\": \"a\\nx\\n<\"}",
         "\"<rows>\\n  <row>\\n    <a>x</a>\\n  </row>\\n  <row>\\n    <a>&lt;</a>\\n  "
         "</row>\\n</rows>\\n\""},
        {F "jsonToCsv", "{\"data\": \"[{\\\"a\\\":1},{\\\"b\\\":[2]}]\"}",
         "\"a,b\\r\\n1,\\r\\n,[2]\""},
        {F "jsonToCsv", "{\"data\": \"5\"}", NULL, "must be a list of objects or of lists"},
        {F "jsonToCsv", "{\"data\": \"[1]\"}", NULL, "must be a list of objects or of lists"},
        {F "jsonToCsv", "{\"data\": \"[{}, []]\"}", NULL, "item 2 is not an object"},
        {F "binaryToCsv", "{\"data\": {\"a\": \"x,y\"}}", "\"a\\r\\n\\\"x,y\\\"\""},
        {F "binaryToCsv", "{\"data\": [[1, null], [\"\"]]}", "\"1,\\r\\n\\\"\\\"\""},
        {F "xmlToCsv", "{\"data\": \"<o><i><id>1</id><n>a</n></i><i><id>2</id><n>b</n></i></o>\"}",
         "\"id,n\\r\\n1,a\\r\\n2,b\""},
        {F "xmlToCsv", "{\"data\": \"<o><i><id>1</id></i></o>\"}", "\"id\\r\\n1\""},
        {F "yamlToCsv", "{\"data\": \"- a: 1\\n- a: x\"}", "\"a\\r\\n1\\r\\nx\""},
    };
    fixture_check(cases, ARRAY_LEN(cases));
}

static void columns_to_nest_are_bounded(void **state)
{
    struct action_context ctx;
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, MIB(1));
    for (int i = 0; i < 1001; i++) {
        buf_addf(&text, "%sa__b%d", i ? "," : "", i);
    }
    fixture_init(&ctx);
    struct json_member inputs[] = {{STR("data"), json_str(buf_str(&text))},
                                   {STR("unflattenKeys"), json_bool(true)}};
    assert_int_equal(fixture_run_value(&ctx, F "deserializeFromCsv", json_object(inputs, 2)),
                     -EINVAL);
    assert_non_null(strstr(ctx.err.message, "more than 1000 columns"));
    fixture_done(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_and_forms),
        cmocka_unit_test(xml),
        cmocka_unit_test(hostile_xml),
        cmocka_unit_test(xml_errors_go_nowhere_else),
        cmocka_unit_test(many_form_fields),
        cmocka_unit_test(dates),
        cmocka_unit_test(csv),
        cmocka_unit_test(columns_to_nest_are_bounded),
        cmocka_unit_test(current_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
