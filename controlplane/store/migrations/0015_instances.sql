-- The life of instances: deploys that are taken back, removal, and what their flows are tested with.

-- Since the deploy whose flows still run: what to go back to when one of them fails.
ALTER TABLE instance
    ADD deploying_revision bigint, -- NULL = no deploy is under way
    ADD fallback           jsonb,  -- {revision, integration_id, flows, schedules}
    ADD deploy_error       text NOT NULL DEFAULT '', -- why the last deploy was taken back
    ADD global_debug       boolean NOT NULL DEFAULT false, -- all its executions are debugged
    ADD listening          boolean NOT NULL DEFAULT false; -- of a test instance: calls are only captured
CREATE INDEX instance_deploying ON instance (id) WHERE deploying_revision IS NOT NULL;
ALTER TABLE instance_flow_config
    ADD test_payload      text,
    ADD test_headers      text, -- JSON object
    ADD test_content_type text;
-- As the definition says: {"visibleToCustomerDeployer": false, ...}.
ALTER TABLE required_config_variable ADD meta text NOT NULL DEFAULT '';

-- Lists: of an organization in their order, by name and by their last deploy, of a customer, paused ones.
DROP INDEX instance_of_organization;
CREATE INDEX instance_of_organization ON instance (organization_id, id);
CREATE INDEX instance_by_name ON instance (organization_id, name, id);
CREATE INDEX instance_by_deploy ON instance (organization_id, last_deployed_at, id);
CREATE INDEX instance_paused ON instance (organization_id, id) WHERE NOT enabled;
CREATE INDEX instance_of_customer ON instance (customer_id, id);

CREATE FUNCTION leat_deploy_snapshot(i instance) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('revision', i.deployed_revision,
        'integration_id', i.deployed_integration_id,
        'flows', (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'flow_id', c.flow_id,
                'active', c.active)) FROM instance_flow_config c WHERE c.instance_id = i.id),
        'schedules', (SELECT jsonb_agg(jsonb_build_object('id', s.flow_config_id, 'cron', s.cron,
                'time_zone', s.time_zone, 'next_at', s.next_at))
            FROM schedule s WHERE s.instance_id = i.id))
$$;
-- Judges deploys whose flows have ended: in force when all succeeded, else taken back. A failure
-- that is going to be retried is none yet. Returns how many ended.
CREATE FUNCTION leat_deploy_judge(most int) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    d record;
    n bigint := 0;
BEGIN
    FOR d IN
        SELECT i.id, i.organization_id, i.fallback, ran.failed FROM instance i
        CROSS JOIN LATERAL (
            SELECT bool_and(r.id IS NOT NULL AND pending.last_id IS NULL) AS ended,
                   (array_agg(left('Flow "' || f.name || '": ' || coalesce(r.error, 'failed'), 2000))
                    FILTER (WHERE r.status = 2 AND pending.last_id IS NULL))[1] AS failed
            FROM execution e
            LEFT JOIN execution_result r ON r.id = e.id
            LEFT JOIN execution_retry pending
                ON pending.last_id = e.id AND pending.due_at IS NOT NULL
            LEFT JOIN instance_flow_config c ON c.id = e.flow_config_id
            LEFT JOIN integration_flow f ON f.id = c.flow_id
            WHERE e.instance_id = i.id AND e.id >= leat_uuid_floor(i.last_deployed_at - interval '1 minute')
              AND e.invoke_type = 3 AND e.revision = i.deploying_revision
              AND NOT EXISTS (SELECT FROM execution_retry later
                  WHERE later.first_id = coalesce(e.retry_of, e.id) AND later.last_id <> e.id)) ran
        WHERE i.deploying_revision IS NOT NULL
          AND (ran.ended IS NOT FALSE OR ran.failed IS NOT NULL)
        LIMIT most FOR UPDATE OF i SKIP LOCKED
    LOOP
        n := n + 1;
        IF d.failed IS NULL OR d.fallback IS NULL THEN
            UPDATE instance SET deploying_revision = NULL, fallback = NULL WHERE id = d.id;
            CONTINUE;
        END IF;
        UPDATE instance SET deploying_revision = NULL, fallback = NULL, deploy_error = d.failed,
            needs_deploy = true, deployed_revision = (d.fallback->>'revision')::bigint,
            deployed_integration_id = (SELECT v.id FROM integration v
                WHERE v.id = (d.fallback->>'integration_id')::uuid)
        WHERE id = d.id;
        UPDATE instance_flow_config c SET active = coalesce(was.active, false),
            flow_id = (SELECT f.id FROM integration_flow f WHERE f.id = was.flow_id)
        FROM instance_flow_config every
        LEFT JOIN jsonb_to_recordset(coalesce(nullif(d.fallback->'flows', 'null'), '[]'))
            AS was (id uuid, flow_id uuid, active boolean) ON was.id = every.id
        WHERE every.instance_id = d.id AND c.id = every.id;
        DELETE FROM schedule s WHERE s.instance_id = d.id;
        INSERT INTO schedule (flow_config_id, organization_id, instance_id, cron, time_zone, next_at)
        SELECT c.id, d.organization_id, d.id, was.cron, was.time_zone, was.next_at
        FROM jsonb_to_recordset(coalesce(nullif(d.fallback->'schedules', 'null'), '[]'))
            AS was (id uuid, cron text, time_zone text, next_at timestamptz)
        JOIN instance_flow_config c ON c.id = was.id;
    END LOOP;
    RETURN n;
END $$;
REVOKE ALL ON FUNCTION leat_deploy_judge(int) FROM PUBLIC;

-- Removal: what is deleted is marked first and gone for whoever asks; its rows go when the flows that
-- run on removal have ended, or a day later. What marks and what ends a removal is in functions, since
-- the API cannot see any more what it has marked.

ALTER TABLE instance
    ADD removing_at     timestamptz, -- NULL = it is there
    ADD remove_flows_at timestamptz; -- its remove flows have their executions
ALTER TABLE integration ADD removing_at timestamptz; -- of all rows of a sequence
ALTER TABLE customer ADD removing_at timestamptz;
CREATE INDEX instance_removing ON instance (removing_at) WHERE removing_at IS NOT NULL;
CREATE INDEX integration_removing ON integration (sequence_id) WHERE removing_at IS NOT NULL;
CREATE INDEX customer_removing ON customer (id) WHERE removing_at IS NOT NULL;

-- Names are free again at once.
ALTER TABLE instance DROP CONSTRAINT instance_customer_id_name_key;
CREATE UNIQUE INDEX instance_customer_id_name_key ON instance (customer_id, name)
    WHERE removing_at IS NULL;
ALTER TABLE customer DROP CONSTRAINT customer_organization_id_name_key,
    DROP CONSTRAINT customer_organization_id_external_id_key;
CREATE UNIQUE INDEX customer_organization_id_name_key ON customer (organization_id, name)
    WHERE removing_at IS NULL;
CREATE UNIQUE INDEX customer_organization_id_external_id_key ON customer (organization_id, external_id)
    WHERE removing_at IS NULL;
DROP INDEX integration_draft_name;
CREATE UNIQUE INDEX integration_draft_name ON integration (organization_id, name)
    WHERE version_number = 0 AND removing_at IS NULL;

-- What refers to versions and flows is found without reading every instance.
CREATE INDEX instance_of_deployed_integration ON instance (deployed_integration_id)
    WHERE deployed_integration_id IS NOT NULL;
CREATE INDEX instance_revision_of_integration ON instance_revision (integration_id);
CREATE INDEX instance_flow_config_of_flow ON instance_flow_config (flow_id) WHERE flow_id IS NOT NULL;

CREATE POLICY not_removing ON customer AS RESTRICTIVE TO leat_api USING (removing_at IS NULL);
CREATE POLICY not_removing ON integration AS RESTRICTIVE TO leat_api USING (removing_at IS NULL);

-- A shared integration has no address any more.
DROP TRIGGER notify ON integration;
CREATE TRIGGER notify AFTER INSERT OR DELETE OR UPDATE OF version_is_available, removing_at
    ON integration FOR EACH ROW EXECUTE FUNCTION leat_notify_version();

-- Monitors trip when an instance is marked.
CREATE OR REPLACE FUNCTION leat_alert_instance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE happened text;
BEGIN
    IF TG_OP = 'DELETE' OR NEW.removing_at IS NOT NULL THEN
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
DROP TRIGGER alert_removed ON instance;
CREATE TRIGGER alert_removed BEFORE DELETE ON instance
    FOR EACH ROW WHEN (OLD.removing_at IS NULL) EXECUTE FUNCTION leat_alert_instance();
CREATE TRIGGER alert_removing AFTER UPDATE OF removing_at ON instance
    FOR EACH ROW WHEN (OLD.removing_at IS NULL AND NEW.removing_at IS NOT NULL)
    EXECUTE FUNCTION leat_alert_instance();

-- The flows of an instance that run when it is removed.
CREATE FUNCTION leat_remove_flows(i instance) RETURNS TABLE (flow_config_id uuid)
    LANGUAGE sql STABLE AS $$
        SELECT c.id FROM instance_flow_config c JOIN integration_flow f ON f.id = c.flow_id
        WHERE c.instance_id = i.id AND c.active AND i.deployed_revision > 0 AND NOT i.is_system
          AND f.trigger_component = 'management-triggers' AND f.trigger_action = 'instanceRemove'
        ORDER BY f.position
    $$;
-- Whether flows are still to run, or run.
CREATE FUNCTION leat_removal_pending(i instance) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT i.removing_at > now() - interval '1 day' AND CASE WHEN i.remove_flows_at IS NULL
        THEN EXISTS (SELECT FROM leat_remove_flows(i))
        ELSE EXISTS (SELECT FROM execution e
            WHERE e.instance_id = i.id AND e.id >= leat_uuid_floor(i.removing_at - interval '1 minute')
              AND e.invoke_type = 4
              AND NOT EXISTS (SELECT FROM execution_result r WHERE r.id = e.id)) END
$$;

-- Starts the remove flows of some marked instances: their executions. Whichever replica asks, each
-- instance has its turn once.
CREATE FUNCTION leat_removal_start(most int, replica int, request bytea) RETURNS SETOF uuid
    LANGUAGE sql AS $$
    WITH marked AS (
        SELECT i.id FROM instance i
        WHERE i.removing_at IS NOT NULL AND i.remove_flows_at IS NULL
        ORDER BY i.removing_at LIMIT most FOR UPDATE SKIP LOCKED
    ), started AS (
        UPDATE instance i SET remove_flows_at = now() FROM marked WHERE i.id = marked.id
        RETURNING i.*
    )
    INSERT INTO execution (id, organization_id, instance_id, flow_config_id, revision, accepted_by,
        invoke_type, flags, request)
    SELECT leat_uuid_v7(), i.organization_id, i.id, f.flow_config_id, i.deployed_revision, replica,
        4, 0, request
    FROM started i, LATERAL leat_remove_flows(i::instance) f
    RETURNING id
$$;

-- Takes the rows of removals that have ended, some at a time; of one organization or, NULL, of all.
-- How many instances, integrations and customers were taken.
CREATE FUNCTION leat_removal_finish(tenant uuid, most int) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    gone uuid[];
    n bigint;
BEGIN
    -- Of all, by one replica at a time. First what was made while its integration or customer was
    -- being marked.
    IF tenant IS NULL THEN
        IF NOT pg_try_advisory_xact_lock(7233195) THEN
            RETURN 0;
        END IF;
        UPDATE instance i SET removing_at = now()
        WHERE i.removing_at IS NULL AND i.id IN (
            SELECT o.id FROM customer c JOIN instance o ON o.customer_id = c.id
            WHERE c.removing_at IS NOT NULL
            UNION ALL
            SELECT o.id FROM integration v JOIN instance o ON o.integration_id = v.id
            WHERE v.removing_at IS NOT NULL);
    END IF;
    gone := ARRAY(SELECT i.id FROM instance i
        WHERE i.removing_at IS NOT NULL AND (tenant IS NULL OR i.organization_id = tenant)
          AND NOT leat_removal_pending(i)
        ORDER BY i.removing_at LIMIT most FOR UPDATE SKIP LOCKED);
    DELETE FROM persisted_state s WHERE s.owner_id = ANY (gone || ARRAY(
        SELECT c.id FROM instance_flow_config c WHERE c.instance_id = ANY (gone)));
    DELETE FROM instance i WHERE i.id = ANY (gone);
    n := cardinality(gone);
    gone := ARRAY(SELECT v.id FROM integration v
        WHERE v.removing_at IS NOT NULL AND v.version_number = 0
          AND (tenant IS NULL OR v.organization_id = tenant)
          AND NOT EXISTS (SELECT FROM integration o JOIN instance i
              ON i.integration_id = o.id OR i.deployed_integration_id = o.id
              WHERE o.sequence_id = v.id)
        LIMIT most FOR UPDATE SKIP LOCKED);
    DELETE FROM persisted_state s WHERE s.owner_id = ANY (gone);
    DELETE FROM integration v WHERE v.sequence_id = ANY (gone);
    n := n + cardinality(gone);
    gone := ARRAY(SELECT c.id FROM customer c
        WHERE c.removing_at IS NOT NULL AND (tenant IS NULL OR c.organization_id = tenant)
          AND NOT EXISTS (SELECT FROM instance i WHERE i.customer_id = c.id)
          AND NOT EXISTS (SELECT FROM integration v WHERE v.customer_id = c.id)
        LIMIT most FOR UPDATE SKIP LOCKED);
    DELETE FROM customer c WHERE c.id = ANY (gone);
    RETURN n + cardinality(gone);
END $$;

-- Mark, and take at once what has nothing to run. With the owner's rights, for the organization that
-- asks.
CREATE FUNCTION leat_remove_instance(removed uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE instance i SET removing_at = now()
    WHERE i.id = removed AND i.removing_at IS NULL AND i.organization_id = leat_organization();
    PERFORM leat_removal_finish(leat_organization(), 1000);
END $$;
CREATE FUNCTION leat_remove_integrations(removed uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE integration v SET removing_at = now()
    WHERE v.sequence_id = ANY (removed) AND v.removing_at IS NULL
      AND v.organization_id = leat_organization();
    UPDATE instance i SET removing_at = now()
    WHERE i.removing_at IS NULL AND i.organization_id = leat_organization() AND i.id IN (
        SELECT o.id FROM integration v JOIN instance o ON o.integration_id = v.id
        WHERE v.sequence_id = ANY (removed)
        UNION ALL
        SELECT o.id FROM integration v JOIN instance o ON o.deployed_integration_id = v.id
        WHERE v.sequence_id = ANY (removed));
$$;
CREATE FUNCTION leat_remove_integration(removed uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM leat_remove_integrations(ARRAY[removed]);
    PERFORM leat_removal_finish(leat_organization(), 1000);
END $$;
CREATE FUNCTION leat_remove_customer(removed uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE customer c SET removing_at = now()
    WHERE c.id = removed AND c.removing_at IS NULL AND c.organization_id = leat_organization();
    DELETE FROM app_user u WHERE u.customer_id = removed AND u.organization_id = leat_organization();
    UPDATE instance i SET removing_at = now()
    WHERE i.customer_id = removed AND i.removing_at IS NULL
      AND i.organization_id = leat_organization();
    PERFORM leat_remove_integrations(ARRAY(SELECT v.id FROM integration v
        WHERE v.customer_id = removed AND v.version_number = 0));
    PERFORM leat_removal_finish(leat_organization(), 1000);
END $$;
DO $$
DECLARE f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['leat_removal_start(int, int, bytea)', 'leat_removal_finish(uuid, int)',
        'leat_remove_integrations(uuid[])', 'leat_remove_instance(uuid)',
        'leat_remove_integration(uuid)', 'leat_remove_customer(uuid)'] LOOP
        EXECUTE 'REVOKE ALL ON FUNCTION ' || f || ' FROM PUBLIC';
    END LOOP;
    FOREACH f IN ARRAY ARRAY['leat_remove_instance(uuid)', 'leat_remove_integration(uuid)',
        'leat_remove_customer(uuid)'] LOOP
        EXECUTE 'GRANT EXECUTE ON FUNCTION ' || f || ' TO leat_api';
    END LOOP;
END $$;
