/* Templates of external log streams: what one line becomes on its way out. Pure. */
#pragma once

#include "err.h"
#include "str.h"

enum log_word { /* what {{ word }} stands for, in the order of their names below */
                LOG_WORD_CUSTOMER_EXTERNAL_ID,
                LOG_WORD_CUSTOMER_ID,
                LOG_WORD_CUSTOMER_NAME,
                LOG_WORD_EXECUTION_ID,
                LOG_WORD_FLOW_CONFIG_ID,
                LOG_WORD_FLOW_ID,
                LOG_WORD_FLOW_NAME,
                LOG_WORD_INSTANCE_ID,
                LOG_WORD_INSTANCE_NAME,
                LOG_WORD_INTEGRATION_ID,
                LOG_WORD_INTEGRATION_NAME,
                LOG_WORD_IS_TEST_EXECUTION,
                LOG_WORD_MESSAGE,
                LOG_WORD_SEVERITY,
                LOG_WORD_SEVERITY_NUMBER,
                LOG_WORD_STEP_NAME,
                LOG_WORD_TIMESTAMP,
                LOG_WORD_TIMESTAMP_ISO,
                LOG_WORD_TIMESTAMP_NS,
                LOG_WORD_TIMESTAMP_S,
                _LOG_WORD_N
};
extern const char *const log_word_names[_LOG_WORD_N];

/* -EINVAL ("log.template") and words when it has a placeholder that there is not, or one that does
 * not end. */
int log_template_check(struct str template, struct err *err) must_check;
/* Whether it is to become JSON: it begins as an object or a list. */
bool log_template_is_json(struct str template);
/* Appends the template with each {{ word }} replaced by its text; in one that is to become JSON the
 * texts are escaped as inside its strings. What is no placeholder stays as it is. */
void log_template_fill(struct str template, const struct str texts[_LOG_WORD_N], struct buf *to);
