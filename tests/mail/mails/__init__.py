"""The hard mails of the corpus, each beside the reading expected of it.

`python -m tests.mail.mails` writes them as files into tests/mail/corpus; a test holds the two together.
"""
