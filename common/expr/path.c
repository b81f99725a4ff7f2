/* Owns compiled references: the grammar and the walk through a step's output. Compiling happens on
 * the thread that parses a definition, resolving on a run's thread; a compiled path is immutable.
 * It does not know steps: the definition fills the index of the step that the key names.
 *
 *   path    = part { "." part | ["."] bracket }      the first two parts are step key and root
 *   part    = one or more characters other than "." and "[", taken verbatim
 *   bracket = "[" digits "]" | "[" quote characters quote "]" | "[" characters but "]" "]"
 *
 * Within quotes a backslash escapes the quote and itself; before anything else it is a character.
 */
#include "expr/path.h"

static const struct str root_names[_PATH_ROOT_N] = {
    [PATH_RESULTS] = {"results", 7},
    [PATH_CURRENT_ITEM] = {"currentItem", 11},
    [PATH_INDEX] = {"index", 5},
};

struct scanner {
    struct str text;
    char *copy; /* of the text, in the arena; keys point into it, quoted ones are unescaped there */
    size_t at;
    struct path_segment *segments;
    size_t n;
    struct err *err;
};

/* 1-based count of characters, for people. */
static size_t character_of(struct str text, size_t byte)
{
    size_t n = 1;
    for (size_t i = 0; i < byte && i < text.len; i++) {
        n += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

static int syntax(struct scanner *s, size_t at, const char *what)
{
    return err_set(s->err, -EINVAL, "path.syntax", "%s at character %zu of the reference \"%.*s\".",
                   what, character_of(s->text, at), (int)MIN(s->text.len, 200), s->text.ptr);
}

int64_t path_index(struct str key)
{
    int64_t index = 0;
    if (key.len == 0 || key.len > 15) {
        return -1;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] < '0' || key.ptr[i] > '9') {
            return -1;
        }
        index = index * 10 + (key.ptr[i] - '0');
    }
    return index;
}

static int add_segment(struct scanner *s, struct str key, size_t at)
{
    if (s->n == PATH_MAX_SEGMENTS) {
        return syntax(s, at, "There are too many segments");
    }
    s->segments[s->n++] = (struct path_segment){.key = key, .index = path_index(key)};
    return 0;
}

static int scan_plain(struct scanner *s)
{
    size_t start = s->at;
    while (s->at < s->text.len && s->text.ptr[s->at] != '.' && s->text.ptr[s->at] != '[') {
        s->at++;
    }
    if (s->at == start) {
        return syntax(s, start, "A segment is empty");
    }
    size_t len = s->at - start;
    return add_segment(s, str_n(s->copy + start, len), start);
}

static int scan_quoted(struct scanner *s, char quote)
{
    size_t start = s->at++;
    char *key = s->copy + s->at;
    size_t len = 0;
    while (s->at < s->text.len && s->text.ptr[s->at] != quote) {
        char c = s->text.ptr[s->at++];
        if (c == '\\' && s->at < s->text.len &&
            (s->text.ptr[s->at] == quote || s->text.ptr[s->at] == '\\')) {
            c = s->text.ptr[s->at++];
        }
        key[len++] = c;
    }
    if (s->at == s->text.len) {
        return syntax(s, start, "A quote is not closed");
    }
    s->at++;
    if (s->at == s->text.len || s->text.ptr[s->at] != ']') {
        return syntax(s, s->at, "A \"]\" is missing");
    }
    s->at++;
    return add_segment(s, str_n(key, len), start);
}

static int scan_bracket(struct scanner *s)
{
    size_t start = s->at++;
    if (s->at < s->text.len && (s->text.ptr[s->at] == '"' || s->text.ptr[s->at] == '\'')) {
        return scan_quoted(s, s->text.ptr[s->at]);
    }
    const char *close = memchr(s->text.ptr + s->at, ']', s->text.len - s->at);
    if (!close) {
        return syntax(s, start, "A \"[\" is not closed");
    }
    size_t len = (size_t)(close - (s->text.ptr + s->at));
    if (len == 0) {
        return syntax(s, start, "A segment is empty");
    }
    struct str key = str_n(s->copy + s->at, len);
    s->at += len + 1;
    return add_segment(s, key, start);
}

/* Everything after the first part: each round takes "." part, "." bracket or bracket. */
static int scan_rest(struct scanner *s)
{
    while (s->at < s->text.len) {
        bool dot = s->text.ptr[s->at] == '.';
        s->at += dot;
        bool bracket = s->at < s->text.len && s->text.ptr[s->at] == '[';
        if (!dot && !bracket) {
            return syntax(s, s->at, "A \".\" is missing");
        }
        int r = bracket ? scan_bracket(s) : scan_plain(s);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int find_root(struct scanner *s, enum path_root *ret_root)
{
    struct str name = s->n > 1 ? s->segments[1].key : STR("");
    for (enum path_root root = 0; root < _PATH_ROOT_N; root++) {
        if (str_eq(name, root_names[root])) {
            *ret_root = root;
            return 0;
        }
    }
    return err_set(s->err, -EINVAL, "path.syntax",
                   "The reference \"%.*s\" must go on with \".results\", \".currentItem\" or "
                   "\".index\" after \"%.*s\" (character %zu).",
                   (int)MIN(s->text.len, 200), s->text.ptr, (int)MIN(s->segments[0].key.len, 100),
                   s->segments[0].key.ptr, character_of(s->text, s->segments[0].key.len));
}

int path_compile(struct arena *a, struct str text, struct path **ret, struct err *err)
{
    if (text.len == 0) {
        return err_set(err, -EINVAL, "path.syntax", "The reference is empty.");
    }
    if (text.len > PATH_MAX_BYTES) {
        return err_set(err, -EINVAL, "path.syntax", "The reference is longer than %d bytes.",
                       PATH_MAX_BYTES);
    }
    struct path_segment segments[PATH_MAX_SEGMENTS];
    struct scanner s = {.text = text,
                        .copy = arena_strndup(a, text.ptr, text.len),
                        .segments = segments,
                        .err = err};
    enum path_root root = PATH_RESULTS;
    int r = scan_plain(&s);
    if (r == 0) {
        r = scan_rest(&s);
    }
    if (r == 0) {
        r = find_root(&s, &root);
    }
    if (r < 0) {
        return r;
    }
    struct path *p = arena_new_of(a, struct path);
    p->step_key = segments[0].key;
    p->root = root;
    p->step = UINT32_MAX;
    p->n_segments = s.n - 2;
    p->segments = arena_dup(a, segments + 2, p->n_segments * sizeof(segments[0]));
    *ret = p;
    return 0;
}

struct path *path_of_keys(struct arena *a, const struct str *keys, size_t n)
{
    if (n == 0 || n > PATH_MAX_SEGMENTS) {
        return NULL;
    }
    struct path_segment *segments = arena_array(a, n, sizeof(*segments));
    for (size_t i = 0; i < n; i++) {
        segments[i].key = str_n(arena_strndup(a, keys[i].ptr, keys[i].len), keys[i].len);
        segments[i].index = path_index(segments[i].key);
    }
    struct path *p = arena_new_of(a, struct path);
    p->step = UINT32_MAX;
    p->segments = segments;
    p->n_segments = n;
    return p;
}

/* JavaScript's length of a text: UTF-16 code units. */
static size_t utf16_length(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n += (size_t)((c & 0xC0) != 0x80) + (size_t)(c >= 0xF0);
    }
    return n;
}

static struct json take_segment(struct json v, const struct path_segment *segment, bool headers)
{
    bool length = str_eq(segment->key, STR("length"));
    if (v.type == JSON_OBJECT) {
        return headers ? json_get_ci(v, segment->key) : json_get(v, segment->key);
    }
    if (v.type == JSON_ARRAY) {
        if (length) {
            return json_num(v.len);
        }
        return segment->index >= 0 ? json_at(v, (size_t)segment->index) : json_undefined();
    }
    if (v.type == JSON_STRING && length) {
        return json_num((double)utf16_length(json_as_str(v)));
    }
    return json_undefined();
}

const char *path_words(struct arena *a, struct str step_key, const struct path *p)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, (size_t)2 * PATH_MAX_BYTES);
    buf_add_str(&text, step_key);
    buf_adds(&text, ".results");
    for (size_t i = 0; i < p->n_segments; i++) {
        buf_addc(&text, '.');
        buf_add_str(&text, p->segments[i].key);
    }
    return arena_strndup(a, text.data, text.len);
}

struct json path_resolve(const struct path *p, struct json root_value)
{
    struct json v = root_value;
    bool headers = false;
    for (size_t i = 0; i < p->n_segments && v.type != JSON_UNDEFINED; i++) {
        v = take_segment(v, &p->segments[i], headers);
        headers = str_eq(p->segments[i].key, STR("headers"));
    }
    return v;
}
