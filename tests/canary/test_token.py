"""What marks a canary, and what does not."""

import hashlib
import hmac

import pytest

from bot.canary.canary import is_canary
from bot.canary.token import Leg, is_signed, new_token, token_in
from bot.sandbox.people import ADA, BOT_USER

KEY = b"k" * 32


def test_a_token_is_of_one_leg_and_of_one_key() -> None:
    token = new_token(KEY, Leg.MAIL)
    assert is_signed(KEY, token)
    assert not is_signed(b"other", token)
    assert not is_signed(KEY, token.replace("mail-", "socket-"))
    assert token_in(f"Re: Casewire canary {token}, or so") == token
    named = token.rpartition("-")[0]
    assert token == f"{named}-{hmac.new(KEY, named.encode(), hashlib.sha256).hexdigest()[:24]}"


@pytest.mark.parametrize("text", ["", "mail-abc-def", "socket-" + "0" * 24, "a mail-order-catalogue"])
def test_other_words_are_no_token(text: str) -> None:
    assert token_in(text) is None


def test_what_a_person_writes_is_no_canary() -> None:
    token = new_token(KEY, Leg.SOCKET)
    ours = {"user": BOT_USER, "bot_id": "B1", "text": f"Canary {token}"}
    assert is_canary(ours, BOT_USER)
    assert is_canary({"subtype": "message_deleted", "previous_message": ours}, BOT_USER)
    assert not is_canary(ours | {"user": ADA}, BOT_USER)
    assert not is_canary({"user": ADA, "text": f"Canary {token}"}, BOT_USER)
    assert not is_canary(ours | {"text": "the card of a case"}, BOT_USER)
