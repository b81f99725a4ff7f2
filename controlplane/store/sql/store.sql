-- Queries of the store itself.

-- name: session_act_for
SELECT set_config('leat.organization', coalesce($1::uuid::text, ''), true),
       set_config('leat.customer', coalesce($2::uuid::text, ''), true);

-- name: org_data_key
SELECT data_key FROM organization WHERE id = $1::uuid;
