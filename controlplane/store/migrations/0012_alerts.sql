-- Alerting: what can trip a monitor, monitors and whom they tell, what tripped them, what is to be
-- sent, and the executions of monitored instances that were not judged yet.

CREATE TABLE alert_trigger (
    id       uuid PRIMARY KEY,
    key      text NOT NULL UNIQUE,
    name     text NOT NULL,
    position int NOT NULL
);
INSERT INTO alert_trigger (id, key, name, position)
SELECT ('a1e27000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, key, name, n
FROM (VALUES
    (1, 'execution_started', 'Execution Started'),
    (2, 'execution_completed', 'Execution Completed'),
    (3, 'execution_failed', 'Execution Failed'),
    (4, 'execution_failed_retry_pending', 'Execution Failed, Retry Pending'),
    (5, 'execution_duration', 'Execution Duration Matched or Exceeded'),
    (6, 'execution_overdue', 'Execution Overdue'),
    (7, 'log_level', 'Log Level Matched or Exceeded'),
    (8, 'instance_enabled', 'Instance Enabled'),
    (9, 'instance_disabled', 'Instance Disabled'),
    (10, 'instance_removed', 'Instance Removed'),
    (11, 'connection_error', 'Connection Threw an Exception'),
    (12, 'customer_concurrency', 'Customer Concurrency Threshold Warning')) AS t (n, key, name);
GRANT SELECT ON alert_trigger TO leat_api;

-- Lists of ids below may name what has been deleted since: readers join, and find less.
CREATE TABLE alert_webhook (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name             text NOT NULL,
    url              text NOT NULL,
    sealed_headers   bytea, -- JSON object of names and values, sealed by the data key
    payload_template text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_webhook_of_organization ON alert_webhook (organization_id);

CREATE TABLE alert_group (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name            text NOT NULL,
    user_ids        uuid[] NOT NULL DEFAULT '{}',
    webhook_ids     uuid[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_group_of_organization ON alert_group (organization_id);

CREATE TABLE alert_monitor (
    id                uuid PRIMARY KEY,
    organization_id   uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    name              text NOT NULL,
    instance_id       uuid REFERENCES instance ON DELETE SET NULL,             -- NULL = removed
    flow_config_id    uuid REFERENCES instance_flow_config ON DELETE SET NULL, -- NULL = all flows
    triggers          text[] NOT NULL DEFAULT '{}', -- keys of alert_trigger
    duration_seconds  int CHECK (duration_seconds BETWEEN 1 AND 604800),
    overdue_minutes   int CHECK (overdue_minutes BETWEEN 1 AND 44640),
    log_severity      smallint CHECK (log_severity BETWEEN 0 AND 5),
    user_ids          uuid[] NOT NULL DEFAULT '{}',
    webhook_ids       uuid[] NOT NULL DEFAULT '{}',
    group_ids         uuid[] NOT NULL DEFAULT '{}',
    triggered         boolean NOT NULL DEFAULT false,
    last_triggered_at timestamptz,
    armed_at          timestamptz NOT NULL DEFAULT now(), -- made, changed or cleared: what was before does not count
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_monitor_of_organization ON alert_monitor (organization_id);
CREATE INDEX alert_monitor_of_instance ON alert_monitor (instance_id);
CREATE INDEX alert_monitor_of_flow_config ON alert_monitor (flow_config_id);

-- What tripped a monitor. Without a key to the organization: the last event of an instance comes
-- while its organization is being deleted.
CREATE TABLE alert_event (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    monitor_id      uuid NOT NULL REFERENCES alert_monitor ON DELETE CASCADE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    details         text NOT NULL,
    facts           jsonb NOT NULL -- texts for templates, by name
);
CREATE INDEX alert_event_of_monitor ON alert_event (monitor_id, id);

CREATE TABLE alert_delivery (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    event_id        uuid NOT NULL REFERENCES alert_event ON DELETE CASCADE,
    webhook_id      uuid, -- or
    email           text,
    attempts        int NOT NULL DEFAULT 0,
    next_at         timestamptz DEFAULT now(), -- NULL = delivered or given up
    delivered_at    timestamptz,
    error           text, -- of the last attempt
    CHECK ((webhook_id IS NULL) <> (email IS NULL))
);
CREATE INDEX alert_delivery_due ON alert_delivery (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX alert_delivery_of_event ON alert_delivery (event_id);

-- Executions of monitored instances: 0 new, 1 its start was judged, 2 its end was. They stay until
-- alert_cursor cannot come by them again.
CREATE TABLE alert_watch (
    execution_id    uuid PRIMARY KEY,
    instance_id     uuid NOT NULL,
    flow_config_id  uuid NOT NULL,
    state           smallint NOT NULL DEFAULT 0
);
CREATE INDEX alert_watch_state ON alert_watch (state, execution_id);
ALTER TABLE alert_watch SET (autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.1);
-- One row: executions up to there were looked at.
CREATE TABLE alert_cursor (
    single    boolean PRIMARY KEY DEFAULT true CHECK (single),
    looked_at timestamptz NOT NULL
);
INSERT INTO alert_cursor (looked_at) VALUES (now());

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['alert_webhook', 'alert_group', 'alert_monitor', 'alert_event',
        'alert_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO leat_api
            USING (organization_id = (SELECT leat_organization()))', t);
        EXECUTE format('CREATE POLICY customer_only ON %I AS RESTRICTIVE TO leat_api
            USING ((SELECT leat_customer()) IS NULL)', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_webhook, alert_group, alert_monitor TO leat_api;
GRANT SELECT ON alert_event, alert_delivery TO leat_api;

CREATE FUNCTION leat_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT (left(leat_uuid_floor(clock_timestamp())::text, 15)
                  || substr(gen_random_uuid()::text, 16))::uuid $$;

-- Trips a monitor that is not tripped yet: its event and what is to be sent, in the transaction of
-- the caller. False when it was tripped already. Whoever comes second waits for the first.
CREATE FUNCTION leat_alert_trip(monitor uuid, trigger_key text, instance uuid, flow_config uuid,
                                execution uuid, step text, words text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    m alert_monitor;
    event uuid := leat_uuid_v7();
    name_of_trigger text := (SELECT t.name FROM alert_trigger t WHERE t.key = trigger_key);
    name_of_flow text := (SELECT f.name FROM instance_flow_config c
                          JOIN integration_flow f ON f.id = c.flow_id WHERE c.id = flow_config);
BEGIN
    UPDATE alert_monitor SET triggered = true, last_triggered_at = now()
    WHERE id = monitor AND NOT triggered RETURNING * INTO m;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO alert_event (id, organization_id, monitor_id, details, facts)
    SELECT event, m.organization_id, m.id,
        left(concat_ws(': ', name_of_trigger, name_of_flow, nullif(step, ''), nullif(words, '')), 2000),
        jsonb_strip_nulls(jsonb_build_object(
            'NAME', m.name, 'TRIGGER', name_of_trigger,
            'INSTANCE', i.name, 'INSTANCE_ID', leat_gid('Instance', i.id),
            'EXECUTION_ID', leat_gid('InstanceExecutionResult', execution),
            'CUSTOMER', c.name, 'CUSTOMER_EXTERNAL_ID', c.external_id,
            'FLOW', name_of_flow, 'STEP', step))
    FROM (SELECT 1) one
    LEFT JOIN instance i ON i.id = instance
    LEFT JOIN customer c ON c.id = i.customer_id;
    INSERT INTO alert_delivery (id, organization_id, event_id, webhook_id)
    SELECT leat_uuid_v7(), m.organization_id, event, w.id FROM alert_webhook w
    WHERE w.organization_id = m.organization_id
      AND (w.id = ANY (m.webhook_ids) OR EXISTS (
        SELECT FROM alert_group g WHERE g.id = ANY (m.group_ids) AND w.id = ANY (g.webhook_ids)));
    INSERT INTO alert_delivery (id, organization_id, event_id, email)
    SELECT leat_uuid_v7(), m.organization_id, event, u.email FROM app_user u
    WHERE u.organization_id = m.organization_id
      AND (u.id = ANY (m.user_ids) OR EXISTS (
        SELECT FROM alert_group g WHERE g.id = ANY (m.group_ids) AND u.id = ANY (g.user_ids)));
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION leat_alert_trip(uuid, text, uuid, uuid, uuid, text, text) FROM PUBLIC;

-- What happens to an instance itself trips its monitors as it happens.
CREATE FUNCTION leat_alert_instance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE happened text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        happened := 'instance_removed';
    ELSIF NEW.enabled THEN
        happened := 'instance_enabled';
    ELSE
        happened := 'instance_disabled';
    END IF;
    PERFORM leat_alert_trip(m.id, happened, OLD.id, NULL, NULL, '', OLD.name) FROM alert_monitor m
    WHERE m.instance_id = OLD.id AND NOT m.triggered AND happened = ANY (m.triggers);
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION leat_alert_instance() FROM PUBLIC;
CREATE TRIGGER alert_removed BEFORE DELETE ON instance
    FOR EACH ROW EXECUTE FUNCTION leat_alert_instance();
CREATE TRIGGER alert_paused AFTER UPDATE OF enabled ON instance
    FOR EACH ROW WHEN (OLD.enabled <> NEW.enabled) EXECUTE FUNCTION leat_alert_instance();
