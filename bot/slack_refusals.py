"""Slack's words for why it did not do what it was asked."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError

# It refuses us, whatever we ask: an operator must act, and until then everything waits.
LOGIN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "no_permission",
        "missing_scope",
        "not_allowed_token_type",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
        "accesslimited",
        "access_denied",
        "enterprise_is_restricted",
        "two_factor_setup_required",
    }
)


def error_word(error: SlackApiError) -> str:
    """Slack's word for an error; empty where what answered was not Slack, but a server before it."""
    try:
        return str(error.response["error"] or "")
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""
