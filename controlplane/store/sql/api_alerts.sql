-- Queries of the API's alerting: monitors, groups, webhooks.

-- name: api_alert_users_found
SELECT count(*) FROM app_user WHERE id = ANY ($1::uuid[]);

-- name: api_alert_webhooks_found
SELECT count(*) FROM alert_webhook WHERE id = ANY ($1::uuid[]);

-- name: api_alert_groups_found
SELECT count(*) FROM alert_group WHERE id = ANY ($1::uuid[]);

-- name: api_alert_triggers_found
SELECT count(*) FROM alert_trigger WHERE id = ANY ($1::uuid[]);

-- name: api_alert_instance_found
SELECT id FROM instance WHERE id = $1::uuid AND NOT is_system AND removing_at IS NULL;

-- name: api_alert_flow_config_found
SELECT c.instance_id FROM instance_flow_config c JOIN instance i ON i.id = c.instance_id
WHERE c.id = $1::uuid AND c.active AND NOT i.is_system AND i.removing_at IS NULL;

-- name: api_alert_monitor_insert
INSERT INTO alert_monitor (id, organization_id, name) VALUES ($1::uuid, $2::uuid, $3);

-- name: api_alert_monitor_lock
SELECT id FROM alert_monitor WHERE id = $1::uuid FOR UPDATE;

-- name: api_alert_monitor_update
UPDATE alert_monitor SET name = coalesce($2, name),
    instance_id = CASE WHEN $3::uuid IS NULL THEN instance_id ELSE $3::uuid END,
    flow_config_id = CASE WHEN $3::uuid IS NULL THEN flow_config_id ELSE $4::uuid END,
    triggers = CASE WHEN $5::uuid[] IS NULL THEN triggers ELSE
        ARRAY(SELECT t.key FROM alert_trigger t WHERE t.id = ANY ($5::uuid[]) ORDER BY t.position) END,
    duration_seconds = CASE WHEN $6::bool THEN $7::int ELSE duration_seconds END,
    overdue_minutes = CASE WHEN $8::bool THEN $9::int ELSE overdue_minutes END,
    log_severity = CASE WHEN $10::bool THEN $11::smallint ELSE log_severity END,
    user_ids = coalesce($12::uuid[], user_ids), webhook_ids = coalesce($13::uuid[], webhook_ids),
    group_ids = coalesce($14::uuid[], group_ids), armed_at = now(), updated_at = now()
WHERE id = $1::uuid
RETURNING 'execution_duration' = ANY (triggers) AND duration_seconds IS NULL,
    'execution_overdue' = ANY (triggers) AND overdue_minutes IS NULL,
    'log_level' = ANY (triggers) AND log_severity IS NULL;

-- name: api_alert_monitor_clear
UPDATE alert_monitor SET triggered = false, armed_at = now() WHERE id = $1::uuid;

-- name: api_alert_monitor_delete
DELETE FROM alert_monitor WHERE id = $1::uuid;

-- name: api_alert_group_insert
INSERT INTO alert_group (id, organization_id, name, user_ids, webhook_ids)
VALUES ($1::uuid, $2::uuid, $3, coalesce($4::uuid[], '{}'), coalesce($5::uuid[], '{}'));

-- name: api_alert_group_lock
SELECT id FROM alert_group WHERE id = $1::uuid FOR UPDATE;

-- name: api_alert_group_update
UPDATE alert_group SET name = coalesce($2, name), user_ids = coalesce($3::uuid[], user_ids),
    webhook_ids = coalesce($4::uuid[], webhook_ids), updated_at = now()
WHERE id = $1::uuid;

-- name: api_alert_group_delete
DELETE FROM alert_group WHERE id = $1::uuid;

-- name: api_alert_webhook_insert
INSERT INTO alert_webhook (id, organization_id, name, url, sealed_headers, payload_template)
VALUES ($1::uuid, $2::uuid, $3, $4, $5::bytea, $6);

-- name: api_alert_webhook_lock
SELECT id FROM alert_webhook WHERE id = $1::uuid FOR UPDATE;

-- name: api_alert_webhook_update
UPDATE alert_webhook SET name = coalesce($2, name), url = coalesce($3, url),
    sealed_headers = CASE WHEN $4::bool THEN $5::bytea ELSE sealed_headers END,
    payload_template = coalesce($6, payload_template), updated_at = now()
WHERE id = $1::uuid;

-- name: api_alert_webhook_delete
DELETE FROM alert_webhook WHERE id = $1::uuid;
