/* Owns log lines. A line is built on the stack of the caller's buffer and written with one write(),
 * so lines of several threads do not mix. */
#include "log.h"

#include <unistd.h>

#include "clock.h"
#include "json.h"

static struct {
    const char *process;
    enum log_level least;
    enum log_format format;
} logger = {"leat", LOG_INFO, LOG_FORMAT_LOGFMT};

static const char *const level_names[_LOG_LEVEL_N] = {"debug", "info", "warn", "error"};

void log_setup(const char *process, enum log_level least, enum log_format format)
{
    logger.process = process;
    logger.least = least;
    logger.format = format;
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (int i = 0; i < _LOG_LEVEL_N; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F) {
            return true;
        }
    }
    return s.len == 0;
}

static void add_pair(struct buf *b, struct str key, struct str value)
{
    if (logger.format == LOG_FORMAT_JSON) {
        buf_adds(b, b->len > 1 ? "," : "");
        json_dump_string(b, key);
        buf_addc(b, ':');
        json_dump_string(b, value);
        return;
    }
    buf_adds(b, b->len ? " " : "");
    buf_add_str(b, key);
    buf_addc(b, '=');
    if (needs_quotes(value)) {
        json_dump_string(b, value);
    } else {
        buf_add_str(b, value);
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    if (level < logger.least) {
        return;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, KIB(64));
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_now_ns(), iso);
    buf_adds(&b, logger.format == LOG_FORMAT_JSON ? "{" : "");
    add_pair(&b, STR("time"), str_of(iso));
    add_pair(&b, STR("level"), str_of(level_names[level]));
    add_pair(&b, STR("process"), str_of(logger.process));
    add_pair(&b, STR("msg"), str_of(message));
    for (size_t i = 0; i < n; i++) {
        char num[24];
        struct str value = fields[i].text;
        if (fields[i].type == LOG_F_INT) {
            (void)snprintf(num, sizeof(num), "%lld", (long long)fields[i].num);
            value = str_of(num);
        } else if (fields[i].type == LOG_F_SECRET) {
            value = STR("***");
        }
        add_pair(&b, str_of(fields[i].key), value);
    }
    buf_adds(&b, logger.format == LOG_FORMAT_JSON ? "}\n" : "\n");
    ssize_t done = write(STDERR_FILENO, b.data, b.len);
    (void)done;
}
