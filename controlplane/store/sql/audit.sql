-- Queries of the audit log.

-- name: audit_add
SELECT leat_audit_add($1::uuid, $2, $3::uuid, $4, $5::uuid, $6, $7, $8::uuid, $9, $10::text[], $11);

-- name: audit_signin_refused
SELECT leat_signin_refused($1::uuid, $2);

-- name: audit_token_refused
SELECT leat_token_refused($1::bytea, $2);

-- name: audit_drop
SELECT leat_audit_drop($1::int, 10000);

-- name: audit_heads
SELECT h.organization_id, coalesce(o.name, ''), h.position, h.hash, h.dropped_position, h.dropped_hash
FROM audit_head h LEFT JOIN organization o ON o.id = h.organization_id
WHERE $1::text IS NULL OR o.name = $1 OR h.organization_id::text = $1
ORDER BY h.organization_id;

-- As texts, to be hashed again by who asks.
-- name: audit_chain
SELECT position, previous, hash, encode(previous, 'hex'), organization_id::text, position::text,
       id::text, leat_iso(at), actor_type, coalesce(actor_id::text, ''), actor_name,
       coalesce(token_id::text, ''), action, object_type, coalesce(object_id::text, ''),
       object_name, address, fields
FROM audit_entry WHERE organization_id = $1::uuid AND position > $2::int8
ORDER BY audit_entry.position LIMIT 1000;
