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
ALTER TABLE execution_checkpoint ENABLE ROW LEVEL SECURITY; -- nothing of it for leat_api
