-- Queries of the tokens of connections. One request for a token runs at a time, whichever replica
-- makes it: a claim holds as long as a request may take, and its lease proves that nobody else has
-- written since.

-- name: connection_token_put
INSERT INTO connection_token AS t (id, organization_id, config_variable_id, scoped_id, customer_id,
    grant_type, client_digest, sealed_client)
VALUES ($1::uuid, $2::uuid, CASE $3 WHEN 'instance' THEN $1::uuid END,
    CASE $3 WHEN 'scoped' THEN $1::uuid END, CASE $3 WHEN 'customer' THEN $1::uuid END, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET grant_type = EXCLUDED.grant_type,
    client_digest = EXCLUDED.client_digest, sealed_client = EXCLUDED.sealed_client,
    status = 'pending', sealed_token = NULL, sealed_context = NULL, error = NULL, expires_at = NULL,
    refresh_at = NULL, next_at = NULL, attempts = 0, lease = NULL, updated_at = now()
WHERE t.client_digest IS DISTINCT FROM EXCLUDED.client_digest;

-- name: connection_token_remove
DELETE FROM connection_token WHERE id = $1::uuid;

-- Tokens that nobody needs to consent to are due at once, unless there is one.
-- name: connection_token_due
UPDATE connection_token SET next_at = now(), attempts = 0, error = NULL,
    status = CASE status WHEN 'failed' THEN 'pending' ELSE status END
WHERE grant_type = 'client_credentials' AND status <> 'active'
    AND (id = $1::uuid OR id IN (
        SELECT coalesce(v.customer_config_variable_id, v.scoped_config_variable_id, v.id)
        FROM instance_config_variable v WHERE v.instance_id = $1::uuid));

-- name: connection_token_get
SELECT grant_type, status, client_digest, sealed_client, sealed_token, organization_id
FROM connection_token WHERE id = $1::uuid;

-- name: connection_consent_put
WITH forgotten AS (DELETE FROM connection_consent WHERE expires_at < now())
INSERT INTO connection_consent (state_hash, organization_id, token_id, client_digest, sealed_verifier)
VALUES ($1, $2::uuid, $3::uuid, $4, $5);

-- name: connection_consent_use
SELECT organization_id, token_id, client_digest, sealed_verifier FROM leat_consent_use($1);

-- A new token, by consent or from outside. $5: seconds until it is renewed, 0 = never.
-- name: connection_token_set
UPDATE connection_token SET sealed_token = $2, status = 'active', error = NULL,
    expires_at = CASE WHEN $4::int8 > 0 THEN now() + $4::int8 * interval '1 second' END,
    refresh_at = CASE WHEN $5::int8 > 0 THEN now() + $5::int8 * interval '1 second' END,
    next_at = CASE WHEN $5::int8 > 0 THEN now() + $5::int8 * interval '1 second' END,
    attempts = 0, lease = NULL, updated_at = now()
WHERE id = $1::uuid AND client_digest = $3
RETURNING id;

-- A consent that came to nothing leaves the token that there is.
-- name: connection_token_denied
UPDATE connection_token SET status = 'failed', error = $3, updated_at = now()
WHERE id = $1::uuid AND client_digest = $2 AND sealed_token IS NULL;

-- name: connection_token_disconnect
UPDATE connection_token SET status = 'pending', sealed_token = NULL, sealed_context = NULL,
    error = NULL, expires_at = NULL, refresh_at = NULL, next_at = NULL, attempts = 0, lease = NULL,
    updated_at = now()
WHERE id = $1::uuid;

-- name: connection_token_claim
WITH due AS (
    SELECT id FROM connection_token WHERE next_at <= now()
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE connection_token t SET attempts = t.attempts + 1, lease = gen_random_uuid(),
    next_at = now() + $1::int * interval '1 second'
FROM due WHERE t.id = due.id
RETURNING t.id, t.organization_id, t.lease, t.attempts, t.sealed_client, t.sealed_token;

-- name: connection_token_renewed
UPDATE connection_token SET sealed_token = $3, status = 'active', error = NULL,
    expires_at = CASE WHEN $4::int8 > 0 THEN now() + $4::int8 * interval '1 second' END,
    refresh_at = CASE WHEN $5::int8 > 0 THEN now() + $5::int8 * interval '1 second' END,
    next_at = CASE WHEN $5::int8 > 0 THEN now() + $5::int8 * interval '1 second' END,
    attempts = 0, lease = NULL, updated_at = now()
WHERE id = $1::uuid AND lease = $2::uuid;

-- $4: seconds until the next try; 0 = it is over, and whoever watches is told.
-- name: connection_token_not_renewed
WITH failed AS (
    UPDATE connection_token SET error = $3, updated_at = now(),
        next_at = CASE WHEN $4::int8 > 0 THEN now() + $4::int8 * interval '1 second' END,
        lease = NULL,
        status = CASE WHEN $4::int8 > 0 THEN status WHEN sealed_token IS NULL THEN 'failed' ELSE 'error' END
    WHERE id = $1::uuid AND lease = $2::uuid RETURNING id
), hit AS MATERIALIZED (
    SELECT DISTINCT ON (m.id) m.id, m.flow_config_id, v.instance_id, v.key
    FROM failed
    JOIN instance_config_variable v
        ON coalesce(v.customer_config_variable_id, v.scoped_config_variable_id, v.id) = failed.id
    JOIN alert_monitor m ON m.instance_id = v.instance_id
    WHERE $4::int8 = 0 AND NOT m.triggered AND 'connection_error' = ANY (m.triggers)
    ORDER BY m.id, v.key
)
SELECT count(*) FILTER (WHERE leat_alert_trip(h.id, 'connection_error', h.instance_id,
    h.flow_config_id, NULL, '', h.key || ': ' || $3)) FROM hit h;

-- What the workers' copy of an instance's configuration gets over what the deploy froze. $1: the
-- instance. Milliseconds until a token is renewed; NULL = not known.
-- name: connection_tokens_of
SELECT v.key, t.id, t.sealed_token, t.sealed_context,
    (extract(epoch FROM t.next_at - now()) * 1000)::int8
FROM instance_config_variable v
JOIN connection_token t
    ON t.id = coalesce(v.customer_config_variable_id, v.scoped_config_variable_id, v.id)
WHERE v.instance_id = $1::uuid;

-- What the component says of a connection: of the newest version that the organization may use.
-- name: connection_described
SELECT coalesce((SELECT entry::text FROM component c, jsonb_array_elements(
    CASE jsonb_typeof(c.metadata->'connections') WHEN 'array' THEN c.metadata->'connections' ELSE '[]' END) entry
    WHERE c.key = $1 AND entry->>'key' = $2
    ORDER BY c.organization_id NULLS LAST, c.version DESC LIMIT 1), '{}');
