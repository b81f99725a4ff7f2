-- Queries of retention: what organizations keep for a shorter time than partitions are kept. Each
-- takes a slice of one organization's rows, by the index on it and the id, from where the last one
-- ended.

-- What has grown over its time by ten minutes or more, what was never looked at first.
-- name: retention_due
SELECT o.id, k.kind, k.days, coalesce(r.done_below, '00000000-0000-0000-0000-000000000000')
FROM organization o
CROSS JOIN LATERAL (VALUES (1, o.log_retention_days), (2, o.step_result_retention_days),
                           (3, o.execution_retention_days)) k (kind, days)
LEFT JOIN retention r ON r.organization_id = o.id AND r.kind = k.kind
WHERE k.days IS NOT NULL
  AND coalesce(r.done_below, '00000000-0000-0000-0000-000000000000')
      < leat_uuid_floor(now() - k.days * interval '1 day' - interval '10 minutes')
ORDER BY r.done_below NULLS FIRST LIMIT 20;

-- name: retention_logs
WITH slice AS MATERIALIZED (
    SELECT l.id FROM log_line l
    WHERE l.organization_id = $1::uuid AND l.id >= $2::uuid
      AND l.id < leat_uuid_floor(now() - $3::int * interval '1 day')
    ORDER BY l.id LIMIT $4::int
), gone AS (
    DELETE FROM log_line l USING slice s WHERE l.id = s.id
)
SELECT CASE WHEN count(*) = $4::int THEN (SELECT s.id FROM slice s ORDER BY s.id DESC LIMIT 1)
       ELSE leat_uuid_floor(now() - $3::int * interval '1 day') END, count(*) FROM slice;

-- The results of steps go, the execution stays. Large values are left to their own sweep.
-- name: retention_steps
WITH slice AS MATERIALIZED (
    SELECT e.id FROM execution e
    WHERE e.organization_id = $1::uuid AND e.id >= $2::uuid
      AND e.id < leat_uuid_floor(now() - $3::int * interval '1 day')
    ORDER BY e.id LIMIT $4::int
), emptied AS (
    UPDATE execution_result r SET steps = '', steps_size = 0 FROM slice s
    WHERE r.id = s.id AND r.steps_size > 0
), freed AS (
    UPDATE execution_value v SET kept = false FROM slice s WHERE v.execution_id = s.id AND v.kept
)
SELECT CASE WHEN count(*) = $4::int THEN (SELECT s.id FROM slice s ORDER BY s.id DESC LIMIT 1)
       ELSE leat_uuid_floor(now() - $3::int * interval '1 day') END, count(*) FROM slice;

-- What has not ended stays. A value's sweep needs the result to see that nobody names the value: so
-- they go together, and chunks that are left are swept by themselves.
-- name: retention_executions
WITH slice AS MATERIALIZED (
    SELECT e.id FROM execution e
    WHERE e.organization_id = $1::uuid AND e.id >= $2::uuid
      AND e.id < leat_uuid_floor(now() - $3::int * interval '1 day')
    ORDER BY e.id LIMIT $4::int
), ended AS (
    DELETE FROM execution_result r USING slice s WHERE r.id = s.id RETURNING r.id
), gone AS (
    DELETE FROM execution e USING ended d WHERE e.id = d.id
), freed AS (
    DELETE FROM execution_value v USING ended d WHERE v.execution_id = d.id
), retries AS (
    DELETE FROM execution_retry c USING ended d WHERE c.last_id = d.id AND c.due_at IS NULL
)
SELECT CASE WHEN count(*) = $4::int THEN (SELECT s.id FROM slice s ORDER BY s.id DESC LIMIT 1)
       ELSE leat_uuid_floor(now() - $3::int * interval '1 day') END, count(*) FROM slice;

-- name: retention_done
INSERT INTO retention (organization_id, kind, done_below) VALUES ($1::uuid, $2::smallint, $3::uuid)
ON CONFLICT (organization_id, kind) DO UPDATE
SET done_below = greatest(retention.done_below, excluded.done_below);

-- name: api_retention_update
UPDATE organization SET
    execution_retention_days = CASE WHEN $2::bool THEN $3::int ELSE execution_retention_days END,
    step_result_retention_days = CASE WHEN $4::bool THEN $5::int ELSE step_result_retention_days END,
    log_retention_days = CASE WHEN $6::bool THEN $7::int ELSE log_retention_days END,
    updated_at = now()
WHERE id = $1::uuid;
