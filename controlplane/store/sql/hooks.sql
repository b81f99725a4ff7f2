-- Queries of webhook ingress: its index and idempotency keys.

-- name: hook_index_page
SELECT c.id, c.instance_id, c.organization_id, i.customer_id, i.deployed_revision, i.enabled,
       i.is_system, c.api_key_hashes, f.name, f.is_synchronous, f.endpoint_security,
       (SELECT array_agg(sha256(convert_to(k, 'UTF8'))) FROM unnest(f.organization_api_keys) k),
       f.trigger_reply::text, f.queue_limit, f.dedupe_path, f.trigger_replies,
       EXISTS (SELECT FROM customer k WHERE k.id = i.customer_id AND k.concurrency_limit IS NOT NULL)
FROM instance_flow_config c
JOIN instance i ON i.id = c.instance_id
JOIN integration_flow f ON f.id = c.flow_id
WHERE i.deployed_revision > 0 AND c.active AND c.id > $1::uuid
ORDER BY c.id
LIMIT $2::int8;

-- name: hook_index_instance
SELECT c.id, c.instance_id, c.organization_id, i.customer_id, i.deployed_revision, i.enabled,
       i.is_system, c.api_key_hashes, f.name, f.is_synchronous, f.endpoint_security,
       (SELECT array_agg(sha256(convert_to(k, 'UTF8'))) FROM unnest(f.organization_api_keys) k),
       f.trigger_reply::text, f.queue_limit, f.dedupe_path, f.trigger_replies,
       EXISTS (SELECT FROM customer k WHERE k.id = i.customer_id AND k.concurrency_limit IS NOT NULL)
FROM instance_flow_config c
JOIN instance i ON i.id = c.instance_id
JOIN integration_flow f ON f.id = c.flow_id
WHERE i.deployed_revision > 0 AND c.active AND c.instance_id = $1::uuid;

-- name: hook_index_instances_of
SELECT DISTINCT instance_id FROM instance_flow_config WHERE id = ANY ($1::uuid[]);

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
