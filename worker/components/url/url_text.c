/* Owns the use of uriparser. Any thread, no state. It refuses what RFC 3986 does not allow, such as
 * blanks and letters that are not percent-encoded, and texts above URL_MAX_BYTES, since a segment
 * of a path costs many times its bytes. */
#include "components/url/url_text.h"

#include <uriparser/Uri.h>

static struct str slice(UriTextRangeA range)
{
    return range.first ? str_n(range.first, (size_t)(range.afterLast - range.first))
                       : str_n(NULL, 0);
}

/* The path as it was written: between the authority, or the scheme, and ? or #. */
static struct str path_of(struct str text, const UriUriA *uri)
{
    size_t from = uri->scheme.first ? (size_t)(uri->scheme.afterLast - text.ptr) + 1 : 0;
    if (text.len - from >= 2 && memcmp(text.ptr + from, "//", 2) == 0) {
        for (from += 2; from < text.len && !strchr("/?#", text.ptr[from]); from++) {
        }
    }
    size_t to = from;
    while (to < text.len && text.ptr[to] != '?' && text.ptr[to] != '#') {
        to++;
    }
    return str_n(text.ptr + from, to - from);
}

static bool parse(struct str text, UriUriA *ret, size_t *ret_at)
{
    const char *at = NULL;
    *ret_at = 0;
    if (text.len == 0 || text.len > URL_MAX_BYTES) {
        return false;
    }
    const char *nul = memchr(text.ptr, '\0', text.len);
    if (nul) {
        *ret_at = (size_t)(nul - text.ptr);
        return false;
    }
    if (uriParseSingleUriExA(ret, text.ptr, text.ptr + text.len, &at) != URI_SUCCESS) {
        *ret_at = at && at >= text.ptr ? MIN((size_t)(at - text.ptr), text.len) : 0;
        return false;
    }
    return true;
}

bool url_text_split(struct str text, struct url_parts *ret, size_t *ret_at)
{
    UriUriA uri;
    if (!parse(text, &uri, ret_at)) {
        return false;
    }
    struct str user = slice(uri.userInfo);
    struct str host = slice(uri.hostText);
    const char *colon = user.ptr ? memchr(user.ptr, ':', user.len) : NULL;
    size_t split = colon ? (size_t)(colon - user.ptr) : user.len;
    *ret = (struct url_parts){
        .scheme = slice(uri.scheme),
        .user = str_n(user.ptr, split),
        .password = colon ? str_n(colon + 1, user.len - split - 1) : str_n(NULL, 0),
        .host = host,
        .port = slice(uri.portText),
        .path = path_of(text, &uri),
        .query = slice(uri.query),
        .fragment = slice(uri.fragment),
        .is_ipv6 = host.len && host.ptr > text.ptr && host.ptr[-1] == '[',
    };
    uriFreeUriMembersA(&uri);
    return true;
}

bool url_text_resolve(struct str base, struct str reference, struct buf *ret_text)
{
    UriUriA from, to, whole;
    size_t at;
    int needed = 0;
    bool done = false;
    if (!parse(base, &from, &at)) {
        return false;
    }
    if (!parse(reference, &to, &at)) {
        uriFreeUriMembersA(&from);
        return false;
    }
    if (uriAddBaseUriA(&whole, &to, &from) == URI_SUCCESS) {
        char *text = NULL;
        if (uriToStringCharsRequiredA(&whole, &needed) == URI_SUCCESS && needed >= 0) {
            text = buf_reserve(ret_text, (size_t)needed + 1);
        }
        if (text && uriToStringA(text, &whole, needed + 1, NULL) == URI_SUCCESS) {
            ret_text->len += strlen(text);
            done = true;
        }
        uriFreeUriMembersA(&whole);
    }
    uriFreeUriMembersA(&to);
    uriFreeUriMembersA(&from);
    return done;
}
