-- Queries of `leat doctor`: how the database is set up. Read only.

-- name: doctor_server
SELECT current_setting('server_version_num')::int,
       current_setting('server_version'),
       (extract(epoch FROM clock_timestamp()) * 1000)::int8,
       current_setting('fsync'),
       current_setting('synchronous_commit'),
       current_setting('full_page_writes'),
       pg_size_bytes(current_setting('min_wal_size'))::int8,
       current_setting('wal_compression'),
       pg_size_bytes(current_setting('shared_buffers'))::int8,
       current_setting('max_connections')::int,
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
       to_regclass('schema_migration') IS NOT NULL,
       pg_database_size(current_database())::int8;

-- name: doctor_schema
SELECT coalesce(max(number), 0)::int FROM schema_migration;

-- name: doctor_organization
SELECT id FROM organization ORDER BY id LIMIT 1;
