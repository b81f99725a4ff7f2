/* Owns writing a time by a format. English names. Any thread. */
#include "components/datetime/date_format.h"

#include "expr/iso_date.h"

#define MS_PER_DAY INT64_C(86400000)

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

struct moment {
    int64_t year;
    int month, day, weekday, hour, minute, second, ms;
    int offset; /* seconds east of UTC */
};

enum token {
    YYYY,
    YY,
    MMMM,
    MMM,
    MM,
    M,
    DDDD_NAME,
    DDD_NAME,
    DD,
    D,
    HH,
    H,
    HH12,
    H12,
    MIN2,
    MIN1,
    SS,
    S,
    SSS,
    UPPER_AM,
    LOWER_AM,
    OFFSET_COLON,
    OFFSET,
    _TOKEN_N
};
/* Longer ones first where one begins another. */
static const struct {
    const char *text;
    enum token token;
} tokens[] = {
    {"YYYY", YYYY},
    {"YY", YY},
    {"MMMM", MMMM},
    {"MMM", MMM},
    {"MM", MM},
    {"M", M},
    {"dddd", DDDD_NAME},
    {"ddd", DDD_NAME},
    {"DD", DD},
    {"D", D},
    {"HH", HH},
    {"H", H},
    {"hh", HH12},
    {"h", H12},
    {"mm", MIN2},
    {"m", MIN1},
    {"SSS", SSS},
    {"ss", SS},
    {"s", S},
    {"A", UPPER_AM},
    {"a", LOWER_AM},
    {"ZZ", OFFSET},
    {"Z", OFFSET_COLON},
};

static void add_offset(struct buf *b, int offset, const char *colon)
{
    int minutes = (offset < 0 ? -offset : offset) / 60;
    buf_addf(b, "%c%02d%s%02d", offset < 0 ? '-' : '+', minutes / 60, colon, minutes % 60);
}

static void add_token(struct buf *b, const struct moment *t, enum token token)
{
    int hour12 = t->hour % 12 ? t->hour % 12 : 12;
    switch (token) {
    case YYYY:
        buf_addf(b, "%04d", (int)t->year);
        break;
    case YY:
        buf_addf(b, "%02d", (int)(t->year % 100));
        break;
    case MMMM:
        buf_adds(b, months[t->month - 1]);
        break;
    case MMM:
        buf_add(b, months[t->month - 1], 3);
        break;
    case DDDD_NAME:
        buf_adds(b, days[t->weekday]);
        break;
    case DDD_NAME:
        buf_add(b, days[t->weekday], 3);
        break;
    case MM:
        buf_addf(b, "%02d", t->month);
        break;
    case M:
        buf_addf(b, "%d", t->month);
        break;
    case DD:
        buf_addf(b, "%02d", t->day);
        break;
    case D:
        buf_addf(b, "%d", t->day);
        break;
    case HH:
        buf_addf(b, "%02d", t->hour);
        break;
    case H:
        buf_addf(b, "%d", t->hour);
        break;
    case HH12:
        buf_addf(b, "%02d", hour12);
        break;
    case H12:
        buf_addf(b, "%d", hour12);
        break;
    case MIN2:
        buf_addf(b, "%02d", t->minute);
        break;
    case MIN1:
        buf_addf(b, "%d", t->minute);
        break;
    case SS:
        buf_addf(b, "%02d", t->second);
        break;
    case S:
        buf_addf(b, "%d", t->second);
        break;
    case SSS:
        buf_addf(b, "%03d", t->ms);
        break;
    case UPPER_AM:
        buf_adds(b, t->hour < 12 ? "AM" : "PM");
        break;
    case LOWER_AM:
        buf_adds(b, t->hour < 12 ? "am" : "pm");
        break;
    case OFFSET_COLON:
        add_offset(b, t->offset, ":");
        break;
    case OFFSET:
        add_offset(b, t->offset, "");
        break;
    case _TOKEN_N:
        break;
    }
}

static struct moment moment_of(int64_t ms, const struct zone *zone)
{
    struct moment t = {0};
    int64_t at = ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
    t.offset = zone ? zone_offset(zone, at) : 0;
    int64_t local = ms + t.offset * INT64_C(1000);
    int64_t day = local >= 0 ? local / MS_PER_DAY : -((-local + MS_PER_DAY - 1) / MS_PER_DAY);
    int64_t rest = local - day * MS_PER_DAY;
    iso_date_from_days(day, &t.year, &t.month, &t.day);
    t.weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    t.hour = (int)(rest / 3600000);
    t.minute = (int)(rest / 60000 % 60);
    t.second = (int)(rest / 1000 % 60);
    t.ms = (int)(rest % 1000);
    return t;
}

void date_format(struct buf *b, int64_t ms, const struct zone *zone, struct str format)
{
    struct moment t = moment_of(ms, zone);
    for (size_t at = 0; at < format.len;) {
        struct str rest = str_n(format.ptr + at, format.len - at);
        ptrdiff_t close = rest.ptr[0] == '[' ? str_find(rest, STR("]"), 0) : -1;
        if (close > 0) {
            buf_add(b, rest.ptr + 1, (size_t)close - 1);
            at += (size_t)close + 1;
            continue;
        }
        size_t i = 0;
        while (i < ARRAY_LEN(tokens) && !str_starts(rest, str_of(tokens[i].text))) {
            i++;
        }
        if (i < ARRAY_LEN(tokens)) {
            add_token(b, &t, tokens[i].token);
            at += strlen(tokens[i].text);
        } else {
            buf_addc(b, rest.ptr[0]);
            at++;
        }
    }
}
