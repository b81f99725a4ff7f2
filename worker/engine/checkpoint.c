/* Makes a run that dies go on where it was. Step results are kept here until the next write begins
 * (an action that changes something outside); they are stored before it starts, so that what is
 * done is known to whoever takes the run over. A flow that can write once at most needs none of it,
 * and neither does one whose recordBeforeWrites is false or whose instance keeps no step results.
 * A later attempt reads the step results back and meets them in the same order: the order of a run
 * depends on results only. With the results go the log lines that were written on the way: they are
 * taken over as they are, and what the later attempt says until it has caught up is left out. On
 * the slot's thread. It refuses to go on when the results before a write are too large for a
 * message, or when another attempt has taken over. */
#include "engine/run_priv.h"

#include "clock.h"
#include "log.h"
#include "msgpack.h"

#define UNSAVED_MAX MIB(64) /* before compression */
#define KEEP_BYTES  KIB(32)

/* --- storing ---------------------------------------------------------------------------------- */

void checkpoint_add(struct run *run, struct str message)
{
    struct unsaved *u = &run->memory->unsaved;
    if (u->keeps) {
        wire_batch_add(&u->steps, message);
        u->n_steps++;
    }
}

/* The lines that are in no checkpoint yet; "" = there are none, or none are kept. */
static struct str unsaved_logs(struct run *run, size_t room, struct buf *to)
{
    const struct recorder *r = run->recorder;
    uint32_t from = run->memory->unsaved.n_logs;
    if (from >= r->n_logs || run->instance->fetched.logs_disabled) {
        return STR("");
    }
    AUTO(buf_done) struct buf one = {0};
    buf_init(&one, 0);
    struct result_log *lines = mem_array(r->n_logs - from, sizeof(*lines));
    size_t n = run_log_lines(run, from, lines);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&one);
        wire_encode(&result_log_message, &lines[i], &one);
        wire_batch_add(to, buf_str(&one));
    }
    mem_free(lines);
    return to->full || to->len > room ? STR("") : buf_str(to);
}

static int store(struct run *run, struct err *err)
{
    struct unsaved *u = &run->memory->unsaved;
    AUTO(buf_done) struct buf packed = {0}, logs = {0};
    buf_init(&packed, 0);
    buf_init(&logs, 0);
    if (!u->steps.full) {
        steps_compress(buf_str(&u->steps), &packed);
    }
    if (u->steps.full || packed.full || packed.len > CHECKPOINT_MAX_BYTES) {
        return err_set(err, -EFBIG, "checkpoint.too_large",
                       "the results of the steps before this one are too large to be recorded "
                       "before it starts (6 MB compressed at most): let steps return less, or set "
                       "recordBeforeWrites: false on the flow");
    }
    const struct checkpoint part = {
        .execution_id = run->request->execution_id,
        .organization_id = run->request->organization_id,
        .attempt = run->request->attempt,
        .first = u->first,
        .n_steps = u->n_steps,
        .steps = buf_str(&packed),
        .steps_size = (uint32_t)u->steps.len,
        .logs = unsaved_logs(run, CHECKPOINT_MAX_BYTES - packed.len, &logs)};
    uint32_t n_logs = part.logs.len ? run->recorder->n_logs : u->n_logs;
    run->env->block_begin(run->env->ctx);
    int rc = run->env->checkpoint(run->env->ctx, &part, run->deadline_ns, err);
    run->env->block_end(run->env->ctx);
    if (rc == 0) {
        u->first += u->n_steps;
        u->n_steps = 0;
        u->n_logs = n_logs;
        u->wrote = false;
        buf_clear(&u->steps);
    }
    u->lost = rc == -ESTALE;
    return rc;
}

int checkpoint_before(struct run *run, const struct plan_step *ps, struct err *err)
{
    struct unsaved *u = &run->memory->unsaved;
    if (!u->keeps || !ps->action || !(ps->action->flags & ACTION_WRITES)) {
        return 0;
    }
    if (u->lost) {
        return err_set(err, -ESTALE, "checkpoint.lost",
                       "what the execution did before is not known: nothing more is done");
    }
    if (run->memory->resume.has_next) {
        return err_set(err, -EINVAL, "checkpoint.other_way",
                       "the execution was taken over and went another way than before: nothing "
                       "more is done");
    }
    int rc = u->wrote && u->n_steps ? store(run, err) : 0;
    u->wrote = true;
    return rc;
}

/* --- going on --------------------------------------------------------------------------------- */

static void stop(struct resume *r)
{
    r->has_next = false;
    r->arena = arena_free(r->arena);
}

static int read_parts(struct run *run, struct err *err)
{
    struct resume *r = &run->memory->resume;
    const struct checkpoint_read what = {.execution_id = run->request->execution_id,
                                         .first = r->taken};
    arena_clear(r->arena);
    r->parts = (struct checkpoint_parts){0};
    run->env->block_begin(run->env->ctx);
    int rc =
        run->env->checkpoint_read(run->env->ctx, &what, run->deadline_ns, r->arena, &r->parts, err);
    run->env->block_end(run->env->ctx);
    return rc;
}

static int take_logs(struct run *run, struct str logs, struct err *err)
{
    struct str message;
    struct result_log line;
    int rc;
    while ((rc = wire_batch_next(&logs, &message)) == 1) {
        rc = wire_decode(&result_log_message, run->memory->resume.arena, message, &line, err);
        if (rc < 0) {
            return rc;
        }
        run_log_again(run, &line);
    }
    run->memory->unsaved.n_logs = run->recorder->n_logs;
    return rc;
}

/* 1 = the next step result is at hand, 0 = there are no more. */
static int fetch_next(struct run *run, struct err *err)
{
    struct resume *r = &run->memory->resume;
    r->has_next = false;
    for (;;) {
        int rc = wire_batch_next(&r->rest, &r->message);
        if (rc == 1) {
            rc = wire_decode(&step_result_message, r->arena, r->message, &r->next, err);
            r->taken += rc == 0;
            r->has_next = rc == 0;
            return rc == 0 ? 1 : rc;
        }
        if (rc < 0) {
            return rc;
        }
        if (r->parts.parts.n == 0) {
            rc = read_parts(run, err);
            if (rc < 0 || r->parts.parts.n == 0) {
                return rc;
            }
        }
        const struct checkpoint *part = r->parts.parts.items;
        if (part->first != r->taken) {
            return err_set(err, -EINVAL, "checkpoint.gap", "a part of the checkpoints is missing");
        }
        rc = steps_decompress(r->arena, part->steps, part->steps_size, &r->rest, err);
        rc = rc < 0 ? rc : take_logs(run, part->logs, err);
        if (rc < 0) {
            return rc;
        }
        r->parts.parts.items = (void *)(uintptr_t)(part + 1);
        r->parts.parts.n--;
    }
}

int checkpoint_begin(struct run *run, struct err *err)
{
    struct unsaved *u = &run->memory->unsaved;
    struct resume *r = &run->memory->resume;
    u->keeps = run->flow->plan->checkpoints && run->env->checkpoint &&
               !run->instance->fetched.step_results_disabled;
    if (!u->keeps) {
        return 0;
    }
    buf_init(&u->steps, UNSAVED_MAX);
    if (run->request->attempt < 2) {
        return 0;
    }
    r->arena = arena_new(KIB(64), 0);
    r->rest = str_n("", 0);
    r->taken = 0;
    int rc = fetch_next(run, err);
    if (rc != 1) {
        stop(r);
    }
    return MIN(rc, 0);
}

void checkpoint_end(struct engine_memory *m)
{
    stop(&m->resume);
    buf_done(&m->unsaved.steps);
    m->unsaved = (struct unsaved){0};
    m->resume = (struct resume){0};
}

const struct step_result *resume_next(struct run *run, const struct plan_step *ps)
{
    const struct resume *r = &run->memory->resume;
    if (!r->has_next || !str_eq(r->next.key, str_of(ps->def->key)) ||
        !str_eq(r->next.loop_path, run->loop ? run_loop_path(run) : STR(""))) {
        return NULL;
    }
    return &r->next;
}

bool resume_skips(const struct plan_step *ps, const struct step_result *was)
{
    unsigned flags = ps->kind == PLAN_ACTION ? ps->action->flags : 0;
    return (flags & ACTION_WRITES) || ((flags & ACTION_READS) && !was->skipped_data);
}

/* A copy without NUL, for what the engine keeps as C text. */
static const char *text(struct arena *a, struct str s)
{
    return s.len ? arena_strndup(a, s.ptr, s.len) : NULL;
}

int resume_result(struct run *run, const struct step_result *was, struct action_result *result,
                  struct err *err)
{
    if (was->error.len) {
        return err_set(err, -EIO, "step.failed", "%.*s", (int)MIN(was->error.len, 4000u),
                       was->error.ptr);
    }
    if (was->skipped_data) {
        return err_set(err, -EFBIG, "checkpoint.no_data",
                       "the execution was taken over after this step, whose result was too large "
                       "to be kept; it is not run again");
    }
    struct json value;
    size_t used;
    struct str bytes;
    int rc = 0;
    if (uuid_is_nil(&was->value_id)) {
        bytes = str_n(arena_dup(run->scratch, was->data.ptr, was->data.len), was->data.len);
    } else {
        rc = run_read_value(run, was, &bytes, err);
    }
    if (rc == 0) {
        rc = msgpack_read(run->scratch, bytes, &value, &used, err);
    }
    if (rc == 0) {
        result->data = json_get(value, STR("data"));
        result->content_type = text(run->scratch, json_as_str(json_get(value, STR("contentType"))));
        result->branch = text(run->scratch, was->branch);
    }
    return rc;
}

void resume_advance(struct run *run)
{
    struct err err = {0};
    int rc = fetch_next(run, &err);
    if (rc != 1) {
        run->memory->unsaved.first = run->memory->resume.taken;
        if (rc < 0) {
            log_error("checkpoints cannot be read", LOG_STR("error", err.message));
            run->memory->unsaved.lost = true; /* what was done is not known: nothing is done */
        }
        stop(&run->memory->resume);
    }
    if (rc == 0) {
        run_log(run, LINE_INFO, "", STR("the execution goes on where an earlier attempt ended"));
    }
}
