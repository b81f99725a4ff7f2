/* Owns the actions that give random values and unique ids. On the slot's thread. All randomness is
 * the kernel's (fit for keys and passwords), and choices among n are equally likely. It refuses
 * ranges and lengths out of bounds. */
#include "components/registry.h"

#include "expr/value.h"
#include "secret.h"
#include "uuid.h"

#define INTEGER_MAX    9007199254740991 /* what numbers hold exactly */
#define STRING_MAX     1000000
#define ALPHABET_BYTES KIB(4)

static const char *const versions[] = {"4", "7", NULL};

static const struct action_input uuid_inputs[] = {
    {
        .key = "version",
        .label = "Version",
        .type = CATALOG_STRING,
        .fallback = "4",
        .choices = versions,
        .comments = "4 is random; 7 begins with the time, so that later ids sort after earlier "
                    "ones.",
    },
    {0},
};
static const struct action_input integer_inputs[] = {
    {
        .key = "minimum",
        .label = "Minimum",
        .type = CATALOG_NUMBER,
        .fallback = "0",
        .comments = "The smallest number that may come.",
    },
    {
        .key = "maximum",
        .label = "Maximum",
        .type = CATALOG_NUMBER,
        .required = true,
        .comments = "The largest number that may come.",
        .example = "99",
    },
    {0},
};
static const struct action_input string_inputs[] = {
    {
        .key = "length",
        .label = "Length",
        .type = CATALOG_NUMBER,
        .fallback = "16",
        .comments = "How many characters, 1 to 1000000.",
    },
    {
        .key = "alphabet",
        .label = "Alphabet",
        .type = CATALOG_STRING,
        .fallback = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        .comments = "The characters to choose from. One that stands twice comes twice as often.",
    },
    {0},
};
static const struct action_input element_inputs[] = {
    {
        .key = "listInput",
        .label = "List",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "The list to choose from.",
        .example = "[\"red\", \"green\", \"blue\"]",
    },
    {0},
};

/* Random words, drawn many at once. */
struct pool {
    uint64_t words[64];
    size_t left, take;
};

static uint64_t next_word(struct pool *p)
{
    if (p->left == 0) {
        p->take = MIN(MAX(p->take * 2, (size_t)1), ARRAY_LEN(p->words));
        secret_random(p->words, p->take * sizeof(p->words[0]));
        p->left = p->take;
    }
    return p->words[--p->left];
}

/* 0 to n - 1, n > 0: words past the last whole multiple of n are drawn again. */
static uint64_t below(struct pool *p, uint64_t n)
{
    uint64_t word, unfair = -n % n; /* 2^64 modulo n */
    do {
        word = next_word(p);
    } while (word < unfair);
    return word % n;
}

static int generate_uuid(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    int64_t version;
    char text[UUID_TEXT_LEN + 1];
    int rc = action_input_int(ctx, "version", 1, 8, &version, err);
    if (rc == 0 && version != 4 && version != 7) {
        rc = action_input_error(ctx, "version", err, "must be 4 or 7.");
    }
    if (rc == 0) {
        rc = action_room(ctx, KIB(1), err);
    }
    if (rc < 0) {
        return rc;
    }
    struct uuid id = version == 7 ? uuid_v7() : uuid_v4();
    uuid_format(&id, text);
    ret->data = json_cstr(arena_strdup(action_arena(ctx), text));
    return 0;
}

static int random_integer(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct pool pool = {0};
    int64_t min, max;
    int rc = action_input_int(ctx, "minimum", -INTEGER_MAX, INTEGER_MAX, &min, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "maximum", -INTEGER_MAX, INTEGER_MAX, &max, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (max < min) {
        return action_input_error(ctx, "maximum", err, "must not be smaller than Minimum.");
    }
    ret->data = json_num((double)(min + (int64_t)below(&pool, (uint64_t)(max - min) + 1)));
    return 0;
}

/* Bytes of the character that begins with c, of valid UTF-8. */
static size_t character_len(char c)
{
    uint8_t b = (uint8_t)c;
    return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

static int read_alphabet(struct action_context *ctx, struct str **ret, size_t *ret_n,
                         struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "alphabet", &text, err);
    if (rc < 0) {
        return rc;
    }
    if (text.len == 0 || text.len > ALPHABET_BYTES || !str_utf8_valid(text)) {
        return action_input_error(ctx, "alphabet", err,
                                  "must be text of at least one character and at most %zu bytes.",
                                  (size_t)ALPHABET_BYTES);
    }
    rc = action_room(ctx, text.len * sizeof(**ret) + 32, err);
    if (rc < 0) {
        return rc;
    }
    struct str *characters = arena_alloc(action_arena(ctx), text.len * sizeof(*characters));
    size_t n = 0;
    for (size_t i = 0; i < text.len; i += character_len(text.ptr[i])) {
        characters[n++] = str_n(text.ptr + i, character_len(text.ptr[i]));
    }
    *ret = characters;
    *ret_n = n;
    return 0;
}

static int random_string(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct pool pool = {0};
    struct str *characters = NULL;
    size_t n = 0;
    int64_t length;
    int rc = action_input_int(ctx, "length", 1, STRING_MAX, &length, err);
    if (rc == 0) {
        rc = read_alphabet(ctx, &characters, &n, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, (size_t)length * 4 + 32, err);
    }
    if (rc < 0) {
        return rc;
    }
    char *text = arena_alloc(action_arena(ctx), (size_t)length * 4);
    size_t len = 0;
    for (int64_t i = 0; i < length; i++) {
        struct str c = characters[below(&pool, n)];
        memcpy(text + len, c.ptr, c.len);
        len += c.len;
    }
    ret->data = json_str(str_n(text, len));
    return 0;
}

static int random_element(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct pool pool = {0};
    struct json list;
    int rc = action_input_list(ctx, "listInput", &list, err);
    if (rc < 0) {
        return rc;
    }
    if (list.len == 0) {
        return action_input_error(ctx, "listInput", err, "is empty. Give a list with items.");
    }
    ret->data = list.items[below(&pool, list.len)];
    return 0;
}

/* They read from outside: a run that is taken over must go on with the value it had. */
static const struct action actions[] = {
    {
        .key = "generateUuid",
        .label = "Generate UUID",
        .description = "Gives a new unique id (UUID).",
        .flags = ACTION_READS,
        .inputs = uuid_inputs,
        .example = "\"3f2b8c1e-7d54-4a0b-9c66-0e1d2f3a4b5c\"",
        .perform = generate_uuid,
    },
    {
        .key = "randomElement",
        .label = "Random Element",
        .description = "Gives one item of a list, each as likely as the others.",
        .flags = ACTION_READS,
        .inputs = element_inputs,
        .example = "\"green\"",
        .perform = random_element,
    },
    {
        .key = "randomInteger",
        .label = "Random Integer",
        .description = "Gives a whole number of a range, each as likely as the others.",
        .flags = ACTION_READS,
        .inputs = integer_inputs,
        .example = "42",
        .perform = random_integer,
    },
    {
        .key = "randomString",
        .label = "Random String",
        .description = "Gives a text of random characters, good enough for keys and passwords.",
        .flags = ACTION_READS,
        .inputs = string_inputs,
        .example = "\"q8TzVb03LkWm5XcE\"",
        .perform = random_string,
    },
    {0},
};

const struct component component_random = {
    .key = "random",
    .label = "Random",
    .description = "Random values and unique ids.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
