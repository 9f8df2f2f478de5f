"""From a mailbox that is open to the database: each mail once, in the mailbox's order.

The truth is in the database: flags of the mailbox are shared with people and other programs, and are never read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot.clock import Clock
from bot.mail import responses
from bot.mail.head import read_head
from bot.mail.imap import ImapClient, ImapGone, ImapNo
from bot.mail.responses import Facts
from bot.mail.settings import Backfill, MailboxSettings
from bot.mail.status import MailStatus
from bot.mail.timing import MailTiming
from storage import mailboxes
from storage.engine import Database
from storage.mailboxes import MailboxState, NewMail

log = structlog.get_logger(__name__)

UNSEEN_MOST = 20
BACKFILLED_AT_ONCE = 64 * 1024**2
COMPARED_BACK = timedelta(days=3)
RESCANNED_BACK = timedelta(days=2)
# Dates of SEARCH are days of the server's own time zone, and its clock is not ours.
A_DAY, SKEW = timedelta(days=1), timedelta(minutes=10)
ASKED_AT_ONCE = 200
BATCH_MAILS = 50
BATCH_BYTES = 8 * 1024**2
HEADERS_MOST = 1024**2
TEXT_OF_CUT = 64 * 1024
TRIES = 5
OFF_LOOP = 128 * 1024  # larger mails are hashed in a thread

CHOOSE = (
    "the mailbox {address} holds {count} unread mails from before Casewire was started on it, too many to be "
    "taken for new ones, so none of them was read. Choose with EMAIL_BACKFILL (none, unseen, all or a number of "
    "days) and start again; mail that arrives from now on is read in any case"
)
NOT_HANDED_OVER = (
    "the mail server does not hand over the mail with UID {uid} in {folder} of {address} ({why}). The mails after "
    "it are read; this one is asked for again from time to time. Look at it in the mailbox"
)
NOT_AFTERWARDS = "mail is read, but IMAP_AFTER={after} cannot be done in {folder} of {address}: {why}"


@dataclass(slots=True)
class _Failing:
    """A mail that the server did not hand over: asked for alone from then on, and set aside after some tries."""

    tries: int = 0
    until: float = 0.0


class Intake:
    """What is remembered from one connection to the next; the rest is in the database."""

    def __init__(
        self, database: Database, settings: MailboxSettings, status: MailStatus, clock: Clock, timing: MailTiming
    ) -> None:
        self._database = database
        self._settings = settings
        self._name = settings.name
        self._status = status
        self._clock = clock
        self._timing = timing
        self._failing: dict[int, _Failing] = {}
        self._backfilled = False
        self._told: set[str] = set()
        self.on_mail: Callable[[], None] = _nothing
        self.on_progress: Callable[[], None] = _nothing
        self.on_trouble: Callable[[str], None] = _nobody
        self.on_warning: Callable[[str], None] = _nobody
        self.on_lag: Callable[[float], None] = _nobody_measures

    async def begin(self, client: ImapClient, uidvalidity: int) -> None:
        """After SELECT: the first start ever, a mailbox that was numbered anew, or neither."""
        state = await self._state()
        if state is None:
            await self._install(client, uidvalidity)
        elif state.uidvalidity != uidvalidity:
            log.warning("the mailbox was numbered anew", action="mail_rescan", mailbox=self._name)
            self._failing.clear()
            await self._rescan(client, state, uidvalidity)
        await self._backfill(client, uidvalidity)

    async def catch_up(self, client: ImapClient, uidvalidity: int) -> int:
        """Read what lies after the cursor; how many mails there were."""
        self._status.counts.looks += 1
        state = await self._state()
        if state is None or state.uidvalidity != uidvalidity:
            raise ImapGone("the mailbox was numbered anew meanwhile")
        # `n:*` always finds the last mail, even one before n.
        found = await self._search(client, "UID", f"{state.last_uid + 1}:*")
        fresh = [uid for uid in found if uid > state.last_uid]
        known = await self._known(uidvalidity, fresh)
        return await self._read(client, uidvalidity, [uid for uid in fresh if uid not in known])

    async def compare(self, client: ImapClient, uidvalidity: int) -> int:
        """Read what the cursor has missed in the last three days; how many mails there were."""
        since = self._clock.now() - COMPARED_BACK
        found = await self._search(client, "SINCE", responses.date(since))
        known = await self._known(uidvalidity, found)
        return await self._read(client, uidvalidity, [uid for uid in found if uid not in known])

    # where reading begins

    async def _install(self, client: ImapClient, uidvalidity: int) -> None:
        """New mail counts from now on. What lies there is noted, so that no comparison takes it for missed."""
        now = self._clock.now()
        highest = max(await self._search(client, "UID", "*"), default=0)
        recent = await self._search(client, "SINCE", responses.date(now - COMPARED_BACK - A_DAY))
        older = [uid for uid in recent if uid <= highest]
        wanted: list[NewMail] = []
        unseen: list[int] = []
        if self._settings.backfill is Backfill.FEW_UNSEEN:
            unseen = [uid for uid in await self._search(client, "UNSEEN") if uid <= highest]
            facts = await self._facts(client, unseen) if len(unseen) <= UNSEEN_MOST else {}
            if len(unseen) <= UNSEEN_MOST and sum(fact.size for fact in facts.values()) <= BACKFILLED_AT_ONCE:
                for batch in self._batches(facts.values()):
                    wanted += await self._fetched(client, batch, is_backfilled=True)
                unseen = []
        taken = {mail.uid for mail in wanted}

        def work(connection: Connection) -> int:
            if not mailboxes.install(connection, self._name, uidvalidity, highest, now):
                return 0
            mailboxes.pass_over(connection, self._name, uidvalidity, [uid for uid in older if uid not in taken])
            return len(mailboxes.add_mails(connection, self._name, uidvalidity, wanted, now))

        await self._stored(client, wanted, await self._database.write(work))
        log.info("a mailbox is read from now on", action="mail_begins", mailbox=self._name, backfilled=len(wanted))
        if unseen:
            self.on_warning(CHOOSE.format(address=self._settings.address, count=len(unseen)))

    async def _rescan(self, client: ImapClient, state: MailboxState, uidvalidity: int) -> None:
        """What may be unread under its new numbers; the same mail is known by its fingerprint."""
        since = state.installed_at
        if state.last_mail_at is not None:
            since = max(since, state.last_mail_at - RESCANNED_BACK)
        highest = max(await self._search(client, "UID", "*"), default=0)
        found = [
            uid
            for uid in await self._search(client, "SINCE", responses.date(min(since, self._clock.now()) - A_DAY))
            if uid <= highest
        ]
        known = await self._known(uidvalidity, found)
        unknown = [uid for uid in found if uid not in known]
        await self._read(client, uidvalidity, unknown, not_before=state.installed_at - SKEW)
        await self._database.write(
            partial(mailboxes.move_cursor, name=self._name, uidvalidity=uidvalidity, last_uid=highest)
        )

    async def _backfill(self, client: ImapClient, uidvalidity: int) -> None:
        """Older mail that the operator asked for: looked for at each start, so that asking later works, too."""
        wish = self._settings.backfill
        if self._backfilled or wish in (Backfill.FEW_UNSEEN, Backfill.NONE):
            self._backfilled = True
            return
        state = await self._state()
        if state is None:
            return
        before = ("BEFORE", responses.date(state.installed_at + 2 * A_DAY))
        if isinstance(wish, timedelta):
            found = await self._search(client, *before, "SINCE", responses.date(state.installed_at - wish))
        else:
            found = await self._search(client, *before, "UNSEEN" if wish is Backfill.UNSEEN else "ALL")
        older = [uid for uid in found if uid <= state.last_uid]
        known = await self._known(uidvalidity, older, read=True)
        await self._read(
            client,
            uidvalidity,
            [uid for uid in older if uid not in known],
            before=state.installed_at + SKEW,
            is_backfilled=True,
        )
        self._backfilled = True

    # reading

    async def _read(
        self,
        client: ImapClient,
        uidvalidity: int,
        uids: Iterable[int],
        *,
        not_before: datetime | None = None,
        before: datetime | None = None,
        is_backfilled: bool = False,
    ) -> int:
        """Fetch mails in batches and keep each batch at once; how many were new."""
        now = self._clock.monotonic()
        wanted = [uid for uid in uids if not self._is_set_aside(uid, now)]
        new = 0
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            asked = wanted[start : start + ASKED_AT_ONCE]
            facts = await self._facts(client, asked)
            missing = [uid for uid in asked if uid not in facts]
            old = [
                fact.uid
                for fact in facts.values()
                if fact.internaldate is not None
                and (
                    (not_before is not None and fact.internaldate < not_before)
                    or (before is not None and fact.internaldate >= before)
                )
            ]
            await self._pass_over(uidvalidity, missing, gone=True)
            await self._pass_over(uidvalidity, old if not_before is not None else [])
            left = sorted((fact for uid, fact in facts.items() if uid not in set(old)), key=lambda fact: fact.uid)
            for batch in self._batches(left):
                new += await self._read_batch(client, uidvalidity, batch, is_backfilled=is_backfilled)
        return new

    async def _read_batch(
        self, client: ImapClient, uidvalidity: int, batch: list[Facts], *, is_backfilled: bool
    ) -> int:
        try:
            mails = await self._fetched(client, batch, is_backfilled=is_backfilled)
        except ImapNo as refusal:
            self._failed(batch, str(refusal))
            if len(batch) == 1:
                return 0
            return sum(
                [
                    await self._read_batch(client, uidvalidity, [fact], is_backfilled=is_backfilled)
                    for fact in batch
                ]
            )
        except ImapGone as loss:
            self._failed(batch, str(loss))
            raise
        now = self._clock.now()
        kept = {mail.uid for mail in mails}
        gone = [fact.uid for fact in batch if fact.uid not in kept]

        def work(connection: Connection) -> int:
            mailboxes.pass_over(connection, self._name, uidvalidity, gone)
            return len(mailboxes.add_mails(connection, self._name, uidvalidity, mails, now))

        new = await self._database.write(work)
        self._status.counts.gone += len(gone)
        for fact in batch:
            self._failing.pop(fact.uid, None)
        await self._stored(client, mails, new)
        return new

    async def _stored(self, client: ImapClient, mails: list[NewMail], new: int) -> None:
        if not mails:
            return
        counts = self._status.counts
        counts.mails += new
        counts.duplicates += len(mails) - new
        counts.cut += sum(mail.is_cut for mail in mails)
        items = [mailboxes.item_key(self._name, mail.fingerprint) for mail in mails]
        log.info(
            "mails received", action="mail_received", mailbox=self._name, mails=len(mails), new=new, items=items
        )
        if new == len(mails):  # else some were here before, and how long ago they came tells nothing
            now = self._clock.now()
            for mail in mails:
                if not mail.is_backfilled:
                    self.on_lag((now - mail.internaldate).total_seconds())
        if new:
            self.on_mail()
        self.on_progress()
        await self._afterwards(client, [mail.uid for mail in mails])

    async def _afterwards(self, client: ImapClient, uids: list[int]) -> None:
        """Best effort: what is kept here is kept, whatever becomes of it there."""
        after = self._settings.after
        try:
            if after.seen:
                await client.add_flag(responses.uid_set(uids), r"\Seen")
            elif after.folder and not client.has("MOVE"):
                self._tell_once_afterwards("the server cannot move mails")
            elif after.folder:
                await client.move(responses.uid_set(uids), after.folder)
        except ImapNo as refusal:
            self._tell_once_afterwards(str(refusal))

    def _tell_once_afterwards(self, why: str) -> None:
        after, settings = self._settings.after, self._settings
        words = NOT_AFTERWARDS.format(
            after=f"move:{after.folder}" if after.folder else "seen",
            folder=settings.folder,
            address=settings.address,
            why=why,
        )
        log.warning(words, action="mail_afterwards")
        if "afterwards" not in self._told:
            self._told.add("afterwards")
            self.on_warning(words)

    async def _fetched(self, client: ImapClient, batch: list[Facts], *, is_backfilled: bool) -> list[NewMail]:
        """The mails of a batch, in its order, without those that are gone."""
        if len(batch) == 1 and batch[0].size > self._settings.max_bytes:
            raw = await self._cut(client, batch[0].uid)
            return [] if raw is None else [await self._new_mail(batch[0], raw, is_backfilled, is_cut=True)]
        wanted = [fact.uid for fact in batch]
        bodies = await self._bodies(client, wanted, "BODY.PEEK[]")
        mails = []
        for fact in batch:
            if (raw := bodies.get(fact.uid)) is None:
                continue
            if is_cut := len(raw) > self._settings.max_bytes:  # the server had its size wrong
                raw = _first_of(raw)
            mails.append(await self._new_mail(fact, raw, is_backfilled, is_cut=is_cut))
        return mails

    async def _cut(self, client: ImapClient, uid: int) -> bytes | None:
        header = await self._bodies(client, [uid], f"BODY.PEEK[HEADER]<0.{HEADERS_MOST}>")
        text = await self._bodies(client, [uid], f"BODY.PEEK[TEXT]<0.{TEXT_OF_CUT}>")
        return header[uid] + text[uid] if uid in header and uid in text else None

    async def _new_mail(self, fact: Facts, raw: bytes, is_backfilled: bool, *, is_cut: bool) -> NewMail:
        head = await asyncio.to_thread(read_head, raw) if len(raw) > OFF_LOOP else read_head(raw)
        now = self._clock.now()
        return NewMail(
            uid=fact.uid,
            fingerprint=head.fingerprint,
            message_id=head.message_id,
            internaldate=min(fact.internaldate or now, now),
            size=fact.size,
            raw=raw,
            address=head.address,
            is_cut=is_cut,
            is_backfilled=is_backfilled,
        )

    async def _facts(self, client: ImapClient, uids: list[int]) -> dict[int, Facts]:
        """Size and date of each, asked for twice before one is believed to be missing."""
        found: dict[int, Facts] = {}
        for _ in range(2):
            if asked := [uid for uid in uids if uid not in found]:
                found |= await self._facts_once(client, asked)
        return found

    async def _facts_once(self, client: ImapClient, uids: list[int]) -> dict[int, Facts]:
        try:
            lines = await client.fetch(responses.uid_set(uids), "(UID RFC822.SIZE INTERNALDATE)")
        except ImapNo as refusal:
            if len(uids) == 1:  # it is fetched alone, and set aside if that fails, too
                unknown = Facts(uids[0], 0, None)
                self._failed([unknown], str(refusal))
                return {uids[0]: unknown}
            found: dict[int, Facts] = {}
            for uid in uids:
                found |= await self._facts_once(client, [uid])
            return found
        wanted = set(uids)
        return {uid: fact for uid, fact in responses.facts(lines).items() if uid in wanted}

    async def _bodies(self, client: ImapClient, uids: list[int], section: str) -> dict[int, bytes]:
        """As `_facts`."""
        found: dict[int, bytes] = {}
        for _ in range(2):
            if asked := [uid for uid in uids if uid not in found]:
                lines = await client.fetch(responses.uid_set(asked), f"(UID {section})")
                found |= {uid: body for uid, body in responses.bodies(lines).items() if uid in set(asked)}
        return found

    def _batches(self, facts: Iterable[Facts]) -> Iterator[list[Facts]]:
        """Of bounded number and size; what is too large, or failed before, is alone."""
        batch: list[Facts] = []
        size = 0
        for fact in sorted(facts, key=lambda one: one.uid):
            alone = fact.size > self._settings.max_bytes or fact.uid in self._failing
            if batch and (alone or len(batch) >= BATCH_MAILS or size + fact.size > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(fact)
            size += fact.size
            if alone:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _failed(self, batch: list[Facts], why: str) -> None:
        for fact in batch:
            failing = self._failing.setdefault(fact.uid, _Failing())
            if len(batch) > 1:
                continue  # it is not known which of them it was
            failing.tries += 1
            if failing.tries % TRIES == 0:
                failing.until = self._clock.monotonic() + self._timing.set_aside
                self._status.counts.set_aside += 1
                words = NOT_HANDED_OVER.format(
                    uid=fact.uid, folder=self._settings.folder, address=self._settings.address, why=why
                )
                log.error(words, action="mail_set_aside")
                if failing.tries == TRIES:
                    self.on_trouble(words)

    def _is_set_aside(self, uid: int, monotonic: float) -> bool:
        failing = self._failing.get(uid)
        return failing is not None and monotonic < failing.until

    # small things

    async def _state(self) -> MailboxState | None:
        return await self._database.read(partial(mailboxes.find_mailbox, name=self._name))

    async def _search(self, client: ImapClient, *criteria: str) -> list[int]:
        return responses.uids(await client.search(*criteria))

    async def _known(self, uidvalidity: int, uids: Collection[int], *, read: bool = False) -> set[int]:
        if not uids:
            return set()
        look = mailboxes.read_uids if read else mailboxes.known_uids
        work = partial(look, name=self._name, uidvalidity=uidvalidity, first=min(uids), last=max(uids))
        return await self._database.read(work)

    async def _pass_over(self, uidvalidity: int, uids: list[int], *, gone: bool = False) -> None:
        if not uids:
            return
        if gone:
            self._status.counts.gone += len(uids)
            log.warning("mails are gone before they were read", action="mail_gone", uids=uids)
        await self._database.write(
            partial(mailboxes.pass_over, name=self._name, uidvalidity=uidvalidity, uids=uids)
        )


def _first_of(raw: bytes) -> bytes:
    """The headers and the first text of a mail."""
    ends = [end + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (end := raw.find(mark, 0, HEADERS_MOST)) >= 0]
    return raw[: min(ends, default=0) + TEXT_OF_CUT]


def _nothing() -> None:
    """Until somebody listens."""


def _nobody(_words: str) -> None:
    """Until somebody listens."""


def _nobody_measures(_seconds: float) -> None:
    """Until somebody listens."""
