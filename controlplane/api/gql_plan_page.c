/* Owns Relay connections: order, cursors, pages, totalCount. A cursor is base64 of a JSON array:
 * the texts of the sort keys and of the id of its row, so that a page goes on where the last one
 * ended whatever was added before. One row more than the page is read to know whether there are
 * more. Where a page is of the rows of several keys (of a customer's instances), each key's are
 * read in order as far as the page may need them, and merged: otherwise it would be all rows of the
 * keys, or all of everybody up to enough of theirs. */
#include "api/gql_plan_priv.h"

#include "enc.h"

#define MAX_SORT   4
#define MAX_OFFSET 1000000
#define MERGE_MAX  16 /* keys; of more, somebody's rows are never far */

struct sort_key {
    const char *sql, *type;
    bool descending, not_null;
};
struct page {
    struct sort_key keys[MAX_SORT + 1]; /* the id last */
    size_t n_keys;
    int limit, offset;
    bool backward;
    struct json after, before; /* arrays of the cursor's keys; undefined = not given */
};

static bool read_cursor(struct gql_plan *p, const struct gql_sel *sel, const char *name,
                        const struct page *page, struct json *ret)
{
    struct json v = json_get(sel->args, str_of(name));
    struct str text = json_as_str(v);
    struct uuid id;
    int64_t number;
    *ret = json_undefined();
    if (json_is_nullish(v) || text.len == 0) {
        return true;
    }
    uint8_t *bytes = arena_alloc(p->rq->arena, text.len + 1);
    size_t len;
    struct json keys;
    bool ok = text.len <= KIB(16) && enc_base64_decode(text, bytes, text.len, &len) &&
              str_utf8_valid(str_n((char *)bytes, len)) &&
              json_parse(p->rq->arena, str_n((char *)bytes, len), &keys, NULL) == 0 &&
              keys.type == JSON_ARRAY && keys.len == page->n_keys;
    for (size_t i = 0; ok && i < page->n_keys; i++) {
        struct str s = json_as_str(keys.items[i]);
        const char *type = page->keys[i].type;
        if (keys.items[i].type == JSON_NULL && !page->keys[i].not_null) {
            continue;
        }
        ok = keys.items[i].type == JSON_STRING && !memchr(s.ptr, 0, s.len) &&
             (strcmp(type, "uuid") != 0 || uuid_parse(s, &id)) &&
             (strcmp(type, "int8") != 0 || str_to_i64(s, &number)) &&
             (strcmp(type, "bool") != 0 || str_eq(s, STR("true")) || str_eq(s, STR("false")));
    }
    if (!ok) {
        return gql_fail(p->rq, sel->loc, NULL, "\"%s\" is not a cursor of this connection.", name);
    }
    *ret = keys;
    return true;
}

static bool read_sort(struct gql_plan *p, const struct gql_sel *sel, struct page *page)
{
    const struct gql_type_def *node = sel->def->mapping->type;
    struct json list = json_get(sel->args, STR("sortBy"));
    list = json_is_nullish(list) ? json_get(sel->args, STR("orderBy")) : list;
    bool descending = node->table->descending;
    if (list.type == JSON_ARRAY && list.len > MAX_SORT) {
        return gql_fail(p->rq, sel->loc, NULL, "At most %d sort fields.", MAX_SORT);
    }
    for (uint32_t i = 0; list.type == JSON_ARRAY && i < list.len; i++) {
        struct json field = json_get(list.items[i], STR("field"));
        char name[80];
        snprintf(name, sizeof(name), "%.*sOrderField", (int)node->name.len, node->name.ptr);
        const struct gql_type_def *fields = gql_schema_type(p->rq->schema, str_of(name));
        const struct gql_enum_def *v = fields ? gql_enum_find(fields, json_as_str(field)) : NULL;
        if (!v) {
            continue; /* a null in the list */
        }
        descending = str_eq(json_as_str(json_get(list.items[i], STR("direction"))), STR("DESC"));
        if (strcmp(v->sort->sql, node->table->id) == 0) {
            break; /* the id decides by itself: an index can follow it */
        }
        page->keys[page->n_keys++] =
            (struct sort_key){v->sort->sql, v->sort->type, descending, false};
    }
    page->keys[page->n_keys++] =
        (struct sort_key){node->table->id, node->table->id_type, descending, true};
    return true;
}

static bool read_int(struct gql_plan *p, const struct gql_sel *sel, const char *name, int max,
                     int *ret)
{
    struct json v = json_get(sel->args, str_of(name));
    if (v.type != JSON_NUMBER) {
        return true;
    }
    if (v.num < 0 || v.num > max) {
        return gql_fail(p->rq, sel->loc, NULL, "\"%s\" must be between 0 and %d.", name, max);
    }
    *ret = (int)v.num;
    return true;
}

static bool read_page(struct gql_plan *p, const struct gql_sel *sel, struct page *page)
{
    int first = -1, last = -1;
    *page = (struct page){0};
    if (!read_int(p, sel, "first", GQL_PAGE_MAX, &first) ||
        !read_int(p, sel, "last", GQL_PAGE_MAX, &last) ||
        !read_int(p, sel, "offset", MAX_OFFSET, &page->offset) || !read_sort(p, sel, page) ||
        !read_cursor(p, sel, "after", page, &page->after) ||
        !read_cursor(p, sel, "before", page, &page->before)) {
        return false;
    }
    if (first >= 0 && last >= 0) {
        return gql_fail(p->rq, sel->loc, NULL, "Only one of \"first\" and \"last\" can be given.");
    }
    page->backward = last >= 0;
    page->limit = last >= 0 ? last : first >= 0 ? first : GQL_PAGE_MAX;
    return true;
}

/* k follows v in the order of the key. Ascending, nulls come last. */
static void follows(struct buf *to, const char *k, const char *v, bool is_null, bool descending,
                    bool not_null)
{
    if (is_null) {
        buf_adds(to, descending ? k : "false");
        buf_adds(to, descending ? " IS NOT NULL" : "");
    } else if (descending || not_null) {
        buf_addf(to, "%s %s %s", k, descending ? "<" : ">", v);
    } else {
        buf_addf(to, "(%s > %s OR %s IS NULL)", k, v, k);
    }
}

/* Rows behind a cursor: in lexicographic order of the keys. Keeps {t}. */
static void behind(struct gql_plan *p, struct buf *to, const struct page *page, struct json cursor,
                   bool reversed)
{
    const char *values[MAX_SORT + 1];
    if (cursor.type != JSON_ARRAY) {
        return;
    }
    for (size_t i = 0; i < page->n_keys; i++) {
        values[i] =
            cursor.items[i].type == JSON_NULL
                ? "NULL"
                : gql_plan_param(p, DB_STR(json_as_str(cursor.items[i])), page->keys[i].type);
    }
    buf_adds(to, " AND (");
    for (size_t n = 0; n < page->n_keys; n++) {
        buf_adds(to, n == 0 ? "(" : " OR (");
        for (size_t i = 0; i < n; i++) {
            buf_addf(to, "%s %s %s AND ", page->keys[i].sql,
                     cursor.items[i].type == JSON_NULL ? "IS" : "=", values[i]);
        }
        follows(to, page->keys[n].sql, values[n], cursor.items[n].type == JSON_NULL,
                page->keys[n].descending != reversed, page->keys[n].not_null);
        buf_addc(to, ')');
    }
    buf_addc(to, ')');
}

static void add_order(struct gql_plan *p, struct buf *to, const struct page *page, const char *t)
{
    buf_adds(to, " ORDER BY ");
    for (size_t i = 0; i < page->n_keys; i++) {
        buf_adds(to, i == 0 ? "" : ", ");
        gql_plan_expand(p, to, page->keys[i].sql, t, NULL, NULL, NULL);
        buf_adds(to, page->keys[i].descending != page->backward ? " DESC" : " ASC");
    }
}

static void add_cursor(struct gql_plan *p, struct buf *to, const struct page *page, const char *t)
{
    buf_adds(to, "replace(encode(convert_to(json_build_array(");
    for (size_t i = 0; i < page->n_keys; i++) {
        buf_adds(to, i == 0 ? "(" : ", (");
        gql_plan_expand(p, to, page->keys[i].sql, t, NULL, NULL, NULL);
        buf_adds(to, ")::text");
    }
    buf_adds(to, ")::text, 'UTF8'), 'base64'), E'\\n', '')");
}

/* What the connection's own select list needs of a page: filled while its children are planned. */
struct columns {
    struct buf list; /* columns of one row: node1, node2 ... */
    int n;
};

static bool add_node(struct gql_plan *p, struct columns *c, struct gql_sel *sel, const char *t,
                     int depth, double rows)
{
    const char *o = gql_plan_alias(p);
    buf_addf(&c->list, ", (SELECT row_to_json(%s) FROM (SELECT ", o);
    bool ok = gql_plan_fields(p, &c->list, sel, sel->type, t, depth, rows);
    buf_addf(&c->list, ") %s) AS node%d", o, ++c->n);
    return ok;
}

static bool add_edges(struct gql_plan *p, struct buf *to, struct columns *c, struct gql_sel *edges,
                      const char *t, int depth, double rows)
{
    int n = 0;
    if (!gql_children(p->rq, edges)) {
        return false;
    }
    buf_adds(to, "json_build_object(");
    for (struct gql_sel *s = edges->children; s; s = s->next) {
        if (++n > 40) {
            return gql_fail(p->rq, s->loc, "TOO_COMPLEX", "Too many aliases on edges.");
        }
        buf_addf(to, "%s'%s', ", s == edges->children ? "" : ", ", s->key);
        if (!s->def) {
            buf_addf(to, "'%.*s'", (int)edges->type->name.len, edges->type->name.ptr);
        } else if (str_eq(s->def->name, STR("cursor"))) {
            buf_adds(to, "q.cursor");
        } else {
            if (!add_node(p, c, s, t, depth + 1, rows)) {
                return false;
            }
            buf_addf(to, "q.node%d", c->n);
            edges->post = edges->post || s->post;
        }
    }
    buf_addc(to, ')');
    return true;
}

static bool add_page_info(struct gql_plan *p, struct buf *to, const struct page *page,
                          struct gql_sel *info)
{
    int n = 0;
    if (!gql_children(p->rq, info)) {
        return false;
    }
    bool seen_before = page->after.type == JSON_ARRAY || page->offset > 0;
    bool seen_after = page->before.type == JSON_ARRAY;
    const char *more = arena_printf(p->rq->arena, "count(q.rn) > %d", page->limit);
    buf_adds(to, "json_build_object(");
    for (struct gql_sel *s = info->children; s; s = s->next) {
        struct str name = s->def ? s->def->name : STR("");
        if (++n > 40) {
            return gql_fail(p->rq, s->loc, "TOO_COMPLEX", "Too many aliases on pageInfo.");
        }
        buf_addf(to, "%s'%s', ", n == 1 ? "" : ", ", s->key);
        if (str_eq(name, STR("hasNextPage"))) {
            buf_adds(to, page->backward ? (seen_after ? "true" : "false") : more);
        } else if (str_eq(name, STR("hasPreviousPage"))) {
            buf_adds(to, page->backward ? more : (seen_before ? "true" : "false"));
        } else if (s->def) {
            bool start = str_eq(name, STR("startCursor"));
            buf_addf(to, "(array_agg(q.cursor ORDER BY q.rn %s) FILTER (WHERE q.rn <= %d))[1]",
                     start != page->backward ? "" : "DESC", page->limit);
        } else {
            buf_adds(to, "'PageInfo'");
        }
    }
    buf_addc(to, ')');
    return true;
}

static void add_from(struct gql_plan *p, struct buf *to, const struct gql_sel *sel,
                     const char *filters, const char *t, const char *parent)
{
    buf_adds(to, " FROM ");
    gql_plan_expand(p, to, sel->def->mapping->type->table->from, t, parent, NULL, NULL);
    buf_adds(to, " WHERE (");
    gql_plan_expand(p, to, sel->def->mapping->sql, t, parent, NULL, NULL);
    buf_addc(to, ')');
    gql_plan_expand(p, to, filters, t, parent, NULL, NULL);
}

/* The ids of the page's rows, of t: with what of the page is not in `filters`. */
static void add_ids(struct gql_plan *p, struct buf *to, const struct gql_sel *sel,
                    const struct page *page, const char *conditions, const char *parent,
                    const char *key, int limit)
{
    const struct gql_table *table = sel->def->mapping->type->table;
    const char *t = gql_plan_alias(p);
    buf_adds(to, "(SELECT ");
    gql_plan_expand(p, to, table->id, t, parent, NULL, NULL);
    buf_adds(to, " AS id");
    add_from(p, to, sel, conditions, t, parent);
    if (key) {
        buf_adds(to, " AND ");
        gql_plan_expand(p, to, table->merge_key, t, parent, NULL, NULL);
        buf_addf(to, " = %s", key);
    }
    add_order(p, to, page, t);
    buf_addf(to, " LIMIT %d)", limit);
}

/* The condition that the id is one of the page's, found by merging. */
static void add_merged(struct gql_plan *p, struct buf *to, const struct gql_sel *sel,
                       const struct page *page, const char *keys, const char *conditions,
                       const char *t, const char *parent)
{
    const struct gql_table *table = sel->def->mapping->type->table;
    int limit = page->limit + 1 + page->offset;
    const char *few =
        arena_printf(p->rq->arena, "(SELECT count(*) <= %d FROM (SELECT FROM (%s) k LIMIT %d) k)",
                     MERGE_MAX, keys, MERGE_MAX + 1);
    const char *k = gql_plan_alias(p);
    buf_adds(to, " AND ");
    gql_plan_expand(p, to, table->id, t, parent, NULL, NULL);
    buf_addf(to,
             " = ANY (ARRAY(SELECT m.id FROM (SELECT m.id FROM (%s) %s (key) CROSS JOIN LATERAL ",
             keys, k);
    add_ids(p, to, sel, page, conditions, parent, arena_printf(p->rq->arena, "%s.key", k), limit);
    buf_addf(to, " m WHERE %s UNION ALL SELECT m.id FROM ", few);
    add_ids(p, to, sel, page, conditions, parent, NULL, limit);
    buf_addf(to, " m WHERE NOT %s) m ORDER BY m.id %s LIMIT %d OFFSET %d))", few,
             page->keys[0].descending != page->backward ? "DESC" : "ASC", page->limit + 1,
             page->offset);
}

/* One member of the connection. */
static bool add_member(struct gql_plan *p, struct buf *to, struct columns *c,
                       const struct page *page, struct gql_sel *connection, struct gql_sel *s,
                       const char *filters, const char *t, const char *parent, int depth,
                       double rows)
{
    const char *aggregate =
        arena_printf(p->rq->arena, " ORDER BY q.rn%s) FILTER (WHERE q.rn <= %d), '[]'::json)",
                     page->backward ? " DESC" : "", page->limit);
    bool ok = true;
    if (!s->def) {
        buf_addf(to, "'%.*s'::text", (int)connection->type->name.len, connection->type->name.ptr);
    } else if (str_eq(s->def->name, STR("totalCount"))) {
        buf_adds(to, "(SELECT count(*)");
        add_from(p, to, connection, filters, gql_plan_alias(p), parent);
        buf_addc(to, ')');
    } else if (str_eq(s->def->name, STR("pageInfo"))) {
        ok = add_page_info(p, to, page, s);
    } else if (str_eq(s->def->name, STR("edges"))) {
        buf_adds(to, "coalesce(json_agg(");
        ok = add_edges(p, to, c, s, t, depth, rows);
        buf_adds(to, aggregate);
    } else {
        ok = add_node(p, c, s, t, depth, rows);
        buf_addf(to, "coalesce(json_agg(q.node%d%s", c->n, aggregate);
    }
    connection->post = connection->post || s->post;
    return ok;
}

static bool only_count(const struct gql_sel *children)
{
    for (const struct gql_sel *s = children; s; s = s->next) {
        if (s->def && !str_eq(s->def->name, STR("totalCount"))) {
            return false;
        }
    }
    return true;
}

bool gql_plan_connection(struct gql_plan *p, struct buf *to, struct gql_sel *sel,
                         const char *parent, int depth, double rows)
{
    struct page page;
    AUTO(buf_done) struct buf filters = {0}, behind_cursors = {0};
    struct columns columns = {0};
    const char *t = gql_plan_alias(p), *o = gql_plan_alias(p);
    buf_init(&filters, MIB(1));
    buf_init(&behind_cursors, MIB(1));
    buf_init(&columns.list, MIB(4));
    buf_adds(&filters, "");
    bool ok =
        read_page(p, sel, &page) && gql_children(p->rq, sel) && gql_plan_filters(p, &filters, sel);
    double page_rows = ok ? rows * MAX(page.limit, 1) : rows;
    bool empty = ok && only_count(sel->children);
    ok = ok && (empty || gql_plan_count(p, sel, page_rows));
    buf_addf(to, "(SELECT row_to_json(%s) FROM (SELECT ", o);
    const char *comma = "", *own = filters.len ? filters.data : "";
    for (struct gql_sel *s = ok ? sel->children : NULL; s && ok; s = s->next) {
        buf_adds(to, comma);
        comma = ", ";
        ok = add_member(p, to, &columns, &page, sel, s, own, t, parent, depth, page_rows);
        buf_addf(to, " AS \"%s\"", s->key);
    }
    if (ok && !empty) {
        const char *keys = page.n_keys == 1 ? gql_plan_merge_keys(p, sel) : NULL;
        behind(p, &behind_cursors, &page, page.after, false);
        behind(p, &behind_cursors, &page, page.before, true);
        buf_adds(to, " FROM (SELECT row_number() OVER () AS rn, r.* FROM (SELECT ");
        add_cursor(p, to, &page, t);
        buf_adds(to, " AS cursor");
        buf_add_str(to, buf_str(&columns.list));
        add_from(p, to, sel, own, t, parent);
        if (behind_cursors.len > 0) {
            gql_plan_expand(p, to, behind_cursors.data, t, parent, NULL, NULL);
        }
        if (keys) {
            add_merged(p, to, sel, &page, keys,
                       arena_printf(p->rq->arena, "%s%s", own,
                                    behind_cursors.len ? behind_cursors.data : ""),
                       t, parent);
        }
        add_order(p, to, &page, t);
        buf_addf(to, " LIMIT %d OFFSET %d) r) q HAVING true", page.limit + 1,
                 keys ? 0 : page.offset);
    }
    buf_addf(to, ") %s)", o);
    to->full = to->full || columns.list.full;
    buf_done(&columns.list);
    return ok && p->rq->n_errors == 0;
}
