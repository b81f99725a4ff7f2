/* Owns the table of content types by file name, and the checks of paths. Called by the file
 * components on the slot's thread. */
#include "components/remote_file.h"

#define MAX_PATH_BYTES    4096
#define MAX_PATTERN_BYTES 1000

int remote_file_path(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
{
    struct str path;
    int rc = action_input_text(ctx, key, &path, err);
    if (rc < 0) {
        return rc;
    }
    if (path.len == 0 || path.len > MAX_PATH_BYTES) {
        return action_input_error(ctx, key, err, "must be a path of 1 to %d bytes.",
                                  MAX_PATH_BYTES);
    }
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.ptr[i] < ' ' || path.ptr[i] == 0x7F) {
            return action_input_error(ctx, key, err,
                                      "must not hold line breaks or control characters.");
        }
    }
    *ret = path;
    return 0;
}

int remote_file_data(struct action_context *ctx, const char *key, struct str *ret, struct err *err)
{
    return action_input_text(ctx, key, ret, err);
}

static const struct {
    const char *ending, *type;
} types[] = {
    {"bmp", "image/bmp"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"edi", "text/plain"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"md", "text/markdown"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "text/yaml"},
    {"yml", "text/yaml"},
    {"zip", "application/zip"},
};

const char *remote_file_type(struct str path)
{
    size_t from = path.len;
    while (from > 0 && path.ptr[from - 1] != '.' && path.ptr[from - 1] != '/') {
        from--;
    }
    struct str ending = str_n(path.ptr + from, path.len - from);
    for (size_t i = 0; from > 0 && path.ptr[from - 1] == '.' && i < ARRAY_LEN(types); i++) {
        if (str_eq_ci(ending, str_of(types[i].ending))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static bool is_text(struct str type)
{
    return str_starts(type, STR("text/")) || str_eq(type, STR("application/json")) ||
           str_ends(type, STR("xml"));
}

struct json remote_file_value(struct arena *a, struct str path, struct str bytes, bool as_bytes)
{
    const char *type = as_bytes ? "application/octet-stream" : remote_file_type(path);
    bool text = !as_bytes && is_text(str_of(type)) && str_utf8_valid(bytes);
    struct json_builder b;
    json_build_object(&b, a);
    json_append(&b, STR("data"), text ? json_str(bytes) : json_binary(bytes));
    json_append(&b, STR("contentType"), json_cstr(type));
    return json_built(&b);
}

/* One element of a pattern against one byte; *ret_len is the element's length. */
static bool matches_one(struct str pattern, size_t at, char c, size_t *ret_len)
{
    *ret_len = 1;
    if (pattern.ptr[at] == '?') {
        return true;
    }
    if (pattern.ptr[at] != '[') {
        return pattern.ptr[at] == c;
    }
    size_t i = at + 1;
    bool negated = i < pattern.len && (pattern.ptr[i] == '!' || pattern.ptr[i] == '^');
    bool in = false;
    i += negated ? 1 : 0;
    for (size_t first = i; i < pattern.len && (pattern.ptr[i] != ']' || i == first); i++) {
        char low = pattern.ptr[i], high = low;
        if (i + 2 < pattern.len && pattern.ptr[i + 1] == '-' && pattern.ptr[i + 2] != ']') {
            high = pattern.ptr[i + 2];
            i += 2;
        }
        in = in || (c >= low && c <= high);
    }
    if (i >= pattern.len) {
        return c == '['; /* no end: the bracket itself */
    }
    *ret_len = i - at + 1;
    return in != negated;
}

/* Goes back to the last star only, so that the time is bounded by the product of the lengths. */
bool remote_file_matches(struct str pattern, struct str name)
{
    if (pattern.len == 0) {
        return true;
    }
    if (name.len && name.ptr[0] == '.' && pattern.ptr[0] != '.') {
        return false;
    }
    size_t p = 0, n = 0, star = SIZE_MAX, star_n = 0, len = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_n = n;
        } else if (p < pattern.len && matches_one(pattern, p, name.ptr[n], &len)) {
            p += len;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++star_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

int remote_file_pattern(struct action_context *ctx, const char *key, struct str *ret,
                        struct err *err)
{
    int rc = action_input_text(ctx, key, ret, err);
    if (rc == 0 && ret->len > MAX_PATTERN_BYTES) {
        rc = action_input_error(ctx, key, err, "is longer than %d bytes.", MAX_PATTERN_BYTES);
    }
    return rc;
}

struct str remote_file_join(struct arena *a, struct str folder, struct str name)
{
    while (folder.len > 0 && folder.ptr[folder.len - 1] == '/') {
        folder.len--;
    }
    return str_of(
        arena_printf(a, "%.*s/%.*s", (int)folder.len, folder.ptr, (int)name.len, name.ptr));
}
