"""Parts within parts: alternatives, files, calendars, mails in mails, and trees that are broken."""

from .build import GRACE, Rule, base64, file, mail, multipart, nested, part

rule = Rule("structure")

HTML = "<html><head><style>p {color: red}</style></head><body><p>It does <b>not</b> print.</p></body></html>"
INVITE = """BEGIN:VCALENDAR
METHOD:{method}
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Planning\\, part 2
DTSTART;TZID=Europe/Berlin:20260302T100000
DTEND;TZID=Europe/Berlin:20260302T110000
LOCATION:Room 4
ATTENDEE;PARTSTAT={answer}:mailto:grace@example.org
END:VEVENT
END:VCALENDAR
"""


def tree(name: str, pair: tuple[str, bytes], **reading: object) -> None:
    header, body = pair
    rule.add(name, mail(header, body=body), **reading)


plain = part("text/plain; charset=utf-8", "It does not print.")
html = part("text/html; charset=utf-8", HTML)

tree("alternative", multipart("alternative", plain, html), text="It does not print.", files=[])
tree("alternative-html-first", multipart("alternative", html, plain), text="It does not print.")
tree(
    "alternative-plain-blank",
    multipart("alternative", part("text/plain", " \n\u200b\n"), html),
    text="It does not print.",
)
tree(
    "alternative-unknown-kind",
    multipart("alternative", part("text/x-amp-html", "<x>"), html),
    text="It does not print.",
)
rule.add("html-only", mail("Content-Type: text/html; charset=utf-8", body=HTML), text="It does not print.")
rule.add(
    "html-entities", mail("Content-Type: text/html", body="<p>5 &lt; 6 &amp; caf&eacute;</p>"), text="5 < 6 & café"
)
rule.add("html-hidden", mail("Content-Type: text/html", body='Hi<div style="display:none">unseen</div><script>x()</script>'),
         text="Hi")  # fmt: skip
rule.add("html-table", mail("Content-Type: text/html", body="<table><tr><td>Ink</td><td>12 €</td></tr></table>"),
         text="Ink  12 €")  # fmt: skip
rule.add("html-list", mail("Content-Type: text/html", body="<p>Both:</p><ul><li>ink</li><li>paper</li></ul>"),
         text="Both:\n\n  * ink\n  * paper")  # fmt: skip
rule.add(
    "html-latin1-by-header",
    mail("Content-Type: text/html; charset=iso-8859-1", body=b"<p>Gr\xf6\xdfe</p>"),
    text="Größe",
)
rule.add(
    "html-unclosed", mail("Content-Type: text/html", body="<p>Hello <b>there<p>again"), text="Hello there\n\nagain"
)
rule.add("html-deep", mail("Content-Type: text/html", body="<div>" * 5000 + "Hello"), text="Hello")
rule.add("html-of-nothing", mail("Content-Type: text/html", body="<html><body></body></html>"), text="")

tree("attachment", multipart("mixed", plain, file("bill.pdf", b"%PDF-1.7", "application/pdf")),
     text="It does not print.", files=[["bill.pdf", "application/pdf"]], contents=["%PDF-1.7"])  # fmt: skip
tree("two-attachments", multipart("mixed", plain, file("a.txt", b"a", "text/plain"), file("b.txt", b"b", "text/plain")),
     text="It does not print.", files=[["a.txt", "text/plain"], ["b.txt", "text/plain"]], contents=["a", "b"])  # fmt: skip
tree("text-between-files", multipart("mixed", part("text/plain", "First."), file("a.bin", b"a"), part("text/plain", "Second.")),
     text="First.\n\nSecond.", files=[["a.bin", "application/octet-stream"]])  # fmt: skip
tree("inline-image", multipart("related", html, part("image/png", base64(b"\x89PNG"), "Content-ID: <i1>",
     "Content-Transfer-Encoding: base64")), text="It does not print.", files=[["file.png", "image/png"]],
     contents=["\x89PNG"])  # fmt: skip
tree("inline-image-in-alternative", multipart("alternative", plain, nested("related", html, part("image/gif", base64(b"GIF"),
     "Content-ID: <i1>", "Content-Transfer-Encoding: base64", "Content-Disposition: inline; filename=logo.gif"), boundary="r")),
     text="It does not print.", files=[["logo.gif", "image/gif"]], contents=["GIF"])  # fmt: skip
rule.add("file-only", mail("Content-Type: application/pdf; name=scan.pdf", "Content-Transfer-Encoding: base64",
         body=base64(b"%PDF")), text="", files=[["scan.pdf", "application/pdf"]], contents=["%PDF"])  # fmt: skip
tree("named-text-is-a-file", multipart("mixed", plain, part("text/plain; name=log.txt", "a log")),
     text="It does not print.", files=[["log.txt", "text/plain"]], contents=["a log"])  # fmt: skip
tree("empty-file", multipart("mixed", plain, file("empty.txt", b"")), files=[["empty.txt", "application/octet-stream"]],
     contents=[""])  # fmt: skip

for name, header, read in (
    ("rfc2231", "filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
    ("rfc2231-in-pieces", "filename*0*=utf-8''Gr%C3%B6; filename*1*=%C3%9Fe.pdf", "Größe.pdf"),
    ("encoded-word", 'filename="=?utf-8?b?R3LDtsOfZS5wZGY=?="', "Größe.pdf"),
    ("path", r'filename="..\\..\\etc/passwd"', "_.._etc_passwd"),
    ("line-end", 'filename="=?utf-8?q?a=0D=0AX-Evil=3A_1.txt?="', "a X-Evil_ 1.txt"),
    ("bidi", 'filename="invoice\u202efdp.exe"', "invoicefdp.exe"),
    ("nul", 'filename="a.exe\0.txt"', "a.exe.txt"),
    ("very-long", f'filename="{"x" * 5000}.pdf"', "x" * 120),
    ("empty-rfc2231", "filename*=", "file.bin"),
    ("broken-rfc2231", "filename*0*=x; name*", "x"),
):
    piece = part("application/octet-stream", "x", f"Content-Disposition: attachment; {header}")
    tree(f"file-name-{name}", multipart("mixed", plain, piece), files=[[read, "application/octet-stream"]])

forwarded = b"From: ada@casewire.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nI'm closing this case."
tree("mail-in-mail", multipart("mixed", plain, part("message/rfc822", forwarded)), text="It does not print.",
     sender="grace@example.org", files=[["Grüße.eml", "message/rfc822"]], contents=[forwarded.decode()])  # fmt: skip
tree("digest", multipart("digest", b"\r\n" + forwarded, b"\r\n" + forwarded), text="",
     files=[["Grüße.eml", "message/rfc822"]] * 2)  # fmt: skip
tree("calendar", multipart("alternative", plain, part("text/calendar; method=REQUEST; charset=utf-8",
     INVITE.format(method="REQUEST", answer="NEEDS-ACTION"))), machine=None, files=[["invite.ics", "text/calendar"]],
     text="It does not print.\n\nInvitation: Planning, part 2, 2026-03-02 10:00 (Europe/Berlin) to 11:00, Room 4")  # fmt: skip
rule.add("calendar-only", mail("Content-Type: text/calendar; charset=utf-8",
         body=INVITE.format(method="CANCEL", answer="NEEDS-ACTION")), machine=None,
         text="Cancelled meeting: Planning, part 2, 2026-03-02 10:00 (Europe/Berlin) to 11:00, Room 4")  # fmt: skip
tree("calendar-answer", multipart("alternative", plain, part("text/calendar; method=REPLY",
     INVITE.format(method="REPLY", answer="ACCEPTED"))), machine="calendar")  # fmt: skip
rule.add("calendar-answer-only", mail("Content-Type: text/calendar",
         body=INVITE.format(method="REPLY", answer="DECLINED")), machine="calendar",
         text="Answer to an invitation: Planning, part 2, 2026-03-02 10:00 (Europe/Berlin) to 11:00, Room 4, declined")  # fmt: skip
tree("calendar-broken", multipart("mixed", plain, part("text/calendar", "no calendar")),
     text="It does not print.\n\nEvent: without a title")  # fmt: skip
tree("tnef", multipart("mixed", plain, file("winmail.dat", b"x\x9f>\"", "application/ms-tnef")),
     files=[["winmail.dat", "application/ms-tnef"]], notes=["Outlook's own package"])  # fmt: skip
tree("tnef-nameless", multipart("mixed", plain, part("application/ms-tnef", "x")),
     files=[["winmail.dat", "application/ms-tnef"]], notes=["Outlook's own package"])  # fmt: skip
rule.add("smime-sealed", mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
         "Content-Transfer-Encoding: base64", body=base64(b"0")), files=[["smime.p7m", "application/pkcs7-mime"]],
         notes=["S/MIME"])  # fmt: skip
tree("pgp-sealed", multipart("encrypted", part("application/pgp-encrypted", "Version: 1"), file("encrypted.asc", b"-----")),
     text="", notes=["PGP"])  # fmt: skip
tree("pgp-signed", multipart("signed", plain, file("signature.asc", b"-----", "application/pgp-signature")),
     text="It does not print.", files=[["signature.asc", "application/pgp-signature"]])  # fmt: skip
rule.add("flowed", mail("Content-Type: text/plain; format=flowed", body="It does \nnot print.\n\n > no quote\n-- \nGrace"),
         text="It does not print.\n\n> no quote\n-- \nGrace")  # fmt: skip
rule.add(
    "flowed-delsp",
    mail("Content-Type: text/plain; format=flowed; delsp=yes", body="プリン \nター"),
    text="プリンター",
)

tree(
    "no-end", multipart("mixed", plain, file("a.bin", b"a"), end=False), text="It does not print.", contents=["a"]
)
rule.add("no-boundary", mail("Content-Type: multipart/mixed", body="It does not print."), text="It does not print.",
         notes=["where they begin"])  # fmt: skip
rule.add("boundary-not-there", mail("Content-Type: multipart/mixed; boundary=x", body="It does not print."),
         text="It does not print.")  # fmt: skip
tree("boundary-within-another", multipart("mixed", nested("mixed", plain, boundary="=_bb"), file("a.bin", b"a"), boundary="=_b"),
     text="It does not print.", contents=["a"])  # fmt: skip
tree("preamble", ("Content-Type: multipart/mixed; boundary=x",
     b"This is a multi-part message.\r\n--x\r\n\r\nIt does not print.\r\n--x--\r\nepilogue"), text="It does not print.")  # fmt: skip
tree("part-without-blank-line", ("Content-Type: multipart/mixed; boundary=x", b"--x\r\nIt does not print.\r\n--x--"),
     text="It does not print.")  # fmt: skip
tree("content-type-of-nonsense", ("Content-Type: text", b"It does not print."), text="It does not print.")
tree("content-type-twice", ("Content-Type: text/plain\r\nContent-Type: text/html", b"<b>x</b>"), text="<b>x</b>")
deep = plain
for level in range(60):
    deep = nested("mixed", deep, boundary=f"d{level}")
rule.add("nested-too-deep", mail(*deep.split(b"\r\n\r\n", 1)[:1], body=deep.split(b"\r\n\r\n", 1)[1]),
         sender="grace@example.org", notes=["nested deeper"])  # fmt: skip
tree("too-many-parts", multipart("mixed", *[part("text/plain", f"{n}") for n in range(1005)], boundary="x"),
     notes=["more than 1000 parts"])  # fmt: skip
rule.add("too-many-headers", mail(*[f"X-Filler-{n}: {'x' * 900}" for n in range(300)]), sender="grace@example.org",
         text="It does not print.", notes=["256 KiB"])  # fmt: skip
rule.add("cut", mail(*multipart("mixed", plain, file("a.bin", b"abcdef"))[:1],
         body=multipart("mixed", plain, file("a.bin", b"abcdef"))[1][:-20]), is_cut=True, text="It does not print.",
         notes=["too large to be fetched whole"])  # fmt: skip
rule.add("cut-in-the-headers", f"From: {GRACE}\r\nSubject: Hel".encode(), is_cut=True, subject="Hel",
         sender="grace@example.org", notes=["too large"])  # fmt: skip
