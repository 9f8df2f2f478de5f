"""A mailbox on Dovecot for a desk to read, and the mails of customers."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.support.dovecot import PASSWORD, USER, Dovecot

ADDRESS = "support@desk.example"


def mailbox_of(dovecot: Dovecot) -> dict[str, str]:
    """The settings of a desk that reads it. How many cases mails may open is not what is measured."""
    return {
        "IMAP_SERVER": "127.0.0.1",
        "IMAP_PORT": str(dovecot.port),
        "IMAP_SECURITY": "none",
        "IMAP_EMAIL": ADDRESS,
        "IMAP_USER": USER,
        "IMAP_PASSWORD": PASSWORD,
        "EMAIL_AUTHSERV_ID": "mail.desk.example",
        "EMAIL_NEW_CASES_PER_HOUR": "100000",
    }


def mails(count: int, customers: int, run: str) -> Iterator[bytes]:
    """Plain mails of 2 to 10 KB, in turn from so many customers."""
    chance = random.Random(run)  # the same mails in every run
    words = ("order", "late", "parcel", "invoice", "Tuesday", "answer", "please", "number", "colour", "thank")
    for number in range(count):
        lines = []
        size, wanted = 0, chance.randint(1_600, 9_600)
        while size < wanted:
            lines.append(" ".join(chance.choices(words, k=11)) + ".")
            size += len(lines[-1]) + 2
        who = f"customer{number % customers}@{run}.example"
        head = [
            "Return-Path: <" + who + ">",
            f"Received: from mx.{run}.example (mx.{run}.example [192.0.2.7]) by mail.desk.example; "
            "Sat, 31 Jan 2026 12:00:01 +0000",
            f"Authentication-Results: mail.desk.example; dmarc=pass header.from={run}.example",
            f"Message-ID: <{run}-{number}@{run}.example>",
            f"From: Customer {number % customers} <{who}>",
            f"To: Support <{ADDRESS}>",
            "Date: Sat, 31 Jan 2026 12:00:00 +0000",
            f"Subject: Order {number}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
        ]
        yield "\r\n".join([*head, "", *lines, ""]).encode()
