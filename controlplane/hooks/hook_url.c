/* Reads a webhook's request target. Pure; any thread; bounded stack only. */
#include "hooks/hook_url.h"

#include "enc.h"

static struct str cut(struct str s, char at, struct str *ret_rest)
{
    const char *p = s.len ? memchr(s.ptr, at, s.len) : NULL;
    if (!p) {
        *ret_rest = str_n(s.ptr + s.len, 0);
        return s;
    }
    size_t len = (size_t)(p - s.ptr);
    *ret_rest = str_n(p + 1, s.len - len - 1);
    return str_n(s.ptr, len);
}

/* Copies with %XX decoded; 0 when it does not fit or an escape is malformed. */
static size_t decode(struct str s, char *to, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (n == cap) {
            return 0;
        }
        if (s.ptr[i] != '%') {
            to[n++] = s.ptr[i];
            continue;
        }
        uint8_t byte;
        size_t len;
        if (s.len - i < 3 || !enc_hex_decode(str_n(s.ptr + i + 1, 2), &byte, 1, &len)) {
            return 0;
        }
        to[n++] = (char)byte;
        i += 2;
    }
    return n;
}

bool hook_url_parse(struct str target, struct hook_url *ret)
{
    struct str prefix = STR(HOOK_PATH);
    if (!str_starts(target, prefix)) {
        return false;
    }
    struct hook_url url;
    struct str rest = str_n(target.ptr + prefix.len, target.len - prefix.len);
    struct str path = cut(rest, '?', &url.query);
    struct str id = cut(path, '/', &url.fragment);
    char text[GLOBAL_ID_MAX];
    size_t len = decode(id, text, sizeof(text));
    static const char *const types[_HOOK_URL_KIND_N] = {
        [HOOK_URL_FLOW] = "InstanceFlowConfig",
        [HOOK_URL_INSTANCE] = "Instance",
        [HOOK_URL_INTEGRATION] = "Integration",
    };
    for (int kind = 0; len > 0 && kind < _HOOK_URL_KIND_N; kind++) {
        if (global_id_parse(str_n(text, len), types[kind], &url.id)) {
            url.kind = (enum hook_url_kind)kind;
            *ret = url;
            return true;
        }
    }
    return false;
}
