"""The rules by their names in the specification, each by a table."""

import ast
import sys
from dataclasses import is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bot.desk
from bot.desk import decide, effects, events, model, policy
from bot.desk.model import TriggerKind
from bot.desk.policy import DEFAULT_KEYWORDS, Policy, SilenceClock
from bot.desk.rules import (
    check_followup_escalation,
    check_time_escalation,
    detect_closure_near_miss,
    detect_closure_phrase,
    detect_urgent_keywords,
    is_admin_message,
    is_note,
    should_escalate_case,
)
from tests.desk.factories import ADA, BOB, DANA, PHRASE, POLICY, after, answered, at, closed, wrote

FOLD = "\u200b\u200c\u200d\u2060\ufeff\u00ad"  # seen by nobody


class TestDetectUrgentKeywords:
    @pytest.mark.parametrize(
        ("text", "keyword"),
        [
            ("urgent", "urgent"),
            ("This is URGENT!", "urgent"),
            ("uRgEnT", "urgent"),
            ("please come urgently", "urgent"),
            ("Reply immediately, please", "immediately"),
            ("Emergency: no water", "emergency"),
            ("emergencies", None),
            ("a CRITICAL error", "critical"),
            ("criticality is high", "critical"),
            ("(urgent)", "urgent"),
            ("very-urgent", "urgent"),
            ("“urgent”", "urgent"),
            ("*urgent*", "urgent"),
            ("_~urgent~_", "urgent"),
            ("ur*gent*", "urgent"),
            ("line one\nurgent line two", "urgent"),
            ("now\u00a0urgent", "urgent"),
            ("critical and urgent", "critical"),
            ("ur\u200bgent", "urgent"),
            ("\ufeffurgent", "urgent"),
            ("u\u00adr\u00adg\u00ade\u00adn\u00adt", "urgent"),
            ("ＵＲＧＥＮＴ", "urgent"),
            ("𝐮𝐫𝐠𝐞𝐧𝐭", "urgent"),
            ("ⓤrgent", "urgent"),
            ("请urgent处理", "urgent"),
            ("insurgent", None),
            ("uncritical", None),
            ("nonemergency", None),
            ("2urgent", None),
            ("éurgent", None),
            ("urge nt", None),
            ("urgen", None),
            ("immediate", None),
            ("", None),
            (" \n\u200b", None),
        ],
    )
    def test_a_keyword_counts_at_the_start_of_a_word_in_any_case(self, text: str, keyword: str | None) -> None:
        assert detect_urgent_keywords(text) == keyword

    @pytest.mark.parametrize(
        ("keywords", "text", "keyword"),
        [
            (("out of order",), "It is OUT  OF\u00a0ORDER again", "out of order"),
            (("out of order",), "it is out of\norder", "out of order"),
            (("out of order",), "out of\n\norder", None),
            (("out  of order",), "out of order", "out of order"),
            (("can't wait",), "I can’t wait", "can't wait"),
            (("can’t wait",), "I can't wait", "can't wait"),
            (("c++",), "our C++ build", "c++"),
            (("c++",), "cccc", None),
            ((".*",), "anything", None),
            (("a|b",), "b", None),
            (("(sos)",), "help(sos)", "(sos)"),
            (("!!!",), "help!!!", "!!!"),
            (("$",), "costs 5$", "$"),
            (("straße",), "in der STRASSE", "strasse"),
            (("müll",), "der MU\u0308LL", "müll"),
            (("mu\u0308ll",), "der MÜLL", "müll"),
            (("срочно",), "Это СРОЧНО", "срочно"),
            (("紧急",), "这很紧急", "紧急"),
            (("至急",), "今すぐ至急お願い", "至急"),
            (("ด่วน",), "กรุณาด่วน", "ด่วน"),
            (("asap", "sos"), "sos asap", "sos"),
            (("urgent",), "critical", None),
            ((), "urgent", None),
            (("",), "urgent", None),
            ((" ", "\u200b", "*", "~_"), "urgent", None),
        ],
    )
    def test_configured_keywords_are_words_not_patterns(
        self, keywords: tuple[str, ...], text: str, keyword: str | None
    ) -> None:
        assert detect_urgent_keywords(text, keywords) == keyword

    @given(st.sampled_from(DEFAULT_KEYWORDS), st.text(), st.text(), st.sampled_from(FOLD))
    def test_no_surrounding_and_no_invisible_character_hides_a_word(
        self, keyword: str, before: str, behind: str, invisible: str
    ) -> None:
        hidden = invisible.join(keyword)
        assert detect_urgent_keywords(f"{before} {hidden}{behind}") is not None


CLOSING = [
    PHRASE,
    "I’m closing this case.",
    "I‘m closing this case.",
    "I`m closing this case.",
    "I´m closing this case.",
    "Iʼm closing this case.",
    "I＇m closing this case.",
    "i'M CLOSING this Case.",
    "I'm\u00a0closing\u202fthis\u3000case.",
    "I'm  closing   this case.",
    "\tI'm\tclosing this case.\t",
    "*I'm closing this case.*",
    "_I'm closing this case._",
    "~I'm closing this case.~",
    "*I'm* _closing_ ~this~ case.",
    "*I'm closing this case*.",
    "I\u200b'm clos\u00ading this case\u2060.",
    "I'm closing this case.\u200b",
    "\ufeffI'm closing this case.",
    "Thank you! I'm closing this case. Write again at any time.",
    "Thank you!\nI'm closing this case.\nBye",
    "(I'm closing this case.)",
    "“I'm closing this case.”",
    "...I'm closing this case.",
    "I'm closing this case",
    "I'm closing this case  ",
    "*I'm closing this case*",
    "I'm closing this case\u200b",
    "I'm closing this case\nThank you",
    "I'm closing this case\r\nThank you",
    "Thank you. I'm closing this case",
    "I'm closing\nthis case.",
    "I'm closing \r\n this case.",
    "I’m closing this case. It`s `done` now, isn`t it?",
    "It`s done. I`m closing this case.",
    "> what the customer said\nI'm closing this case.",
    "```some code```\nI'm closing this case.",
    "See `code`. I'm closing this case.",
    "I'm closing this case. > I'm sure",
    "Ｉ'm closing this case．",
]

NOT_CLOSING = [
    "",
    "I'm closing this case?",
    "I'm closing this case!",
    "I'm closing this case, thanks",
    "I'm closing this case tomorrow.",
    "I'm closing this case tomorrow",
    "I'm closing this case.txt",
    "I'm closing this case…",
    "I'm closing this case… later",
    "I'm closing this cases.",
    "I'm closing this casework",
    "Im closing this case.",
    "I am closing this case.",
    "closing this case.",
    "I'm closing the case.",
    "I'm not closing this case.",
    "JimI'm closing this case.",
    "I'm closing\n\nthis case.",
    "> I'm closing this case.",
    "  > I'm closing this case.",
    "\u200b> I'm closing this case.",
    "&gt; I'm closing this case.",
    "&gt;&gt;&gt; I'm closing this case.",
    "a\u2028> I'm closing this case.",
    "`I'm closing this case.`",
    "*`I'm closing this case.`*",
    "_`I'm closing this case.`_",
    "It`s never `I'm closing this case.`",
    "```I'm closing this case.```",
    "```\nI'm closing this case.\n```",
    "```\nI'm closing this case.",
    "I'm closing `not` this case.",
    "I'm closing ```not``` this case.",
    "I'm closing\n> not\nthis case.",
    "I'm closing this case `code`",
]


class TestDetectClosurePhrase:
    @pytest.mark.parametrize("text", CLOSING)
    def test_closes_wherever_it_stands_however_it_is_typed(self, text: str) -> None:
        assert detect_closure_phrase(text)

    @pytest.mark.parametrize("text", NOT_CLOSING)
    def test_nothing_else_closes(self, text: str) -> None:
        assert not detect_closure_phrase(text)

    @pytest.mark.parametrize(
        ("phrase", "text", "closes"),
        [
            ("Fall geschlossen", "Danke! FALL GESCHLOSSEN, bis bald", True),
            ("Fall geschlossen", "Fall geschlossenes", False),
            ("Fall geschlossen", PHRASE, False),
            ("Je ferme, c’est réglé.", "je ferme, c'est re\u0301gle\u0301.", True),
            ("#close", "ok #close", True),
            ("done (really)?", "done (really)?", True),
            ("done (really)?", "done really", False),
            ("*Case closed.*", "Case closed.", True),
            ("ケースを閉じます。", "はい。ケースを閉じます。", True),
            ("", "anything", False),
            (".", "anything.", False),
            (" \u200b*", "anything", False),
        ],
    )
    def test_another_phrase_may_be_configured(self, phrase: str, text: str, closes: bool) -> None:
        assert detect_closure_phrase(text, phrase) is closes

    @given(st.text(), st.text())
    @example("`", "`")
    def test_it_is_found_between_any_lines_but_in_code(self, above: str, below: str) -> None:
        above = above.replace("`", "")
        assert detect_closure_phrase(f"{above}\n\n{PHRASE}\n\n{below}")


class TestDetectClosureNearMiss:
    @pytest.mark.parametrize(
        "text",
        [
            "I am closing this case.",
            "Closing this case",
            "Im closing this case.",
            "I'll be CLOSING this case tomorrow",
            "I'm closing this case?",
            "I'm closing this case, thanks",
            "I'm closing this case…",
            "we are closing\nthis case",
            "I'm closing this case `code`",
        ],
    )
    def test_almost_the_phrase_is_a_near_miss(self, text: str) -> None:
        assert detect_closure_near_miss(text)

    @pytest.mark.parametrize(
        "text",
        [
            PHRASE,
            f"closing this case? {PHRASE}",
            "",
            "this case is closed",
            "disclosing this case",
            "closing this casework",
            "> closing this case",
            "`closing this case`",
        ],
    )
    def test_the_phrase_itself_and_other_words_are_none(self, text: str) -> None:
        assert not detect_closure_near_miss(text)

    @pytest.mark.parametrize(
        ("phrase", "text", "is_near"),
        [
            ("Solved.", "It is solved, is it not?", True),
            ("Solved.", "Solved.", False),
            (".", "anything", False),
            ("", "anything", False),
        ],
    )
    def test_it_follows_the_configured_phrase(self, phrase: str, text: str, is_near: bool) -> None:
        assert detect_closure_near_miss(text, phrase) is is_near

    @given(st.text())
    def test_no_text_is_both(self, text: str) -> None:
        for either in (text, f"{text}{PHRASE}", f"{text} closing this case {text}"):
            assert not (detect_closure_near_miss(either) and detect_closure_phrase(either))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("// hush", True),
        ("//hush", True),
        ("  \n// hush", True),
        ("note: hush", True),
        ("NOTE: hush", True),
        ("Note:hush", True),
        ("\u200b// hush", True),
        ("/\u2060/ hush", True),
        ("*note:* hush", True),
        ("_// hush_", True),
        ("／／ hush", True),
        ("note： hush", True),
        ("• // hush", True),
        ("1. // hush", True),
        ("- note: hush", True),
        ("/ hush", False),
        ("see // hush", False),
        ("https://example.org", False),
        ("notes: hush", False),
        ("note hush", False),
        ("a note: hush", False),
        ("footnote: hush", False),
        ("> // quoted\nanswer", False),
        ("1.5 // is a division", False),
        ("", False),
    ],
)
def test_a_note_starts_with_slashes_or_the_word(text: str, note: bool) -> None:
    assert is_note(text) is note


@pytest.mark.parametrize(("author", "is_admin"), [(ADA, True), (BOB, False), (DANA, False)])
def test_an_admin_is_one_by_the_facts(author: object, is_admin: bool) -> None:
    assert is_admin_message(author) is is_admin  # type: ignore[arg-type]


WAITING = SilenceClock.CUSTOMER_WAITING


class TestCheckTimeEscalation:
    @pytest.mark.parametrize(
        ("silent", "escalates"),
        [
            (timedelta(0), False),
            (timedelta(hours=48) - timedelta(microseconds=1), False),
            (timedelta(hours=48), False),
            (timedelta(hours=48, microseconds=1), True),
            (timedelta(days=400), True),
            (timedelta(hours=-1), False),
        ],
    )
    def test_more_than_the_time_not_the_time_itself(self, silent: timedelta, escalates: bool) -> None:
        assert check_time_escalation(after(wrote(at())), at() + silent, POLICY) is escalates

    @pytest.mark.parametrize("silence", [timedelta(minutes=1), timedelta(hours=12), timedelta(days=9)])
    def test_the_time_is_a_setting(self, silence: timedelta) -> None:
        case, policy = after(wrote(at())), Policy(silence=silence)
        assert not check_time_escalation(case, at() + silence, policy)
        assert check_time_escalation(case, at(seconds=1) + silence, policy)

    def test_an_answered_case_counts_from_its_answer_by_default(self) -> None:
        case = after(wrote(at()), answered(at(hours=1)))
        assert not check_time_escalation(case, at(hours=49), POLICY)
        assert check_time_escalation(case, at(hours=49, seconds=1), POLICY)

    def test_by_the_waiting_clock_an_answered_case_is_never_late(self) -> None:
        case = after(wrote(at()), answered(at(hours=1)))
        assert not check_time_escalation(case, at(hours=1000), Policy(silence_clock=WAITING))

    def test_by_the_waiting_clock_a_waiting_customer_is(self) -> None:
        assert check_time_escalation(after(wrote(at())), at(hours=49), Policy(silence_clock=WAITING))

    def test_a_closed_case_is_never_late(self) -> None:
        assert not check_time_escalation(after(wrote(at()), closed(at(1))), at(hours=1000), POLICY)


class TestCheckFollowupEscalation:
    @pytest.mark.parametrize(
        ("follow_ups", "unanswered", "escalates"),
        [(3, 0, False), (3, 3, False), (3, 4, True), (3, 50, True), (0, 0, False), (0, 1, True), (1, 2, True)],
    )
    def test_more_in_a_row_than_may_be(self, follow_ups: int, unanswered: int, escalates: bool) -> None:
        case = replace(after(wrote(at())), unanswered=unanswered)
        assert check_followup_escalation(case, Policy(follow_ups=follow_ups)) is escalates

    def test_never_on_a_closed_case(self) -> None:
        case = replace(after(wrote(at()), closed(at(1))), unanswered=9)
        assert not check_followup_escalation(case, POLICY)


class TestShouldEscalateCase:
    @pytest.mark.parametrize(
        ("unanswered", "now", "typed", "follow_up", "kind", "detail"),
        [
            (1, at(), "urgent", True, TriggerKind.KEYWORD, "urgent"),
            (4, at(), "urgent", True, TriggerKind.KEYWORD, "urgent"),
            (4, at(), "hello?", True, TriggerKind.FOLLOW_UPS, "4"),
            (4, at(), "hello?", False, None, ""),
            (4, at(), "critical!", False, TriggerKind.KEYWORD, "critical"),
            (3, at(), "hello?", True, None, ""),
            (1, at(hours=100), "hello?", True, None, ""),
            (1, at(hours=49), None, True, TriggerKind.SILENCE, "49"),
            (9, at(hours=48), None, True, None, ""),
        ],
    )
    def test_says_why(
        self,
        unanswered: int,
        now: datetime,
        typed: str | None,
        follow_up: bool,
        kind: TriggerKind | None,
        detail: str,
    ) -> None:
        case = replace(after(wrote(at())), unanswered=unanswered)
        trigger = should_escalate_case(case, POLICY, now, typed, follow_up)
        assert (trigger.kind if trigger else None) is kind
        assert (trigger.detail if trigger else "") == detail

    def test_a_closed_case_never_escalates(self) -> None:
        case = replace(after(wrote(at()), closed(at(1))), unanswered=9)
        assert should_escalate_case(case, POLICY, at(hours=99), "urgent") is None
        assert should_escalate_case(case, POLICY, at(hours=99)) is None

    def test_the_trigger_is_quoted_in_one_line_cut_to_length(self) -> None:
        trigger = should_escalate_case(after(wrote(at())), POLICY, at(), "urgent\n\n  please " + "x" * 999)
        assert trigger is not None
        assert trigger.quote.startswith("urgent please xxx")
        assert trigger.quote.endswith("x…")
        assert len(trigger.quote) == 200


@given(st.text(), st.text(max_size=20))
def test_no_rule_fails_on_any_text_or_setting(text: str, setting: str) -> None:
    detect_urgent_keywords(text, (setting,))
    detect_closure_phrase(text, setting)
    detect_closure_near_miss(text, setting)
    is_note(text)


@pytest.mark.parametrize(
    "text",
    ["`" * 40_000, "> " * 20_000, "```a" * 10_000, "I'm closing this " * 3_000, "1. " * 13_000, "\u200b" * 40_000],
)
@pytest.mark.timeout(5)
def test_no_text_takes_long(text: str) -> None:
    assert detect_urgent_keywords(text) is None
    assert not detect_closure_phrase(text)
    assert not detect_closure_near_miss(text)
    assert not is_note(text)


@pytest.mark.parametrize("module", [decide, effects, events, model, policy], ids=lambda module: module.__name__)
def test_state_is_frozen(module: ModuleType) -> None:
    classes = [value for value in vars(module).values() if isinstance(value, type) and is_dataclass(value)]
    assert classes
    for one in classes:
        assert one.__dataclass_params__.frozen, one.__name__  # type: ignore[attr-defined]


def test_the_desk_imports_nothing_but_the_standard_library() -> None:
    modules = sorted(Path(bot.desk.__path__[0]).rglob("*.py"))
    assert len(modules) >= 7
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                assert not isinstance(node, ast.ImportFrom) or node.level == 1  # of the desk itself
                continue
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names, f"{module.name} imports {name}"


@pytest.mark.parametrize("module", ["asyncio", "socket", "sqlite3", "threading", "time", "random", "os", "io"])
def test_the_desk_does_no_io_and_knows_no_clock(module: str) -> None:
    source = "\n".join(path.read_text() for path in Path(bot.desk.__path__[0]).rglob("*.py"))
    assert f"import {module}\n" not in source
    assert f"from {module}" not in source
    assert ".now(" not in source
