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
