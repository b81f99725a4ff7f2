-- Queries of the scheduler: due schedules are claimed, advanced and fired in one transaction.

-- name: schedule_claim
SELECT s.flow_config_id, s.organization_id, s.instance_id, s.cron, s.time_zone,
       i.deployed_revision,
       i.enabled AND i.removing_at IS NULL AND c.active AND i.deployed_revision > 0
           AND NOT (coalesce(f.is_singleton, false)
                    AND EXISTS (SELECT FROM execution_queue q WHERE q.queue_id = c.id)),
       i.is_system, i.global_debug
FROM schedule s
JOIN instance i ON i.id = s.instance_id
JOIN instance_flow_config c ON c.id = s.flow_config_id
LEFT JOIN integration_flow f ON f.id = c.flow_id
WHERE s.next_at <= now()
ORDER BY s.next_at
LIMIT $1::int8
FOR UPDATE OF s SKIP LOCKED;

-- name: schedule_advance
UPDATE schedule s SET next_at = v.next_at::timestamptz
FROM unnest($1::uuid[], $2::text[]) AS v (flow_config_id, next_at)
WHERE s.flow_config_id = v.flow_config_id;

-- name: schedule_fire
INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
                       invoke_type, flags, request)
SELECT v.id, v.organization_id, v.instance_id, v.flow_config_id, v.revision::int8, $6::int4,
       $7::int2, v.flags::int2, $8::bytea
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $9::text[])
     AS v (id, organization_id, instance_id, flow_config_id, revision, flags);
