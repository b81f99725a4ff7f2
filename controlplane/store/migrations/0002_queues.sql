-- Queues: what waits for its turn, or has it, in flows with a queue and for customers with a limit.

-- 0 = none, 1 = one at a time, 2-15 = so many. A singleton has 1, and its schedule skips ticks.
ALTER TABLE integration_flow
    ADD queue_limit  smallint NOT NULL DEFAULT 0 CHECK (queue_limit BETWEEN 0 AND 15),
    ADD is_singleton boolean NOT NULL DEFAULT false,
    ADD dedupe_path  text[]; -- members from the trigger's result to the id; NULL = no dedupe
-- Executions at once over all flows of the customer's instances; NULL = no limit.
ALTER TABLE customer ADD concurrency_limit int CHECK (concurrency_limit BETWEEN 1 AND 10000);

-- One row from acceptance until the result is recorded. place is given inside the transaction that
-- accepts, so it grows with the order of acceptance whatever the clocks of the replicas say.
CREATE TABLE execution_queue (
    execution_id    uuid PRIMARY KEY,
    place           bigint GENERATED ALWAYS AS IDENTITY,
    organization_id uuid NOT NULL,
    flow_config_id  uuid NOT NULL,
    queue_id        uuid NOT NULL, -- the flow config; the customer where the flow has no queue
    customer_id     uuid,          -- only of a customer with a limit
    dedupe_hash     bytea,         -- SHA-256 of the id in the request
    reply_to        text NOT NULL DEFAULT '', -- of a connection that waits for the answer
    traceparent     text NOT NULL DEFAULT '',
    released_at     timestamptz    -- NULL = waits
);
CREATE INDEX execution_queue_waiting ON execution_queue (queue_id, place) WHERE released_at IS NULL;
CREATE INDEX execution_queue_waiting_of_customer ON execution_queue (customer_id, queue_id)
    WHERE released_at IS NULL AND customer_id IS NOT NULL;
CREATE INDEX execution_queue_running ON execution_queue (queue_id) WHERE released_at IS NOT NULL;
CREATE INDEX execution_queue_running_of_customer ON execution_queue (customer_id)
    WHERE released_at IS NOT NULL AND customer_id IS NOT NULL;
CREATE UNIQUE INDEX execution_queue_dedupe ON execution_queue (flow_config_id, dedupe_hash)
    WHERE dedupe_hash IS NOT NULL;
-- Rows come and go: what they leave is cleared early.
ALTER TABLE execution_queue SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.1);

-- The queues in which something waits that these keys (queues and customers) touch; NULL = all. A
-- queue of 100,000 costs one look, not 100,000.
CREATE FUNCTION leat_queues_waiting(keys uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE AS $$
    WITH RECURSIVE every (queue_id) AS (
        (SELECT w.queue_id FROM execution_queue w WHERE w.released_at IS NULL AND keys IS NULL
         ORDER BY w.queue_id LIMIT 1)
        UNION ALL
        SELECT (SELECT w.queue_id FROM execution_queue w
                WHERE w.released_at IS NULL AND w.queue_id > every.queue_id
                ORDER BY w.queue_id LIMIT 1)
        FROM every WHERE every.queue_id IS NOT NULL
    ), of_customer (customer_id, queue_id) AS (
        SELECT k, (SELECT w.queue_id FROM execution_queue w
                   WHERE w.released_at IS NULL AND w.customer_id = k
                   ORDER BY w.queue_id LIMIT 1)
        FROM unnest(keys) k
        UNION ALL
        SELECT of_customer.customer_id,
               (SELECT w.queue_id FROM execution_queue w
                WHERE w.released_at IS NULL AND w.customer_id = of_customer.customer_id
                  AND w.queue_id > of_customer.queue_id
                ORDER BY w.queue_id LIMIT 1)
        FROM of_customer WHERE of_customer.queue_id IS NOT NULL
    )
    SELECT queue_id FROM every WHERE queue_id IS NOT NULL
    UNION
    SELECT queue_id FROM of_customer WHERE queue_id IS NOT NULL
    UNION
    SELECT k FROM unnest(keys) k
$$;

-- Gives everything its turn that may have it: in each queue in order of place, as many as its limit
-- leaves free, and of each customer no more than its limit leaves. What is released gets a lease, so
-- that the sweeper takes it over when it is lost. One release at a time, whichever replica asks:
-- each sees what the one before did. Returns the executions in the order of their places. The size of
-- this table changes too fast for statistics: the plan must be the same for 10 rows and for 100,000.
CREATE FUNCTION leat_queue_release(keys uuid[], most int, lease_ms int) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7233186);
    RETURN QUERY
    WITH heads AS (
        SELECT w.execution_id, w.place, w.customer_id
        FROM leat_queues_waiting(keys) AS look (queue_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(
                (SELECT nullif(f.queue_limit, 0)::int FROM instance_flow_config c
                 JOIN integration_flow f ON f.id = c.flow_id WHERE c.id = look.queue_id),
                (SELECT c.concurrency_limit FROM customer c WHERE c.id = look.queue_id),
                most) AS slots) mode
        CROSS JOIN LATERAL (
            SELECT count(*)::int AS n FROM execution_queue r
            WHERE r.queue_id = look.queue_id AND r.released_at IS NOT NULL) busy
        CROSS JOIN LATERAL (
            SELECT q.execution_id, q.place, q.customer_id FROM execution_queue q
            WHERE q.queue_id = look.queue_id AND q.released_at IS NULL
            ORDER BY q.place
            LIMIT CASE WHEN mode.slots = most THEN most ELSE greatest(mode.slots - busy.n, 0) END) w
    ), turns AS (
        SELECT h.execution_id, h.place, h.customer_id,
               row_number() OVER (PARTITION BY h.customer_id ORDER BY h.place) AS turn
        FROM heads h
    ), free AS (
        SELECT c.id, c.concurrency_limit - (SELECT count(*) FROM execution_queue r
            WHERE r.customer_id = c.id AND r.released_at IS NOT NULL) AS slots
        FROM customer c
        WHERE c.concurrency_limit IS NOT NULL
          AND c.id IN (SELECT h.customer_id FROM heads h WHERE h.customer_id IS NOT NULL)
    ), chosen AS (
        SELECT t.execution_id FROM turns t LEFT JOIN free ON free.id = t.customer_id
        WHERE free.id IS NULL OR t.turn <= free.slots
        ORDER BY t.turn, t.place LIMIT most
    ), released AS (
        UPDATE execution_queue q SET released_at = now()
        FROM chosen WHERE q.execution_id = chosen.execution_id AND q.released_at IS NULL
        RETURNING q.execution_id, q.place
    ), leased AS (
        INSERT INTO execution_lease (execution_id, attempt, lease_until)
        SELECT r.execution_id, 1, now() + lease_ms * interval '1 millisecond' FROM released r
        ON CONFLICT DO NOTHING
    )
    SELECT r.execution_id FROM released r ORDER BY r.place;
END $$;

ALTER TABLE execution_queue ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON execution_queue TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON execution_queue AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM instance_flow_config c WHERE c.id = execution_queue.flow_config_id));
GRANT SELECT, INSERT, DELETE ON execution_queue TO leat_api;

-- Ingress knows which customers have a limit, not how high it is.
CREATE FUNCTION leat_notify_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('leat_instance', i.id::text) FROM instance i WHERE i.customer_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER UPDATE ON customer FOR EACH ROW
    WHEN ((OLD.concurrency_limit IS NULL) <> (NEW.concurrency_limit IS NULL))
    EXECUTE FUNCTION leat_notify_customer();
