"""Read-only commands create nothing; without a store they report its path."""

import json

import pytest
from click.testing import CliRunner
from processes import Installation, wait_until

from outlast.cli.main import outlast
from servers import fresh_database

LOOKS = [
    ("workers", "status"),
    ("workers", "status", "--json"),
    ("sessions", "list"),
    ("sessions", "show", "a" * 26),
    ("sessions", "watch", "a" * 26),
    ("sessions", "cancel", "a" * 26),
    ("cleanup", "--dry-run"),
    ("cleanup",),
    ("store", "open", "sqlite:///outlast.db"),
    ("store", "copy", "sqlite:///outlast.db", "sqlite:///new.db"),
]


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs one in an empty folder, as at a terminal; its exit code and all that it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **environment):
        monkeypatch.setattr("outlast_reviews.app.outlast._runtime._settings", None)
        answer = CliRunner(env={"ANALYSIS_DATA_DIR": None, "DATABASE_URL": None, **environment}).invoke(
            outlast, arguments, standalone_mode=True
        )
        return answer.exit_code, answer.output

    return run


@pytest.mark.parametrize("look", LOOKS, ids=" ".join)
def test_in_an_empty_folder_a_command_names_the_path_and_creates_nothing(command, tmp_path, look):
    code, said = command(*look)
    assert code == 2
    assert f"There is no store at {tmp_path}/outlast-data/outlast.db" in said.replace("\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_in_an_empty_database_a_command_reports_it_and_creates_nothing(command, postgres_server):
    with fresh_database(postgres_server) as url:
        _, said = command("sessions", "list", DATABASE_URL=url, APP_KEY="k" * 64)
        assert f"There is no store at {url}" in said.replace("\n", "")
        _, again = command("migrate", "--check", DATABASE_URL=url, APP_KEY="k" * 64)
        assert "There is no store" in again


@pytest.mark.slow
def test_workers_print_their_store_and_a_failed_command_exits_with_2(tmp_path):
    with Installation(tmp_path, "") as site:
        look = site.command("workers", "status")
        assert look.wait(30) == 2
        assert not (tmp_path / "data").exists()
        workers = site.workers(1)
        wait_until(lambda: f"1 worker process on the store {tmp_path}/data/outlast.db" in workers.log, 30)
        wait_until(site.alive_workers, 30)
        listed = site.command("sessions", "list", "--json")
        assert json.loads(listed.output(30)) == []
