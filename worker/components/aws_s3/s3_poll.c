/* Owns the triggers that ask S3 on a schedule: objects that are new or changed, and new buckets.
 * What was seen is kept in the flow's state: the latest time, and what had that time, since S3
 * tells seconds only. Called on the slot's thread, blocks in the HTTP client. It refuses buckets of
 * more pages than it can read in one execution. */
#include "clock.h"
#include "components/aws_s3/s3.h"
#include "components/trigger_payload.h"

#define STATE_KEY STR("aws-s3.polled")
#define MAX_PAGES 50   /* of 1,000 objects or buckets */
#define MAX_SEEN  1000 /* of one second; more are given again */

/* What is asked for, and where it stands in the answer. */
struct poll_kind {
    bool buckets;
    const char *list, *id, *time;
};
static const struct poll_kind of_objects = {false, "Contents", "Key", "LastModified"};
static const struct poll_kind of_buckets = {true, "Buckets", "Name", "CreationDate"};

struct poll {
    const struct poll_kind *kind;
    struct json since, seen;
    bool first;        /* nothing counts as found: it is only noted what there is */
    struct str latest; /* the latest time found, or since */
    struct json_builder found, at_latest;
};

static int compare(struct str x, struct str y)
{
    int order = memcmp(x.ptr, y.ptr, MIN(x.len, y.len));
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static bool holds(struct json list, struct str id)
{
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        if (str_eq(json_as_str(list.items[i]), id)) {
            return true;
        }
    }
    return false;
}

static void take(struct action_context *ctx, struct poll *p, struct json item)
{
    struct json id = json_get(item, str_of(p->kind->id));
    struct str time = json_as_str(json_get(item, str_of(p->kind->time)));
    int order = compare(time, json_as_str(p->since));
    if (id.type != JSON_STRING || time.len == 0 || order < 0) {
        return;
    }
    if (!p->first && (order > 0 || !holds(p->seen, json_as_str(id)))) {
        json_push(&p->found, p->kind->buckets ? item : id);
    }
    order = compare(time, p->latest);
    if (order > 0) {
        p->latest = time;
        json_build_array(&p->at_latest, action_arena(ctx));
    }
    if (order >= 0 && p->at_latest.len < MAX_SEEN) {
        json_push(&p->at_latest, id);
    }
}

/* Where to begin: what was seen last, else the date to look back to, else now. */
static int begin(struct action_context *ctx, struct poll *p, struct err *err)
{
    struct json state;
    struct str date;
    int rc = action_state_get(ctx, STATE_INSTANCE, STATE_KEY, &state, err);
    rc = rc == 0 ? aws_text(ctx, "lookBackDate", &date, err) : rc;
    if (rc < 0) {
        return rc;
    }
    p->since = json_get(state, STR("since"));
    p->seen = json_get(state, STR("seen"));
    for (size_t i = 0; i < date.len; i++) {
        bool dash = i == 4 || i == 7;
        if (date.len != 10 ||
            (dash ? date.ptr[i] != '-' : date.ptr[i] < '0' || date.ptr[i] > '9')) {
            return action_input_error(ctx, "lookBackDate", err, "must be a date like 2026-01-31.");
        }
    }
    if (p->since.type != JSON_STRING && date.len) {
        p->since = json_str(date); /* less than any time of that day */
    }
    if (p->since.type != JSON_STRING) {
        char now[CLOCK_ISO_LEN + 1];
        clock_iso(clock_now_ns() / NS_PER_SEC * NS_PER_SEC, now);
        p->first = true;
        p->since = json_cstr(arena_strdup(action_arena(ctx), now));
    }
    p->latest = json_as_str(p->since);
    json_build_array(&p->found, action_arena(ctx));
    json_build_array(&p->at_latest, action_arena(ctx));
    return 0;
}

static int read_pages(struct action_context *ctx, struct poll *p, struct err *err)
{
    struct aws_session s;
    struct aws_request first;
    struct str token = STR(""), prefix = STR("");
    int rc = s3_start(ctx, "GET", &s, &first, err);
    rc = rc == 0 && !p->kind->buckets ? action_input_text(ctx, "prefix", &prefix, err) : rc;
    for (int page = 0; rc == 0 && (page == 0 || token.len); page++) {
        struct aws_request r;
        struct http_response reply;
        struct json value;
        if (page == MAX_PAGES) {
            return err_set(err, -E2BIG, "aws.too_large",
                           "There are more than %d objects to look through. Give a prefix.",
                           MAX_PAGES * 1000);
        }
        aws_request_init(&r, AWS_S3, "GET");
        r.bucket = first.bucket;
        if (p->kind->buckets) {
            aws_query(&r, "max-buckets", STR("1000")); /* large accounts must ask for pages */
        } else {
            aws_query(&r, "list-type", STR("2"));
            aws_query(&r, "encoding-type", STR("url"));
            aws_query_if(&r, "prefix", prefix);
        }
        aws_query_if(&r, "continuation-token", token);
        rc = s3_send_xml(ctx, &s, &r, s3_rules, &reply, &value, err);
        if (rc < 0) {
            return rc;
        }
        struct json list = json_get(s3_decoded_keys(ctx, value), str_of(p->kind->list));
        for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
            take(ctx, p, list.items[i]);
        }
        token = json_as_str(json_get(value, p->kind->buckets ? STR("ContinuationToken")
                                                             : STR("NextContinuationToken")));
    }
    return rc;
}

static int keep(struct action_context *ctx, struct poll *p, struct err *err)
{
    struct json_builder seen = p->at_latest, state;
    /* Nothing later came: what was seen at that time before still counts. */
    for (uint32_t i = 0; str_eq(p->latest, json_as_str(p->since)) && p->seen.type == JSON_ARRAY &&
                         i < p->seen.len && seen.len < MAX_SEEN;
         i++) {
        if (!holds(json_built(&seen), json_as_str(p->seen.items[i]))) {
            json_push(&seen, p->seen.items[i]);
        }
    }
    json_build_object(&state, action_arena(ctx));
    json_append(&state, STR("since"), json_str(p->latest));
    json_append(&state, STR("seen"), json_built(&seen));
    return action_state_set(ctx, STATE_INSTANCE, STATE_KEY, json_built(&state), err);
}

static int run(struct action_context *ctx, const struct poll_kind *kind, struct action_result *ret,
               struct err *err)
{
    struct poll p = {.kind = kind};
    int rc = begin(ctx, &p, err);
    rc = rc == 0 ? read_pages(ctx, &p, err) : rc;
    rc = rc == 0 ? keep(ctx, &p, err) : rc;
    if (rc < 0) {
        return rc;
    }
    trigger_payload_polled(ctx, json_built(&p.found), p.found.len, ret);
    return 0;
}

int s3_poll_objects(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return run(ctx, &of_objects, ret, err);
}

int s3_poll_buckets(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return run(ctx, &of_buckets, ret, err);
}
