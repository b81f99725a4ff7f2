-- Queries of flow retries: the recorder's side and the scheduler's.

-- Newest of each unique request id; a replay is no new request. Taking the rows in order keeps recorders apart: of two results
-- with the same id the later transaction sees what the earlier one wrote.
-- name: retry_unique
INSERT INTO unique_request (flow_config_id, unique_id, newest)
SELECT DISTINCT ON (v.flow_config_id, v.unique_id) v.flow_config_id, v.unique_id,
       coalesce(e.retry_of, e.id)
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS v (id, flow_config_id, unique_id)
JOIN execution e ON e.id = v.id
WHERE e.replay_of IS NULL
ORDER BY v.flow_config_id, v.unique_id, coalesce(e.retry_of, e.id) DESC
ON CONFLICT (flow_config_id, unique_id) DO UPDATE
SET newest = greatest(unique_request.newest, excluded.newest);

-- name: retry_cancel
UPDATE execution_retry r SET canceled_by = u.newest, due_at = NULL, claim_at = NULL
FROM unique_request u
WHERE u.flow_config_id = ANY($1::uuid[]) AND u.unique_id = ANY($2::bytea[])
  AND r.flow_config_id = u.flow_config_id AND r.unique_id = u.unique_id
  AND r.first_id < u.newest AND r.canceled_by IS NULL;

-- A delay is doubled each time up to a day, and ends with a minute.
-- name: retry_put
INSERT INTO execution_retry (first_id, organization_id, instance_id, flow_config_id, last_id,
                             retry_count, max_count, due_at, claim_at, unique_id, canceled_by)
SELECT d.first_id, d.organization_id, d.instance_id, d.flow_config_id, d.id, d.done, d.most,
       d.due_at, d.due_at, d.unique_id, d.newer
FROM (
    SELECT x.*, u.newest AS newer, CASE
        WHEN u.newest IS NOT NULL THEN NULL
        WHEN x.delay = 0 THEN x.ended_at
        ELSE date_trunc('minute', x.ended_at + interval '59.999999 seconds' + interval '1 minute'
             * least(x.delay * CASE WHEN x.exponential THEN power(2, x.done) ELSE 1 END, 1440))
        END AS due_at
    FROM (
        SELECT e.id, e.organization_id, e.instance_id, e.flow_config_id,
               coalesce(e.retry_of, e.id) AS first_id, coalesce(e.retry_count, 0) AS done,
               v.most::int, v.delay::int, v.exponential::boolean,
               to_timestamp(v.ended::float8) AS ended_at, nullif(v.unique_id, '') AS unique_id
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
             AS v (id, most, delay, exponential, ended, unique_id)
        JOIN execution e ON e.id = v.id
        WHERE e.flags & 5 = 0
    ) x
    LEFT JOIN unique_request u ON u.flow_config_id = x.flow_config_id
        AND u.unique_id = x.unique_id AND u.newest > x.first_id
) d
WHERE d.done < d.most
ON CONFLICT (first_id) DO UPDATE
SET last_id = excluded.last_id, retry_count = excluded.retry_count,
    max_count = excluded.max_count, due_at = excluded.due_at, claim_at = excluded.claim_at,
    canceled_by = excluded.canceled_by
WHERE execution_retry.canceled_by IS NULL;

-- What is due and what is to become of it: 0 its flow is gone, 1 its instance is paused, 2 newer
-- requests of its flow are under way and one may be the same anew, 3 it starts. Below done_below
-- only what has a lease can be without a result.
-- name: retry_claim
WITH due AS MATERIALIZED (
    SELECT r.* FROM execution_retry r WHERE r.claim_at <= now()
    ORDER BY r.claim_at LIMIT $1::int8 FOR UPDATE SKIP LOCKED
), watched AS MATERIALIZED (
    SELECT d.instance_id, d.flow_config_id, max(d.due_at) AS due_at FROM due d
    WHERE d.unique_id IS NOT NULL AND d.due_at > now() - interval '15 minutes'
    GROUP BY d.instance_id, d.flow_config_id
), under_way AS MATERIALIZED (
    SELECT n.flow_config_id, n.id FROM watched w
    JOIN execution n ON n.instance_id = w.instance_id AND n.flow_config_id = w.flow_config_id
        AND n.id >= (SELECT done_below FROM sweep) AND n.id < leat_uuid_floor(w.due_at)
    WHERE n.retry_of IS NULL AND NOT EXISTS (SELECT FROM execution_result x WHERE x.id = n.id)
    UNION ALL
    SELECT n.flow_config_id, n.id FROM execution_lease l JOIN execution n ON n.id = l.execution_id
    JOIN watched w ON w.flow_config_id = n.flow_config_id
    WHERE n.retry_of IS NULL AND NOT EXISTS (SELECT FROM execution_result x WHERE x.id = n.id)
)
SELECT r.first_id, CASE
    WHEN c.id IS NULL OR NOT c.active OR i.id IS NULL OR i.removing_at IS NOT NULL OR e.id IS NULL THEN 0
    WHEN NOT i.enabled OR i.deployed_revision = 0 THEN 1
    WHEN r.unique_id IS NOT NULL AND r.due_at > now() - interval '15 minutes' AND EXISTS (
        SELECT FROM under_way n WHERE n.flow_config_id = r.flow_config_id AND n.id > r.first_id
            AND n.id < leat_uuid_floor(r.due_at)) THEN 2
    ELSE 3 END
FROM due r
LEFT JOIN instance i ON i.id = r.instance_id
LEFT JOIN instance_flow_config c ON c.id = r.flow_config_id
LEFT JOIN execution e ON e.id = r.last_id;

-- name: retry_fire
INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
                       invoke_type, flags, request, retry_of, retry_count, replay_of)
SELECT v.id, e.organization_id, e.instance_id, e.flow_config_id, i.deployed_revision, $3::int4,
       e.invoke_type, e.flags, e.request, r.first_id, r.retry_count + 1,
       e.replay_of
FROM unnest($1::uuid[], $2::uuid[]) AS v (id, first_id)
JOIN execution_retry r ON r.first_id = v.first_id
JOIN execution e ON e.id = r.last_id
JOIN instance i ON i.id = r.instance_id;

-- name: retry_fired
UPDATE execution_retry r SET last_id = v.id, retry_count = r.retry_count + 1, due_at = NULL,
       claim_at = NULL
FROM unnest($1::uuid[], $2::uuid[]) AS v (id, first_id)
WHERE r.first_id = v.first_id;

-- name: retry_wait
UPDATE execution_retry SET claim_at = now() + $2::int4 * interval '1 second'
WHERE first_id = ANY($1::uuid[]);

-- name: retry_drop
DELETE FROM execution_retry WHERE first_id = ANY($1::uuid[]);

-- name: unique_request_forget
DELETE FROM unique_request WHERE newest < leat_uuid_floor(now() - interval '1 day');

-- Chains whose newest execution is gone with its partition.
-- name: retry_forget
DELETE FROM execution_retry
WHERE due_at IS NULL AND last_id < leat_uuid_floor(now() - $1::int4 * interval '1 day');
