/* Structured logs: one logfmt or JSON line an event on stderr. Libraries below the owners of an
 * operation do not log above debug; they return. */
#pragma once

#include "str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, _LOG_LEVEL_N };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    enum { LOG_F_STR, LOG_F_INT, LOG_F_SECRET } type;
    struct str text;
    int64_t num;
};
#define LOG_STR(k, v)  ((struct log_field){.key = (k), .type = LOG_F_STR, .text = str_of(v)})
#define LOG_TEXT(k, v) ((struct log_field){.key = (k), .type = LOG_F_STR, .text = (v)})
#define LOG_INT(k, v)  ((struct log_field){.key = (k), .type = LOG_F_INT, .num = (int64_t)(v)})
#define LOG_SECRET(k)  ((struct log_field){.key = (k), .type = LOG_F_SECRET})

void log_setup(const char *process, enum log_level least, enum log_format format);
bool log_level_parse(const char *text, enum log_level *ret_level);
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n);

#define LOG_AT(level, message, ...)                                                                \
    log_write((level), (message), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}},       \
              sizeof((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}) /                  \
                      sizeof(struct log_field) -                                                   \
                  1)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
