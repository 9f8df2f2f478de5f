"""Access tokens for the mail servers, by refresh token or as the app itself (RFC 6749, sections 6 and 4.4)."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import aiohttp
import structlog

from bot.clock import Clock
from bot.mail.settings import OAuth

log = structlog.get_logger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=20)
RENEWED_BEFORE = 300.0
LASTS = 3600.0
ANSWER_MOST = 65536
# RFC 6749, section 5.2: what no waiting mends; beside them each other 400 and 401.
_FOR_NOW = {"temporarily_unavailable", "server_error", "slow_down"}


class TokenRefused(Exception):
    """The token server refuses what the settings hold; the message says why."""


class TokenUnavailable(Exception):
    """The token server cannot be reached or answered, just now."""


class TokenSource:
    """The token in force; it is had anew five minutes before it ends."""

    def __init__(self, credentials: OAuth, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._credentials = credentials
        self._session = session
        self._clock = clock
        # Some servers hand out a new one with each token. It serves until we end; that in the settings lives on.
        self._refresh_token = credentials.refresh_token
        self._token = ""
        self._ends = 0.0
        self._asking = asyncio.Lock()

    @property
    def credentials(self) -> OAuth:
        return self._credentials

    def forget(self) -> None:
        """The mail server refused the token: the next one is a new one."""
        self._token = ""

    async def token(self) -> str:
        """Raises TokenRefused or TokenUnavailable."""
        async with self._asking:
            if not self._token or self._clock.monotonic() >= self._ends - RENEWED_BEFORE:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        asked = self._clock.monotonic()
        status, answer = await self._post()
        token = answer.get("access_token")
        if status == 200 and isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token):
            self._token = token
            self._ends = asked + _seconds(answer.get("expires_in"))
            renewed = answer.get("refresh_token")
            if isinstance(renewed, str) and renewed and self._refresh_token:
                self._refresh_token = renewed
            log.info("a token for the mail server was had", action="token")
            return
        words = _words(answer) or f"HTTP status {status}"
        if status in {400, 401, 403} and answer.get("error") not in _FOR_NOW:
            if self._refresh_token != self._credentials.refresh_token:
                self._refresh_token = (
                    self._credentials.refresh_token
                )  # the next try is with what the settings hold
                raise TokenUnavailable(f"the token server refuses the refresh token it gave us: {words}")
            raise TokenRefused(words)
        raise TokenUnavailable(f"the token server answers: {words}")

    async def _post(self) -> tuple[int, dict[str, Any]]:
        credentials = self._credentials
        form = {"client_id": credentials.client_id}
        if credentials.client_secret:
            form["client_secret"] = credentials.client_secret
        if self._refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        else:
            form["grant_type"] = "client_credentials"
        if credentials.scope:
            form["scope"] = credentials.scope
        try:
            async with self._session.post(
                credentials.token_url, data=form, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                body = await response.content.read(ANSWER_MOST)
                return response.status, _object(body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TokenUnavailable(
                f"the token server cannot be reached ({str(error) or type(error).__name__})"
            ) from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(value: Any) -> float:
    try:
        return min(max(float(value), 0.0), 24 * 3600.0)
    except (TypeError, ValueError):
        return LASTS


def _words(answer: dict[str, Any]) -> str:
    """The server's own words, on one line; Microsoft adds numbers nobody needs."""
    told = [answer.get(name) for name in ("error", "error_description")]
    words = ": ".join(word for word in told if isinstance(word, str) and word)
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", re.split(r"Trace ID:", words)[0]).strip()[:300]
