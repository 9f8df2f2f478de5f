"""The whole bot with a mailbox: what `/health` and the alerting channel say when mail flows and when it does not."""

from tests.support.desk import running_desk
from tests.support.dovecot import PASSWORD, USER, Dovecot
from tests.support.running import health, until

WELL = {"database": "connected", "email_listener": "connected", "scheduler": "running", "slack": "connected"}


def mailbox(dovecot: Dovecot, **changed: object) -> dict[str, object]:
    given = {
        "imap_server": "127.0.0.1",
        "imap_port": dovecot.port,
        "imap_email": "support@desk.example",
        "imap_user": USER,
        "imap_password": PASSWORD,
        "imap_security": "none",
        "email_down_alert": 1,
    }
    return given | changed


async def test_a_mail_server_that_is_away_is_told_and_that_it_is_back(database_url: str, dovecot: Dovecot) -> None:
    async with running_desk(database_url, **mailbox(dovecot)) as desk:
        await until(lambda: desk.bot.services.words() == WELL)
        assert (await health(desk.bot))[0] == 200
        await dovecot.kill()
        await desk.until(lambda: any("no email has been read" in post["text"] for post in desk.alerts()))
        status, body = await health(desk.bot)
        assert (status, body["services"]["email_listener"]) == (503, "disconnected")
        await dovecot.start()
        await desk.until(lambda: any("email is read" in post["text"] for post in desk.alerts()))
        await until(lambda: desk.bot.services.words() == WELL)
        assert (await health(desk.bot))[0] == 200


async def test_a_refused_login_is_told_at_once(database_url: str, dovecot: Dovecot) -> None:
    async with running_desk(database_url, **mailbox(dovecot, imap_password="wrong")) as desk:
        await desk.until(lambda: any("refuses the login" in post["text"] for post in desk.alerts()))
        status, body = await health(desk.bot)
        assert (status, body["services"]["email_listener"]) == (503, "disconnected")
