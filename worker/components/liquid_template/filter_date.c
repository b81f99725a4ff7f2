/* Owns the date filter: a time written by a pattern of percent signs, in UTC or a time zone. Called
 * by expression.c. What is no date passes unchanged; it refuses unknown zones. */
#include <math.h>

#include "clock.h"
#include "components/datetime/moment.h"
#include "components/liquid_template/liquid_priv.h"
#include "expr/iso_date.h"
#include "expr/value.h"
#include "zone.h"

#define MAX_SECONDS 253402300799.0

static bool read_time(struct json in, int64_t *ret_ms)
{
    struct str text = str_trim(json_as_str(in));
    int64_t seconds;
    if (str_eq(text, STR("now")) || str_eq(text, STR("today"))) {
        *ret_ms = clock_now_ns() / NS_PER_MS;
        return true;
    }
    if (in.type == JSON_NUMBER && in.num >= 0 && in.num <= MAX_SECONDS) {
        *ret_ms = (int64_t)(in.num * 1000);
        return true;
    }
    if (in.type == JSON_STRING && text.len >= 9 && str_to_i64(text, &seconds) && seconds >= 0 &&
        (double)seconds <= MAX_SECONDS) {
        *ret_ms = seconds * 1000;
        return true;
    }
    return in.type == JSON_STRING && iso_date_parse(text, ret_ms);
}

static void number(struct buf *b, int64_t n, int width, char pad)
{
    if (pad == '-') {
        buf_addf(b, "%lld", (long long)n);
    } else if (pad == '_') {
        buf_addf(b, "%*lld", width, (long long)n);
    } else {
        buf_addf(b, "%0*lld", width, (long long)n);
    }
}

static void name(struct buf *b, const char *const *names, int i, bool brief, bool upper)
{
    for (const char *c = names[i]; *c && !(brief && c - names[i] == 3); c++) {
        buf_addc(b, upper && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    }
}

static bool field(struct buf *b, const struct moment *m, char c, char flag)
{
    int hour12 = m->hour % 12 ? m->hour % 12 : 12;
    const struct {
        char c;
        int width;
        char pad;
        int64_t n;
    } numbers[] = {
        {'Y', 4, '0', m->year},       {'y', 2, '0', m->year % 100},
        {'C', 2, '0', m->year / 100}, {'m', 2, '0', m->month},
        {'d', 2, '0', m->day},        {'e', 2, '_', m->day},
        {'j', 3, '0', m->yearday},    {'H', 2, '0', m->hour},
        {'k', 2, '_', m->hour},       {'I', 2, '0', hour12},
        {'l', 2, '_', hour12},        {'M', 2, '0', m->minute},
        {'S', 2, '0', m->second},     {'L', 3, '0', m->ms},
        {'w', 1, '0', m->weekday},    {'u', 1, '0', m->weekday ? m->weekday : 7},
        {'s', 1, '0', m->seconds},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].c == c) {
            number(b, numbers[i].n, numbers[i].width,
                   flag == '-' || flag == '_' ? flag : numbers[i].pad);
            return true;
        }
    }
    int east = abs(m->offset) / 60;
    switch (c) {
    case 'a':
    case 'A':
        name(b, moment_days, m->weekday, c == 'a', flag == '^');
        return true;
    case 'b':
    case 'h':
    case 'B':
        name(b, moment_months, m->month - 1, c != 'B', flag == '^');
        return true;
    case 'p':
        buf_adds(b, m->hour < 12 ? "AM" : "PM");
        return true;
    case 'P':
        buf_adds(b, m->hour < 12 ? "am" : "pm");
        return true;
    case 'z':
        buf_addf(b, "%c%02d%02d", m->offset < 0 ? '-' : '+', east / 60, east % 60);
        return true;
    case '%':
        buf_addc(b, '%');
        return true;
    default:
        return false;
    }
}

/* Patterns that stand for several. */
static struct str expand(char c)
{
    return c == 'F'   ? STR("%Y-%m-%d")
           : c == 'T' ? STR("%H:%M:%S")
           : c == 'R' ? STR("%H:%M")
           : c == 'D' ? STR("%m/%d/%y")
           : c == 'x' ? STR("%m/%d/%y")
           : c == 'X' ? STR("%H:%M:%S")
           : c == 'r' ? STR("%I:%M:%S %p")
           : c == 'c' ? STR("%a %b %e %H:%M:%S %Y")
           : c == 'n' ? STR("\n")
           : c == 't' ? STR("\t")
                      : STR("");
}

static void write_time(struct buf *b, const struct moment *m, struct str format)
{
    for (size_t i = 0; i < format.len && !b->full; i++) {
        char flag = 0;
        size_t at = i + 1;
        if (format.ptr[i] != '%' || at == format.len) {
            buf_addc(b, format.ptr[i]);
            continue;
        }
        if (strchr("-_^", format.ptr[at]) && format.ptr[at] && at + 1 < format.len) {
            flag = format.ptr[at++];
        }
        struct str several = expand(format.ptr[at]);
        for (size_t k = 0; k < several.len; k++) {
            if (several.ptr[k] == '%') {
                (void)field(b, m, several.ptr[++k], 0);
            } else {
                buf_addc(b, several.ptr[k]);
            }
        }
        if (several.len == 0 && !field(b, m, format.ptr[at], flag)) {
            buf_add(b, format.ptr + i, at + 1 - i);
        }
        i = at;
    }
}

int liquid_date(struct liquid *l, struct json in, const struct json *args, size_t n_args,
                struct json *ret)
{
    struct str format, zone_name = STR("");
    const struct zone *zone = NULL;
    int64_t ms;
    int rc = liquid_text(l, args[0], &format);
    if (rc == 0 && n_args > 1) {
        rc = liquid_text(l, args[1], &zone_name);
    }
    if (rc < 0) {
        return rc;
    }
    if (!read_time(in, &ms)) {
        *ret = in;
        return 0;
    }
    char zone_text[ZONE_NAME_MAX + 1] = "";
    if (zone_name.len && !str_eq_ci(zone_name, STR("UTC"))) {
        memcpy(zone_text, zone_name.ptr, MIN(zone_name.len, sizeof(zone_text) - 1));
        if (zone_name.len > ZONE_NAME_MAX || zone_load(zone_text, &zone, NULL) < 0) {
            return liquid_fail(l, l->at,
                               "\"%s\" is not a time zone. Use a name like "
                               "Europe/Berlin.",
                               zone_text);
        }
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, LIQUID_MAX_OUTPUT);
    struct moment m = moment_of(ms, zone);
    write_time(&b, &m, format);
    return liquid_give(l, &b, ret);
}
