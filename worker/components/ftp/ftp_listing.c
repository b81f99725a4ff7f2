/* Owns the reading of directory listings. Called by the FTP component on the slot's thread, with
 * text from a server that nobody vouches for. What is no entry is left out; it refuses more entries
 * than there is room for. */
#include "components/ftp/ftp_listing.h"

#include <ctype.h>

#include "clock.h"

enum kind { KIND_FILE = 1, KIND_DIRECTORY = 2, KIND_LINK = 3 };

struct entry {
    struct str name, modified, user, group, link;
    char iso[CLOCK_ISO_LEN + 1]; /* "" = not known */
    enum kind kind;
    double size;
    int permissions; /* -1 = not known */
};

static struct json json_copied(struct arena *a, const char *text)
{
    return json_cstr(arena_strdup(a, text));
}

static struct json entry_value(struct arena *a, const struct entry *e)
{
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("name"), json_str(e->name));
    json_append(&b, STR("type"), json_num(e->kind));
    json_append(&b, STR("size"), json_num(e->size));
    json_append(&b, STR("rawModifiedAt"), json_str(e->modified));
    if (e->iso[0]) {
        json_append(&b, STR("modifiedAt"), json_copied(a, e->iso));
    }
    if (e->permissions >= 0) {
        struct json_builder p;
        json_build_object(&p, a);
        json_append(&p, STR("user"), json_num(e->permissions >> 6 & 7));
        json_append(&p, STR("group"), json_num(e->permissions >> 3 & 7));
        json_append(&p, STR("world"), json_num(e->permissions & 7));
        json_append(&b, STR("permissions"), json_built(&p));
    }
    if (e->user.len) {
        json_append(&b, STR("user"), json_str(e->user));
    }
    if (e->group.len) {
        json_append(&b, STR("group"), json_str(e->group));
    }
    if (e->link.len) {
        json_append(&b, STR("link"), json_str(e->link));
    }
    json_append(&b, STR("isDirectory"), json_bool(e->kind == KIND_DIRECTORY));
    json_append(&b, STR("isFile"), json_bool(e->kind == KIND_FILE));
    json_append(&b, STR("isSymbolicLink"), json_bool(e->kind == KIND_LINK));
    return json_built(&b);
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct str text, size_t *at, struct str *ret)
{
    if (*at >= text.len) {
        return false;
    }
    const char *from = text.ptr + *at;
    const char *end = memchr(from, '\n', text.len - *at);
    size_t n = end ? (size_t)(end - from) : text.len - *at;
    *at += n + 1;
    if (n > 0 && from[n - 1] == '\r') {
        n--;
    }
    *ret = str_n(from, n);
    return true;
}

static bool usable_name(struct str name)
{
    return name.len > 0 && !str_eq(name, STR(".")) && !str_eq(name, STR(".."));
}

static bool two_digits(struct str s, size_t at, char ret[2])
{
    if (at + 2 > s.len || !isdigit((unsigned char)s.ptr[at]) ||
        !isdigit((unsigned char)s.ptr[at + 1])) {
        return false;
    }
    ret[0] = s.ptr[at];
    ret[1] = s.ptr[at + 1];
    return true;
}

/* "20260102030405" or "20260102030405.678" -> "2026-01-02T03:04:05.678Z"; false when it is none. */
static bool iso_of(struct str stamp, char ret[CLOCK_ISO_LEN + 1])
{
    static const struct {
        uint8_t from, to;
    } pairs[] = {{0, 0}, {2, 2}, {4, 5}, {6, 8}, {8, 11}, {10, 14}, {12, 17}};
    memcpy(ret, "0000-00-00T00:00:00.000Z", CLOCK_ISO_LEN + 1);
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!two_digits(stamp, pairs[i].from, ret + pairs[i].to)) {
            ret[0] = '\0';
            return false;
        }
    }
    for (size_t i = 0; stamp.len > 15 && stamp.ptr[14] == '.' && i < 3 && 15 + i < stamp.len &&
                       isdigit((unsigned char)stamp.ptr[15 + i]);
         i++) {
        ret[20 + i] = stamp.ptr[15 + i];
    }
    return true;
}

static double size_of(struct str text)
{
    int64_t n;
    return str_to_i64(text, &n) && n >= 0 ? (double)n : 0;
}

static int octal_of(struct str text)
{
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7' || text.len > 5) {
            return -1;
        }
        n = n * 8 + (text.ptr[i] - '0');
    }
    return text.len ? n & 0777 : -1;
}

static void read_fact(struct entry *e, struct str name, struct str value, bool *ret_skip)
{
    if (str_eq_ci(name, STR("type"))) {
        *ret_skip = str_eq_ci(value, STR("cdir")) || str_eq_ci(value, STR("pdir"));
        e->kind = str_eq_ci(value, STR("dir")) ? KIND_DIRECTORY
                  : str_n(value.ptr, MIN(value.len, 7)).len == 7 &&
                          str_eq_ci(str_n(value.ptr, 7), STR("OS.unix"))
                      ? KIND_LINK
                      : KIND_FILE;
    } else if (str_eq_ci(name, STR("size"))) {
        e->size = size_of(value);
    } else if (str_eq_ci(name, STR("modify"))) {
        e->modified = value;
        (void)iso_of(value, e->iso);
    } else if (str_eq_ci(name, STR("unix.mode"))) {
        e->permissions = octal_of(value);
    } else if (str_eq_ci(name, STR("unix.owner"))) {
        e->user = value;
    } else if (str_eq_ci(name, STR("unix.group"))) {
        e->group = value;
    }
}

static bool read_facts(struct str line, struct entry *e)
{
    ptrdiff_t blank = str_find(line, STR(" "), 0);
    if (blank < 0) {
        return false;
    }
    *e = (struct entry){.kind = KIND_FILE, .permissions = -1, .modified = STR("")};
    e->name = str_n(line.ptr + blank + 1, line.len - (size_t)blank - 1);
    bool skip = false;
    for (size_t at = 0; at < (size_t)blank;) {
        ptrdiff_t end = str_find(str_n(line.ptr, (size_t)blank), STR(";"), at);
        size_t to = end < 0 ? (size_t)blank : (size_t)end;
        struct str fact = str_n(line.ptr + at, to - at);
        ptrdiff_t equal = str_find(fact, STR("="), 0);
        if (equal > 0) {
            read_fact(e, str_n(fact.ptr, (size_t)equal),
                      str_n(fact.ptr + equal + 1, fact.len - (size_t)equal - 1), &skip);
        }
        at = to + 1;
    }
    return !skip && usable_name(e->name);
}

/* The next word of a line; "" at the end. */
static struct str next_word(struct str line, size_t *at)
{
    while (*at < line.len && line.ptr[*at] == ' ') {
        (*at)++;
    }
    size_t from = *at;
    while (*at < line.len && line.ptr[*at] != ' ') {
        (*at)++;
    }
    return str_n(line.ptr + from, *at - from);
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!isdigit((unsigned char)s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

/* "rwxr-x---" -> 0750; s, S, t and T stand where x does. */
static int mode_of(struct str bits)
{
    int mode = 0;
    for (size_t i = 0; i < 9; i++) {
        char c = bits.ptr[i];
        mode = mode << 1 | (c != '-' && c != 'S' && c != 'T' ? 1 : 0);
    }
    return mode;
}

/* "-rw-r--r-- 1 user group 245760 Jan 23 16:38 name"; some servers leave out the group, and some
 * write the date as 2026-01-23. */
static bool read_unix(struct str line, struct entry *e)
{
    if (line.len < 11 || !strchr("-dlbcps", line.ptr[0])) {
        return false;
    }
    size_t at = 0;
    struct str mode = next_word(line, &at);
    struct str words[8];
    size_t before[8];
    if (mode.len < 10) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        words[i] = next_word(line, &at);
        before[i] = at;
    }
    /* links, user, [group,] size, month, day, time or year: the size is before the month */
    size_t size = is_number(words[3]) && !is_number(words[4]) ? 3 : 2;
    bool iso = words[size + 1].len == 10 && words[size + 1].ptr[4] == '-';
    size_t time = size + (iso ? 2 : 3);
    if (!is_number(words[size]) || words[time].len == 0) {
        return false;
    }
    size_t name = before[time] + 1;
    if (name >= line.len) {
        return false;
    }
    *e = (struct entry){.kind = mode.ptr[0] == 'd'   ? KIND_DIRECTORY
                                : mode.ptr[0] == 'l' ? KIND_LINK
                                                     : KIND_FILE,
                        .size = size_of(words[size]),
                        .permissions = mode_of(str_n(mode.ptr + 1, 9)),
                        .user = words[1],
                        .group = size == 3 ? words[2] : STR(""),
                        .name = str_n(line.ptr + name, line.len - name)};
    const char *from = words[size + 1].ptr;
    e->modified = str_n(from, (size_t)(line.ptr + before[time] - from));
    ptrdiff_t arrow = e->kind == KIND_LINK ? str_find(e->name, STR(" -> "), 0) : -1;
    if (arrow > 0) {
        e->link = str_n(e->name.ptr + arrow + 4, e->name.len - (size_t)arrow - 4);
        e->name = str_n(e->name.ptr, (size_t)arrow);
    }
    return usable_name(e->name);
}

/* "01-23-26  04:38PM       <DIR>          name" or with a size. */
static bool read_windows(struct str line, struct entry *e)
{
    size_t at = 0;
    if (line.len < 20 || !isdigit((unsigned char)line.ptr[0]) || line.ptr[2] != '-') {
        return false;
    }
    (void)next_word(line, &at);
    struct str time = next_word(line, &at);
    struct str size = next_word(line, &at);
    bool directory = str_eq(size, STR("<DIR>"));
    if (time.len < 5 || (!directory && !is_number(size))) {
        return false;
    }
    *e = (struct entry){.kind = directory ? KIND_DIRECTORY : KIND_FILE,
                        .size = size_of(size),
                        .permissions = -1,
                        .modified = str_n(line.ptr, (size_t)(time.ptr + time.len - line.ptr)),
                        .name = str_trim(str_n(line.ptr + at, line.len - at))};
    return usable_name(e->name);
}

static struct json read_all(struct arena *a, struct str text, bool facts)
{
    struct json_builder b;
    struct str line;
    json_build_array(&b, a);
    for (size_t at = 0; next_line(text, &at, &line);) {
        struct entry e;
        if (b.len == FTP_LISTING_MAX_ENTRIES || arena_room(a) < KIB(64) + (size_t)b.len * 48) {
            return json_undefined();
        }
        if (facts ? read_facts(line, &e) : read_unix(line, &e) || read_windows(line, &e)) {
            json_push(&b, entry_value(a, &e));
        }
    }
    return json_built(&b);
}

struct json ftp_listing_facts(struct arena *a, struct str text)
{
    return read_all(a, text, true);
}

struct json ftp_listing_lines(struct arena *a, struct str text)
{
    return read_all(a, text, false);
}
