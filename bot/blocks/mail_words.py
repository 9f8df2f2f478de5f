"""The words about mail that no case has taken. The rules for words stand in `words`."""

from bot.desk.mail_rules import WhyHeld, WhyListed

TITLE_HELD = "A mail is held: {why}"
TITLE_URGENT = "A mail is held, and sounds urgent: {why}"
TITLE_SHOWN = "An admin's mail fits no case"
TITLE_DIGEST = "Mails that no case takes"
FROM = "*From:* {sender}"
SUBJECT = "*Subject:* {subject}"
RECEIVED = "*Received:* {at}"
NO_SUBJECT = "(no subject)"
NO_SENDER = "(no sender that can be read)"
KEYWORD = "*It says* “{keyword}”."
VERDICT = "*The receiving server says:* {verdict}"
VERDICT_DETAIL = "*The receiving server says:* {verdict} ({detail})"
VERDICTS = {
    "passed": "the sender is proven",
    "failed": "the sender is not who the mail says",
    "none": "nothing about the sender",
    "untrusted": "nothing that can be trusted",
}
WOULD_GO = "*It would go into:* {case}"
WHY_SHORT = {
    WhyHeld.NO_SENDER: "no usable sender",
    WhyHeld.SPAM: "marked as spam",
    WhyHeld.FAILED_CHECK: "the sender may be forged",
    WhyHeld.UNPROVEN_ADMIN: "an admin's address, not proven",
    WhyHeld.USED_ADMIN_MAIL: "an admin's mail, used before",
    WhyHeld.OLD_ADMIN_MAIL: "an admin's mail, too old",
    WhyHeld.STRANGER: "a stranger in a case",
    WhyHeld.TOO_MANY: "too many new cases at once",
}
WHY = {
    WhyHeld.NO_SENDER: "There is no single address in its From to answer to.",
    WhyHeld.SPAM: "The receiving server marked it as spam.",
    WhyHeld.FAILED_CHECK: "The check of the sender (DMARC) failed: somebody else may have written it.",
    WhyHeld.UNPROVEN_ADMIN: (
        "It bears an admin's address, but nothing proves that the admin wrote it. It changed nothing."
    ),
    WhyHeld.USED_ADMIN_MAIL: "An admin acted by a mail of the same Message-ID before. It changed nothing.",
    WhyHeld.OLD_ADMIN_MAIL: "An admin's mail works for 7 days. It changed nothing.",
    WhyHeld.STRANGER: "Somebody who is not in this case answered to one of its mails.",
    WhyHeld.TOO_MANY: "More cases were opened by mail within an hour than EMAIL_NEW_CASES_PER_HOUR allows.",
}
SHOWN = (
    "No case is meant for certain: it answers to no mail of a case, its subject names none, and it went to no "
    "customer (or to several) with an open case. It changed nothing.",
)
DECIDED = {
    "accepted": "*Accepted into {case} by {by}, {at}.* The sender may write to this case from now on.",
    "opened": "*Put into {case} by {by}, {at}.*",
    "blocked": "*Blocked by {by}, {at}.* Later mails of this sender are only listed.",
    "set_aside": "*Set aside by {by}, {at}.*",
}
BUTTON_ACCEPT = "Accept"
BUTTON_OPEN = "New case"
BUTTON_BLOCK = "Block"
BUTTON_SET_ASIDE = "Set aside"
BUTTON_OPEN_LISTED = "Open a case"
LABEL_ACCEPT = "Accept the mail of {sender} into {case_id}"
LABEL_OPEN = "Open a case for the mail of {sender}"
LABEL_BLOCK = "Block {sender}"
LABEL_SET_ASIDE = "Set the mail of {sender} aside"
SURE_BLOCK_TITLE = "Block this sender?"
SURE_BLOCK = (
    "From now on mails from {sender} are listed and open nothing. If this mail is forged, that hits the "
    "true owner of the address: set it aside instead."
)
LISTED = "{sender}: {subject} ({kind}, {at})"
LISTED_DONE = {
    "accepted": "{sender}: {subject} · in {case}, by {by}",
    "opened": "{sender}: {subject} · in {case}, by {by}",
    "blocked": "{sender}: {subject} · blocked by {by}",
    "set_aside": "{sender}: {subject} · set aside by {by}",
}
LISTED_MORE = "and {count} more, shown once some of these are decided"
KINDS = {
    "own": "sent by a desk like this one",
    "bounce": "came back, no answer of ours",
    "report": "a receipt or complaint",
    "auto_reply": "automatic reply",
    "calendar": "answer to an invitation",
    "list": "mailing list",
    "bulk": "bulk mail",
    "no_reply": "nobody reads answers",
    WhyListed.MACHINE.value: "automatic mail",
    WhyListed.BLOCKED.value: "blocked sender",
    WhyHeld.TOO_MANY.value: "too many new cases at once",
}
ALERT_URGENT = "*A held mail sounds urgent.* An admin decides on it in {channel}."
ALERT_DUE = "*Held mail waits for a decision for too long ({count}).* Decide on it in {channel}."
ALERT_LINE = "{sender}: {mail} (since {at})"
MANY_CASES = (
    "*More than {limit} cases were opened by mail within an hour.* Further mails that would open one are held, "
    "in one list in {channel}."
)
MANY_AUTOMATIC = (
    "*More than {limit} automatic mails went out within an hour.* Until there are fewer, no notice is sent by "
    "mail (EMAIL_AUTO_LIMIT_TOTAL). Two systems may be answering each other: look at the newest cases."
)
BOUNCED = "{to}, *an answer came back, and its case is closed:* {case}. The customer did not get it."
NOT_SENT = {
    "address": "this address got as many as EMAIL_AUTO_LIMIT allows in a day",
    "total": "as many as EMAIL_AUTO_LIMIT_TOTAL allows in an hour went out",
}
CC = "*Cc:* {addresses}"
NOTE = "*Note:* {note}"
FORM_POST_MAIL = "written by email, for the customer"

# How admins act by mail, after "Email: "
ADMIN_MAIL = "*Email:* {text}."
ADMINS_UNCHECKED = (
    "ADMIN_EMAIL_CHECK=none, so anybody who writes an admin's address into From can answer customers and close "
    "cases. Set it to dmarc unless nobody else can write to this mailbox"
)
ADMINS_UNPROVABLE = (
    "admins cannot act by mail, and theirs is held: it is not known how {server} marks senders it has checked. "
    "Set EMAIL_AUTHSERV_ID to the name at the start of its Authentication-Results"
)
ADMINS_TRUST_UNPROVEN = (
    "admins' mail is believed by the word of {server}, whose form was never tried on a live mailbox of ours. Send "
    "one to yourself, and look whether it is held"
)
