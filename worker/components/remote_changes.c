/* Owns the comparison of a server's files with those of the poll before, which the flow's state
 * keeps sorted by path, so that both are walked side by side. Called by the triggers of the file
 * components on the slot's thread. It refuses more files than it can keep. */
#include "components/remote_changes.h"

#include "components/trigger_payload.h"

#define STATE_KEY    STR("remote-files.polled")
#define RESULT_BYTES 256 /* of memory for one file in the result */

enum { FILE_PATH, FILE_SIZE, FILE_MODIFIED, _FILE_N };

void remote_changes_start(struct remote_changes *c, struct action_context *ctx)
{
    c->ctx = ctx;
    json_build_array(&c->files, action_arena(ctx));
}

int remote_changes_add(struct remote_changes *c, struct str path, double size, double modified_ms,
                       struct err *err)
{
    if (c->files.len == REMOTE_CHANGES_MAX) {
        return action_input_error(c->ctx, "path", err, "holds more than %d files to watch.",
                                  REMOTE_CHANGES_MAX);
    }
    int rc = action_room(c->ctx, path.len + KIB(1) + (size_t)c->files.len * 48, err);
    if (rc == 0) {
        struct json *file = arena_array(action_arena(c->ctx), _FILE_N, sizeof(*file));
        file[FILE_PATH] = json_str(path);
        file[FILE_SIZE] = json_num(size);
        file[FILE_MODIFIED] = json_num(modified_ms);
        json_push(&c->files, json_array(file, _FILE_N));
    }
    return rc;
}

static int compare(struct json x, struct json y)
{
    struct str p = json_as_str(json_at(x, FILE_PATH)), q = json_as_str(json_at(y, FILE_PATH));
    int order = memcmp(p.ptr, q.ptr, MIN(p.len, q.len));
    return order ? order : (p.len > q.len) - (p.len < q.len);
}

static int by_path(const void *x, const void *y)
{
    return compare(*(const struct json *)x, *(const struct json *)y);
}

static bool same(struct json x, struct json y)
{
    return json_at(x, FILE_SIZE).num == json_at(y, FILE_SIZE).num &&
           json_at(x, FILE_MODIFIED).num == json_at(y, FILE_MODIFIED).num;
}

static void found(struct remote_changes *c, struct json_builder *list, struct json file)
{
    struct json_member *m = arena_array(action_arena(c->ctx), _FILE_N, sizeof(*m));
    m[0] = (struct json_member){STR("path"), json_at(file, FILE_PATH)};
    m[1] = (struct json_member){STR("size"), json_at(file, FILE_SIZE)};
    m[2] = (struct json_member){STR("modifiedAt"), json_at(file, FILE_MODIFIED)};
    json_push(list, json_object(m, _FILE_N));
}

int remote_changes_finish(struct remote_changes *c, struct action_result *ret, struct err *err)
{
    struct json before;
    int rc = action_state_get(c->ctx, STATE_INSTANCE, STATE_KEY, &before, err);
    rc = rc == 0 ? action_room(c->ctx, (size_t)c->files.len * RESULT_BYTES + KIB(4), err) : rc;
    if (rc < 0) {
        return rc;
    }
    before = before.type == JSON_ARRAY ? before : json_array(NULL, 0);
    struct json files = json_built(&c->files);
    struct json_builder fresh, changed, result;
    json_build_array(&fresh, action_arena(c->ctx));
    json_build_array(&changed, action_arena(c->ctx));
    if (files.len) {
        qsort(c->files.slots, files.len, sizeof(struct json), by_path);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < files.len; i++) {
        while (at < before.len && compare(before.items[at], files.items[i]) < 0) {
            at++;
        }
        bool known = at < before.len && compare(before.items[at], files.items[i]) == 0;
        if (!known) {
            found(c, &fresh, files.items[i]);
        } else if (!same(before.items[at], files.items[i])) {
            found(c, &changed, files.items[i]);
        }
    }
    json_build_object(&result, action_arena(c->ctx));
    json_append(&result, STR("newFiles"), json_built(&fresh));
    json_append(&result, STR("modifiedFiles"), json_built(&changed));
    trigger_payload_polled(c->ctx, json_built(&result), fresh.len || changed.len, ret);
    return action_state_set(c->ctx, STATE_INSTANCE, STATE_KEY, files, err);
}
