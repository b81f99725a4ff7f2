-- Queries of executions that the API starts.

-- name: api_replay_find
SELECT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id), coalesce(c.active AND i.removing_at IS NULL, false),
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

-- name: api_test_instance
SELECT id FROM instance WHERE is_system AND integration_id = $1::uuid;

-- name: api_test_instance_insert
INSERT INTO instance (id, organization_id, integration_id, name, is_system)
VALUES ($1::uuid, $2::uuid, $3::uuid, 'Test', true);

-- The flow's version, whether it is a draft, and whether the test instance runs it as it is. The
-- integration's row keeps two tests from making the test instance at once.
-- name: api_test_flow
SELECT v.id, v.version_number = 0,
       EXISTS (SELECT FROM instance i
               WHERE i.is_system AND i.integration_id = v.id AND NOT i.needs_deploy
                 AND i.deployed_revision > 0)
FROM integration_flow f JOIN integration v ON v.id = f.integration_id
WHERE f.id = $1::uuid
FOR UPDATE OF v;

-- name: api_test_flow_config
SELECT c.instance_id, i.deployed_revision, c.id, c.test_payload, c.test_content_type,
       c.test_headers
FROM instance_flow_config c JOIN instance i ON i.id = c.instance_id
WHERE c.flow_id = $1::uuid AND c.active AND i.is_system;
