"""What was newly written, apart from history and signature, in the ways that mail programs quote."""

from .build import Rule, mail, multipart, part

rule = Rule("quotes")
NEW = "Still broken."


def reply(name: str, body: str, new: str = NEW, **reading: object) -> None:
    rule.add(name, mail("Content-Type: text/plain; charset=utf-8", body=body), new_words=new, text=body, **reading)


def html(name: str, body: str, new: str = NEW) -> None:
    rule.add(name, mail("Content-Type: text/html; charset=utf-8", body=body), new_words=new)


OLD = "\n> Please restart it. This is urgent.\n> -- \n> Ada"
for name, heading in {
    "english": "On Mon, 2 Mar 2026 at 10:00, Support <support@casewire.example> wrote:",
    "english-two-lines": "On Mon, 2 Mar 2026 at 10:00, Support\n<support@casewire.example> wrote:",
    "german": "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Support <support@casewire.example>:",
    "french": "Le lun. 2 mars 2026 à 10:00, Support <support@casewire.example> a écrit :",
    "spanish": "El lun, 2 mar 2026 a las 10:00, Support (<support@casewire.example>) escribió:",
    "portuguese": "Em seg., 2 de mar. de 2026 às 10:00, Support <support@casewire.example> escreveu:",
    "italian": "Il giorno lun 2 mar 2026 alle ore 10:00 Support <support@casewire.example> ha scritto:",
    "dutch": "Op ma 2 mrt 2026 om 10:00 schreef Support <support@casewire.example>:",
    "polish": "pon., 2 mar 2026 o 10:00 Support <support@casewire.example> napisał(a):",
    "russian": "пн, 2 мар. 2026 г. в 10:00, Support <support@casewire.example>:",
    "turkish": "Support <support@casewire.example>, 2 Mar 2026 Pzt, 10:00 tarihinde şunu yazdı:",
    "japanese": "2026年3月2日(月) 10:00 Support <support@casewire.example>:",
    "korean": "2026년 3월 2일 (월) 오전 10:00, Support <support@casewire.example>님이 작성:",
    "chinese": "Support <support@casewire.example> 于2026年3月2日周一 10:00写道：",
    "arabic": "في الاثنين، 2 مارس 2026 في 10:00 تمت كتابة ما يلي بواسطة Support <support@casewire.example>:",
    "swedish": "Den mån 2 mars 2026 kl 10:00 skrev Support <support@casewire.example>:",
}.items():
    reply(f"top-{name}", f"{NEW}\n\n{heading}\n{OLD}")

for name, block in {
    "english": "From: Support <support@casewire.example>\nSent: Monday, March 2, 2026 10:00 AM\nTo: Grace\nSubject: RE: x",
    "german": "Von: Support <support@casewire.example>\nGesendet: Montag, 2. März 2026 10:00\nAn: Grace\nBetreff: AW: x",
    "spanish": "De: Support <support@casewire.example>\nEnviado: lunes, 2 de marzo de 2026 10:00\nPara: Grace\nAsunto: RE: x",
    "dutch": "Van: Support <support@casewire.example>\nVerzonden: maandag 2 maart 2026 10:00\nAan: Grace\nOnderwerp: RE: x",
}.items():
    reply(f"outlook-{name}", f"{NEW}\n\n{block}\n\nPlease restart it. This is urgent.")
    reply(f"outlook-{name}-under-a-rule", f"{NEW}\n\n{'_' * 32}\n{block}\n\nPlease restart it. This is urgent.")

reply("original-message", f"{NEW}\n\n-----Original Message-----\nPlease restart it. This is urgent.")
reply("original-message-german", f"{NEW}\n\n-----Ursprüngliche Nachricht-----\nBitte neu starten.")
reply(
    "bottom-posted",
    f"On Mon, 2 Mar 2026 at 10:00, Support <s@casewire.example> wrote:\n> Please restart it.\n\n{NEW}",
)
reply("bottom-posted-bare", f"> Please restart it.\n\n{NEW}")
reply("between-the-lines", "Hi,\n\nOn Mon, 2 Mar 2026 at 10:00, Ada <a@x.example> wrote:\n> Restarted?\n\nYes.\n\n> Paper?\n\nYes too.",
      "Hi,\n\nYes.\n\n\nYes too.")  # fmt: skip
reply(
    "own-marker",
    f"{NEW}\n\n##- Please write your answer above this line -##\n\nPlease restart it. This is urgent.",
)
reply(
    "own-marker-quoted",
    f"{NEW}\n\nOn Mon, 2 Mar 2026, Support wrote:\n> ##- Please write your answer above this line -##\n> Old",
)

reply("signature", f"{NEW}\n\n-- \nGrace Hopper\nurgent matters: 555-0100")
reply("signature-without-space", f"{NEW}\n--\nGrace")
reply("signature-closing", f"{NEW}\n\nBest regards,\nGrace Hopper\nCritical Systems Ltd")
reply("signature-closing-german", f"{NEW}\n\nMit freundlichen Grüßen\nGrace Hopper")
reply("signature-closing-polish", f"{NEW}\n\nPozdrawiam\nGrace")
reply("signature-phone", f"{NEW}\n\nSent from my iPhone")
reply("signature-phone-spanish", f"{NEW}\n\nEnviado desde mi iPhone")
reply("signature-above-quote", f"{NEW}\n\n-- \nGrace\n\nOn Mon, 2 Mar 2026, Support <s@x.example> wrote:\n> Old")

reply(
    "kept-thanks-in-a-sentence",
    "Hello,\nThanks, but it still fails.\nThis is urgent.",
    "Hello,\nThanks, but it still fails.\nThis is urgent.",
)
reply("kept-list", "It fails:\n- ink\n- paper\n-- both", "It fails:\n- ink\n- paper\n-- both")
reply("kept-words-below-closing", "Hi\n\nBest,\n" + "\n".join(f"And {n}: a line that says a good deal more than a signature does, and more than that." for n in range(3)),
      "Hi\n\nBest,\n" + "\n".join(f"And {n}: a line that says a good deal more than a signature does, and more than that." for n in range(3)))  # fmt: skip
reply("signature-closing-russian", f"{NEW}\n\nС уважением,\nИван")
reply("signature-closing-japanese", f"{NEW}\n\nよろしくお願いいたします。\n山田")
reply(
    "kept-postscript",
    "It fails.\n\nThanks,\nGrace\n\nPS: This is urgent!",
    "It fails.\n\nThanks,\nGrace\n\nPS: This is urgent!",
)
reply("kept-only-quotes", "> Please restart it.", "> Please restart it.")
reply("kept-only-forward", "---------- Forwarded message ---------\nFrom: X <x@example.org>\nDate: 2 Mar 2026\n\nLook",
      "---------- Forwarded message ---------\nFrom: X <x@example.org>\nDate: 2 Mar 2026\n\nLook")  # fmt: skip
reply("kept-a-form", "Subject: ink\nTo whom it may concern", "Subject: ink\nTo whom it may concern")
reply(
    "kept-on-and-wrote",
    "On the box you wrote: it works.\nIt does not.",
    "On the box you wrote: it works.\nIt does not.",
)
reply(
    "kept-on-page-wrote",
    "On page 2 you wrote:\nit works. It is urgent.",
    "On page 2 you wrote:\nit works. It is urgent.",
)
reply(
    "kept-on-monday-wrote",
    "Hi\nOn Monday 2 March I called.\nYou wrote:\nit is urgent",
    "Hi\nOn Monday 2 March I called.\nYou wrote:\nit is urgent",
)
reply(
    "kept-a-form-with-dates",
    "Refund, please.\nDate: 12 March\nTo: account 12345\nThis is urgent",
    "Refund, please.\nDate: 12 March\nTo: account 12345\nThis is urgent",
)
reply(
    "kept-an-italian-form",
    "Vorrei un biglietto.\nDa: Roma\nData: 12 marzo\nÈ urgente",
    "Vorrei un biglietto.\nDa: Roma\nData: 12 marzo\nÈ urgente",
)
reply("kept-swedish-wrote", "Hej\nJag skrev 2 gånger:\ndet är trasigt", "Hej\nJag skrev 2 gånger:\ndet är trasigt")
reply(
    "top-apple-without-quotes",
    f"{NEW}\n\nOn 2 Mar 2026, at 10:00, Ada Admin wrote:\n\nPlease restart it. This is urgent.",
)
reply("kept-long", "\n".join(f"Line {n}" for n in range(3000)), "\n".join(f"Line {n}" for n in range(3000)))

html("html-gmail", f'<div dir="ltr">{NEW}</div><br><div class="gmail_quote gmail_quote_container"><div class="gmail_attr">'
     "On Mon wrote:<br></div><blockquote>This is urgent.</blockquote></div>")  # fmt: skip
html("html-outlook", f'<p>{NEW}</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Support<br></div>'
     "<p>This is urgent.</p>")  # fmt: skip
html(
    "html-apple", f'{NEW}<br><blockquote type="cite">On 2 Mar 2026, Support wrote:<br>This is urgent.</blockquote>'
)
html("html-thunderbird", f'<p>{NEW}</p><div class="moz-cite-prefix">On 02.03.26 10:00, Support wrote:</div>'
     '<blockquote type="cite">This is urgent.</blockquote>')  # fmt: skip
html("html-yahoo", f'<div>{NEW}</div><div id="ydp1" class="yahoo_quoted">This is urgent.</div>')
html("html-proton", f'<div>{NEW}</div><div class="protonmail_quote">This is urgent.</div>')
html("html-outlook-without-marks", f"<p>{NEW}</p><div><b>From:</b> Support &lt;s@casewire.example&gt;<br><b>Sent:</b> Monday, 2 March "
     "2026 10:00<br><b>To:</b> Grace<br><b>Subject:</b> x</div><p>This is urgent.</p>")  # fmt: skip
html("html-all-quoted", '<div class="gmail_quote">Look at this.</div>', "Look at this.")
html("html-signature", f'<div>{NEW}</div><div class="gmail_signature">Grace, urgent matters</div>')
header, body = multipart("alternative", part("text/plain; charset=utf-8", f"{NEW}\n\nOn 2 Mar 2026, S <s@x.example> wrote:\n> Old"),
                         part("text/html", f"<p>{NEW}</p>"))  # fmt: skip
rule.add("plain-before-html", mail(header, body=body), new_words=NEW)
