"""Mails that no person wrote, and some that look like it and are a person's."""

from .build import SUPPORT, Rule, mail, multipart, part

rule = Rule("machines")


def machine(
    name: str, expected: str | None, *headers: str, sender: str = "Grace <grace@example.org>", **reading: object
) -> None:
    rule.add(name, mail(*headers, sender=sender), machine=expected, **reading)


machine("own-loop-header", "own", "X-Casewire-Loop: token")
machine("own-loop-header-of-another", "own", "X-Casewire-Loop: somebody-elses")
machine("own-address", "own", sender=SUPPORT)
machine("own-address-upper-case", "own", sender="<SUPPORT@Casewire.Example>")

machine("auto-replied", "auto_reply", "Auto-Submitted: auto-replied")
machine(
    "auto-replied-with-reason",
    "auto_reply",
    "Auto-Submitted: auto-replied (vacation); owner-email=x",
    "Return-Path: <>",
)
machine("auto-generated", "bulk", "Auto-Submitted: auto-generated")
machine("auto-generated-answer", "auto_reply", "Auto-Submitted: auto-generated", "In-Reply-To: <a@x>")
machine("auto-submitted-no", None, "Auto-Submitted: no")
machine("x-autoreply", "auto_reply", "X-Autoreply: yes")
machine("x-autoreply-no", None, "X-Autoreply: no")
machine("x-autorespond", "auto_reply", "X-Autorespond: Away")
machine("precedence-auto-reply", "auto_reply", "Precedence: auto_reply")
machine("precedence-bulk", "bulk", "Precedence: bulk")
machine("precedence-junk", "bulk", "Precedence: junk")
machine("precedence-bulk-away", "auto_reply", "Precedence: bulk", "Subject: Out of office: Printer")
machine("precedence-first-class", None, "Precedence: first-class")
machine("list", "list", "List-Id: <users.example.org>")
machine("list-bulk", "list", "List-Id: <users.example.org>", "Precedence: bulk")
machine("list-newsletter", "list", "List-Unsubscribe: <https://example.org/u>")
machine("list-by-precedence", "list", "Precedence: list")
machine("suppress-all", "bulk", "X-Auto-Response-Suppress: All")
machine("suppress-oof", "bulk", "X-Auto-Response-Suppress: DR, OOF, AutoReply")
machine("suppress-receipts-only", None, "X-Auto-Response-Suppress: DR, RN, NRN")
machine("no-reply", "no_reply", sender="<no-reply@shop.example>")
machine("no-reply-plus", "no_reply", sender="<noreply+123@shop.example>")
machine("do-not-reply", "no_reply", sender="<DoNotReply@shop.example>")
machine("no-reply-prefix", "no_reply", sender="<shop-noreply@shop.example>")
machine("no-reply-spanish", "no_reply", sender="<no-responder@shop.example>")
machine("person-called-noreen", None, sender="<noreen@shop.example>")
machine("person-called-notary", None, sender="<notary@shop.example>")
machine("person-with-return-path", None, "Return-Path: <grace@example.org>")

for language, subject in {
    "english": "Automatic reply: Printer",
    "english-office": "Out of Office Re: Printer",
    "german": "Automatische Antwort: Drucker",
    "german-absence": "Abwesenheitsnotiz: Drucker",
    "french": "Réponse automatique : imprimante",
    "spanish": "Respuesta automática: impresora",
    "portuguese": "Resposta automática: impressora",
    "italian": "Risposta automatica: stampante",
    "dutch": "Automatisch antwoord: printer",
    "swedish": "Autosvar: skrivare",
    "polish": "Autoodpowiedź: drukarka",
    "russian": "Автоматический ответ: принтер",
    "turkish": "Otomatik Yanıt: yazıcı",
    "japanese": "自動返信: プリンター",
    "chinese": "自动回复: 打印机",
    "korean": "자동 회신: 프린터",
}.items():
    machine(f"away-{language}", "auto_reply", f"Subject: {subject}", subject=subject)
machine("automatic-door", None, "Subject: Automatic door does not open")
machine("office-question", None, "Subject: Is Ada out of office?")

STATUS = """Reporting-MTA: dns; mx.example.org

Original-Recipient: rfc822;grace@example.org
Final-Recipient: rfc822; grace@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {code} {status} User unknown
"""
RETURNED = "Message-ID: <case-1@casewire.example>\nSubject: Re: Printer [CASE_001]\nFrom: support@casewire.example\n\nHello"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.example.org>"


def bounce(
    name: str,
    *parts: bytes,
    expected: dict[str, object] | None,
    machine: str = "bounce",
    sender: str = DAEMON,
    headers: tuple[str, ...] = ("Subject: Undelivered Mail Returned to Sender",),
    kind: str = "delivery-status",
) -> None:
    header, body = multipart("report", *parts)
    rule.add(
        name,
        mail(f"{header}; report-type={kind}", *headers, body=body, sender=sender),
        machine=machine,
        bounce=expected,
    )


def status(action: str = "failed", code: str = "550", number: str = "5.1.1") -> bytes:
    return part("message/delivery-status", STATUS.format(action=action, code=code, status=number))


human = part("text/plain", "I could not deliver your mail.")
failed = {"message_ids": ["<case-1@casewire.example>"], "recipients": ["grace@example.org"], "status": "5.1.1",
          "diagnostic": "550 5.1.1 User unknown", "is_delay": False}  # fmt: skip
bounce("bounce", human, status(), part("message/rfc822", RETURNED), expected=failed)
bounce(
    "bounce-headers-only",
    human,
    status(),
    part("text/rfc822-headers", RETURNED.partition("\n\n")[0]),
    expected=failed,
)
bounce("bounce-from-a-person", human, status(), part("message/rfc822", RETURNED), expected=failed,
       sender="Postmaster <postmaster@example.org>", headers=("Auto-Submitted: auto-replied", "Return-Path: <>"))  # fmt: skip
bounce("bounce-without-the-mail", human, status(), expected={**failed, "message_ids": []})
bounce("bounce-original-id", human, part("message/delivery-status", "Original-Message-ID: <case-1@casewire.example>\n\n"
       + STATUS.format(action="failed", code="550", status="5.1.1").partition("\n\n")[2]), expected=failed)  # fmt: skip
bounce("bounce-delayed", human, status("delayed", "451", "4.4.1"), part("message/rfc822", RETURNED),
       expected={**failed, "status": "4.4.1", "diagnostic": "451 4.4.1 User unknown", "is_delay": True})  # fmt: skip
bounce("bounce-delayed-then-failed", human, part("message/delivery-status", STATUS.format(action="delayed", code="451", status="4.4.1")
       + "\n" + STATUS.format(action="failed", code="550", status="5.1.1").partition("\n\n")[2]), expected={**failed,
       "message_ids": [], "status": "4.4.1", "diagnostic": "451 4.4.1 User unknown", "is_delay": False})  # fmt: skip
bounce("delivered", human, status("delivered", "250", "2.0.0"), expected=None, machine="report")
bounce("relayed", human, status("relayed (to non-DSN mailer)", "250", "2.0.0"), expected=None, machine="report")
bounce("read-receipt", human, part("message/disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed"),
       expected=None, machine="report", sender="Grace <grace@example.org>", kind="disposition-notification",
       headers=("Return-Path: <>", "Subject: Read: Printer"))  # fmt: skip
bounce("complaint", human, part("message/feedback-report", "Feedback-Type: abuse"), part("message/rfc822", RETURNED),
       expected=None, machine="report", kind="feedback-report", sender="<fbl@isp.example>")  # fmt: skip
rule.add("bounce-exim", mail("X-Failed-Recipients: grace@example.org", "Subject: Mail delivery failed", "Auto-Submitted: auto-replied",
         sender=DAEMON, body="  grace@example.org\n    550 5.1.1 no such user\n\n---- copy ----\n\nMessage-ID: <case-1@casewire.example>\n"),
         machine="bounce", bounce={**failed, "diagnostic": "550 5.1.1 no such user"})  # fmt: skip
rule.add("bounce-qmail", mail("Return-Path: <>", "Subject: failure notice", sender="<MAILER-DAEMON@mx.example.org>",
         body="<grace@example.org>:\n550 no mailbox\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <case-1@casewire.example>"),
         machine="bounce", bounce={**failed, "recipients": [], "status": "", "diagnostic": "550 no mailbox"})  # fmt: skip
rule.add("bounce-by-return-path", mail("Return-Path: <>", "Subject: Unzustellbar: Drucker"), machine="bounce")
rule.add("bounce-hostile-status", mail(*multipart("report", part("message/delivery-status", "Status: \nAction:\n" + ":" * 5000))[:1],
         body=multipart("report", part("message/delivery-status", "Status: \nAction:\n" + ":" * 5000))[1], sender=DAEMON),
         machine="bounce", bounce={"message_ids": [], "recipients": [], "status": "", "diagnostic": "", "is_delay": False})  # fmt: skip
machine("away-with-null-return-path", "auto_reply", "Return-Path: <>", "Subject: Automatic reply: Printer")
machine("postmaster-is-a-person", None, "Subject: Your firewall", sender="<postmaster@small.example>")
machine("postmaster-bounces", "bounce", "Subject: Undeliverable: Printer", sender="<postmaster@small.example>")
machine("bounce-forwarded-by-a-person", None, "Subject: Fwd: Undelivered Mail Returned to Sender")
