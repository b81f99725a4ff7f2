/* Shared by gql_plan.c, gql_plan_page.c and gql_plan_filter.c only. */
#pragma once

#include "api/gql_plan.h"

/* Appends a template of the schema: {t} {p} {x} {v} and the viewer's placeholders. NULL leaves a
 * placeholder as it is. */
void gql_plan_expand(struct gql_plan *p, struct buf *to, const char *template, const char *t,
                     const char *parent, const char *x, const char *v);
/* A new parameter: its "$n::type" in the arena; fails the request past GQL_MAX_PARAMS. */
const char *gql_plan_param(struct gql_plan *p, struct db_param value, const char *type);
const char *gql_plan_alias(struct gql_plan *p);
/* Writes the select list of an object: what `SELECT` is followed by. */
bool gql_plan_fields(struct gql_plan *p, struct buf *to, struct gql_sel *sel,
                     const struct gql_type_def *type, const char *alias, int depth, double rows);
bool gql_plan_connection(struct gql_plan *p, struct buf *to, struct gql_sel *sel,
                         const char *parent, int depth, double rows);
/* The conditions of a field's own @where and @filter arguments, each " AND (...)", with {t} kept.
 */
bool gql_plan_filters(struct gql_plan *p, struct buf *to, const struct gql_sel *sel);
/* The query of the keys whose rows are merged to a page: of the first argument given that names
 * them, or of who asks. NULL = rows are not merged. */
const char *gql_plan_merge_keys(struct gql_plan *p, const struct gql_sel *sel);
bool gql_plan_count(struct gql_plan *p, const struct gql_sel *sel, double rows);
