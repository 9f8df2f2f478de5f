"""All hard mails, rule by rule."""

from . import authenticity, charsets, headers, machines, quotes, senders, structure

RULES = (senders.rule, headers.rule, charsets.rule, structure.rule, quotes.rule, machines.rule, authenticity.rule)
HARD_MAILS = tuple(hard for rule in RULES for hard in rule)
