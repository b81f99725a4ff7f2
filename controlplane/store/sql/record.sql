-- Queries of the recorder.

-- name: record_attempts
SELECT execution_id, attempt FROM execution_lease WHERE execution_id = ANY($1::uuid[]);

-- name: record_known
SELECT id FROM execution_result WHERE id = ANY($1::uuid[]);

-- name: record_states
INSERT INTO persisted_state (owner_id, scope, organization_id, store)
SELECT s.owner_id, s.scope::smallint, s.organization_id, s.store
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[]) AS s (owner_id, scope, organization_id, store)
ON CONFLICT (owner_id, scope) DO UPDATE SET store = excluded.store, updated_at = now();

-- name: record_sequence_of
SELECT i.id, v.sequence_id FROM instance i JOIN integration v ON v.id = i.integration_id
WHERE i.id = ANY($1::uuid[]);
