"""Every word that people read, in one place: tone and translation are this file's concern.

In most of these, *bold*, `code` and {value} are marks for `line.line`; a value is never read for marks.
Customers are told "received", never "acknowledged"; that word belongs to the admins' button on an alert.

The closing phrase and the sign of a note are never shown as `code`: who copies them from here would paste
code, and code does not count.
"""

from bot.desk.effects import ReplyKind, ThreadNotice
from bot.desk.model import FileTrouble, Source, TriggerKind

DEFAULT_COMMAND = "/case"

# People and things without a name
NAMELESS = "somebody"
SUPPORT = "Support"
SOMETHING = "something"
UNNAMED_FILE = "a file without a name"
MORE = " and {count} more"
CUSTOMER = "{name} (customer)"
SOURCES = {Source.SLACK: "Slack", Source.EMAIL: "email"}
BETWEEN = " · "

# Card
CARD_TITLE = "Case #{case_id}: {customer}"
CARD_STATUS = "*Status:* {status}"
CARD_CUSTOMER = "*Customer:* {name} ({handle})"
CARD_CUSTOMER_ONLY = "*Customer:* {name}"
CARD_SOURCE = "*Writes by:* {source}"
CARD_OPENED = "*Opened:* {at}"
CARD_MESSAGES = "*Messages:* {count}"
CARD_WAITING = "*Customer waiting since:* {at}"
CARD_LAST_ANSWER = "*Last answer:* {by}, {at}"
CARD_NO_ANSWER = "*Last answer:* none yet"
CARD_ACKNOWLEDGED = "*Acknowledged:* by {by}"
CARD_CLOSED = "*Closed:* {at} by {by}"
CARD_PREVIOUS = "*Previous case:* {case}"
CARD_RELATED = "*Same person, other address:* {case}"
CARD_LINK = "*Thread:* {link}"
CARD_FOOT_OPEN = "Work in this case's thread: what admins write there goes to the customer."
CARD_FOOT_CLOSED = "Closed: nothing written in the thread is sent. If the customer writes again, a new case opens."
BUTTON_ESCALATE = "Escalate"
BUTTON_CLOSE = "Close"
BUTTON_REOPEN = "Reopen"
LABEL_ESCALATE = "Escalate {case_id}"
LABEL_CLOSE = "Close {case_id}"
LABEL_REOPEN = "Reopen {case_id}"
SURE_ESCALATE_TITLE = "Escalate this case?"
SURE_ESCALATE = "The alerting channel is told about {case_id}."
SURE_CANCEL = "Cancel"
STATUS_OPEN = "open"
STATUS_ESCALATED = "open, escalated"
STATUS_CLOSED = "closed"

# The thread's first reply
INTRO_TITLE = "*What you write in this thread goes to the customer of {case_id}.*"
INTRO = (
    "Only admins' posts are sent, with their files. Everybody else's posts stay here.",
    "To keep a post inside, start it with // or note: or mention a colleague first.",
    "A reaction on each post shows whether it was sent.",
    "To close the case, write: *{phrase}* The customer gets the whole message and learns that the case is "
    "closed. In a post that starts with // it closes the case quietly: the customer gets nothing.",
    "Slash commands do not work in threads: Slack takes them outside only.",
)

# A customer's message in the thread
MIRROR_HEAD = "{author}, {case_id}"
MIRROR_SPOKEN = "{head}:"
PART = "part {part} of {parts}"
MIRROR_WRITTEN = "written {at}"
MIRRORS_HEAD = "{author}, {case_id}, {count} messages"
MIRROR_LATE = "written {at}, earlier than what stands above"
MIRROR_EDITED = "edited {at}"
MIRROR_DELETED = "The customer deleted this message."
MIRROR_NO_WORDS = "The customer sent no words, only files."

# What an admin gave in a form, posted in the thread for them
FORM_POST = "written in a form, for the customer"

# To the customer
ANSWER_EDITED = "edited"
ANSWER_NO_WORDS = "{author} sent no words, only files."
ANSWER_EDITED_TEXT = "{author}, edited:"
ANSWER_DELETED = "This message was deleted."
ANSWER_CLOSING = "Case {case_id} is closed. Write again and a new case opens."
ANSWER_OPENING = "To answer, write here. What you write is added to your case {case_id}."
RECEIVED_TEMPLATE = (
    "Thank you, your message was received. Your case is {case_id}. Our support team answers here; what you "
    "write until then is added to the same case."
)
TAKEN_UP = (
    "{by} of our support team opened case {case_id} for what you wrote elsewhere. Our support team answers here; "
    "what you write here until then is added to the case."
)
CLOSED = "Your case {case_id} is closed. Write again and a new case opens."
FILES_NOT_SENT_TO_DESK = (
    "These files did not reach our support team: {files}. "
    "Please send them in another form, or describe in words what they show. (Case {case_id})"
)
FILES_NOT_SENT_TO_CUSTOMER = (
    "Our support team sent files that could not be passed on to you: {files}. The team knows. (Case {case_id})"
)

# Files
FILES = "*Files:* {files}"
FILE_FACTS = " ({facts})"
FILE_COMMENT = "From {author}, {case_id}"
FILE_NOT_SENT = "{name} ({why})"
FILE_WHY = "{why}: {detail}"
FILE_TROUBLES = {
    FileTrouble.TOO_LARGE: "larger than {limit}",
    FileTrouble.EMPTY: "empty",
    FileTrouble.DELETED: "deleted in Slack",
    FileTrouble.HIDDEN: "hidden by Slack, as the workspace is over its limit",
    FileTrouble.EXTERNAL: "kept somewhere else than in Slack",
    FileTrouble.FOREIGN: "kept somewhere else than in Slack",
    FileTrouble.UNREADABLE: "Slack did not hand it out",
    FileTrouble.REFUSED: "Slack did not take it",
    FileTrouble.UNREACHABLE: "the conversation cannot be reached",
    FileTrouble.NO_ROOM: "too large for a mail, with what else is in it",
}

# Alerts
ALERT_TITLE = "Case #{case_id} is escalated"
ALERT_CUSTOMER = "*Customer:* {customer}"
ALERT_TRIGGERS = {
    TriggerKind.KEYWORD: "The customer wrote “{detail}”.",
    TriggerKind.FOLLOW_UPS: "{detail} messages in a row without an answer.",
    TriggerKind.SILENCE: "Nothing was written for {detail} h.",
    TriggerKind.MANUAL: "{by} asked for it: {detail}",
}
ALERT_TRIGGERS_UNEXPLAINED = {
    TriggerKind.KEYWORD: "The customer wrote an urgent word.",
    TriggerKind.FOLLOW_UPS: "The customer wrote again and again without an answer.",
    TriggerKind.SILENCE: "Nothing was written for too long.",
    TriggerKind.MANUAL: "{by} asked for it.",
}
ALERT_WAITING = "Customer waiting since {at}."
ALERT_QUIET = "Answered, quiet since {at}."
ALERT_ACKNOWLEDGED = "*Acknowledged by {by} at {at}.*"
ALERT_CLOSED = "*The case was closed by {by} at {at}.*"
ALERT_ADDITION = "Also: {trigger}"
ALERT_LAST_ADDITION = "Further reasons are not listed here."
ALERT_REMINDER = "*Reminder:* case {case} ({customer}) is escalated, and nobody has acknowledged it."
ALERT_LIST_TITLE = "{count} cases are escalated"
BUTTON_ACKNOWLEDGE = "Acknowledge"
BUTTON_THREAD = "Go to thread"
LABEL_ACKNOWLEDGE = "Acknowledge the alert on {case_id}"
LABEL_ACKNOWLEDGE_ALL = "Acknowledge all cases of this list"
LABEL_THREAD = "Go to the thread of {case_id}"

# Logging channel: the form is fixed by the specification
LOG_LINE = "Case #{case_id} closed at {at} by {by}"

# Notices in a case's thread
NOTICES = {
    ThreadNotice.CLOSED: (
        "*Case {case_id} was closed by {by}.* The customer is told. If the customer writes again, a new case "
        "opens.",
        "To take this one up again: `{command} reopen {case_id}`, outside of threads.",
    ),
    ThreadNotice.CLOSED_QUIETLY: (
        "*Case {case_id} was closed quietly by {by}.* The customer is not told.",
        "To take it up again: `{command} reopen {case_id}`, outside of threads.",
    ),
    ThreadNotice.REOPENED: (
        "*Case {case_id} was reopened by {by}.* What admins write here goes to the customer again.",
    ),
    ThreadNotice.REOPENED_BY_LATE_MESSAGE: (
        "*Case {case_id} is open again.* A message arrived late that the customer wrote before the case was "
        "closed. It is shown below.",
    ),
    ThreadNotice.BEGUN: (
        "*{by} began this case by writing to the customer first.* What the customer answers is added here.",
    ),
    ThreadNotice.TAKEN_UP: (
        "*{by} took up a message into this case.* Its author wrote it elsewhere, not to the desk.",
        "It is shown below.",
    ),
    ThreadNotice.ESCALATED: ("*Case {case_id} is escalated.* The alerting channel is told.", "{trigger}"),
    ThreadNotice.NEAR_MISS: (
        "{to}, did you mean to close case {case_id}? It is still open, and your post goes to the customer as "
        "it is.",
        "To close the case, write exactly: {phrase}",
    ),
    ThreadNotice.CUSTOMER_WROTE_MEANWHILE: (
        "{to}, case {case_id} was *not closed*: the customer wrote in the meantime.",
        "Read what is new, then answer, or close again with: {phrase}",
    ),
    ThreadNotice.DELIVERY_FAILED: (
        "{to}, *an answer did not reach the customer* of case {case_id}.",
        "Why: {detail}",
        "What to do: write it again in this thread. If that fails too, reach the customer another way and "
        "leave a note here.",
    ),
    ThreadNotice.DELIVERY_UNKNOWN: (
        "{to}, *nobody knows whether an answer reached the customer* of case {case_id}.",
        "Why: {detail}",
        "What to do: ask the customer, or write it again and say that it may come twice.",
    ),
    ThreadNotice.ANSWER_RECALLED: (
        "{to}, your answer was taken back in time: the customer of case {case_id} did not get it.",
    ),
    ThreadNotice.EDIT_TOO_LATE: (
        "{to}, your edit came *too late*: the mail with your answer had gone already, as you wrote it first. "
        "(Case {case_id})",
        "What to do: write the correction as a new answer.",
    ),
    ThreadNotice.DELETION_TOO_LATE: (
        "{to}, you deleted an answer *too late*: the mail with it had gone already, and the customer of case "
        "{case_id} has it.",
        "What to do: write what the customer should know instead.",
    ),
    ThreadNotice.ANSWERED_AT_ONCE: (
        "{to} and {and_to}, you both answered case {case_id} at the same time. The customer gets both answers.",
    ),
    ThreadNotice.FILES_NOT_SENT: (
        "{to}, *files did not reach the customer* of case {case_id}: {detail}.",
        "What you wrote beside them is sent all the same. What to do: share them in another form or another way.",
    ),
    ThreadNotice.MACHINE_MAIL: ("Automatic mail from {by}: {detail} (Case {case_id})",),
    ThreadNotice.NOTICE_BOUNCED: ("A mail of this case came back: {detail} (Case {case_id})",),
    ThreadNotice.MAIL_DELAYED: ("A mail of this case is late, and still being tried: {detail} (Case {case_id})",),
    ThreadNotice.ADMIN_MAIL_CLOSED: (
        "{by} answered by email, which was *not sent*: case {case_id} is closed.",
        "To send it, reopen the case, and write it in this thread.",
    ),
    ThreadNotice.ADMIN_MAIL_NOTE: ("{by} left a note by email. The customer of case {case_id} does not get it.",),
    ThreadNotice.NOTICE_NOT_SENT: (
        "The customer of case {case_id} got *no automatic mail* this time: {detail}.",
        "What admins write here is sent as ever.",
    ),
    ThreadNotice.CUSTOMERS_FILES_NOT_SENT: (
        "*Files of the customer did not get here:* {detail}. The customer is told. (Case {case_id})",
    ),
}
NO_REASON = "no reason was given."
# Slack's words for why it does not take an answer, in ours: https://docs.slack.dev/reference/methods/chat.postMessage
REASONS = {
    "account_inactive": "the customer's account is deactivated",
    "cannot_dm_bot": "the customer is an app",
    "channel_not_found": "the direct message with the customer is gone: the account is deactivated, or has left",
    "is_archived": "the direct message with the customer is closed",
    "is_inactive": "the direct message with the customer is closed: the account is deactivated",
    "messages_tab_disabled": "the app's Messages tab is switched off in its settings, under “App Home”",
    "msg_too_long": "it is too long for Slack",
    "restricted_action": "the workspace's settings do not let this app write to the customer",
    "user_disabled": "the customer's account is deactivated",
    "user_is_restricted": "the customer is a guest whom this app may not write to",
    "user_not_found": "the customer's account no longer exists",
}
REASON = "{reason} ({word})"
NOTICE_ABOUT = "See {post}."
NOTICE_POST = "the post"

# Why a mail did not go, or not for now: {said} is the mail server's own answer
MAIL_REASON = "{reason} (the mail server says: {said})"
MAIL_REFUSED = "the mail server did not take it"
# By enhanced status (RFC 3463), without its class; a whole subject where it ends with a dot
MAIL_REASONS = {
    "1.1": "there is no such mailbox",
    "1.2": "the domain of the address does not exist",
    "1.10": "the domain of the address takes no mail",
    "2.1": "the mailbox is disabled",
    "2.2": "the mailbox is full",
    "2.3": "it is too large for the customer's mailbox",
    "3.4": "it is too large for the mail server",
    "1.": "the address is not usable",
    "2.": "the mailbox does not take it",
    "7.": "it was refused by a rule of the mail server, as spam for example",
}
MAIL_SENDER = "the mail server does not let us send as the address in EMAIL_FROM"
MAIL_NO_UTF8 = "the address has letters that the mail server cannot write to (it lacks SMTPUTF8)"
MAIL_NO_ADDRESS = "no mail can be sent to that address"
MAIL_UNKNOWN = (
    "the connection broke while the mail was handed over, twice, so nobody knows whether it arrived ({why})"
)
MAIL_NO_SERVER = "no mail server is set up for sending: set SMTP_SERVER, and restart"
MAIL_GIVEN_UP = "the mail server did not take it for two days; its last answer was: {said}"
MAIL_ONLY_LOST_FILES = "none of its files could be sent, and there are no words in it"
MAIL_AWAY = "the mail server cannot be reached ({why})"
# Said to operators, after "I am in trouble: "
MAIL_LOGIN = (
    "the mail server refuses the login for sending ({said}); answers by email wait. Check SMTP_USER and "
    "SMTP_PASSWORD"
)
MAIL_CERTIFICATE = (
    "the certificate of {host} is not valid for sending mail; answers by email wait. Check SMTP_SERVER, and "
    "whether that server's certificate has expired"
)
MAIL_UNFIT = (
    "mail cannot be sent as it is set up ({why}); answers by email wait. Check SMTP_PORT, SMTP_SECURITY and "
    "SMTP_USER"
)
MAIL_DOWN = "mail cannot be sent since {since}: the mail server is out of reach; answers by email wait for it"

# A mail to a customer. No marks here: it is plain text, and its twin is made from that
MAIL_CLOSING = "Case {case_id} is closed. Write again and a new case opens."
MAIL_CLOSED = "Your case {case_id} is closed. Write again and a new case opens."
MAIL_FOOT = "{author}\nCase {case_id}. To answer, reply to this mail."
MAIL_FOOT_NOTICE = "This mail was sent automatically. To reach us, reply to it."
MAIL_QUOTED = "On {at}, {name} wrote:"
MAIL_QUOTE_CUT = "[…]"
MAIL_FILES_MISSING = "Files that could not be sent with this mail: {files}"
MAIL_UNNAMED = "Your case"

HELD = "{author}, this was *not sent*: case {case_id} is closed."
HELD_CHOICE = "To send it, reopen the case."
BUTTON_REOPEN_AND_SEND = "Reopen and send"
LABEL_REOPEN_AND_SEND = "Reopen {case_id} and send this post"

# What somebody who asked for a change is told at once
NOT_ALLOWED = "Sorry, only admins of this desk can do that."
REPLIES = {
    ReplyKind.CLOSED: "Case {case} is closed.",
    ReplyKind.ALREADY_CLOSED: "Case {case} was already closed by {by}.",
    ReplyKind.REOPENED: "Case {case} is open again.",
    ReplyKind.REOPENED_AND_SENT: (
        "Case {case} is open again, and your post is on its way to the customer. Write the closing phrase anew to "
        "close it."
    ),
    ReplyKind.ALREADY_OPEN: "Case {case} is open already.",
    ReplyKind.NEWER_OPEN: (
        "Case {case} stays closed: this customer has a newer open case, {other}. Answer there."
    ),
    ReplyKind.ESCALATED: "Case {case} is escalated. The alerting channel is told.",
    ReplyKind.ADDED_UNDER_ALERT: "Case {case} has an alert already: your request counts under that one.",
    ReplyKind.ALREADY_ESCALATED: "Case {case} is escalated already.",
    ReplyKind.BEGUN: "Case {case} is open, and your message is on its way to the customer.",
    ReplyKind.TAKEN_UP: "Case {case} is open, and that message is in it.",
    ReplyKind.JOINED: "Its author has an open case, {case}: that message was added to it.",
    ReplyKind.HAS_OPEN_CASE: "{name} has an open case, {case}. Write in its thread. *Your message was not sent.*",
    ReplyKind.IN_A_CASE_ALREADY: "That message is in case {case} already.",
    ReplyKind.IS_AN_ADMIN: "{name} is an admin of this desk: admins have no cases.",
    ReplyKind.IS_A_BOT: "That was written by an app: there is nobody to answer to.",
    ReplyKind.IS_DEACTIVATED: "The account of {name} is deactivated: no answer would reach it.",
    ReplyKind.NO_SUCH_PERSON: "Slack knows no such person.",
    ReplyKind.NO_WORDS: "There are no words in that message.",
    ReplyKind.MAIL_ACCEPTED: "The mail is in case {case}, and its sender may write to that case from now on.",
    ReplyKind.MAIL_OPENED: "The mail is in case {case}.",
    ReplyKind.MAIL_BLOCKED: "{name} is blocked: later mails from there are only listed.",
    ReplyKind.MAIL_SET_ASIDE: "The mail is set aside.",
    ReplyKind.MAIL_DECIDED: "{by} has decided on that mail already.",
    ReplyKind.MAIL_GONE: "That mail, or the case it belongs to, is not there any more.",
    ReplyKind.MAIL_NO_SENDER: "That mail has no sender who could be answered or blocked.",
    ReplyKind.ADDRESS_BLOCKED: (
        "{name}, the customer of case {case}, is blocked: later mails from there are only listed. The case itself "
        "stays as it is. To undo it: casewire block remove"
    ),
    ReplyKind.ADDRESS_BLOCKED_ALREADY: "{name}, the customer of case {case}, is blocked already.",
    ReplyKind.NOT_BY_MAIL: "The customer of case {case} writes in Slack: only email addresses can be blocked.",
    ReplyKind.ACKNOWLEDGED: "You acknowledged the alert on case {case}.",
    ReplyKind.ALREADY_ACKNOWLEDGED: "The alert on case {case} was already acknowledged by {by}.",
    ReplyKind.NOT_FOUND: "There is no case {case}.",
    ReplyKind.NOT_ALLOWED: NOT_ALLOWED,
    ReplyKind.CASE_CLOSED: ("Case {case} is closed. To work on it, reopen it first: `{command} reopen {case_id}`"),
    ReplyKind.CUSTOMER_WROTE_MEANWHILE: (
        "Case {case} was *not closed*: the customer wrote in the meantime. Read what is new, then close it again."
    ),
}
REPLIES_BY_NOBODY = {
    ReplyKind.ALREADY_CLOSED: "Case {case} is closed already.",
    ReplyKind.ALREADY_ACKNOWLEDGED: "There is nothing to acknowledge on case {case}.",
}
REPLIES_WITHOUT_CASE = {ReplyKind.NOT_FOUND: "There is no such case."}
ACCEPTED = "Accepted. It will be done shortly."
TRY_AGAIN = "That could not be confirmed just now. Look at the case before you try again in a minute."

# Forms
FORM_NOT_OPENED = "The form could not be opened just now. If you do not see it, try again in a moment."
FORM_BACK = "Close"
FORM_CANCEL = "Cancel"
FORM_YOUR_WORDS = "What you wrote, to copy it:"
FORM_NO_WORDS = "Write something: a message without words cannot be sent."
FORM_TITLE_OUTCOME = "Case desk"
CLOSE_TITLE = "Close {case_id}"
CLOSE_SUBMIT = "Close case"
CLOSE_WHO = "*Customer:* {customer}"
CLOSE_SUMMARY = "*Messages:* {count}, the last at {at}"
CLOSE_WAITING = "*The customer waits for an answer since {at}.*"
CLOSE_NEXT = "If the customer writes again, a new case opens."
CLOSE_WORDS = "Last message to the customer"
CLOSE_WORDS_HINT = "It is sent with the words: case closed, write again and a new case opens."
CLOSE_HOW = "Quietly"
CLOSE_QUIETLY = "Tell the customer nothing"
CLOSE_QUIET_WITH_WORDS = "Closed quietly, nothing is sent: take the words out, or the tick."
BEGIN_TITLE = "Write to a customer"
BEGIN_SUBMIT = "Send"
BEGIN_EXPLAINED = "A case opens, and its thread. Your message is sent to the customer in a direct message."
BEGIN_WHO = "Customer"
BEGIN_WORDS = "Your message"

# Home
HOME_TITLE = "The desk"
HOME_ESCALATED = "Escalated ({count})"
HOME_WAITING = "Waiting longest ({count})"
HOME_OPEN = "All open ({count})"
HOME_TITLES = {
    "escalated": "Escalated cases, the longest escalated first",
    "waiting": "Customers who wait for an answer, the longest waiting first",
    "open": "All open cases, the oldest first",
    "customer": "The cases of one customer, the newest first",
}
HOME_NONE = {
    "escalated": "No case is escalated.",
    "waiting": "No customer waits for an answer.",
    "open": "There is no open case.",
    "customer": "This person has no case.",
}
HOME_PAST_END = "There are no more cases here."
HOME_FILTER = "Cases of one customer"
HOME_ALL = "Show all cases"
HOME_NEXT = "Next page"
HOME_BACK = "Previous page"
HOME_FIRST = "First page"
HOME_PAGE = "page {page}"
HOME_ROW = "{case_id}: {customer}"
HOME_STATE_ESCALATED = "escalated since {at}"
HOME_STATE_WAITING = "waiting since {at}"
HOME_STATE_QUIET = "answered, quiet since {at}"
HOME_STATE_CLOSED = "closed {at} by {by}"
HOME_STATE_OPENED = "opened {at}"
HOME_OWN_TITLE = "Your cases"
HOME_OWN_HOW = (
    "To reach our support team, write to me under “Messages”. You need no command and no form: just write. Our "
    "support team answers there."
)
HOME_OWN_CLOSED_TITLE = "Closed"
HOME_OWN_CLOSED = "{case_id}: opened {opened}, closed {closed}"
HOME_OWN_NONE = "You have no case yet."

# Help
ADMIN_DM = (
    "You are an admin of this desk, so your direct message opens no case.",
    "To try it out as a customer, write to me from another account.",
    "To answer customers, write in the threads of their cases in {channel}.",
)
MENTION_HELP = "Cases are worked in their threads in {channel}. For what I can do, type `{command} help`."
HELP_TITLE = "*What `{command}` can do*"
HELP_CUSTOMER = (
    "`{command} status`: how your case stands",
    "`{command} help`: this help",
)
HELP_CUSTOMER_FOOT = ("To reach our support team, write to me in a direct message. You need no command for that.",)
HELP_ADMIN = (
    "`{command} status`: how the desk stands",
    "`{command} status CASE_001`: how a case stands",
    "`{command} list`: the open cases, longest waiting first",
    "`{command} close CASE_001`: close a case and tell its customer; with `quiet` at the end, tell nobody",
    "`{command} reopen CASE_001`: take up a closed case again",
    "`{command} escalate CASE_001 why`: alert others to a case",
    "`{command} block CASE_001`: let the email address of its customer open nothing any more",
    "`{command} new @customer text`: write to somebody first and open a case; without text, a form asks for it",
    "`{command} help`: this help",
)
HELP_ADMIN_FOOT = (
    "Slack allows no slash command inside a thread. In a case's thread, type instead:",
    "To close the case: *{phrase}*",
    "To keep a post inside: // at its start",
)
UNKNOWN_COMMAND = "I do not know “{word}”."
WHICH_CASE = "Which case? Write for example: {command} {word} CASE_012"

# Status and lists
STATUS_YOURS = "*Your case {case_id} is open* since {at}."
STATUS_YOURS_RECEIVED = "What you wrote was received. There is no answer yet."
STATUS_YOURS_ANSWERED = "Last answer: {at}."
STATUS_YOURS_RECEIVED_MORE = "What you wrote since then was received."
STATUS_YOURS_CLOSED = "*Your last case, {case_id}, was closed* at {at}. Write again and a new case opens."
STATUS_YOURS_NONE = "You have no case yet. To reach our support team, write to me in a direct message."
DESK_TITLE = "The desk now"
DESK_COUNTS = "*Open:* {open}, of these waiting for an answer: {waiting}, escalated: {escalated}"
DESK_HELD = "*Held mail, waiting for an admin's decision:* {count}"
DESK_QUARANTINED = "*Quarantined, came in but could not be processed:* {count}"
DESK_PARKED = "*Parked, could not be delivered:* {count}"
DESK_WAITING = "*Waiting longest:*"
DESK_NOBODY_WAITS = "No customer waits for an answer."
LIST_TITLE = "Open cases: {count}"
LIST_NONE = "There is no open case."
LIST_WAITING = "{case}, {customer}: waiting since {at}"
LIST_QUIET = "{case}, {customer}: answered, quiet since {at}"
LIST_WAITING_ESCALATED = "{case}, {customer}: *escalated*, waiting since {at}"
LIST_QUIET_ESCALATED = "{case}, {customer}: *escalated*, answered, quiet since {at}"
LIST_MORE = "and {count} more: `{command} list`"

# Operations
QUARANTINED = "*Quarantined, because it could not be processed:* {what}"
QUARANTINED_KEY = "Its key is `{key}`. It is kept as it came, and later messages go on."
PARKED = "*Parked, because it could not be delivered:* {what}, case {case_id}, to {destination}"
PARKED_NO_CASE = "*Parked, because it could not be delivered:* {what}, to {destination}"
PARKED_KEPT = "It is kept, and not tried again by itself."
CHANNEL_TROUBLE = "*I cannot work in {channel}.* What is meant for it is kept and waits."
DESK_PAUSED = "*The desk is paused:* {reason}. Nothing is read, decided or sent, and nothing is lost."
DESK_PAUSED_MEND = (
    "Look through `casewire outbox list`, then run `casewire resume`: what was written meanwhile is read then."
)
CHANNEL_BACK = "*I can work in {channel} again.* What waited for it is being posted."
CHANNEL_REASONS = {
    "channel_not_found": "it does not exist any more, or I was removed from it",
    "is_archived": "it is archived",
    "not_in_channel": "I am no longer a member of it",
}
CHANNEL_HINT = "Check that the channel exists, is not archived, and that I am a member of it."
RECOVERED = "Recovered {count} messages written while disconnected ({since} to {until})."
RECOVERED_ONE = "Recovered {count} message written while disconnected ({since} to {until})."
RECOVERED_EDITS = "Recovered edits and deletions: {count}."
TROUBLE = "*I am in trouble:* {text}."
RECOVERY = "*All is well again:* {text}."
START_WARNING = "*A warning about my setup:* {text}."
START_WARNING_AGAIN = "It is said again at a start on another day, for as long as it is so."
WHY = "Why: {reason}"
SEE = "To look at it: `{command}`"

# Mail to ADMIN_EMAILS while alerts cannot be posted
ALARM_SUBJECT = "Casewire cannot post its alerts in Slack"
ALARM_OVER_SUBJECT = "Casewire posts its alerts in Slack again"
ALARM_MAIL = """\
These alerts have waited for more than 15 minutes to be posted in the alerting channel ({channel}):

{alerts}{more}

The last try: {error}

See that the channel exists and is not archived, that the app is a member of it, and that Slack can be reached; \
the bot's log and its /health say more. The alerts are posted as soon as that works. While they wait, you hear \
of it every {again} minutes.
"""
ALARM_OVER = """\
The alerts that could not be posted in the alerting channel ({channel}) since {since} stand there now.
"""
ALARM_LINE = "• {said} (waits since {since})"
ALARM_MORE = "\n• and more"
ALARM_NOT_TRIED = "none was made yet"
ALARM_KINDS = {
    "alert": "{case_id} is escalated",
    "alert_addition": "{case_id}, which is escalated, has another reason",
    "alert_reminder": "{case_id} is escalated, and nobody has acknowledged it",
    "held_alert": "a mail is held until an admin decides",
    "quarantined": "an incoming item could not be processed: {detail}",
    "parked": "something could not be delivered: {detail}",
    "channel_trouble": "a channel of the desk cannot be used: {detail}",
    "trouble": "{detail}",
    "start_warning": "{detail}",
}
ALARM_OTHER = "something that the alerting channel is told"
# The canary
CANARY_SUBJECT = "Casewire canary {token}"
CANARY_MAIL = (
    "Casewire has written this to its own mailbox, to see that mail arrives. Nobody needs to read it, and it may "
    "be deleted."
)
CANARY_POST = "Canary {token}: I look whether events arrive. This goes away by itself."
CANARY_MISSING = {
    "mail": "the canary's mail of {since} has not been read from our own mailbox within {minutes:g} min",
    "socket": "the canary's post of {since} has not come back over the socket within {minutes:g} min",
}
CANARY_NOT_SENT = {
    "mail": "the canary's mail could not be sent to our own mailbox ({why})",
    "socket": "the canary's post, which is to come back over the socket, could not be made ({why})",
}
CANARY_LOOK = {
    "mail": (
        "What customers write by mail may not arrive either: look at the mail server and the mailbox, its junk "
        "folder too"
    ),
    "socket": (
        "What people write in Slack may not arrive either: look at Socket Mode and Event Subscriptions of the "
        "Slack app"
    ),
}
CANARY_BACK = {
    "mail": "the canary's mail comes back to us",
    "socket": "the canary's post comes back to us over the socket",
}
