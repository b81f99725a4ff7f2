/* Owns operations on text. Lengths and positions count UTF-16 units, as the JavaScript that flows
 * were written against does. Pure, on the slot's thread. It refuses results larger than 64 MB. */
#include "components/registry.h"

#include "enc.h"
#include "expr/value.h"
#include "components/text_manipulation/unicode.h"

#define TEXT_MAX   MIB(64)
#define CODED_PART KIB(48) /* a multiple of 4 */

#define TEXT_INPUT(word, about)                                                                    \
    {                                                                                              \
        .key = "text", .label = word, .type = CATALOG_TEXT, .comments = about                      \
    }
#define STRINGS_INPUT                                                                              \
    {                                                                                              \
        .key = "strings", .label = "Strings", .type = CATALOG_TEXT,                                \
        .collection = CATALOG_VALUE_LIST, .comments = "The texts to put together, in order."       \
    }

static const struct action_input text_inputs[] = {
    TEXT_INPUT("Text", "The text to work on."),
    {0},
};
static const struct action_input encode_inputs[] = {
    TEXT_INPUT("Text or File", "Text, or a file from an earlier step."),
    {0},
};
static const struct action_input find_inputs[] = {
    TEXT_INPUT("Text", "The text to search."),
    {
        .key = "find",
        .label = "Find",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The text to look for.",
    },
    {0},
};
static const struct action_input join_inputs[] = {
    STRINGS_INPUT,
    {
        .key = "separator",
        .label = "Separator",
        .type = CATALOG_STRING,
        .comments = "Put between the texts; nothing when empty.",
        .example = ", ",
    },
    {0},
};
static const char *const newline_types[] = {"\n", "\r\n", "<br />", NULL};
static const struct action_input join_lines_inputs[] = {
    STRINGS_INPUT,
    {
        .key = "newlineType",
        .label = "Newline Type",
        .type = CATALOG_STRING,
        .fallback = "\n",
        .choices = newline_types,
        .comments = "What ends a line.",
    },
    {
        .key = "numberOfNewlines",
        .label = "Number of Newlines",
        .type = CATALOG_NUMBER,
        .fallback = "1",
        .comments = "How many line ends stand between two texts.",
    },
    {0},
};
static const struct action_input replace_inputs[] = {
    TEXT_INPUT("Text", "The text to work on."),
    {
        .key = "find",
        .label = "Find",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "Every occurrence of this text is replaced.",
    },
    {
        .key = "replace",
        .label = "Replace With",
        .type = CATALOG_STRING,
        .comments = "What to put there; nothing when empty.",
    },
    {0},
};
static const struct action_input slice_inputs[] = {
    TEXT_INPUT("Text", "The text to take a part of."),
    {
        .key = "start",
        .label = "Slice Start",
        .type = CATALOG_NUMBER,
        .fallback = "0",
        .comments = "Position of the first character, from 0; a negative one counts from the end.",
    },
    {
        .key = "end",
        .label = "Slice Stop",
        .type = CATALOG_NUMBER,
        .comments = "Position before which to stop; the end of the text when empty.",
    },
    {0},
};
static const struct action_input split_inputs[] = {
    TEXT_INPUT("Text", "The text to split."),
    {
        .key = "separator",
        .label = "Separator",
        .type = CATALOG_STRING,
        .comments = "Where to split; each character by itself when empty.",
        .example = "/",
    },
    {0},
};
static const struct action_input split_lines_inputs[] = {
    TEXT_INPUT("Text", "The text to split."),
    {
        .key = "filterBlankLines",
        .label = "Filter Blank Lines",
        .type = CATALOG_BOOLEAN,
        .fallback = "true",
        .comments = "Leave out lines without visible characters.",
    },
    {0},
};

/* A result built in a buffer, moved to the arena. */
static int finish_text(struct action_context *ctx, const char *key, struct buf *b,
                       struct action_result *ret, struct err *err)
{
    if (b->full) {
        return action_input_error(ctx, key, err, "the result would be larger than 64 MB.");
    }
    int rc = action_room(ctx, b->len + 1, err);
    if (rc == 0) {
        const char *text = arena_strndup(action_arena(ctx), b->len ? b->data : "", b->len);
        ret->data = json_str(str_n(text, b->len));
    }
    return rc;
}

static int change_case(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    static const struct {
        const char *key;
        enum unicode_case how;
    } cases[] = {
        {"upperCase", UNICODE_UPPER},
        {"lowerCase", UNICODE_LOWER},
        {"capitalize", UNICODE_CAPITAL},
    };
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (strcmp(cases[i].key, action_descriptor(ctx)->key) == 0) {
            unicode_change_case(&b, text, cases[i].how);
        }
    }
    return finish_text(ctx, "text", &b, ret, err);
}

static int trim(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        ret->data = json_str(unicode_trim(text));
    }
    return rc;
}

static int string_length(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        ret->data = json_num((double)unicode_units(text));
    }
    return rc;
}

static int find(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text, needle;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "find", &needle, err);
    }
    if (rc < 0) {
        return rc;
    }
    ptrdiff_t at = str_find(text, needle, 0);
    ret->data = json_num(at < 0 ? -1 : (double)unicode_units(str_n(text.ptr, (size_t)at)));
    return 0;
}

static int slice(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    int64_t from = 0, total = rc == 0 ? (int64_t)unicode_units(text) : 0, to = total;
    if (rc == 0) {
        rc = action_input_int(ctx, "start", -(int64_t)TEXT_MAX, TEXT_MAX, &from, err);
    }
    if (rc == 0 && action_input(ctx, "end").type != JSON_UNDEFINED) {
        rc = action_input_int(ctx, "end", -(int64_t)TEXT_MAX, TEXT_MAX, &to, err);
    }
    if (rc < 0) {
        return rc;
    }
    from = from < 0 ? MAX(total + from, 0) : MIN(from, total);
    to = to < 0 ? MAX(total + to, 0) : MIN(to, total);
    size_t start = unicode_offset(text, (size_t)from);
    size_t end = to > from ? unicode_offset(text, (size_t)to) : start;
    ret->data = json_str(str_n(text.ptr + start, end - start));
    return 0;
}

static int replace(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text, needle, with;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "find", &needle, err);
    }
    if (rc == 0) {
        rc = action_input_text(ctx, "replace", &with, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (needle.len == 0) {
        ret->data = json_str(text);
        return 0;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX);
    size_t from = 0;
    for (ptrdiff_t at; (at = str_find(text, needle, from)) >= 0 && !b.full;) {
        buf_add(&b, text.ptr + from, (size_t)at - from);
        buf_add_str(&b, with);
        from = (size_t)at + needle.len;
    }
    buf_add(&b, text.ptr + from, text.len - from);
    return finish_text(ctx, "replace", &b, ret, err);
}

/* Room for the list that splitting makes; it grows by doubling. */
static int list_room(struct action_context *ctx, struct str text, struct str separator,
                     struct err *err)
{
    size_t parts = 1, from = 0;
    if (separator.len == 0) {
        parts = text.len;
    }
    for (ptrdiff_t at; separator.len && (at = str_find(text, separator, from)) >= 0; parts++) {
        from = (size_t)at + separator.len;
    }
    return action_room(ctx, parts * 4 * sizeof(struct json), err);
}

static int split(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text, separator;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "separator", &separator, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder parts;
    rc = list_room(ctx, text, separator, err);
    if (rc < 0) {
        return rc;
    }
    json_build_array(&parts, action_arena(ctx));
    size_t from = 0;
    if (separator.len == 0) {
        while (from < text.len) {
            size_t n = unicode_char_len(str_n(text.ptr + from, text.len - from));
            json_push(&parts, json_str(str_n(text.ptr + from, n)));
            from += n;
        }
    } else {
        for (ptrdiff_t at; (at = str_find(text, separator, from)) >= 0;) {
            json_push(&parts, json_str(str_n(text.ptr + from, (size_t)at - from)));
            from = (size_t)at + separator.len;
        }
        json_push(&parts, json_str(str_n(text.ptr + from, text.len - from)));
    }
    ret->data = json_built(&parts);
    return 0;
}

static int split_lines(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    bool filter;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc == 0) {
        rc = action_input_bool(ctx, "filterBlankLines", &filter, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder lines;
    rc = list_room(ctx, text, STR("\n"), err);
    if (rc < 0) {
        return rc;
    }
    json_build_array(&lines, action_arena(ctx));
    for (size_t from = 0; from <= text.len;) {
        ptrdiff_t at = str_find(text, STR("\n"), from);
        size_t end = at < 0 ? text.len : (size_t)at;
        struct str line = str_n(text.ptr + from, end - from);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (!filter || unicode_trim(line).len) {
            json_push(&lines, json_str(line));
        }
        from = end + 1;
    }
    ret->data = json_built(&lines);
    return 0;
}

static int join_with(struct action_context *ctx, struct str separator, int64_t times,
                     struct action_result *ret, struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, "strings", &list, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, TEXT_MAX);
    for (uint32_t i = 0; i < list.len && !b.full; i++) {
        for (int64_t n = 0; i > 0 && n < times; n++) {
            buf_add_str(&b, separator);
        }
        if (!json_is_nullish(list.items[i])) {
            buf_add_str(&b, value_to_text(action_arena(ctx), list.items[i]));
        }
    }
    return finish_text(ctx, "strings", &b, ret, err);
}

static int join(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str separator;
    int rc = action_input_text(ctx, "separator", &separator, err);
    return rc < 0 ? rc : join_with(ctx, separator, 1, ret, err);
}

static int join_lines(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str newline;
    int64_t times;
    int rc = action_input_text(ctx, "newlineType", &newline, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "numberOfNewlines", 0, 1000, &times, err);
    }
    if (rc < 0) {
        return rc;
    }
    /* Typed by hand in an editor, a line end is often its escape. */
    if (str_eq(newline, STR("\\n"))) {
        newline = STR("\n");
    } else if (str_eq(newline, STR("\\r\\n"))) {
        newline = STR("\r\n");
    }
    return join_with(ctx, newline, times, ret, err);
}

/* --- base64, part by part: files may be large ---------------------------------------------------
 */

static size_t most_coded(struct action_context *ctx)
{
    return spill_set_works(action_spills(ctx)) ? SPILL_VALUE_MAX : TEXT_MAX;
}

static int finish_coded(struct action_context *ctx, struct spill *b, struct str *ret,
                        struct err *err)
{
    if (b->full) {
        return action_input_error(ctx, "text", err, "makes a result larger than %zu MB.",
                                  b->max / MIB(1));
    }
    return spill_end(b, action_arena(ctx), ret, err);
}

static int encode_base64(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc < 0) {
        return rc;
    }
    char part[CODED_PART + 1];
    struct str encoded;
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), most_coded(ctx));
    for (size_t at = 0, n; at < text.len && !b.full; at += n) {
        n = MIN(text.len - at, (size_t)CODED_PART / 4 * 3);
        (void)spill_add(&b, part, enc_base64(str_n(text.ptr + at, n), part, sizeof(part)));
    }
    rc = finish_coded(ctx, &b, &encoded, err);
    if (rc == 0) {
        ret->data = json_str(encoded);
    }
    return rc;
}

static int not_base64(struct action_context *ctx, struct err *err)
{
    return action_input_error(ctx, "text", err,
                              "is not base64. Check that the whole text was passed, without "
                              "line breaks or a data: prefix.");
}

static int decode_base64(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "text", &text, err);
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    uint8_t part[CODED_PART / 4 * 3 + 3];
    struct str decoded;
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, action_spills(ctx), most_coded(ctx));
    for (size_t at = 0, n, len; at < text.len && !b.full; at += n) {
        n = MIN(text.len - at, (size_t)CODED_PART);
        bool whole = at + n < text.len; /* padding is at the end only */
        if (!enc_base64_decode(str_n(text.ptr + at, n), part, sizeof(part), &len) ||
            (whole && len != n / 4 * 3)) {
            return not_base64(ctx, err);
        }
        (void)spill_add(&b, part, len);
    }
    rc = finish_coded(ctx, &b, &decoded, err);
    if (rc < 0) {
        return rc;
    }
    ret->data = str_utf8_valid(decoded) ? json_str(decoded) : json_binary(decoded);
    return 0;
}

static const struct action actions[] = {
    {
        .key = "capitalize",
        .label = "Capitalize",
        .description = "Makes the first letter of the text a capital.",
        .inputs = text_inputs,
        .example = "\"An order\"",
        .perform = change_case,
    },
    {
        .key = "decodeBase64",
        .label = "Decode Base64",
        .description = "Turns base64 into the text or bytes that it stands for.",
        .inputs = text_inputs,
        .example = "\"some text\"",
        .perform = decode_base64,
    },
    {
        .key = "encodeBase64",
        .label = "Encode Base64",
        .description = "Turns text or a file into base64.",
        .inputs = encode_inputs,
        .example = "\"c29tZSB0ZXh0\"",
        .perform = encode_base64,
    },
    {
        .key = "find",
        .label = "Find Text",
        .description = "Returns the position of the first occurrence, from 0, or -1.",
        .inputs = find_inputs,
        .example = "5",
        .perform = find,
    },
    {
        .key = "join",
        .label = "Join",
        .description = "Puts texts together, with a separator between them.",
        .inputs = join_inputs,
        .example = "\"gh-17\"",
        .perform = join,
    },
    {
        .key = "joinLines",
        .label = "Join Lines",
        .description = "Puts texts together, each on its own line.",
        .inputs = join_lines_inputs,
        .example = "\"first\\nsecond\"",
        .perform = join_lines,
    },
    {
        .key = "lowerCase",
        .label = "Lower Case",
        .description = "Makes all letters small.",
        .inputs = text_inputs,
        .example = "\"some text\"",
        .perform = change_case,
    },
    {
        .key = "replace",
        .label = "Find & Replace",
        .description = "Replaces every occurrence of a text by another.",
        .inputs = replace_inputs,
        .example = "\"/processed/orders.xml\"",
        .perform = replace,
    },
    {
        .key = "slice",
        .label = "Extract Substring",
        .description = "Returns a part of the text.",
        .inputs = slice_inputs,
        .example = "\"me te\"",
        .perform = slice,
    },
    {
        .key = "split",
        .label = "Split String",
        .description = "Splits the text at a separator into a list.",
        .inputs = split_inputs,
        .example = "[\"owner\", \"repository\"]",
        .perform = split,
    },
    {
        .key = "splitLines",
        .label = "Split Lines",
        .description = "Splits the text into a list of its lines.",
        .inputs = split_lines_inputs,
        .example = "[\"first\", \"second\"]",
        .perform = split_lines,
    },
    {
        .key = "stringLength",
        .label = "String Length",
        .description = "Counts the characters of the text.",
        .inputs = text_inputs,
        .example = "9",
        .perform = string_length,
    },
    {
        .key = "trim",
        .label = "Remove Whitespace",
        .description = "Removes blanks and line ends before and after the text.",
        .inputs = text_inputs,
        .example = "\"some text\"",
        .perform = trim,
    },
    {
        .key = "upperCase",
        .label = "Upper Case",
        .description = "Makes all letters capitals.",
        .inputs = text_inputs,
        .example = "\"SOME TEXT\"",
        .perform = change_case,
    },
    {0},
};

const struct component component_text_manipulation = {
    .key = "text-manipulation",
    .label = "Text Manipulation",
    .description = "Common operations on texts and lists of texts.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
