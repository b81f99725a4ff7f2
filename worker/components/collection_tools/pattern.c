/* Owns compiled regular expressions; the only file that knows PCRE2. Called on the slot's thread,
 * whose stack is small: nesting is bounded, matching works on the heap. It refuses long patterns,
 * long texts and matches that take too many steps; start-of-pattern options such as (*UCP) are off.
 */
#include "components/collection_tools/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MAX_PARENTHESES 50
#define MAX_HEAP_KIB    (16 * 1024)
/* Steps of all start positions of one text together, and the most from one position. */
#define MAX_STEPS          50000000
#define MAX_STEPS_POSITION 100000

struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

int pattern_new(struct str source, struct pattern **ret, struct err *err)
{
    if (source.len > PATTERN_MAX_BYTES) {
        return err_set(err, -EINVAL, "pattern.invalid", "is longer than %d bytes",
                       PATTERN_MAX_BYTES);
    }
    if (str_starts(source, STR("(*"))) {
        return err_set(err, -EINVAL, "pattern.invalid", "starts with (*");
    }
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    ASSERT(context);
    pcre2_set_parens_nest_limit(context, MAX_PARENTHESES);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    AUTO(pattern_free) struct pattern *p = mem_new(struct pattern);
    int code = 0;
    size_t at = 0;
    p->code = pcre2_compile((PCRE2_SPTR)source.ptr, source.len,
                            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
                                PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                                PCRE2_NEVER_BACKSLASH_C,
                            &code, &at, context);
    pcre2_compile_context_free(context);
    if (!p->code) {
        char words[160];
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof(words));
        return err_set(err, -EINVAL, "pattern.invalid",
                       "is not a regular expression: %s at position %zu", words, at);
    }
    p->data = pcre2_match_data_create(1, NULL);
    p->limits = pcre2_match_context_create(NULL);
    ASSERT(p->data && p->limits);
    pcre2_set_heap_limit(p->limits, MAX_HEAP_KIB);
    *ret = TAKE(p);
    return 0;
}

struct pattern *pattern_free(struct pattern *p)
{
    if (p) {
        pcre2_code_free(p->code);
        pcre2_match_data_free(p->data);
        pcre2_match_context_free(p->limits);
        mem_free(p);
    }
    return NULL;
}

int pattern_found(struct pattern *p, struct str text)
{
    if (text.len > PATTERN_MAX_TEXT_BYTES) {
        return -E2BIG;
    }
    size_t steps = MAX_STEPS / (text.len + 1);
    pcre2_set_match_limit(p->limits, (uint32_t)MIN(steps, (size_t)MAX_STEPS_POSITION));
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, p->data, p->limits);
    if (rc >= 0) {
        return 1;
    }
    return rc == PCRE2_ERROR_NOMATCH ? 0 : -ETIMEDOUT;
}
