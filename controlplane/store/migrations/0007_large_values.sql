-- Large values: step results and synchronous answers that are too large for a run's message, in
-- chunks. They are partitioned as executions are, and go with them.

CREATE TABLE execution_value (
    execution_id    uuid NOT NULL,
    id              uuid NOT NULL,
    organization_id uuid NOT NULL,
    instance_id     uuid NOT NULL,
    size            bigint NOT NULL,
    content_type    text NOT NULL,   -- of the raw bytes
    raw_at          bigint NOT NULL, -- what a caller gets of it
    raw_size        bigint NOT NULL,
    kept            boolean NOT NULL DEFAULT false, -- the execution's result names it
    PRIMARY KEY (execution_id, id)
) PARTITION BY RANGE (execution_id);
CREATE INDEX execution_value_not_kept ON execution_value (execution_id) WHERE NOT kept;

CREATE TABLE execution_value_chunk (
    execution_id    uuid NOT NULL,
    value_id        uuid NOT NULL,
    number          int NOT NULL,
    organization_id uuid NOT NULL,
    data_size       int NOT NULL, -- 0 = plain, else of the LZ4 block's plain bytes
    data            bytea NOT NULL,
    PRIMARY KEY (execution_id, value_id, number)
) PARTITION BY RANGE (execution_id);
-- Compressed already, or not worth it.
ALTER TABLE execution_value_chunk ALTER data SET STORAGE EXTERNAL;

CREATE OR REPLACE FUNCTION leat_partitions_ensure(days_ahead int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    t text; d date; name text; made int := 0;
BEGIN
    FOREACH t IN ARRAY ARRAY['execution', 'execution_result', 'log_line', 'execution_value',
        'execution_value_chunk'] LOOP
        FOR i IN -1 .. days_ahead LOOP
            d := (now() AT TIME ZONE 'UTC')::date + i;
            name := t || '_' || to_char(d, 'YYYYMMDD');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    name, t,
                    leat_uuid_floor(d::timestamp AT TIME ZONE 'UTC'),
                    leat_uuid_floor((d + 1)::timestamp AT TIME ZONE 'UTC'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
CREATE OR REPLACE FUNCTION leat_partitions_drop(keep_days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    part record; dropped int := 0;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname IN ('execution', 'execution_result', 'log_line', 'execution_value',
                            'execution_value_chunk')
          AND c.relkind = 'r' AND c.relname ~ '_[0-9]{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD')
              < (now() AT TIME ZONE 'UTC')::date - keep_days
    LOOP
        EXECUTE format('DROP TABLE %I', part.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
-- Executions accepted before, which still wait, may make values, too.
DO $$
DECLARE
    part record; t text; d date;
BEGIN
    FOR part IN
        SELECT right(c.relname, 8) AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'execution'::regclass AND c.relname ~ '_[0-9]{8}$'
    LOOP
        d := to_date(part.day, 'YYYYMMDD');
        FOREACH t IN ARRAY ARRAY['execution_value', 'execution_value_chunk'] LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                t || '_' || part.day, t,
                leat_uuid_floor(d::timestamp AT TIME ZONE 'UTC'),
                leat_uuid_floor((d + 1)::timestamp AT TIME ZONE 'UTC'));
        END LOOP;
    END LOOP;
    PERFORM leat_partitions_ensure(3);
END $$;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['execution_value', 'execution_value_chunk'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL
                   OR EXISTS (SELECT FROM execution e WHERE e.id = %I.execution_id))', t, t);
        EXECUTE format('GRANT SELECT ON %I TO leat_api', t);
    END LOOP;
END $$;
