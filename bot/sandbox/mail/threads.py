"""Which mails of a mailbox belong together: those that refer to one another."""

from __future__ import annotations

from bot.sandbox.mail import reading
from bot.sandbox.mail.store import Folder, Mail


class Threads:
    """The conversations in all mailboxes."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], int] = {}
        self._by_number: dict[int, int] = {}

    def of(self, mail: Mail, folder: Folder) -> int:
        """The number of the first mail of its conversation."""
        if mail.number not in self._by_number:
            address = folder.mailbox.address
            own, named = reading.references(mail.raw)
            known = (self._by_id.get((address, one)) for one in (own, *named))
            thread = next((number for number in known if number is not None), mail.number)
            for one in filter(None, (own, *named)):
                self._by_id.setdefault((address, one), thread)
            self._by_number[mail.number] = thread
        return self._by_number[mail.number]
