/* Owns the tokens inside a tag or an output. Called by the parser. It refuses characters that no
 * token starts with and texts without their closing quote. */
#include "components/liquid_template/liquid_priv.h"

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t name_end(struct str s, size_t at, size_t end)
{
    while (at < end && (starts_name(s.ptr[at]) || is_digit(s.ptr[at]) || s.ptr[at] == '-')) {
        at++;
    }
    return at < end && s.ptr[at] == '?' ? at + 1 : at;
}

static size_t number_end(struct str s, size_t at, size_t end)
{
    at += s.ptr[at] == '-' ? 1 : 0;
    while (at < end && is_digit(s.ptr[at])) {
        at++;
    }
    if (at + 1 < end && s.ptr[at] == '.' && is_digit(s.ptr[at + 1])) {
        at++;
        while (at < end && is_digit(s.ptr[at])) {
            at++;
        }
    }
    return at;
}

static int sign(struct liquid_lexer *x, size_t *ret_end)
{
    static const char *const pairs[] = {"==", "!=", "<>", "<=", ">=", ".."};
    const char *s = x->l->text.ptr + x->at;
    x->kind = LIQUID_T_SIGN;
    for (size_t i = 0; i < ARRAY_LEN(pairs) && x->at + 1 < x->end; i++) {
        if (s[0] == pairs[i][0] && s[1] == pairs[i][1]) {
            *ret_end = x->at + 2;
            return 0;
        }
    }
    if (*s == '\0' || !strchr("<>=|:,.()[]", *s)) {
        unsigned char c = (unsigned char)*s;
        return c >= ' ' && c < 0x7F
                   ? liquid_fail(x->l, x->at, "the character %c has no meaning here.", c)
                   : liquid_fail(x->l, x->at, "a character has no meaning here.");
    }
    *ret_end = x->at + 1;
    return 0;
}

int liquid_lex_next(struct liquid_lexer *x)
{
    struct str s = x->l->text;
    while (x->at < x->end && strchr(" \t\r\n\f\v", s.ptr[x->at]) && s.ptr[x->at]) {
        x->at++;
    }
    x->offset = x->at;
    x->token = str_n(s.ptr + x->at, 0);
    if (x->at >= x->end) {
        x->kind = LIQUID_T_END;
        return 0;
    }
    char c = s.ptr[x->at];
    size_t end = x->at;
    if (starts_name(c)) {
        x->kind = LIQUID_T_NAME;
        end = name_end(s, x->at, x->end);
    } else if (is_digit(c) || (c == '-' && x->at + 1 < x->end && is_digit(s.ptr[x->at + 1]))) {
        x->kind = LIQUID_T_NUMBER;
        end = number_end(s, x->at, x->end);
    } else if (c == '"' || c == '\'') {
        x->kind = LIQUID_T_STRING;
        const char *close = memchr(s.ptr + x->at + 1, c, x->end - x->at - 1);
        if (!close) {
            return liquid_fail(x->l, x->at, "the text has no closing quote.");
        }
        x->token = str_n(s.ptr + x->at + 1, (size_t)(close - s.ptr) - x->at - 1);
        x->at = (size_t)(close - s.ptr) + 1;
        return 0;
    } else {
        int rc = sign(x, &end);
        if (rc < 0) {
            return rc;
        }
    }
    x->token = str_n(s.ptr + x->at, end - x->at);
    x->at = end;
    return 0;
}

int liquid_lex_start(struct liquid_lexer *x, struct liquid *l, size_t from, size_t to)
{
    *x = (struct liquid_lexer){.l = l, .at = from, .end = to};
    return liquid_lex_next(x);
}

bool liquid_lex_is(const struct liquid_lexer *x, const char *sign_or_name)
{
    return (x->kind == LIQUID_T_SIGN || x->kind == LIQUID_T_NAME) &&
           str_eq(x->token, str_of(sign_or_name));
}

int liquid_lex_end(struct liquid_lexer *x)
{
    if (x->kind == LIQUID_T_END) {
        return 0;
    }
    return liquid_fail(x->l, x->offset, "\"%.*s\" is too much here.", (int)MIN(x->token.len, 40),
                       x->token.ptr);
}
