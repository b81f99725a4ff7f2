/* A component as one YAML file: connections, and actions that are HTTP requests. Parsed and checked
 * into an immutable form that the control plane publishes and the worker runs. The format is told
 * in docs/declarative-components.md. */
#pragma once

#include "err.h"
#include "expr/path.h"
#include "str.h"

#define DECL_MAX_BYTES   KIB(256)
#define DECL_MAX_ACTIONS 200
#define DECL_MAX_FIELDS  100 /* inputs of an action, fields of a connection, headers, parameters */
#define DECL_MAX_PAGES   1000

/* What a text may refer to: {{$inputs.key}}, {{$connection.field}}, {{$token.access_token}}. */
enum decl_root { DECL_INPUTS, DECL_CONNECTION, DECL_TOKEN, _DECL_ROOT_N };

struct decl_part {
    const struct path *path; /* NULL: literal text */
    enum decl_root root;
    struct str text;
};
struct decl_text {
    const struct decl_part *parts;
    size_t n;
};
struct decl_pair { /* a header or a query parameter */
    const char *name;
    struct decl_text value;
};
struct decl_pairs {
    struct decl_pair *items;
    size_t n;
};

/* The body of a request: a tree of texts, other scalars, lists and objects. */
struct decl_value;
struct decl_member {
    struct str key;
    struct decl_value *value;
};
struct decl_value {
    enum { DECL_TEXT, DECL_LITERAL, DECL_LIST, DECL_OBJECT } kind;
    struct decl_text text;
    struct json literal;         /* null, true, false or a number */
    struct decl_member *members; /* of an object, and of a list without keys */
    size_t n;
};

struct decl_field { /* an input of an action, or a field of a connection */
    const char *key, *label, *type, *comments, *fallback, *example, *placeholder;
    const char *collection; /* "", "valuelist" or "keyvaluelist" */
    bool required, shown;
    const char **choices;
    size_t n_choices;
};
struct decl_fields {
    struct decl_field *items;
    size_t n;
};

enum decl_auth {
    DECL_NO_AUTH,
    DECL_BASIC,
    DECL_BEARER,
    DECL_HEADER,
    DECL_QUERY,
    DECL_OAUTH2_CODE,
    DECL_OAUTH2_CLIENT,
    _DECL_AUTH_N
};
struct decl_connection {
    const char *key, *label, *comments;
    enum decl_auth auth;
    const char *name;        /* HEADER, QUERY */
    struct decl_text value;  /* BEARER, HEADER, QUERY; BASIC: the user's name */
    struct decl_text secret; /* BASIC: the password */
    struct decl_fields fields;
};

enum decl_body { DECL_NO_BODY, DECL_BODY_JSON, DECL_BODY_FORM, DECL_BODY_TEXT, _DECL_BODY_N };
enum decl_paging {
    DECL_ONE_PAGE,
    DECL_BY_PAGE,
    DECL_BY_OFFSET,
    DECL_BY_CURSOR,
    DECL_BY_LINK,
    _DECL_PAGING_N
};
enum decl_response { DECL_AS_JSON, DECL_AS_TEXT, DECL_AS_BINARY, _DECL_RESPONSE_N };

struct decl_action {
    const char *key, *label, *description, *example;
    struct decl_fields inputs;
    const char *method;
    struct decl_text path;
    struct decl_pairs query, headers;
    enum decl_body body_type;
    struct decl_value *body; /* NULL = none */
    int timeout_ms;          /* 0 = the execution's */
    /* The response, as {status, headers, body}. */
    enum decl_response response;
    const struct path *results; /* NULL = the body */
    const struct path *error;   /* where a failure's words are; NULL = none */
    int *success;               /* statuses; none = 200 to 299 */
    size_t n_success;
    /* Pages: the lists at `results` put together. */
    enum decl_paging paging;
    const char *parameter;     /* PAGE, OFFSET, CURSOR: of the query */
    const char *size_name;     /* parameter that asks for `size` items a page; "" = none */
    int first, size;           /* PAGE: the first page's number; OFFSET: also the step */
    const struct path *cursor; /* CURSOR: where the next one is */
    int max_pages;
};

/* A webhook whose calls are checked before the flow runs. */
struct decl_trigger {
    const char *key, *label, *description, *example;
    struct decl_fields inputs;
    const char *header;    /* of the signature; "" = calls are not signed */
    const char *algorithm; /* of the HMAC: sha256, sha1 or sha512 */
    const char *prefix;    /* before the signature */
    bool base64;           /* else hex */
    struct decl_text secret;
    const char
        *timestamp_header; /* seconds, signed as "<timestamp>.<body>"; "" = only the body is */
    int tolerance_s;
    const char *challenge_parameter; /* of the query: it is answered with its value; "" = none */
    const struct path *challenge;    /* likewise of the body; NULL = none */
};

struct declarative {
    const char *key, *label, *description, *category, *documentation_url;
    struct decl_text base_url;
    struct decl_pairs headers;
    struct decl_connection *connections;
    size_t n_connections;
    struct decl_action *actions;
    size_t n_actions;
    struct decl_trigger *triggers;
    size_t n_triggers;
};

/* Everything is in the arena, and `text` is not needed afterwards. -EINVAL with at least one error,
 * each with line, column and path. */
int declarative_parse(struct arena *a, struct str text, struct declarative **ret,
                      struct err_list *errors) must_check;
/* What publishComponent would be told of it: {definition, actions, triggers, connections}. */
struct json declarative_describe(struct arena *a, const struct declarative *d);
