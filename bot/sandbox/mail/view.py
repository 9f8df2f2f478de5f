"""The mails as an open page is told of them: all at first, then what is new, changed or gone."""

from __future__ import annotations

from bot.sandbox.mail import reading
from bot.sandbox.mail.server import MailServer
from bot.sandbox.model import Json

NEWEST = 500
"""How many mails a page is told of."""


class MailView:
    """What one open page knows of the mails."""

    def __init__(self, mail: MailServer) -> None:
        self._mail = mail
        self._threads = mail.threads
        self._told: dict[int, int] = {}
        self._seen = 0

    def changes(self) -> list[Json]:
        """What is new since the last time."""
        store = self._mail.store
        if self._seen == store.version:
            return []
        self._seen = store.version
        there = sorted(store.places)[-NEWEST:]
        found: list[Json] = [{"gone": number} for number in self._told.keys() - set(there)]
        for number in there:
            mail, folder = store.places[number]
            if self._told.get(number) != mail.version:
                found.append(reading.summary(mail, folder, self._threads.of(mail, folder)))
        self._told = {number: store.places[number][0].version for number in there}
        return found
