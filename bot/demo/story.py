"""The story: what people do in each scene, and what must then be seen, or the demo has failed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bot.blocks.alert import ACTION_ACKNOWLEDGE
from bot.sandbox.errors import WaitTimeout
from bot.sandbox.model import Json
from bot.sandbox.people import ADA, ALERTS, DANA, GRACE, LOG, OMAR, SUPPORT
from bot.sandbox.server import LocalSlack

T = TypeVar("T")

PATIENCE = 15.0
HOUR = 3600.0
SENT = "white_check_mark"

DANAS, OMARS, DANAS_NEXT = "CASE_001", "CASE_002", "CASE_003"


RECEIPT = {"name": "receipt.txt", "content": "Order 4711\n"}
LABEL = {"name": "label.txt", "content": "Parcel 0815\n"}


class StoryFailed(Exception):
    """What was expected did not come in time; `seen` is how things stood."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.seen = seen


class Stage:
    """The workspace as a scene sees it."""

    def __init__(self, slack: LocalSlack) -> None:
        self.slack = slack

    async def expect(self, what: str, predicate: Callable[[], T | None]) -> T:
        """Waits for it. Raises StoryFailed when it does not come in time."""
        try:
            return await self.slack.wait_for(predicate, timeout=PATIENCE)
        except WaitTimeout as timeout:
            raise StoryFailed(f"{what}, within {PATIENCE:g} s", str(timeout)) from None

    def card(self, case_id: str) -> Json | None:
        return next((post for post in self.slack.messages(SUPPORT) if _is_card(post, case_id)), None)

    def card_says(self, case_id: str, *words: str) -> bool:
        card = self.card(case_id)
        return card is not None and all(word in card["text"] for word in words)

    def in_thread(self, case_id: str, words: str) -> bool:
        """Whether that stands below the card."""
        card = self.card(case_id)
        return card is not None and any(
            words in post["text"] for post in self.slack.messages(SUPPORT, card["ts"]) if post["ts"] != card["ts"]
        )

    def in_dm(self, user: str, words: str) -> bool:
        """Whether the bot wrote that to this customer."""
        posts = self.slack.messages(self.slack.dm_channel(user))
        return any(words in post["text"] for post in posts if post.get("bot_id"))

    def has_file(self, where: str, case_id: str, file: Mapping[str, str]) -> bool:
        """Whether the bot has put that file into the case's thread, or into a customer's DM."""
        card = self.card(case_id)
        in_thread = where == SUPPORT and card is not None
        posts = (
            self.slack.messages(SUPPORT, card["ts"])
            if in_thread and card is not None
            else self.slack.messages(self.slack.dm_channel(where))
        )
        files = [one for post in posts if post.get("bot_id") for one in post.get("files", ())]
        return any(
            self.slack.workspace.files[one["id"]].content == file["content"].encode()
            for one in files
            if one["id"] in self.slack.workspace.files
        )

    def alert(self, *words: str) -> Json | None:
        """The alert that says all of that."""
        posts = self.slack.messages(ALERTS)
        return next((post for post in posts if all(word in post["text"] for word in words)), None)

    async def write(self, user: str, text: str, case_id: str) -> None:
        """A customer writes, and it stands in the thread of the case."""
        await self.slack.dm(user, text)
        await self.expect(
            f"“{text}” in the thread of {case_id} in #support", lambda: self.in_thread(case_id, text)
        )

    async def answer(self, admin: str, case_id: str, customer: str, text: str) -> None:
        """An admin answers in the thread; the customer has it, and the admin's post shows that."""
        card = await self.expect(f"the card of {case_id} in #support", lambda: self.card(case_id))
        ts = await self.slack.post(admin, SUPPORT, text, thread_ts=card["ts"])
        await self.expect(f"“{text}” in the customer's direct message", lambda: self.in_dm(customer, text))
        await self.expect("✓ on the answer", lambda: SENT in self.slack.reactions(SUPPORT, ts))


@dataclass(frozen=True)
class Scene:
    """One scene: its title, what to notice, and how it is played."""

    title: str
    notice: str
    play: Callable[[Stage], Awaitable[None]]


async def a_customer_writes(stage: Stage) -> None:
    await stage.write(DANA, "Hello, my order 4711 has not arrived yet.", DANAS)
    await stage.expect("a receipt for Dana", lambda: stage.in_dm(DANA, f"Your case is {DANAS}"))


async def an_admin_answers(stage: Stage) -> None:
    await stage.answer(ADA, DANAS, DANA, "Sorry, Dana! It left our warehouse this morning.")
    await stage.expect("her answer on the card", lambda: stage.card_says(DANAS, "Last answer: Ada Admin"))


async def files_go_both_ways(stage: Stage) -> None:
    await stage.slack.dm(DANA, "This is the number on my receipt.", files=[RECEIPT])
    await stage.expect("her file in the thread", lambda: stage.has_file(SUPPORT, DANAS, RECEIPT))
    card = await stage.expect(f"the card of {DANAS} in #support", lambda: stage.card(DANAS))
    ts = await stage.slack.post(ADA, SUPPORT, "And this is the label.", thread_ts=card["ts"], files=[LABEL])
    await stage.expect("Ada's file in Dana's direct message", lambda: stage.has_file(DANA, DANAS, LABEL))
    await stage.expect("✓ on the answer", lambda: SENT in stage.slack.reactions(SUPPORT, ts))


async def an_urgent_message_escalates(stage: Stage) -> None:
    text = "But it is a present for tonight. This is urgent!"
    await stage.write(DANA, text, DANAS)
    await stage.expect("an alert that quotes her in #alerts", lambda: stage.alert(DANAS, "“urgent”", text))
    await stage.expect("word of it in the thread", lambda: stage.in_thread(DANAS, "is escalated"))
    await stage.expect("“escalated” on the card", lambda: stage.card_says(DANAS, "Status: open, escalated"))


async def an_admin_acknowledges(stage: Stage) -> None:
    alert = await stage.expect(f"the alert on {DANAS}", lambda: stage.alert(DANAS))
    await stage.slack.click(ADA, ALERTS, alert["ts"], ACTION_ACKNOWLEDGE)
    await stage.expect("her name on the alert", lambda: stage.alert(DANAS, "Acknowledged by Ada Admin"))
    await stage.expect("her name on the card", lambda: stage.card_says(DANAS, "Acknowledged: by Ada Admin"))


async def four_lines_in_a_row_escalate(stage: Stage) -> None:
    for text in ("Hi!", "You charged me twice.", "Is anybody there?", "Hello??"):
        await stage.write(OMAR, text, OMARS)
    await stage.expect("an alert in #alerts", lambda: stage.alert(OMARS, "4 messages in a row", "Hello??"))
    await stage.expect("word of it in the thread", lambda: stage.in_thread(OMARS, "is escalated"))
    await stage.answer(GRACE, OMARS, OMAR, "Here I am, Omar. You get the second charge back today.")
    await stage.expect(
        "escalation and answer on the card",
        lambda: stage.card_says(OMARS, "Status: open, escalated", "Last answer: Grace Hopper"),
    )


async def two_days_pass(stage: Stage) -> None:
    stage.slack.clock.advance(48 * HOUR + 60)
    await stage.expect(
        "an alert on Dana's case", lambda: stage.alert(DANAS, "Nothing was written", "waiting since")
    )
    await stage.expect("an alert on Omar's case", lambda: stage.alert(OMARS, "Nothing was written", "quiet since"))


async def the_phrase_closes_the_case(stage: Stage) -> None:
    await stage.answer(ADA, DANAS, DANA, "The courier says it is there now. I’m closing this case.")
    form = re.compile(rf"Case #{DANAS} closed at \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ by Ada Admin")
    await stage.expect(
        f"the line “Case #{DANAS} closed at … by Ada Admin” in #log",
        lambda: any(form.fullmatch(post["text"]) for post in stage.slack.messages(LOG)),
    )
    await stage.expect("word of it in the thread", lambda: stage.in_thread(DANAS, "was closed by Ada Admin"))
    await stage.expect("“closed” on the card", lambda: stage.card_says(DANAS, "Status: closed"))


async def the_next_message_opens_the_next_case(stage: Stage) -> None:
    await stage.write(DANA, "It is, thank you! Now where is the invoice?", DANAS_NEXT)
    await stage.expect("a new receipt", lambda: stage.in_dm(DANA, f"Your case is {DANAS_NEXT}"))
    await stage.expect("a link to her last case", lambda: stage.card_says(DANAS_NEXT, f"Previous case: {DANAS}"))


STORY = (
    Scene(
        "A customer writes",
        "Dana writes a direct message. Notice the card it opens in #support, her words in the card's thread "
        "(CASE_001 below), and the receipt she gets.",
        a_customer_writes,
    ),
    Scene(
        "An admin answers",
        "Ada simply replies in the thread. Notice that Dana gets it under Ada's name, and that the ✓ on "
        "Ada's post says so.",
        an_admin_answers,
    ),
    Scene(
        "Files go both ways",
        "Dana sends her receipt, Ada a label. Notice that each follows its words, and that the ✓ waits for both.",
        files_go_both_ways,
    ),
    Scene(
        "An urgent message escalates",
        "One word is enough. Notice the alert in #alerts, which quotes what Dana wrote.",
        an_urgent_message_escalates,
    ),
    Scene(
        "Somebody takes it",
        "Ada presses the button on the alert. Notice that alert and card now carry her name.",
        an_admin_acknowledges,
    ),
    Scene(
        "Four lines in a row escalate",
        "Omar is another customer, so he has a case of his own. Nobody answers him: the fourth line in a row "
        "raises the alert. Then Grace answers.",
        four_lines_in_a_row_escalate,
    ),
    Scene(
        "48 hours pass",
        "The clock is moved, and nobody has written since. Notice the difference: Dana's alert was "
        "acknowledged but she was never answered; Omar was answered and has been quiet since.",
        two_days_pass,
    ),
    Scene(
        "The case is closed",
        "Ada types the closing phrase; Slack's apps make its apostrophe a curly one. Notice the line in #log.",
        the_phrase_closes_the_case,
    ),
    Scene(
        "The next message opens the next case",
        "A closed case stays closed. Notice the new number, and the way back to the old case.",
        the_next_message_opens_the_next_case,
    ),
)


def _is_card(post: Json, case_id: str) -> bool:
    return bool(post.get("bot_id")) and post["text"].startswith(f"Case #{case_id}:")
