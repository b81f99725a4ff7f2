-- Queries of the recorder.

-- name: record_attempts
SELECT execution_id, attempt FROM execution_lease WHERE execution_id = ANY($1::uuid[]);

-- name: record_known
SELECT id FROM execution_result WHERE id = ANY($1::uuid[]);

-- name: record_states
-- A store that came in parts is put together from them: rows of scopes from 16 up under its upload.
INSERT INTO persisted_state (owner_id, scope, organization_id, store)
SELECT s.owner_id, s.scope::smallint, s.organization_id,
       CASE WHEN s.parts = '0' THEN s.store ELSE (
           SELECT CASE WHEN count(*) = s.parts::int THEN string_agg(p.store, ''::bytea ORDER BY p.scope) END
           FROM persisted_state p
           WHERE p.owner_id = s.upload_id AND p.scope >= 16 AND p.organization_id = s.organization_id
       ) END
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::uuid[], $6::text[])
    AS s (owner_id, scope, organization_id, store, upload_id, parts)
ON CONFLICT (owner_id, scope) DO UPDATE SET store = excluded.store, updated_at = now();

-- name: record_parts_used
-- Parts that no result named, for a day, are of runs that did not come to their end.
DELETE FROM persisted_state
WHERE scope >= 16 AND (owner_id = ANY($1::uuid[]) OR updated_at < now() - interval '1 day');

-- name: record_sequence_of
SELECT i.id, v.sequence_id FROM instance i JOIN integration v ON v.id = i.integration_id
WHERE i.id = ANY($1::uuid[]);

-- name: checkpoint_store
-- Renewing the lease in the same transaction makes it certain that nobody has taken the run over.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
                         $7::bytea[], $8::bytea[])
        AS c (execution_id, attempt, first, organization_id, n_steps, steps_size, steps, logs)
), held AS (
    INSERT INTO execution_lease (execution_id, attempt, lease_until)
    SELECT g.execution_id, g.attempt::int, now() + $9::int * interval '1 millisecond'
    FROM given g
    WHERE NOT EXISTS (SELECT FROM execution_result r WHERE r.id = g.execution_id)
    ORDER BY g.execution_id
    ON CONFLICT (execution_id) DO UPDATE
    SET lease_until = greatest(execution_lease.lease_until, excluded.lease_until)
    WHERE execution_lease.attempt = excluded.attempt
    RETURNING execution_id
), stored AS (
    INSERT INTO execution_checkpoint (execution_id, first, organization_id, n_steps, steps_size,
        steps, logs)
    SELECT g.execution_id, g.first::int, g.organization_id, g.n_steps::int, g.steps_size::int,
        g.steps, g.logs
    FROM given g JOIN held h ON h.execution_id = g.execution_id
    ON CONFLICT DO NOTHING
)
SELECT execution_id FROM held;

-- name: checkpoint_read
SELECT first, organization_id, n_steps, steps_size, steps, logs FROM (
    SELECT c.*, sum(length(steps) + length(logs)) OVER (ORDER BY first)
        - length(steps) - length(logs) AS before
    FROM execution_checkpoint c WHERE execution_id = $1::uuid AND first >= $2::int) c
WHERE before < $3::int
ORDER BY first LIMIT 1000;

-- Where preprocess flows send their events: the flow of the same instance, or, of a shared
-- integration, of the instance that the customer has: an enabled one, the one deployed last. A row a
-- result, in order; columns are NULL where nothing was found. The request only where its flow dedupes.
-- name: record_routes
SELECT t.id, t.enabled, c.id, f.queue_limit, f.dedupe_path,
       CASE WHEN f.dedupe_path IS NOT NULL THEN (SELECT e.request FROM execution e WHERE e.id = g.id) END,
       (SELECT k.id FROM customer k WHERE k.id = t.customer_id AND k.concurrency_limit IS NOT NULL),
       (SELECT string_agg('"' || left(named.name, 60) || '"', ', ' ORDER BY named.position)
        FROM integration_flow named
        WHERE named.integration_id = t.deployed_integration_id AND named.name <> v.preprocess_flow
            AND named.position < 8), g.nth
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY
     AS g (id, instance_id, flow, customer, nth)
JOIN instance own ON own.id = g.instance_id
JOIN integration v ON v.id = own.deployed_integration_id
LEFT JOIN LATERAL (
    SELECT i.* FROM instance i WHERE NOT own.is_router AND i.id = own.id
    UNION ALL
    (SELECT i.* FROM customer k
     JOIN instance i ON i.customer_id = k.id AND i.deployed_revision > 0 AND NOT i.is_system
         AND i.removing_at IS NULL
     JOIN integration n ON n.id = i.deployed_integration_id AND n.sequence_id = v.sequence_id
         AND n.endpoint_type = 'shared_instance'
     WHERE own.is_router AND k.organization_id = own.organization_id AND k.external_id = g.customer
     ORDER BY i.enabled DESC, i.last_deployed_at DESC NULLS LAST, i.id DESC LIMIT 1)
) t ON true
LEFT JOIN LATERAL (
    SELECT flow.* FROM integration_flow flow
    WHERE flow.integration_id = t.deployed_integration_id AND flow.name <> v.preprocess_flow
      AND (g.flow = '' OR flow.name = g.flow)
    ORDER BY flow.position LIMIT 1
) f ON true
LEFT JOIN instance_flow_config c ON c.instance_id = t.id AND c.flow_id = f.id AND c.active
ORDER BY g.nth;

-- name: record_route_queue
INSERT INTO execution_queue (execution_id, organization_id, flow_config_id, queue_id, customer_id,
                             dedupe_hash, reply_to, traceparent, reply_id, released_at)
SELECT e.execution_id, c.organization_id, c.id, e.queue_id,
       nullif(e.customer_id, '00000000-0000-0000-0000-000000000000'),
       nullif(e.dedupe_hash, ''::bytea), e.reply_to, e.traceparent, e.reply_id,
       CASE WHEN e.queue_id = e.execution_id THEN now() END
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::text[], $7::text[],
            $8::uuid[]) WITH ORDINALITY
     AS e (execution_id, flow_config_id, queue_id, customer_id, dedupe_hash, reply_to, traceparent,
           reply_id, nth)
JOIN instance_flow_config c ON c.id = e.flow_config_id
ORDER BY e.nth
ON CONFLICT DO NOTHING
RETURNING execution_id;

-- What a queue has released has a lease; so has what waits in none but for its answer's address.
-- name: record_route_executions
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
        AS v (id, preprocessed_by, instance_id, flow_config_id)
), leased AS (
    INSERT INTO execution_lease (execution_id, attempt, lease_until)
    SELECT q.execution_id, 1, now() + interval '10 seconds'
    FROM given v JOIN execution_queue q ON q.execution_id = v.id
    WHERE q.released_at IS NOT NULL
    ON CONFLICT DO NOTHING
)
INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
                       invoke_type, flags, request, preprocessed_by)
SELECT v.id, e.organization_id, i.id, v.flow_config_id, i.deployed_revision, e.accepted_by,
       e.invoke_type, e.flags & ~8, e.request, e.id
FROM given v
JOIN execution e ON e.id = v.preprocessed_by
JOIN instance i ON i.id = v.instance_id
RETURNING id;
