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
SELECT i.id, i.integration_id,
       greatest(i.deployed_revision, (SELECT max(r.revision) FROM instance_revision r
           WHERE r.instance_id = i.id)), i.enabled, v.definition, v.version_number,
       v.version_is_available, i.deployed_integration_id, i.is_system
FROM instance i JOIN integration v ON v.id = i.integration_id
WHERE i.id = $1::uuid AND i.removing_at IS NULL FOR UPDATE OF i;

-- name: api_instance_update
UPDATE instance SET name = coalesce($2, name), description = coalesce($3, description),
    labels = coalesce($4::text[], labels), enabled = coalesce($5::bool, enabled),
    logs_disabled = coalesce($6::bool, logs_disabled),
    step_results_disabled = coalesce($7::bool, step_results_disabled),
    integration_id = coalesce($8::uuid, integration_id),
    needs_deploy = needs_deploy OR $9::bool,
    global_debug = coalesce($10::bool, global_debug), updated_at = now()
WHERE id = $1::uuid;

-- name: api_instance_state
UPDATE instance SET config_state = $2 WHERE id = $1::uuid AND config_state <> $2;

-- name: api_instance_deployed
UPDATE instance SET deployed_revision = $2::int8, deployed_integration_id = integration_id,
    needs_deploy = false, last_deployed_at = now(), updated_at = now(), deploy_error = '',
    deploying_revision = CASE WHEN $3::bool THEN $2::int8 END,
    fallback = CASE WHEN $3::bool THEN fallback END
WHERE id = $1::uuid;

-- What to go back to when a flow of the deploy fails: what was before one that is not judged yet.
-- name: api_deploy_snapshot
UPDATE instance i SET fallback = leat_deploy_snapshot(i)
WHERE i.id = $1::uuid AND (i.deploying_revision IS NULL OR i.fallback IS NULL);

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
SELECT $1::uuid, $2::uuid, i.id, $4::uuid, $5::int8, $6::int, $7::smallint,
    $8::smallint | CASE WHEN i.global_debug THEN 2 ELSE 0 END, $9
FROM instance i WHERE i.id = $3::uuid;

-- name: api_flow_config_deployed
SELECT c.instance_id, i.deployed_revision, i.enabled, c.test_payload, c.test_content_type,
       c.test_headers
FROM instance_flow_config c JOIN instance i ON i.id = c.instance_id
WHERE c.id = $1::uuid AND c.active AND i.removing_at IS NULL;

-- What the input names stays where it is not given.
-- name: api_flow_config_test_put
UPDATE instance_flow_config SET test_payload = coalesce($2, test_payload),
    test_headers = coalesce($3, test_headers), test_content_type = coalesce($4, test_content_type)
WHERE id = $1::uuid;

-- name: api_state_put
INSERT INTO persisted_state (owner_id, scope, organization_id, store)
VALUES ($1::uuid, $2::int::smallint, $3::uuid, $4::bytea)
ON CONFLICT (owner_id, scope) DO UPDATE SET store = excluded.store, updated_at = now();

-- name: api_test_listening
UPDATE instance SET listening = $2::bool, updated_at = now()
WHERE is_system AND NOT is_router AND integration_id = $1::uuid;

-- The newest available version of the sequence of any of its versions.
-- name: api_upgrade_target
SELECT latest.id, asked.sequence_id, latest.definition FROM integration asked
LEFT JOIN LATERAL (SELECT v.id, v.definition FROM integration v
    WHERE v.sequence_id = asked.sequence_id AND v.version_number > 0 AND v.version_is_available
    ORDER BY v.version_number DESC LIMIT 1) latest ON true
WHERE asked.id = $1::uuid;

-- Instances that are not on the version, or run another one although nothing is missing. They are
-- locked in their order.
-- name: api_upgrade_next
SELECT i.id, i.deployed_revision > 0, i.name FROM instance i
WHERE i.id > $3::uuid AND NOT i.is_system AND i.removing_at IS NULL
  AND i.integration_id IN (SELECT v.id FROM integration v WHERE v.sequence_id = $2::uuid)
  AND (i.integration_id <> $1::uuid
       OR (i.deployed_revision > 0 AND i.deployed_integration_id <> $1::uuid
           AND i.config_state = 'FULLY_CONFIGURED'))
ORDER BY i.id LIMIT $4::int FOR UPDATE OF i;

-- name: api_upgrade_move
UPDATE instance SET integration_id = $2::uuid, needs_deploy = true, updated_at = now()
WHERE id = $1::uuid;

-- name: api_upgrade_savepoint
SAVEPOINT upgrade;

-- name: api_upgrade_back
ROLLBACK TO SAVEPOINT upgrade;

-- name: api_upgrade_release
RELEASE SAVEPOINT upgrade;
