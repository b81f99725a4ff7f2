/* Owns the action that remembers which items a flow has handled and returns only new ones. Pure but
 * for the flow's state, on the slot's thread. What is remembered of an item is a digest of its key
 * fields, newest first, so that the oldest are forgotten beyond REMEMBERED_MAX; it is kept when the
 * execution succeeds, so items of a failed one come again. It refuses items without key fields. */
#include "components/registry.h"

#include "enc.h"
#include "secret.h"

#define REMEMBERED_MAX 200000
#define DIGEST_BYTES   8
#define DIGEST_TEXT    (2 * DIGEST_BYTES)
#define FIELDS_MAX     100
#define KEY_TEXT_MAX   MIB(1)

static const struct action_input deduplicate_inputs[] = {
    {
        .key = "dataInput",
        .label = "Data",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "A list of objects, the newest first.",
        .example = "[{\"id\": 123}, {\"id\": 122}]",
    },
    {
        .key = "keyFieldNamesInput",
        .label = "Key Field Names",
        .type = CATALOG_STRING,
        .collection = CATALOG_VALUE_LIST,
        .required = true,
        .comments = "The fields that together tell one item from another.",
        .example = "id",
    },
    {0},
};

/* A set of digests; 0 stands for a free slot. */
struct digest_set {
    uint64_t *slots;
    size_t mask;
};

static int set_init(struct action_context *ctx, struct digest_set *set, size_t n, struct err *err)
{
    size_t size = 16;
    while (size < 2 * n) {
        size *= 2;
    }
    int rc = action_room(ctx, size * sizeof(*set->slots), err);
    if (rc == 0) {
        set->slots = arena_array(action_arena(ctx), size, sizeof(*set->slots));
        set->mask = size - 1;
    }
    return rc;
}

/* False when it was there already. */
static bool set_add(struct digest_set *set, uint64_t digest)
{
    digest = digest ? digest : 1;
    size_t at = digest & set->mask;
    while (set->slots[at] && set->slots[at] != digest) {
        at = (at + 1) & set->mask;
    }
    bool added = !set->slots[at];
    set->slots[at] = digest;
    return added;
}

static uint64_t digest_number(const uint8_t bytes[DIGEST_BYTES])
{
    uint64_t n = 0;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        n = n << 8 | bytes[i];
    }
    return n;
}

/* Each step remembers for itself. */
static struct str state_key(struct action_context *ctx)
{
    return str_of(arena_printf(action_arena(ctx), "__leat.processed.%s", action_step_name(ctx)));
}

static int read_fields(struct action_context *ctx, struct str *ret_names, size_t *ret_n,
                       struct err *err)
{
    struct json list;
    int rc = action_input_list(ctx, "keyFieldNamesInput", &list, err);
    if (rc < 0) {
        return rc;
    }
    size_t n = 0;
    for (uint32_t i = 0; i < list.len && i < FIELDS_MAX; i++) {
        if (list.items[i].type == JSON_STRING && list.items[i].len) {
            ret_names[n++] = json_as_str(list.items[i]);
        }
    }
    if (n == 0 || list.len > FIELDS_MAX) {
        return action_input_error(ctx, "keyFieldNamesInput", err,
                                  "must name from 1 to %d fields, such as id.", FIELDS_MAX);
    }
    *ret_n = n;
    return 0;
}

static int item_digest(struct action_context *ctx, struct json item, uint32_t index,
                       const struct str *names, size_t n, struct buf *text,
                       uint8_t ret_digest[DIGEST_BYTES], struct err *err)
{
    bool any = false;
    buf_clear(text);
    for (size_t i = 0; i < n; i++) {
        struct json value = json_get(item, names[i]);
        any = any || value.type != JSON_UNDEFINED;
        json_dump(text, value.type == JSON_UNDEFINED ? json_null() : value);
        buf_addc(text, '\n');
    }
    if (!any) {
        return action_input_error(ctx, "dataInput", err,
                                  "item %u has none of the key fields. Each item must be an object "
                                  "with them.",
                                  index + 1);
    }
    if (text->full) {
        return action_input_error(ctx, "dataInput", err,
                                  "the key fields of item %u are larger than 1 MB.", index + 1);
    }
    uint8_t digest[32];
    secret_sha256(buf_str(text), digest);
    memcpy(ret_digest, digest, DIGEST_BYTES);
    return 0;
}

/* What is remembered, as text of DIGEST_TEXT digits each. */
static int read_remembered(struct action_context *ctx, struct str *ret, struct err *err)
{
    struct json kept;
    int rc = action_state_get(ctx, STATE_INSTANCE, state_key(ctx), &kept, err);
    if (rc == 0) {
        struct str text = kept.type == JSON_STRING ? json_as_str(kept) : STR("");
        *ret = str_n(text.ptr, MIN(text.len / DIGEST_TEXT, REMEMBERED_MAX) * DIGEST_TEXT);
    }
    return rc;
}

static void add_remembered(struct digest_set *set, struct str remembered)
{
    for (size_t i = 0; i < remembered.len; i += DIGEST_TEXT) {
        uint8_t bytes[DIGEST_BYTES];
        size_t len;
        if (enc_hex_decode(str_n(remembered.ptr + i, DIGEST_TEXT), bytes, sizeof(bytes), &len)) {
            (void)set_add(set, digest_number(bytes));
        }
    }
}

struct work {
    struct str names[FIELDS_MAX];
    size_t n_names;
    struct json data;
    struct str remembered;
    struct digest_set seen;
};

static int prepare(struct action_context *ctx, struct work *w, struct err *err)
{
    int rc = action_input_list(ctx, "dataInput", &w->data, err);
    if (rc == 0) {
        rc = read_fields(ctx, w->names, &w->n_names, err);
    }
    if (rc == 0) {
        rc = read_remembered(ctx, &w->remembered, err);
    }
    if (rc == 0) {
        rc = set_init(ctx, &w->seen, w->data.len + w->remembered.len / DIGEST_TEXT, err);
    }
    if (rc == 0) {
        rc = action_room(ctx,
                         w->data.len * (sizeof(struct json) + DIGEST_TEXT) + w->remembered.len +
                             DIGEST_TEXT,
                         err);
    }
    return rc;
}

static int deduplicate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct work *w = arena_new_of(action_arena(ctx), struct work);
    int rc = prepare(ctx, w, err);
    if (rc < 0) {
        return rc;
    }
    add_remembered(&w->seen, w->remembered);
    AUTO(buf_done) struct buf text = {0}, remember = {0};
    buf_init(&text, KEY_TEXT_MAX);
    buf_init(&remember, 0);
    struct json *fresh = arena_array(action_arena(ctx), MAX(w->data.len, 1u), sizeof(*fresh));
    size_t n = 0;
    for (uint32_t i = 0; i < w->data.len; i++) {
        uint8_t digest[DIGEST_BYTES];
        rc = item_digest(ctx, w->data.items[i], i, w->names, w->n_names, &text, digest, err);
        if (rc < 0) {
            return rc;
        }
        if (set_add(&w->seen, digest_number(digest))) {
            char digits[DIGEST_TEXT + 1];
            (void)enc_hex(str_n((const char *)digest, DIGEST_BYTES), digits, sizeof(digits));
            buf_adds(&remember, digits);
            fresh[n++] = w->data.items[i];
        }
    }
    ret->data = json_array(fresh, n);
    if (n == 0) {
        return 0;
    }
    buf_add_str(&remember, w->remembered);
    size_t kept = MIN(remember.len, (size_t)REMEMBERED_MAX * DIGEST_TEXT);
    return action_state_set(ctx, STATE_INSTANCE, state_key(ctx),
                            json_str(str_n(remember.data, kept)), err);
}

static const struct action actions[] = {
    {
        .key = "deDuplicate",
        .label = "Deduplicate",
        .description = "Returns the items that no earlier execution of the flow has returned here. "
                       "The last 200,000 items are remembered, by their key fields.",
        .inputs = deduplicate_inputs,
        .example = "[{\"id\": 123}]",
        .perform = deduplicate,
    },
    {0},
};

const struct component component_process_data = {
    .key = "process-data",
    .label = "Process Data",
    .description = "Remembers what has been processed.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
