/* Owns what an alert webhook may look like and how its template is filled. Called by the API on
 * lane threads and by the senders. It refuses header names and values that could end a line. */
#include "domain/alert.h"

#include <ctype.h>

static const struct str words[] = {/* longer ones before those they begin with */
                                   STR("SUBJECT"),      STR("NAME"),
                                   STR("INSTANCE_ID"),  STR("INSTANCE"),
                                   STR("EXECUTION_ID"), STR("CUSTOMER_EXTERNAL_ID"),
                                   STR("CUSTOMER"),     STR("FLOW"),
                                   STR("TRIGGER"),      STR("STEP"),
                                   STR("DETAILS"),      STR("URL")};

static bool begins_ci(struct str s, const char *with)
{
    size_t n = strlen(with);
    return s.len > n && str_eq_ci(str_n(s.ptr, n), str_of(with));
}

bool alert_url_valid(struct str url)
{
    size_t scheme = begins_ci(url, "http://") ? 7 : begins_ci(url, "https://") ? 8 : 0;
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f) {
            return false;
        }
    }
    return scheme > 0 && url.len > scheme && url.len <= ALERT_URL_MAX &&
           !strchr("/?#:@", url.ptr[scheme]);
}

static bool token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!isalnum(c) && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return s.len > 0;
}

static bool one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* Those that the request has of its own. */
static bool taken(struct str name)
{
    static const char *const names[] = {"content-length", "transfer-encoding", "host",
                                        "connection"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_ci(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

int alert_headers_parse(struct arena *a, struct str text, struct json *ret_headers, struct err *err)
{
    struct json v;
    int r =
        text.len > ALERT_HEADERS_MAX * ALERT_HEADER_BYTES ? -EINVAL : json_parse(a, text, &v, err);
    if (r != 0 || v.type != JSON_OBJECT || v.len > ALERT_HEADERS_MAX) {
        return err_set(err, -EINVAL, "alert.headers",
                       "Headers are the text of a JSON object of at most %d names with texts.",
                       ALERT_HEADERS_MAX);
    }
    for (uint32_t i = 0; i < v.len; i++) {
        struct str name = v.members[i].key, value = json_as_str(v.members[i].value);
        int shown = (int)MIN(name.len, (size_t)60);
        if (v.members[i].value.type != JSON_STRING || !one_line(value) ||
            name.len + value.len > ALERT_HEADER_BYTES) {
            return err_set(err, -EINVAL, "alert.headers",
                           "The header \"%.*s\" needs a text of one line, at most %zu bytes.",
                           shown, name.ptr, ALERT_HEADER_BYTES);
        }
        if (!token(name) || taken(name)) {
            return err_set(err, -EINVAL, "alert.headers", "\"%.*s\" cannot be a header's name.",
                           shown, name.ptr);
        }
    }
    *ret_headers = v;
    return 0;
}

static void add_text(struct buf *to, struct str text, bool escaped)
{
    if (!escaped) {
        buf_add_str(to, text);
        return;
    }
    AUTO(buf_done) struct buf quoted = {0};
    buf_init(&quoted, ALERT_BODY_MAX);
    json_dump_string(&quoted, text);
    if (quoted.len >= 2) {
        buf_add_str(to, str_n(quoted.data + 1, quoted.len - 2));
    }
}

void alert_template_fill(struct arena *a, struct str template, struct json facts, struct buf *to)
{
    struct json ignored;
    struct err err = {0};
    bool escaped = json_parse(a, template, &ignored, &err) == 0;
    for (size_t i = 0; i < template.len;) {
        size_t w = ARRAY_LEN(words);
        if (template.ptr[i] == '$') {
            struct str rest = str_n(template.ptr + i + 1, template.len - i - 1);
            for (w = 0; w < ARRAY_LEN(words); w++) {
                if (rest.len >= words[w].len && memcmp(rest.ptr, words[w].ptr, words[w].len) == 0) {
                    break;
                }
            }
        }
        if (w == ARRAY_LEN(words)) {
            buf_addc(to, template.ptr[i++]);
            continue;
        }
        add_text(to, json_as_str(json_get(facts, words[w])), escaped);
        i += 1 + words[w].len;
    }
}
