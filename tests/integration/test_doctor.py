"""`outlast doctor` says what is wrong with an installation and how to mend it, and its exit code says whether."""

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from edge_site import make_outlast
from processes import Installation, wait_until

from outlast.app import runtime_of
from outlast.cli.application import opened
from outlast.cli.findings import Finding, Level, exit_code, ok, problem, unknown, warning
from outlast.cli.installation_checks import _clock, check_disk, check_key, check_redis, check_store
from outlast.cli.main import outlast
from outlast.domain.pauses import Pause
from outlast.settings import load_settings
from outlast.testing.acts import register_worker
from servers import fresh_database
from sqlite_template import put_store

SITE = """
@outlast.analysis("quick")
async def quick(name: str) -> str:
    return name
"""


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs it in an empty folder, as at a terminal; its exit code and all that it said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text("from outlast import Outlast\n\noutlast = Outlast()\n" + SITE)

    def run(*arguments: str, **environment: str | None):
        monkeypatch.delitem(sys.modules, "program", raising=False)
        plain = {"ANALYSIS_DATA_DIR": None, "DATABASE_URL": None, "ANALYSIS_APP": "program:outlast"}
        answer = CliRunner(env={**plain, **environment}).invoke(
            outlast, ["doctor", *arguments], standalone_mode=True
        )
        return answer.exit_code, answer.output

    return run


def findings(output: str) -> dict[str, dict[str, str]]:
    """By check; the last of each."""
    return {finding["check"]: finding for finding in json.loads(output)["findings"]}


@pytest.mark.slow
def test_in_an_empty_folder_it_names_the_missing_store_and_creates_nothing(doctor, tmp_path: Path):
    before = set(tmp_path.iterdir())
    code, said = doctor()
    assert code == 1
    assert "There is no store at" in said
    assert "→ outlast migrate" in said
    assert {path for path in tmp_path.iterdir() if path.name != "__pycache__"} == before


@pytest.mark.slow
def test_what_mends_it_names_the_program_that_the_command_was_given(doctor):
    code, said = doctor("--app", "program:outlast", ANALYSIS_APP=None)
    assert code == 1
    assert "→ outlast migrate --app program:outlast" in said
    put_store(Path("outlast-data"))
    _, said = doctor("--app", "program:outlast", ANALYSIS_APP=None)
    assert "outlast serve --app program:outlast, or outlast workers start --app program:outlast" in said
    assert "→ Start some: outlast serve, or outlast workers start\n" in doctor()[1]


def test_a_misspelt_setting_is_named_with_its_neighbour(doctor):
    _, said = doctor(
        ANALYSIS_POLING_INTERVAL="1", ANALYSIS_LLM_MODLE="x", QUEUE_CONECTION="sync", ANALYSIS_ZZZ="1"
    )
    assert "ANALYSIS_POLING_INTERVAL, so it has no effect. Did you mean ANALYSIS_POLLING_INTERVAL?" in said
    assert "Did you mean ANALYSIS_LLM_MODEL?" in said
    assert "QUEUE_CONECTION, so it has no effect. Did you mean QUEUE_CONNECTION?" in said
    assert "There is no setting ANALYSIS_ZZZ, so it has no effect. Remove it" in said


def test_a_misspelt_setting_in_the_env_file_counts_too(doctor, tmp_path: Path):
    (tmp_path / ".env").write_text("ANALYSIS_MAX_PENDNG=5\n")
    assert "Did you mean ANALYSIS_MAX_PENDING?" in doctor()[1]


def test_settings_of_an_installed_product_are_known(doctor):
    _, said = doctor(ANALYSIS_JUDGEME_SHOP="a.example", ANALYSIS_JUDGEME_TOKEN="t")
    assert "There is no setting" not in said


def test_a_wrong_setting_is_a_problem_and_the_rest_is_unknown(doctor):
    code, said = doctor("--json", ANALYSIS_POLLING_INTERVAL="fast")
    assert code == 1
    found = findings(said)
    assert found["settings"]["level"] == "problem"
    assert "ANALYSIS_POLLING_INTERVAL" in found["settings"]["sentence"]
    assert found["store"]["level"] == "unknown"


@pytest.mark.parametrize("name", ["nothing:here", "program:nothing", "program:SITE"])
def test_a_program_that_is_not_there_is_a_problem(doctor, name: str):
    code, said = doctor("--json", "--app", name)
    assert code == 1
    found = findings(said)
    assert found["program"]["level"] == "problem"
    assert "There is no store" in found["schema"]["sentence"]  # the rest is looked at all the same


@pytest.mark.parametrize("url", ["slow.example.org", "ftp://slow.example.org", "https://"])
def test_what_is_no_address_is_wrong_usage(doctor, url: str):
    code, said = doctor("--url", url)
    assert code == 2
    assert "is not an http(s) address" in said


def test_the_json_has_the_same_keys_for_every_finding(doctor, tmp_path: Path):
    put_store(tmp_path / "outlast-data")
    (tmp_path / "outlast-data").chmod(0o700)
    code, said = doctor(
        "--json",
        ANALYSIS_DASHBOARD_KEY="4c9ad2d1f1f24f0a8f0e9b7a55d0b7ce",
        ANALYSIS_MAX_CONNECTIONS="8",
        ANALYSIS_MIN_FREE_MB="0",
    )
    assert code == 1
    assert all(
        finding.keys() == {"check", "level", "sentence", "mend"} for finding in json.loads(said)["findings"]
    )
    found = findings(said)
    assert {check: finding["level"] for check, finding in found.items() if finding["level"] != "ok"} == {
        "workers": "problem"
    }
    assert found.keys() >= {"settings", "data folder", "key", "disk", "descriptors", "store", "schema", "database"}
    assert found["database"]["sentence"].startswith("SQLite 3.")


def test_the_exit_code_is_that_of_the_worst():
    fine, soso = ok("a", "Fine."), warning("b", "So so.", "Do.")
    assert exit_code([fine, soso]) == 0
    assert exit_code([fine, unknown("c", "Who knows.", "Do.")]) == 2
    assert exit_code([problem("d", "Bad.", "Do."), unknown("c", "Who knows.", "Do.")]) == 1


def test_a_key_that_others_can_read_or_that_is_cut_off_is_a_problem(tmp_path: Path):
    settings = load_settings(data_dir=tmp_path)
    key = tmp_path / "app.key"
    key.write_text("k" * 64)
    key.chmod(0o644)
    (finding,) = check_key(settings)
    assert finding.level is Level.PROBLEM
    assert f"chmod 600 {key}" in (finding.mend or "")
    key.chmod(0o600)
    assert [f.level for f in check_key(settings)] == [Level.OK]
    key.write_text("short")
    (finding,) = check_key(settings)
    assert "has 5 characters" in finding.sentence


def test_a_full_disk_is_a_problem_and_a_nearly_full_one_a_warning(tmp_path: Path):
    free = shutil.disk_usage(tmp_path).free / 1_000_000
    for needed, level in ((free * 2, Level.PROBLEM), (free * 0.75, Level.WARNING), (0, Level.OK)):
        (finding,) = check_disk(load_settings(data_dir=tmp_path, min_free_mb=needed))
        assert finding.level is level


def test_a_redis_that_does_not_answer_is_a_problem():
    assert list(check_redis(load_settings())) == []
    (finding,) = check_redis(load_settings(redis_url="redis://127.0.0.1:1/0"))
    assert finding.level is Level.PROBLEM
    assert "127.0.0.1:1" in finding.sentence


@pytest.mark.slow
async def test_queues_workers_and_code_are_looked_at(tmp_path: Path):
    app = make_outlast(tmp_path, min_free_mb=0)
    put_store(tmp_path)

    async def look() -> dict[str, Finding]:
        return {finding.check: finding async for finding in check_store(app)}

    found = await look()
    assert (found["workers"].level, found["queues"].level) == (Level.PROBLEM, Level.OK)
    engine = await runtime_of(app).open(maintain=False)
    await engine.sessions.start("echo", {"text": "a"}, "anna")
    register_worker(engine.store, analyses=("failing",), beat_at=engine.clock.now())
    await app.close()
    found = await look()
    assert found["workers"].level is Level.OK
    assert found["queues"].level is Level.PROBLEM
    assert "echo wait in the queue analysis" in found["queues"].sentence
    assert found["code"].level is Level.WARNING
    assert "echo" in found["code"].sentence
    engine = await runtime_of(app).open(maintain=False)
    own = runtime_of(app).code_version()
    register_worker(
        engine.store,
        analyses=engine.catalogue.names,
        beat_at=engine.clock.now(),
        program=own.program,
        version="old",
    )
    await app.close()
    found = await look()
    assert found["queues"].level is Level.OK
    assert (found["code"].level, found["code"].mend) == (Level.WARNING, "outlast workers restart")
    async with opened(app) as engine:
        await engine.store.pause(Pause("analysis", "echo"))
    found = await look()
    assert found["queues"].mend == "outlast queue resume --analysis echo"


def test_a_store_that_does_not_answer_is_a_problem(doctor):
    code, said = doctor("--json", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", APP_KEY="k3y" * 20)
    assert code == 1
    found = findings(said)
    assert found["store"]["level"] == "problem"
    assert "DATABASE_URL" in found["store"]["mend"]


@pytest.mark.slow
def test_a_shared_store_is_looked_at_with_its_clock(doctor, postgres_server: str, migrated_database: str):
    with fresh_database(postgres_server, migrated_database) as url:
        _, said = doctor("--json", DATABASE_URL=url, APP_KEY="k3y" * 20)
    found = findings(said)
    assert found["database"]["sentence"].startswith("PostgreSQL ")
    assert "agree within" in found["clock"]["sentence"]
    assert {found[check]["level"] for check in ("store", "schema", "clock", "queues")} == {"ok"}
    assert found["workers"]["level"] == "problem"


@pytest.mark.slow
def test_it_is_fine_with_a_site_that_runs(tmp_path: Path):
    with Installation(tmp_path, SITE, ANALYSIS_DASHBOARD_KEY="4c9ad2d1f1f24f0a8f0e9b7a55d0b7ce") as site:
        address = site.serve(1).address()
        wait_until(site.alive_workers, 60, "a worker")
        looking = site.command("doctor", "--json", "--url", address, "--seconds", "2")
        found = findings(looking.output(30))
        bad = {check: finding for check, finding in found.items() if finding["level"] not in {"ok", "warning"}}
        assert not bad
        assert found["buffering"]["level"] == found["cutting"]["level"] == "ok"


@pytest.mark.slow
def test_a_misspelt_setting_is_a_warning_at_the_start_of_a_server(tmp_path: Path):
    with Installation(tmp_path, SITE, ANALYSIS_POLING_INTERVAL="5") as site:
        serving = site.serve(0)
        serving.address()
        assert "Did you mean ANALYSIS_POLLING_INTERVAL?" in serving.log


def test_a_clock_that_differs_is_told():
    shared = load_settings(database_url="postgresql://a@b/c", app_key="k" * 40)
    for seconds, level in ((0.2, Level.OK), (-3, Level.WARNING), (90, Level.PROBLEM)):
        assert _clock(timedelta(seconds=seconds), shared).level is level
