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
