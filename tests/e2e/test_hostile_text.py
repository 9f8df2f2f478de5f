"""Nothing anybody writes is markup, mention or command where it is shown; and it stays readable."""

from typing import Any

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import live_markup, mentioned, refused_calls, words

# What is typed, and what of it must be readable on the other side.
TYPED = {
    "broadcast": ("<!channel> and <!here>", "@channel and @here"),
    "words-of-broadcast": ("@channel @everyone", "@channel @everyone"),
    "mention": (f"<@{ADA}> hello", "@Ada Admin hello"),
    "mention-of-nobody": ("hi <@U0NOBODY00>", "hi @someone"),
    "group": ("hi <!subteam^S0HELPDESK>", "hi @"),
    "link": ("<https://evil.example|your bank>", "your bank (https://evil.example)"),
    "typed-angles": ("a <b> & c &amp; d &lt;!channel&gt;", "a <b> & c &amp; d &lt;!channel&gt;"),
    "backticks": ("```rm -rf``` `x` ``` unclosed", "rm -rf"),
    "signs": ("*bold* _it_ ~no~ > quote :fire:", "bold"),
    "nul": ("a\x00b", "ab"),
    "override": ("abc \u202egpj.exe\u2066 def", "abc gpj.exe def"),
    "zero-width": ("\u200b\u200d\ufeff", "(empty message)"),
    "surrogate": ("half \ud83d pair", "half \ufffd pair"),
    "emoji": ("🔥👩‍👩‍👧", "🔥👩‍👩‍👧"),
    "emoji-by-name": (":fire:", ":fire:"),
    "sql": ("'; DROP TABLE cases; --", "'; DROP TABLE cases; --"),
    "case-command": ("/case close CASE_001", "/case close CASE_001"),
}

NAMES = [
    "<!channel>",
    f"<@{ADA}>",
    "<https://evil.example|Support>",
    "&lt;!here&gt; & `co` *bold* :fire:",
    "a\x00b",
    "\u202eeilatuN",
    "\u200b\u200d",
    "line\nbreak" + "x" * 400,
    "half \ud83d pair",
    "Robert'); DROP TABLE cases;--",
]


def as_typed(text: str) -> dict[str, Any]:
    """The block that Slack's client makes of a text without any form."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "typed", "elements": [section]}


class TestWhatACustomerWrites:
    async def test_it_reaches_the_thread_harmless_and_readable(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Hello")
        for kind, (text, readable) in TYPED.items():
            await desk.write(text)
            mirror = desk.mirrors(card)[-1]
            assert readable in words(mirror), kind
            assert mentioned(mirror) == set(), kind

    async def test_it_stands_on_the_card_harmless_and_readable(self, desk: Desk) -> None:
        for number, kind in enumerate(("broadcast", "mention", "link", "backticks", "override")):
            text, readable = TYPED[kind]
            desk.slack.add_user(f"U0TYPED{number:03}", f"t{number}", f"Customer {number}")
            card = await desk.opened(f"U0TYPED{number:03}", text)
            assert mentioned(card) == set(), kind
            assert readable in words(card), kind

    async def test_forty_thousand_characters_arrive_whole(self, desk: Desk) -> None:
        text = "<&>`*_~\u202e" * 5000
        await desk.slack.post(DANA, "im", "whole", blocks=[as_typed(text)])
        card = await desk.until(lambda: next(iter(desk.cards()), None))
        shown = text.replace("\u202e", "")
        await desk.until(lambda: len(desk.mirrors(card)) == -(-len(shown) // 3500))
        parts = [post["blocks"][0]["elements"][0]["elements"][0]["text"] for post in desk.mirrors(card)]
        assert "".join(parts) == shown


class TestWhatAnAdminWrites:
    async def test_it_reaches_the_customer_harmless_and_readable(self, desk: Desk) -> None:
        card = await desk.opened()
        for text, readable in TYPED.values():
            if readable == "(empty message)":
                continue
            await desk.answer(card, f"See: {text}")  # without the first words, a mention makes a note
            assert readable in words(desk.inbox_of(DANA)[-1])
            assert mentioned(desk.inbox_of(DANA)[-1]) == set()

    async def test_what_cannot_be_seen_is_not_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "\u200b\u200d", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})

    async def test_forty_thousand_characters_arrive_whole(self, desk: Desk) -> None:
        card = await desk.opened()
        text = "<&>`*_~" * 5000
        ts = await desk.slack.post(ADA, SUPPORT, "whole", card["ts"], blocks=[as_typed(text)])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        parts = [post["blocks"][0]["elements"][0]["elements"][0]["text"] for post in desk.inbox_of(DANA)[1:]]
        assert "".join(parts) == text


class TestNames:
    async def test_customers_of_any_name_are_served(self, desk: Desk) -> None:
        for number, name in enumerate(NAMES):
            desk.slack.add_user(f"U0NAMED{number:03}", f"n{number}", name)
            card = await desk.opened(f"U0NAMED{number:03}", "Hello")
            (mirror,) = desk.mirrors(card)
            assert mirror["username"].endswith(" (customer)")
            assert len(mirror["username"]) <= 80
            assert not set("<>@!`*:\u202e\x00\n") & set(mirror["username"])
            assert f"Case #CASE_{number + 1:03}" in words(card)
            await desk.answer(card, f"Hello, <@U0NAMED{number:03}>, dear")
        for text in ("status", "list", "status 1", "close 1", "reopen 1", "escalate 1 <!channel>"):
            reply = await desk.slack.command(ADA, SUPPORT, "/case", text)
            assert reply.ok, text
            assert not any(mentioned(message) for message in reply.shown)

    async def test_admins_of_any_name_may_answer_and_close(self, desk: Desk) -> None:
        for number, name in enumerate(NAMES[::2]):
            desk.slack.change_user(ADA, real_name=name)
            person = f"U0NAMED{number:03}"
            desk.slack.add_user(person, f"n{number}", f"Customer {number}")
            card = await desk.opened(person, "Hello")
            await desk.answer(card, "Hello. I'm closing this case.")
            answer = desk.inbox_of(person)[-1]
            assert not set("<>@!`*:\u202e\x00\n") & set(answer["username"])
            await desk.until(lambda number=number: len(desk.log_lines()) == number + 1)
            assert "\n" not in desk.log_lines()[-1]
        assert not refused_calls(desk.slack)
        assert not live_markup(desk.slack)
