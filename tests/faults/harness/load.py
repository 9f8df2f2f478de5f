"""The people of a seed: customers who write, admins who answer, close and click, a bystander."""

import random
import re
from typing import Any

from bot.blocks.alert import ACTION_ACKNOWLEDGE
from bot.blocks.card import ACTION_CLOSE_CASE, ACTION_ESCALATE_CASE
from bot.blocks.words import ALERT_TITLE, TRY_AGAIN
from bot.sandbox.mail.server import MailServer
from bot.sandbox.people import ADA, ALERTS, BEN, GRACE, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.faults.harness.ledger import Asked, Kind, Ledger, Written
from tests.faults.harness.schedule import Step
from tests.support.desk import Desk
from tests.support.posts import button

CUSTOMERS = 4
WRITE_BY_MAIL = ("mary@customers.example", "mike@elsewhere.example")
CASE_IN_CARD = re.compile(r"#(CASE_\d+):")
CLOSING = " I'm closing this case."
ALERT = re.compile(re.escape(ALERT_TITLE).replace(re.escape("{case_id}"), r"(CASE_\d+)"))


class Load:
    """`do` does one step of the schedule. What nobody can do just now (answer without a case) is left out."""

    def __init__(self, slack: LocalSlack, desk: Desk) -> None:
        self.ledger = Ledger()
        self._slack = slack
        self._mail = slack.mail or MailServer()
        self._desk = desk
        for number in range(CUSTOMERS):
            user = f"U0CROWD{number:03d}"
            slack.add_user(user, f"crowd{number}", f"Crowd {number}")
            self.ledger.customers.append(user)

    async def do(self, step: Step) -> None:
        dice = step.dice
        match step.what:
            case "write":
                await self._write(dice)
            case "burst":
                user = dice.choice(self.ledger.customers)
                for _ in range(dice.randint(3, 7)):
                    await self._write(dice, user)
            case "write_in_thread":
                await self._write_in_thread(dice)
            case "write_urgently":
                await self._write(dice, rest=" and this is urgent", urgent=True)
            case "send_file":
                await self._write(dice, file=True)
            case "write_mail":
                self._write_mail(dice)
            case "mail_comes_twice":
                self._deliver_again(dice)
            case "edit":
                await self._edit(dice, Kind.CUSTOMER)
            case "delete":
                await self._delete(dice, Kind.CUSTOMER)
            case "edit_answer":
                await self._edit(dice, Kind.ANSWER)
            case "delete_answer":
                await self._delete(dice, Kind.ANSWER)
            case "answer":
                await self._post(dice, Kind.ANSWER, dice.choice((ADA, GRACE)))
            case "answer_with_file":
                await self._post(dice, Kind.ANSWER, ADA, file=True)
            case "note":
                await self._post(dice, Kind.NOTE, ADA)
            case "bystander":
                await self._post(dice, Kind.BYSTANDER, BEN)
            case "close_by_phrase":
                await self._post(dice, Kind.ANSWER, dice.choice((ADA, GRACE)), rest=CLOSING)
            case "close_by_command" | "reopen_by_command":
                await self._command(dice, step.what.partition("_")[0])
            case "close_by_button":
                await self._close_by_button(dice)
            case "escalate_by_button":
                await self._escalate(dice)
            case "acknowledge":
                await self._acknowledge(dice)
            case "ask_status":
                await self._slack.command(ADA, SUPPORT, "/case", "status")
            case _:
                raise ValueError(f"nobody knows how to {step.what}")

    # what customers do

    async def _write(
        self,
        dice: random.Random,
        user: str | None = None,
        *,
        thread_ts: str | None = None,
        rest: str = "",
        urgent: bool = False,
        file: bool = False,
    ) -> None:
        user = user or dice.choice(self.ledger.customers)
        channel = self._slack.dm_channel(user)
        message = Written(Kind.CUSTOMER, user, self.ledger.new_mark(), rest, channel, thread_ts, urgent=urgent)
        await self._keep(message, file=file)

    async def _write_in_thread(self, dice: random.Random) -> None:
        user = dice.choice(self.ledger.customers)
        channel = self._slack.dm_channel(user)
        roots = [post["ts"] for post in self._slack.messages(channel)]
        await self._write(dice, user, thread_ts=dice.choice(roots) if roots else None)

    def _write_mail(self, dice: random.Random) -> None:
        """In answer to the desk's last mail, or as a new one."""
        address = dice.choice(WRITE_BY_MAIL)
        message = Written(Kind.MAIL, address, self.ledger.new_mark(), "", "")
        self.ledger.written.append(message)
        received = self._mail.mailbox(address).inbox
        answered = received[-1] if received and dice.random() < 0.6 else None
        subject = None if answered is not None else f"A question {len(self.ledger.written)}"
        self._mail.write(address, subject, message.text, reply_to_mail=answered)

    def _deliver_again(self, dice: random.Random) -> None:
        """The provider puts a mail into the desk's mailbox a second time."""
        lying = self._mail.mailbox(self._mail.desk).inbox
        if lying:
            again = dice.choice(lying)
            self._mail.deliver(again.raw, internaldate=again.internaldate)

    async def _edit(self, dice: random.Random, kind: Kind) -> None:
        message = self._one_of(dice, kind)
        if message is not None:
            message.version += 1
            await self._slack.edit(message.user, message.channel, message.ts, message.text)

    async def _delete(self, dice: random.Random, kind: Kind) -> None:
        message = self._one_of(dice, kind)
        if message is not None:
            message.deleted = True
            await self._slack.delete(message.user, message.channel, message.ts)

    def _one_of(self, dice: random.Random, kind: Kind) -> Written | None:
        there = [message for message in self.ledger.of(kind) if message.ts and not message.deleted]
        return dice.choice(there[-15:]) if there else None

    # what the desk does

    async def _post(
        self, dice: random.Random, kind: Kind, user: str, *, rest: str = "", file: bool = False
    ) -> None:
        card = self._card(dice)
        if card is None:
            return
        root, case_id = card
        if rest == CLOSING:
            self.ledger.tried_to_close(case_id)
        mark = self.ledger.new_mark()
        await self._keep(Written(kind, user, mark, rest, SUPPORT, root["ts"], case_id=case_id), file=file)

    async def _command(self, dice: random.Random, word: str) -> None:
        card = self._card(dice)
        if card is None:
            return
        if word == "close":
            self.ledger.tried_to_close(card[1])
        number = len(self._slack.traffic.of("command"))  # this one's, before anybody else commands something
        reply = await self._slack.command(ADA, SUPPORT, "/case", f"{word} {card[1]}")
        if reply.ok and reply.messages and not any(TRY_AGAIN in text for text in reply.messages):
            trigger = self._slack.traffic.of("command")[number].detail["trigger_id"]
            self.ledger.asked.append(Asked(word, card[1], trigger))

    async def _close_by_button(self, dice: random.Random) -> None:
        card = self._card(dice)
        if card is None or not button(card[0], ACTION_CLOSE_CASE):
            return
        await self._slack.click(GRACE, SUPPORT, card[0]["ts"], ACTION_CLOSE_CASE)
        forms = self._slack.open_views(GRACE)
        if forms:
            self.ledger.tried_to_close(card[1])
            await self._slack.submit_view(GRACE, {}, forms[-1]["id"])

    async def _escalate(self, dice: random.Random) -> None:
        card = self._card(dice)
        if card is not None and button(card[0], ACTION_ESCALATE_CASE):
            await self._slack.click(ADA, SUPPORT, card[0]["ts"], ACTION_ESCALATE_CASE)

    async def _acknowledge(self, dice: random.Random) -> None:
        alerts = [post for post in self._desk.alerts() if button(post, ACTION_ACKNOWLEDGE)]
        if alerts:
            await self._slack.click(ADA, ALERTS, dice.choice(alerts)["ts"], ACTION_ACKNOWLEDGE)

    # inside

    def _card(self, dice: random.Random) -> tuple[dict[str, Any], str] | None:
        """Some case's card, one of the newer ones rather, and the case's id."""
        cards = [
            (post, found.group(1)) for post in self._desk.cards() if (found := CASE_IN_CARD.search(post["text"]))
        ]
        return dice.choice(cards[-CUSTOMERS:]) if cards else None

    async def _keep(self, message: Written, *, file: bool) -> None:
        """In the ledger first: what the workspace shows was sent."""
        self.ledger.written.append(message)
        files = None
        if file:
            message.file = f"file of {message.mark[-4:]}.txt"
            files = [{"name": message.file, "content": f"What is in the file. {message.mark[-4:]}\n" * 50}]
        message.ts = await self._slack.post(message.user, message.channel, message.text, message.thread_ts, files)
