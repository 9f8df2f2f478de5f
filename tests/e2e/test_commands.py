"""`/case`: what customers, admins and bystanders may ask for, and what each of them is told."""

import asyncio
from typing import Any

from bot.sandbox.interactions import CommandReply
from bot.sandbox.people import ADA, BEN, DANA, GRACE, HELPDESK, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.late import taken_in
from tests.support.posts import links, mentioned, words

PHRASE = "I'm closing this case."
REFUSED = "Sorry, only admins of this desk can do that."


async def case(desk: Desk, user: str, text: str = "") -> str:
    """What somebody is told, alone, by a command typed in the support channel or the DM."""
    return words((await asked(desk, user, text)).shown[0])


async def asked(desk: Desk, user: str, text: str = "") -> CommandReply:
    reply = await desk.slack.command(user, SUPPORT if user in {ADA, GRACE, BEN} else "im", "/case", text)
    assert reply.ok, reply.error
    assert all(message.get("is_ephemeral") for message in reply.shown)
    return reply


class TestACustomer:
    async def test_without_a_case_learns_how_to_open_one(self, desk: Desk) -> None:
        assert "You have no case yet" in await case(desk, DANA, "status")

    async def test_sees_how_the_own_case_stands(self, desk: Desk) -> None:
        card = await desk.opened()
        said = await case(desk, DANA, "status")
        assert "Your case CASE_001 is open since" in said
        assert "There is no answer yet" in said
        await desk.answer(card, "Hello")
        assert "Last answer:" in await case(desk, DANA, "status")
        assert "received" not in await case(desk, DANA, "status")
        await desk.write("Thanks")
        assert "What you wrote since then was received" in await case(desk, DANA, "status")
        await desk.answer(card, PHRASE)
        assert "Your last case, CASE_001, was closed" in await case(desk, DANA, "status")
        await desk.opened(DANA, "Again")
        assert "Your case CASE_002 is open" in await case(desk, DANA, "STATUS")

    async def test_never_learns_that_another_case_exists(self, desk: Desk) -> None:
        await desk.opened(OMAR, "Mine alone")
        await desk.opened(DANA, "And mine")
        for verb in ("status {}", "close {}", "close {} quiet", "reopen {}", "escalate {} now", "list"):
            of_omar = await case(desk, DANA, verb.format("CASE_001"))
            of_nobody = await case(desk, DANA, verb.format("CASE_999"))
            assert of_omar == of_nobody
            assert "Omar" not in of_omar
            assert "CASE_001" not in of_omar
        assert await desk.rows("SELECT 1 FROM cases WHERE status = 'open'") != []
        assert desk.log_lines() == []
        assert desk.alerts() == []

    async def test_is_refused_what_admins_do_as_a_bystander_is(self, desk: Desk) -> None:
        await desk.opened()
        for text in ("close CASE_001", "close 1 quiet", "reopen CASE_001", "escalate CASE_001 please", "list"):
            assert await case(desk, DANA, text) == REFUSED
            assert await case(desk, BEN, text) == REFUSED
        (row,) = await desk.rows("SELECT status, escalated FROM cases")
        assert (row["status"], bool(row["escalated"])) == ("open", False)

    async def test_gets_help_without_the_admins_verbs(self, desk: Desk) -> None:
        for text in ("help", "", "frobnicate", "status of my parcel"):
            said = await case(desk, DANA, text)
            assert "/case status" in said
            assert "close" not in said
            assert "CASE_" not in said

    async def test_a_bystander_has_no_case(self, desk: Desk) -> None:
        await desk.opened()
        assert "You have no case yet" in await case(desk, BEN, "status CASE_001")


class TestAnAdmin:
    async def test_gets_help_that_says_what_to_type_in_threads(self, desk: Desk) -> None:
        for text in ("help", "", "HELP me"):
            said = await case(desk, ADA, text)
            assert "Slack allows no slash command inside a thread" in said
            assert PHRASE in said
            assert "// at its start" in said
            for verb in ("status", "list", "close", "quiet", "reopen", "escalate", "help"):
                assert verb in said

    async def test_gets_help_for_what_is_no_command(self, desk: Desk) -> None:
        for text in ("frobnicate", "close CASE_", "close CASE_1x", f"status <@{DANA}>"):
            said = await case(desk, ADA, text)
            assert said.startswith("I do not know “")
            assert "/case close CASE_001" in said

    async def test_is_asked_for_the_case_where_one_is_missing(self, desk: Desk) -> None:
        for word in ("close", "reopen", "escalate"):
            assert await case(desk, ADA, word) == f"Which case? Write for example: /case {word} CASE_012"

    async def test_is_shown_what_was_typed_as_it_was_typed(self, desk: Desk) -> None:
        assert "I do not know “this & that <b>”." in await case(desk, ADA, "this & that <b>")

    async def test_may_spell_a_case_in_many_ways(self, desk: Desk) -> None:
        await desk.opened()
        for spelling in ("CASE_001", "case_001", "CASE 1", "case-001", "#CASE_001", "#1", "1", "0001", "case1"):
            assert "Case #CASE_001: Dana Lee" in await case(desk, ADA, f"status {spelling}")

    async def test_sees_a_case_and_its_thread(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        reply = await asked(desk, GRACE, "status CASE_001")
        said = words(reply.shown[0])
        assert "Status: open" in said
        assert "Where is my parcel?" in said
        assert any(card["ts"].replace(".", "") in link for link in links(reply.shown[0]))
        assert "There is no case CASE_099" in await case(desk, ADA, "status CASE_099")

    async def test_sees_the_counts_and_who_waits_longest(self, desk: Desk) -> None:
        assert "No customer waits for an answer" in await case(desk, ADA, "status")
        first = await desk.opened(DANA, "first")
        await desk.opened(OMAR, "second, urgent")
        said = await case(desk, ADA, "status")
        assert "Open: 2, of these waiting for an answer: 2, escalated: 1" in said
        assert said.index("CASE_001, Dana Lee") < said.index("CASE_002, Omar Sy")
        await desk.answer(first, "Hello")
        said = await case(desk, ADA, "status")
        assert "Open: 2, of these waiting for an answer: 1, escalated: 1" in said
        assert "Dana Lee" not in said
        await desk.answer(first, PHRASE)
        assert "Open: 1, of these waiting for an answer: 1" in await case(desk, ADA, "status")
        await case(desk, ADA, "reopen 1")
        assert "Open: 2, of these waiting for an answer: 1" in await case(desk, ADA, "status")

    async def test_lists_the_open_cases(self, desk: Desk) -> None:
        assert await case(desk, ADA, "list") == "There is no open case."
        first = await desk.opened(DANA, "first")
        await desk.opened(OMAR, "second")
        await desk.answer(first, "Hello")
        said = await case(desk, ADA, "list")
        assert "Open cases: 2" in said
        assert "CASE_001, Dana Lee: answered, quiet since" in said
        assert "CASE_002, Omar Sy: waiting since" in said
        assert said.index("CASE_002") < said.index("CASE_001")  # who waits comes first
        await desk.answer(first, PHRASE)
        assert "Dana" not in await case(desk, ADA, "list")

    async def test_sees_ten_of_the_many_that_wait(self, desk: Desk) -> None:
        people = [f"U0CUSTOM{number:02}" for number in range(12)]
        for number, person in enumerate(people):
            desk.slack.add_user(person, f"c{number}", f"Customer {number:02}")
            await desk.slack.dm(person, "Hello")
        await desk.until(lambda: len(desk.cards()) == 12)
        said = await case(desk, ADA, "status")
        assert "Open: 12" in said
        assert said.count("waiting since") == 10
        assert (await case(desk, ADA, "list")).count("waiting since") == 12


class TestClosing:
    async def test_it_tells_the_customer_and_the_thread(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        reply = await asked(desk, ADA, "close CASE_001")
        assert words(reply.shown[0]) == "Case CASE_001 is closed."
        assert any(card["ts"].replace(".", "") in link for link in links(reply.shown[0]))
        await desk.until(lambda: len(desk.inbox_of(DANA)) == 2)
        assert words(desk.inbox_of(DANA)[-1]) == "Your case CASE_001 is closed. Write again and a new case opens."
        (line,) = await desk.until(desk.log_lines)
        assert line.endswith("by Ada Admin")
        await desk.until(lambda: any("was closed by Ada Admin" in words(post) for post in desk.thread(card)))

    async def test_quietly_it_tells_the_customer_nothing(self, desk: Desk) -> None:
        await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        await case(desk, ADA, "close CASE_001 QUIET")
        await desk.until(desk.log_lines)
        await desk.opened(DANA, "Hello again")
        await desk.until(lambda: len(desk.inbox_of(DANA)) == 2)
        assert "CASE_002" in words(desk.inbox_of(DANA)[-1])

    async def test_twice_it_says_by_whom(self, desk: Desk) -> None:
        await desk.opened()
        await case(desk, GRACE, "close 1")
        assert await case(desk, ADA, "close 1") == "Case CASE_001 was already closed by Grace Hopper."
        assert await case(desk, ADA, "close 99") == "There is no case CASE_099."
        await desk.until(desk.log_lines)
        assert len(desk.log_lines()) == 1

    async def test_by_two_admins_at_once_it_happens_once(self, desk: Desk) -> None:
        await desk.opened()
        said = await asyncio.gather(case(desk, ADA, "close 1"), case(desk, GRACE, "close 1"))
        assert sorted("already" in one for one in said) == [False, True]
        await desk.until(desk.log_lines)
        (row,) = await desk.rows("SELECT closings FROM cases")
        assert row["closings"] == 1


class TestReopeningAndEscalating:
    async def test_what_needs_no_doing_is_said(self, desk: Desk) -> None:
        await desk.opened()
        assert await case(desk, ADA, "reopen 1") == "Case CASE_001 is open already."
        assert await case(desk, ADA, "reopen 99") == "There is no case CASE_099."
        await case(desk, ADA, "close 1")
        assert "is closed. To work on it, reopen it first" in await case(desk, ADA, "escalate 1 now")

    async def test_the_reason_of_an_escalation_reads_as_it_was_typed(self, desk: Desk) -> None:
        await desk.opened()
        reason = f"R&D <is> down, ask <@{GRACE}> & <!here>"
        assert "is escalated" in await case(desk, ADA, f"escalate CASE_001 {reason}")
        (alert,) = await desk.until(desk.alerts)
        assert "R&D <is> down, ask @grace & @here" in words(alert)
        assert mentioned(alert) == set()


def add_colleagues(desk: Desk, *users: str) -> None:
    for user in users:
        desk.slack.add_user(user, user.lower(), "Slow Sam", email=f"{user}@desk.example")
        desk.slack.invite(user, SUPPORT)


async def hold_up(desk: Desk, card: dict[str, Any], seconds: float) -> None:
    """Something in the case's lane takes long to look up: what comes after it waits."""
    await asked(desk, ADA, "status")
    add_colleagues(desk, "U0SLOW0001")
    desk.slack.faults.add("users.info", f"slow:{seconds}", times=None)
    ts = await desk.slack.post("U0SLOW0001", SUPPORT, "Let me think", thread_ts=card["ts"])
    await desk.until(lambda: taken_in(desk.slack, ts))


class TestWhatTakesLonger:
    async def test_the_outcome_is_told_when_it_is_known(self, desk: Desk) -> None:
        card = await desk.opened()
        await hold_up(desk, card, 2.6)
        assert await case(desk, ADA, "close CASE_001") == "Accepted. It will be done shortly."
        (told,) = await desk.until(lambda: desk.inbox_of(ADA))
        assert words(told) == "Case CASE_001 is closed."
        await desk.until(desk.log_lines)

    async def test_a_slow_lookup_and_a_slow_decision_are_answered_in_time_together(self, desk: Desk) -> None:
        card = await desk.opened()
        await hold_up(desk, card, 3.4)
        desk.slack.faults.clear()
        add_colleagues(desk, "U0SLOW0002")
        desk.slack.set_usergroup(HELPDESK, "helpdesk", [GRACE, "U0SLOW0002"])
        desk.slack.faults.add("users.info", "slow:1.3", times=None)
        reply = await desk.slack.command("U0SLOW0002", SUPPORT, "/case", "close CASE_001")
        assert reply.ok, reply.error

    async def test_who_cannot_be_looked_up_is_asked_to_try_again(self, desk: Desk) -> None:
        await desk.opened()
        desk.slack.add_user("U0SLOW0001", "slow", "Slow Sam")
        desk.slack.faults.add("users.info", "503", times=None)
        assert "try again in a minute" in await case(desk, "U0SLOW0001", "close CASE_001")

    async def test_the_same_command_delivered_twice_counts_once(self, desk: Desk) -> None:
        await desk.opened()
        sent = desk.slack.sockets.ask
        answers: list[object] = []

        async def twice(kind: str, payload: dict[str, object]) -> object:
            answers.extend(await asyncio.gather(sent(kind, payload), sent(kind, payload)))
            return answers[0]

        desk.slack.sockets.ask = twice  # type: ignore[method-assign, assignment]
        assert await case(desk, ADA, "close 1") == "Case CASE_001 is closed."
        assert answers[0] == answers[1]
        await desk.until(desk.log_lines)
        assert len(await desk.rows("SELECT 1 FROM inbox WHERE kind = 'request'")) == 1
