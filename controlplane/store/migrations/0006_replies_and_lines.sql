-- Triggers whose code answers the sender: an asynchronous call waits for them.
ALTER TABLE integration_flow ADD trigger_replies boolean NOT NULL DEFAULT false;
UPDATE integration_flow SET trigger_replies = true, trigger_reply = NULL
WHERE (trigger_component, trigger_action) IN (('hash', 'hmacWebhookTrigger'),
    ('aws-s3', 'snsS3NotificationWebhook'), ('aws-sns', 'subscriptionTrigger'));

-- The log lines since the part before: whoever takes the run over shows them.
ALTER TABLE execution_checkpoint ADD logs bytea NOT NULL DEFAULT ''; -- batch of result_log
