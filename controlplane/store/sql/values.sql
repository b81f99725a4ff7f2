-- Queries of large values.

-- name: value_store
-- The outcome of each chunk is that of proto/value.h: 1 stored, 2 late, 3 full. What is known already
-- of a value is not weighed again, so that a chunk that comes twice is stored again, harmlessly.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                         $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[])
        AS c (execution_id, value_id, organization_id, instance_id, attempt, number, size,
              content_type, raw_at, raw_size, data_size, data)
), weighed AS (
    SELECT g.*, CASE
        WHEN EXISTS (SELECT FROM execution_result r WHERE r.id = g.execution_id)
          OR EXISTS (SELECT FROM execution_lease l
                     WHERE l.execution_id = g.execution_id AND l.attempt > g.attempt::int) THEN 2
        WHEN NOT EXISTS (SELECT FROM execution_value v
                         WHERE v.execution_id = g.execution_id AND v.id = g.value_id)
         AND g.size::bigint + (SELECT coalesce(sum(v.size), 0) FROM execution_value v
                               WHERE v.execution_id = g.execution_id) > $13::bigint THEN 3
        ELSE 1 END AS outcome
    FROM given g
), values_stored AS (
    INSERT INTO execution_value (execution_id, id, organization_id, instance_id, size,
                                 content_type, raw_at, raw_size)
    SELECT DISTINCT ON (w.execution_id, w.value_id) w.execution_id, w.value_id, w.organization_id,
           w.instance_id, w.size::bigint, w.content_type, w.raw_at::bigint, w.raw_size::bigint
    FROM weighed w WHERE w.outcome = 1
    ORDER BY w.execution_id, w.value_id
    ON CONFLICT DO NOTHING
), chunks_stored AS (
    INSERT INTO execution_value_chunk (execution_id, value_id, number, organization_id, data_size,
                                       data)
    SELECT DISTINCT ON (w.execution_id, w.value_id, w.number) w.execution_id, w.value_id,
           w.number::int, w.organization_id, w.data_size::int, w.data
    FROM weighed w WHERE w.outcome = 1
    ORDER BY w.execution_id, w.value_id, w.number
    ON CONFLICT DO NOTHING
)
SELECT w.value_id, w.number::int, w.outcome FROM weighed w;

-- name: value_chunk
SELECT data_size, data FROM execution_value_chunk
WHERE execution_id = $1::uuid AND value_id = $2::uuid AND number = $3::int;

-- name: value_describe
-- What is not kept, of an execution that has ended, is about to be swept.
SELECT v.size, v.content_type, v.raw_at, v.raw_size FROM execution_value v
WHERE v.execution_id = $1::uuid AND v.id = $2::uuid
  AND (v.kept OR NOT EXISTS (SELECT FROM execution_result r WHERE r.id = v.execution_id))
  AND EXISTS (SELECT FROM instance i WHERE i.id = v.instance_id);

-- name: execution_request
SELECT request FROM execution WHERE id = $1::uuid;

-- name: value_step_results
SELECT steps, steps_size FROM execution_result WHERE id = $1::uuid;

-- name: record_values_kept
UPDATE execution_value v SET kept = true
FROM unnest($1::uuid[], $2::uuid[]) AS named (execution_id, id)
WHERE v.execution_id = named.execution_id AND v.id = named.id;

-- name: value_sweep
-- Values of ended executions whose result does not name them, some at a time.
WITH gone AS (
    DELETE FROM execution_value v
    USING (SELECT o.execution_id, o.id FROM execution_value o
           WHERE NOT o.kept AND EXISTS (SELECT FROM execution_result r WHERE r.id = o.execution_id)
           LIMIT $1::int) o
    WHERE v.execution_id = o.execution_id AND v.id = o.id
    RETURNING v.execution_id, v.id
), chunks AS (
    DELETE FROM execution_value_chunk c USING gone
    WHERE c.execution_id = gone.execution_id AND c.value_id = gone.id
)
SELECT count(*) FROM gone;

-- name: value_forget
-- Those of deleted instances are left to the sweep.
UPDATE execution_value v SET kept = false
WHERE v.kept AND NOT EXISTS (SELECT FROM instance i WHERE i.id = v.instance_id);

-- name: value_forget_chunks
-- A chunk that came while its value was swept.
DELETE FROM execution_value_chunk c
WHERE NOT EXISTS (SELECT FROM execution_value v
                  WHERE v.execution_id = c.execution_id AND v.id = c.value_id);
