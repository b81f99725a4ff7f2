/* Owns the compilation of objects: columns, expressions, global ids, other rows. One thread. It
 * refuses what the viewer's role does not allow, what is nested too deeply and what could make too
 * many rows, all before anything runs. */
#include "api/gql_plan_priv.h"

#define RESOLVED_COST 10 /* what a field computed in C counts, in rows */

void gql_plan_init(struct gql_plan *p, struct gql_request *rq, const struct gql_viewer *viewer,
                   struct str public_url, int max_depth, int max_cost)
{
    memset(p, 0, sizeof(*p));
    p->rq = rq;
    p->viewer = viewer;
    p->public_url = public_url;
    p->max_depth = max_depth;
    p->max_cost = max_cost;
    buf_init(&p->sql, MIB(4));
}

void gql_plan_done(struct gql_plan *p)
{
    buf_done(&p->sql);
}

const char *gql_plan_param(struct gql_plan *p, struct db_param value, const char *type)
{
    if (p->n_params == GQL_MAX_PARAMS) {
        gql_fail(p->rq, (struct gql_loc){0}, "TOO_COMPLEX",
                 "The request has more than %d argument values.", GQL_MAX_PARAMS);
        return "NULL";
    }
    p->params[p->n_params++] = value;
    return arena_printf(p->rq->arena, "$%zu::%s", p->n_params, type);
}

const char *gql_plan_alias(struct gql_plan *p)
{
    return arena_printf(p->rq->arena, "t%d", ++p->n_aliases);
}

static const char *viewer_value(struct gql_plan *p, size_t which)
{
    static const char *const types[] = {"uuid", "uuid", "uuid", "text"};
    const struct db_param values[] = {DB_UUID(p->viewer->user), DB_UUID(p->viewer->organization),
                                      DB_UUID_OR_NULL(p->viewer->customer), DB_STR(p->public_url)};
    if (p->viewer_params[which] == 0) {
        (void)gql_plan_param(p, values[which], types[which]);
        p->viewer_params[which] = (int)p->n_params;
    }
    return arena_printf(p->rq->arena, "$%d::%s", p->viewer_params[which], types[which]);
}

void gql_plan_expand(struct gql_plan *p, struct buf *to, const char *template, const char *t,
                     const char *parent, const char *x, const char *v)
{
    static const char *const names[] = {
        "{user}", "{organization}", "{customer}", "{url}", "{t}", "{p}", "{x}", "{v}"};
    const char *const values[] = {NULL, NULL, NULL, NULL, t, parent, x, v};
    for (const char *c = template; *c;) {
        size_t i = 0;
        while (*c == '{' && i < ARRAY_LEN(names) && strncmp(c, names[i], strlen(names[i])) != 0) {
            i++;
        }
        if (*c != '{' || i == ARRAY_LEN(names) || (i >= 4 && !values[i])) {
            buf_addc(to, *c++);
            continue;
        }
        if (i == 6) { /* the expression of a field is a template, too */
            gql_plan_expand(p, to, x, t, parent, NULL, NULL);
        } else {
            buf_adds(to, i < 4 ? viewer_value(p, i) : values[i]);
        }
        c += strlen(names[i]);
    }
}

bool gql_plan_allowed(struct gql_plan *p, const struct gql_sel *sel)
{
    const struct gql_mapping *m = sel->def ? sel->def->mapping : NULL;
    bool of_customer = !uuid_is_nil(&p->viewer->customer);
    int needed = !m ? 0 : of_customer ? m->customer_role : m->org_role;
    if (!m || (needed > 0 && p->viewer->role >= needed)) {
        return true;
    }
    return gql_fail(p->rq, sel->loc, "FORBIDDEN", "Your role does not allow \"%.*s\".",
                    (int)sel->def->name.len, sel->def->name.ptr);
}

bool gql_plan_count(struct gql_plan *p, const struct gql_sel *sel, double rows)
{
    p->cost += rows;
    return p->cost <= p->max_cost ||
           gql_fail(p->rq, sel->loc, "TOO_COMPLEX",
                    "The request could return more than %d objects: ask for smaller pages with "
                    "\"first\".",
                    p->max_cost);
}

static bool plan_one(struct gql_plan *p, struct buf *to, struct gql_sel *sel, const char *where,
                     const char *parent, int depth, double rows)
{
    const struct gql_mapping *m = sel->def->mapping;
    const char *t = gql_plan_alias(p), *o = gql_plan_alias(p);
    AUTO(buf_done) struct buf filters = {0};
    buf_init(&filters, MIB(1));
    if (!gql_plan_count(p, sel, rows) || !gql_plan_filters(p, &filters, sel)) {
        return false;
    }
    buf_addf(to, "(SELECT row_to_json(%s) FROM (SELECT ", o);
    if (!gql_plan_fields(p, to, sel, m->type, t, depth, rows)) {
        return false;
    }
    buf_adds(to, " FROM ");
    gql_plan_expand(p, to, m->type->table->from, t, parent, NULL, NULL);
    buf_adds(to, " WHERE (");
    gql_plan_expand(p, to, where, t, parent, NULL, NULL);
    buf_addc(to, ')');
    if (filters.len > 0) {
        gql_plan_expand(p, to, filters.data, t, parent, NULL, NULL);
    }
    buf_addf(to, " LIMIT 1) %s)", o);
    return true;
}

static void plan_column(struct gql_plan *p, struct buf *to, const struct gql_sel *sel,
                        const char *t)
{
    const struct gql_mapping *m = sel->def->mapping;
    if (m->gid) {
        buf_addf(to, "leat_gid('%s', ", m->gid);
    } else if (m->date_time) {
        buf_adds(to, "leat_iso(");
    }
    gql_plan_expand(p, to, m->sql, t, NULL, NULL, NULL);
    buf_adds(to, m->gid || m->date_time ? ")" : "");
}

static bool plan_field(struct gql_plan *p, struct buf *to, struct gql_sel *sel,
                       const char *type_name, const char *t, int depth, double rows)
{
    if (!sel->def) {
        buf_addf(to, "'%s'::text", type_name);
        return true;
    }
    if (!gql_plan_allowed(p, sel)) {
        return false;
    }
    switch (sel->def->mapping->kind) {
    case GQL_MAP_COLUMN:
        plan_column(p, to, sel, t);
        return true;
    case GQL_MAP_ONE:
        return plan_one(p, to, sel, sel->def->mapping->sql, t, depth, rows);
    case GQL_MAP_CONNECTION:
        return gql_plan_connection(p, to, sel, t, depth, rows);
    case GQL_MAP_RESOLVE:
        if (!gql_plan_count(p, sel, rows * RESOLVED_COST)) {
            return false;
        }
        sel->post = true;
        gql_plan_expand(p, to, sel->def->mapping->sql, t, NULL, NULL, NULL);
        return true;
    case GQL_MAP_PLAIN:
    case GQL_MAP_MUTATION:
    case GQL_MAP_RESULT:
        break;
    }
    return gql_fail(p->rq, sel->loc, NULL, "Field \"%.*s\" cannot be used here.",
                    (int)sel->def->name.len, sel->def->name.ptr);
}

bool gql_plan_fields(struct gql_plan *p, struct buf *to, struct gql_sel *sel,
                     const struct gql_type_def *type, const char *alias, int depth, double rows)
{
    char type_name[64];
    snprintf(type_name, sizeof(type_name), "%.*s", (int)type->name.len, type->name.ptr);
    if (depth > p->max_depth) {
        return gql_fail(p->rq, sel->loc, "TOO_DEEP", "The request is nested deeper than %d levels.",
                        p->max_depth);
    }
    if (!sel->children && !gql_collect(p->rq, type, sel->sets, &sel->children)) {
        return false;
    }
    const char *comma = "";
    for (struct gql_sel *s = sel->children; s; s = s->next) {
        buf_adds(to, comma);
        comma = ", ";
        if (!plan_field(p, to, s, type_name, alias, depth + 1, rows)) {
            return false;
        }
        buf_addf(to, " AS \"%s\"", s->key);
        sel->post = sel->post || s->post;
    }
    return true;
}

static bool finish(struct gql_plan *p)
{
    if (p->sql.full) {
        gql_fail(p->rq, (struct gql_loc){0}, "TOO_COMPLEX", "The request is too complex.");
    }
    return p->rq->n_errors == 0;
}

bool gql_plan_query(struct gql_plan *p, struct gql_sel *roots)
{
    for (struct gql_sel *s = roots; s; s = s->next) {
        if (!s->def || !s->def->mapping) {
            continue;
        }
        p->rq->path = s->key;
        buf_adds(&p->sql, p->sql.len == 0 ? "SELECT " : ", ");
        if (!plan_field(p, &p->sql, s, "Query", "", 1, 1)) {
            return false;
        }
        buf_adds(&p->sql, "::text");
    }
    p->rq->path = NULL;
    return finish(p);
}

bool gql_plan_result(struct gql_plan *p, struct gql_sel *sel, const struct uuid *id)
{
    const char *v = gql_plan_param(p, DB_UUID(*id), "uuid");
    buf_adds(&p->sql, "SELECT ");
    if (!plan_one(p, &p->sql, sel, arena_printf(p->rq->arena, "{t}.id = %s", v), "", 2, 1)) {
        return false;
    }
    buf_adds(&p->sql, "::text");
    return finish(p);
}

bool gql_plan_name(struct gql_plan *p, const struct gql_type_def *type, const struct uuid *id)
{
    static const struct str names[] = {STR("email"), STR("name")};
    for (size_t i = 0; type->table && i < ARRAY_LEN(names); i++) {
        const struct gql_field_def *f = gql_type_field(type, names[i]);
        if (f && f->mapping && f->mapping->kind == GQL_MAP_COLUMN && !f->mapping->gid) {
            const char *t = gql_plan_alias(p), *v = gql_plan_param(p, DB_UUID(*id), "uuid");
            buf_adds(&p->sql, "SELECT left((");
            gql_plan_expand(p, &p->sql, f->mapping->sql, t, NULL, NULL, NULL);
            buf_adds(&p->sql, ")::text, 500) FROM ");
            gql_plan_expand(p, &p->sql, type->table->from, t, NULL, NULL, NULL);
            buf_addf(&p->sql, " WHERE %s.id = %s", t, v);
            return finish(p);
        }
    }
    return false;
}
