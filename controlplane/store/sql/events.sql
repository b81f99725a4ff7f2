-- Queries of event webhooks.

-- name: webhook_endpoint_count
SELECT count(*) FROM webhook_endpoint;

-- name: webhook_unknown_type
SELECT t FROM unnest($1::text[]) AS t WHERE NOT EXISTS (SELECT FROM event_type e WHERE e.name = t) LIMIT 1;

-- name: webhook_endpoint_insert
INSERT INTO webhook_endpoint (id, organization_id, name, description, url, sealed_secret,
    sealed_headers, enabled, event_types)
VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6::bytea, $7::bytea, coalesce($8::bool, true), $9::text[]);

-- name: webhook_endpoint_lock
SELECT id FROM webhook_endpoint WHERE id = $1::uuid FOR UPDATE;

-- name: webhook_endpoint_update
UPDATE webhook_endpoint SET name = coalesce($2, name), description = coalesce($3, description),
    url = coalesce($4, url),
    sealed_secret = CASE WHEN $5::bool THEN $6::bytea ELSE sealed_secret END,
    sealed_headers = CASE WHEN $7::bool THEN $8::bytea ELSE sealed_headers END,
    enabled = coalesce($9::bool, enabled), event_types = coalesce($10::text[], event_types),
    updated_at = now()
WHERE id = $1::uuid;

-- name: webhook_endpoint_delete
DELETE FROM webhook_endpoint WHERE id = $1::uuid;

-- name: webhook_endpoint_test
SELECT leat_webhook_test($1::uuid, $2::uuid);

-- A claim holds for as long as an attempt may take; a sender that dies leaves it to the next one.
-- name: webhook_delivery_claim
WITH due AS (
    SELECT d.id FROM webhook_delivery d WHERE d.next_at <= now()
    ORDER BY d.next_at LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE webhook_delivery d SET attempts = d.attempts + 1,
        next_at = now() + $1::int * interval '1 second'
    FROM due WHERE d.id = due.id RETURNING d.*
)
SELECT c.id, c.attempts, c.organization_id, c.event_type, c.body, w.id, w.url, w.sealed_secret,
       w.sealed_headers
FROM claimed c JOIN webhook_endpoint w ON w.id = c.endpoint_id;

-- name: webhook_delivery_done
UPDATE webhook_delivery SET delivered_at = now(), next_at = NULL, error = NULL WHERE id = $1::uuid;

-- The others of the endpoint wait, too: one that is away must not hold up everybody.
-- name: webhook_delivery_failed
WITH failed AS (
    UPDATE webhook_delivery SET error = $3,
        next_at = CASE WHEN $4::int > 0 THEN now() + $4::int * interval '1 second' END
    WHERE id = $1::uuid AND attempts = $2::int AND delivered_at IS NULL AND next_at IS NOT NULL
    RETURNING endpoint_id
)
UPDATE webhook_delivery d SET next_at = now() + $4::int * interval '1 second'
FROM failed WHERE d.endpoint_id = failed.endpoint_id AND d.id <> $1::uuid AND $4::int > 0
  AND d.attempts = 0 AND d.next_at < now() + $4::int * interval '1 second';

-- name: webhook_delivery_forget
DELETE FROM webhook_delivery WHERE id < leat_uuid_floor(now() - $1::int * interval '1 day');
