-- Queries of dispatch: replicas, reading events back, sweeping.

-- name: replica_register
INSERT INTO replica (node) VALUES ($1::uuid) RETURNING id;

-- name: replica_heartbeat
UPDATE replica SET heartbeat_at = now(), oldest_waiting = $2::uuid WHERE id = $1::int;

-- name: replica_forget
DELETE FROM replica WHERE heartbeat_at < now() - interval '1 day';

-- name: execution_by_ids
SELECT e.id, e.organization_id, e.instance_id, e.flow_config_id, e.revision, e.invoke_type,
       e.flags, e.request, i.customer_id, f.name, coalesce(l.attempt, 1),
       q.execution_id IS NOT NULL, q.reply_to, q.traceparent, q.reply_id
FROM execution e
LEFT JOIN instance i ON i.id = e.instance_id
LEFT JOIN instance_flow_config c ON c.id = e.flow_config_id
LEFT JOIN integration_flow f ON f.id = c.flow_id
LEFT JOIN execution_lease l ON l.execution_id = e.id
LEFT JOIN execution_queue q ON q.execution_id = e.id
WHERE e.id = ANY($1::uuid[]) AND (q.execution_id IS NULL OR q.released_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)
ORDER BY e.id;

-- name: lease_renew
INSERT INTO execution_lease (execution_id, attempt, lease_until, worker_id)
SELECT r.id, r.attempt::int, now() + $4::int * interval '1 millisecond', $3::uuid
FROM unnest($1::uuid[], $2::text[]) AS r (id, attempt)
ON CONFLICT (execution_id) DO UPDATE
SET lease_until = excluded.lease_until, worker_id = excluded.worker_id
WHERE execution_lease.attempt = excluded.attempt;

-- name: sweep_state
SELECT s.done_below,
       least(leat_uuid_floor(now() - $1::int * interval '1 millisecond'),
             (SELECT oldest_waiting FROM replica
              WHERE heartbeat_at > now() - interval '10 seconds' AND oldest_waiting IS NOT NULL
              ORDER BY oldest_waiting LIMIT 1)),
       EXISTS (SELECT FROM replica
               WHERE heartbeat_at <= now() - interval '10 seconds'
                 AND heartbeat_at > to_timestamp($2::float8) - interval '5 seconds')
FROM sweep s;

-- name: sweep_lost
WITH lost AS (
    SELECT e.id FROM execution e
    WHERE e.id >= $1::uuid AND e.id < $2::uuid
      AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)
      AND NOT EXISTS (SELECT FROM execution_lease l WHERE l.execution_id = e.id)
      AND NOT EXISTS (SELECT FROM execution_queue q WHERE q.execution_id = e.id)
    ORDER BY e.id LIMIT $3::int
)
INSERT INTO execution_lease (execution_id, attempt, lease_until)
SELECT id, 2, now() + $4::int * interval '1 millisecond' FROM lost
ON CONFLICT DO NOTHING
RETURNING execution_id;

-- name: sweep_expired
UPDATE execution_lease SET attempt = attempt + 1, worker_id = NULL,
       lease_until = now() + $2::int * interval '1 millisecond'
WHERE execution_id IN (
    SELECT l.execution_id FROM execution_lease l
    WHERE l.lease_until < now()
      AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = l.execution_id)
      AND NOT (l.worker_id IS NULL AND l.attempt = 1
               AND EXISTS (SELECT FROM execution_queue q WHERE q.execution_id = l.execution_id
                           AND q.released_at > to_timestamp($3::float8) - interval '1 second'))
    ORDER BY l.execution_id LIMIT $1::int FOR UPDATE SKIP LOCKED)
RETURNING execution_id;

-- name: sweep_leases_done
WITH done AS (
    DELETE FROM execution_lease l
    WHERE l.lease_until < now() - interval '5 seconds'
      AND EXISTS (SELECT FROM execution_result r WHERE r.id = l.execution_id)
    RETURNING execution_id
)
DELETE FROM execution_checkpoint WHERE execution_id IN (SELECT execution_id FROM done);

-- name: sweep_advance
UPDATE sweep SET done_below = greatest(done_below, $1::uuid);

-- name: idempotency_forget
DELETE FROM webhook_idempotency WHERE execution_id < leat_uuid_floor(now() - interval '1 day');

-- name: sweep_lock
SELECT pg_try_advisory_lock(7233185);

-- name: partitions_ensure
SELECT leat_partitions_ensure($1::int);

-- name: partitions_drop
SELECT leat_partitions_drop($1::int);
