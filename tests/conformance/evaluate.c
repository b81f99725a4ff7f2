/* Answers questions about the expression code, one JSON object a line on standard input and one
 * JSON value a line on standard output, so that a slow reference written in another language can be
 * held against it in bulk. Test only; one thread; it ends at the first line that is no question.
 *
 *   {"do":"compare","left":[[v]...],"right":[[v]...]}   {"<operator>":"tfe..."}: every pair in rows
 *   {"do":"path","paths":[t...],"roots":[v...]}         [null | [key, root, [[v]...]]...]
 *   {"do":"template","texts":[t...],"config":{},"steps":{key: results}}   [null | text...]
 *   {"do":"cron","cases":[[text, zone, seconds]...]}    [seconds | "<error code>"...]
 *   {"do":"key","names":[t...]}                         [key...]
 *   {"do":"date","texts":[t...]}                        [milliseconds | null...]
 *
 * A list of one stands for a value, the empty list for undefined. */
#include "clock.h"
#include "cron.h"
#include "expr/condition.h"
#include "expr/iso_date.h"
#include "expr/step_key.h"
#include "expr/template.h"

static struct json member(struct json question, const char *key)
{
    return json_get(question, str_of(key));
}

static struct json wrapped(struct arena *a, struct json v)
{
    return v.type == JSON_UNDEFINED ? json_array(NULL, 0)
                                    : json_array(arena_dup(a, &v, sizeof(v)), 1);
}

static char compare(struct arena *a, enum condition_op op, struct json left, struct json right)
{
    bool yes = false;
    if (condition_compare(a, op, left, right, &yes, NULL) < 0) {
        return 'e';
    }
    return yes ? 't' : 'f';
}

static struct json answer_compare(struct arena *a, struct json q)
{
    struct json left = member(q, "left"), right = member(q, "right");
    struct json_builder b;
    json_build_object(&b, a);
    for (enum condition_op op = COND_EQUAL; op < _COND_OP_N; op++) {
        uint32_t columns = condition_ops[op].arity == 2 ? right.len : 1;
        char *text = arena_alloc(a, (size_t)left.len * columns + 1);
        size_t n = 0;
        for (uint32_t i = 0; i < left.len; i++) {
            for (uint32_t k = 0; k < columns; k++) {
                struct json r =
                    condition_ops[op].arity == 2 ? json_at(right.items[k], 0) : json_undefined();
                text[n++] = compare(a, op, json_at(left.items[i], 0), r);
            }
        }
        json_set(&b, str_of(condition_ops[op].name), json_str(str_n(text, n)));
    }
    return json_built(&b);
}

static struct json answer_path(struct arena *a, struct json q)
{
    static const char *const roots[] = {"results", "currentItem", "index"};
    struct json paths = member(q, "paths"), values = member(q, "roots");
    struct json_builder all;
    json_build_array(&all, a);
    for (uint32_t i = 0; i < paths.len; i++) {
        struct path *path;
        if (path_compile(a, json_as_str(paths.items[i]), &path, NULL) < 0) {
            json_push(&all, json_null());
            continue;
        }
        struct json_builder one, found;
        json_build_array(&one, a);
        json_build_array(&found, a);
        for (uint32_t k = 0; k < values.len; k++) {
            json_push(&found, wrapped(a, path_resolve(path, values.items[k])));
        }
        json_push(&one, json_str(path->step_key));
        json_push(&one, json_cstr(roots[path->root]));
        json_push(&one, json_built(&found));
        json_push(&all, json_built(&one));
    }
    return json_built(&all);
}

/* As the engine fills a template, on results that are given. */
static struct json fill(struct arena *a, const struct template *t, struct json q)
{
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 0);
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->type == TEMPLATE_TEXT) {
            buf_add_str(&text, part->text);
        } else if (part->type == TEMPLATE_CONFIG_VAR) {
            template_add_value(&text, json_get(member(q, "config"), part->text));
        } else {
            struct json results = json_get(member(q, "steps"), part->path->step_key);
            bool known = part->path->root == PATH_RESULTS;
            template_add_value(&text, known ? path_resolve(part->path, results) : json_undefined());
        }
    }
    return json_str(str_n(arena_strndup(a, text.len ? text.data : "", text.len), text.len));
}

static struct json answer_template(struct arena *a, struct json q)
{
    struct json texts = member(q, "texts");
    struct json_builder all;
    json_build_array(&all, a);
    for (uint32_t i = 0; i < texts.len; i++) {
        struct template *t;
        bool good = template_compile(a, json_as_str(texts.items[i]), &t, NULL) == 0;
        json_push(&all, good ? fill(a, t, q) : json_null());
    }
    return json_built(&all);
}

static struct json next_time(struct arena *a, struct json item)
{
    struct err err = {0};
    struct cron cron;
    int64_t next = 0;
    struct str zone = json_as_str(json_at(item, 1));
    int rc = cron_parse(json_as_str(json_at(item, 0)), &cron, &err);
    if (rc == 0) {
        rc = cron_next(&cron, arena_strndup(a, zone.ptr, zone.len),
                       (int64_t)json_at(item, 2).num * NS_PER_SEC, &next, &err);
    }
    return rc < 0 ? json_cstr(arena_strdup(a, err.code)) : json_num((double)(next / NS_PER_SEC));
}

static struct json answer_cron(struct arena *a, struct json q)
{
    struct json cases = member(q, "cases");
    struct json_builder all;
    json_build_array(&all, a);
    for (uint32_t i = 0; i < cases.len; i++) {
        json_push(&all, next_time(a, cases.items[i]));
    }
    return json_built(&all);
}

static struct json answer_key(struct arena *a, struct json q)
{
    struct json names = member(q, "names");
    struct json_builder all;
    json_build_array(&all, a);
    for (uint32_t i = 0; i < names.len; i++) {
        json_push(&all, json_cstr(step_key_make(a, json_as_str(names.items[i]))));
    }
    return json_built(&all);
}

static struct json answer_date(struct arena *a, struct json q)
{
    struct json texts = member(q, "texts");
    struct json_builder all;
    json_build_array(&all, a);
    for (uint32_t i = 0; i < texts.len; i++) {
        int64_t ms;
        bool good = iso_date_parse(json_as_str(texts.items[i]), &ms);
        json_push(&all, good ? json_num((double)ms) : json_null());
    }
    return json_built(&all);
}

static const struct {
    const char *name;
    struct json (*answer)(struct arena *a, struct json question);
} questions[] = {
    {"compare", answer_compare}, {"path", answer_path}, {"template", answer_template},
    {"cron", answer_cron},       {"key", answer_key},   {"date", answer_date},
};

static bool answer_line(struct arena *a, struct str line, struct buf *to)
{
    struct json q;
    if (json_parse(a, line, &q, NULL) < 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        if (str_eq(json_as_str(member(q, "do")), str_of(questions[i].name))) {
            json_dump(to, questions[i].answer(a, q));
            return true;
        }
    }
    return false;
}

int main(void)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf out = {0};
    buf_init(&out, 0);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool good = true;
    while (good && (n = getline(&line, &cap, stdin)) > 0) {
        arena_clear(a);
        buf_clear(&out);
        good = answer_line(a, str_n(line, (size_t)n), &out);
        if (good) {
            buf_addc(&out, '\n');
            good = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
        }
    }
    free(line);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
