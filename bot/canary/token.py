"""What marks a canary: a nonce that this installation has signed, so that nobody else can make one come back."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from enum import StrEnum

KEY_NAME = "canary"

_TOKEN = re.compile(r"\b(?:mail|socket)-[0-9a-f]{24}-[0-9a-f]{24}\b")


class Leg(StrEnum):
    """The two ways by which customers reach the desk."""

    MAIL = "mail"
    SOCKET = "socket"


def new_token(key: bytes, leg: Leg) -> str:
    named = f"{leg.value}-{secrets.token_hex(12)}"
    return f"{named}-{_proof(key, named)}"


def token_in(text: str) -> str | None:
    """The first thing in a text that looks like a canary's token."""
    found = _TOKEN.search(text)
    return found[0] if found else None


def is_signed(key: bytes, token: str) -> bool:
    named, _, proof = token.rpartition("-")
    return hmac.compare_digest(proof, _proof(key, named))


def _proof(key: bytes, named: str) -> str:
    return hmac.new(key, named.encode(), hashlib.sha256).hexdigest()[:24]
