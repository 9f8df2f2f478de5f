"""The story's chapter of mail: a customer who has no Slack writes, is answered, and answers."""

from __future__ import annotations

from email import message_from_bytes

from bot.demo.story import RECEIPT, SENT, Scene, Stage
from bot.sandbox.mail import reading
from bot.sandbox.mail.server import MailServer
from bot.sandbox.mail.store import Mail
from bot.sandbox.people import ADA, SUPPORT

MIA = "mia@shop-around-the-corner.example"
MIAS = "CASE_004"
ANSWER = "Sorry, Mia! The right invoice is on its way to you."


def _mail(stage: Stage) -> MailServer:
    if stage.slack.mail is None:
        raise RuntimeError("this chapter needs a local Slack with mail")
    return stage.slack.mail


def _thread(stage: Stage) -> list[str]:
    card = stage.card(MIAS)
    return [] if card is None else [post["text"] for post in stage.slack.messages(SUPPORT, card["ts"])]


def _got(stage: Stage, words: str) -> Mail | None:
    """The mail in Mia's mailbox that says that."""
    inbox = _mail(stage).mailbox(MIA).inbox
    return next((mail for mail in inbox if words in f"{mail.raw!r} {reading.words(mail.raw)}"), None)


async def a_customer_writes_a_mail(stage: Stage) -> None:
    text = "Hello, you charged me for two lamps, but I bought one."
    _mail(stage).write(f"Mia Chen <{MIA}>", "Invoice 2201 is wrong", text, files=[RECEIPT])
    await stage.expect(f"the card of {MIAS} in #support", lambda: stage.card(MIAS))
    await stage.expect("her words in its thread", lambda: stage.in_thread(MIAS, text))
    await stage.expect("her file in its thread", lambda: stage.has_file(SUPPORT, MIAS, RECEIPT))
    await stage.expect("a receipt in her mailbox", lambda: _got(stage, MIAS))


async def the_answer_is_a_mail(stage: Stage) -> None:
    card = await stage.expect(f"the card of {MIAS} in #support", lambda: stage.card(MIAS))
    ts = await stage.slack.post(ADA, SUPPORT, ANSWER, thread_ts=card["ts"])
    answer = await stage.expect("Ada's answer in Mia's mailbox", lambda: _got(stage, ANSWER))
    written = reading.references(_mail(stage).mailbox(MIA).sent[0].raw)[0]
    await stage.expect("a reply to her own mail", lambda: message_from_bytes(answer.raw)["In-Reply-To"] == written)
    await stage.expect("✓ on the answer", lambda: SENT in stage.slack.reactions(SUPPORT, ts))


async def her_reply_joins_the_case(stage: Stage) -> None:
    answer = await stage.expect("Ada's answer in Mia's mailbox", lambda: _got(stage, ANSWER))
    text = "It is here, thank you!"
    quoted = f"{text}\n\nOn Tue, 3 Feb 2026 at 10:30, Casewire Support <{_mail(stage).desk}> wrote:\n> {ANSWER}\n"
    _mail(stage).write(f"Mia Chen <{MIA}>", text=quoted, reply_to_mail=answer)
    await stage.expect(
        f"her reply in the thread of {MIAS}, without what it quotes",
        lambda: any(text in post and "wrote:" not in post for post in _thread(stage)),
    )


MAIL_STORY = (
    Scene(
        "A customer writes a mail",
        "Mia has no Slack: she writes to the desk's address. Notice that her mail opens a case like any other, "
        "with her words and her file in the thread, and that her receipt is a mail.",
        a_customer_writes_a_mail,
    ),
    Scene(
        "The answer is a mail",
        "Ada replies in the thread, as ever. Notice that Mia gets it as a reply to her own mail; it waits a "
        "moment first, in which Ada could still edit it.",
        the_answer_is_a_mail,
    ),
    Scene(
        "Her reply joins the case",
        "Mia answers from her mail program, which quotes everything. Notice that only what is new is shown.",
        her_reply_joins_the_case,
    ),
)
