/* Owns the plain data of an answer: status, headers, body. Called on the thread of the handler that
 * fills it, one at a time. It refuses headers that could split a response or contradict the
 * framing, which the server decides. */
#include "http/reply.h"

#include <stdarg.h>

#include "json.h"

static const char JSON_TYPE[] = "application/json";

static const struct {
    int status;
    const char *words;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Payload Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Entity"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {0},
};

/* What the server sets or what would change the framing. */
static const char *const refused_headers[] = {
    "connection",        "content-length",   "content-type", "date",
    "keep-alive",        "proxy-connection", "server",       "te",
    "transfer-encoding", "trailer",          "upgrade",      NULL,
};

void reply_init(struct reply *r)
{
    memset(r, 0, sizeof(*r));
    r->status = 200;
    r->content_type = JSON_TYPE;
    buf_init(&r->body, REPLY_MAX_BODY);
}

void reply_done(struct reply *r)
{
    for (int i = 0; i < r->n_headers; i++) {
        mem_free(r->headers[i].name);
        mem_free(r->headers[i].value);
    }
    mem_free(r->own_content_type);
    buf_done(&r->body);
    memset(r, 0, sizeof(*r));
}

void reply_clear(struct reply *r)
{
    reply_done(r);
    reply_init(r);
}

static bool is_token(struct str s)
{
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c)) {
            return false;
        }
    }
    return true;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool reply_content_type_fits(struct str content_type)
{
    return is_field_value(content_type) && content_type.len <= 1000;
}

bool reply_content_type(struct reply *r, struct str content_type)
{
    if (!reply_content_type_fits(content_type)) {
        return false;
    }
    mem_free(r->own_content_type);
    r->own_content_type = mem_strndup(content_type.ptr, content_type.len);
    r->content_type = r->own_content_type;
    return true;
}

bool reply_header(struct reply *r, struct str name, struct str value)
{
    if (r->n_headers == REPLY_MAX_HEADERS || name.len > 256 || value.len > KIB(16) ||
        !is_token(name) || !is_field_value(value)) {
        return false;
    }
    for (const char *const *refused = refused_headers; *refused; refused++) {
        if (str_eq_ci(name, str_of(*refused))) {
            return false;
        }
    }
    r->headers[r->n_headers++] = (struct reply_header){.name = mem_strndup(name.ptr, name.len),
                                                       .value = mem_strndup(value.ptr, value.len)};
    return true;
}

void reply_error(struct reply *r, int status, const char *code, const char *fmt, ...)
{
    char words[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    r->status = status;
    r->content_type = JSON_TYPE;
    buf_clear(&r->body);
    buf_adds(&r->body, "{\"error\":");
    json_dump_string(&r->body, str_of(words));
    if (code) {
        buf_adds(&r->body, ",\"code\":");
        json_dump_string(&r->body, str_of(code));
    }
    buf_addc(&r->body, '}');
}

const char *reply_reason(int status)
{
    for (size_t i = 0; reasons[i].status; i++) {
        if (reasons[i].status == status) {
            return reasons[i].words;
        }
    }
    return "";
}
