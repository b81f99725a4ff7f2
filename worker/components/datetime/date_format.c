/* Owns writing a time by a format, and reading one. English names. Any thread. It refuses, when it
 * reads, what differs from the format and what is no day or time. */
#include "components/datetime/date_format.h"

#include "components/datetime/moment.h"
#include "expr/iso_date.h"

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
static const struct token_row {
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
        buf_adds(b, moment_months[t->month - 1]);
        break;
    case MMM:
        buf_add(b, moment_months[t->month - 1], 3);
        break;
    case DDDD_NAME:
        buf_adds(b, moment_days[t->weekday]);
        break;
    case DDD_NAME:
        buf_add(b, moment_days[t->weekday], 3);
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

/* The token, or the text in brackets, or the character that a format goes on with: its length, the
 * row of a token or NULL, and what is literal. */
static size_t next_part(struct str format, const struct token_row **ret, struct str *ret_literal)
{
    *ret = NULL;
    ptrdiff_t close = format.ptr[0] == '[' ? str_find(format, STR("]"), 0) : -1;
    if (close > 0) {
        *ret_literal = str_n(format.ptr + 1, (size_t)close - 1);
        return (size_t)close + 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        if (str_starts(format, str_of(tokens[i].text))) {
            *ret = &tokens[i];
            return strlen(tokens[i].text);
        }
    }
    *ret_literal = str_n(format.ptr, 1);
    return 1;
}

void date_format(struct buf *b, int64_t ms, const struct zone *zone, struct str format)
{
    struct moment t = moment_of(ms, zone);
    const struct token_row *row;
    struct str literal;
    for (size_t at = 0; at < format.len;) {
        at += next_part(str_n(format.ptr + at, format.len - at), &row, &literal);
        if (row) {
            add_token(b, &t, row->token);
        } else {
            buf_add_str(b, literal);
        }
    }
}

/* --- reading -------------------------------------------------------------------------------------
 */

struct reading {
    struct str text;
    size_t at;
    struct moment t;
    bool has_offset, has_half, afternoon; /* half: of a day, AM or PM */
};

static bool read_number(struct reading *r, size_t least, size_t most, int *ret)
{
    size_t n = 0;
    *ret = 0;
    while (n < most && r->at < r->text.len && r->text.ptr[r->at] >= '0' &&
           r->text.ptr[r->at] <= '9') {
        *ret = *ret * 10 + r->text.ptr[r->at++] - '0';
        n++;
    }
    return n >= least;
}

static bool read_literal(struct reading *r, struct str literal, bool any_case)
{
    struct str rest = str_n(r->text.ptr + r->at, MIN(literal.len, r->text.len - r->at));
    bool same = any_case ? str_eq_ci(rest, literal) : str_eq(rest, literal);
    r->at += same ? literal.len : 0;
    return same;
}

static bool read_name(struct reading *r, const char *const *names, int n, bool brief, int *ret)
{
    for (*ret = 0; *ret < n; ++*ret) {
        struct str name = str_of(names[*ret]);
        if (read_literal(r, brief ? str_n(name.ptr, 3) : name, true)) {
            return true;
        }
    }
    return false;
}

/* Z, +02:00 or +0200, whichever of them the format names. */
static bool read_offset(struct reading *r)
{
    int hours, minutes;
    r->has_offset = true;
    if (read_literal(r, STR("Z"), false)) {
        return true;
    }
    bool west = read_literal(r, STR("-"), false);
    if ((!west && !read_literal(r, STR("+"), false)) || !read_number(r, 2, 2, &hours)) {
        return false;
    }
    (void)read_literal(r, STR(":"), false);
    if (!read_number(r, 2, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    r->t.offset = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_token(struct reading *r, enum token token)
{
    struct moment *t = &r->t;
    int n = 0;
    bool ok = false;
    switch (token) {
    case YYYY:
        ok = read_number(r, 4, 4, &n);
        t->year = n;
        return ok;
    case YY:
        ok = read_number(r, 2, 2, &n);
        t->year = n + (n < 69 ? 2000 : 1900);
        return ok;
    case MMMM:
    case MMM:
        ok = read_name(r, moment_months, 12, token == MMM, &n);
        t->month = n + 1;
        return ok;
    case MM:
        return read_number(r, 2, 2, &t->month);
    case M:
        return read_number(r, 1, 2, &t->month);
    case DDDD_NAME:
    case DDD_NAME: /* not checked against the day */
        return read_name(r, moment_days, 7, token == DDD_NAME, &n);
    case DD:
        return read_number(r, 2, 2, &t->day);
    case D:
        return read_number(r, 1, 2, &t->day);
    case HH:
    case HH12:
        return read_number(r, 2, 2, &t->hour);
    case H:
    case H12:
        return read_number(r, 1, 2, &t->hour);
    case MIN2:
        return read_number(r, 2, 2, &t->minute);
    case MIN1:
        return read_number(r, 1, 2, &t->minute);
    case SS:
        return read_number(r, 2, 2, &t->second);
    case S:
        return read_number(r, 1, 2, &t->second);
    case SSS:
        return read_number(r, 3, 3, &t->ms);
    case UPPER_AM:
    case LOWER_AM:
        r->has_half = true;
        r->afternoon = read_literal(r, STR("PM"), true);
        return r->afternoon || read_literal(r, STR("AM"), true);
    case OFFSET_COLON:
    case OFFSET:
        return read_offset(r);
    case _TOKEN_N:
        break;
    }
    return false;
}

static bool is_valid(struct reading *r)
{
    struct moment *t = &r->t;
    if (r->has_half) {
        if (t->hour < 1 || t->hour > 12) {
            return false;
        }
        t->hour = t->hour % 12 + (r->afternoon ? 12 : 0);
    }
    return t->month >= 1 && t->month <= 12 && t->day >= 1 &&
           t->day <= iso_date_days_in(t->year, t->month) && t->hour <= 23 && t->minute <= 59 &&
           t->second <= 59;
}

enum date_fit date_parse(struct str text, const struct zone *zone, struct str format,
                         int64_t *ret_ms, size_t *ret_at)
{
    struct reading r = {.text = text, .t = {.year = 1970, .month = 1, .day = 1}};
    const struct token_row *row;
    struct str literal;
    for (size_t at = 0; at < format.len;) {
        at += next_part(str_n(format.ptr + at, format.len - at), &row, &literal);
        *ret_at = r.at;
        if (row ? !read_token(&r, row->token) : !read_literal(&r, literal, false)) {
            return DATE_DIFFERS;
        }
    }
    *ret_at = r.at;
    if (r.at < text.len) {
        return DATE_DIFFERS;
    }
    if (!is_valid(&r)) {
        return DATE_IMPOSSIBLE;
    }
    int64_t days_since = iso_date_to_days(r.t.year, r.t.month, r.t.day), last;
    int64_t local = days_since * 86400 + r.t.hour * 3600 + r.t.minute * 60 + r.t.second;
    int64_t at = local - r.t.offset;
    if (zone && !r.has_offset) {
        (void)zone_to_utc(zone, local, &at, &last);
    }
    *ret_ms = at * 1000 + r.t.ms;
    return DATE_FITS;
}
