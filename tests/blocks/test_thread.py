from dataclasses import replace
from typing import Any

import pytest

from bot.blocks import words
from bot.blocks.thread import MirrorView, NoticeView, held_post, mirror, mirrors, thread_intro, thread_notice
from bot.courier.message_posts import MERGED_MOST
from bot.desk.effects import ThreadNotice
from bot.desk.model import File, FileTrouble, LostFile, Trigger, TriggerKind
from bot.desk.policy import DEFAULT_CLOSURE_PHRASE
from bot.desk.rules import detect_closure_phrase
from tests.blocks.reading import LATER, LINK, THEN, assert_valid, buttons, elements, links, mentioned, seen

WROTE = MirrorView("CASE_001", "Dana Lee", "It broke again.")
LOST = LostFile("F1", "a.pdf", FileTrouble.TOO_LARGE)
NOTICE = NoticeView("CASE_001", by="Ada Admin", to="U123", detail="the mailbox is full", files=(LOST,))


@pytest.mark.parametrize(
    "said",
    [
        "goes to the customer of CASE_001",
        "Only admins' posts are sent",
        "start it with // or note: or mention a colleague first",
        "To close the case, write: I'm closing this case.",
        "Slash commands do not work in threads",
    ],
)
def test_the_first_reply_says_how_the_thread_works(said: str) -> None:
    post = thread_intro("CASE_001", DEFAULT_CLOSURE_PHRASE)

    assert said in post.text
    assert said in seen(post)
    assert_valid(post)


def test_the_closing_phrase_can_be_copied_from_where_it_is_shown() -> None:
    """A phrase shown as code would be pasted as code, which does not count as a closing."""
    post = thread_intro("CASE_001", DEFAULT_CLOSURE_PHRASE)

    [phrase] = [one["text"] for one in elements(post) if one.get("text") == DEFAULT_CLOSURE_PHRASE]
    assert detect_closure_phrase(phrase)
    assert not any(one.get("style", {}) == {"code": True} for one in elements(post))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "It broke again."),
        ({}, "Dana Lee (customer), CASE_001"),
        ({"part": 2, "parts": 3}, "part 2 of 3"),
        ({"late_at": THEN}, "written 2026-01-31 12:34 UTC, earlier than what stands above"),
        ({"edited_at": LATER}, "edited 2026-01-31 14:34 UTC"),
        (
            {"files": (File("F1", "log.txt"), File("F2", "a.png", "image/png", 2100))},
            "Files: log.txt, a.png (image/png, 2 KB)",
        ),
        ({"files": (File("F1", "log.txt"),), "text": ""}, "The customer sent no words, only files."),
        ({"deleted": True}, "The customer deleted this message."),
        ({"text": ""}, "(empty message)"),
    ],
)
def test_a_customers_message_is_mirrored(changes: dict[str, Any], said: str) -> None:
    post = mirror(replace(WROTE, **changes))

    assert said in post.text
    assert_valid(post)


def test_author_and_case_stand_in_the_blocks_for_copies_without_a_username() -> None:
    post = mirror(WROTE)

    assert post.username == "Dana Lee (customer)"
    assert post.blocks[-1]["type"] == "context"
    assert seen(post).endswith("Dana Lee (customer) · CASE_001")


@pytest.mark.parametrize("author", ["Ada Admin", "Аda Аdmin", "support", "Casewire"])
def test_a_customer_cannot_pose_as_somebody_of_the_desk(author: str) -> None:
    post = mirror(replace(WROTE, author=author, reserved=("Ada Admin",)))

    assert post.username is not None
    assert author not in post.username
    assert author not in seen(post)


def test_a_deleted_message_is_not_shown_any_more() -> None:
    post = mirror(replace(WROTE, deleted=True, files=(File("F1", "secret.txt"),), edited_at=THEN))

    assert "It broke" not in post.text + seen(post)
    assert "secret" not in post.text + seen(post)


class TestSeveralMessagesInOnePost:
    def test_each_has_its_author_and_time(self) -> None:
        first = replace(WROTE, written_at=THEN)
        post = mirrors([first, replace(first, text="And again.", written_at=LATER, edited_at=LATER)])

        assert "Dana Lee (customer), CASE_001, 2 messages:" in post.text
        assert "Dana Lee (customer), written 2026-01-31 12:34 UTC:\nIt broke again." in post.text
        assert "written 2026-01-31 14:34 UTC, edited 2026-01-31 14:34 UTC:\nAnd again." in post.text
        assert post.username == "Dana Lee (customer)"
        assert_valid(post)

    def test_of_two_people_carry_no_ones_name(self) -> None:
        post = mirrors([WROTE, replace(WROTE, author="Eve")])

        assert post.username is None
        assert "Dana Lee (customer), Eve (customer), CASE_001" in post.text

    def test_a_deleted_one_is_gone_alone(self) -> None:
        post = mirrors([WROTE, replace(WROTE, text="secret", deleted=True)])

        assert "It broke again." in post.text
        assert "secret" not in post.text + seen(post)

    def test_long_ones_leave_room_for_each_other(self) -> None:
        post = mirrors([replace(WROTE, text=f"{number:02} " + "long " * 700) for number in range(MERGED_MOST)])

        assert_valid(post)
        assert all(f"{number:02} long" in seen(post) for number in range(MERGED_MOST))
        assert len(seen(post)) < 13_000


def test_a_hundred_files_are_counted_not_listed() -> None:
    post = mirror(replace(WROTE, files=tuple(File(f"F{number}", f"file{number}.txt") for number in range(100))))

    assert "file9.txt and 90 more" in post.text


def test_what_a_customer_wrote_is_never_markup() -> None:
    post = mirror(replace(WROTE, text="<!channel> <@U1> *x* `y` :fire: <https://evil|bank>"))

    assert_valid(post)
    assert "<!channel> <@U1> *x* `y` :fire: <https://evil|bank>" in seen(post)
    assert "&lt;!channel&gt; &lt;@U1&gt;" in post.text


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (ThreadNotice.CLOSED, "Case CASE_001 was closed by Ada Admin. The customer is told."),
        (ThreadNotice.CLOSED, "/case reopen CASE_001"),
        (ThreadNotice.CLOSED_QUIETLY, "closed quietly by Ada Admin. The customer is not told."),
        (ThreadNotice.REOPENED, "reopened by Ada Admin"),
        (ThreadNotice.REOPENED_BY_LATE_MESSAGE, "A message arrived late"),
        (ThreadNotice.ESCALATED, "Bob asked for it: a second pair of eyes"),
        (ThreadNotice.NEAR_MISS, "To close the case, write exactly: I'm closing this case."),
        (ThreadNotice.CUSTOMER_WROTE_MEANWHILE, "not closed: the customer wrote in the meantime"),
        (ThreadNotice.CUSTOMER_WROTE_MEANWHILE, "answer, or close again"),
        (ThreadNotice.DELIVERY_FAILED, "Why: the mailbox is full"),
        (ThreadNotice.DELIVERY_FAILED, "What to do: write it again"),
        (ThreadNotice.FILES_NOT_SENT, "did not reach the customer of case CASE_001: a.pdf (larger than 25 MB)."),
        (ThreadNotice.FILES_NOT_SENT, "What you wrote beside them is sent all the same."),
        (
            ThreadNotice.CUSTOMERS_FILES_NOT_SENT,
            "did not get here: a.pdf (larger than 25 MB). The customer is told.",
        ),
    ],
)
def test_each_notice_says_what_happened_and_what_to_do(notice: ThreadNotice, said: str) -> None:
    trigger = Trigger(TriggerKind.MANUAL, "a second pair of eyes", by="Bob")
    post = thread_notice(notice, replace(NOTICE, trigger=trigger))

    assert said in post.text
    assert said in seen(post)
    assert_valid(post, ours=("<@U123>",))


def test_there_are_words_for_every_notice() -> None:
    assert set(words.NOTICES) == set(ThreadNotice)


@pytest.mark.parametrize(
    "notice",
    [
        ThreadNotice.NEAR_MISS,
        ThreadNotice.CUSTOMER_WROTE_MEANWHILE,
        ThreadNotice.DELIVERY_FAILED,
        ThreadNotice.FILES_NOT_SENT,
    ],
)
def test_a_notice_for_one_person_mentions_that_person(notice: ThreadNotice) -> None:
    post = thread_notice(notice, NOTICE)

    assert mentioned(post) == ["U123"]
    assert post.text.startswith("<@U123>, ")


def test_an_admin_who_answered_by_mail_is_named_not_mentioned() -> None:
    post = thread_notice(ThreadNotice.DELIVERY_FAILED, replace(NOTICE, to="ada@example.com"))

    assert post.text.startswith("ada@example.com, an answer did not reach")


def test_an_escalation_quotes_the_customer() -> None:
    trigger = Trigger(TriggerKind.KEYWORD, "urgent", "this is urgent <!here>")
    post = thread_notice(ThreadNotice.ESCALATED, replace(NOTICE, trigger=trigger))

    assert "The customer wrote “urgent”." in post.text
    assert "this is urgent <!here>" in seen(post)
    assert_valid(post)


def test_a_notice_leads_to_the_post_that_it_is_about() -> None:
    post = thread_notice(ThreadNotice.NEAR_MISS, replace(NOTICE, about_link=LINK))

    assert links(post) == {"the post": LINK}


def test_a_held_post_can_be_sent_after_reopening() -> None:
    post = held_post("CASE_001", "U123", "CASE_001|1.2")

    button = buttons(post)["reopen_and_send"]
    assert button["text"]["text"] == "Reopen and send"
    assert button["value"] == "CASE_001|1.2"
    assert "this was not sent: case CASE_001 is closed" in post.text
    assert_valid(post, ours=("<@U123>",))
