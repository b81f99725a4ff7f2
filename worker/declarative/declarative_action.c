/* Owns one step of a declarative component: requests page after page, and what comes back. On a
 * slot's thread, blocks inside the HTTP client. It refuses to go to another host for the next page,
 * since the credentials go along, and more pages than the component allows. */
#include "declarative/declarative_action.h"

#include "declarative/declarative_request.h"

#define WORDS_SHOWN 300

/* {status, headers, body} as paths see it. */
static int response_value(struct declarative_call *call, const struct http_response *r,
                          struct json *ret, struct err *err)
{
    static const enum http_response_type types[_DECL_RESPONSE_N] = {[DECL_AS_JSON] = HTTP_AS_JSON,
                                                                    [DECL_AS_TEXT] = HTTP_AS_TEXT,
                                                                    [DECL_AS_BINARY] =
                                                                        HTTP_AS_BINARY};
    struct arena *a = action_arena(call->ctx);
    struct json_builder whole, headers;
    struct json body;
    int rc = http_response_value(call->ctx, r, types[call->action->response], &body, err);
    if (rc < 0) {
        return rc;
    }
    json_build_object(&headers, a);
    for (size_t i = 0; i < r->n_headers; i++) {
        json_set(&headers, r->headers[i].name, json_str(r->headers[i].value));
    }
    json_build_object(&whole, a);
    json_append(&whole, STR("status"), json_num(r->status));
    json_append(&whole, STR("headers"), json_built(&headers));
    json_append(&whole, STR("body"), body);
    *ret = json_built(&whole);
    return 0;
}

static bool succeeded(const struct decl_action *action, int status)
{
    for (size_t i = 0; i < action->n_success; i++) {
        if (action->success[i] == status) {
            return true;
        }
    }
    return action->n_success == 0 && status >= 200 && status <= 299;
}

/* The other side's own words, where the component says where they are. */
static int failed(struct declarative_call *call, const struct http_response *r, struct json whole,
                  struct str host, struct err *err)
{
    struct json words =
        call->action->error ? path_resolve(call->action->error, whole) : json_undefined();
    int rc = http_status_error(r, host, err);
    if (words.type == JSON_STRING && words.len > 0 && str_utf8_valid(json_as_str(words))) {
        char code[sizeof(err->code)];
        bool retryable = err->retryable;
        size_t shown = MIN((size_t)words.len, (size_t)WORDS_SHOWN);
        while (shown > 0 && shown < words.len && ((unsigned char)words.str[shown] & 0xC0) == 0x80) {
            shown--;
        }
        (void)snprintf(code, sizeof(code), "%s", err->code);
        rc = err_set(err, rc, code, "%.*s answered %d: %.*s", (int)MIN(host.len, 120), host.ptr,
                     r->status, (int)shown, words.str);
        err->retryable = retryable;
    }
    return rc;
}

/* --- one request ------------------------------------------------------------------------------ */

static int send_once(struct declarative_call *call, struct str url, struct http_response *ret,
                     struct json *ret_whole, struct err *err)
{
    struct http_header_list headers = {.n = 0};
    struct http_request req = {.method = str_of(call->action->method), .url = url};
    int rc = declarative_headers(call, &headers, err);
    rc = rc ? rc : declarative_body(call, &headers, &req.body, &req.has_body, err);
    rc = rc ? rc : http_exchange(call->ctx, &req, &headers, call->action->timeout_ms, ret, err);
    if (rc == 0 && !succeeded(call->action, ret->status)) {
        struct err ignored = {0};
        if (response_value(call, ret, ret_whole, &ignored) < 0) {
            *ret_whole = json_undefined();
        }
        return failed(call, ret, *ret_whole, http_url_host(url), err);
    }
    return rc ? rc : response_value(call, ret, ret_whole, err);
}

static struct json results_of(const struct decl_action *action, struct json whole)
{
    return action->results ? path_resolve(action->results, whole) : json_get(whole, STR("body"));
}

/* --- pages ------------------------------------------------------------------------------------ */

static struct str number_text(struct arena *a, int64_t n)
{
    return str_of(arena_printf(a, "%lld", (long long)n));
}

/* The address of `Link: <...>; rel="next"`; "" when there is none. */
static struct str next_link(const struct http_response *r)
{
    struct str link = http_response_header(r, "link");
    for (size_t at = 0; at < link.len;) {
        ptrdiff_t open = str_find(link, STR("<"), at);
        ptrdiff_t close = open < 0 ? -1 : str_find(link, STR(">"), (size_t)open);
        if (close < 0) {
            break;
        }
        ptrdiff_t next = str_find(link, STR("<"), (size_t)close);
        size_t end = next < 0 ? link.len : (size_t)next;
        struct str params = str_n(link.ptr + close + 1, end - (size_t)close - 1);
        if (str_find(params, STR("rel=\"next\""), 0) >= 0 ||
            str_find(params, STR("rel=next"), 0) >= 0) {
            return str_n(link.ptr + open + 1, (size_t)(close - open) - 1);
        }
        at = end;
    }
    return STR("");
}

/* Up to the end of the host: the next page comes from the same place. */
static struct str origin_of(struct str url)
{
    struct str host = http_url_host(url);
    return host.len ? str_n(url.ptr, (size_t)(host.ptr + host.len - url.ptr)) : STR("");
}

static int follow_link(struct declarative_call *call, struct str link, struct str first,
                       struct str *ret, struct err *err)
{
    struct arena *a = action_arena(call->ctx);
    struct str origin = origin_of(first);
    bool is_path = str_starts(link, STR("/")) && !str_starts(link, STR("//"));
    if (is_path) {
        *ret = str_of(
            arena_printf(a, "%.*s%.*s", (int)origin.len, origin.ptr, (int)link.len, link.ptr));
        return 0;
    }
    if (!str_eq_ci(origin_of(link), origin)) {
        return err_set(err, -EINVAL, "component.paging",
                       "The next page is at another host, where the credentials must not go.");
    }
    *ret = link;
    return 0;
}

/* The address of page n (from 0); the state of the one before tells. *ret is "" at the end. */
struct pages {
    struct str first; /* without parameters of paging */
    struct str last_cursor;
    int64_t n;
};

static int next_page(struct declarative_call *call, struct pages *pages,
                     const struct http_response *r, struct json whole, uint32_t items,
                     struct str *ret, struct err *err)
{
    const struct decl_action *action = call->action;
    struct arena *a = action_arena(call->ctx);
    bool more = items > 0 && (action->size == 0 || items >= (uint32_t)action->size);
    *ret = STR("");
    switch (action->paging) {
    case DECL_ONE_PAGE:
    case _DECL_PAGING_N:
        return 0;
    case DECL_BY_PAGE:
        *ret = more ? declarative_add_query(a, pages->first, action->parameter,
                                            number_text(a, action->first + pages->n))
                    : *ret;
        return 0;
    case DECL_BY_OFFSET:
        *ret = more ? declarative_add_query(a, pages->first, action->parameter,
                                            number_text(a, pages->n * action->size))
                    : *ret;
        return 0;
    case DECL_BY_CURSOR: {
        struct json v = path_resolve(action->cursor, whole);
        struct str cursor = v.type == JSON_NUMBER ? number_text(a, (int64_t)v.num) : json_as_str(v);
        if (cursor.len && str_eq(cursor, pages->last_cursor)) {
            return err_set(err, -EPROTO, "component.paging",
                           "The cursor of the next page is that of the page before.");
        }
        pages->last_cursor = cursor;
        *ret =
            cursor.len ? declarative_add_query(a, pages->first, action->parameter, cursor) : *ret;
        return 0;
    }
    case DECL_BY_LINK: {
        struct str link = next_link(r);
        return link.len ? follow_link(call, link, pages->first, ret, err) : 0;
    }
    }
    return 0;
}

static int not_a_list(struct declarative_call *call, struct err *err)
{
    return err_set(err, -EPROTO, "component.paging",
                   "A page of %s holds no list where the component says that its items are.",
                   call->action->label);
}

static int all_pages(struct declarative_call *call, struct str url, struct json *ret,
                     struct err *err)
{
    const struct decl_action *action = call->action;
    struct arena *a = action_arena(call->ctx);
    struct pages pages = {.first = url};
    struct json_builder list;
    json_build_array(&list, a);
    if (action->size_name[0]) {
        pages.first =
            declarative_add_query(a, url, action->size_name, number_text(a, action->size));
    }
    url = pages.first;
    if (action->paging == DECL_BY_PAGE || action->paging == DECL_BY_OFFSET) {
        url = declarative_add_query(
            a, url, action->parameter,
            number_text(a, action->paging == DECL_BY_PAGE ? action->first : 0));
    }
    while (url.len) {
        struct http_response response;
        struct json whole;
        if (pages.n++ == action->max_pages) {
            return err_set(err, -EMSGSIZE, "component.paging",
                           "There are more than %d pages: ask for less at a time, or raise "
                           "maxPages in the component.",
                           action->max_pages);
        }
        int rc = send_once(call, url, &response, &whole, err);
        struct json items = rc == 0 ? results_of(action, whole) : json_undefined();
        if (rc == 0 && items.type != JSON_ARRAY) {
            rc = not_a_list(call, err);
        }
        rc = rc ? rc : action_room(call->ctx, (size_t)items.len * 2 * sizeof(items), err);
        for (uint32_t i = 0; rc == 0 && i < items.len; i++) {
            json_push(&list, items.items[i]);
        }
        rc = rc ? rc : next_page(call, &pages, &response, whole, items.len, &url, err);
        if (rc < 0) {
            return rc;
        }
    }
    *ret = json_built(&list);
    return 0;
}

int declarative_perform(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct declarative_call call;
    struct str url;
    int rc = declarative_call_init(&call, ctx, err);
    rc = rc ? rc : declarative_url(&call, &url, err);
    if (rc < 0) {
        return rc;
    }
    if (call.action->paging != DECL_ONE_PAGE) {
        return all_pages(&call, url, &ret->data, err);
    }
    struct http_response response;
    struct json whole;
    rc = send_once(&call, url, &response, &whole, err);
    if (rc == 0) {
        ret->data = results_of(call.action, whole);
        ret->data = ret->data.type == JSON_UNDEFINED ? json_null() : ret->data;
    }
    return rc;
}
