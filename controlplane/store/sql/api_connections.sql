-- Queries of connections in the API.

-- Not what stands for a reusable connection, and not what users of customers do not see.
-- name: api_connection_of_instance
SELECT v.id, t.grant_type, t.sealed_client, t.sealed_token
FROM instance_config_variable v
JOIN instance i ON i.id = v.instance_id
LEFT JOIN connection_token t ON t.id = v.id AND v.scoped_config_variable_id IS NULL
WHERE v.id = $1::uuid AND (leat_customer() IS NULL OR NOT EXISTS (
    SELECT FROM required_config_variable hidden
    WHERE hidden.integration_id = i.integration_id AND hidden.key = v.key AND hidden.org_only))
FOR UPDATE OF v;

-- $5, $6: seconds until it ends, and until it is renewed; 0 = never, below = as before.
-- name: connection_token_import
UPDATE connection_token t SET sealed_token = coalesce($2, sealed_token),
    sealed_context = coalesce($3, sealed_context), status = $4, error = NULL,
    expires_at = CASE WHEN $5::int8 < 0 THEN expires_at
        WHEN $5::int8 > 0 THEN now() + $5::int8 * interval '1 second' END,
    refresh_at = asked.at, next_at = CASE WHEN $4 = 'active' THEN asked.at END,
    attempts = 0, lease = NULL, updated_at = now()
FROM (SELECT coalesce($7::timestamptz, CASE WHEN $6::int8 < 0 THEN now_.refresh_at
        WHEN $6::int8 > 0 THEN now() + $6::int8 * interval '1 second' END) AS at
      FROM connection_token now_ WHERE now_.id = $1::uuid) asked
WHERE t.id = $1::uuid;
