-- Step results of executions that still run, recorded before the next step that changes something
-- outside: a run that is taken over goes on after them. Deleted with the execution's lease.
CREATE TABLE execution_checkpoint (
    execution_id    uuid NOT NULL,
    first           int NOT NULL, -- step results in the parts before
    organization_id uuid NOT NULL,
    n_steps         int NOT NULL,
    steps_size      int NOT NULL,
    steps           bytea NOT NULL, -- LZ4 block of the step results
    PRIMARY KEY (execution_id, first)
);
ALTER TABLE execution_checkpoint ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON execution_checkpoint TO leat_api
    USING (organization_id = (SELECT leat_organization()));
CREATE POLICY customer_only ON execution_checkpoint AS RESTRICTIVE TO leat_api
    USING ((SELECT leat_customer()) IS NULL
           OR EXISTS (SELECT FROM execution e WHERE e.id = execution_checkpoint.execution_id));
GRANT SELECT ON execution_checkpoint TO leat_api;
