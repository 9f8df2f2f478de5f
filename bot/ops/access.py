"""Who may read what tells of the desk: this machine itself, and whoever has the token."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from bot.hosts import is_loopback

CLOSED = (
    "This is served to the machine itself. To read it from elsewhere set METRICS_TOKEN, or METRICS_TOKEN_FILE, "
    "and send it as “Authorization: Bearer <token>”."
)
REFUSED = "Send METRICS_TOKEN as “Authorization: Bearer <token>”."


class Access:
    """`token` is empty where none is set: then nobody has it."""

    def __init__(self, token: str = "") -> None:
        self._token = token.encode()

    @property
    def by_token(self) -> bool:
        return bool(self._token)

    def allows(self, request: web.Request) -> bool:
        return from_this_machine(request) or self._has_token(request)

    def require(self, request: web.Request) -> None:
        """Raises what is answered to those who may not."""
        if self.allows(request):
            return
        if not self._token:
            raise web.HTTPForbidden(text=CLOSED)
        raise web.HTTPUnauthorized(text=REFUSED, headers={"WWW-Authenticate": 'Bearer realm="casewire"'})

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if not self._token or scheme.lower() != "bearer":
            return False
        # In a time that does not tell how much of it was right.
        return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token)


def from_this_machine(request: web.Request) -> bool:
    """By peer, and not through a proxy on this machine or a web page that renamed itself (DNS rebinding)."""
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Origin"))
    called = urlsplit(f"//{request.host}").hostname or ""
    return not forwarded and is_loopback(request.remote or "") and is_loopback(called)
