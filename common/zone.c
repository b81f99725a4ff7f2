/* Owns time zones: reading zone files and answering for any instant which offset holds. The C
 * library's zones hang on one variable of the process and are not used. Zones are shared and never
 * freed; the list of loaded ones is guarded by its mutex. Any thread.
 * It refuses names that could leave the zone folder, files over ZONE_FILE_MAX and leap seconds. */
#include "zone.h"

#include "expr/iso_date.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_DIR        "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX   KIB(64)
#define HEADER_LEN      44
#define CHANGES_MAX     4096
#define TYPES_MAX       256
#define OFFSET_MAX      (26 * 3600) /* RFC 8536: -25 h to +26 h */
#define SECONDS_PER_DAY INT64_C(86400)
#define RULE_FIRST_YEAR 1900
#define RULE_LAST_YEAR  9998

/* When in a year the clocks change, as POSIX TZ strings say it. */
struct rule_day {
    enum { RULE_JULIAN, RULE_ZERO_BASED, RULE_MONTH } type;
    int day;         /* JULIAN 1-365 without leap days; ZERO_BASED 0-365; MONTH: 0 = Sunday */
    int month, week; /* MONTH: week 5 = the last */
    int32_t time;    /* seconds after midnight, -167 h to +167 h */
};

struct rule {
    bool present, has_dst;
    int32_t standard, dst; /* seconds east */
    struct rule_day start, end;
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    int64_t *changes; /* rising */
    int32_t *offsets; /* from the change of the same place on */
    size_t n_changes;
    int32_t first;    /* before all changes */
    struct rule rule; /* after all changes */
    struct zone *next;
};

static pthread_mutex_t loaded_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone *loaded;

/* ---- POSIX TZ strings ---- */

struct reader {
    const char *at, *end;
};

static bool take_char(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static bool take_number(struct reader *r, int max, int *ret_value)
{
    int v = 0, n = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && n < 4) {
        v = v * 10 + (*r->at++ - '0');
        n++;
    }
    *ret_value = v;
    return n > 0 && v <= max;
}

/* "CET" or "<+0330>". */
static bool take_name(struct reader *r)
{
    bool quoted = take_char(r, '<');
    const char *start = r->at;
    while (r->at < r->end &&
           (quoted ? *r->at != '>'
                   : (*r->at >= 'A' && *r->at <= 'Z') || (*r->at >= 'a' && *r->at <= 'z'))) {
        r->at++;
    }
    return r->at - start >= 3 && (!quoted || take_char(r, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct reader *r, int max_hours, int32_t *ret_seconds)
{
    bool negative = take_char(r, '-');
    if (!negative) {
        (void)take_char(r, '+');
    }
    int hours, minutes = 0, seconds = 0;
    if (!take_number(r, max_hours, &hours)) {
        return false;
    }
    if (take_char(r, ':')) {
        if (!take_number(r, 59, &minutes) || (take_char(r, ':') && !take_number(r, 59, &seconds))) {
            return false;
        }
    }
    int32_t v = hours * 3600 + minutes * 60 + seconds;
    *ret_seconds = negative ? -v : v;
    return true;
}

static bool take_rule_day(struct reader *r, struct rule_day *ret)
{
    struct rule_day d = {.time = 2 * 3600};
    if (take_char(r, 'M')) {
        d.type = RULE_MONTH;
        if (!take_number(r, 12, &d.month) || d.month < 1 || !take_char(r, '.') ||
            !take_number(r, 5, &d.week) || d.week < 1 || !take_char(r, '.') ||
            !take_number(r, 6, &d.day)) {
            return false;
        }
    } else {
        d.type = take_char(r, 'J') ? RULE_JULIAN : RULE_ZERO_BASED;
        if (!take_number(r, 365, &d.day) || (d.type == RULE_JULIAN && d.day < 1)) {
            return false;
        }
    }
    if (take_char(r, '/') && !take_time(r, 167, &d.time)) {
        return false;
    }
    *ret = d;
    return true;
}

static bool parse_rule(struct str text, struct rule *ret)
{
    struct reader r = {text.ptr, text.ptr + text.len};
    struct rule rule = {.present = true};
    int32_t west;
    if (!take_name(&r) || !take_time(&r, 24, &west)) {
        return false;
    }
    rule.standard = -west;
    if (r.at < r.end) {
        if (!take_name(&r)) {
            return false;
        }
        rule.dst = rule.standard + 3600;
        if (r.at < r.end && *r.at != ',') {
            if (!take_time(&r, 24, &west)) {
                return false;
            }
            rule.dst = -west;
        }
        rule.has_dst = true;
        if (!take_char(&r, ',') || !take_rule_day(&r, &rule.start) || !take_char(&r, ',') ||
            !take_rule_day(&r, &rule.end)) {
            return false;
        }
    }
    *ret = rule;
    return r.at == r.end;
}

/* Local seconds of the rule's moment in a year. */
static int64_t rule_moment(const struct rule_day *d, int64_t year)
{
    int64_t day = iso_date_to_days(year, 1, 1);
    if (d->type == RULE_ZERO_BASED) {
        day += d->day;
    } else if (d->type == RULE_JULIAN) {
        day += d->day - 1 + (d->day > 59 && iso_date_days_in(year, 2) == 29);
    } else {
        int64_t first = iso_date_to_days(year, d->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        int64_t of_month = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
        int64_t last = iso_date_days_in(year, d->month) - 1;
        day = first + (of_month > last ? of_month - 7 : of_month);
    }
    return day * SECONDS_PER_DAY + d->time;
}

static int64_t year_of(int64_t at)
{
    int64_t year, days = at / SECONDS_PER_DAY - (at % SECONDS_PER_DAY < 0);
    int month, day;
    iso_date_from_days(days, &year, &month, &day);
    return MIN(MAX(year, RULE_FIRST_YEAR), RULE_LAST_YEAR);
}

struct change {
    int64_t at;
    int32_t offset;
};

/* The changes of three years around an instant, rising. At a tie the later one of the list holds,
 * so the end of summer time comes before its start: a summer that never ends. */
#define RULE_CHANGES 6
static void rule_changes(const struct rule *rule, int64_t at, struct change ret[RULE_CHANGES])
{
    int64_t year = year_of(at) - 1;
    for (size_t i = 0; i < RULE_CHANGES; i += 2, year++) {
        ret[i] = (struct change){rule_moment(&rule->end, year) - rule->dst, rule->standard};
        ret[i + 1] = (struct change){rule_moment(&rule->start, year) - rule->standard, rule->dst};
    }
    for (size_t i = 1; i < RULE_CHANGES; i++) {
        struct change c = ret[i];
        size_t to = i;
        for (; to > 0 && ret[to - 1].at > c.at; to--) {
            ret[to] = ret[to - 1];
        }
        ret[to] = c;
    }
}

static int32_t rule_offset(const struct rule *rule, int64_t at)
{
    if (!rule->has_dst) {
        return rule->standard;
    }
    struct change changes[RULE_CHANGES];
    rule_changes(rule, at, changes);
    int32_t offset = changes[0].offset == rule->dst ? rule->standard : rule->dst;
    for (size_t i = 0; i < RULE_CHANGES && changes[i].at <= at; i++) {
        offset = changes[i].offset;
    }
    return offset;
}

static int64_t rule_next_change(const struct rule *rule, int64_t at)
{
    if (!rule->has_dst) {
        return INT64_MAX;
    }
    struct change changes[RULE_CHANGES];
    rule_changes(rule, at, changes);
    for (size_t i = 0; i < RULE_CHANGES; i++) {
        if (changes[i].at > at) {
            return changes[i].at;
        }
    }
    return INT64_MAX;
}

/* ---- zone files ---- */

struct header {
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint64_t big_endian(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | (unsigned char)p[i];
    }
    return v;
}

static bool read_header(struct str bytes, size_t at, struct header *ret)
{
    if (bytes.len < at || bytes.len - at < HEADER_LEN || memcmp(bytes.ptr + at, "TZif", 4) != 0 ||
        bytes.ptr[at + 4] < '2') {
        return false;
    }
    uint32_t counts[6];
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        counts[i] = (uint32_t)big_endian(bytes.ptr + at + 20 + i * 4, 4);
        if (counts[i] > ZONE_FILE_MAX) {
            return false;
        }
    }
    *ret = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    return ret->time <= CHANGES_MAX && ret->type >= 1 && ret->type <= TYPES_MAX;
}

static size_t block_length(const struct header *h, size_t time_size)
{
    return h->time * (time_size + 1) + h->type * (size_t)6 + h->chars + h->leap * (time_size + 4) +
           h->isstd + h->isut;
}

/* The changes of the second block, whose place and size are checked. */
static bool read_changes(struct zone *z, const char *block, const struct header *h)
{
    const char *indexes = block + h->time * (size_t)8;
    const char *types = indexes + h->time;
    z->changes = mem_array(h->time + (size_t)1, sizeof(*z->changes));
    z->offsets = mem_array(h->time + (size_t)1, sizeof(*z->offsets));
    z->first = (int32_t)big_endian(types, 4);
    for (uint32_t i = 0; i < h->type; i++) {
        int32_t offset = (int32_t)big_endian(types + i * (size_t)6, 4);
        if (offset < -OFFSET_MAX || offset > OFFSET_MAX) {
            return false;
        }
    }
    for (uint32_t i = 0; i < h->time; i++) {
        unsigned index = (unsigned char)indexes[i];
        int64_t at = (int64_t)big_endian(block + i * (size_t)8, 8);
        if (index >= h->type || (i > 0 && at <= z->changes[i - 1])) {
            return false;
        }
        z->changes[i] = at;
        z->offsets[i] = (int32_t)big_endian(types + index * (size_t)6, 4);
        z->n_changes++;
    }
    return true;
}

static bool read_zone(struct zone *z, struct str bytes)
{
    struct header h;
    if (!read_header(bytes, 0, &h)) {
        return false;
    }
    size_t at = HEADER_LEN + block_length(&h, 4);
    if (!read_header(bytes, at, &h) || h.leap > 0) {
        return false;
    }
    at += HEADER_LEN;
    size_t len = block_length(&h, 8);
    if (bytes.len - at < len + 2 || !read_changes(z, bytes.ptr + at, &h)) {
        return false;
    }
    struct str footer = str_n(bytes.ptr + at + len, bytes.len - at - len);
    if (footer.ptr[0] != '\n' || footer.ptr[footer.len - 1] != '\n') {
        return false;
    }
    footer = str_n(footer.ptr + 1, footer.len - 2);
    return footer.len == 0 || parse_rule(footer, &z->rule);
}

struct zone *zone_free(struct zone *z)
{
    if (z) {
        mem_free(z->changes);
        mem_free(z->offsets);
        mem_free(z);
    }
    return NULL;
}

int zone_parse(struct str bytes, struct zone **ret_zone, struct err *err)
{
    AUTO(zone_free) struct zone *z = mem_new(struct zone);
    if (bytes.len > ZONE_FILE_MAX || !read_zone(z, bytes)) {
        return err_set(err, -EINVAL, "zone.unreadable", "The time zone's file is malformed.");
    }
    *ret_zone = TAKE(z);
    return 0;
}

/* ---- loading ---- */

/* Letters, digits, "_", "+", "-" in parts joined by single slashes: no dots, no absolute paths. */
static bool is_name(const char *name)
{
    size_t len = strnlen(name, ZONE_NAME_MAX + 1);
    char before = '/';
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '+' || c == '-';
        if (!plain && (c != '/' || before == '/')) {
            return false;
        }
        before = c;
    }
    return len > 0 && len <= ZONE_NAME_MAX && before != '/';
}

static int read_file(const char *name, struct buf *to, struct err *err)
{
    char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX + 1];
    snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0) {
            close(fd);
        }
        return err_set(err, -EINVAL, "zone.unknown", "There is no time zone \"%s\".", name);
    }
    ssize_t n = 1;
    while (n > 0 && !to->full) {
        char part[4096];
        n = read(fd, part, sizeof(part));
        if (n > 0) {
            buf_add(to, part, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    close(fd);
    if (n < 0 || to->full) {
        return err_set(err, -EINVAL, "zone.unreadable",
                       "The file of time zone \"%s\" is unreadable.", name);
    }
    return 0;
}

static const struct zone *find_loaded(const char *name)
{
    const struct zone *z = loaded;
    while (z && strcmp(z->name, name) != 0) {
        z = z->next;
    }
    return z;
}

int zone_load(const char *name, const struct zone **ret_zone, struct err *err)
{
    if (!name || name[0] == '\0') {
        name = "Etc/UTC";
    }
    if (!is_name(name)) {
        return err_set(err, -EINVAL, "zone.unknown", "\"%.80s\" is not the name of a time zone.",
                       name);
    }
    pthread_mutex_lock(&loaded_lock);
    const struct zone *known = find_loaded(name);
    pthread_mutex_unlock(&loaded_lock);
    if (!known) {
        AUTO(buf_done) struct buf bytes = {0};
        buf_init(&bytes, ZONE_FILE_MAX);
        struct zone *z = NULL;
        int r = read_file(name, &bytes, err);
        if (r == 0) {
            r = zone_parse(buf_str(&bytes), &z, err);
        }
        if (r < 0) {
            return r;
        }
        memcpy(z->name, name, strlen(name) + 1);
        pthread_mutex_lock(&loaded_lock);
        known = find_loaded(name); /* another thread may have been first */
        if (known) {
            zone_free(z);
        } else {
            z->next = loaded;
            known = loaded = z;
        }
        pthread_mutex_unlock(&loaded_lock);
    }
    *ret_zone = known;
    return 0;
}

/* ---- questions ---- */

/* How many changes are at or before an instant. */
static size_t changes_until(const struct zone *z, int64_t at)
{
    size_t low = 0, high = z->n_changes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle] <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t zone_offset(const struct zone *z, int64_t at)
{
    size_t n = changes_until(z, at);
    if (n == z->n_changes && z->rule.present) {
        return rule_offset(&z->rule, at);
    }
    return n == 0 ? z->first : z->offsets[n - 1];
}

int64_t zone_next_change(const struct zone *z, int64_t at)
{
    size_t n = changes_until(z, at);
    if (n < z->n_changes) {
        return z->changes[n];
    }
    return z->rule.present ? rule_next_change(&z->rule, at) : INT64_MAX;
}

enum zone_fit zone_to_utc(const struct zone *z, int64_t local, int64_t *ret_first,
                          int64_t *ret_last)
{
    int64_t from = local - OFFSET_MAX, found[2] = {0, 0}, gap = local;
    int n = 0;
    while (from <= local + OFFSET_MAX && n < 2) {
        int64_t until = zone_next_change(z, from);
        int32_t offset = zone_offset(z, from);
        int64_t at = local - offset;
        if (at >= from && at < until) {
            found[n++] = at;
        } else if (until != INT64_MAX && local >= until + offset &&
                   local < until + zone_offset(z, until)) {
            gap = until;
        }
        if (until == INT64_MAX) {
            break;
        }
        from = until;
    }
    *ret_first = n > 0 ? found[0] : gap;
    *ret_last = n == 2 ? found[1] : *ret_first;
    return n == 2 ? ZONE_TWICE : n == 1 ? ZONE_ONCE : ZONE_SKIPPED;
}
