/* Drives one run: steps in order, depth first; branches, loops, error handlers, the deadline. On
 * the slot's thread from start to end. Each function that runs a list of steps returns what its
 * caller does next (enum flow_signal).
 *
 * Memory: a step allocates from run->scratch. Outside loops that is the run's own arena. Inside, it
 * is the body arena of the innermost loop, given back after each iteration: the last step's result
 * is copied into the loop's list, and what a later step may refer to (plan_step.used_later,
 * last_use) into the carry arena, so that a loop of any length needs the memory of two iterations
 * and of its results; results that nobody refers to are left out beyond what is worth showing.
 * Large values stand apart (spill.h): copies are the same bytes, and each is given back with the
 * memory of the level of loops it belongs to. */
#include "engine/run_priv.h"

#include "clock.h"

/* Enough for a large payload and its copies; an action's own building comes on top. */
#define ARENA_MAX  (RUN_MEMORY_MAX * 8)
#define KEEP_FIRST KIB(16)
#define LOOP_FIRST KIB(4)
#define LOOP_SHOWN                                                                                 \
    MIB(4) /* results of a loop that nobody refers to, beyond which they are left out */
/* A wait that the deadline cuts off ends a little before it: the step then fails by the deadline,
 * whatever it says itself. */
#define CUT_OFF_NS (10 * NS_PER_MS)

/* --- memory of a slot ------------------------------------------------------------------------ */

struct engine_memory *engine_memory_new(void)
{
    struct engine_memory *m = mem_new(struct engine_memory);
    m->keep = arena_new(KEEP_FIRST, ARENA_MAX);
    spill_set_init(&m->spills, NULL);
    buf_init(&m->text, 0);
    buf_init(&m->recorder.steps, 2 * RUN_STEP_BYTES_MAX);
    buf_init(&m->recorder.data, 0);
    buf_init(&m->recorder.message, 0);
    buf_init(&m->recorder.log_text, 2 * RUN_LOG_BYTES_MAX);
    return m;
}

static void free_loops(struct engine_memory *m)
{
    for (size_t i = 0; i < LOOP_DEPTH_MAX && m->loops[i].body; i++) {
        m->loops[i].body = arena_free(m->loops[i].body);
        m->loops[i].carry = arena_free(m->loops[i].carry);
        m->loops[i].spare = arena_free(m->loops[i].spare);
    }
}

struct engine_memory *engine_memory_free(struct engine_memory *m)
{
    if (m) {
        free_loops(m);
        recorder_done(&m->recorder);
        checkpoint_end(m);
        buf_done(&m->text);
        spill_set_done(&m->spills);
        arena_free(m->keep);
        mem_free(m);
    }
    return NULL;
}

static void engine_memory_clear(struct engine_memory *m)
{
    free_loops(m);
    recorder_clear(&m->recorder);
    checkpoint_end(m);
    spill_set_clear(&m->spills);
    if (m->text.cap > KIB(32)) {
        buf_done(&m->text);
        buf_init(&m->text, 0);
    }
    arena_clear(m->keep);
}

/* --- one step -------------------------------------------------------------------------------- */

static enum flow_signal fail(struct run *run, const struct plan_step *ps, const struct err *err)
{
    if (!run->err.message[0]) {
        run->err = *err;
        if (!run->err.message[0]) {
            (void)err_set(&run->err, 0, "step.failed", "the step failed without saying why");
        }
        run->failed_step = ps;
        run_log_anew(run, LINE_ERROR, ps->def->name, str_of(run->err.message));
    }
    return FLOW_FAIL;
}

static bool is_cut_off(const struct run *run)
{
    return clock_mono_ns() + CUT_OFF_NS >= run->deadline_ns;
}

static int too_long(const struct run *run, struct err *err)
{
    int64_t ms = run->env->run_ms ? run->env->run_ms : RUN_DEADLINE_MS;
    return err_set(err, -ETIMEDOUT, "run.deadline",
                   "the execution ran longer than the maximum of %lld %s",
                   (long long)(ms % 60000 ? ms : ms / 60000), ms % 60000 ? "ms" : "minutes");
}

static size_t held_bytes(const struct run *run)
{
    return arena_used(run->keep) + (run->scratch != run->keep ? arena_used(run->scratch) : 0);
}

static int check_limits(struct run *run, struct err *err)
{
    if (clock_mono_ns() >= run->deadline_ns) {
        return too_long(run, err);
    }
    if (held_bytes(run) > RUN_MEMORY_MAX) {
        return err_set(err, -ENOMEM, "run.memory",
                       "the execution holds more than the maximum of %zu MiB of data",
                       RUN_MEMORY_MAX / MIB(1));
    }
    return 0;
}

static int perform(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    const struct plan_step *ps = ctx->step;
    switch (ps->kind) {
    case PLAN_ACTION:
        return ps->action->perform(ctx, ret, err);
    case PLAN_MISSING:
        return err_set(err, -ENOSYS, "component.missing", "%s", ps->missing);
    case PLAN_BRANCH_EXPRESSION:
        return control_branch_expression(ctx, ret, err);
    case PLAN_BRANCH_VALUE:
        return control_branch_value(ctx, ret, err);
    case PLAN_PAYLOAD:
        return 0;
    case _PLAN_KIND_N:
        break;
    }
    ASSERT(false);
}

/* Bytes of a content type are seen by other steps as {data, contentType}. */
static struct json file_of(struct run *run, const struct action_result *result)
{
    const struct json_member members[] = {
        {STR("data"), result->data},
        {STR("contentType"), json_cstr(arena_strdup(run->scratch, result->content_type))}};
    return json_object(arena_dup(run->scratch, members, sizeof(members)), ARRAY_LEN(members));
}

static int attempt_step(struct run *run, const struct plan_step *ps, struct action_result *ret,
                        struct err *err)
{
    struct action_context ctx = {.run = run, .step = ps};
    memset(ret, 0, sizeof(*ret));
    if (ps->def->is_trigger && run->simulated.type != JSON_UNDEFINED) {
        ret->data = run->simulated;
        return 0;
    }
    int rc = run_eval_inputs(run, ps, &ctx.values, err);
    if (rc == 0) {
        rc = perform(&ctx, ret, err);
    }
    if (rc == 0 && ps->def->is_trigger && ret->data.type == JSON_UNDEFINED) {
        ret->data = run->payload;
    }
    if (rc == 0 && ret->data.type == JSON_BINARY && ret->content_type) {
        ret->data = file_of(run, ret);
    }
    return rc;
}

/* Waits before a retry; false when the run would end before. */
static bool wait_to_retry(struct run *run, const struct def_error_config *e, uint32_t attempt)
{
    int64_t ns = e->delay_seconds * NS_PER_SEC;
    if (e->exponential_backoff) {
        ns <<= MIN(attempt - 1, 10u);
    }
    if (clock_mono_ns() + ns >= run->deadline_ns) {
        return false;
    }
    if (ns) {
        run->env->block_begin(run->env->ctx);
        clock_wait_ns(ns);
        run->env->block_end(run->env->ctx);
    }
    return true;
}

/* Performs a step as often as its error handler allows. Returns the last attempt's outcome. */
static int try_step(struct run *run, const struct plan_step *ps, struct action_result *ret,
                    uint32_t *ret_attempts, struct err *err)
{
    const struct def_error_config *e = &ps->def->error;
    uint32_t further = e->handler == DEF_ERROR_RETRY ? (uint32_t)MAX(e->max_attempts, 0) : 0;
    for (uint32_t attempt = 1;; attempt++) {
        err_clear(err);
        *ret_attempts = attempt;
        int rc = check_limits(run, err);
        if (rc == 0) {
            rc = checkpoint_before(run, ps, err);
        }
        if (rc < 0) {
            return rc;
        }
        uint32_t large = run->memory->spills.n;
        rc = attempt_step(run, ps, ret, err);
        if (rc < 0) {
            spill_set_cut(&run->memory->spills, large);
        }
        if (rc < 0 && rc != -EINVAL && is_cut_off(run)) {
            run_log(run, LINE_WARN, ps->def->name, str_of(err->message));
            return too_long(run, err);
        }
        if (rc == 0 || attempt > further || ps->kind == PLAN_MISSING) {
            return rc;
        }
        run_log(run, LINE_WARN, ps->def->name,
                str_of(arena_printf(run->scratch, "attempt %u failed: %s", attempt, err->message)));
        if (!wait_to_retry(run, e, attempt)) {
            return rc;
        }
    }
}

static bool may_go_on(const struct run *run, const struct plan_step *ps)
{
    const struct def_error_config *e = &ps->def->error;
    return !run->memory->unsaved.lost &&
           (e->handler == DEF_ERROR_IGNORE ||
            (e->handler == DEF_ERROR_RETRY && e->ignore_final_error)) &&
           !is_cut_off(run);
}

static void set_result(struct run *run, const struct plan_step *ps, struct action_result *result)
{
    struct scope_entry *e = &run->scope[ps->def->index];
    e->result = result->data;
    e->has_result = true;
    run->last = *result;
}

/* --- lists of steps, branches ---------------------------------------------------------------- */

static enum flow_signal run_step(struct run *run, const struct plan_step *ps);

static enum flow_signal run_steps(struct run *run, const struct def_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum flow_signal signal = run_step(run, &run->flow->plan->steps[steps[i].index]);
        if (signal != FLOW_NEXT) {
            return signal;
        }
    }
    return FLOW_NEXT;
}

static enum flow_signal run_branch(struct run *run, const struct plan_step *ps, const char *branch)
{
    for (size_t i = 0; branch && i < ps->def->n_branches; i++) {
        const struct def_branch *b = &ps->def->branches[i];
        if (strcmp(b->name, branch) == 0) {
            return run_steps(run, b->steps, b->n_steps);
        }
    }
    return FLOW_NEXT;
}

/* --- loops ----------------------------------------------------------------------------------- */

static bool outlives(const struct plan_step *ps, uint32_t end, bool next_iteration)
{
    return ps->last_use >= end || (next_iteration && ps->used_later);
}

/* Moves the results of the body's steps that are needed later to `to`, which is memory of that
 * level of loops, forgets the others. */
static void settle(struct run *run, const struct plan_step *loop, struct arena *to, int level,
                   bool next_iteration)
{
    const struct plan_step *steps = run->flow->plan->steps;
    for (uint32_t i = loop->def->index + 1; i < loop->end; i++) {
        struct scope_entry *e = &run->scope[i];
        if (!e->has_result) {
            continue;
        }
        e->has_result = outlives(&steps[i], loop->end, next_iteration);
        e->result = e->has_result ? spill_copy(&run->memory->spills, to, e->result, level)
                                  : json_undefined();
    }
}

static struct loop_memory *loop_memory(struct run *run)
{
    struct loop_memory *lm = &run->memory->loops[run->loop_depth];
    if (!lm->body) {
        lm->body = arena_new(LOOP_FIRST, ARENA_MAX);
        lm->carry = arena_new(LOOP_FIRST, ARENA_MAX);
        lm->spare = arena_new(LOOP_FIRST, ARENA_MAX);
    }
    return lm;
}

static void next_iteration(struct run *run, const struct plan_step *ps, struct loop_memory *lm)
{
    settle(run, ps, lm->spare, run->loop_depth, true);
    struct arena *old = lm->carry;
    lm->carry = lm->spare;
    lm->spare = old;
    arena_clear(lm->spare);
    arena_clear(lm->body);
    spill_set_turn(&run->memory->spills, run->loop_depth);
}

struct loop {
    const struct plan_step *step;
    struct loop_frame frame;
    struct json items; /* an array; UNDEFINED: count from 0 */
    uint32_t count;
    struct json_builder results; /* in the memory around the loop */
    size_t results_bytes;
    bool wanted, left_out;
};

/* Whether somebody reads a loop's results: a step, a loop around that collects them for one, or a
 * caller who waits for the flow's answer. */
static bool results_wanted(const struct run *run, const struct plan_step *ps)
{
    if (run->request->preprocess || (run->request->synchronous && run->request->reply_to.len)) {
        return true;
    }
    while (!ps->last_use && !ps->used_later && ps->feeds != PLAN_NO_LOOP) {
        ps = &run->flow->plan->steps[ps->feeds];
    }
    return ps->last_use || ps->used_later;
}

static void collect_result(struct run *run, struct loop *loop, const struct scope_entry *last)
{
    if (loop->left_out) {
        return;
    }
    if (!loop->wanted) {
        loop->results_bytes += last->has_result ? json_size(last->result) : sizeof(struct json);
        if (loop->results_bytes > LOOP_SHOWN) {
            loop->left_out = true;
            json_build_array(&loop->results, loop->results.arena);
            return;
        }
    }
    json_push(&loop->results, last->has_result
                                  ? spill_copy(&run->memory->spills, loop->results.arena,
                                               last->result, run->loop_depth - 1)
                                  : json_null());
}

static enum flow_signal run_iterations(struct run *run, struct loop *loop, struct loop_memory *lm)
{
    const struct plan_step *ps = loop->step;
    const struct def_step *def = ps->def;
    struct scope_entry *self = &run->scope[def->index];
    struct arena *around = loop->results.arena;
    uint32_t last = def->steps[def->n_steps - 1].index;
    for (uint32_t i = 0; i < loop->count; i++) {
        loop->frame.index = self->index = i;
        self->item = loop->items.type == JSON_ARRAY ? json_at(loop->items, i) : json_num(i);
        enum flow_signal signal = run_steps(run, def->steps, def->n_steps);
        if (signal != FLOW_NEXT) {
            return signal;
        }
        collect_result(run, loop, &run->scope[last]);
        next_iteration(run, ps, lm);
        if (arena_used(around) > RUN_MEMORY_MAX) {
            struct err err = {0};
            (void)err_set(&err, 0, "run.memory",
                          "the results of the loop are more than the maximum of %zu MiB",
                          RUN_MEMORY_MAX / MIB(1));
            return fail(run, ps, &err);
        }
    }
    return FLOW_NEXT;
}

/* Runs the body. On FLOW_NEXT and FLOW_BREAK the loop is over; its results are in *ret_results. On
 * the others the memory of the iteration stays: the answer to the caller is made of it. */
static enum flow_signal run_loop(struct run *run, const struct plan_step *ps,
                                 const struct action_result *what, struct json *ret_results,
                                 bool *ret_left_out)
{
    struct loop loop = {.step = ps,
                        .frame = {.up = run->loop, .key = ps->def->key},
                        .wanted = results_wanted(run, ps)};
    struct scope_entry *self = &run->scope[ps->def->index];
    json_build_array(&loop.results, run->scratch);
    if (what->data.type == JSON_ARRAY) {
        loop.items = what->data;
        loop.count = what->data.len;
    } else if (what->data.type == JSON_NUMBER && what->data.num > 0) {
        loop.count = (uint32_t)MIN(what->data.num, 4e9);
    }
    enum flow_signal signal = FLOW_NEXT;
    if (ps->def->n_steps && loop.count) {
        if (run->loop_depth == LOOP_DEPTH_MAX) {
            struct err err = {0};
            (void)err_set(&err, 0, "loop.depth", "loops are nested more than %d deep",
                          LOOP_DEPTH_MAX);
            return fail(run, ps, &err);
        }
        struct arena *around = run->scratch;
        struct loop_memory *lm = loop_memory(run);
        run->scratch = lm->body;
        run->loop = &loop.frame;
        run->memory->spills.level = ++run->loop_depth;
        self->in_loop = true;
        signal = run_iterations(run, &loop, lm);
        self->in_loop = false;
        run->memory->spills.level = --run->loop_depth;
        run->loop = loop.frame.up;
        run->scratch = around;
        if (signal == FLOW_NEXT || signal == FLOW_BREAK) {
            settle(run, ps, around, run->loop_depth, run->loop_depth > 0);
            arena_clear(lm->carry);
            arena_clear(lm->body);
            spill_set_leave(&run->memory->spills, run->loop_depth + 1);
            signal = FLOW_NEXT;
        }
    }
    *ret_results = json_built(&loop.results);
    *ret_left_out = loop.left_out;
    return signal;
}

/* --- a step with what is nested in it --------------------------------------------------------- */

static void record(struct run *run, const struct plan_step *ps, int64_t started_ns,
                   const struct action_result *result, const char *error, uint32_t attempts,
                   bool left_out)
{
    struct step_record r = {.step = ps,
                            .started_ns = started_ns,
                            .ended_ns = clock_now_ns(),
                            .data = ps->def->is_trigger ? payload_to_record(run, result->data)
                                                        : result->data,
                            .content_type = result->content_type,
                            .error = error,
                            .branch = result->branch,
                            .attempts = attempts,
                            .left_out = left_out};
    bool again = resume_next(run, ps);
    if (again) {
        run_record_again(run, run->memory->resume.message);
        resume_advance(run);
    } else {
        run_record_step(run, &r);
    }
    if (run->request->debug && !again) {
        const char *text =
            arena_printf(run->scratch, "%s: %s in %lld us, %zu KiB held", ps->def->key,
                         error ? "failed" : "done", (long long)((r.ended_ns - started_ns) / 1000),
                         held_bytes(run) / KIB(1));
        run_log(run, LINE_DEBUG, ps->def->name, str_of(text));
    }
    run_tell_progress(run);
}

static enum flow_signal step_failed(struct run *run, const struct plan_step *ps, int64_t started_ns,
                                    const struct err *err, uint32_t attempts)
{
    struct action_result none = {.data = json_null(), .headers = json_undefined()};
    bool ignored = may_go_on(run, ps);
    if (ignored) {
        run_log(run, LINE_WARN, ps->def->name,
                str_of(arena_printf(run->scratch, "error ignored: %s", err->message)));
        set_result(run, ps, &none);
    }
    record(run, ps, started_ns, &none, err->message, attempts, false);
    return ignored ? FLOW_NEXT : fail(run, ps, err);
}

static enum flow_signal loop_step(struct run *run, const struct plan_step *ps, int64_t started_ns,
                                  struct action_result *result, uint32_t attempts)
{
    struct json results = json_array(NULL, 0);
    bool left_out = false;
    enum flow_signal signal = run_loop(run, ps, result, &results, &left_out);
    result->data = results;
    const char *error = NULL;
    if (signal == FLOW_FAIL) {
        error = run->failed_step == ps ? run->err.message : "a step of the loop failed";
    }
    record(run, ps, started_ns, result, error, attempts, left_out);
    if (signal == FLOW_NEXT) {
        set_result(run, ps, result);
    }
    return signal;
}

/* A step whose result an earlier attempt has recorded is not done again where its effect is
 * outside; another one is, for what it does to this run, and then has the result it had. */
static int perform_or_resume(struct run *run, const struct plan_step *ps,
                             struct action_result *result, uint32_t *ret_attempts, struct err *err)
{
    const struct step_result *was = resume_next(run, ps);
    if (was && resume_skips(ps, was)) {
        memset(result, 0, sizeof(*result));
        result->headers = json_undefined();
        *ret_attempts = MAX(was->attempts, 1u);
        err_clear(err);
        return resume_result(run, was, result, err);
    }
    int rc = try_step(run, ps, result, ret_attempts, err);
    /* A trigger's result is recorded with its keys masked: it is made anew. */
    if (rc == 0 && was && !was->error.len && !ps->def->is_trigger &&
        !(ps->action->flags & ACTION_LOOP)) {
        rc = resume_result(run, was, result, err);
    }
    return rc;
}

static enum flow_signal run_step(struct run *run, const struct plan_step *ps)
{
    struct action_result result = {0};
    struct err err;
    uint32_t attempts;
    int64_t started_ns = clock_now_ns();
    if (perform_or_resume(run, ps, &result, &attempts, &err) < 0) {
        enum flow_signal signal = step_failed(run, ps, started_ns, &err, attempts);
        if (ps->def->is_trigger && signal == FLOW_FAIL) {
            run_reply_refusal(run, &result, run->err.message);
        }
        return signal;
    }
    if (ps->action->flags & ACTION_LOOP) {
        return loop_step(run, ps, started_ns, &result, attempts);
    }
    if (result.branch && result.data.type == JSON_UNDEFINED) {
        result.data = json_cstr(result.branch);
    }
    set_result(run, ps, &result);
    record(run, ps, started_ns, &result, NULL, attempts, false);
    if (ps->def->is_trigger) {
        run->last.data = payload_to_record(run, result.data); /* what a caller may see of it */
        run_reply_trigger(run, &result);
        if (result.result_type) {
            run->result_type = result.result_type;
            return FLOW_STOP;
        }
    }
    if (result.stop_execution) {
        return FLOW_STOP;
    }
    if (result.break_loop) {
        return FLOW_BREAK;
    }
    return run_branch(run, ps, result.branch);
}

/* --- the run --------------------------------------------------------------------------------- */

static int prepare(struct run *run, struct err *err)
{
    const struct run_request *q = run->request;
    int rc = hook_request_decode(run->keep, q->request, &run->hook, err);
    if (rc < 0) {
        return rc;
    }
    run->flow = instance_flow(run->instance, &q->flow_config_id, q->flow_name);
    if (!run->flow || !run->flow->plan->n_steps) {
        return err_set(err, -ENOENT, "run.flow", "the instance has no flow \"%.*s\"",
                       (int)MIN(q->flow_name.len, 200), q->flow_name.ptr);
    }
    run->scope = arena_array(run->keep, run->flow->plan->n_steps, sizeof(*run->scope));
    payload_build(run);
    run->simulated = payload_simulated(run);
    return checkpoint_begin(run, err);
}

static void run_flow(struct run *run)
{
    const struct def_flow *flow = run->flow->plan->def;
    bool captured = run->request->invoke_type == INVOKE_WEBHOOK_SNAPSHOT; /* its trigger only */
    enum flow_signal signal = run_steps(run, flow->steps, captured ? 1 : flow->n_steps);
    if (signal == FLOW_FAIL && !run->err.message[0]) {
        (void)err_set(&run->err, 0, "run.failed", "the execution failed");
    }
    run->stopped = signal == FLOW_STOP;
    if (run->request->preprocess && signal != FLOW_FAIL && !run->stopped) {
        run->routed = run_route(run, &run->route, &run->err) == 0;
        run->misrouted = !run->routed;
    }
}

void engine_run(struct engine_memory *m, const struct engine_env *env,
                const struct run_request *request, const struct instance *instance,
                const struct err *why, struct buf *to)
{
    char id[GLOBAL_ID_MAX];
    (void)global_id_format("InstanceExecutionResult", &request->execution_id, id);
    struct run run = {.env = env,
                      .memory = m,
                      .request = request,
                      .instance = instance,
                      .keep = m->keep,
                      .scratch = m->keep,
                      .recorder = &m->recorder,
                      .payload = json_undefined(),
                      .cursor = json_undefined(),
                      .simulated = json_undefined(),
                      .execution_id = id,
                      .started_ns = clock_now_ns(),
                      .result_type = "COMPLETED"};
    int64_t ms = env->run_ms ? env->run_ms : RUN_DEADLINE_MS;
    run.deadline_ns = clock_mono_ns() + ms * NS_PER_MS;
    run.last.headers = run.last.data = json_undefined();
    m->spills.disk = env->spill_disk;
    if (!instance) {
        run.err = *why;
    } else if (prepare(&run, &run.err) == 0) {
        run_flow(&run);
    }
    if (!run.routed) {
        run_reply_end(&run);
    }
    run_record_result(&run, to);
    if (run.routed && run.err.message[0]) { /* its state could not be kept: it goes nowhere */
        run_reply_end(&run);
    }
    state_done(&run);
    engine_memory_clear(m);
}
