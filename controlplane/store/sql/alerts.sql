-- Queries of alerting: what trips monitors, and what is to be sent. A pass of the judge is one
-- transaction, and one at a time whichever replica makes it: so each event trips at most once.

-- name: alert_turn
SELECT EXISTS (SELECT FROM alert_monitor) AND pg_try_advisory_xact_lock(7233187);

-- Takes up what was accepted in the next span of time, a minute at most, with ten seconds before it
-- for what was committed late; what a replica still holds is waited for. Tells whether there is more.
-- name: alert_watch
WITH span AS MATERIALIZED (
    SELECT from_at, least(from_at + interval '1 minute', now(),
        (SELECT leat_uuid_time(min(oldest_waiting::text)::uuid) FROM replica
         WHERE heartbeat_at > now() - interval '10 seconds')) AS to_at
    FROM (SELECT greatest(c.looked_at, (SELECT min(created_at) FROM alert_monitor)) AS from_at
          FROM alert_cursor c) c
), moved AS (
    UPDATE alert_cursor SET looked_at = greatest(looked_at, span.to_at) FROM span
), gone AS (
    DELETE FROM alert_watch w USING span
    WHERE (w.state = 2 AND w.execution_id < leat_uuid_floor(span.from_at - interval '20 seconds'))
       OR w.execution_id < leat_uuid_floor(now() - interval '30 days')
), taken AS (
    INSERT INTO alert_watch (execution_id, instance_id, flow_config_id)
    SELECT e.id, e.instance_id, e.flow_config_id
    FROM span CROSS JOIN (
        SELECT m.instance_id, min(m.created_at) AS since FROM alert_monitor m
        WHERE m.instance_id IS NOT NULL AND m.triggers && ARRAY['execution_started',
            'execution_completed', 'execution_failed', 'execution_failed_retry_pending',
            'execution_duration', 'log_level', 'connection_error']
        GROUP BY m.instance_id) m
    CROSS JOIN LATERAL (
        SELECT * FROM execution e
        WHERE e.instance_id = m.instance_id
          AND e.id >= leat_uuid_floor(greatest(m.since, span.from_at - interval '10 seconds'))
          AND e.id < leat_uuid_floor(span.to_at) AND e.flags & 1 = 0
        OFFSET 0) e
    ON CONFLICT DO NOTHING
)
SELECT to_at < now() - interval '5 seconds' AND to_at >= from_at + interval '1 minute' FROM span;

-- name: alert_started
WITH seen AS (
    UPDATE alert_watch SET state = 1 WHERE state = 0
    RETURNING execution_id, instance_id, flow_config_id
), hit AS MATERIALIZED (
    SELECT DISTINCT ON (m.id) m.id, s.* FROM seen s
    JOIN alert_monitor m ON m.instance_id = s.instance_id
        AND coalesce(m.flow_config_id, s.flow_config_id) = s.flow_config_id
    WHERE NOT m.triggered AND 'execution_started' = ANY (m.triggers)
      AND leat_uuid_time(s.execution_id) >= m.armed_at
    ORDER BY m.id, s.execution_id
)
SELECT count(*) FROM hit h
WHERE leat_alert_trip(h.id, 'execution_started', h.instance_id, h.flow_config_id, h.execution_id, '', '');

-- A duration is exceeded at one moment, whether it runs on or has ended when that is seen.
-- name: alert_running
WITH hit AS MATERIALIZED (
    SELECT DISTINCT ON (m.id) m.id, m.duration_seconds, w.* FROM alert_monitor m
    JOIN alert_watch w ON w.state = 1 AND w.instance_id = m.instance_id
        AND coalesce(m.flow_config_id, w.flow_config_id) = w.flow_config_id
    CROSS JOIN LATERAL (
        SELECT leat_uuid_time(w.execution_id) + m.duration_seconds * interval '1 second' AS at) exceeded
    WHERE NOT m.triggered AND 'execution_duration' = ANY (m.triggers)
      AND exceeded.at BETWEEN m.armed_at AND now()
      AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = w.execution_id)
    ORDER BY m.id, w.execution_id
)
SELECT count(*) FROM hit h
WHERE leat_alert_trip(h.id, 'execution_duration', h.instance_id, h.flow_config_id, h.execution_id, '',
                      'more than ' || h.duration_seconds || ' s');

-- name: alert_ended
WITH found AS MATERIALIZED (
    SELECT w.execution_id, w.instance_id, w.flow_config_id, leat_uuid_time(w.execution_id) AS began, r.*
    FROM alert_watch w
    CROSS JOIN LATERAL (
        SELECT r.status, r.ended_at, r.result_type, coalesce(left(r.error, 1000), '') AS error,
               coalesce(r.error_step, '') AS error_step
        FROM execution_result r WHERE r.id = w.execution_id OFFSET 0) r
    WHERE w.state = 1
    ORDER BY w.execution_id LIMIT $1::int
), seen AS (
    UPDATE alert_watch w SET state = 2 FROM found f WHERE w.execution_id = f.execution_id
), hit AS MATERIALIZED (
    SELECT DISTINCT ON (m.id) m.id, k.key, f.execution_id, f.instance_id, f.flow_config_id, said.*
    FROM found f
    JOIN alert_monitor m ON m.instance_id = f.instance_id
        AND coalesce(m.flow_config_id, f.flow_config_id) = f.flow_config_id
    CROSS JOIN unnest(m.triggers) AS k (key)
    CROSS JOIN LATERAL (
        SELECT '' AS step, '' AS words
        WHERE k.key = 'execution_completed' AND f.status = 1 AND f.ended_at >= m.armed_at
        UNION ALL
        SELECT f.error_step, f.error
        WHERE k.key IN ('execution_failed', 'execution_failed_retry_pending') AND f.status = 2
          AND f.ended_at >= m.armed_at
          AND (k.key = 'execution_failed_retry_pending') = (
            EXISTS (SELECT FROM execution_retry c WHERE c.last_id = f.execution_id AND c.due_at IS NOT NULL)
            OR EXISTS (SELECT FROM execution e JOIN execution next
                       ON next.retry_of = coalesce(e.retry_of, e.id)
                       AND next.retry_count = coalesce(e.retry_count, 0) + 1
                       WHERE e.id = f.execution_id))
        UNION ALL
        SELECT f.error_step, f.error
        WHERE k.key = 'connection_error' AND f.result_type = 'CONNECTION_ERROR'
          AND f.ended_at >= m.armed_at
        UNION ALL
        SELECT '', round(extract(epoch FROM f.ended_at - f.began), 1) || ' s'
        WHERE k.key = 'execution_duration'
          AND f.began + m.duration_seconds * interval '1 second' BETWEEN m.armed_at AND f.ended_at
        UNION ALL
        (SELECT l.step_name, left(l.message, 1000) FROM log_line l
         WHERE k.key = 'log_level' AND f.ended_at >= m.armed_at AND l.execution_id = f.execution_id
           AND l.id >= leat_uuid_floor(f.began - interval '1 minute')
           AND l.severity BETWEEN m.log_severity AND 5
         ORDER BY l.id LIMIT 1)) said
    WHERE NOT m.triggered
    ORDER BY m.id, f.ended_at
)
SELECT count(*) FILTER (WHERE leat_alert_trip(h.id, h.key, h.instance_id, h.flow_config_id,
                                              h.execution_id, h.step, h.words)),
       (SELECT count(*) FROM found)
FROM hit h;

-- name: alert_overdue
WITH hit AS MATERIALIZED (
    SELECT m.id, m.overdue_minutes, i.id AS instance_id, m.flow_config_id FROM alert_monitor m
    JOIN instance i ON i.id = m.instance_id AND i.enabled AND i.deployed_revision > 0
        AND i.removing_at IS NULL
    CROSS JOIN LATERAL (SELECT now() - m.overdue_minutes * interval '1 minute' AS at) since
    WHERE NOT m.triggered AND 'execution_overdue' = ANY (m.triggers)
      AND greatest(m.armed_at, i.updated_at, i.last_deployed_at) <= since.at
      AND (SELECT count(*) FROM (
            SELECT FROM execution e WHERE e.instance_id = m.instance_id
              AND coalesce(m.flow_config_id, e.flow_config_id) = e.flow_config_id
              AND e.id >= leat_uuid_floor(since.at) AND e.flags & 1 = 0 LIMIT 1) one) = 0
)
SELECT count(*) FROM hit h
WHERE leat_alert_trip(h.id, 'execution_overdue', h.instance_id, h.flow_config_id, NULL, '',
                      'none for ' || h.overdue_minutes || ' min');

-- name: alert_concurrency
WITH hit AS MATERIALIZED (
    SELECT m.id, i.id AS instance_id, c.concurrency_limit, running.n FROM alert_monitor m
    JOIN instance i ON i.id = m.instance_id
    JOIN customer c ON c.id = i.customer_id AND c.concurrency_limit IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM execution_queue q
        WHERE q.customer_id = c.id AND q.released_at IS NOT NULL) running
    WHERE NOT m.triggered AND 'customer_concurrency' = ANY (m.triggers)
      AND running.n * 100 >= c.concurrency_limit * 80
)
SELECT count(*) FROM hit h
WHERE leat_alert_trip(h.id, 'customer_concurrency', h.instance_id, NULL, NULL, '',
                      h.n || ' of ' || h.concurrency_limit || ' executions at once');

-- A claim holds for as long as an attempt may take; a sender that dies leaves it to the next one.
-- name: alert_delivery_claim
WITH due AS (
    SELECT d.id FROM alert_delivery d WHERE d.next_at <= now()
    ORDER BY d.next_at LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE alert_delivery d SET attempts = d.attempts + 1,
        next_at = now() + $1::int * interval '1 second'
    FROM due WHERE d.id = due.id RETURNING d.*
)
SELECT c.id, c.attempts, c.organization_id, c.email, w.id, w.url, w.sealed_headers,
       w.payload_template, v.monitor_id, v.details, v.facts::text, v.id
FROM claimed c JOIN alert_event v ON v.id = c.event_id
LEFT JOIN alert_webhook w ON w.id = c.webhook_id;


-- name: alert_delivery_done
UPDATE alert_delivery SET delivered_at = now(), next_at = NULL, error = NULL WHERE id = $1::uuid;

-- name: alert_delivery_failed
UPDATE alert_delivery SET error = $3,
    next_at = CASE WHEN $4::int > 0 THEN now() + $4::int * interval '1 second' END
WHERE id = $1::uuid AND attempts = $2::int AND delivered_at IS NULL;

-- name: alert_event_forget
DELETE FROM alert_event WHERE id < leat_uuid_floor(now() - $1::int4 * interval '1 day');
