-- Endpoints that serve more than one flow: where a call of an instance, or of a whole integration,
-- says which flow and which customer it is for.

-- Of each version, as its definition says. The paths are the members from the trigger's payload, or
-- from the preprocess flow's step, to the value; NULL = the definition has no such field.
ALTER TABLE integration
    ADD endpoint_type   text NOT NULL DEFAULT 'flow_specific'
        CHECK (endpoint_type IN ('flow_specific', 'instance_specific', 'shared_instance')),
    ADD preprocess_flow text NOT NULL DEFAULT '', -- name; '' = routed by the request itself
    ADD flow_name_path  text[],
    ADD customer_id_path text[];

-- The hidden instance of a shared integration that runs its preprocess flow, of the newest version.
ALTER TABLE instance ADD is_router boolean NOT NULL DEFAULT false CHECK (is_system OR NOT is_router);
CREATE INDEX instance_router ON instance (integration_id) WHERE is_router;

-- The id in the address of a flow: its own, its instance's or its integration's.
CREATE FUNCTION leat_hook_gid(config uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN v.endpoint_type = 'instance_specific' THEN leat_gid('Instance', i.id)
        WHEN v.endpoint_type = 'shared_instance' AND (i.is_router OR NOT i.is_system)
            THEN leat_gid('Integration', v.sequence_id)
        ELSE leat_gid('InstanceFlowConfig', c.id) END
    FROM instance_flow_config c
    JOIN instance i ON i.id = c.instance_id
    JOIN integration v ON v.id = coalesce(i.deployed_integration_id, i.integration_id)
    WHERE c.id = config
$$;

-- Of an execution that was routed by a preprocess flow's: that one.
ALTER TABLE execution ADD preprocessed_by uuid;
CREATE INDEX execution_preprocessed_by ON execution (preprocessed_by) WHERE preprocessed_by IS NOT NULL;
-- By what execution a waiting connection knows the answer; NULL = by this one.
ALTER TABLE execution_queue ADD reply_id uuid;

CREATE OR REPLACE FUNCTION leat_called_by(parent uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT e.id FROM execution e
        WHERE e.invoke_type = 2 AND e.id > parent
            AND leat_invoked_by(e.request) = leat_gid('InstanceExecutionResult', parent)
            AND e.organization_id = leat_organization()
        UNION
        SELECT e.id FROM execution e
        WHERE e.preprocessed_by = parent AND e.organization_id = leat_organization()
    $$;
CREATE OR REPLACE FUNCTION leat_has_called(parent uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT EXISTS (SELECT FROM execution e
            WHERE e.invoke_type = 2 AND e.id > parent
                AND leat_invoked_by(e.request) = leat_gid('InstanceExecutionResult', parent)
                AND e.organization_id = leat_organization())
            OR EXISTS (SELECT FROM execution e
                WHERE e.preprocessed_by = parent AND e.organization_id = leat_organization())
    $$;

-- Ingress knows the customers of shared integrations by their external ids, and which version says
-- how calls of a shared integration are routed ("s:" and the sequence).
DROP TRIGGER notify ON customer;
CREATE TRIGGER notify AFTER UPDATE ON customer FOR EACH ROW
    WHEN ((OLD.concurrency_limit IS NULL) <> (NEW.concurrency_limit IS NULL)
          OR OLD.external_id IS DISTINCT FROM NEW.external_id)
    EXECUTE FUNCTION leat_notify_customer();
CREATE FUNCTION leat_notify_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.version_number, OLD.version_number) > 0 THEN
        PERFORM pg_notify('leat_instance', 's:' || coalesce(NEW.sequence_id, OLD.sequence_id)::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT OR DELETE OR UPDATE OF version_is_available ON integration
    FOR EACH ROW EXECUTE FUNCTION leat_notify_version();
