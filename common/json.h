/* The JSON value of the run engine: immutable, 16 bytes by value, all memory in an arena. It knows
 * two kinds more than JSON: undefined (a missing reference) and binary (bytes of a file or body).
 * Numbers are IEEE doubles, as in JavaScript, since integrations were written against it.
 * For API and configuration edges jansson is used instead. */
#pragma once

#include "err.h"
#include "str.h"

enum json_type {
    JSON_UNDEFINED,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING, /* UTF-8, may hold NUL */
    JSON_BINARY, /* raw bytes */
    JSON_ARRAY,
    JSON_OBJECT, /* members in order of insertion, keys unique */
    _JSON_TYPE_N
};

struct json_member;
struct json {
    enum json_type type;
    uint32_t len; /* bytes of a string or binary; items or members */
    union {
        double num;
        const char *str;                   /* STRING, BINARY */
        const struct json *items;          /* ARRAY */
        const struct json_member *members; /* OBJECT */
    };
};
struct json_member {
    struct str key;
    struct json value;
};

#define JSON_MAX_DEPTH 200 /* of a parsed text */
/* Of a value that is written, copied or compared: leaves room to wrap what was parsed. Writers of
 * deeper values set `full` of their buffer, json_copy puts null there, json_equal says false. */
#define JSON_MAX_NEST 256

/* Constructors; the pointed-to memory must outlive the value (it is not copied). */
static inline struct json json_undefined(void)
{
    return (struct json){.type = JSON_UNDEFINED};
}
static inline struct json json_null(void)
{
    return (struct json){.type = JSON_NULL};
}
static inline struct json json_bool(bool b)
{
    return (struct json){.type = b ? JSON_TRUE : JSON_FALSE};
}
static inline struct json json_num(double num)
{
    return (struct json){.type = JSON_NUMBER, .num = num};
}
static inline struct json json_str(struct str s)
{
    return (struct json){.type = JSON_STRING, .len = (uint32_t)s.len, .str = s.ptr};
}
static inline struct json json_cstr(const char *s)
{
    return json_str(str_of(s));
}
static inline struct json json_binary(struct str s)
{
    return (struct json){.type = JSON_BINARY, .len = (uint32_t)s.len, .str = s.ptr};
}
static inline struct json json_array(const struct json *items, size_t n)
{
    return (struct json){.type = JSON_ARRAY, .len = (uint32_t)n, .items = items};
}
static inline struct json json_object(const struct json_member *members, size_t n)
{
    return (struct json){.type = JSON_OBJECT, .len = (uint32_t)n, .members = members};
}
static inline struct str json_as_str(struct json v) /* STRING or BINARY; "" otherwise */
{
    return v.type == JSON_STRING || v.type == JSON_BINARY ? str_n(v.str, v.len) : str_n("", 0);
}
static inline bool json_is_nullish(struct json v)
{
    return v.type == JSON_UNDEFINED || v.type == JSON_NULL;
}

/* Object look-up: exact key; undefined when absent or not an object. */
struct json json_get(struct json object, struct str key);
/* ASCII case-insensitive look-up: an exact match wins (for HTTP headers). */
struct json json_get_ci(struct json object, struct str key);
struct json json_at(struct json array, size_t index); /* undefined when out of range */

/* Growable construction in an arena. Setting a key again replaces its value in place. */
struct json_builder {
    struct arena *arena;
    void *slots; /* struct json or struct json_member */
    uint32_t len, cap;
    bool is_object;
    struct json_index *index; /* of the keys, once there are many */
};
void json_build_array(struct json_builder *b, struct arena *a);
void json_build_object(struct json_builder *b, struct arena *a);
void json_push(struct json_builder *b, struct json v);
void json_set(struct json_builder *b, struct str key, struct json v); /* unique keys: looks first */
void json_append(struct json_builder *b, struct str key,
                 struct json v); /* caller knows key is new */
struct json json_built(const struct json_builder *b);

/* Parses one JSON text (RFC 8259, white space around it allowed) into the arena. Strings without
 * escapes point into `text`, which must outlive the value. Duplicate keys: the last wins, in the
 * place of the first. Lone surrogates become U+FFFD. Depth is limited to JSON_MAX_DEPTH.
 * Returns 0, or -EINVAL with code "json.syntax" and the byte offset in the words, or
 * "json.too_large" when the arena has no room for it (a text may take up to 16 times its length).
 */
int json_parse(struct arena *a, struct str text, struct json *ret_value,
               struct err *err) must_check;

/* JSON text as JavaScript's JSON.stringify writes it (shortest round-trip numbers, NaN as null,
 * undefined members left out, undefined items null). Binary is written as a base64 string; bytes of
 * a string that are not UTF-8 as U+FFFD. */
void json_dump(struct buf *b, struct json v);
void json_dump_pretty(struct buf *b, struct json v, int indent);
void json_dump_string(struct buf *b, struct str s); /* quoted and escaped */
void json_dump_number(struct buf *b, double num);   /* as JavaScript's String(number) */

struct json json_copy(struct arena *a, struct json v); /* deep */
bool json_equal(struct json x, struct json y);         /* deep, strict; member order ignored */
size_t json_size(struct json v);                       /* rough bytes in memory, for limits */
