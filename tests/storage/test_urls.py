"""Database URLs, as people write them."""

import pytest

from storage.errors import UnusableDatabaseUrl
from storage.urls import driver_url


class TestDriverUrl:
    @pytest.mark.parametrize(
        ("written", "used"),
        [
            ("sqlite:///./case_management.db", "sqlite+aiosqlite:///./case_management.db"),
            ("sqlite:////var/lib/casewire/desk.db", "sqlite+aiosqlite:////var/lib/casewire/desk.db"),
            ("sqlite+aiosqlite:///desk.db", "sqlite+aiosqlite:///desk.db"),
            ("  sqlite:///desk.db\n", "sqlite+aiosqlite:///desk.db"),
            ("postgres://desk@host/cases", "postgresql+asyncpg://desk@host/cases"),
            ("postgresql://desk:secret@host:5433/cases", "postgresql+asyncpg://desk:secret@host:5433/cases"),
            ("postgresql+asyncpg://desk@host/cases", "postgresql+asyncpg://desk@host/cases"),
            ("postgresql://desk:p%40ss%2Fword@host/cases", "postgresql+asyncpg://desk:p%40ss%2Fword@host/cases"),
            ("postgresql://host/cases?sslmode=require", "postgresql+asyncpg://host/cases?ssl=require"),
            (
                "postgresql:///cases?host=/var/run/postgresql",
                "postgresql+asyncpg:///cases?host=%2Fvar%2Frun%2Fpostgresql",
            ),
        ],
    )
    def test_gets_the_driver_that_casewire_uses(self, written: str, used: str) -> None:
        assert driver_url(written).render_as_string(hide_password=False) == used

    @pytest.mark.parametrize(
        ("written", "mend"),
        [
            ("", "write sqlite:///"),
            ("case_management.db", "write sqlite:///"),
            ("C:\\desk.db", "write sqlite:///"),
            ("postgresql://desk@host:port/cases", "write sqlite:///"),
            ("sqlite://", "name a file"),
            ("sqlite:///", "name a file"),
            ("sqlite:///:memory:", "name a file"),
            ("sqlite:///file::memory:?uri=true", "name a file"),
            ("sqlite:///file:desk?mode=memory&uri=true", "name a file"),
            ("mysql://desk@host/cases", "'mysql'; use sqlite:///path or postgresql://"),
            ("postgresql+psycopg://desk@host/cases", "use sqlite:///path or postgresql://"),
            ("postgresql://desk@host", "names no database; write postgresql://"),
            ("postgresql://desk@host/cases?channel_binding=require", "'channel_binding' is unknown: leave it out"),
            ("postgresql://desk@host/cases?sslmode=yes", "write one of disable"),
        ],
    )
    def test_what_cannot_be_used_is_refused_with_its_mend(self, written: str, mend: str) -> None:
        with pytest.raises(UnusableDatabaseUrl) as refused:
            driver_url(written)
        assert mend in str(refused.value)

    def test_a_refusal_never_shows_the_password(self) -> None:
        with pytest.raises(UnusableDatabaseUrl) as refused:
            driver_url("postgresql://desk:hunter2@host:port/cases")
        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None
