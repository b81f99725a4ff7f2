/* Owns the rewriting of surrogate pairs in JSON. Pure; called on any thread. It rewrites nothing
 * unless every token up to the end is one of JSON in a place where YAML, too, takes it for what it
 * is: in other text a quote may be no quote. What is wrong beyond that (brackets that do not match,
 * a comma too many) is left to the YAML reader. */
#include "definition/json_text.h"

struct scan {
    struct str text;
    size_t at;
    char *out;    /* a copy of the text; NULL while nothing was rewritten */
    size_t ahead; /* bytes that the string at hand has become shorter */
    struct arena *arena;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_token(const struct scan *s)
{
    if (s->at == s->text.len) {
        return true;
    }
    char c = s->text.ptr[s->at];
    return is_blank(c) || c == ',' || c == ':' || c == ']' || c == '}';
}

/* The value of \uXXXX at a place; -1 when there is none. */
static int32_t unit_at(const struct scan *s, size_t at)
{
    if (s->text.len - at < 6 || s->text.ptr[at] != '\\' || s->text.ptr[at + 1] != 'u') {
        return -1;
    }
    int32_t v = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = s->text.ptr[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        v = v << 4 | digit;
    }
    return v;
}

/* A pair takes 12 bytes; YAML's \UXXXXXXXX takes 10. */
static bool take_pair(struct scan *s)
{
    static const char digits[] = "0123456789ABCDEF";
    int32_t high = unit_at(s, s->at);
    int32_t low = high >= 0xD800 && high <= 0xDBFF ? unit_at(s, s->at + 6) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
        return false;
    }
    if (!s->out) {
        s->out = arena_dup(s->arena, s->text.ptr, s->text.len);
    }
    uint32_t v = 0x10000 + ((uint32_t)(high - 0xD800) << 10 | (uint32_t)(low - 0xDC00));
    char *to = s->out + s->at - s->ahead;
    to[0] = '\\';
    to[1] = 'U';
    for (int i = 0; i < 8; i++) {
        to[2 + i] = digits[v >> (28 - 4 * i) & 15];
    }
    s->at += 12;
    s->ahead += 2;
    return true;
}

static void copy_byte(struct scan *s)
{
    if (s->ahead) {
        s->out[s->at - s->ahead] = s->text.ptr[s->at];
    }
    s->at++;
}

/* From the opening quote on. */
static bool take_string(struct scan *s)
{
    s->ahead = 0;
    s->at++;
    while (s->at < s->text.len && s->text.ptr[s->at] != '"') {
        char c = s->text.ptr[s->at];
        if ((unsigned char)c < ' ') {
            return false;
        }
        if (c != '\\') {
            copy_byte(s);
        } else if (!take_pair(s)) {
            copy_byte(s);
            if (s->at == s->text.len || (unsigned char)s->text.ptr[s->at] < ' ') {
                return false;
            }
            copy_byte(s);
        }
    }
    if (s->at == s->text.len) {
        return false;
    }
    copy_byte(s);
    for (size_t i = 0; i < s->ahead; i++) {
        s->out[s->at - s->ahead + i] = ' ';
    }
    s->ahead = 0;
    return ends_token(s);
}

static bool take_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    struct str rest = str_n(s->text.ptr + s->at, s->text.len - s->at);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_starts(rest, str_of(words[i]))) {
            s->at += strlen(words[i]);
            return ends_token(s);
        }
    }
    size_t from = s->at;
    while (s->at < s->text.len && memchr("0123456789+-.eE", s->text.ptr[s->at], 15)) {
        s->at++;
    }
    return s->at > from && ends_token(s);
}

struct str json_text_for_yaml(struct arena *a, struct str text)
{
    struct scan s = {.text = text, .arena = a};
    bool value = true; /* a value may begin here */
    while (s.at < text.len && is_blank(text.ptr[s.at])) {
        s.at++;
    }
    if (s.at == text.len || text.ptr[s.at] != '{') {
        return text;
    }
    while (s.at < text.len) {
        char c = text.ptr[s.at];
        if (is_blank(c) || c == ']' || c == '}') {
            s.at++;
        } else if (c == '{' || c == '[' || c == ',' || c == ':') {
            s.at++;
            value = true;
        } else if (!value || !(c == '"' ? take_string(&s) : take_word(&s))) {
            return text;
        } else {
            value = false;
        }
    }
    return s.out ? str_n(s.out, text.len) : text;
}
