-- Queries of the answers to workers.

-- name: responder_instance
SELECT r.revision, i.organization_id, i.customer_id, r.integration_id, i.name, c.name,
       c.external_id, v.name, v.sequence_id, v.version_number, v.definition, r.sealed_config,
       i.step_results_disabled, i.logs_disabled
FROM instance i
JOIN instance_revision r ON r.instance_id = i.id
    AND r.revision = CASE WHEN $2::bigint = 0 THEN i.deployed_revision ELSE $2::bigint END
JOIN integration v ON v.id = r.integration_id
LEFT JOIN customer c ON c.id = i.customer_id
WHERE i.id = $1::uuid;

-- name: responder_flows
SELECT c.id, f.id, f.name, f.stable_key, c.sealed_api_keys, f.organization_api_keys
FROM instance_flow_config c
JOIN integration_flow f ON f.id = c.flow_id
WHERE c.instance_id = $1::uuid AND c.active
ORDER BY f.position;

-- name: responder_state
SELECT store FROM persisted_state
WHERE owner_id = CASE $2::int
        WHEN 3 THEN (SELECT v.sequence_id FROM instance i
                     JOIN integration v ON v.id = i.integration_id WHERE i.id = $1::uuid)
        ELSE $1::uuid END
  AND scope = $2::int AND organization_id = $3::uuid;
