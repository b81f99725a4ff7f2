/* Owns the four state stores of a run: the execution's own in memory, the others read whole when
 * first touched. Writes stay here until the run has succeeded; then the changed stores are handed
 * on whole with its result, large ones ahead of it in parts. Called by actions on the slot's
 * thread. A store's values live in an arena of its own, since they outlive loop iterations;
 * replaced values are shaken out when they make up most of it. Refuses more than RUN_STATE_MAX in
 * all stores of the instance. */
#include "engine/run_priv.h"

#include "clock.h"
#include "msgpack.h"

#define KEY_MAX      KIB(64)
#define SLACK_BYTES  KIB(256) /* garbage below this is left */
#define FETCH_MAX_MS 60000
#define INLINE_MAX   (RUN_RESULT_MAX - MIB(1)) /* bytes of all stores within a result */

static void shake_out(struct state_store *s)
{
    struct arena *fresh = arena_new(0, 0);
    for (size_t i = 0; i < s->n; i++) {
        struct str key = s->members[i].key;
        s->members[i].key = str_n(arena_strndup(fresh, key.ptr, key.len), key.len);
        s->members[i].value = json_copy(fresh, s->members[i].value);
    }
    arena_free(s->arena);
    s->arena = fresh;
    memset(s->growing, 0, sizeof(s->growing));
}

static size_t member_size(const struct json_member *m)
{
    return m->key.len + sizeof(*m) + json_size(m->value);
}

static struct json_member *find(struct state_store *s, struct str key)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_eq(s->members[i].key, key)) {
            return &s->members[i];
        }
    }
    return NULL;
}

static void add_member(struct state_store *s, struct str key, struct json value)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->members = mem_realloc(s->members, s->cap * sizeof(*s->members));
    }
    struct json_member *m = &s->members[s->n++];
    m->key = str_n(arena_strndup(s->arena, key.ptr, key.len), key.len);
    m->value = json_copy(s->arena, value);
    s->bytes += member_size(m);
}

static int fetch(struct run *run, enum state_scope scope, struct state_store *s, struct err *err)
{
    struct state_fetch what = {.scope = scope,
                               .organization_id = run->request->organization_id,
                               .instance_id = run->request->instance_id,
                               .flow_config_id = run->request->flow_config_id};
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct str bytes;
    struct json store;
    uint64_t elsewhere = 0;
    size_t used;
    int64_t until = MIN(run->deadline_ns, clock_mono_ns() + FETCH_MAX_MS * NS_PER_MS);
    run->env->block_begin(run->env->ctx);
    int rc = run->env->state_fetch(run->env->ctx, &what, until, a, &bytes, &elsewhere, err);
    run->env->block_end(run->env->ctx);
    if (rc < 0) {
        return rc;
    }
    run->stored = elsewhere + bytes.len;
    run->fetched += bytes.len;
    if (!bytes.len) {
        return 0;
    }
    rc = msgpack_read(a, bytes, &store, &used, err);
    if (rc < 0 || store.type != JSON_OBJECT) {
        return err_set(err, -EINVAL, "state.malformed", "the stored state could not be read");
    }
    for (uint32_t i = 0; i < store.len; i++) {
        add_member(s, store.members[i].key, store.members[i].value);
    }
    return 0;
}

static int open_store(struct run *run, enum state_scope scope, struct state_store **ret,
                      struct err *err)
{
    struct state_store *s = &run->states[scope];
    if (!s->arena) {
        s->arena = arena_new(0, 0);
    }
    if (!s->loaded && scope != STATE_EXECUTION) {
        int rc = fetch(run, scope, s, err);
        if (rc < 0) {
            return rc;
        }
    }
    s->loaded = true;
    *ret = s;
    return 0;
}

int action_state_get(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json *ret, struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    if (rc < 0) {
        return rc;
    }
    const struct json_member *m = find(s, key);
    /* A copy: the store's memory moves when it is shaken out. */
    *ret = m ? json_copy(ctx->run->scratch, m->value) : json_undefined();
    return 0;
}

static void remove_member(struct state_store *s, struct json_member *m)
{
    size_t i = (size_t)(m - s->members);
    s->bytes -= member_size(m);
    memmove(m, m + 1, (s->n - i - 1) * sizeof(*m));
    s->n--;
}

static size_t total_bytes(const struct run *run)
{
    size_t total = run->stored > run->fetched ? (size_t)(run->stored - run->fetched) : 0;
    for (size_t i = 0; i < _STATE_SCOPE_N; i++) {
        total += run->states[i].bytes;
    }
    return total;
}

static int too_large(struct err *err)
{
    return err_set(err, -EFBIG, "state.too_large",
                   "persisted state would be larger than the maximum of %zu bytes", RUN_STATE_MAX);
}

int action_state_set(struct action_context *ctx, enum state_scope scope, struct str key,
                     struct json value, struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    if (rc < 0) {
        return rc;
    }
    if (key.len > KEY_MAX) {
        return err_set(err, -EINVAL, "state.key", "a key of state is at most %zu bytes", KEY_MAX);
    }
    struct json_member *m = find(s, key);
    if (value.type == JSON_UNDEFINED) {
        s->dirty = s->dirty || m;
        if (m) {
            remove_member(s, m);
        }
        return 0;
    }
    size_t size = key.len + sizeof(*m) + json_size(value);
    size_t freed = m ? member_size(m) : 0;
    if (total_bytes(ctx->run) - freed + size > RUN_STATE_MAX) {
        return too_large(err);
    }
    s->dirty = true;
    if (m) {
        s->bytes = s->bytes - freed + size;
        m->value = json_copy(s->arena, value);
    } else {
        add_member(s, key, value);
    }
    if (arena_used(s->arena) > 2 * s->bytes + SLACK_BYTES) {
        shake_out(s);
    }
    return 0;
}

/* Room for n more items behind the list's own: those of before, or moved to twice as much. */
static struct json *list_room(struct state_store *s, struct json list, size_t n)
{
    struct state_growing *g = NULL;
    for (size_t i = 0; i < ARRAY_LEN(s->growing) && list.len; i++) {
        g = s->growing[i].items == list.items ? &s->growing[i] : g;
    }
    if (g && g->cap - list.len >= n) {
        return g->items;
    }
    g = g ? g : &s->growing[s->next_growing++ % ARRAY_LEN(s->growing)];
    size_t cap = MAX(2 * (list.len + n), 16u);
    struct json *items = arena_alloc(s->arena, cap * sizeof(*items));
    if (list.len) {
        memcpy(items, list.items, list.len * sizeof(*items));
    }
    *g = (struct state_growing){.items = items, .cap = (uint32_t)cap};
    return items;
}

static int append_items(struct run *run, struct state_store *s, struct json_member *m,
                        const struct json *items, size_t n, struct err *err)
{
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        more += json_size(items[i]);
    }
    if (total_bytes(run) + more > RUN_STATE_MAX || m->value.len + n > UINT32_MAX / 4) {
        return too_large(err);
    }
    struct json *list = list_room(s, m->value, n);
    for (size_t i = 0; i < n; i++) {
        list[m->value.len + i] = json_copy(s->arena, items[i]);
    }
    m->value = json_array(list, m->value.len + n);
    s->bytes += more;
    s->dirty = true;
    if (arena_used(s->arena) > 4 * s->bytes + SLACK_BYTES) {
        shake_out(s);
    }
    return 0;
}

int action_state_append(struct action_context *ctx, enum state_scope scope, struct str key,
                        const struct json *items, size_t n, struct json *ret_list, struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    struct json_member *m = rc == 0 ? find(s, key) : NULL;
    bool empty = rc == 0 && (!m || m->value.type == JSON_NULL ||
                             (m->value.type == JSON_STRING && m->value.len == 0));
    if (empty) {
        rc = action_state_set(ctx, scope, key, json_array(NULL, 0), err);
        m = rc == 0 ? find(s, key) : NULL;
    } else if (m && m->value.type != JSON_ARRAY) {
        return STATE_E_NOT_LIST;
    }
    if (rc == 0) {
        rc = append_items(ctx->run, s, m, items, n, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, json_size(m->value), err);
    }
    if (rc == 0) {
        *ret_list = json_copy(ctx->run->scratch, m->value);
    }
    return rc;
}

int action_state_keys(struct action_context *ctx, enum state_scope scope, struct json *ret,
                      struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    if (rc < 0) {
        return rc;
    }
    struct json *keys = arena_array(ctx->run->scratch, s->n, sizeof(*keys));
    for (size_t i = 0; i < s->n; i++) {
        struct str key = s->members[i].key;
        keys[i] = json_str(str_n(arena_strndup(ctx->run->scratch, key.ptr, key.len), key.len));
    }
    *ret = json_array(keys, s->n);
    return 0;
}

int action_state_usage(struct action_context *ctx, enum state_scope scope, size_t *ret_bytes,
                       struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    json_dump(&text, json_object(s->members, s->n));
    *ret_bytes = text.len;
    return 0;
}

int action_state_clear(struct action_context *ctx, enum state_scope scope, struct err *err)
{
    struct state_store *s;
    int rc = open_store(ctx->run, scope, &s, err);
    if (rc < 0) {
        return rc;
    }
    s->dirty = s->dirty || s->n > 0;
    s->n = 0;
    s->bytes = 0;
    arena_clear(s->arena);
    memset(s->growing, 0, sizeof(s->growing));
    return 0;
}

/* Sends a store ahead of the result that names it. */
static int upload(struct run *run, struct str store, struct result_state *ret, struct err *err)
{
    struct state_fetch part = {.scope = ret->scope,
                               .organization_id = run->request->organization_id,
                               .instance_id = run->request->instance_id,
                               .flow_config_id = run->request->flow_config_id,
                               .upload_id = uuid_v7()};
    int64_t until = clock_mono_ns() + FETCH_MAX_MS * NS_PER_MS;
    int rc = 0;
    run->env->block_begin(run->env->ctx);
    for (size_t at = 0; rc == 0 && at < store.len; at += STATE_PART_BYTES) {
        part.number++;
        part.data = str_n(store.ptr + at, MIN(store.len - at, (size_t)STATE_PART_BYTES));
        rc = run->env->state_put(run->env->ctx, &part, until, err);
    }
    run->env->block_end(run->env->ctx);
    ret->upload_id = part.upload_id;
    ret->n_parts = part.number;
    return rc;
}

int state_collect(struct run *run, struct wire_list *ret_states, size_t *ret_bytes, struct err *err)
{
    struct result_state *states = arena_array(run->keep, _STATE_SCOPE_N, sizeof(*states));
    struct buf *text = &run->memory->text;
    size_t n = 0, bytes = 0;
    for (uint32_t scope = STATE_INSTANCE; scope < _STATE_SCOPE_N; scope++) {
        struct state_store *s = &run->states[scope];
        struct result_state *state = &states[n];
        if (!s->dirty) {
            continue;
        }
        buf_clear(text);
        msgpack_write(text, json_object(s->members, s->n));
        n++;
        state->scope = scope;
        if (bytes + text->len > INLINE_MAX) {
            int rc = upload(run, buf_str(text), state, err);
            if (rc < 0) {
                return rc;
            }
            continue;
        }
        bytes += text->len;
        state->store = str_n(arena_dup(run->keep, text->data, text->len), text->len);
    }
    *ret_states = (struct wire_list){.items = states, .n = n};
    *ret_bytes = bytes;
    return 0;
}

void state_done(struct run *run)
{
    for (size_t i = 0; i < _STATE_SCOPE_N; i++) {
        arena_free(run->states[i].arena);
        mem_free(run->states[i].members);
    }
}
