/* Owns the lexical grammar of GraphQL (October 2021): names, numbers, strings with escapes, block
 * strings with their common indent taken away, comments. Any thread. It refuses control bytes,
 * invalid UTF-8 in strings and more tokens than the caller allows. */
#include "api/gql_lex.h"

void gql_lex_init(struct gql_lexer *lx, struct arena *a, struct str source, int max_tokens)
{
    *lx = (struct gql_lexer){.source = source, .line = 1, .max_tokens = max_tokens, .arena = a};
    if (str_starts(source, STR("\xEF\xBB\xBF"))) {
        lx->at = lx->line_start = 3;
    }
}

static int fail(struct gql_lexer *lx, size_t at, struct err *err, const char *words)
{
    err_set(err, -EINVAL, "gql.syntax", "Syntax Error: %s", words);
    if (err) {
        err->line = lx->line;
        err->column = (int)(at - lx->line_start) + 1;
    }
    return -EINVAL;
}

static int peek(const struct gql_lexer *lx, size_t ahead)
{
    return lx->at + ahead < lx->source.len ? (unsigned char)lx->source.ptr[lx->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void new_line(struct gql_lexer *lx)
{
    if (peek(lx, 0) == '\r' && peek(lx, 1) == '\n') {
        lx->at++;
    }
    lx->at++;
    lx->line++;
    lx->line_start = lx->at;
}

static void skip_ignored(struct gql_lexer *lx)
{
    for (;;) {
        int c = peek(lx, 0);
        if (c == '\n' || c == '\r') {
            new_line(lx);
        } else if (c == ' ' || c == '\t' || c == ',') {
            lx->at++;
        } else if (c == '#') {
            while (peek(lx, 0) >= 0 && peek(lx, 0) != '\n' && peek(lx, 0) != '\r') {
                lx->at++;
            }
        } else if (str_starts(str_n(lx->source.ptr + lx->at, lx->source.len - lx->at),
                              STR("\xEF\xBB\xBF"))) {
            lx->at += 3;
        } else {
            return;
        }
    }
}

static int lex_number(struct gql_lexer *lx, struct err *err)
{
    size_t start = lx->at;
    lx->token.kind = GQL_TK_INT;
    if (peek(lx, 0) == '-') {
        lx->at++;
    }
    if (peek(lx, 0) == '0' && is_digit(peek(lx, 1))) {
        return fail(lx, lx->at, err, "A number must not begin with 0.");
    }
    if (!is_digit(peek(lx, 0))) {
        return fail(lx, lx->at, err, "A digit was expected.");
    }
    while (is_digit(peek(lx, 0))) {
        lx->at++;
    }
    if (peek(lx, 0) == '.') {
        lx->token.kind = GQL_TK_FLOAT;
        lx->at++;
        if (!is_digit(peek(lx, 0))) {
            return fail(lx, lx->at, err, "A digit was expected after the point.");
        }
        while (is_digit(peek(lx, 0))) {
            lx->at++;
        }
    }
    if (peek(lx, 0) == 'e' || peek(lx, 0) == 'E') {
        lx->token.kind = GQL_TK_FLOAT;
        lx->at++;
        if (peek(lx, 0) == '+' || peek(lx, 0) == '-') {
            lx->at++;
        }
        if (!is_digit(peek(lx, 0))) {
            return fail(lx, lx->at, err, "A digit was expected in the exponent.");
        }
        while (is_digit(peek(lx, 0))) {
            lx->at++;
        }
    }
    if (peek(lx, 0) == '.' || is_name_start(peek(lx, 0))) {
        return fail(lx, lx->at, err, "A number must be followed by a blank or punctuation.");
    }
    lx->token.text = str_n(lx->source.ptr + start, lx->at - start);
    return 0;
}

static void add_utf8(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        buf_addc(b, (char)c);
    } else if (c < 0x800) {
        buf_addc(b, (char)(0xC0 | (c >> 6)));
        buf_addc(b, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_addc(b, (char)(0xE0 | (c >> 12)));
        buf_addc(b, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_addc(b, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_addc(b, (char)(0xF0 | (c >> 18)));
        buf_addc(b, (char)(0x80 | ((c >> 12) & 0x3F)));
        buf_addc(b, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_addc(b, (char)(0x80 | (c & 0x3F)));
    }
}

static bool hex_value(const struct gql_lexer *lx, size_t from, size_t digits, uint32_t *ret)
{
    uint32_t v = 0;
    for (size_t i = 0; i < digits; i++) {
        int c = peek(lx, from + i);
        int lower = c | 0x20;
        if (is_digit(c)) {
            v = v << 4 | (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            v = v << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret = v;
    return true;
}

/* At "\u": XXXX, a surrogate pair of two, or {X...}. */
static int lex_unicode(struct gql_lexer *lx, struct buf *b, struct err *err)
{
    uint32_t c = 0, low = 0;
    if (peek(lx, 2) == '{') {
        size_t n = 0;
        while (n < 7 && peek(lx, 3 + n) != '}') {
            n++;
        }
        if (n == 0 || n > 6 || !hex_value(lx, 3, n, &c)) {
            return fail(lx, lx->at, err, "Invalid Unicode escape.");
        }
        lx->at += 4 + n;
    } else if (hex_value(lx, 2, 4, &c)) {
        lx->at += 6;
        if (c >= 0xD800 && c < 0xDC00 && peek(lx, 0) == '\\' && peek(lx, 1) == 'u' &&
            hex_value(lx, 2, 4, &low) && low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            lx->at += 6;
        }
    } else {
        return fail(lx, lx->at, err, "Invalid Unicode escape.");
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        return fail(lx, lx->at, err, "Invalid Unicode escape.");
    }
    add_utf8(b, c);
    return 0;
}

static int lex_escape(struct gql_lexer *lx, struct buf *b, struct err *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(lx, 1);
    if (c == 'u') {
        return lex_unicode(lx, b, err);
    }
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (!found) {
        return fail(lx, lx->at, err, "Invalid character escape.");
    }
    buf_addc(b, to[found - from]);
    lx->at += 2;
    return 0;
}

static int lex_string(struct gql_lexer *lx, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, lx->source.len + 1);
    lx->at++;
    for (;;) {
        int c = peek(lx, 0);
        if (c < 0 || c == '\n' || c == '\r') {
            return fail(lx, lx->at, err, "Unterminated string.");
        }
        if (c == '"') {
            lx->at++;
            break;
        }
        if (c == '\\') {
            int rc = lex_escape(lx, &b, err);
            if (rc < 0) {
                return rc;
            }
        } else if (c < ' ' && c != '\t') {
            return fail(lx, lx->at, err, "Invalid character within a string.");
        } else {
            buf_addc(&b, (char)c);
            lx->at++;
        }
    }
    struct str text = buf_str(&b);
    if (!str_utf8_valid(text)) {
        return fail(lx, lx->at, err, "A string is not valid UTF-8.");
    }
    lx->token.kind = GQL_TK_STRING;
    lx->token.text = str_n(arena_strndup(lx->arena, text.ptr, text.len), text.len);
    return 0;
}

static bool line_next(struct str *rest, struct str *ret_line)
{
    if (!rest->ptr) {
        return false;
    }
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t n = end ? (size_t)(end - rest->ptr) : rest->len;
    *ret_line = str_n(rest->ptr, n);
    *rest = end ? str_n(end + 1, rest->len - n - 1) : str_n(NULL, 0);
    return true;
}

static size_t indent_of(struct str line)
{
    size_t n = 0;
    while (n < line.len && (line.ptr[n] == ' ' || line.ptr[n] == '\t')) {
        n++;
    }
    return n;
}

/* BlockStringValue() of the specification. raw has \n line ends only. */
static struct str block_value(struct arena *a, struct str raw)
{
    struct str rest = raw, line;
    size_t common = SIZE_MAX, i = 0, first = SIZE_MAX, last = 0;
    for (; line_next(&rest, &line); i++) {
        size_t indent = indent_of(line);
        if (indent < line.len) {
            common = i > 0 && indent < common ? indent : common;
            first = MIN(first, i);
            last = i;
        }
    }
    char *out = arena_alloc(a, raw.len + 1);
    size_t len = 0;
    rest = raw;
    for (i = 0; line_next(&rest, &line); i++) {
        if (first == SIZE_MAX || i < first || i > last) {
            continue;
        }
        if (i > first) {
            out[len++] = '\n';
        }
        size_t cut = i == 0 || common == SIZE_MAX ? 0 : MIN(common, line.len);
        memcpy(out + len, line.ptr + cut, line.len - cut);
        len += line.len - cut;
    }
    out[len] = '\0';
    return str_n(out, len);
}

static int lex_block_string(struct gql_lexer *lx, struct err *err)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, lx->source.len + 1);
    lx->at += 3;
    for (;;) {
        int c = peek(lx, 0);
        if (c < 0) {
            return fail(lx, lx->at, err, "Unterminated string.");
        }
        if (c == '"' && peek(lx, 1) == '"' && peek(lx, 2) == '"') {
            lx->at += 3;
            break;
        }
        if (c == '\\' && peek(lx, 1) == '"' && peek(lx, 2) == '"' && peek(lx, 3) == '"') {
            buf_adds(&b, "\"\"\"");
            lx->at += 4;
        } else if (c == '\n' || c == '\r') {
            buf_addc(&b, '\n');
            new_line(lx);
        } else if (c < ' ' && c != '\t') {
            return fail(lx, lx->at, err, "Invalid character within a string.");
        } else {
            buf_addc(&b, (char)c);
            lx->at++;
        }
    }
    if (!str_utf8_valid(buf_str(&b))) {
        return fail(lx, lx->at, err, "A string is not valid UTF-8.");
    }
    lx->token.kind = GQL_TK_STRING;
    lx->token.text = block_value(lx->arena, buf_str(&b));
    return 0;
}

int gql_lex_next(struct gql_lexer *lx, struct err *err)
{
    skip_ignored(lx);
    size_t start = lx->at;
    int c = peek(lx, 0);
    lx->token = (struct gql_token){.loc = {lx->line, (int)(start - lx->line_start) + 1}};
    if (++lx->n_tokens > lx->max_tokens) {
        return fail(lx, start, err, "The document has too many tokens.");
    }
    if (c < 0) {
        return 0; /* GQL_TK_EOF */
    }
    if (is_name_start(c)) {
        while (is_name_start(peek(lx, 0)) || is_digit(peek(lx, 0))) {
            lx->at++;
        }
        lx->token.kind = GQL_TK_NAME;
        lx->token.text = str_n(lx->source.ptr + start, lx->at - start);
        return 0;
    }
    if (is_digit(c) || c == '-') {
        return lex_number(lx, err);
    }
    if (c == '"') {
        return peek(lx, 1) == '"' && peek(lx, 2) == '"' ? lex_block_string(lx, err)
                                                        : lex_string(lx, err);
    }
    lx->token.kind = GQL_TK_PUNCTUATOR;
    if (c == '.' && peek(lx, 1) == '.' && peek(lx, 2) == '.') {
        lx->at += 3;
    } else if (c != '\0' && strchr("!$&():=@[]{|}", c)) {
        lx->at++;
    } else {
        return fail(lx, start, err, "Unexpected character.");
    }
    lx->token.text = str_n(lx->source.ptr + start, lx->at - start);
    return 0;
}
