-- Queries of the answers to workers.

-- name: responder_instance
SELECT r.revision, i.organization_id, i.customer_id, r.integration_id, i.name, c.name,
       c.external_id, v.name, v.sequence_id, v.version_number, v.definition, r.sealed_config,
       i.step_results_disabled, i.logs_disabled, v.private_components <> '{}'
FROM instance i
JOIN instance_revision r ON r.instance_id = i.id
    AND r.revision = CASE WHEN $2::bigint = 0 THEN i.deployed_revision ELSE $2::bigint END
JOIN integration v ON v.id = r.integration_id
LEFT JOIN customer c ON c.id = i.customer_id
WHERE i.id = $1::uuid;

-- The organization's components that a version names and that come as one file.
-- name: responder_components
SELECT n.key, n.version, n.declarative
FROM integration v
CROSS JOIN LATERAL (
    SELECT c.key, c.version, c.declarative,
        row_number() OVER (PARTITION BY c.key ORDER BY c.version DESC) AS age
    FROM component c
    WHERE c.organization_id = v.organization_id AND c.key = ANY (v.private_components)
      AND (c.customer_id IS NULL OR c.customer_id = v.customer_id)) n
WHERE v.id = $1::uuid AND n.declarative IS NOT NULL
  AND (n.age = 1 OR strpos(v.definition, n.version::text) > 0)
ORDER BY n.age, n.key LIMIT 50;

-- name: responder_flows
SELECT c.id, f.id, f.name, f.stable_key, c.sealed_api_keys, f.organization_api_keys, leat_hook_gid(c.id)
FROM instance_flow_config c
JOIN integration_flow f ON f.id = c.flow_id
WHERE c.instance_id = $1::uuid AND c.active
ORDER BY f.position;

-- name: responder_state
WITH instance_of AS (
    SELECT v.sequence_id FROM instance i JOIN integration v ON v.id = i.integration_id
    WHERE i.id = $4::uuid
), asked AS (
    SELECT CASE $2::int WHEN 3 THEN (SELECT sequence_id FROM instance_of) ELSE $1::uuid END AS owner_id
)
SELECT coalesce(octet_length(s.store), 0)::int8,
       coalesce((extract(epoch FROM s.updated_at) * 1000000)::int8, 0),
       coalesce(substr(s.store, $5::int + 1, $6::int), ''::bytea),
       (SELECT coalesce(sum(octet_length(o.store)), 0)::int8 FROM persisted_state o
        WHERE o.organization_id = $3::uuid AND o.scope < 16
          AND (o.owner_id = $4::uuid
               OR o.owner_id IN (SELECT id FROM instance_flow_config WHERE instance_id = $4::uuid)
               OR o.owner_id = (SELECT sequence_id FROM instance_of))
          AND NOT (o.owner_id = a.owner_id AND o.scope = $2::int))
FROM asked a
LEFT JOIN persisted_state s ON s.owner_id = a.owner_id AND s.scope = $2::int
    AND s.organization_id = $3::uuid;

-- name: responder_state_part
INSERT INTO persisted_state (owner_id, scope, organization_id, store)
VALUES ($1::uuid, $2::int::smallint, $3::uuid, $4::bytea)
ON CONFLICT (owner_id, scope) DO UPDATE SET store = excluded.store, updated_at = now();
