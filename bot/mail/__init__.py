"""Email in: the mailbox's task, parsing, and what a mail's headers prove."""
