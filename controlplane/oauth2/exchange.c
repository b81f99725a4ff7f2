/* Owns asking the server of a connection for a token. Called on lane threads and by the refresher.
 * It follows no redirects, which would carry the client's secret elsewhere, and keeps no answer. */
#include "oauth2/exchange.h"

#include "clock.h"
#include "net/http_client.h"
#include "secret.h"

#define FORM_MAX    KIB(64)
#define HEADERS_MAX 20

/* An object of texts, or the JSON text of one; others are left out. */
static size_t add_headers(struct arena *a, struct json given, struct http_header *list)
{
    size_t n = 0;
    if (given.type == JSON_STRING && json_parse(a, json_as_str(given), &given, NULL) < 0) {
        return 0;
    }
    for (uint32_t i = 0; given.type == JSON_OBJECT && i < given.len && n < HEADERS_MAX; i++) {
        struct str value = json_as_str(given.members[i].value);
        if (value.len > 0) {
            list[n++] = (struct http_header){given.members[i].key, value, true};
        }
    }
    return n;
}

int exchange_ask(const struct address_policy *policy, struct arena *a,
                 const struct oauth2_client *client, const struct oauth2_ask *ask,
                 struct json before, struct oauth2_token *ret, struct err *err)
{
    AUTO(buf_done) struct buf form = {0};
    AUTO(http_client_free)
    struct http_client *http = http_client_new(
        &(struct http_client_options){.policy = policy, .max_response_bytes = OAUTH2_ANSWER_MAX});
    struct http_header headers[HEADERS_MAX + 2] = {
        {STR("Content-Type"), STR("application/x-www-form-urlencoded"), false},
        {STR("Accept"), STR("application/json"), false}};
    struct http_response response;
    const char *lacks = oauth2_client_lacks(client);
    if (lacks) {
        return err_set(err, -EINVAL, "oauth2.incomplete", "%s", lacks);
    }
    buf_init(&form, FORM_MAX);
    oauth2_ask_form(client, ask, &form);
    if (form.full) {
        return err_set(err, -EMSGSIZE, "oauth2.too_large", "The request would be too large.");
    }
    struct http_request request = {.method = STR("POST"),
                                   .url = oauth2_ask_url(client, ask),
                                   .headers = headers,
                                   .n_headers = 2 + add_headers(a, client->headers, headers + 2),
                                   .body = buf_str(&form),
                                   .has_body = true,
                                   .no_redirects = true,
                                   .deadline_ns = clock_mono_ns() + EXCHANGE_MS * NS_PER_MS};
    int r = http_client_send(http, a, &request, &response, err);
    secret_wipe(form.data, form.len);
    return r ? r : oauth2_answer_read(a, response.status, response.body, before, ret, err);
}

int64_t exchange_due_in(const struct oauth2_client *client, const struct oauth2_token *token)
{
    uint32_t random;
    struct str renewal = json_as_str(json_get(token->fields, STR("refresh_token")));
    if (token->expires_s <= 0) {
        return 0;
    }
    if (client->grant == OAUTH2_CODE && renewal.len == 0) {
        return token->expires_s;
    }
    secret_random(&random, sizeof(random));
    return oauth2_refresh_in(token->expires_s, random);
}
