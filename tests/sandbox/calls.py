"""What tests of the Web API share."""

import pytest
from slack_sdk.errors import SlackApiError


def refused(error):
    return pytest.raises(SlackApiError, match=f"'error': '{error}'")


def button(**fields):
    return {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, **fields}


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
