/* Tells what a test run has done since it last told so, after each step. On the slot's thread. The
 * first steps are told one by one, as somebody watches; a run of many steps tells at intervals.
 * Other runs tell nothing: their result says everything at once. */
#include "engine/run_priv.h"

#include "clock.h"
#include "run_progress.h"

#define ONE_BY_ONE 100 /* messages */
#define EVERY_NS   (500 * NS_PER_MS)
#define DATA_MAX   KIB(64) /* of a step, where all of it is too large for a message */

/* The step results since the last time; without large data where they are too much. */
static struct str steps_to_tell(struct run *run, struct buf *smaller)
{
    const struct buf *all = &run->recorder->steps;
    struct str steps = str_n(all->data + run->told.step_bytes, all->len - run->told.step_bytes);
    if (steps.len <= PROGRESS_STEPS_MAX) {
        return steps;
    }
    struct str rest = steps, message;
    AUTO(buf_done) struct buf one = {0};
    buf_init(&one, PROGRESS_STEPS_MAX);
    while (wire_batch_next(&rest, &message) == 1) {
        struct step_result s;
        ASSERT(wire_decode(&step_result_message, run->keep, message, &s, NULL) == 0);
        if (s.data.len > DATA_MAX) {
            s.data = STR("");
            s.skipped_data = true;
        }
        buf_clear(&one);
        wire_encode(&step_result_message, &s, &one);
        wire_batch_add(smaller, buf_str(&one));
    }
    return smaller->full ? STR("") : buf_str(smaller);
}

static struct wire_list logs_to_tell(struct run *run)
{
    if (run->instance->fetched.logs_disabled) {
        return (struct wire_list){0};
    }
    struct result_log *logs =
        arena_array(run->keep, run->recorder->n_logs - run->told.logs, sizeof(*logs));
    return (struct wire_list){.items = logs, .n = run_log_lines(run, run->told.logs, logs)};
}

bool run_is_told(const struct run *run)
{
    return run->request->test && run->env->progress && run->instance;
}

void run_tell_progress(struct run *run)
{
    const struct run_request *q = run->request;
    int64_t now = clock_mono_ns();
    if (!run_is_told(run) ||
        (run->told.messages >= ONE_BY_ONE && now - run->told.at_ns < EVERY_NS)) {
        return;
    }
    AUTO(buf_done) struct buf smaller = {0}, message = {0};
    buf_init(&smaller, PROGRESS_STEPS_MAX);
    buf_init(&message, RUN_RESULT_MAX);
    struct run_progress progress = {
        .execution_id = q->execution_id,
        .attempt = q->attempt,
        .organization_id = q->organization_id,
        .instance_id = q->instance_id,
        .flow_config_id = q->flow_config_id,
        .first_step = run->told.steps,
        .steps = steps_to_tell(run, &smaller),
        .first_log = run->told.logs,
        .logs = logs_to_tell(run),
    };
    wire_encode(&run_progress_message, &progress, &message);
    bool anything = progress.steps.len > 0 || progress.logs.n > 0;
    if (anything && !message.full) {
        run->env->progress(run->env->ctx, buf_str(&message));
    }
    run->told.messages++;
    run->told.at_ns = now;
    run->told.steps = run->recorder->n_steps;
    run->told.step_bytes = run->recorder->steps.len;
    run->told.logs = run->recorder->n_logs;
}
