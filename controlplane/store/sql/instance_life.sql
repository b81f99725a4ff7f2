-- Queries of removals and of deploys under way. Migration 0015 has the functions.

-- name: removal_instance
SELECT leat_remove_instance($1::uuid);

-- name: removal_integration
SELECT leat_remove_integration($1::uuid);

-- name: removal_customer
SELECT leat_remove_customer($1::uuid);

-- Whether there is something to remove, or a deploy to judge: asked twice a second.
-- name: lifecycle_any
SELECT EXISTS (SELECT FROM instance WHERE removing_at IS NOT NULL)
    OR EXISTS (SELECT FROM integration WHERE removing_at IS NOT NULL)
    OR EXISTS (SELECT FROM customer WHERE removing_at IS NOT NULL),
    EXISTS (SELECT FROM instance WHERE deploying_revision IS NOT NULL);

-- name: removal_start
SELECT leat_removal_start($1::int, $2::int, $3::bytea);

-- name: removal_finish
SELECT leat_removal_finish(NULL, $1::int);

-- name: deploy_judge
SELECT leat_deploy_judge($1::int);
