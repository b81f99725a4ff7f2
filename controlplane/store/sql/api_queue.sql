-- Queries of the mutations of queues.

-- name: api_queue_lock
SELECT pg_advisory_xact_lock(7233186); -- that of leat_queue_release

-- name: api_queue_remove
WITH removed AS (
    DELETE FROM execution_queue WHERE execution_id IN (
        SELECT q.execution_id FROM execution_queue q
        WHERE q.queue_id = $1::uuid AND q.released_at IS NULL ORDER BY q.place LIMIT $2::int)
    RETURNING execution_id, organization_id
)
INSERT INTO execution_result (id, organization_id, attempt, status, n_steps, steps_size,
                              dispatched_at, started_at, ended_at, result_type, error, steps)
SELECT r.execution_id, r.organization_id, 1, 2, 0, 0, now(), now(), now(), 'ERROR',
       'The event was removed from the queue before it ran.', ''
FROM removed r;

-- name: api_queue_clear_working_set
DELETE FROM execution_queue WHERE queue_id = $1::uuid AND released_at IS NOT NULL;
