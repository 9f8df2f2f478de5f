"""Where a mail belongs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.mail_rules import (
    Answers,
    CameBack,
    Dropped,
    Held,
    Joins,
    Listed,
    Proof,
    Related,
    Returned,
    Seen,
    ShownBeside,
    ShownToAll,
    Sort,
    WhyHeld,
    WhyListed,
    bare_subject,
    place_mail,
)
from bot.desk.policy import AdminCheck, MailPolicy

US, DANA, OMAR, GRACE = "support@us.example", "dana@c.example", "omar@e.example", "grace@us.example"
POLICY = MailPolicy(admins=frozenset({GRACE}), admin_check=AdminCheck.DMARC, own=frozenset({US}))
DANAS = Related("CASE_001", DANA, is_open=True)
WITH_OMAR = replace(DANAS, participants=frozenset({OMAR}))
CLOSED = replace(WITH_OMAR, is_open=False)
PROVEN = Seen(GRACE, proof=Proof.PASSED)


class TestCustomers:
    @pytest.mark.parametrize(
        ("seen", "place"),
        [
            (Seen(DANA), Joins()),
            (Seen(DANA, referred=(DANAS,)), Joins()),
            (Seen(DANA, referred=(replace(DANAS, is_open=False),)), Joins()),
            (Seen(OMAR, referred=(DANAS,)), Held(WhyHeld.STRANGER, "CASE_001")),
            (Seen(OMAR, referred=(DANAS,), own_open="CASE_007"), Held(WhyHeld.STRANGER, "CASE_001")),
            (Seen(OMAR, referred=(WITH_OMAR,)), Joins("CASE_001")),
            (Seen(OMAR, referred=(CLOSED,)), Joins()),
            (Seen(OMAR, tagged=(DANAS,)), Joins()),
            (Seen(OMAR, tagged=(WITH_OMAR,)), Joins("CASE_001")),
            (Seen(DANA, proof=Proof.FAILED), Held(WhyHeld.FAILED_CHECK)),
            (Seen(DANA, proof=Proof.FAILED, own_open="CASE_001"), Held(WhyHeld.FAILED_CHECK, "CASE_001")),
            (Seen(DANA, is_spam=True, own_open="CASE_001"), Held(WhyHeld.SPAM, "CASE_001")),
            (Seen(OMAR, is_spam=True, referred=(DANAS,)), Held(WhyHeld.SPAM, "CASE_001")),
            (Seen(DANA, proof=Proof.NONE), Joins()),
            (Seen(DANA, is_blocked=True, referred=(DANAS,)), Listed(WhyListed.BLOCKED)),
            (Seen(None), Held(WhyHeld.NO_SENDER)),
            (Seen(None, referred=(DANAS,)), Held(WhyHeld.NO_SENDER)),
        ],
    )
    def test_a_mail_joins_what_its_sender_may_join(self, seen: Seen, place: object) -> None:
        assert place_mail(seen, POLICY) == place

    def test_of_several_cases_referred_to_the_senders_own_counts(self) -> None:
        others = Related("CASE_009", OMAR, is_open=True)
        assert place_mail(Seen(DANA, referred=(others, DANAS)), POLICY) == Joins()


class TestMachines:
    @pytest.mark.parametrize(
        ("seen", "place"),
        [
            (Seen(US, Sort.OWN), Dropped()),
            (Seen("desk@other.example", Sort.OWN), Listed(WhyListed.MACHINE)),
            (Seen("desk@other.example", Sort.OWN, referred=(DANAS,)), ShownBeside("CASE_001")),
            (Seen(DANA, Sort.MACHINE), Listed(WhyListed.MACHINE)),
            (Seen(DANA, Sort.MACHINE, own_open="CASE_001"), Listed(WhyListed.MACHINE)),
            (Seen(DANA, Sort.MACHINE, tagged=(DANAS,)), Listed(WhyListed.MACHINE)),
            (Seen(DANA, Sort.MACHINE, referred=(DANAS,)), ShownBeside("CASE_001")),
            (Seen(None, Sort.MACHINE, referred=(DANAS,)), ShownBeside("CASE_001")),
            (Seen(DANA, Sort.MACHINE, Proof.FAILED, referred=(DANAS,)), Listed(WhyListed.MACHINE)),
            (Seen(DANA, Sort.MACHINE, is_blocked=True, referred=(DANAS,)), Listed(WhyListed.BLOCKED)),
            (Seen(None, Sort.BOUNCE), Listed(WhyListed.BOUNCE)),
            (Seen(None, Sort.BOUNCE, referred=(DANAS,)), Listed(WhyListed.BOUNCE)),
            (
                Seen(None, Sort.BOUNCE, returned=Returned("CASE_001", 7)),
                CameBack(Returned("CASE_001", 7), for_good=True),
            ),
            (
                Seen(None, Sort.DELAY, returned=Returned("CASE_001", 7)),
                CameBack(Returned("CASE_001", 7), for_good=False),
            ),
            (Seen(GRACE, Sort.MACHINE, Proof.PASSED, referred=(DANAS,)), ShownBeside("CASE_001")),
        ],
    )
    def test_a_machine_is_shown_and_does_nothing(self, seen: Seen, place: object) -> None:
        assert place_mail(seen, POLICY) == place

    @given(
        st.builds(
            Seen,
            sender=st.sampled_from([DANA, OMAR, GRACE, None]),
            sort=st.sampled_from([sort for sort in Sort if sort is not Sort.PERSON]),
            proof=st.sampled_from(list(Proof)),
            referred=st.sampled_from([(), (DANAS,), (WITH_OMAR,)]),
            tagged=st.sampled_from([(), (DANAS,)]),
            of_recipients=st.sampled_from([(), (DANAS,)]),
            own_open=st.sampled_from([None, "CASE_001"]),
        )
    )
    def test_no_machine_ever_opens_or_answers_a_case(self, seen: Seen) -> None:
        assert not isinstance(place_mail(seen, POLICY), Joins | Answers | Held)


class TestAdmins:
    @pytest.mark.parametrize(
        ("seen", "place"),
        [
            (replace(PROVEN, referred=(DANAS,)), Answers("CASE_001")),
            (replace(PROVEN, tagged=(DANAS,)), Answers("CASE_001")),
            (replace(PROVEN, of_recipients=(DANAS,)), Answers("CASE_001")),
            (PROVEN, ShownToAll()),
            (replace(PROVEN, tagged=(DANAS, Related("CASE_002", OMAR, True))), ShownToAll()),
            (replace(PROVEN, of_recipients=(DANAS, Related("CASE_002", OMAR, True))), ShownToAll()),
            (
                replace(PROVEN, referred=(DANAS,), is_used=True),
                Held(WhyHeld.USED_ADMIN_MAIL, "CASE_001"),
            ),
            (replace(PROVEN, is_old=True), Held(WhyHeld.OLD_ADMIN_MAIL)),
            (replace(PROVEN, is_spam=True), Held(WhyHeld.SPAM)),
            *(
                (replace(PROVEN, proof=proof, referred=(DANAS,)), Held(WhyHeld.UNPROVEN_ADMIN, "CASE_001"))
                for proof in Proof
                if proof is not Proof.PASSED
            ),
        ],
    )
    def test_a_proven_mail_of_an_admin_answers_the_one_case_it_is_about(self, seen: Seen, place: object) -> None:
        assert place_mail(seen, POLICY) == place

    @pytest.mark.parametrize("proof", list(Proof))
    def test_where_the_check_is_off_nothing_proves_a_mail(self, proof: Proof) -> None:
        off = replace(POLICY, admin_check=AdminCheck.OFF)
        seen = replace(PROVEN, proof=proof, referred=(DANAS,))
        assert place_mail(seen, off) == Held(WhyHeld.UNPROVEN_ADMIN, "CASE_001")

    def test_without_a_check_any_mail_counts_but_one_that_failed(self) -> None:
        none = replace(POLICY, admin_check=AdminCheck.NONE)
        seen = replace(PROVEN, proof=Proof.UNTRUSTED, referred=(DANAS,))
        assert place_mail(seen, none) == Answers("CASE_001")
        forged = replace(seen, proof=Proof.FAILED)
        assert place_mail(forged, none) == Held(WhyHeld.UNPROVEN_ADMIN, "CASE_001")

    @given(
        st.builds(
            Seen,
            sender=st.sampled_from([DANA, OMAR, GRACE.replace("e", "е"), None]),
            proof=st.sampled_from(list(Proof)),
            referred=st.sampled_from([(), (DANAS,), (WITH_OMAR,)]),
            tagged=st.sampled_from([(), (DANAS,)]),
            of_recipients=st.sampled_from([(), (DANAS,)]),
        )
    )
    def test_nobody_else_ever_answers(self, seen: Seen) -> None:
        assert not isinstance(place_mail(seen, POLICY), Answers | ShownToAll)


class TestSubjects:
    @pytest.mark.parametrize(
        "answered",
        [
            "Re: My order",
            "RE: Fwd: My order",
            "AW: WG: My order",
            "Re[2]: My order",
            "SV: My  order [CASE_001]",
            "Re: [CASE_001] My order",
            "回复：My order",
        ],
    )
    def test_reply_marks_and_tags_do_not_change_a_subject(self, answered: str) -> None:
        assert bare_subject(answered) == bare_subject("My order")

    @pytest.mark.parametrize("other", ["My orders", "Order: broken", "Re: Invoice", ""])
    def test_other_words_do(self, other: str) -> None:
        assert bare_subject(other) != bare_subject("My order")

    @given(st.text(max_size=200))
    def test_any_subject_is_bare_once_it_was_made_so(self, subject: str) -> None:
        assert bare_subject(bare_subject(subject)) == bare_subject(subject)
