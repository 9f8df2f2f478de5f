"""The control API of mail: the verbs of `MailServer` over HTTP, and its mails for a browser."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from aiohttp import hdrs, web

from bot.sandbox.mail import reading
from bot.sandbox.mail.composing import address_of
from bot.sandbox.mail.receiving import AUTHENTICATIONS, Authentication
from bot.sandbox.mail.samples import play_mail
from bot.sandbox.mail.server import MailServer
from bot.sandbox.mail.store import SEEN, Mail
from bot.sandbox.model import Json
from bot.sandbox.web_page import SHOWN_IN_PLACE

NONE = "this sandbox was started without mail"
_LOCKED = "default-src 'none'; sandbox"
_HTML = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class MailControl:
    """POST /sandbox/mail_<verb>; GET /sandbox/mail/<number> and what it consists of."""

    def __init__(self, mail: MailServer | None) -> None:
        self._given = mail
        self.verbs: dict[str, Callable[..., Awaitable[Json]]] = {
            "mail_write": self._write,
            "mail_play": self._play,
            "mail_seen": self._seen,
            "mail_faults": self._faults,
            "mail_outage": self._outage,
            "mail_stall": self._stall,
            "mail_drop": self._drop,
            "mail_logins": self._logins,
            "mail_pushes": self._pushes,
            "mail_renumber": self._renumber,
            "mail_bounce": self._bounce,
            "mail_absent": self._absent,
        }

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/sandbox/mail/{number:[0-9]+}", self._show)
        app.router.add_get("/sandbox/mail/{number:[0-9]+}/raw", self._raw)
        app.router.add_get("/sandbox/mail/{number:[0-9]+}/html", self._html)
        app.router.add_get("/sandbox/mail/{number:[0-9]+}/file/{file:[0-9]+}/{name:.*}", self._file)

    @property
    def _mail(self) -> MailServer:
        if self._given is None:
            raise ValueError(NONE)
        return self._given

    # verbs

    async def _write(
        self,
        *,
        sender: str,
        files: list[Json] | None = None,
        answered: int | None = None,
        authentication: str = "pass",
        **mail: Any,
    ) -> Json:
        """`answered` is the number of the mail that it replies to; `sent` that of the author's own copy."""
        written = self._mail.write(
            sender,
            files=[_unpacked(file) for file in files or ()],
            reply_to_mail=None if answered is None else self._mail.store.find(answered)[0],
            authentication=_authentication(authentication),
            **mail,
        )
        sent = self._mail.mailbox(address_of(sender)).sent[-1]
        return {"number": None if written is None else written.number, "sent": sent.number}

    async def _play(self, *, content_base64: str, authentication: str | None = None) -> Json:
        return play_mail(
            self._mail,
            base64.b64decode(content_base64, validate=True),
            None if authentication is None else _authentication(authentication),
        )

    async def _seen(self, *, number: int) -> Json:
        mail, folder = self._mail.store.find(number)
        folder.flag(mail, mail.flags | {SEEN})
        return {}

    async def _faults(self, *, clear: bool = False, **fault: Any) -> Json:
        faults = self._mail.faults
        if clear:
            faults.clear()
        if fault:
            faults.add(**fault)
        return {"faults": [vars(pending) for pending in faults.pending]}

    async def _outage(self, *, on: bool) -> Json:
        await (self._mail.away() if on else self._mail.back())
        return {"on": on}

    async def _stall(self, *, on: bool) -> Json:
        self._mail.stall(on)
        return {"on": on}

    async def _drop(self) -> Json:
        await self._mail.drop()
        return {}

    async def _logins(self, *, refused: bool) -> Json:
        self._mail.refuse_logins(refused)
        return {"refused": refused}

    async def _pushes(self, *, withheld: bool) -> Json:
        self._mail.faults.pushes_withheld = withheld
        return {"withheld": withheld}

    async def _renumber(self, **which: Any) -> Json:
        await self._mail.renumber(**which)
        return {}

    async def _bounce(self, *, address: str, **words: Any) -> Json:
        self._mail.make_bounce(address, **words)
        return {"bouncing": self._mail.faults.bouncing}

    async def _absent(self, *, address: str, **words: Any) -> Json:
        self._mail.make_absent(address, **words)
        return {"out_of_office": self._mail.faults.out_of_office}

    # looking

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "headers": reading.headers(self._found(request).raw)})

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        mail = self._found(request)
        return _answer(mail.raw, "text/plain", _LOCKED, charset="utf-8")

    async def _html(self, request: web.Request) -> web.StreamResponse:
        page = reading.html(self._found(request).raw)
        if page is None:
            raise web.HTTPNotFound(text="the mail has no HTML")
        return _answer(page.encode("utf-8", "replace"), "text/html", _HTML, charset="utf-8")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        try:
            name, kind, data = reading.file(self._found(request).raw, int(request.match_info["file"]))
        except LookupError as error:
            raise web.HTTPNotFound(text=str(error)) from None
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        shown = kind if kind in SHOWN_IN_PLACE else "application/octet-stream"
        return _answer(data, shown, _LOCKED, disposition=disposition)

    def _found(self, request: web.Request) -> Mail:
        try:
            return self._mail.store.find(int(request.match_info["number"]))[0]
        except (LookupError, ValueError) as error:
            raise web.HTTPNotFound(text=str(error)) from None


def mail_state(mail: MailServer) -> Json:
    """Every mailbox as JSON, by address and folder."""
    return {
        address: {
            name: [reading.summary(one, folder, mail.threads.of(one, folder)) for one in folder.mails]
            for name, folder in mailbox.folders.items()
        }
        for address, mailbox in mail.store.mailboxes.items()
    }


def mail_panel(mail: MailServer) -> Json:
    """How the servers are."""
    faults = mail.faults
    return {
        "away": mail.is_away,
        "stalled": faults.gate.closed,
        "logins_refused": faults.logins_refused,
        "faults": [vars(fault) for fault in faults.pending],
        "bouncing": faults.bouncing,
        "out_of_office": faults.out_of_office,
        "readers": len(mail.imap.sessions),
    }


def _answer(
    body: bytes, kind: str, policy: str, *, charset: str | None = None, disposition: str | None = None
) -> web.Response:
    """Whatever it is, it does not run here."""
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if disposition is not None:
        headers[hdrs.CONTENT_DISPOSITION] = disposition
    return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


def _authentication(given: str) -> Authentication:
    for known in AUTHENTICATIONS:
        if known == given:
            return known
    raise ValueError(f"authentication must be one of {', '.join(AUTHENTICATIONS)}")


def _unpacked(file: Json) -> Json:
    if "content_base64" not in file:
        return file
    return {**file, "content": base64.b64decode(file["content_base64"])}
