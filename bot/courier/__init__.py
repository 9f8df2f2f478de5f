"""The courier: brings what stands in the outbox to Slack, in order, paced, and never silently not."""
