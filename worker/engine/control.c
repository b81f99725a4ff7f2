/* The engine's own actions: choosing a branch, which needs the definition's conditions unevaluated.
 * Called on the slot's thread; run.c then follows the branch. */
#include "engine/run_priv.h"

#include "expr/value.h"

#define BRANCH_ELSE "Else"

static int eval_term(void *ctx, const struct def_input *term, struct json *ret, struct err *err)
{
    return run_eval(ctx, term, ret, err);
}

static void take_branch(struct action_result *ret, const char *branch)
{
    ret->branch = branch;
    ret->data = json_cstr(branch);
}

int control_branch_expression(struct action_context *ctx, struct action_result *ret,
                              struct err *err)
{
    struct run *run = ctx->run;
    const struct def_input *in = def_step_input(ctx->step->def, "conditions");
    for (size_t i = 0; in && i < in->n_predicates; i++) {
        const struct def_predicate *p = &in->predicates[i];
        bool holds = false;
        int rc = condition_eval(p->condition, eval_term, run, &holds, err);
        if (rc < 0) {
            err_prefix(err, "branch \"%s\"", p->branch);
            return rc;
        }
        if (holds) {
            take_branch(ret, p->branch);
            return 0;
        }
    }
    take_branch(ret, BRANCH_ELSE);
    return 0;
}

/* The text that branches are compared by. An empty literal is unset elsewhere; here it is a value
 * like others. */
static struct str branch_text(struct arena *a, struct json v, bool literal)
{
    return literal && v.type == JSON_UNDEFINED ? STR("") : value_to_string(a, v);
}

int control_branch_value(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct arena *a = ctx->run->scratch;
    const struct def_input *in = def_step_input(ctx->step->def, "inputValue");
    struct str value =
        branch_text(a, action_input(ctx, "inputValue"), in && in->type != DEF_INPUT_REFERENCE);
    struct json mappings = action_input(ctx, "branchValueMappings");
    for (uint32_t i = 0; mappings.type == JSON_ARRAY && i < mappings.len; i++) {
        struct json mapping = mappings.items[i];
        if (str_eq(value, branch_text(a, json_get(mapping, STR("value")), true))) {
            struct str name = json_as_str(json_get(mapping, STR("key")));
            take_branch(ret, arena_strndup(a, name.ptr, name.len));
            return 0;
        }
    }
    take_branch(ret, BRANCH_ELSE);
    return 0;
}
