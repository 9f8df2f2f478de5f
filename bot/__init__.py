"""Casewire: a self-hosted customer case desk inside Slack."""

__version__ = "0.1.0"
