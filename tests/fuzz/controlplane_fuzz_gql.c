/* Requests to the API up to the point where they would reach the database: parse, validate, coerce,
 * plan. The first line of the input may be the JSON of the variables. */
#include "api/api_schema.h"
#include "api/gql_parse.h"
#include "api/gql_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gql_schema *schema;

static void plan(struct gql_request *rq)
{
    struct gql_viewer viewer = {.role = 5};
    AUTO(gql_plan_done) struct gql_plan p;
    struct gql_set set = {.selections = rq->operation->selections};
    struct gql_sel *roots;
    gql_plan_init(&p, rq, &viewer, STR("https://x.example"), 15, 250000);
    if (!gql_collect(rq, gql_schema_root(rq->schema, rq->operation->kind), &set, &roots)) {
        return;
    }
    for (struct gql_sel *s = roots; s; s = s->next) {
        struct json v;
        if (s->def && !s->def->mapping) {
            (void)gql_introspect(rq, s, &v);
        }
    }
    if (rq->operation->kind == GQL_QUERY) {
        (void)gql_plan_query(&p, roots);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct embed_file *sdl = &api_schema_files[0];
    if (!schema && gql_schema_new(str_n(sdl->data, sdl->len), &schema, NULL) != 0) {
        abort();
    }
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    struct gql_request rq = {.arena = a, .schema = schema};
    struct str text = str_n((const char *)data, size);
    struct json variables = json_undefined();
    const char *end = size > 0 && data[0] == '{' ? memchr(data, '\n', size) : NULL;
    if (end && json_parse(a, str_n(text.ptr, (size_t)(end - text.ptr)), &variables, NULL) == 0) {
        text = str_n(end + 1, text.len - (size_t)(end + 1 - text.ptr));
    }
    if (gql_parse_request(a, text, &rq.doc, NULL) < 0 || !gql_validate(&rq)) {
        return 0;
    }
    rq.operation = rq.doc.operations;
    if (rq.operation && gql_coerce_variables(&rq, variables)) {
        plan(&rq);
    }
    return 0;
}
