-- Queries of the process itself.

-- name: schema_current
SELECT coalesce(max(number), 0)::int FROM schema_migration;
