-- Queries of executions that the API starts.

-- name: api_replay_find
SELECT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id), coalesce(c.active, false),
       coalesce(i.deployed_revision, 0), coalesce(i.enabled, false)
FROM execution e
LEFT JOIN instance i ON i.id = e.instance_id
LEFT JOIN instance_flow_config c ON c.id = e.flow_config_id
WHERE e.id = $1::uuid;

-- Nobody waits for its answer, so a replay is never synchronous.
-- name: api_replay_insert
INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
    invoke_type, flags, request, replay_of)
SELECT $1::uuid, e.organization_id, e.instance_id, e.flow_config_id, $3::int8, $4::int,
    e.invoke_type, e.flags & ~4, e.request, e.id
FROM execution e WHERE e.id = $2::uuid;
