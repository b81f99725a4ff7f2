/* Owns the arguments of the tail and the form of its events. Pure; any thread. Ids that are none of
 * their type match nothing that there is: they are refused. */
#include "tail/tail_filter.h"

#include <ctype.h>

#include "enc.h"

static bool read_severity(struct str value, int *ret)
{
    int64_t n;
    if (!str_to_i64(value, &n) || n < 0 || n > 6) {
        return false;
    }
    *ret = (int)n;
    return true;
}

static bool read_argument(struct tail_filter *f, struct str name, struct str value)
{
    const struct {
        const char *name, *type;
        struct uuid *to;
    } ids[] = {{"instance", "Instance", &f->instance},
               {"instance_Customer", "Customer", &f->customer},
               {"instance_Integration", "Integration", &f->integration},
               {"flowConfig", "InstanceFlowConfig", &f->flow_config},
               {"executionResult", "InstanceExecutionResult", &f->execution}};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        if (str_eq(name, str_of(ids[i].name))) {
            return global_id_parse(value, ids[i].type, ids[i].to);
        }
    }
    if (str_eq(name, STR("severity_Gte"))) {
        return read_severity(value, &f->severity);
    }
    if (!str_eq(name, STR("message_Icontains")) || value.len >= sizeof(f->text)) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        f->text[i] = (char)tolower((unsigned char)value.ptr[i]);
    }
    return true;
}

bool tail_filter_read(struct tail_filter *f, struct str query, const char **ret_words)
{
    AUTO(arena_free) struct arena *a = arena_new(KIB(4), KIB(64));
    memset(f, 0, sizeof(*f));
    *ret_words = "the query has instance, instance_Customer, instance_Integration, flowConfig, "
                 "executionResult (ids), severity_Gte (0 to 6) and message_Icontains";
    while (query.len > 0 && query.len <= KIB(4)) {
        ptrdiff_t end = str_find(query, STR("&"), 0);
        struct str one = str_n(query.ptr, end < 0 ? query.len : (size_t)end);
        ptrdiff_t is = str_find(one, STR("="), 0);
        size_t used = one.len + (end < 0 ? 0 : 1);
        query = str_n(query.ptr + used, query.len - used);
        if (one.len > 0 &&
            (is < 0 ||
             !read_argument(
                 f, str_n(one.ptr, (size_t)is),
                 enc_percent_decode(a, str_n(one.ptr + is + 1, one.len - (size_t)is - 1), true)))) {
            return false;
        }
    }
    return query.len == 0;
}

void tail_filter_done(struct tail_filter *f)
{
    mem_free(f->instances);
    f->instances = NULL;
    f->n_instances = 0;
}

bool tail_message_read(struct arena *a, struct str text, struct tail_message *ret)
{
    return json_parse(a, text, &ret->body, NULL) == 0 &&
           global_id_parse(json_as_str(json_get(ret->body, STR("instance"))), "Instance",
                           &ret->instance) &&
           global_id_parse(json_as_str(json_get(ret->body, STR("flowConfig"))),
                           "InstanceFlowConfig", &ret->flow_config) &&
           global_id_parse(json_as_str(json_get(ret->body, STR("executionResult"))),
                           "InstanceExecutionResult", &ret->execution);
}

static bool any_or(const struct uuid *wanted, const struct uuid *is)
{
    return uuid_is_nil(wanted) || uuid_eq(wanted, is);
}

static bool sees(const struct tail_filter *f, const struct uuid *instance)
{
    size_t lo = 0, hi = f->n_instances;
    while (!f->all && lo < hi) {
        size_t mid = (lo + hi) / 2;
        int order = uuid_cmp(&f->instances[mid], instance);
        if (order == 0) {
            return true;
        }
        lo = order < 0 ? mid + 1 : lo;
        hi = order < 0 ? hi : mid;
    }
    return f->all;
}

bool tail_filter_takes(const struct tail_filter *f, const struct tail_message *m)
{
    return any_or(&f->instance, &m->instance) && any_or(&f->flow_config, &m->flow_config) &&
           any_or(&f->execution, &m->execution) && sees(f, &m->instance);
}

static bool has_text(struct str message, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; n > 0 && i + n <= message.len; i++) {
        size_t k = 0;
        while (k < n && tolower((unsigned char)message.ptr[i + k]) == (unsigned char)text[k]) {
            k++;
        }
        if (k == n) {
            return true;
        }
    }
    return n == 0;
}

/* The members that all events have, with those of `own`. */
static void event(struct buf *to, const char *name, const struct tail_message *m, struct arena *a,
                  struct json own)
{
    static const char *const shared[] = {"executionResult", "instance", "flowConfig"};
    struct json_builder b;
    json_build_object(&b, a);
    for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
        json_append(&b, str_of(shared[i]), json_get(m->body, str_of(shared[i])));
    }
    for (uint32_t i = 0; own.type == JSON_OBJECT && i < own.len; i++) {
        json_append(&b, own.members[i].key, own.members[i].value);
    }
    buf_addf(to, "event: %s\ndata: ", name);
    json_dump(to, json_built(&b));
    buf_adds(to, "\n\n");
}

static void write_end(const struct tail_message *m, struct arena *a, struct buf *to)
{
    static const char *const members[] = {"status", "startedAt", "endedAt", "error"};
    struct json_builder own;
    json_build_object(&own, a);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_append(&own, str_of(members[i]), json_get(m->body, str_of(members[i])));
    }
    event(to, "execution", m, a, json_built(&own));
}

void tail_write(const struct tail_filter *f, const struct tail_message *m, struct arena *a,
                struct buf *to, size_t *ret_n)
{
    struct json lines = json_get(m->body, STR("lines")), steps = json_get(m->body, STR("steps"));
    *ret_n = 0;
    for (uint32_t i = 0; steps.type == JSON_ARRAY && i < steps.len; i++, ++*ret_n) {
        event(to, "step", m, a, steps.items[i]);
    }
    for (uint32_t i = 0; lines.type == JSON_ARRAY && i < lines.len; i++) {
        struct json line = lines.items[i];
        if (json_get(line, STR("severity")).num >= f->severity &&
            has_text(json_as_str(json_get(line, STR("message"))), f->text)) {
            event(to, "line", m, a, line);
            ++*ret_n;
        }
    }
    if (json_get(m->body, STR("status")).type == JSON_STRING) {
        write_end(m, a, to);
        ++*ret_n;
    }
}
