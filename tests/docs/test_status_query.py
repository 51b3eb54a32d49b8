"""The status query that people bring along, in the two forms that the documentation shows."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from snippets import ROOT, blocks

from outlast import Outlast, Settings

PAGE = ROOT / "docs" / "run" / "ask-the-database.md"
NOW = {"sqlite": "datetime('now', '-1 day')", "postgresql": "now() - interval '1 day'"}


def _form(kind: str) -> str:
    (block,) = [b for b in blocks(PAGE) if b.language == "sql" and b.label == kind]
    return block.code.strip()


async def test_the_sqlite_form_counts_the_sessions_of_the_last_day(tmp_path: Path) -> None:
    outlast = Outlast(Settings(data_dir=tmp_path))

    @outlast.analysis("greet")
    async def greet(name: str) -> str:
        return f"Hello {name}"

    async with outlast.lifespan():
        for name in ("Ada", "Bob", "Cleo"):
            await outlast.start("greet", owner="me", name=name)
        cancelled = await outlast.start("greet", owner="me", name="Dora")
        await outlast.cancel(cancelled.session.id)
        with closing(sqlite3.connect(outlast.settings.database_path)) as database:
            assert dict(database.execute(_form("sqlite")).fetchall()) == {"pending": 3, "cancelled": 1}
            aged = database.execute("UPDATE analysis_sessions SET created_at = '2001-01-01 00:00:00.000000'")
            assert aged.rowcount == 4
            assert database.execute(_form("sqlite")).fetchall() == []


@pytest.mark.parametrize("kind", NOW)
def test_the_forms_differ_in_the_arithmetic_of_dates_alone(kind: str) -> None:
    """PostgreSQL itself is not there yet, so its form is held to the one that runs."""
    shape = "SELECT status, COUNT(*) FROM analysis_sessions WHERE created_at > {} GROUP BY status;"
    assert _form(kind) == shape.format(NOW[kind])


def test_the_columns_that_people_query_by_have_an_index() -> None:
    (migration,) = (ROOT / "src" / "outlast" / "backends" / "sqlite" / "migrations").glob("0001_*.sql")
    indexes = re.findall(r"CREATE (?:UNIQUE )?INDEX \w+ ON analysis_sessions \((\w+)", migration.read_text())
    assert {"user_session", "status"} <= set(indexes)


async def test_the_columns_that_the_page_explains_exist(tmp_path: Path) -> None:
    rows = re.findall(r"^\| (`.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {column for row in rows for column in re.findall(r"`(\w+)`", row)}
    outlast = Outlast(Settings(data_dir=tmp_path))
    async with outlast.lifespan():
        with closing(sqlite3.connect(outlast.settings.database_path)) as database:
            present = {row[1] for row in database.execute("PRAGMA table_info(analysis_sessions)")}
    assert explained
    assert explained <= present
