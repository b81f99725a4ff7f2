/* Owns the formatting of explanations. Thread-safe: it touches only what it is given. */
#include "err.h"

#include <stdarg.h>

static printf_like(4, 0) void err_fill(struct err *err, const char *code, const char *field,
                                       const char *fmt, va_list ap)
{
    err_clear(err);
    (void)snprintf(err->code, sizeof(err->code), "%s", code);
    (void)snprintf(err->field, sizeof(err->field), "%s", field);
    (void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
}

int err_set(struct err *err, int rc, const char *code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err_fill(err, code, "", fmt, ap);
        va_end(ap);
    }
    return rc;
}

int err_field(struct err *err, int rc, const char *code, const char *field, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err_fill(err, code, field, fmt, ap);
        va_end(ap);
    }
    return rc;
}

void err_clear(struct err *err)
{
    if (err) {
        memset(err, 0, sizeof(*err));
    }
}

void err_prefix(struct err *err, const char *fmt, ...)
{
    if (!err) {
        return;
    }
    char old[sizeof(err->message)];
    memcpy(old, err->message, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(err->message)) {
        (void)snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %.400s", old);
    }
}

struct err *err_list_add(struct err_list *list)
{
    if (list->n == ERR_LIST_MAX) {
        list->dropped++;
        static _Thread_local struct err scratch;
        err_clear(&scratch);
        return &scratch;
    }
    struct err *err = &list->items[list->n++];
    err_clear(err);
    return err;
}
