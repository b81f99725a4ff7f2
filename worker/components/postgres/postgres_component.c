/* Owns the description of the PostgreSQL component and its query action: what is asked, and of
 * which server. Called on the slot's thread, blocks inside the client. */
#include "components/connection_fields.h"
#include "components/postgres/postgres_client.h"
#include "components/postgres/postgres_poll.h"
#include "components/registry.h"

#define PORT 5432

#define CONNECTION_INPUT                                                                           \
    {                                                                                              \
        .key = "postgresConnection", .label = "Connection", .type = CATALOG_CONNECTION,            \
        .required = true,                                                                          \
        .comments =                                                                                \
            "The server: host, port, database, username, password, requireSSL and timeout "        \
            "(ms, for connecting). verifyCertificate asks for a certificate that the "             \
            "system trusts.",                                                                      \
    }
static const struct action_input query_inputs[] = {
    CONNECTION_INPUT,
    {
        .key = "queryField",
        .label = "Query Field",
        .type = CATALOG_CODE,
        .required = true,
        .comments =
            "The SQL to run, in a transaction of its own. Write ${name} where a named "
            "parameter goes, $1 where one of a list goes. Values are bound, so they need no "
            "quotes; where PostgreSQL cannot tell a type, add a cast, as ${id}::int. "
            "${ids:csv} stands for the items of a list, ${order:json} for a value as JSON.",
        .example = "select id, total from orders where customer = ${customer} limit ${limit}",
    },
    {
        .key = "params",
        .label = "Named Parameters",
        .type = CATALOG_JSON,
        .collection = CATALOG_KEY_VALUE_LIST,
        .comments = "Values by name.",
    },
    {
        .key = "paramsObject",
        .label = "Parameters Object or Array",
        .type = CATALOG_CODE,
        .comments = "More values by name, as an object; or a list for $1, $2.",
        .example = "{\"customer\": 17, \"limit\": 50}",
    },
    {
        .key = "debug",
        .label = "Debug",
        .type = CATALOG_BOOLEAN,
        .fallback = "false",
        .comments = "Write the query to the log, without the values.",
    },
    {0},
};

static const struct action_input poll_inputs[] = {
    CONNECTION_INPUT,
    {
        .key = "tableName",
        .label = "Table Name",
        .type = CATALOG_STRING,
        .required = true,
        .comments = "The table or view to look at, as it is named in the database, with its schema "
                    "where that is needed.",
        .example = "shop.orders",
    },
    {
        .key = "cursorField",
        .label = "Cursor Field",
        .type = CATALOG_STRING,
        .fallback = "updated_at",
        .comments = "The column that tells what is new: its values grow with every new or changed "
                    "row, as those of an identity or of a time of change do. An index on it keeps "
                    "looking cheap.",
        .example = "id",
    },
    {
        .key = "castTimestampsToStrings",
        .label = "Cast Timestamps to Strings",
        .type = CATALOG_BOOLEAN,
        .fallback = "true",
        .comments = "Give timestamps as PostgreSQL writes them, with microseconds, in UTC; "
                    "otherwise as ISO 8601 with milliseconds.",
    },
    {0},
};

static int read_target(struct action_context *ctx, struct postgres_target *ret, struct err *err)
{
    struct connection_fields c;
    bool require = false, verify = false;
    int rc = connection_fields_read(ctx, "postgresConnection", &c, err);
    if (rc == 0) {
        rc = connection_server(&c, "postgres", PORT, &ret->server, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "requireSSL", false, &require, err);
    }
    if (rc == 0) {
        rc = connection_field_bool(&c, "verifyCertificate", false, &verify, err);
    }
    if (rc < 0) {
        return rc;
    }
    ret->tls = verify ? POSTGRES_VERIFY : require ? POSTGRES_REQUIRE : POSTGRES_PREFER;
    ret->database = connection_field(&c, "database");
    if (ret->database.len == 0) {
        return connection_field_error(&c, "database", err, "is empty.");
    }
    if (ret->server.username.len == 0) {
        return connection_field_error(&c, "username", err, "is empty.");
    }
    const struct str texts[] = {ret->database, ret->server.username, ret->server.password};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].len > KIB(8) || memchr(texts[i].len ? texts[i].ptr : "", '\0', texts[i].len)) {
            return action_input_error(ctx, "postgresConnection", err,
                                      "has a field that is too long or holds a NUL character.");
        }
    }
    return 0;
}

/* The named ones with those of the object over them, or the list. */
static int read_parameters(struct action_context *ctx, struct json *ret, struct err *err)
{
    struct json named, more, list;
    int rc = action_input_object(ctx, "params", &named, err);
    if (rc == 0) {
        rc = action_input_value(ctx, "paramsObject", &more, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (more.type == JSON_STRING && str_starts(str_trim(json_as_str(more)), STR("["))) {
        rc = action_input_list(ctx, "paramsObject", &list, err);
        more = rc == 0 ? list : more;
    }
    if (rc == 0 && more.type == JSON_ARRAY) {
        if (named.len) {
            return action_input_error(ctx, "paramsObject", err,
                                      "is a list, so there can be no Named Parameters beside it.");
        }
        *ret = more;
        return 0;
    }
    if (rc == 0) {
        rc = action_input_object(ctx, "paramsObject", &more, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct json_builder b;
    json_build_object(&b, action_arena(ctx));
    for (uint32_t i = 0; i < named.len; i++) {
        json_set(&b, named.members[i].key, named.members[i].value);
    }
    for (uint32_t i = 0; i < more.len; i++) {
        json_set(&b, more.members[i].key, more.members[i].value);
    }
    *ret = json_built(&b);
    return 0;
}

static int query(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct postgres_target target;
    struct postgres_query q = {0};
    struct json parameters;
    struct str sql;
    bool debug;
    char why[300] = "";
    int rc = read_target(ctx, &target, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "queryField", &sql, err);
    }
    if (rc == 0) {
        rc = read_parameters(ctx, &parameters, err);
    }
    if (rc == 0) {
        rc = action_input_bool(ctx, "debug", &debug, err);
    }
    if (rc < 0) {
        return rc;
    }
    rc = postgres_query_build(action_arena(ctx), sql, parameters, &q, why, sizeof(why));
    if (rc == -ENOMEM) {
        rc = action_room(ctx, SIZE_MAX, err);
    } else if (rc < 0) {
        rc = action_input_error(ctx, "queryField", err, "%s", why);
    }
    if (rc < 0) {
        return rc;
    }
    if (debug) {
        action_log(ctx, LINE_DEBUG, sql);
    }
    action_block_begin(ctx);
    rc = postgres_run(ctx, &target, &q, &ret->data, err);
    action_block_end(ctx);
    return rc;
}

static int poll_table(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct postgres_target target;
    int rc = read_target(ctx, &target, err);
    return rc < 0 ? rc : postgres_poll(ctx, &target, ret, err);
}

static const struct action actions[] = {
    {
        .key = "pollTable",
        .label = "New and Updated Records in Table",
        .description =
            "Looks for new and changed rows of a table on a schedule, and starts the flow with "
            "them, up to 1,000 at once. The first time finds nothing: it is noted where the table "
            "stands.",
        .flags = ACTION_TRIGGER | ACTION_READS | ACTION_SCHEDULE | ACTION_SCHEDULE_REQUIRED,
        .inputs = poll_inputs,
        .example = "{\"body\": {\"data\": [{\"id\": 17, \"total\": \"9.90\", \"updated_at\": "
                   "\"2026-01-02 03:04:05.678901+00\"}]}}",
        .perform = poll_table,
    },
    {
        .key = "query",
        .label = "Query",
        .description = "Runs SQL on a PostgreSQL database and returns the rows.",
        .flags = ACTION_READS | ACTION_WRITES,
        .inputs = query_inputs,
        .example = "[{\"id\": 1, \"first_name\": \"Jane\", \"created_at\": "
                   "\"2026-01-02T03:04:05.000Z\", \"is_active\": true}]",
        .perform = query,
    },
    {0},
};

const struct component component_postgres = {
    .key = "postgres",
    .label = "PostgreSQL",
    .description = "Query a PostgreSQL database.",
    .category = "Network",
    .version = 1,
    .actions = actions,
};
