-- Queries of importing and publishing integrations.

-- name: api_draft_lock
SELECT id, definition_hash, customer_id FROM integration
WHERE id = $1::uuid AND version_number = 0 FOR UPDATE;

-- name: api_draft_insert
INSERT INTO integration (id, sequence_id, organization_id, customer_id, name, description,
    documentation, category, labels, definition, definition_hash)
VALUES ($1::uuid, $1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8::text[], $9, $10);

-- name: api_draft_update
UPDATE integration SET name = $2, description = $3, documentation = $4, category = $5,
    labels = $6::text[], definition = $7, definition_hash = $8, updated_at = now()
WHERE id = $1::uuid;

-- name: api_endpoint_put
UPDATE integration SET endpoint_type = $2, preprocess_flow = $3, flow_name_path = $4::text[],
    customer_id_path = $5::text[]
WHERE id = $1::uuid;

-- Whether a version's calls go through a preprocess flow of its own instance, and that instance.
-- name: api_router_find
SELECT v.endpoint_type = 'shared_instance' AND v.preprocess_flow <> '',
       (SELECT i.id FROM integration n JOIN instance i ON i.integration_id = n.id
        WHERE n.sequence_id = v.sequence_id AND i.is_router LIMIT 1)
FROM integration v WHERE v.id = $1::uuid;

-- name: api_router_insert
INSERT INTO instance (id, organization_id, integration_id, name, is_system, is_router)
VALUES ($1::uuid, $2::uuid, $3::uuid, 'Routing', true, true);

-- name: api_router_move
UPDATE instance SET integration_id = $2::uuid, needs_deploy = true WHERE id = $1::uuid;

-- name: api_flows_keep
DELETE FROM integration_flow WHERE integration_id = $1::uuid AND NOT (id = ANY ($2::uuid[]));

-- name: api_flows_move
UPDATE integration_flow SET position = -1 - position, name = id::text WHERE integration_id = $1::uuid;

-- name: api_flow_ids
SELECT id, name, stable_key FROM integration_flow WHERE integration_id = $1::uuid;

-- name: api_flow_put
INSERT INTO integration_flow (id, organization_id, integration_id, position, name, stable_key,
    description, is_synchronous, endpoint_security, organization_api_keys, trigger_component,
    trigger_action, trigger_reply, schedule, queue_limit, is_singleton, dedupe_path,
    trigger_replies)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::int, $5, $6, $7, $8::bool, $9, $10::text[], $11, $12,
    $13::jsonb, $14::jsonb, $15::smallint, $16::bool, $17::text[], $18::bool)
ON CONFLICT (id) DO UPDATE SET position = EXCLUDED.position, name = EXCLUDED.name,
    stable_key = EXCLUDED.stable_key, description = EXCLUDED.description,
    is_synchronous = EXCLUDED.is_synchronous, endpoint_security = EXCLUDED.endpoint_security,
    organization_api_keys = EXCLUDED.organization_api_keys,
    trigger_component = EXCLUDED.trigger_component, trigger_action = EXCLUDED.trigger_action,
    trigger_reply = EXCLUDED.trigger_reply, schedule = EXCLUDED.schedule,
    queue_limit = EXCLUDED.queue_limit, is_singleton = EXCLUDED.is_singleton,
    dedupe_path = EXCLUDED.dedupe_path, trigger_replies = EXCLUDED.trigger_replies;

-- name: api_vars_clear
DELETE FROM required_config_variable WHERE integration_id = $1::uuid;

-- name: api_var_insert
INSERT INTO required_config_variable (id, organization_id, integration_id, position, key,
    stable_key, data_type, description, default_value, collection_type, org_only, pick_list,
    schedule_type, time_zone, connection_template, meta)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::int, $5, $6, $7, $8, $9, $10, $11::bool, $12::text[],
    $13, $14, $15, $16);

-- name: api_version_insert
INSERT INTO integration (id, organization_id, customer_id, sequence_id, version_number,
    version_comment, version_attributes, version_created_at, version_created_by, name, description, documentation,
    category, labels, definition, definition_hash, endpoint_type, preprocess_flow, flow_name_path,
    customer_id_path, is_code_native, template_configuration, marketplace_configuration,
    marketplace_tab_configuration, overview, allow_multiple_marketplace_instances,
    private_components)
SELECT $2::uuid, d.organization_id, d.customer_id, d.id,
    (SELECT coalesce(max(v.version_number), 0) + 1 FROM integration v WHERE v.sequence_id = d.id),
    $3, $5, now(), $4::uuid, d.name, d.description, d.documentation, d.category, d.labels, d.definition,
    d.definition_hash, d.endpoint_type, d.preprocess_flow, d.flow_name_path, d.customer_id_path,
    d.is_code_native, d.template_configuration, d.marketplace_configuration,
    d.marketplace_tab_configuration, d.overview, d.allow_multiple_marketplace_instances,
    d.private_components
FROM integration d WHERE d.id = $1::uuid;

-- name: api_version_flows
INSERT INTO integration_flow (id, organization_id, integration_id, position, name, stable_key,
    description, is_synchronous, endpoint_security, organization_api_keys, trigger_component,
    trigger_action, trigger_reply, schedule, queue_limit, is_singleton, dedupe_path,
    trigger_replies)
SELECT fresh.id, f.organization_id, $2::uuid, f.position, f.name, f.stable_key, f.description,
    f.is_synchronous, f.endpoint_security, f.organization_api_keys, f.trigger_component,
    f.trigger_action, f.trigger_reply, f.schedule, f.queue_limit, f.is_singleton, f.dedupe_path,
    f.trigger_replies
FROM (SELECT flow.*, row_number() OVER (ORDER BY flow.position) AS n
      FROM integration_flow flow WHERE flow.integration_id = $1::uuid) f
JOIN unnest($3::uuid[]) WITH ORDINALITY AS fresh (id, n) ON fresh.n = f.n;

-- name: api_version_vars
INSERT INTO required_config_variable (id, organization_id, integration_id, position, key,
    stable_key, data_type, description, default_value, collection_type, org_only, pick_list,
    schedule_type, time_zone, connection_template, meta)
SELECT fresh.id, f.organization_id, $2::uuid, f.position, f.key, f.stable_key, f.data_type,
    f.description, f.default_value, f.collection_type, f.org_only, f.pick_list, f.schedule_type,
    f.time_zone, f.connection_template, f.meta
FROM (SELECT var.*, row_number() OVER (ORDER BY var.position) AS n
      FROM required_config_variable var WHERE var.integration_id = $1::uuid) f
JOIN unnest($3::uuid[]) WITH ORDINALITY AS fresh (id, n) ON fresh.n = f.n;

-- name: api_version_counts
SELECT (SELECT count(*) FROM integration_flow WHERE integration_id = $1::uuid),
       (SELECT count(*) FROM required_config_variable WHERE integration_id = $1::uuid);

-- name: api_draft_by_name
SELECT id FROM integration
WHERE name = $1 AND version_number = 0 AND customer_id IS NOT DISTINCT FROM $2::uuid;
