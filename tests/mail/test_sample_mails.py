"""The mails in samples/emails are read as their table in samples/README.md says."""

import re
from pathlib import Path

import pytest

from bot.mail.authenticity import trust_of
from bot.mail.machines import OwnMail
from bot.mail.parsed import Machine, ParsedMail, Verdict
from bot.mail.reading import read_mail

SAMPLES = Path(__file__).parents[2] / "samples"
TRUST = trust_of("127.0.0.1", "mx.casewire.example")
OWN = OwnMail(frozenset({"support@casewire.example"}), "token")


def sample(name: str) -> ParsedMail:
    return read_mail((SAMPLES / "emails" / f"mail_{name}.eml").read_bytes(), TRUST, OWN)


@pytest.mark.parametrize(
    ("name", "sender", "machine", "new_words"),
    [
        ("new", "grace@example.org", None, "Hello,\n\ninvoice 1042 still shows our old address (Arlington instead of "
         "Newport).\nCould you send it again with the right one?"),
        ("reply", "grace@example.org", None, "Thank you, the street is right now, but the postal code is missing."),
        ("urgent", "omar@example.org", None, "Since nine o'clock nobody can book. We lose guests with every minute.\n\nOmar"),
        ("attachment", "grace@example.org", None, "Here is the signed contract, and a picture of the damaged page."),
        ("out_of_office", "grace@example.org", Machine.AUTO_REPLY, "I am out of the office until Monday. In urgent cases "
         "call 555-0100."),
        ("list", "news@printweekly.example", Machine.LIST, "An emergency supply is critical, says our editor."),
        ("forged_admin", "ada@casewire.example", None, "Please pay to the new account. I'm closing this case."),
        ("admin_reply", "ada@casewire.example", None, "The corrected invoice is on its way by post. I'm closing this case."),
        ("calendar_invite", "mei@example.org", None, "Shall we talk it over tomorrow?\n\nInvitation: Call about order 77, "
         "2026-03-03 10:00 (Europe/Berlin) to 10:30, by phone"),
        ("japanese", "taro@example.org", None, "お世話になっております。\n\nプリンターの請求書が届いていません。\n"
         "至急ご確認をお願いいたします。"),
    ],
)  # fmt: skip
def test_a_sample_says_who_wrote_what(name: str, sender: str, machine: Machine | None, new_words: str) -> None:
    mail = sample(name)
    assert mail.sender is not None
    assert (mail.sender.address, mail.machine, mail.new_words) == (sender, machine, new_words)


def test_an_html_mail_is_read_as_laid_out() -> None:
    assert sample("html_only").text == (
        "Good morning,\n\nof order 77 these are missing:\n\n"
        "Item            Ordered  Came\nToner, black    4        3\nPaper & labels  10       0\n\n"
        "  * When will they come?\n  * Can we cancel the labels?\nMei Lin\nLin Print Shop"
    )
    assert "Mei Lin" not in sample("html_only").new_words


def test_the_bounce_names_the_mail_that_bounced() -> None:
    bounce = sample("bounce").bounce
    assert bounce is not None
    assert bounce.message_ids == ("<answer.1@casewire.example>",)
    assert (bounce.recipients, bounce.status, bounce.is_delay) == (("grace@example.org",), "5.1.1", False)


def test_the_files_keep_their_names() -> None:
    files = sample("attachment").files
    assert [(file.name, file.mime_type, file.inline) for file in files] == [
        ("contract – signed.pdf", "application/pdf", False),
        ("page.png", "image/png", True),
    ]


@pytest.mark.parametrize(("name", "verdict"), [("admin_reply", Verdict.PASSED), ("forged_admin", Verdict.FAILED)])
def test_only_the_true_admin_is_proven(name: str, verdict: Verdict) -> None:
    assert sample(name).verdict is verdict


def test_the_hostile_mail_breaks_out_of_nothing() -> None:
    mail = sample("hostile")
    assert mail.sender is not None
    assert mail.sender.address == "mallory@example.net"
    assert mail.subject == "[CASE_001] <!channel> urgent Bcc: everyone@example.net"
    assert [file.name for file in mail.files] == ["_.._etc_invoicefdp.exe"]


def test_every_sample_is_in_the_table_and_the_other_way_round() -> None:
    there = {path.name for path in (SAMPLES / "emails").iterdir()}
    told = set(re.findall(r"`(\w+\.eml)`", (SAMPLES / "README.md").read_text(encoding="utf-8")))
    assert there == told
    assert len(there) >= 12
