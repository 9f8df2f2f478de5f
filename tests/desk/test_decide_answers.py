"""Answers, notes, bystanders' posts, and what becomes of them when edited or deleted."""

import pytest

from bot.desk.effects import (
    DeleteCopies,
    EditCopies,
    HoldPost,
    Mark,
    MarkState,
    RecordMessage,
    RefreshCard,
    ReplyKind,
    SayFilesNotSent,
    ThreadNotice,
)
from bot.desk.effects import SayInThread as Said
from bot.desk.events import CardDeleted, Event
from bot.desk.model import FileTrouble, LostFile, Person, ReplyTo, Source
from bot.desk.policy import Policy, SilenceClock
from tests.desk.factories import (
    ADA,
    DM,
    GRACE,
    PHRASE,
    POLICY,
    acknowledged,
    after,
    answered,
    answered_closing,
    at,
    bystander_posted,
    closed,
    decided,
    deleted,
    delivery_failed,
    edited,
    escalation_requested,
    file,
    kinds,
    noted,
    notices,
    of_kind,
    post,
    recorded,
    reopened,
    the,
    time_came,
    wrote,
)


class TestAnswersAtOnce:
    @pytest.mark.parametrize("seconds", [0, 3, 10])
    def test_both_admins_are_told(self, seconds: float) -> None:
        case = after(wrote(at()), answered(at(1), by=GRACE))
        told = the(decided(case, answered(at(1, seconds=seconds), by=ADA)), Said)
        assert (told.notice, told.to, told.and_to) == (ThreadNotice.ANSWERED_AT_ONCE, ADA.id, GRACE.id)

    def test_also_where_the_earlier_one_is_processed_later(self) -> None:
        case = after(wrote(at()), answered(at(1, seconds=3), by=GRACE))
        assert notices(decided(case, answered(at(1), by=ADA))) == [ThreadNotice.ANSWERED_AT_ONCE]

    @pytest.mark.parametrize(("by", "seconds"), [(GRACE, 3), (ADA, 11)])
    def test_one_admin_or_a_moment_later_is_nothing_to_tell(self, by: Person, seconds: float) -> None:
        case = after(wrote(at()), answered(at(1), by=GRACE))
        assert notices(decided(case, answered(at(1, seconds=seconds), by=by))) == []


class TestCardDeleted:
    def test_a_new_thread_is_opened_and_the_case_stays_as_it_is(self) -> None:
        case = after(wrote(at()))
        decision = decided(case, CardDeleted(at(1), post()))
        assert decision.case == case
        assert kinds(decision.effects) == {"OpenThreadAgain"}


class TestAnswer:
    def test_goes_to_where_the_customer_last_wrote(self) -> None:
        thread = ReplyTo("DDANA", "1769860801.000000")
        event = answered(at(5))
        message = recorded(decided(after(wrote(at()), wrote(at(1), reply_to=thread)), event))
        assert message.reply_to == thread
        assert message.is_answer
        assert (message.author, message.written, message.ref, message.source) == (
            ADA,
            event.written,
            event.ref,
            Source.SLACK,
        )
        assert not message.closing

    def test_shows_its_author_that_it_is_on_its_way(self) -> None:
        event = answered(at(5))
        decision = decided(after(wrote(at())), event)
        assert the(decision, Mark) == Mark(event.ref, MarkState.WAITING)
        assert kinds(decision.effects) == {"Mark", "RecordMessage", "RefreshCard"}

    def test_ends_the_customers_waiting(self) -> None:
        case = after(wrote(at()), wrote(at(1)), answered(at(5)))
        assert (case.unanswered, case.waiting_since) == (0, None)
        assert (case.last_answer_at, case.last_answer_by) == (at(5), "Ada Admin")
        assert (case.last_message_at, case.message_count) == (at(5), 3)

    def test_restarts_the_silence_clock(self) -> None:
        assert after(wrote(at()), answered(at(hours=5))).due_at == at(hours=53)

    def test_stops_the_clock_that_counts_only_waiting(self) -> None:
        policy = Policy(silence_clock=SilenceClock.CUSTOMER_WAITING)
        assert after(wrote(at()), answered(at(hours=5)), policy=policy).due_at is None

    def test_leaves_waiting_what_was_written_later_but_processed_before(self) -> None:
        event = answered(at(2), followed_by=(at(3), at(4)))
        case = after(wrote(at()), wrote(at(3)), wrote(at(4)), event)
        assert (case.unanswered, case.waiting_since) == (2, at(3))
        assert (case.last_answer_at, case.last_message_at) == (at(2), at(4))

    def test_processed_late_does_not_hide_a_newer_one(self) -> None:
        case = after(wrote(at()), answered(at(5), by=GRACE), wrote(at(6)), answered(at(4), by=ADA))
        assert (case.last_answer_at, case.last_answer_by) == (at(5), GRACE.name)
        assert (case.unanswered, case.waiting_since) == (1, at(6))
        assert case.message_count == 4

    def test_of_the_same_moment_as_another_counts_as_the_newer_one(self) -> None:
        assert after(wrote(at()), answered(at(5), by=GRACE), answered(at(5), by=ADA)).last_answer_by == ADA.name

    def test_written_before_the_closing_but_processed_after_it_is_sent(self) -> None:
        case = after(wrote(at()), closed(at(5)))
        decision = decided(case, answered(at(4)), now=at(6))
        assert recorded(decision).is_answer
        assert decision.case is not None
        assert not decision.case.is_open
        assert decision.case.due_at is None
        assert not of_kind(decision, HoldPost)


class TestAnswerWithFiles:
    def test_takes_them_along(self) -> None:
        decision = decided(after(wrote(at())), answered(at(5), files=("a.png", "b.png")))
        assert [one.name for one in recorded(decision).written.files] == ["a.png", "b.png"]
        assert not of_kind(decision, Said)

    @pytest.mark.parametrize("text", ["", " \n\t"])
    def test_without_words_is_an_answer_all_the_same(self, text: str) -> None:
        decision = decided(after(wrote(at())), answered(at(5), text, files=("a.png",)))
        assert recorded(decision).is_answer
        assert the(decision, Mark).state is MarkState.WAITING
        assert decision.case is not None
        assert decision.case.unanswered == 0

    def test_of_which_some_are_too_large_tells_both_sides_of_these(self) -> None:
        large = file("film.mp4", size=POLICY.file_max_bytes + 1)
        event = answered(at(5), files=("a.png", large))
        decision = decided(after(wrote(at())), event)
        assert [one.trouble for one in recorded(decision).written.files] == [None, FileTrouble.TOO_LARGE]
        said, told = the(decision, Said), the(decision, SayFilesNotSent)
        assert (said.notice, said.to, said.about) == (ThreadNotice.FILES_NOT_SENT, ADA.id, event.ref)
        assert (told.reply_to, told.by_customer) == (DM, False)
        assert said.files == told.files == (LostFile("Ffilm.mp4", "film.mp4", FileTrouble.TOO_LARGE),)

    def test_of_nothing_but_files_that_cannot_travel_answers_nothing(self) -> None:
        large = file("film.mp4", size=POLICY.file_max_bytes + 1)
        case = after(wrote(at()))
        decision = decided(case, answered(at(5), "", files=(large,)))
        assert not of_kind(decision, RecordMessage)
        assert the(decision, Mark).state is MarkState.FAILED
        assert notices(decision) == [ThreadNotice.FILES_NOT_SENT]
        assert decision.case == case

    def test_a_file_of_exactly_the_limit_travels(self) -> None:
        decision = decided(after(wrote(at())), answered(at(5), files=(file("a", size=POLICY.file_max_bytes),)))
        assert not of_kind(decision, Said)

    def test_what_a_colleague_took_back_is_not_named_to_the_customer(self) -> None:
        deleted = file("oops.txt", trouble=FileTrouble.DELETED)
        decision = decided(after(wrote(at())), answered(at(5), files=(deleted,)))
        assert notices(decision) == [ThreadNotice.FILES_NOT_SENT]
        assert not of_kind(decision, SayFilesNotSent)


class TestNearMiss:
    def test_is_sent_as_it_is_with_a_hint_to_its_author(self) -> None:
        event = answered(at(5), "I am closing this case.", near_miss=True)
        decision = decided(after(wrote(at())), event)
        assert recorded(decision)
        said = the(decision, Said)
        assert (said.notice, said.to, said.about) == (ThreadNotice.NEAR_MISS, ADA.id, event.ref)
        assert decision.case is not None
        assert decision.case.is_open

    def test_brings_no_hint_on_a_case_closed_already(self) -> None:
        case = after(wrote(at()), closed(at(5)))
        assert notices(decided(case, answered(at(4), near_miss=True))) == []


class TestWhatIsNotSent:
    @pytest.mark.parametrize("event", [noted(at(5)), bystander_posted(at(5))])
    def test_a_note_and_a_bystanders_post_only_get_a_mark_that_says_so(self, event: Event) -> None:
        case = after(wrote(at()))
        decision = decided(case, event)
        assert decision.case == case
        (mark,) = decision.effects
        assert isinstance(mark, Mark)
        assert mark.state is MarkState.NOT_SENT

    @pytest.mark.parametrize("event", [noted(at(9)), bystander_posted(at(9))])
    def test_so_in_a_closed_case(self, event: Event) -> None:
        case = after(wrote(at()), closed(at(5)))
        decision = decided(case, event)
        assert decision.case == case
        assert kinds(decision.effects) == {"Mark"}

    def test_a_bystander_closes_nothing_whatever_is_written(self) -> None:
        assert after(wrote(at()), bystander_posted(at(1))).is_open

    def test_a_note_with_an_urgent_word_escalates_nothing(self) -> None:
        assert not after(wrote(at()), noted(at(1), "// urgent emergency")).escalated

    def test_an_answer_with_an_urgent_word_escalates_nothing(self) -> None:
        assert not after(wrote(at()), answered(at(1), "urgent, critical")).escalated

    def test_notes_and_bystanders_do_not_end_the_silence(self) -> None:
        case = after(wrote(at()), noted(at(hours=40)), bystander_posted(at(hours=41)))
        assert case.due_at == at(hours=48)


class TestPostInAClosedCase:
    def test_is_held_and_not_sent(self) -> None:
        case = after(wrote(at()), closed(at(5)))
        event = answered(at(6))
        decision = decided(case, event)
        assert decision.case == case
        assert decision.effects == (
            Mark(event.ref, MarkState.NOT_SENT),
            HoldPost(at(6), ADA, event.written, event.ref),
        )

    def test_with_the_phrase_is_held_too_and_closes_nothing_again(self) -> None:
        case = after(wrote(at()), closed(at(5)))
        decision = decided(case, answered_closing(at(6)))
        assert decision.case == case
        assert kinds(decision.effects) == {"Mark", "HoldPost"}


class TestEditAndDeletion:
    @pytest.mark.parametrize("text", ["better words", "urgent", PHRASE, "// now a note", ""])
    def test_an_edit_changes_the_copies_and_nothing_else(self, text: str) -> None:
        case, ref = after(wrote(at()), answered(at(1))), post()
        decision = decided(case, edited(at(2), ref, text))
        assert decision.case == case
        assert decision.effects == (EditCopies(ref, at(2), text),)

    def test_a_deletion_deletes_the_copies_and_nothing_else(self) -> None:
        case, ref = after(wrote(at()), answered(at(1))), post()
        decision = decided(case, deleted(at(2), ref))
        assert decision.case == case
        assert decision.effects == (DeleteCopies(ref, at(2)),)


@pytest.mark.parametrize(
    "event",
    [
        answered(at()),
        answered_closing(at()),
        noted(at()),
        noted(at(), closes=True),
        bystander_posted(at()),
        closed(at()),
        reopened(at()),
        escalation_requested(at()),
        acknowledged(at()),
        time_came(at()),
        edited(at(), post(), "x"),
        deleted(at(), post()),
        delivery_failed(at()),
    ],
    ids=lambda event: type(event).__name__,
)
def test_without_a_case_only_a_customer_changes_anything(event: Event) -> None:
    decision = decided(None, event)
    assert decision.case is None
    assert decision.effects == ()
    assert decision.reply is not None
    assert decision.reply.kind is ReplyKind.NOT_FOUND


def test_the_customers_dm_is_where_answers_go_by_default() -> None:
    decision = decided(after(wrote(at())), answered(at(1)))
    assert recorded(decision).reply_to == DM
    assert isinstance(decision.effects[-1], RefreshCard)
