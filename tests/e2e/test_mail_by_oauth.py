"""A mailbox that takes OAuth2 instead of a password: reading and sending log in by the same credentials."""

from tests.support.mail_desk import DANA, body, running_mail_desk
from tests.support.token_server import token_server

BY_OAUTH = {
    "imap_auth": "microsoft",
    "imap_password": "",
    "smtp_password": "",
    "smtp_user": "",
    "email_oauth_client_id": "app",
    "email_oauth_client_secret": "secret",
    "email_oauth_tenant": "tenant",
}


async def test_a_mail_is_read_and_answered_without_a_password(database_url: str) -> None:
    async with token_server() as tokens:
        tokens.answer = {"access_token": "sandbox-access-token", "expires_in": 3600}
        async with running_mail_desk(database_url, **BY_OAUTH, email_oauth_token_url=tokens.url) as desk:
            assert desk.mail.accounts.access_token == "sandbox-access-token"
            desk.mail.write(DANA, "Lamp", "It is broken.")
            (receipt,) = await desk.mails_to(DANA, 1)
            assert "CASE_001" in body(receipt)
            assert {asked["grant_type"] for asked in tokens.asked} == {"client_credentials"}


async def test_a_refused_token_is_told_and_a_new_one_taken(database_url: str) -> None:
    async with token_server() as tokens:
        tokens.answer = {"access_token": "sandbox-access-token", "expires_in": 3600}
        async with running_mail_desk(database_url, **BY_OAUTH, email_oauth_token_url=tokens.url) as desk:
            desk.mail.accounts.access_token = "another"
            desk.mail.write(DANA, "Lamp", "It is broken.")
            await desk.mirrored("It is broken.")
            await desk.until(lambda: any("login" in post["text"] for post in desk.alerts()))
            tokens.answer = {"access_token": "another", "expires_in": 3600}
            await desk.mails_to(DANA, 1)
