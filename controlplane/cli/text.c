/* Owns how texts of others come to a terminal: cleaned, measured, cut; times as local time. Pure
 * but for the terminal's width and the clock. It refuses nothing: what is no text becomes one. */
#include "cli/text.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "clock.h"

#define COLUMNS_MIN 40
#define COLUMNS_MAX 1000

void text_start(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        (void)setlocale(LC_CTYPE, "");
    }
}

/* One character: its bytes, at least 1; *ret is 0 when it is not UTF-8. */
static size_t next_char(struct str s, size_t at, wchar_t *ret)
{
    mbstate_t state = {0};
    size_t n = mbrtowc(ret, s.ptr + at, s.len - at, &state);
    if (n == 0 || n > s.len - at) {
        *ret = 0;
        return 1;
    }
    return n;
}

static bool moves(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

static struct str clean(struct arena *a, struct str s, bool lines)
{
    char *to = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t at = 0; at < s.len;) {
        wchar_t c;
        size_t len = next_char(s, at, &c);
        if (lines && s.ptr[at] == '\n') {
            to[n++] = '\n';
        } else if (c == 0 && s.ptr[at] != '\0') {
            to[n++] = '?';
        } else if (moves(c)) {
            to[n++] = ' ';
        } else {
            memcpy(to + n, s.ptr + at, len);
            n += len;
        }
        at += len;
    }
    to[n] = '\0';
    return str_n(to, n);
}

struct str text_line(struct arena *a, struct str s)
{
    return clean(a, s, false);
}

struct str text_lines(struct arena *a, struct str s)
{
    return clean(a, s, true);
}

static size_t char_width(wchar_t c)
{
    int width = wcwidth(c);
    return width < 0 ? 1 : (size_t)width;
}

size_t text_width(struct str s)
{
    size_t width = 0;
    for (size_t at = 0; at < s.len;) {
        wchar_t c;
        at += next_char(s, at, &c);
        width += char_width(c);
    }
    return width;
}

struct str text_cut(struct arena *a, struct str s, size_t columns)
{
    size_t width = 0, at = 0;
    if (text_width(s) <= columns) {
        return s;
    }
    while (at < s.len) {
        wchar_t c;
        size_t len = next_char(s, at, &c);
        if (width + char_width(c) + 1 > columns) {
            break;
        }
        width += char_width(c);
        at += len;
    }
    return str_of(arena_printf(a, "%.*s\u2026", (int)at, s.ptr));
}

/* Digits at a place of a text: -1 when there are none. */
static int digits(struct str s, size_t at, size_t n)
{
    int value = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9') {
            return -1;
        }
        value = value * 10 + (s.ptr[i] - '0');
    }
    return value;
}

bool text_time_ns(struct str s, int64_t *ret_ns)
{
    struct tm tm = {.tm_year = digits(s, 0, 4) - 1900,
                    .tm_mon = digits(s, 5, 2) - 1,
                    .tm_mday = digits(s, 8, 2),
                    .tm_hour = digits(s, 11, 2),
                    .tm_min = digits(s, 14, 2),
                    .tm_sec = digits(s, 17, 2)};
    /* The years that nanoseconds can count. */
    if (s.len < 20 || tm.tm_year < 0 || tm.tm_year > 300 || tm.tm_mon < 0 || tm.tm_mday < 0 ||
        tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0) {
        return false;
    }
    size_t at = 19;
    int64_t fraction = 0, unit = NS_PER_SEC;
    if (s.ptr[at] == '.') {
        for (at++; digits(s, at, 1) >= 0; at++) {
            unit /= 10;
            fraction += digits(s, at, 1) * unit;
        }
    }
    int64_t offset = 0;
    if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-')) {
        int hours = digits(s, at + 1, 2), minutes = digits(s, at + 4, 2);
        offset = hours < 0 ? 0 : hours * 3600 + MAX(minutes, 0) * 60;
        offset = s.ptr[at] == '-' ? -offset : offset;
    }
    *ret_ns = ((int64_t)timegm(&tm) - offset) * NS_PER_SEC + fraction;
    return true;
}

struct str text_time(struct arena *a, struct str iso)
{
    int64_t ns;
    struct tm tm, now;
    char text[64];
    if (!text_time_ns(iso, &ns)) {
        return iso.len ? text_line(a, iso) : STR("-");
    }
    time_t at = (time_t)(ns / NS_PER_SEC), today = (time_t)(clock_now_ns() / NS_PER_SEC);
    (void)localtime_r(&at, &tm);
    (void)localtime_r(&today, &now);
    size_t n = strftime(text, sizeof(text),
                        tm.tm_year == now.tm_year ? "%b %d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    return str_n(arena_strndup(a, text, n), n);
}

struct str text_duration(struct arena *a, struct str from, struct str to)
{
    int64_t begin, end;
    if (!text_time_ns(from, &begin) || !text_time_ns(to, &end)) {
        return STR("-");
    }
    int64_t ms = MAX(end - begin, 0) / NS_PER_MS;
    if (ms < 1000) {
        return str_of(arena_printf(a, "%lld ms", (long long)ms));
    }
    if (ms < 60000) {
        return str_of(
            arena_printf(a, "%lld.%lld s", (long long)ms / 1000, (long long)ms % 1000 / 100));
    }
    return str_of(
        arena_printf(a, "%lld min %lld s", (long long)ms / 60000, (long long)ms / 1000 % 60));
}

const char *text_since(struct arena *a, const char *text)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct str s = str_of(text);
    int64_t n, ns;
    char iso[CLOCK_ISO_LEN + 1];
    for (size_t i = 0; s.len > 1 && i < ARRAY_LEN(units); i++) {
        if (s.ptr[s.len - 1] == units[i].unit && str_to_i64(str_n(s.ptr, s.len - 1), &n) &&
            n >= 0 && n < 1000000) {
            clock_iso(clock_now_ns() - n * units[i].seconds * NS_PER_SEC, iso);
            return arena_strdup(a, iso);
        }
    }
    return text_time_ns(s, &ns) ? text : NULL;
}

size_t text_terminal(void)
{
    struct winsize size = {0};
    if (!isatty(STDOUT_FILENO)) {
        return 0;
    }
    int64_t columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    if (columns == 0) {
        columns = 80;
    }
    return (size_t)MIN(MAX(columns, COLUMNS_MIN), COLUMNS_MAX);
}
