"""What the app declares in its manifest, and the workspace therefore offers to people."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = {"/case": "status | help"}
"""Slash commands with their usage hints."""

MESSAGE_SHORTCUTS: Final = {"case_from_message": "Open a case from this message"}
"""Message shortcuts: callback_id to what the menu of a message says."""
