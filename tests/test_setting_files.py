"""NAME_FILE instead of NAME; and `casewire config`, which says where each value comes from."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import ConfigError, Settings, load_database_url, load_settings, misspelt_names
from tests.test_config import GOOD


@pytest.fixture(autouse=True)
def _good_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


class TestFiles:
    @pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SUPPORT_SLACK_CHANNEL", "PORT"])
    def test_any_setting_may_lie_in_a_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
    ) -> None:
        monkeypatch.delenv(name, raising=False)
        (tmp_path / "value").write_text(GOOD.get(name, "8123") + "\n")
        expected = load_with(monkeypatch, name, GOOD.get(name, "8123"))
        monkeypatch.delenv(name)
        monkeypatch.setenv(f"{name}_FILE", "value")
        assert getattr(load_settings(), name.lower()) == expected
        assert misspelt_names() == []

    def test_the_file_may_be_named_in_dotenv(self, tmp_path: Path) -> None:
        (tmp_path / "value").write_text("sqlite:///kept.db\n")
        (tmp_path / ".env").write_text("DATABASE_URL=\nDATABASE_URL_FILE=value\n")
        assert load_database_url() == load_settings().database_url == "sqlite:///kept.db"

    def test_what_is_given_outright_goes_before_a_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL_FILE", "nowhere")
        assert load_database_url(database_url="sqlite:///given.db") == "sqlite:///given.db"

    def test_both_is_an_error(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "value").write_text("xoxb-2-other")
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", "value")
        assert problems() == ("SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both given: leave one of them out",)

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (None, "No such file or directory"),
            (b" \n", "it is empty"),
            (b"\xff\xfe\x00", "it is not written in UTF-8"),
            (b"x" * 70_000, "it is larger than 64 KB, so it is not the setting's value"),
        ],
    )
    def test_a_file_that_cannot_serve_is_named_beside_the_other_problems(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
    ) -> None:
        if content is not None:
            (tmp_path / "value").write_bytes(content)
        monkeypatch.delenv("SLACK_BOT_TOKEN")
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", "value")
        monkeypatch.setenv("PORT", "many")
        assert problems() == (
            f"SLACK_BOT_TOKEN_FILE=value cannot be read: {why}",
            "PORT=many is not usable: write a whole number",
        )

    def test_a_value_that_is_not_usable_is_judged_as_any_other_and_not_shown(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "value").write_text("hunter2")
        monkeypatch.delenv("SLACK_BOT_TOKEN")
        monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", "value")
        [problem] = problems()
        assert problem.startswith("SLACK_BOT_TOKEN is not usable: it must start with xoxb-")
        assert "hunter2" not in problem

    def test_a_misspelt_one_is_pointed_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLACK_BOT_TOKN_FILE", "value")
        assert misspelt_names() == ["SLACK_BOT_TOKN_FILE is no setting; is SLACK_BOT_TOKEN_FILE meant?"]


class TestConfigCommand:
    def test_prints_each_setting_and_its_source(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("hunter2\n")
        (tmp_path / ".env").write_text("PORT=9000\nESCALATION_KEYWORDS=urgent,now\nSMTP_SERVER=smtp.example.com\n")
        monkeypatch.setenv("SMTP_PASSWORD_FILE", "secret")
        monkeypatch.setenv("SMTP_USER", "desk")
        monkeypatch.setenv("EMAIL_FROM", "desk@example.com")
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
        done = CliRunner().invoke(cli, ["config"])
        assert done.exit_code == 0
        found = {line.split(maxsplit=1)[1].partition("=")[0]: line for line in done.stdout.splitlines()}
        assert set(found) == {name.upper() for name in Settings.model_fields}
        assert [found[name].split(maxsplit=1) for name in ("PORT", "ESCALATION_KEYWORDS", "HOST", "DEBUG")] == [
            [".env", "PORT=9000"],
            [".env", "ESCALATION_KEYWORDS=urgent,now"],
            ["default", "HOST=127.0.0.1"],
            ["default", "DEBUG=false"],
        ]
        assert found["SMTP_PASSWORD"].split(maxsplit=1) == ["SMTP_PASSWORD_FILE", "SMTP_PASSWORD=********"]
        assert found["DATABASE_URL"].split(maxsplit=1) == ["environment", "DATABASE_URL=postgresql://u:***@h/d"]
        assert "hunter2" not in done.output
        assert "xoxb-" not in done.output

    def test_the_environment_goes_before_dotenv(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("PORT=9000\n")
        monkeypatch.setenv("PORT", "9001")
        assert "environment  PORT=9001" in CliRunner().invoke(cli, ["config"]).stdout

    def test_names_what_needs_mending(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "many")
        done = CliRunner().invoke(cli, ["config"])
        assert done.exit_code == 2
        assert "PORT=many is not usable: write a whole number" in done.stderr


def load_with(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> object:
    monkeypatch.setenv(name, value)
    return getattr(load_settings(), name.lower())


def problems() -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        load_settings()
    return raised.value.problems
