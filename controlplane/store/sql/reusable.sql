-- Queries of reusable connections: scoped config variables, and those of customers.

-- A connection of a component by the API's id: of the newest version that has it.
-- name: api_connection_find
SELECT c.key, entry->>'key' FROM component c, jsonb_array_elements(
    CASE jsonb_typeof(c.metadata->'connections') WHEN 'array' THEN c.metadata->'connections' ELSE '[]' END) entry
WHERE md5(c.id::text || (entry->>'key'))::uuid = $1::uuid;

-- name: api_scoped_insert
INSERT INTO scoped_config_variable (id, organization_id, customer_id, key, stable_key, description,
    variable_scope, managed_by, component_key, connection_key, sealed_inputs, build_only, success_url,
    failure_url)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12::bool, false),
    $13, $14);

-- name: api_scoped_lock
SELECT id, key, variable_scope, managed_by, component_key, connection_key, sealed_inputs,
    coalesce(success_url, ''), coalesce(failure_url, '')
FROM scoped_config_variable WHERE id = $1::uuid FOR UPDATE;

-- name: api_scoped_update
WITH others AS (
    UPDATE scoped_config_variable o SET is_default = false FROM scoped_config_variable s
    WHERE s.id = $1::uuid AND $5::bool AND o.is_default AND o.id <> s.id
        AND o.component_key = s.component_key AND o.connection_key = s.connection_key
)
UPDATE scoped_config_variable SET key = coalesce($2, key), description = coalesce($3, description),
    sealed_inputs = coalesce($4, sealed_inputs), is_default = coalesce($5::bool, is_default),
    success_url = CASE WHEN $6::bool THEN $7 ELSE success_url END,
    failure_url = CASE WHEN $6::bool THEN $8 ELSE failure_url END, updated_at = now()
WHERE id = $1::uuid;

-- name: api_scoped_delete
DELETE FROM scoped_config_variable WHERE id = $1::uuid;

-- Instances that stand on a reusable connection, whether it is the scoped one or a customer's.
-- name: api_reusable_users
SELECT DISTINCT i.id, i.deployed_revision > 0, i.is_system FROM instance_config_variable v
JOIN instance i ON i.id = v.instance_id
WHERE v.scoped_config_variable_id = $1::uuid OR v.customer_config_variable_id = $1::uuid
ORDER BY i.id LIMIT $2::int;

-- name: api_reusable_changed
UPDATE instance SET needs_deploy = true, updated_at = now()
WHERE deployed_revision > 0 AND NOT needs_deploy AND id IN (
    SELECT v.instance_id FROM instance_config_variable v
    WHERE v.scoped_config_variable_id = $1::uuid OR v.customer_config_variable_id = $1::uuid);

-- What an instance's config variable with useScopedConfigVar stands for. $3: the customer's one that
-- was chosen, or NULL.
-- name: api_scoped_bind
SELECT * FROM leat_scoped_bind($1, $2::uuid, $3::uuid);

-- name: api_customer_variable_insert
INSERT INTO customer_config_variable (id, organization_id, scoped_config_variable_id, customer_id,
    is_test, key, sealed_inputs)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $4::uuid IS NULL, $5, $6);

-- name: api_customer_variable_lock
SELECT v.id, v.key, v.sealed_inputs, v.scoped_config_variable_id, s.component_key, s.connection_key,
    s.sealed_inputs, coalesce(s.success_url, ''), coalesce(s.failure_url, ''), s.managed_by
FROM customer_config_variable v JOIN scoped_config_variable s ON s.id = v.scoped_config_variable_id
WHERE v.id = $1::uuid FOR UPDATE OF v;

-- name: api_customer_variable_update
UPDATE customer_config_variable SET key = coalesce($2, key),
    sealed_inputs = coalesce($3, sealed_inputs), updated_at = now()
WHERE id = $1::uuid;

-- name: api_customer_variable_delete
DELETE FROM customer_config_variable WHERE id = $1::uuid;

-- name: api_customer_variables_of
SELECT v.id, v.sealed_inputs FROM customer_config_variable v
WHERE v.scoped_config_variable_id = $1::uuid ORDER BY v.id LIMIT $2::int FOR UPDATE;

-- name: api_connection_of_scoped
SELECT s.id, t.grant_type, t.sealed_client, t.sealed_token
FROM scoped_config_variable s LEFT JOIN connection_token t ON t.id = s.id
WHERE s.id = $1::uuid FOR UPDATE OF s;

-- name: api_connection_of_customer
SELECT v.id, t.grant_type, t.sealed_client, t.sealed_token
FROM customer_config_variable v LEFT JOIN connection_token t ON t.id = v.id
WHERE v.id = $1::uuid FOR UPDATE OF v;

-- name: api_connection_template_insert
INSERT INTO connection_template (id, organization_id, name, component_key, connection_key, sealed_presets)
VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6);

-- name: api_connection_template_lock
SELECT id, sealed_presets FROM connection_template WHERE id = $1::uuid FOR UPDATE;

-- name: api_connection_template_update
UPDATE connection_template SET name = coalesce($2, name),
    component_key = coalesce($3, component_key), connection_key = coalesce($4, connection_key),
    sealed_presets = coalesce($5, sealed_presets), updated_at = now()
WHERE id = $1::uuid;

-- name: api_connection_template_delete
DELETE FROM connection_template WHERE id = $1::uuid;

-- Whose presets customers' users do not see, though their instances have them.
-- name: api_connection_template_presets
SELECT * FROM leat_template_presets($1);

-- name: api_config_var_bound
UPDATE instance_config_variable SET scoped_config_variable_id = $3::uuid,
    customer_config_variable_id = $4::uuid
WHERE instance_id = $1::uuid AND key = $2;
