"""Subjects, identifiers and recipients, and what is written to break out of them."""

from hashlib import sha256

from .build import GRACE, Rule, mail

rule = Rule("headers")


def subject(name: str, written: str | bytes, read: str, **more: object) -> None:
    header = b"Subject: " + (written if isinstance(written, bytes) else written.encode())
    rule.add(name, mail(header), subject=read, **more)


subject("subject-tag", "Re: [CASE_001] Printer", "Re: [CASE_001] Printer", tags=["CASE_001"])
subject("subject-tags-each-once", "CASE_007 and case_12345, CASE_007", "CASE_007 and case_12345, CASE_007",
        tags=["CASE_007", "CASE_12345"])  # fmt: skip
subject("subject-no-tag", "SUITCASE_001 and CASE_01", "SUITCASE_001 and CASE_01", tags=[])
subject("subject-b", "=?utf-8?B?0J/RgNC40LLQtdGC?=", "Привет")
subject("subject-q", "=?iso-8859-15?Q?Preis_in_=A4?=", "Preis in €")
subject("subject-joined", "=?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=", "Grüße")
subject("subject-torn-character", "=?utf-8?b?w7w=?= =?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "ü€")
subject("subject-two-charsets", "=?iso-8859-1?q?=E4?= =?utf-8?q?=C3=B6?=", "äö")
subject("subject-words-between", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c")
subject("subject-raw-utf8", "Größe", "Größe")
subject("subject-raw-latin1", b"Gr\xf6\xdfe", "Größe")
subject("subject-unknown-charset", "=?x-klingon?q?qapla=27?=", "qapla'")
subject("subject-broken-base64", "=?utf-8?b?w7w?=", "ü")
subject("subject-iso-2022-jp", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは")
subject("subject-gb2312", "=?gb2312?B?xOO6w6OsysC95w==?=", "你好，世界")
subject("subject-euc-kr", "=?euc-kr?B?vsiz58fPvLy/5A==?=", "안녕하세요")
subject("subject-language-tag", "=?utf-8*en?q?hi?=", "hi")
subject("subject-folded", "one\r\n\ttwo\r\n   three", "one two three")
subject("subject-encoded-crlf", "=?utf-8?q?Hi=0D=0ABcc:_x=40example.net?=", "Hi Bcc: x@example.net")
subject("subject-encoded-lf", "=?utf-8?b?SGkKRnJvbTogYWRhQGNhc2V3aXJlLmV4YW1wbGU=?=", "Hi From: ada@casewire.example",
        sender="grace@example.org")  # fmt: skip
subject("subject-bare-cr", "Hi\rBcc: x@example.net", "Hi Bcc: x@example.net")
subject("subject-nul", "a\0b", "ab")
subject("subject-bidi", "invoice\u202efdp.exe", "invoicefdp.exe")
subject("subject-line-separator", "a\u2028b\u0085c", "a bc")
subject("subject-very-long", "x" * 2000, "x" * 500 + "…")

rule.add("no-subject", mail(), subject="")
rule.add("two-subjects", mail("Subject: one", "Subject: two"), subject="one")
for without, raw in (("no-message-id", mail("Message-ID:")), ("message-id-of-nothing", mail("Message-ID: <>"))):
    rule.add(without, raw, message_id=f"<{sha256(raw).hexdigest()[:40]}@no-message-id.invalid>")
rule.add("message-id-without-brackets", mail("Message-ID: abc@example.org"), message_id="<abc@example.org>")
rule.add("message-id-of-exchange", mail("Message-ID: <[x@y.example]>"), message_id="<[x@y.example]>")
rule.add("message-id-folded", mail("Message-ID:\r\n <abc@example.org>"), message_id="<abc@example.org>")
rule.add(
    "references",
    mail("In-Reply-To: <c@x>", "References: <a@x> <b@x>\r\n <c@x>"),
    references=["<c@x>", "<b@x>", "<a@x>"],
)
rule.add("references-with-words", mail('In-Reply-To: Your mail of "Monday" <a@x>'), references=["<a@x>"])
rule.add("references-hostile", mail("References: <a b@x> <> <<n@x>> <ok@x>", b"In-Reply-To: <\xff@x>"),
         references=["<ok@x>", "<n@x>"])  # fmt: skip
rule.add("references-many", mail("References: " + "\r\n ".join(f"<{n}@x>" for n in range(300))),
         references=[f"<{n}@x>" for n in range(299, 199, -1)])  # fmt: skip
rule.add("recipients", mail('Cc: "B, C" <bc@example.org>, GRACE@example.org, bc@example.org'),
         cc=[{"address": "bc@example.org", "name": "B, C"}, {"address": "grace@example.org", "name": ""}])  # fmt: skip
rule.add("recipients-hostile", mail("Cc: \"", "Cc: (x): a@b;", "Cc: <@r:a@b>, ok@example.org"),
         cc=[{"address": "ok@example.org", "name": ""}])  # fmt: skip
rule.add("spam-flag", mail("X-Spam-Flag: YES"), is_spam=True)
rule.add("spam-flag-no", mail("X-Spam-Flag: NO"), is_spam=False)
rule.add("mbox-line", b"From grace@example.org Mon Mar  2 10:00:00 2026\r\n" + mail("Subject: Hi"), subject="Hi",
         sender="grace@example.org", text="It does not print.")  # fmt: skip
rule.add("no-blank-line", f"From: {GRACE}\r\nSubject: Hi\r\nIt does not print.\r\n".encode(), subject="Hi",
         text="It does not print.")  # fmt: skip
rule.add("line-feeds-only", mail("Subject: Hi").replace(b"\r\n", b"\n"), subject="Hi", text="It does not print.")
rule.add(
    "carriage-returns-only", mail("Subject: Hi").replace(b"\r\n", b"\r"), subject="Hi", text="It does not print."
)
rule.add(
    "headers-only", f"From: {GRACE}\r\nSubject: Hi".encode(), subject="Hi", text="", sender="grace@example.org"
)
rule.add("nothing", b"", sender=None, text="", subject="")
