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
