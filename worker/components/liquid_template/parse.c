/* Owns the reading of a template into a tree: text, outputs and tags with their blocks. Called by
 * liquid.c. It refuses unknown tags, tags that are not closed and blocks nested too deep, always
 * with the place. */
#include "components/liquid_template/liquid_priv.h"

#define MAX_CYCLES 1000

struct group {
    struct str name;
    uint32_t number;
    struct group *next;
};
struct parser {
    struct liquid *l;
    size_t at;
    bool strip; /* the tag before takes the white space that follows it */
    int depth;
    struct group *groups;
};
enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_OUTPUT, PIECE_TAG };
struct piece {
    enum piece_kind kind;
    size_t offset;   /* where it starts */
    size_t from, to; /* the text; the inside of a tag */
};
/* A tag that was read, its lexer after its name. */
struct tag {
    struct liquid_lexer x;
    struct str name;
    size_t offset;
};

static int parse_block(struct parser *p, const char *const *ends, struct liquid_node **ret,
                       struct tag *ret_end);

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Offset of the next opening of a tag or output; the length when there is none. */
static size_t find_open(struct str s, size_t at)
{
    while (at < s.len) {
        const char *brace = memchr(s.ptr + at, '{', s.len - at);
        at = brace ? (size_t)(brace - s.ptr) : s.len;
        if (at + 1 < s.len && (s.ptr[at + 1] == '{' || s.ptr[at + 1] == '%')) {
            return at;
        }
        at = MIN(at + 1, s.len);
    }
    return s.len;
}

/* Offset of the closing signs; those inside quotes do not count. */
static bool find_close(struct str s, size_t at, char sign, size_t *ret)
{
    bool quotes = at < s.len && s.ptr[at] != '#';
    for (; at + 1 < s.len; at++) {
        char c = s.ptr[at];
        if (c == sign && s.ptr[at + 1] == '}') {
            *ret = at;
            return true;
        }
        if (quotes && (c == '"' || c == '\'')) {
            const char *end = memchr(s.ptr + at + 1, c, s.len - at - 1);
            at = end ? (size_t)(end - s.ptr) : at;
        }
    }
    return false;
}

static void trim_piece(struct str s, struct piece *piece, bool left, bool right)
{
    while (left && piece->from < piece->to && is_space(s.ptr[piece->from])) {
        piece->from++;
    }
    while (right && piece->from < piece->to && is_space(s.ptr[piece->to - 1])) {
        piece->to--;
    }
}

static int next_piece(struct parser *p, struct piece *ret)
{
    struct str s = p->l->text;
    size_t open = find_open(s, p->at);
    *ret = (struct piece){.offset = p->at, .from = p->at, .to = open};
    if (open > p->at || p->at == s.len) {
        ret->kind = p->at == s.len ? PIECE_END : PIECE_TEXT;
        trim_piece(s, ret, p->strip, open + 2 < s.len && s.ptr[open + 2] == '-');
        p->at = open;
        p->strip = false;
        return 0;
    }
    bool output = s.ptr[open + 1] == '{';
    ret->kind = output ? PIECE_OUTPUT : PIECE_TAG;
    ret->from = open + 2 + (open + 2 < s.len && s.ptr[open + 2] == '-' ? 1 : 0);
    size_t inside = ret->from, close;
    while (inside < s.len && is_space(s.ptr[inside])) {
        inside++;
    }
    if (!find_close(s, inside, output ? '}' : '%', &close)) {
        return liquid_fail(p->l, open, "%s is not closed by %s.", output ? "{{" : "{%",
                           output ? "}}" : "%}");
    }
    p->strip = close > ret->from && s.ptr[close - 1] == '-';
    ret->to = close - (p->strip ? 1 : 0);
    p->at = close + 2;
    return 0;
}

static struct liquid_node *new_node(struct parser *p, enum liquid_node_kind kind, size_t offset)
{
    struct liquid_node *node = arena_new_of(p->l->arena, struct liquid_node);
    node->kind = kind;
    node->offset = offset;
    return node;
}

static struct liquid_branch *new_branch(struct parser *p)
{
    return arena_new_of(p->l->arena, struct liquid_branch);
}

/* A name alone: of a variable or counter. */
static int parse_name(struct liquid_lexer *x, struct str *ret)
{
    if (x->kind != LIQUID_T_NAME) {
        return liquid_fail(x->l, x->offset, "the name of a variable is missing.");
    }
    *ret = x->token;
    return liquid_lex_next(x);
}

static int expect(struct liquid_lexer *x, const char *sign)
{
    if (!liquid_lex_is(x, sign)) {
        return liquid_fail(x->l, x->offset, "\"%s\" is missing.", sign);
    }
    return liquid_lex_next(x);
}

static int parse_assign(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    struct liquid_node *node = *ret = new_node(p, LIQUID_ASSIGN, tag->offset);
    int rc = parse_name(&tag->x, &node->text);
    if (rc == 0) {
        rc = expect(&tag->x, "=");
    }
    return rc < 0 ? rc : liquid_parse_pipeline(&tag->x, &node->value);
}

static int parse_echo(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    *ret = new_node(p, LIQUID_OUTPUT, tag->offset);
    return liquid_parse_pipeline(&tag->x, &(*ret)->value);
}

static int parse_capture(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    static const char *const ends[] = {"endcapture", NULL};
    struct liquid_node *node = *ret = new_node(p, LIQUID_CAPTURE, tag->offset);
    struct tag end = {.offset = tag->offset, .name = tag->name};
    node->text = tag->x.token;
    int rc = tag->x.kind == LIQUID_T_STRING ? liquid_lex_next(&tag->x)
                                            : parse_name(&tag->x, &node->text);
    if (rc == 0) {
        rc = liquid_lex_end(&tag->x);
    }
    if (rc == 0) {
        rc = parse_block(p, ends, &node->body, &end);
    }
    return rc < 0 ? rc : liquid_lex_end(&end.x);
}

static int parse_if(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    static const char *const if_ends[] = {"elsif", "else", "endif", NULL};
    static const char *const unless_ends[] = {"elsif", "else", "endunless", NULL};
    bool negated = str_eq(tag->name, STR("unless"));
    struct liquid_node *node = *ret = new_node(p, LIQUID_IF, tag->offset);
    struct liquid_branch **last = &node->branches;
    struct tag here = *tag;
    bool otherwise = false;
    for (;;) {
        struct liquid_branch *b = *last = new_branch(p);
        last = &b->next;
        b->negated = negated && here.offset == tag->offset;
        int rc = otherwise ? liquid_lex_end(&here.x) : liquid_parse_condition(&here.x, &b->last);
        struct tag end = {.offset = tag->offset, .name = tag->name};
        if (rc == 0) {
            rc = parse_block(p, negated ? unless_ends : if_ends, &b->body, &end);
        }
        if (rc < 0 || str_starts(end.name, STR("end"))) {
            return rc < 0 ? rc : liquid_lex_end(&end.x);
        }
        if (otherwise) {
            return liquid_fail(p->l, end.offset, "%.*s comes after else.", (int)end.name.len,
                               end.name.ptr);
        }
        otherwise = str_eq(end.name, STR("else"));
        here = end;
    }
}

static int parse_values(struct liquid_lexer *x, struct liquid_expr **ret)
{
    for (;;) {
        int rc = liquid_parse_expr(x, ret);
        if (rc < 0 || (!liquid_lex_is(x, ",") && !liquid_lex_is(x, "or"))) {
            return rc < 0 ? rc : liquid_lex_end(x);
        }
        ret = &(*ret)->next;
        rc = liquid_lex_next(x);
        if (rc < 0) {
            return rc;
        }
    }
}

static int parse_case(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    static const char *const ends[] = {"when", "else", "endcase", NULL};
    struct liquid_node *node = *ret = new_node(p, LIQUID_CASE, tag->offset);
    struct liquid_branch **last = &node->branches;
    struct liquid_node *before; /* what stands before the first when is not written */
    struct tag end = {.offset = tag->offset, .name = tag->name};
    int rc = liquid_parse_pipeline(&tag->x, &node->value);
    if (rc == 0) {
        rc = parse_block(p, ends, &before, &end);
    }
    while (rc == 0 && !str_eq(end.name, STR("endcase"))) {
        struct liquid_branch *b = *last = new_branch(p);
        last = &b->next;
        rc = str_eq(end.name, STR("when")) ? parse_values(&end.x, &b->values)
                                           : liquid_lex_end(&end.x);
        end.offset = tag->offset;
        end.name = tag->name;
        if (rc == 0) {
            rc = parse_block(p, ends, &b->body, &end);
        }
    }
    return rc < 0 ? rc : liquid_lex_end(&end.x);
}

static int parse_for_options(struct liquid_lexer *x, struct liquid_node *node)
{
    int rc = 0;
    while (rc == 0 && x->kind != LIQUID_T_END) {
        bool limit = liquid_lex_is(x, "limit");
        if (liquid_lex_is(x, "reversed")) {
            node->reversed = true;
            rc = liquid_lex_next(x);
        } else if (limit || liquid_lex_is(x, "offset")) {
            rc = liquid_lex_next(x);
            if (rc == 0) {
                rc = expect(x, ":");
            }
            if (rc == 0 && liquid_lex_is(x, "continue")) {
                return liquid_fail(x->l, x->offset,
                                   "offset: continue is not supported. Give a "
                                   "number.");
            }
            if (rc == 0) {
                rc = liquid_parse_expr(x, limit ? &node->limit : &node->skip);
            }
        } else if (liquid_lex_is(x, ",")) {
            rc = liquid_lex_next(x);
        } else {
            return liquid_lex_end(x);
        }
    }
    return rc;
}

static int parse_for(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    static const char *const else_ends[] = {"endfor", NULL};
    struct liquid_node *node = *ret = new_node(p, LIQUID_FOR, tag->offset);
    struct tag end = {.offset = tag->offset, .name = tag->name};
    node->branches = new_branch(p);
    int rc = parse_name(&tag->x, &node->text);
    if (rc == 0) {
        rc = expect(&tag->x, "in");
    }
    if (rc == 0) {
        rc = liquid_parse_expr(&tag->x, &node->values);
    }
    if (rc == 0) {
        rc = parse_for_options(&tag->x, node);
    }
    if (rc == 0) {
        rc = parse_block(p, ends, &node->branches->body, &end);
    }
    if (rc == 0) {
        rc = liquid_lex_end(&end.x);
    }
    if (rc == 0 && str_eq(end.name, STR("else"))) {
        node->branches->next = new_branch(p);
        end.offset = tag->offset;
        end.name = tag->name;
        rc = parse_block(p, else_ends, &node->branches->next->body, &end);
        rc = rc < 0 ? rc : liquid_lex_end(&end.x);
    }
    return rc;
}

static int parse_counter(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    bool up = str_eq(tag->name, STR("increment"));
    *ret = new_node(p, up ? LIQUID_INCREMENT : LIQUID_DECREMENT, tag->offset);
    int rc = parse_name(&tag->x, &(*ret)->text);
    return rc < 0 ? rc : liquid_lex_end(&tag->x);
}

static int parse_jump(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    bool leave = str_eq(tag->name, STR("break"));
    *ret = new_node(p, leave ? LIQUID_BREAK : LIQUID_CONTINUE, tag->offset);
    return liquid_lex_end(&tag->x);
}

static int cycle_number(struct parser *p, size_t offset, struct str name, uint32_t *ret)
{
    for (const struct group *g = p->groups; g; g = g->next) {
        if (str_eq(g->name, name)) {
            *ret = g->number;
            return 0;
        }
    }
    if (p->l->n_cycles == MAX_CYCLES) {
        return liquid_fail(p->l, offset, "there are more than %d different cycles.", MAX_CYCLES);
    }
    struct group *g = arena_new_of(p->l->arena, struct group);
    *g = (struct group){name, p->l->n_cycles++, p->groups};
    p->groups = g;
    *ret = g->number;
    return 0;
}

/* Cycles of the same name, or else of the same values, go on where the other stopped. */
static int parse_cycle(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    struct liquid_node *node = *ret = new_node(p, LIQUID_CYCLE, tag->offset);
    struct liquid_lexer probe = tag->x;
    struct liquid_expr *first;
    struct str name = str_trim(str_n(p->l->text.ptr + probe.offset, probe.end - probe.offset));
    int rc = liquid_parse_expr(&probe, &first);
    if (rc == 0 && liquid_lex_is(&probe, ":")) {
        name = str_n(p->l->text.ptr + tag->x.offset, probe.offset - tag->x.offset);
        tag->x = probe;
        rc = liquid_lex_next(&tag->x);
    }
    if (rc == 0) {
        rc = cycle_number(p, tag->offset, name, &node->cycle);
    }
    return rc < 0 ? rc : parse_values(&tag->x, &node->values);
}

/* Whether the tag that opens at `open` is `name` alone; where it ends, and whether its dashes take
 * the white space around it. */
struct plain_tag {
    size_t end;
    bool dash_before, dash_after;
};
static bool is_plain_tag(struct str s, size_t open, struct str name, struct plain_tag *ret)
{
    size_t at = open + 2;
    ret->dash_before = at < s.len && s.ptr[at] == '-';
    at += ret->dash_before ? 1 : 0;
    while (at < s.len && is_space(s.ptr[at])) {
        at++;
    }
    if (s.ptr[open + 1] != '%' || !str_starts(str_n(s.ptr + at, s.len - at), name)) {
        return false;
    }
    at += name.len;
    while (at < s.len && is_space(s.ptr[at])) {
        at++;
    }
    ret->dash_after = at < s.len && s.ptr[at] == '-';
    at += ret->dash_after ? 1 : 0;
    ret->end = at + 2;
    return str_starts(str_n(s.ptr + at, s.len - at), STR("%}"));
}

/* The tag that ends a comment or raw text, wherever it stands, but for those that end a nested
 * one; the text before it. */
static int skip_to(struct parser *p, size_t offset, struct str begin, struct str end,
                   struct piece *ret)
{
    struct str s = p->l->text;
    struct plain_tag tag;
    size_t nested = 0;
    *ret = (struct piece){.kind = PIECE_TEXT, .offset = p->at, .from = p->at};
    for (size_t open = find_open(s, p->at); open < s.len; open = find_open(s, open + 1)) {
        if (begin.len && is_plain_tag(s, open, begin, &tag)) {
            nested++;
        } else if (is_plain_tag(s, open, end, &tag) && nested-- == 0) {
            ret->to = open;
            trim_piece(s, ret, p->strip, tag.dash_before);
            p->strip = tag.dash_after;
            p->at = tag.end;
            return 0;
        }
    }
    return liquid_fail(p->l, offset, "the tag is not closed by %.*s.", (int)end.len, end.ptr);
}

static int parse_comment(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    struct piece piece;
    *ret = NULL;
    return skip_to(p, tag->offset, STR("comment"), STR("endcomment"), &piece);
}

static int parse_raw(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    struct piece piece;
    int rc = liquid_lex_end(&tag->x);
    if (rc == 0) {
        rc = skip_to(p, tag->offset, STR(""), STR("endraw"), &piece);
    }
    if (rc == 0) {
        *ret = new_node(p, LIQUID_TEXT, tag->offset);
        (*ret)->text = str_n(p->l->text.ptr + piece.from, piece.to - piece.from);
    }
    return rc;
}

static const struct {
    const char *name;
    int (*parse)(struct parser *p, struct tag *tag, struct liquid_node **ret);
} tags[] = {
    {"assign", parse_assign},   {"break", parse_jump},
    {"capture", parse_capture}, {"case", parse_case},
    {"comment", parse_comment}, {"continue", parse_jump},
    {"cycle", parse_cycle},     {"decrement", parse_counter},
    {"echo", parse_echo},       {"for", parse_for},
    {"if", parse_if},           {"increment", parse_counter},
    {"raw", parse_raw},         {"unless", parse_if},
};

static int parse_tag(struct parser *p, struct tag *tag, struct liquid_node **ret)
{
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (str_eq(tag->name, str_of(tags[i].name))) {
            return tags[i].parse(p, tag, ret);
        }
    }
    static const char *const inner[] = {"else", "elsif", "when"};
    bool misplaced = str_starts(tag->name, STR("end"));
    for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
        misplaced = misplaced || str_eq(tag->name, str_of(inner[i]));
    }
    return liquid_fail(p->l, tag->offset,
                       misplaced ? "the tag %.*s does not belong here." : "there is no tag %.*s.",
                       (int)MIN(tag->name.len, 40), tag->name.ptr);
}

static int open_tag(struct parser *p, const struct piece *piece, struct tag *ret)
{
    struct str s = p->l->text;
    size_t from = piece->from;
    while (from < piece->to && is_space(s.ptr[from])) {
        from++;
    }
    *ret = (struct tag){.offset = piece->offset, .name = STR("#")};
    if (from < piece->to && s.ptr[from] == '#') {
        return 0; /* a remark */
    }
    int rc = liquid_lex_start(&ret->x, p->l, from, piece->to);
    if (rc == 0 && ret->x.kind != LIQUID_T_NAME) {
        return liquid_fail(p->l, piece->offset, "the tag has no name.");
    }
    ret->name = ret->x.token;
    /* The inside of a comment's tag is not read. */
    return rc < 0 || str_eq(ret->name, STR("comment")) ? rc : liquid_lex_next(&ret->x);
}

static bool is_one_of(struct str name, const char *const *ends)
{
    for (; ends && *ends; ends++) {
        if (str_eq(name, str_of(*ends))) {
            return true;
        }
    }
    return false;
}

static int unclosed(struct parser *p, const struct tag *open, const char *const *ends)
{
    while (ends[1]) {
        ends++;
    }
    return liquid_fail(p->l, open->offset, "the tag is not closed by %s.", *ends);
}

/* Nodes until one of the tags that end the block; ret_end holds the opening tag at first. */
static int parse_nodes(struct parser *p, const char *const *ends, struct liquid_node **ret,
                       struct tag *ret_end)
{
    *ret = NULL;
    for (;;) {
        struct piece piece;
        struct tag tag = {0};
        struct liquid_node *node = NULL;
        int rc = next_piece(p, &piece);
        if (rc < 0) {
            return rc;
        }
        switch (piece.kind) {
        case PIECE_END:
            return ends ? unclosed(p, ret_end, ends) : 0;
        case PIECE_TEXT:
            if (piece.to > piece.from) {
                node = new_node(p, LIQUID_TEXT, piece.offset);
                node->text = str_n(p->l->text.ptr + piece.from, piece.to - piece.from);
            }
            break;
        case PIECE_OUTPUT:
            tag.offset = piece.offset;
            rc = liquid_lex_start(&tag.x, p->l, piece.from, piece.to);
            if (rc == 0 && tag.x.kind != LIQUID_T_END) {
                rc = parse_echo(p, &tag, &node);
            }
            break;
        case PIECE_TAG:
            rc = open_tag(p, &piece, &tag);
            if (rc == 0 && is_one_of(tag.name, ends)) {
                *ret_end = tag;
                return 0;
            }
            if (rc == 0 && !str_eq(tag.name, STR("#"))) {
                rc = parse_tag(p, &tag, &node);
            }
            break;
        }
        if (rc < 0) {
            return rc;
        }
        if (node) {
            *ret = node;
            ret = &node->next;
        }
    }
}

static int parse_block(struct parser *p, const char *const *ends, struct liquid_node **ret,
                       struct tag *ret_end)
{
    if (++p->depth > LIQUID_MAX_DEPTH) {
        return liquid_fail(p->l, p->at, "blocks are nested deeper than %d.", LIQUID_MAX_DEPTH);
    }
    int rc = parse_nodes(p, ends, ret, ret_end);
    p->depth--;
    return rc;
}

int liquid_parse(struct liquid *l, struct liquid_node **ret)
{
    struct parser p = {.l = l};
    struct tag end = {0};
    return parse_block(&p, NULL, ret, &end);
}
