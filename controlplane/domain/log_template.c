/* Owns the placeholders and their replacing. Called by the API on lane threads and by the senders.
 * A text that is put in is never looked at for placeholders again. */
#include "domain/log_template.h"

#include <ctype.h>

#include "json.h"

const char *const log_word_names[_LOG_WORD_N] = {
    [LOG_WORD_CUSTOMER_EXTERNAL_ID] = "customerExternalId",
    [LOG_WORD_CUSTOMER_ID] = "customerId",
    [LOG_WORD_CUSTOMER_NAME] = "customerName",
    [LOG_WORD_EXECUTION_ID] = "executionId",
    [LOG_WORD_FLOW_CONFIG_ID] = "flowConfigId",
    [LOG_WORD_FLOW_ID] = "flowId",
    [LOG_WORD_FLOW_NAME] = "flowName",
    [LOG_WORD_INSTANCE_ID] = "instanceId",
    [LOG_WORD_INSTANCE_NAME] = "instanceName",
    [LOG_WORD_INTEGRATION_ID] = "integrationId",
    [LOG_WORD_INTEGRATION_NAME] = "integrationName",
    [LOG_WORD_IS_TEST_EXECUTION] = "isTestExecution",
    [LOG_WORD_MESSAGE] = "message",
    [LOG_WORD_SEVERITY] = "severity",
    [LOG_WORD_SEVERITY_NUMBER] = "severityNumber",
    [LOG_WORD_STEP_NAME] = "stepName",
    [LOG_WORD_TIMESTAMP] = "timestamp",
    [LOG_WORD_TIMESTAMP_ISO] = "timestamp_iso",
    [LOG_WORD_TIMESTAMP_NS] = "timestamp_ns",
    [LOG_WORD_TIMESTAMP_S] = "timestamp_s",
};

/* What stands at `at`, where "{{" begins: the bytes of the whole placeholder and its name; 0 when
 * it does not end on its line. */
static size_t placeholder(struct str t, size_t at, struct str *ret_name)
{
    for (size_t i = at + 2; i + 1 < t.len && t.ptr[i] != '\n'; i++) {
        if (t.ptr[i] == '}' && t.ptr[i + 1] == '}') {
            *ret_name = str_trim(str_n(t.ptr + at + 2, i - at - 2));
            return i + 2 - at;
        }
    }
    return 0;
}

static bool begins(struct str t, size_t at)
{
    return at + 1 < t.len && t.ptr[at] == '{' && t.ptr[at + 1] == '{';
}

static size_t find_word(struct str name)
{
    size_t w = 0;
    while (w < _LOG_WORD_N && !str_eq(name, str_of(log_word_names[w]))) {
        w++;
    }
    return w;
}

int log_template_check(struct str template, struct err *err)
{
    for (size_t i = 0; i < template.len; i++) {
        struct str name = {0};
        if (!begins(template, i)) {
            continue;
        }
        size_t n = placeholder(template, i, &name);
        if (n == 0) {
            return err_set(err, -EINVAL, "log.template",
                           "A placeholder is not closed by }} on its line.");
        }
        if (find_word(name) == _LOG_WORD_N) {
            return err_set(err, -EINVAL, "log.template",
                           "There is no placeholder \"%.*s\": see the list in the documentation.",
                           (int)MIN(name.len, (size_t)60), name.ptr);
        }
        i += n - 1;
    }
    return 0;
}

bool log_template_is_json(struct str template)
{
    struct str t = str_trim(template);
    return t.len > 0 && (t.ptr[0] == '[' || (t.ptr[0] == '{' && !begins(t, 0)));
}

static void add_text(struct buf *to, struct str text, bool escaped)
{
    if (!escaped) {
        buf_add_str(to, text);
        return;
    }
    AUTO(buf_done) struct buf quoted = {0};
    buf_init(&quoted, MIB(1));
    json_dump_string(&quoted, text);
    if (quoted.len >= 2) {
        buf_add_str(to, str_n(quoted.data + 1, quoted.len - 2));
    }
}

void log_template_fill(struct str template, const struct str texts[_LOG_WORD_N], struct buf *to)
{
    bool escaped = log_template_is_json(template);
    for (size_t i = 0; i < template.len;) {
        struct str name = {0};
        size_t n = begins(template, i) ? placeholder(template, i, &name) : 0;
        size_t w = n > 0 ? find_word(name) : _LOG_WORD_N;
        if (w == _LOG_WORD_N) {
            buf_addc(to, template.ptr[i++]);
            continue;
        }
        add_text(to, texts[w], escaped);
        i += n;
    }
}
