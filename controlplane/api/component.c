/* Owns what the API shows of a component's files: where they are uploaded and where its icons are.
 * On a lane thread, inside the request's transaction. */
#include "api/api_priv.h"

#include "clock.h"
#include "media/media_url.h"

#define ICON_SECONDS 3600 /* an icon's URL stays the same for so long, for caches */

/* raw: [file id, component id], of an upload with a third. */
static bool url_of(struct call *c, struct json raw, struct json *ret)
{
    AUTO(buf_done) struct buf url = {0};
    bool is_upload = !json_is_nullish(json_at(raw, 2));
    struct media_ref ref = {.form = is_upload ? MEDIA_PUT_COMPONENT : MEDIA_GET_COMPONENT,
                            .organization_id = c->viewer.organization};
    if (!uuid_parse(json_as_str(json_at(raw, 0)), &ref.media_id) ||
        !uuid_parse(json_as_str(json_at(raw, 1)), &ref.owner_id)) {
        return false;
    }
    if (!is_upload) {
        ref.expires_s = (clock_now_ns() / NS_PER_SEC / ICON_SECONDS + 2) * ICON_SECONDS;
    }
    buf_init(&url, KIB(4));
    media_url_write(c->api->media, &ref, &url);
    *ret = json_str(str_n(arena_strndup(c->a, url.data, url.len), url.len));
    return true;
}

bool resolve_component_url(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    *ret = json_null();
    (void)url_of(c, raw, ret);
    return true;
}

/* raw: [[file id, component id, 'PUT', connection key]]. */
bool resolve_component_urls(struct call *c, struct gql_sel *sel, struct json raw, struct json *ret)
{
    struct json_builder list;
    json_build_array(&list, c->a);
    for (uint32_t i = 0; raw.type == JSON_ARRAY && i < raw.len; i++) {
        struct json_builder one;
        struct json url;
        if (url_of(c, raw.items[i], &url)) {
            json_build_object(&one, c->a);
            json_append(&one, STR("connectionKey"), json_at(raw.items[i], 3));
            json_append(&one, STR("iconUploadUrl"), url);
            json_push(&list, json_built(&one));
        }
    }
    *ret = json_built(&list);
    return true;
}
