"""The entrance of the Web API: arguments, token, scopes, faults and rate limits, then the method."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import hdrs, web

from bot.sandbox.errors import SlackError
from bot.sandbox.faults import DOWNLOADS_ONLY, Fault, Faults, RateLimits
from bot.sandbox.model import Json
from bot.sandbox.traffic import Traffic
from bot.sandbox.web_api import chat, conversations, files, people, reactions, views
from bot.sandbox.web_api.call import Api, Args, Method

METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **reactions.METHODS,
    **views.METHODS,
}


@dataclass(frozen=True)
class Answer:
    """A method's answer before it becomes a response."""

    body: Json
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class WebApi:
    """Answers `/api/<method>` as slack.com does."""

    def __init__(self, api: Api, traffic: Traffic, bot_token: str, app_token: str) -> None:
        self.api = api
        self.faults = Faults()
        self.limits = RateLimits()
        self.refusing = False
        self.bot_token = bot_token
        self.app_token = app_token
        self._traffic = traffic

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        method = request.match_info["method"]
        if self.refusing:
            self.note(method, {}, {"status": 503})
            return unavailable()
        try:
            values = await arguments(request)
        except SlackError as error:
            return self._answer(method, {}, _failure(error))
        token = _bearer(request) or values.get("token")
        values.pop("token", None)
        channel = values.get("channel") or values.get("channel_id")
        fault = self.faults.take(method, channel if isinstance(channel, str) else None)
        if fault is not None:
            failed = await self._fail(request, method, values, fault)
            if failed is not None:
                return failed
        answer = self._run(method, values, token if isinstance(token, str) else None, channel)
        if fault is not None and fault.kind == "lost_answer":
            self.note(method, values, {"answer": _brief(answer.body), "fault": fault.kind})
            return cut(request)
        if answer.status == 429:
            self.note(method, values, {"answer": _brief(answer.body), "status": 429})
            return web.json_response(answer.body, status=429, headers=answer.headers)
        return self._answer(method, values, answer)

    async def gate(self, request: web.Request, what: str) -> web.StreamResponse | str:
        """Faults and outage for the endpoints beside the API: `upload`, `download`, `response_url`.

        The response that they call for, or else the kind of a fault that the endpoint must act out ("" for none).
        """
        if self.refusing:
            return unavailable()
        fault = self.faults.take(what, None)
        if fault is None:
            return ""
        if fault.kind.startswith(DOWNLOADS_ONLY):
            self.note(what, {}, {"fault": fault.kind})
            return fault.kind
        return await self._fail(request, what, {}, fault) or fault.kind

    def _run(self, method: str, values: Json, token: str | None, channel: Any) -> Answer:
        known = METHODS.get(method)
        if known is None:
            return Answer({"ok": False, "error": "unknown_method", "req_method": method})
        try:
            self._authorize(known, token)
            delay = self.limits.delay(method, channel if isinstance(channel, str) else None)
            if delay is not None:
                return Answer({"ok": False, "error": "ratelimited"}, 429, {hdrs.RETRY_AFTER: str(delay)})
            return Answer({"ok": True, **known.run(self.api, Args(values))})
        except SlackError as error:
            return _failure(error)

    def _authorize(self, method: Method, token: str | None) -> None:
        if method.caller == "none":
            return
        if not token:
            raise SlackError("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise SlackError("invalid_auth")
        kind = "bot" if token == self.bot_token else "app"
        if method.caller not in (kind, "any"):
            raise SlackError("not_allowed_token_type")
        for scope in method.scopes:
            self.api.need(scope)

    async def _fail(
        self, request: web.Request, method: str, values: Json, fault: Fault
    ) -> web.StreamResponse | None:
        """The response a fault calls for; None if the call goes on."""
        if fault.kind.startswith("slow:"):
            self._traffic.add(self.api.clock.now(), "sandbox", "fault", method=method, kind=fault.kind)
            await asyncio.sleep(float(fault.kind.removeprefix("slow:")))
            return None
        if fault.kind == "lost_answer":
            return None
        self.note(method, values, {"fault": fault.kind})
        if fault.kind == "drop":
            return cut(request)
        if fault.kind == "429":
            headers = {hdrs.RETRY_AFTER: str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if fault.kind == "503":
            return unavailable()
        if fault.kind == "502":  # an edge server that lost the one behind it
            return web.Response(status=502, text="upstream connect error or disconnect/reset before headers")
        if fault.kind == "500":
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        return web.json_response({"ok": False, "error": fault.kind.removeprefix("error:")})

    def _answer(self, method: str, values: Json, answer: Answer) -> web.Response:
        self.note(method, values, {"answer": _brief(answer.body)})
        headers = {"x-oauth-scopes": ",".join(sorted(self.api.scopes)), "x-slack-req-id": "sandbox"}
        return web.json_response(answer.body, headers=headers)

    def note(self, method: str, values: Json, more: Json) -> None:
        self._traffic.add(self.api.clock.now(), "from_bot", f"call:{method}", args=values, **more)


async def arguments(request: web.Request) -> Json:
    """The arguments from the query, overlaid with those of a JSON or form body."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return values | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        values |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return values


def cut(request: web.Request) -> web.Response:
    """Drop the connection; the response returned for form's sake reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def unavailable() -> web.Response:
    """What an outage looks like from outside: an edge server's page, not Slack's JSON."""
    page = "<html><body><h1>503 Service Unavailable</h1></body></html>"
    return web.Response(status=503, text=page, content_type="text/html")


def _brief(body: Json) -> Json:
    """An answer's plain values; whole histories have no place in the record."""
    return {key: value for key, value in body.items() if isinstance(value, str | int)}


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _failure(error: SlackError) -> Answer:
    return Answer({"ok": False, "error": error.code, **error.fields})
