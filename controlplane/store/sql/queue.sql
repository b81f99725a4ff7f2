-- Queries of queues: entering, releasing, leaving. Migration 0002 has the functions.

-- name: queue_put
INSERT INTO execution_queue (execution_id, organization_id, flow_config_id, queue_id, customer_id,
                             dedupe_hash, reply_to, traceparent)
SELECT e.execution_id, e.organization_id, e.flow_config_id, e.queue_id,
       nullif(e.customer_id, '00000000-0000-0000-0000-000000000000'),
       nullif(e.dedupe_hash, ''::bytea), e.reply_to, e.traceparent
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[], $7::text[],
            $8::text[]) WITH ORDINALITY
     AS e (execution_id, organization_id, flow_config_id, queue_id, customer_id, dedupe_hash,
           reply_to, traceparent, nth)
ORDER BY e.nth
ON CONFLICT DO NOTHING
RETURNING execution_id;

-- name: queue_find_same
SELECT e.execution_id, q.execution_id
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS e (execution_id, flow_config_id, dedupe_hash)
JOIN execution_queue q ON q.flow_config_id = e.flow_config_id AND q.dedupe_hash = e.dedupe_hash;

-- name: queue_repoint_keys
UPDATE webhook_idempotency w SET execution_id = r.same
FROM unnest($1::uuid[], $2::bytea[], $3::uuid[]) AS r (flow_config_id, key_hash, same)
WHERE w.flow_config_id = r.flow_config_id AND w.key_hash = r.key_hash;

-- name: queue_stored
SELECT id FROM execution WHERE id = ANY ($1::uuid[]);

-- name: queue_enter
INSERT INTO execution_queue (execution_id, organization_id, flow_config_id, queue_id, customer_id)
SELECT e.id, e.organization_id, e.flow_config_id,
       CASE WHEN f.queue_limit > 0 THEN e.flow_config_id ELSE limited.id END, limited.id
FROM execution e
JOIN instance i ON i.id = e.instance_id
LEFT JOIN customer limited ON limited.id = i.customer_id AND limited.concurrency_limit IS NOT NULL
LEFT JOIN instance_flow_config c ON c.id = e.flow_config_id
LEFT JOIN integration_flow f ON f.id = c.flow_id
WHERE e.id = ANY ($1::uuid[]) AND (f.queue_limit > 0 OR limited.id IS NOT NULL)
ORDER BY e.id;

-- name: queue_release
SELECT leat_queue_release($1::uuid[], $2::int, $3::int);

-- name: queue_left_behind
DELETE FROM execution_queue q
WHERE q.released_at < now() - interval '5 seconds'
  AND EXISTS (SELECT FROM execution_result r WHERE r.id = q.execution_id);

-- name: queue_leave
WITH gone AS (
    DELETE FROM execution_queue WHERE execution_id = ANY ($1::uuid[])
    RETURNING queue_id, customer_id
), leases AS (
    DELETE FROM execution_lease WHERE execution_id IN (
        SELECT l.execution_id FROM execution_lease l WHERE l.execution_id = ANY ($1::uuid[])
        FOR UPDATE SKIP LOCKED)
)
SELECT queue_id FROM gone
UNION
SELECT customer_id FROM gone WHERE customer_id IS NOT NULL;
