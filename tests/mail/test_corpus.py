"""The corpus of hard mails: each is read as the file beside it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.mail.addresses import sender_of_raw
from bot.mail.authenticity import trust_of
from bot.mail.head import read_head
from bot.mail.machines import OwnMail
from bot.mail.parsed import from_json, to_json
from bot.mail.reading import read_file, read_mail
from tests.mail.corpus_files import CORPUS, documents
from tests.mail.mails.all import HARD_MAILS, RULES

OWN = OwnMail(frozenset({"support@casewire.example"}), "token")
MAILS = sorted(CORPUS.glob("*/*.eml"))


@pytest.mark.parametrize("path", [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in MAILS])
def test_a_hard_mail_is_read_as_expected(path: Path) -> None:
    raw = path.read_bytes()
    expected: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    trust = trust_of(expected.pop("imap_server", "imap.gmail.com"), expected.pop("authserv_id", ""))
    mail = read_mail(raw, trust, OWN, is_cut=expected.pop("is_cut", False))
    assert {name: value for name, value in _read(raw, mail, expected).items()} == expected
    assert from_json(json.loads(json.dumps(to_json(mail)))) == mail
    assert sender_of_raw(raw) == mail.sender
    assert read_head(raw).address == (mail.sender.address if mail.sender else None), "its lane is its sender's"


def _read(raw: bytes, mail: Any, expected: dict[str, Any]) -> dict[str, Any]:
    facts = json.loads(json.dumps(to_json(mail)))
    special = {
        "sender": lambda _: mail.sender.address if mail.sender else None,
        "sender_name": lambda _: mail.sender.name if mail.sender else None,
        "trouble": lambda part: part if bool(part) == bool(mail.trouble_with_sender) and part in mail.trouble_with_sender
        else mail.trouble_with_sender,
        "files": lambda _: [[file.name, file.mime_type] for file in mail.files],
        "contents": lambda _: [read_file(raw, file.number).decode("latin-1") for file in mail.files],
        "notes": lambda parts: [
            next((part for part in parts if part in note), note) for note in mail.notes
        ],
        "detail": lambda part: part if part in mail.verdict_detail else mail.verdict_detail,
    }  # fmt: skip
    return {name: special[name](value) if name in special else facts[name] for name, value in expected.items()}


def test_the_files_are_those_that_the_modules_write() -> None:
    written = {path: content for hard in HARD_MAILS for path, content in documents(hard).items()}
    assert {path: path.read_bytes() for path in CORPUS.rglob("*") if path.is_file()} == written


def test_there_are_enough_of_them_and_no_two_share_a_name() -> None:
    assert len(HARD_MAILS) == len(MAILS) >= 130
    assert all(len(rule.mails) >= 2 for rule in RULES)
