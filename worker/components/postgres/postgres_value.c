/* Owns the table of PostgreSQL's types and the reading of their text form. Pure; called on the
 * slot's thread with bytes of a server that nobody vouches for, so whatever does not read stays the
 * text it is. */
#include "components/postgres/postgres_value.h"

#include <ctype.h>
#include <math.h>

#include "clock.h"
#include "enc.h"

#define MAX_DIMENSIONS 6 /* of PostgreSQL's arrays */
#define NUMBER_TEXT    64

enum kind {
    KIND_TEXT,
    KIND_BOOLEAN,
    KIND_NUMBER,
    KIND_BYTES,
    KIND_JSON,
    KIND_TIME,
};

/* OIDs of built-in types never change. element: for arrays, what is in them. */
static const struct {
    unsigned type, element;
    enum kind kind;
} types[] = {
    {16, 0, KIND_BOOLEAN},   {17, 0, KIND_BYTES},     {21, 0, KIND_NUMBER},
    {23, 0, KIND_NUMBER},    {26, 0, KIND_NUMBER},    {114, 0, KIND_JSON},
    {199, 114, KIND_TEXT},   {700, 0, KIND_NUMBER},   {701, 0, KIND_NUMBER},
    {1000, 16, KIND_TEXT},   {1001, 17, KIND_TEXT},   {1002, 18, KIND_TEXT},
    {1003, 19, KIND_TEXT},   {1005, 21, KIND_TEXT},   {1007, 23, KIND_TEXT},
    {1009, 25, KIND_TEXT},   {1014, 1042, KIND_TEXT}, {1015, 1043, KIND_TEXT},
    {1016, 20, KIND_TEXT},   {1021, 700, KIND_TEXT},  {1022, 701, KIND_TEXT},
    {1028, 26, KIND_TEXT},   {1082, 0, KIND_TIME},    {1114, 0, KIND_TIME},
    {1115, 1114, KIND_TEXT}, {1182, 1082, KIND_TEXT}, {1184, 0, KIND_TIME},
    {1185, 1184, KIND_TEXT}, {1231, 1700, KIND_TEXT}, {2951, 2950, KIND_TEXT},
    {3802, 0, KIND_JSON},    {3807, 3802, KIND_TEXT},
};

static void look_up(unsigned type, enum kind *ret_kind, unsigned *ret_element)
{
    *ret_kind = KIND_TEXT;
    *ret_element = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].type == type) {
            *ret_kind = types[i].kind;
            *ret_element = types[i].element;
        }
    }
}

bool postgres_is_timestamp(unsigned type)
{
    return type == 1114 || type == 1184;
}

size_t postgres_value_room(unsigned type, size_t len)
{
    enum kind kind;
    unsigned element;
    look_up(type, &kind, &element);
    /* "," is an item of 16 bytes in a list that has just been doubled. */
    return element || kind == KIND_JSON ? len * 64 + 512 : len * 2 + 64;
}

static bool read_number(struct str text, double *ret)
{
    char copy[NUMBER_TEXT];
    if (text.len == 0 || text.len >= sizeof(copy) || isspace((unsigned char)text.ptr[0])) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    *ret = strtod(copy, &end);
    return *end == '\0' && isfinite(*ret);
}

static bool digits_at(struct str s, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.len || !isdigit((unsigned char)s.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* "2026-01-02", "2026-01-02 03:04:05.678901" and the same with "+00". */
static bool read_time(struct arena *a, struct str s, struct json *ret)
{
    if (!digits_at(s, 0, 4) || !digits_at(s, 5, 2) || !digits_at(s, 8, 2) || s.ptr[4] != '-' ||
        s.ptr[7] != '-') {
        return false;
    }
    char iso[] = "0000-00-00T00:00:00.000Z";
    memcpy(iso, s.ptr, 10);
    if (s.len > 10) {
        if (s.ptr[10] != ' ' || !digits_at(s, 11, 2) || !digits_at(s, 14, 2) ||
            !digits_at(s, 17, 2) || s.ptr[13] != ':' || s.ptr[16] != ':') {
            return false;
        }
        memcpy(iso + 11, s.ptr + 11, 8);
        size_t at = 19;
        if (at < s.len && s.ptr[at] == '.') {
            for (at++; digits_at(s, at, 1); at++) {
                if (at - 20 < 3) {
                    iso[at] = s.ptr[at];
                }
            }
        }
        if (at < s.len && !str_eq(str_n(s.ptr + at, s.len - at), STR("+00"))) {
            return false;
        }
    }
    *ret = json_cstr(arena_strdup(a, iso));
    return true;
}

static struct json read_scalar(struct arena *a, enum kind kind, struct str text)
{
    struct json v = json_str(text);
    double number;
    size_t len = 0;
    uint8_t *bytes;
    switch (kind) {
    case KIND_TEXT:
        break;
    case KIND_BOOLEAN:
        if (text.len == 1 && (text.ptr[0] == 't' || text.ptr[0] == 'f')) {
            return json_bool(text.ptr[0] == 't');
        }
        break;
    case KIND_NUMBER:
        if (read_number(text, &number)) {
            return json_num(number);
        }
        break;
    case KIND_BYTES:
        if (str_starts(text, STR("\\x"))) {
            bytes = arena_alloc(a, text.len);
            if (enc_hex_decode(str_n(text.ptr + 2, text.len - 2), bytes, text.len, &len)) {
                return json_binary(str_n((const char *)bytes, len));
            }
        }
        break;
    case KIND_JSON:
        if (json_parse(a, text, &v, NULL) < 0) {
            return json_str(text);
        }
        break;
    case KIND_TIME:
        if (!read_time(a, text, &v)) {
            return json_str(text);
        }
        break;
    }
    return v;
}

/* --- arrays --------------------------------------------------------------------------------------
 */

struct reader {
    struct arena *arena;
    struct str text;
    size_t at;
    enum kind kind;
};

static bool read_quoted(struct reader *r, struct str *ret)
{
    size_t end = r->at + 1, n = 0;
    while (end < r->text.len && r->text.ptr[end] != '"') {
        end += r->text.ptr[end] == '\\' ? 2 : 1;
    }
    if (end >= r->text.len || !arena_fits(r->arena, end - r->at)) {
        return false;
    }
    char *to = arena_alloc(r->arena, end - r->at);
    for (size_t i = r->at + 1; i < end; i++) {
        i += r->text.ptr[i] == '\\' ? 1 : 0;
        to[n++] = r->text.ptr[i];
    }
    r->at = end + 1;
    *ret = str_n(to, n);
    return true;
}

static bool read_array(struct reader *r, int depth, struct json *ret)
{
    struct json_builder b;
    json_build_array(&b, r->arena);
    if (depth > MAX_DIMENSIONS || r->at >= r->text.len || r->text.ptr[r->at] != '{') {
        return false;
    }
    r->at++;
    while (r->at < r->text.len && r->text.ptr[r->at] != '}') {
        struct json item;
        struct str text;
        size_t from = r->at;
        if (r->text.ptr[r->at] == '{') {
            if (!read_array(r, depth + 1, &item)) {
                return false;
            }
        } else if (r->text.ptr[r->at] == '"') {
            if (!read_quoted(r, &text)) {
                return false;
            }
            item = read_scalar(r->arena, r->kind, text);
        } else {
            while (r->at < r->text.len && !strchr(",}{\"", r->text.ptr[r->at])) {
                r->at++;
            }
            text = str_n(r->text.ptr + from, r->at - from);
            item = str_eq(text, STR("NULL")) ? json_null() : read_scalar(r->arena, r->kind, text);
        }
        json_push(&b, item);
        if (r->at < r->text.len && r->text.ptr[r->at] == ',') {
            r->at++;
        } else if (r->at >= r->text.len || r->text.ptr[r->at] != '}') {
            return false;
        }
    }
    if (r->at >= r->text.len) {
        return false;
    }
    r->at++;
    *ret = json_built(&b);
    return true;
}

struct json postgres_value(struct arena *a, unsigned type, struct str text)
{
    enum kind kind;
    unsigned element, none;
    look_up(type, &kind, &element);
    if (element == 0) {
        return read_scalar(a, kind, text);
    }
    struct reader r = {.arena = a, .text = text};
    look_up(element, &r.kind, &none);
    if (str_starts(text, STR("[")) && str_find(text, STR("="), 0) > 0) {
        r.at = (size_t)str_find(text, STR("="), 0) + 1; /* [2:3]={...}: bounds other than from 1 */
    }
    struct json v;
    return read_array(&r, 1, &v) && r.at == text.len ? v : json_str(text);
}
