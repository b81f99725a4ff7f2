-- Queries of signing in.

-- name: signin_keys
SELECT key FROM leat_signing_keys($1::uuid) AS key;

-- name: signin_embedded_user
SELECT customer_id, user_id FROM leat_embedded_user($1, $2, $3::int, $4, $5, $6, $7, $8::uuid, $9::uuid);

-- name: signin_key_count
SELECT count(*) FROM organization_signing_key;

-- name: signin_key_lock
SELECT pg_advisory_xact_lock(hashtextextended($1, 7233188));

-- name: signin_key_insert
INSERT INTO organization_signing_key (id, organization_id, public_key, private_key_preview, imported)
VALUES ($1::uuid, $2::uuid, $3, $4, $5::bool);

-- name: signin_key_find
SELECT id FROM organization_signing_key WHERE id = $1::uuid;

-- name: signin_key_delete
DELETE FROM organization_signing_key WHERE id = $1::uuid;

-- name: signin_password_of
SELECT user_id, organization_id, hash FROM leat_password_of($1, $2::uuid);

-- name: signin_session_begin
SELECT leat_session_begin($1::uuid, $2::uuid, $3::bytea, $4::bool),
       leat_audit_signin($2::uuid, 'user.signed_in', $5);

-- name: signin_session_refresh
SELECT session_id, user_id, organization_id, reused, rotated,
       CASE WHEN reused THEN leat_audit_signin(user_id, 'user.refresh_token_reused', $3) END
FROM leat_session_refresh($1::bytea, $2::bytea);

-- name: signin_session_end
SELECT sessions, leat_audit_signin(user_id,
           CASE WHEN $2::bool THEN 'user.sessions_ended' ELSE 'user.signed_out' END, $3)
FROM leat_session_end($1::bytea, $2::bool);

-- name: signin_session_lookup
SELECT organization_id, customer_id, user_id, role FROM leat_session_lookup($1::uuid);

-- name: signin_invitation_mail
SELECT leat_invitation_mail($1::bytea);

-- name: signin_password_set
SELECT person, leat_audit_signin(person, 'user.password_set', $3)
FROM leat_password_set($1::bytea, $2) AS person;

-- name: signin_invite
INSERT INTO user_invitation (user_id, token_hash, expires_at)
VALUES ($1::uuid, $2::bytea, now() + $3::int * interval '1 hour')
ON CONFLICT (user_id) DO UPDATE SET token_hash = EXCLUDED.token_hash, expires_at = EXCLUDED.expires_at;

-- name: signin_password_put
INSERT INTO user_password (user_id, hash) VALUES ($1::uuid, $2)
ON CONFLICT (user_id) DO UPDATE SET hash = EXCLUDED.hash, changed_at = now();

-- name: signin_sessions_end
UPDATE user_session SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL;

-- name: signin_token_count
SELECT count(*) FROM api_token
WHERE user_id = $1::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: signin_token_insert
INSERT INTO api_token (id, organization_id, user_id, name, token_hash, expires_at, scope)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4, $5::bytea,
        CASE WHEN $6::int > 0 THEN now() + $6::int * interval '1 day' END, $7);

-- name: signin_token_owner
SELECT user_id FROM api_token WHERE id = $1::uuid;

-- name: signin_token_revoke
UPDATE api_token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1::uuid;

-- name: signin_code_make
SELECT leat_code_make($1::bytea, $2::uuid, $3, $4);

-- name: signin_code_use
SELECT user_id, organization_id, code_challenge, redirect_uri FROM leat_code_use($1::bytea);
