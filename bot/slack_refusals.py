"""Slack's words for refusing us, whatever we ask: an operator must act, and until then everything waits."""

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
