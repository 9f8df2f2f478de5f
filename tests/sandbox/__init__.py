"""How the local Slack behaves, seen through independent clients."""
