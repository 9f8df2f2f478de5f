"""Alerts that Slack does not take: health says so, and ADMIN_EMAILS are told by mail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bot.blocks.alarm import LISTED, Waiting, alarm_mail, all_clear_mail
from bot.clock import Clock
from bot.courier.letter import BadAddress, Letter, ascii_address, loop_token, written
from bot.courier.letters import Stationery, mail_secret
from bot.courier.mail import MailCarrier
from bot.courier.slack import LoginTrouble, NotSent, Refused, Undelivered
from bot.leases import ALARM, Lease, Leases
from bot.text.twin import html_of
from storage import alarms
from storage.alarms import Alarm
from storage.engine import Database
from storage.errors import DatabaseUnavailable, LeaseLost

log = structlog.get_logger(__name__)

AFTER = timedelta(minutes=15)
AGAIN = timedelta(minutes=30)
LOOK = 15.0
LOGIN_PAUSE = 300.0
SENDING = 120.0


@dataclass(frozen=True, slots=True)
class AlarmPost:
    """How the people who run the desk are reached beside Slack."""

    carrier: MailCarrier
    stationery: Stationery
    to: Sequence[str]


class AlertAlarm:
    """One per process. `waiting` are the alerts that should have been posted a quarter of an hour ago.

    Of several processes one tells of them (a lease): when it begins, every half hour, and when it is over. When it
    was last told of is in the database, so that a restart tells nobody twice; a mail that is sent again after a
    crash, or after its answer was lost, bears the same Message-ID.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        leases: Leases,
        channel: str,
        channel_name: str,
        post: AlarmPost | None,
        look: float = LOOK,
        login_pause: float = LOGIN_PAUSE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._leases = leases
        self._channel = channel
        self._channel_name = channel_name
        self._post = post
        self._look = look
        self._login_pause = login_pause
        self._done_with: set[str] = set()
        self._lost: set[str] = set()
        self._logged: Alarm | None = None
        self._not_before = 0.0
        self.waiting: list[alarms.Undelivered] = []

    def note(self) -> dict[str, Any]:
        """What health says beside the words of the services, while alerts wait."""
        if not self.waiting:
            return {}
        oldest = self.waiting[0]
        return {
            "undelivered_alerts": {
                "count": len(self.waiting),
                "since": oldest.since.isoformat(timespec="seconds"),
                "error": oldest.error,
            }
        }

    async def run(self) -> None:
        """Look and tell, until cancelled. A mail server that hangs keeps nobody from looking."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self.look), name="alarm-look")
            group.create_task(self._repeat(self.tell), name="alarm-tell")

    async def _repeat(self, work: Any) -> None:
        while True:
            try:
                await work()
            except DatabaseUnavailable as error:
                log.warning("the database is away", action="waiting", error=str(error))
            except LeaseLost:
                log.info("another process tells of it by now", action="lease_over")
            await asyncio.sleep(self._look)

    async def look(self) -> None:
        """See which alerts wait too long."""
        self.waiting = await self._queued_by(self._clock.now() - AFTER)

    async def _queued_by(self, before: datetime) -> list[alarms.Undelivered]:
        find = partial(alarms.undelivered, channel=self._channel, before=before, limit=LISTED + 1)
        return await self._database.read(find)

    async def tell(self) -> None:
        """Tell of what waits, where it is time to; or that nothing does any more."""
        lease = self._leases.current(ALARM)
        if lease is None:
            return
        await self.look()
        alarm = await self._database.read(alarms.standing)
        if self.waiting:
            await self._tell_of_waiting(lease, alarm)
        elif alarm is not None:
            # By the clock that told of them: one that was set back since shows none of them as late.
            if await self._queued_by((alarm.told_at or alarm.began_at) - AFTER):
                return
            if alarm.told_at is not None and not await self._tell_of_the_end(alarm):
                return
            await self._leases.commit(lease, alarms.over)
            self._done_with.clear()
            self._lost.clear()

    async def _tell_of_waiting(self, lease: Lease, alarm: Alarm | None) -> None:
        now = self._clock.now()
        if alarm is None:
            await self._leases.commit(lease, partial(alarms.begin, now=now))
            alarm = Alarm(now, None, 0)
        if alarm.told_at is not None and abs(now - alarm.told_at) < AGAIN:
            return
        oldest = self.waiting[0]
        waiting = [Waiting(one.kind, one.case_id, one.since, _detail(one)) for one in self.waiting]
        if alarm != self._logged:
            self._logged = alarm
            log.error(
                "alerts cannot be posted" if self._post is not None else "alerts cannot be posted, nor mailed",
                action="alerts_undelivered",
                alerts=len(waiting),
                since=oldest.since.isoformat(),
                error=oldest.error,
            )
        again = int(AGAIN.total_seconds() // 60)
        said = alarm_mail(waiting, self._channel_name, oldest.error or "", again)
        if await self._mailed(alarm, f"alarm-{alarm.times + 1}", *said, now):
            await self._leases.commit(lease, partial(alarms.told, now=now))

    async def _tell_of_the_end(self, alarm: Alarm) -> bool:
        log.info("alerts are posted again", action="alerts_delivered")
        said = all_clear_mail(self._channel_name, alarm.began_at)
        return await self._mailed(alarm, "over", *said, self._clock.now())

    async def _mailed(self, alarm: Alarm, name: str, subject: str, text: str, now: datetime) -> bool:
        """Whether nothing is left to do about it: sent to each, or never to be sent."""
        if self._post is None:
            return True
        if self._clock.monotonic() < self._not_before:
            return False
        key = await self._database.write(mail_secret)
        all_done = True
        for address in self._post.to:
            letter = self._letter(self._post.stationery, address, key, alarm, name, subject, text, now)
            if letter.message_id not in self._done_with and await self._hand_over(self._post.carrier, letter):
                self._done_with.add(letter.message_id)
            all_done = all_done and letter.message_id in self._done_with
        return all_done

    async def _hand_over(self, carrier: MailCarrier, letter: Letter) -> bool:
        """Whether the server took it, never will, or may have and was asked twice."""
        try:
            async with asyncio.timeout(SENDING), carrier.session() as session:
                await session.send(letter.to, written(letter))
        except (Refused, BadAddress) as error:
            log.error("a mail about alerts was refused", action="alarm_refused", to=letter.to, error=str(error))
            return True
        except LoginTrouble as error:
            log.error("mail cannot be sent", action="alarm_delayed", to=letter.to, error=str(error))
            self._not_before = self._clock.monotonic() + self._login_pause
            return False
        except (Undelivered, TimeoutError) as error:
            log.warning("a mail about alerts waits", action="alarm_delayed", to=letter.to, error=str(error))
            may_have_gone = not isinstance(error, NotSent)
            asked_twice = letter.message_id in self._lost
            if may_have_gone:
                self._lost.add(letter.message_id)
            return may_have_gone and asked_twice
        log.info("a mail about alerts was sent", action="alarm_mailed", to=letter.to)
        return True

    def _letter(
        self,
        stationery: Stationery,
        address: str,
        key: bytes,
        alarm: Alarm,
        name: str,
        subject: str,
        text: str,
        now: datetime,
    ) -> Letter:
        what = f"{alarm.began_at.isoformat()}/{name}/{address}"
        proof = hmac.new(key, what.encode(), hashlib.sha256).hexdigest()[:24]
        domain = ascii_address(stationery.sender).rpartition("@")[2]
        return Letter(
            sender=stationery.sender,
            sender_name=stationery.sender_name,
            to=address,
            to_name="",
            subject=subject,
            message_id=f"<{name}-{proof}@{domain}>",
            references=(),
            date=now,
            text=text,
            html=f"<html><body>\n{html_of(text)}\n</body></html>\n",
            loop_token=loop_token(key),
            automatic="auto-generated",
        )


def _detail(one: alarms.Undelivered) -> str:
    said = [one.payload.get(name) for name in ("text", "what", "reason", "error", "channel")]
    return ": ".join(str(word) for word in said if word)
