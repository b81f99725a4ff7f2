-- Queries of webhook ingress: its index and idempotency keys.

-- name: hook_index_page
SELECT c.id, c.instance_id, c.organization_id, i.customer_id, i.deployed_revision, i.enabled,
       i.is_system AND NOT i.is_router, c.api_key_hashes, f.name, f.is_synchronous, f.endpoint_security,
       (SELECT array_agg(sha256(convert_to(k, 'UTF8'))) FROM unnest(f.organization_api_keys) k),
       f.trigger_reply::text, f.queue_limit, f.dedupe_path, f.trigger_replies,
       EXISTS (SELECT FROM customer k WHERE k.id = i.customer_id AND k.concurrency_limit IS NOT NULL),
       v.endpoint_type <> 'flow_specific', i.global_debug, i.listening
FROM instance_flow_config c
JOIN instance i ON i.id = c.instance_id
JOIN integration_flow f ON f.id = c.flow_id
JOIN integration v ON v.id = f.integration_id
WHERE i.deployed_revision > 0 AND i.removing_at IS NULL AND c.active AND c.id > $1::uuid
ORDER BY c.id
LIMIT $2::int8;

-- name: hook_index_instance
SELECT c.id, c.instance_id, c.organization_id, i.customer_id, i.deployed_revision, i.enabled,
       i.is_system AND NOT i.is_router, c.api_key_hashes, f.name, f.is_synchronous, f.endpoint_security,
       (SELECT array_agg(sha256(convert_to(k, 'UTF8'))) FROM unnest(f.organization_api_keys) k),
       f.trigger_reply::text, f.queue_limit, f.dedupe_path, f.trigger_replies,
       EXISTS (SELECT FROM customer k WHERE k.id = i.customer_id AND k.concurrency_limit IS NOT NULL),
       v.endpoint_type <> 'flow_specific', i.global_debug, i.listening
FROM instance_flow_config c
JOIN instance i ON i.id = c.instance_id
JOIN integration_flow f ON f.id = c.flow_id
JOIN integration v ON v.id = f.integration_id
WHERE i.deployed_revision > 0 AND i.removing_at IS NULL AND c.active AND c.instance_id = $1::uuid;

-- name: hook_index_instances_of
SELECT DISTINCT instance_id FROM instance_flow_config WHERE id = ANY ($1::uuid[]);

-- Instances whose flows have one address: all after $1, or the one $2.
-- name: hook_index_endpoints
SELECT i.id, v.sequence_id, v.endpoint_type = 'shared_instance', v.preprocess_flow <> '',
       (SELECT c.id FROM instance_flow_config c JOIN integration_flow f ON f.id = c.flow_id
        WHERE c.instance_id = i.id AND c.active AND f.name = v.preprocess_flow),
       v.flow_name_path, v.customer_id_path, i.enabled,
       CASE WHEN NOT i.is_system THEN k.external_id END,
       coalesce((extract(epoch FROM i.last_deployed_at) * 1000000)::int8, 0), i.is_router
FROM integration v
JOIN instance i ON i.deployed_integration_id = v.id
LEFT JOIN customer k ON k.id = i.customer_id
WHERE v.endpoint_type <> 'flow_specific' AND i.deployed_revision > 0 AND i.removing_at IS NULL
  AND i.id > $1::uuid AND ($2::uuid IS NULL OR i.id = $2::uuid)
ORDER BY i.id
LIMIT $3::int8;

-- Shared integrations, as their newest version says: all after $1, or the one $2.
-- name: hook_index_shared
SELECT v.sequence_id, v.preprocess_flow <> '',
       (SELECT c.id FROM instance i JOIN instance_flow_config c ON c.instance_id = i.id
        JOIN integration_flow f ON f.id = c.flow_id
        WHERE i.is_router AND i.integration_id = v.id AND i.deployed_revision > 0 AND c.active
          AND f.name = v.preprocess_flow),
       v.flow_name_path, v.customer_id_path
FROM (SELECT DISTINCT ON (n.sequence_id) n.* FROM integration n
      WHERE n.version_number > 0 AND n.version_is_available AND n.removing_at IS NULL
        AND ($2::uuid IS NULL OR n.sequence_id = $2::uuid) AND n.sequence_id > $1::uuid
      ORDER BY n.sequence_id, n.version_number DESC) v
WHERE v.endpoint_type = 'shared_instance'
ORDER BY v.sequence_id
LIMIT $3::int8;

-- The instances that a customer has of an integration.
-- name: hook_index_of_customer
SELECT i.id FROM integration v
JOIN customer k ON k.organization_id = v.organization_id AND k.external_id = $2
JOIN integration n ON n.sequence_id = v.sequence_id
JOIN instance i ON i.customer_id = k.id AND i.deployed_integration_id = n.id AND i.removing_at IS NULL
WHERE v.id = $1::uuid;

-- name: idempotency_claim
INSERT INTO webhook_idempotency (flow_config_id, key_hash, execution_id)
SELECT k.flow_config_id, k.key_hash, k.execution_id
FROM unnest($1::uuid[], $2::bytea[], $3::uuid[])
     WITH ORDINALITY AS k (flow_config_id, key_hash, execution_id, place)
ORDER BY k.flow_config_id, k.key_hash, k.place
ON CONFLICT DO NOTHING;

-- name: idempotency_find
SELECT k.place, w.execution_id
FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY AS k (flow_config_id, key_hash, place)
JOIN webhook_idempotency w USING (flow_config_id, key_hash);
