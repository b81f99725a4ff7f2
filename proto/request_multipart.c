/* Takes a multipart/form-data body apart (RFC 7578): an object with one {data, contentType,
 * fileName?} a part, or a list of them under a name that comes more than once. Called while a
 * payload is built. A body that does not follow the format yields the parts before the fault; more
 * than PARTS_MAX are left out. */
#include "request_payload.h"

#define PARTS_MAX    1000
#define BOUNDARY_MAX 200

/* The value of name=value or name="value" among the parameters after the first ";"; "" if absent.
 */
static struct str parameter(struct arena *a, struct str header, const char *name)
{
    size_t len = strlen(name);
    for (ptrdiff_t at = str_find(header, STR(";"), 0); at >= 0;
         at = str_find(header, STR(";"), (size_t)at + 1)) {
        struct str rest = str_trim(str_n(header.ptr + at + 1, header.len - (size_t)at - 1));
        if (rest.len <= len || rest.ptr[len] != '=' ||
            !str_eq_ci(str_n(rest.ptr, len), str_n(name, len))) {
            continue;
        }
        rest = str_n(rest.ptr + len + 1, rest.len - len - 1);
        bool quoted = rest.len && rest.ptr[0] == '"';
        char *value = arena_alloc(a, rest.len + 1);
        size_t n = 0;
        for (size_t i = quoted; i < rest.len; i++) {
            char c = rest.ptr[i];
            if (quoted ? c == '"' : c == ';') {
                break;
            }
            if (quoted && c == '\\' && i + 1 < rest.len && rest.ptr[i + 1] == '"') {
                c = rest.ptr[++i];
            }
            value[n++] = c;
        }
        return quoted ? str_n(value, n) : str_trim(str_n(value, n));
    }
    return STR("");
}

struct part {
    struct str name, file_name, content_type, data;
};

/* Headers up to the blank line; false when there is none. */
static bool read_part(struct arena *a, struct str text, struct part *ret)
{
    *ret = (struct part){.content_type = STR("")};
    for (;;) {
        ptrdiff_t end = str_find(text, STR("\r\n"), 0);
        if (end < 0) {
            return false;
        }
        struct str line = str_n(text.ptr, (size_t)end);
        text = str_n(text.ptr + end + 2, text.len - (size_t)end - 2);
        if (!line.len) {
            ret->data = text;
            return true;
        }
        ptrdiff_t colon = str_find(line, STR(":"), 0);
        if (colon < 0) {
            continue;
        }
        struct str name = str_trim(str_n(line.ptr, (size_t)colon));
        struct str value = str_trim(str_n(line.ptr + colon + 1, line.len - (size_t)colon - 1));
        if (str_eq_ci(name, STR("content-disposition"))) {
            ret->name = parameter(a, value, "name");
            ret->file_name = parameter(a, value, "filename");
        } else if (str_eq_ci(name, STR("content-type"))) {
            ret->content_type = value;
        }
    }
}

static struct json part_json(struct arena *a, const struct part *part)
{
    bool file = part->file_name.len > 0;
    struct str type = part->content_type;
    if (!type.len) {
        type = file ? STR("application/octet-stream") : STR("text/plain");
    }
    /* Not taken apart further: the depth would be the sender's choice. */
    bool nested = type.len >= 10 && str_eq_ci(str_n(type.ptr, 10), STR("multipart/"));
    struct json data = nested ? json_binary(part->data) : request_body(a, part->data, type);
    const struct json_member members[] = {
        {STR("data"), part->data.len ? data : json_cstr("")},
        {STR("contentType"), json_str(type)},
        {STR("fileName"), json_str(part->file_name)},
    };
    return json_object(arena_dup(a, members, sizeof(members)), file ? 3 : 2);
}

/* A list is made when a name comes again: each part is an object, so it cannot be mistaken. */
static void add_part(struct arena *a, struct json_builder *b, struct str name, struct json part)
{
    struct json before = json_get(json_built(b), name);
    if (before.type == JSON_UNDEFINED) {
        json_append(b, name, part);
        return;
    }
    struct json_builder list;
    json_build_array(&list, a);
    for (uint32_t i = 0; before.type == JSON_ARRAY && i < before.len; i++) {
        json_push(&list, before.items[i]);
    }
    if (before.type != JSON_ARRAY) {
        json_push(&list, before);
    }
    json_push(&list, part);
    json_set(b, name, json_built(&list));
}

struct json request_multipart(struct arena *a, struct str body, struct str content_type)
{
    struct str boundary = parameter(a, content_type, "boundary");
    if (!boundary.len || boundary.len > BOUNDARY_MAX) {
        return str_utf8_valid(body) ? json_str(body) : json_binary(body);
    }
    /* The first delimiter may lack the line end before it. */
    char *delimiter = arena_printf(a, "\r\n--%.*s", (int)boundary.len, boundary.ptr);
    struct str whole = str_of(delimiter), first = str_n(whole.ptr + 2, whole.len - 2);
    struct json_builder b;
    json_build_object(&b, a);
    ptrdiff_t at = str_starts(body, first) ? -2 : str_find(body, whole, 0);
    for (int n = 0; n < PARTS_MAX && (at >= 0 || (n == 0 && at == -2)); n++) {
        size_t start = (size_t)(at + (ptrdiff_t)whole.len);
        struct str rest = str_n(body.ptr + start, body.len - start);
        ptrdiff_t line = str_find(rest, STR("\r\n"), 0);
        if (str_starts(rest, STR("--")) || line < 0) {
            break;
        }
        size_t from = start + (size_t)line + 2;
        at = str_find(body, whole, from - 2);
        struct part part;
        size_t end = at < 0 ? body.len : (size_t)at;
        if (end >= from && read_part(a, str_n(body.ptr + from, end - from), &part) &&
            part.name.len) {
            add_part(a, &b, part.name, part_json(a, &part));
        }
    }
    return json_built(&b);
}
