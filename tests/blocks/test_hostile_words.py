"""Whatever people write, wherever it ends up: a post that Slack takes and parses nothing of."""

import os
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.blocks.alert import (
    AlertListView,
    AlertView,
    alert,
    alert_addition,
    alert_list,
    alert_reminder,
    log_line,
)
from bot.blocks.card import CardView, CaseLink, card
from bot.blocks.customer import (
    AnswerView,
    answer,
    closed_notice,
    files_not_sent_to_customer,
    files_not_sent_to_desk,
    received_notice,
    taken_up_notice,
)
from bot.blocks.files import file_comment
from bot.blocks.forms import CloseFormView, View, begin_form, close_form, outcome_form
from bot.blocks.help import (
    accepted,
    admin_dm_hint,
    case_help,
    form_not_opened,
    mention_help,
    not_allowed,
    reply_text,
    try_again,
    unknown_command,
)
from bot.blocks.home import ClosedCase, DeskHomeView, HomeRow, OwnHomeView, desk_home, own_home
from bot.blocks.listing import CaseLine
from bot.blocks.operations import channel_trouble, item_quarantined, row_parked
from bot.blocks.post import Post
from bot.blocks.status import (
    CustomerStatusView,
    DeskCounts,
    admin_case_status,
    case_list,
    customer_status,
    desk_status,
)
from bot.blocks.thread import (
    FormPostView,
    MirrorView,
    NoticeView,
    form_post,
    held_post,
    mirror,
    mirrors,
    thread_intro,
    thread_notice,
)
from bot.courier.message_posts import MERGED_MOST
from bot.desk.effects import Reply, ReplyKind, ThreadNotice
from bot.desk.model import CaseStatus, File, FileTrouble, LostFile, Source, Trigger, TriggerKind
from bot.text.safe import show, unescape
from tests.blocks.reading import LATER, LINK, THEN, assert_valid, assert_valid_view, seen

MENTION = "<!subteam^S1>"
SLACK_ID = re.compile(r"[UWCG][A-Z0-9]+")

HOSTILE = (
    "",
    " \n\t ",
    "\u200b\u2060",
    "\x00\x1b\ud800",
    "<!channel> <!here> <@U123456> <#C123|x> <https://evil.example|https://bank.example>",
    "*bold* _it_ ~gone~ `code` ```fence``` > quote :fire:",
    "{case_id} {0} {missing} %s *",
    "\u202eevil\u2066",
    "&" * 5000,
    "&lt;!channel&gt;",
    "\n" * 5000 + "x",
    "\u0301" * 3000,
    "👩‍👩‍👧‍👦" * 2000,
    "a" * 10_000,
)

hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=()), max_size=200),
    st.text(st.sampled_from("<>&!@#*_`~|{}\n \u200b\u202eaU1"), max_size=200),
    st.builds(str.__mul__, st.text(max_size=5), st.integers(1, 4000)),
)


def every_post(word: str) -> list[Post]:
    """Each builder once or more, with the same word in every place that people fill."""
    files = (File(word, word, word, 10**9),) * 100
    lost = tuple(LostFile(word, word, trouble, word) for trouble in FileTrouble) * 10
    trigger = Trigger(TriggerKind.MANUAL, word, word, word)
    card_view = CardView(
        case_id=word,
        customer_name=word,
        customer_handle=word,
        source=Source.EMAIL,
        status=CaseStatus.OPEN,
        created_at=THEN,
        preview=word,
        escalated=True,
        waiting_since=THEN,
        last_answer_by=word,
        last_answer_at=THEN,
        acknowledged_by=word,
        closed_at=LATER,
        closed_by=word,
        previous_case_id=word,
        previous_link=word,
        related=(CaseLink(word, LINK),) * 20,
    )
    alert_view = AlertView(
        case_id=word,
        customer_name=word,
        trigger=trigger,
        alert_key="key",
        quiet_since=THEN,
        mention=MENTION,
        thread_link=word,
        acknowledged_by=word,
        closed_by=word,
    )
    cases = tuple(CaseLine(word, word, THEN, THEN, escalated=True, link=link) for link in (word, LINK) * 30)
    notice = NoticeView(word, by=word, to=word, detail=word, trigger=trigger, about_link=word, files=lost)
    return [
        card(card_view),
        card(replace(card_view, escalated=False)),
        card(replace(card_view, status=CaseStatus.CLOSED)),
        form_post(FormPostView(word, word, word, 2, 2)),
        taken_up_notice(word, word, word),
        form_not_opened(),
        thread_intro(word, word),
        mirror(MirrorView(word, word, word, 1, 2, THEN, files, LATER, reserved=(word,))),
        mirror(MirrorView(word, word, word, deleted=True)),
        mirrors([MirrorView(word, word, word, 1, 1, THEN, files, LATER, written_at=THEN)] * MERGED_MOST),
        *(thread_notice(kind, notice) for kind in ThreadNotice),
        held_post(word, word, "value"),
        answer(AnswerView(word, word, word, 2, 2, closing=True, edited=True, files=files)),
        answer(AnswerView(word, word, word, 2, 2, opening=True)),
        answer(AnswerView(word, word, word, deleted=True)),
        received_notice(word, word),
        closed_notice(word),
        files_not_sent_to_desk(word, lost),
        files_not_sent_to_customer(word, lost),
        Post(file_comment(word, word, (word,), by_customer=True)),
        Post(file_comment(word, word)),
        alert(alert_view),
        alert_reminder(alert_view),
        *(alert_addition(Trigger(kind, word, word, word), last=True) for kind in TriggerKind),
        alert_list(AlertListView(cases, "key", MENTION)),
        alert_list(AlertListView(cases, "key", "", 0, word, LATER)),
        log_line(word, THEN, word),
        *(reply_text(Reply(kind, word, word, word, word), {word: word}, word) for kind in ReplyKind),
        accepted(),
        try_again(),
        not_allowed(),
        admin_dm_hint(word),
        mention_help(word, word),
        case_help(True, word, word),
        unknown_command(word, False, word, word),
        customer_status(CustomerStatusView(word, CaseStatus.OPEN, THEN)),
        customer_status(CustomerStatusView(word, CaseStatus.CLOSED, THEN, closed_at=LATER)),
        admin_case_status(card_view, word),
        desk_status(DeskCounts(10**9, 2, 3, 4, 5, 6), cases),
        case_list(cases, 10**9),
        item_quarantined(word, word, word, word),
        row_parked(word, word, word, word, word),
        channel_trouble(word, word, word),
    ]


def every_view(word: str) -> list[View]:
    """The forms and Home tabs, each as full as it gets."""
    rows = tuple(
        HomeRow(word, word, status, THEN, THEN, since, since, LATER, word, link)
        for status in CaseStatus
        for since in (None, THEN)
        for link in (None, word, LINK)
    )
    counts = DeskCounts(10**9, 10**9, 10**9, 4, 5, 6)
    current = CustomerStatusView(word, CaseStatus.OPEN, THEN, last_answer_at=LATER)
    return [
        close_form(CloseFormView(word, word, 10**9, THEN, THEN, "{}")),
        begin_form("U123456", word),
        outcome_form(reply_text(Reply(ReplyKind.HAS_OPEN_CASE, word, name=word), {word: LINK}), word),
        *(
            desk_home(DeskHomeView(queue, counts, rows * 9, 7, "next"))
            for queue in ("escalated", "waiting", "open")
        ),
        desk_home(DeskHomeView("customer", counts, (), 1, None, "U123456")),
        own_home(OwnHomeView(current, (ClosedCase(word, THEN, LATER),) * 50)),
        own_home(OwnHomeView()),
    ]


@pytest.mark.parametrize("word", HOSTILE)
def test_known_hostile_words_make_valid_posts(word: str) -> None:
    for post in every_post(word):
        assert_valid(post, ours=(MENTION,))
    for view in every_view(word):
        assert_valid_view(view)


@settings(max_examples=50 if os.environ.get("FULL") == "1" else 10)  # each makes every post there is
@given(hostile.filter(lambda word: not SLACK_ID.fullmatch(word)))  # the person a notice is for is mentioned
def test_any_words_make_valid_posts(word: str) -> None:
    for post in every_post(word):
        assert_valid(post, ours=(MENTION,))
    for view in every_view(word):
        assert_valid_view(view)


@given(st.text(st.characters(exclude_categories=()), max_size=300), st.text(max_size=80))
@example("a < b && c > d <!channel>", "Dana")
def test_what_a_customer_wrote_is_read_by_everybody(text: str, author: str) -> None:
    post = mirror(MirrorView("CASE_001", author, text))

    assert show(text) in seen(post)
    assert show(text) in unescape(post.text)


def test_a_cut_text_ends_visibly_and_tears_no_entity() -> None:
    post = mirror(MirrorView("CASE_001", "Dana", "&" * 3500, files=(File("F1", "a.pdf"),)))

    assert "&amp;…\n" in post.text
    assert "a.pdf" in post.text
    assert "&" * 3500 in seen(post)


def test_a_whole_part_of_plain_words_stands_in_the_text_too() -> None:
    text = "word " * 700

    assert text in mirror(MirrorView("CASE_001", "Dana", text)).text
