"""A local Slack: Web API, Socket Mode and people who type, in one process on loopback."""
