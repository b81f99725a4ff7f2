-- Queries of external log streams: what is to be sent, by the recorder; the sending; the API.

-- name: log_streams_any
SELECT EXISTS (SELECT FROM external_log_stream);

-- name: record_log_deliveries
INSERT INTO log_delivery (stream_id, organization_id, execution_id, from_id)
SELECT s.id, s.organization_id, v.execution_id,
       leat_uuid_floor(leat_uuid_time(v.execution_id) - interval '1 day')
FROM unnest($1::uuid[], $2::uuid[]) AS v (organization_id, execution_id)
JOIN external_log_stream s ON s.organization_id = v.organization_id;

-- A claim holds for as long as a sender may take; one that dies leaves it to the next one.
-- name: log_stream_claim
WITH due AS (
    SELECT s.id FROM external_log_stream s
    WHERE s.next_at <= now() AND EXISTS (SELECT FROM log_delivery d WHERE d.stream_id = s.id)
    ORDER BY s.next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE external_log_stream s SET next_at = now() + $1::int * interval '1 second'
FROM due WHERE s.id = due.id
RETURNING s.id, s.organization_id, s.url, s.sealed_headers, s.payload_template, s.attempts;

-- The next lines, in the order in which they were recorded. A row without a line is a delivery that
-- has none to send.
-- name: log_stream_lines
SELECT d.place, l.id, l.severity, l.message, l.step_name, l.at, d.execution_id, i.id, i.name,
       c.id, c.name, c.external_id, v.id, v.name, l.flow_config_id, f.id, f.name,
       e.flags & 1 <> 0
FROM (SELECT * FROM log_delivery q WHERE q.stream_id = $1::uuid ORDER BY q.place LIMIT $2::int) d
LEFT JOIN LATERAL (
    SELECT l.* FROM log_line l
    WHERE l.execution_id = d.execution_id AND l.id >= d.from_id
      AND EXISTS (SELECT FROM external_log_stream s WHERE s.id = d.stream_id
                  AND (cardinality(s.severities) = 0 OR l.severity = ANY (s.severities)))
    ORDER BY l.id LIMIT $2::int) l ON true
LEFT JOIN execution e ON e.id = d.execution_id
LEFT JOIN instance i ON i.id = l.instance_id
LEFT JOIN customer c ON c.id = i.customer_id
LEFT JOIN integration v ON v.id = coalesce(i.deployed_integration_id, i.integration_id)
LEFT JOIN instance_flow_config k ON k.id = l.flow_config_id
LEFT JOIN integration_flow f ON f.id = k.flow_id
ORDER BY d.place, l.id LIMIT $2::int;

-- name: log_stream_done
DELETE FROM log_delivery WHERE stream_id = $1::uuid AND place::text = ANY ($2::text[]);

-- What comes after this line is next.
-- name: log_stream_behind
UPDATE log_delivery SET from_id = $3::uuid WHERE stream_id = $1::uuid AND place = $2::bigint;

-- name: log_stream_sent
UPDATE external_log_stream SET sent = sent + $2::bigint, lost = lost + $3::bigint,
    attempts = $4::int, error = $5,
    last_sent_at = CASE WHEN $2::bigint > 0 THEN now() ELSE last_sent_at END,
    next_at = now() + $6::int * interval '1 second'
WHERE id = $1::uuid;

-- Of each stream the newest $1 deliveries of a day at most; the lines of the others count as lost.
-- name: log_stream_trim
WITH too_much AS MATERIALIZED (
    SELECT d.stream_id, d.place, d.execution_id, d.from_id
    FROM external_log_stream s CROSS JOIN LATERAL (
        (SELECT q.* FROM log_delivery q WHERE q.stream_id = s.id
         ORDER BY q.place DESC OFFSET $1::int LIMIT 10000)
        UNION
        (SELECT q.* FROM log_delivery q WHERE q.stream_id = s.id
           AND q.recorded_at < now() - interval '1 day'
         ORDER BY q.place LIMIT 10000)) d
), gone AS (
    DELETE FROM log_delivery q USING too_much t
    WHERE q.stream_id = t.stream_id AND q.place = t.place
)
UPDATE external_log_stream s SET lost = s.lost + t.lines
FROM (SELECT t.stream_id, sum(n.lines) AS lines FROM too_much t
      JOIN external_log_stream s ON s.id = t.stream_id
      CROSS JOIN LATERAL (SELECT count(*) AS lines FROM log_line l
          WHERE l.execution_id = t.execution_id AND l.id >= t.from_id
            AND (cardinality(s.severities) = 0 OR l.severity = ANY (s.severities))) n
      GROUP BY t.stream_id) t
WHERE s.id = t.stream_id;

-- name: log_stream_forget
DELETE FROM log_delivery d
WHERE NOT EXISTS (SELECT FROM external_log_stream s WHERE s.id = d.stream_id);

-- name: api_log_stream_count
SELECT count(*) FROM external_log_stream;

-- name: api_log_stream_insert
INSERT INTO external_log_stream (id, organization_id, name, url, sealed_headers, payload_template,
                                 severities)
VALUES ($1::uuid, $2::uuid, $3, $4, $5::bytea, $6, $7::text[]::smallint[]);

-- name: api_log_stream_lock
SELECT id FROM external_log_stream WHERE id = $1::uuid FOR UPDATE;

-- Whatever was wrong with it before is tried anew.
-- name: api_log_stream_update
UPDATE external_log_stream SET name = coalesce($2, name), url = coalesce($3, url),
    sealed_headers = CASE WHEN $4::bool THEN $5::bytea ELSE sealed_headers END,
    payload_template = coalesce($6, payload_template),
    severities = coalesce($7::text[]::smallint[], severities),
    attempts = 0, next_at = least(next_at, now()), updated_at = now()
WHERE id = $1::uuid;

-- name: api_log_stream_delete
WITH queued AS (DELETE FROM log_delivery WHERE stream_id = $1::uuid)
DELETE FROM external_log_stream WHERE id = $1::uuid;
