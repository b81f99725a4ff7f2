-- Queries of instances: configuration and deploy.

-- name: api_version_find
SELECT v.id, v.version_number, v.version_is_available, v.definition, v.sequence_id
FROM integration v
WHERE v.id = CASE WHEN (SELECT asked.version_number FROM integration asked WHERE asked.id = $1::uuid) = 0
    THEN (SELECT latest.id FROM integration latest
          WHERE latest.sequence_id = $1::uuid AND latest.version_number > 0
              AND latest.version_is_available
          ORDER BY latest.version_number DESC LIMIT 1)
    ELSE $1::uuid END;

-- name: api_instance_insert
INSERT INTO instance (id, organization_id, customer_id, integration_id, name, description, labels,
    logs_disabled, step_results_disabled)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, $6, coalesce($7::text[], '{}'),
    coalesce($8::bool, false), coalesce($9::bool, false));

-- name: api_instance_lock
SELECT i.id, i.integration_id, i.deployed_revision, i.enabled, v.definition, v.version_number,
       v.version_is_available, i.deployed_integration_id, i.is_system
FROM instance i JOIN integration v ON v.id = i.integration_id
WHERE i.id = $1::uuid FOR UPDATE OF i;

-- name: api_instance_update
UPDATE instance SET name = coalesce($2, name), description = coalesce($3, description),
    labels = coalesce($4::text[], labels), enabled = coalesce($5::bool, enabled),
    logs_disabled = coalesce($6::bool, logs_disabled),
    step_results_disabled = coalesce($7::bool, step_results_disabled),
    integration_id = coalesce($8::uuid, integration_id),
    needs_deploy = needs_deploy OR $9::bool, updated_at = now()
WHERE id = $1::uuid;

-- name: api_instance_state
UPDATE instance SET config_state = $2 WHERE id = $1::uuid AND config_state <> $2;

-- name: api_instance_deployed
UPDATE instance SET deployed_revision = $2::int8, deployed_integration_id = integration_id,
    needs_deploy = false, last_deployed_at = now(), updated_at = now()
WHERE id = $1::uuid;

-- name: api_instance_delete
DELETE FROM instance WHERE id = $1::uuid;

-- name: api_config_vars
SELECT id, key, value, schedule_type, time_zone, sealed_inputs, customer_config_variable_id
FROM instance_config_variable WHERE instance_id = $1::uuid;

-- name: api_config_var_put
INSERT INTO instance_config_variable (id, organization_id, instance_id, key, value, schedule_type,
    time_zone, sealed_inputs, scoped_config_variable_id, customer_config_variable_id)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8, $9::uuid, $10::uuid)
ON CONFLICT (instance_id, key) DO UPDATE SET value = EXCLUDED.value,
    schedule_type = EXCLUDED.schedule_type, time_zone = EXCLUDED.time_zone,
    sealed_inputs = EXCLUDED.sealed_inputs,
    scoped_config_variable_id = EXCLUDED.scoped_config_variable_id,
    customer_config_variable_id = EXCLUDED.customer_config_variable_id, updated_at = now();

-- name: api_config_vars_keep
DELETE FROM instance_config_variable WHERE instance_id = $1::uuid AND NOT (key = ANY ($2::text[]));

-- name: api_version_flow_list
SELECT id, name, stable_key, trigger_component, trigger_action, endpoint_security
FROM integration_flow WHERE integration_id = $1::uuid ORDER BY position;

-- name: api_flow_config_list
SELECT id, identity, cardinality(api_key_hashes) FROM instance_flow_config
WHERE instance_id = $1::uuid;

-- name: api_flow_config_put
INSERT INTO instance_flow_config (id, organization_id, instance_id, flow_id, identity, active)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5, true)
ON CONFLICT (instance_id, identity) DO UPDATE SET flow_id = EXCLUDED.flow_id, active = true;

-- name: api_flow_configs_retire
UPDATE instance_flow_config SET active = false, flow_id = NULL
WHERE instance_id = $1::uuid AND active AND NOT (identity = ANY ($2::text[]));

-- name: api_flow_config_keys
UPDATE instance_flow_config SET sealed_api_keys = $2, api_key_hashes = $3::bytea[]
WHERE id = $1::uuid;

-- name: api_flow_config_of_flow
SELECT c.id FROM instance_flow_config c WHERE c.instance_id = $1::uuid AND c.flow_id = $2::uuid;

-- name: api_revision_insert
INSERT INTO instance_revision (instance_id, revision, organization_id, integration_id, sealed_config)
VALUES ($1::uuid, $2::int8, $3::uuid, $4::uuid, $5);

-- name: api_schedules_clear
DELETE FROM schedule WHERE instance_id = $1::uuid;

-- name: api_schedule_insert
INSERT INTO schedule (flow_config_id, organization_id, instance_id, cron, time_zone, next_at)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, to_timestamp($6::int8 / 1000000000.0));

-- name: api_execution_insert
INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
    invoke_type, flags, request)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::int8, $6::int, $7::smallint, $8::smallint, $9);

-- name: api_flow_config_deployed
SELECT c.instance_id, i.deployed_revision, i.enabled
FROM instance_flow_config c JOIN instance i ON i.id = c.instance_id
WHERE c.id = $1::uuid AND c.active;
