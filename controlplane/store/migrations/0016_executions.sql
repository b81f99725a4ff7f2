-- Search of executions and log lines: each list is read in the order of its ids, by an index that
-- holds nothing of other organizations.

CREATE INDEX execution_of_organization ON execution (organization_id, id);
CREATE INDEX execution_of_tests ON execution (organization_id, id) WHERE flags & 1 <> 0;
CREATE INDEX execution_invoked ON execution (organization_id, invoke_type, id) WHERE invoke_type <> 0;
CREATE INDEX execution_result_failed ON execution_result (organization_id, id) WHERE status = 2;
CREATE INDEX log_line_of_organization ON log_line (organization_id, id);
CREATE INDEX log_line_of_instance ON log_line (instance_id, id);
CREATE INDEX log_line_severe ON log_line (organization_id, id) WHERE severity >= 3;
CREATE INDEX execution_queue_of_organization ON execution_queue (organization_id, execution_id);

-- The executions of the organization that asks which have their turn and have not ended; the newest
-- 10,000. Below done_below, what has not ended has a lease. With the owner's rights, since leases
-- are of all organizations; so it looks at the organization by itself.
CREATE FUNCTION leat_executions_running() RETURNS SETOF uuid
    LANGUAGE sql STABLE ROWS 50 SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT e.id FROM (
            (SELECT e.id FROM execution e
             WHERE e.organization_id = leat_organization() AND e.id >= (SELECT done_below FROM sweep)
             ORDER BY e.id DESC LIMIT 10000)
            UNION
            SELECT e.id FROM execution_lease l JOIN execution e ON e.id = l.execution_id
            WHERE e.organization_id = leat_organization()) e
        WHERE NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)
          AND NOT EXISTS (SELECT FROM execution_queue q
                          WHERE q.execution_id = e.id AND q.released_at IS NULL)
        ORDER BY e.id DESC LIMIT 10000
    $$;
-- Those that wait for their turn, the newest 10,000.
CREATE FUNCTION leat_executions_waiting() RETURNS SETOF uuid
    LANGUAGE sql STABLE ROWS 50 SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT q.execution_id FROM execution_queue q
        WHERE q.organization_id = leat_organization() AND q.released_at IS NULL
        ORDER BY q.execution_id DESC LIMIT 10000
    $$;
REVOKE ALL ON FUNCTION leat_executions_running() FROM PUBLIC;
REVOKE ALL ON FUNCTION leat_executions_waiting() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leat_executions_running() TO leat_api;
GRANT EXECUTE ON FUNCTION leat_executions_waiting() TO leat_api;

-- Retention. What an organization keeps for a shorter time than the platform keeps all; NULL = for
-- as long as that.
ALTER TABLE organization
    ADD execution_retention_days   int CHECK (execution_retention_days BETWEEN 1 AND 3650),
    ADD step_result_retention_days int CHECK (step_result_retention_days BETWEEN 1 AND 3650),
    ADD log_retention_days         int CHECK (log_retention_days BETWEEN 1 AND 3650);
GRANT UPDATE (execution_retention_days, step_result_retention_days, log_retention_days)
    ON organization TO leat_api;
-- How far the sweeper has come with each: what is below is gone.
CREATE TABLE retention (
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    kind            smallint NOT NULL, -- 1 log lines, 2 step results, 3 executions
    done_below      uuid NOT NULL,
    PRIMARY KEY (organization_id, kind)
);

-- External log streams: where an organization wants its log lines sent.
CREATE TABLE external_log_stream (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name             text NOT NULL,
    url              text NOT NULL,
    sealed_headers   bytea, -- JSON object of names and values, sealed by the data key
    payload_template text NOT NULL,
    severities       smallint[] NOT NULL DEFAULT '{}', -- empty = all
    next_at          timestamptz NOT NULL DEFAULT now(), -- a sender may look at it (again)
    attempts         int NOT NULL DEFAULT 0, -- of the line that is next, that failed
    error            text,                   -- of the last one; NULL = it was sent
    sent             bigint NOT NULL DEFAULT 0,
    lost             bigint NOT NULL DEFAULT 0, -- lines given up
    last_sent_at     timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX external_log_stream_of_organization ON external_log_stream (organization_id);

-- What a stream has still to send: the lines of an execution that has ended, written in the
-- transaction that records them. No foreign keys: the recorder locks nothing of others.
CREATE TABLE log_delivery (
    stream_id       uuid NOT NULL,
    place           bigint GENERATED ALWAYS AS IDENTITY,
    organization_id uuid NOT NULL,
    execution_id    uuid NOT NULL,
    from_id         uuid NOT NULL, -- the first of its lines that may have to be sent
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream_id, place)
);
ALTER TABLE log_delivery SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.1);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['external_log_stream', 'log_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL)', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON external_log_stream TO leat_api;
GRANT SELECT, DELETE ON log_delivery TO leat_api;
