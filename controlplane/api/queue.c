/* Owns the mutations of a flow's queue. What is removed from it gets its result at once, so that an
 * accepted event always ends; the gate sees free places within a second. On a lane thread, inside
 * the mutation's transaction. Releases and removals take their turns by the same lock, so that what
 * is removed was not released in the same moment. */
#include "api/input.h"

#define ITEMS_MAX 100000

/* Locks the queue of the flow config of the input. */
static int find_queue(struct call *c, struct err *err)
{
    int rc =
        call_find(c, "id", "InstanceFlowConfig", QUERY_API_FLOW_CONFIG_DEPLOYED, &c->id, NULL, err);
    return rc || c->n_errors ? rc : db_run(c->db, QUERY_API_QUEUE_LOCK, NULL, err);
}

static int remove_items(struct call *c, int64_t most, struct err *err)
{
    return db_run(c->db, QUERY_API_QUEUE_REMOVE, NULL, err, DB_UUID(c->id), DB_I64(most));
}

static int clear_working_set(struct call *c, struct err *err)
{
    return db_run(c->db, QUERY_API_QUEUE_CLEAR_WORKING_SET, NULL, err, DB_UUID(c->id));
}

int mutate_clear_all_fifo_data(struct call *c, struct err *err)
{
    int rc = find_queue(c, err);
    if (rc != 0 || c->n_errors > 0) {
        return rc;
    }
    rc = remove_items(c, INT32_MAX, err);
    return rc == 0 ? clear_working_set(c, err) : rc;
}

int mutate_clear_fifo_working_set(struct call *c, struct err *err)
{
    int rc = find_queue(c, err);
    return rc != 0 || c->n_errors > 0 ? rc : clear_working_set(c, err);
}

int mutate_remove_fifo_queue_items(struct call *c, struct err *err)
{
    struct json count = call_input(c, "itemCount");
    if (count.type != JSON_NUMBER || count.num < 1 || count.num > ITEMS_MAX) {
        return call_refuse(c, "itemCount", "This field is required: a number from 1 to %d.",
                           ITEMS_MAX);
    }
    int rc = find_queue(c, err);
    return rc != 0 || c->n_errors > 0 ? rc : remove_items(c, (int64_t)count.num, err);
}
