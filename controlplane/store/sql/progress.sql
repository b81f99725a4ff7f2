-- Queries of what test runs have done so far.

-- Only of a test run that is known and has not ended, and of one only so much.
-- name: progress_put
INSERT INTO execution_progress (execution_id, attempt, first_step, organization_id, instance_id,
                                steps)
SELECT e.id, $2::int4, $3::int4, e.organization_id, e.instance_id, $4::bytea
FROM execution e
WHERE e.id = $1::uuid AND e.flags & 1 = 1
  AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)
  AND (SELECT coalesce(sum(octet_length(p.steps)), 0) FROM execution_progress p
       WHERE p.execution_id = e.id) + octet_length($4::bytea) <= $5::int8
ON CONFLICT DO NOTHING;

-- name: progress_logs
INSERT INTO log_line (id, organization_id, execution_id, instance_id, flow_config_id, severity, at,
                      step_name, message)
SELECT v.id, $2::uuid, $1::uuid, $3::uuid, $4::uuid, v.severity::int2, v.at::timestamptz,
       v.step_name, v.message
FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[])
     AS v (id, severity, at, step_name, message)
ON CONFLICT DO NOTHING;

-- name: progress_over
DELETE FROM execution_progress WHERE execution_id = ANY($1::uuid[]);

-- name: progress_known
SELECT EXISTS (SELECT FROM execution e WHERE e.id = $1::uuid AND e.organization_id = $2::uuid
               AND e.flags & 1 = 1);

-- What was left behind: runs that were taken over and ended elsewhere, messages that came late.
-- name: progress_forget
DELETE FROM execution_progress p
WHERE EXISTS (SELECT FROM execution_result r WHERE r.id = p.execution_id)
   OR p.execution_id < leat_uuid_floor(now() - interval '1 day');
