"""A short chaos run: kills, pauses and restarts under load leave every invariant whole."""

import importlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

CHAOS = Path(__file__).parents[2] / "chaos"
QUICK = ["--short", "2", "--lasting", "0", "--poison"]
for harm in (
    "restart_postgres",
    "kill_backends",
    "kill_redis",
    "flush_redis",
    "kill_worker_process",
    "lose_a_machine",
    "deploy_an_api",
):
    QUICK += ["--harm", harm]
BROKEN_MESSAGES = ["--celery", "--harm", "lose_messages", "--harm", "triple_messages"]
NOBODY_DIES = ["--harm", "freeze_workers", "--harm", "silence_machine", "--harm", "step_clock", "--seed", "395"]
"""By this seed two workers are frozen for 17.5 s, a machine is silent for 8.9 s, the clock gains 3 × 30 s."""


@pytest.mark.long
@pytest.mark.parametrize(
    "run",
    [
        ["run.py", "--size", "1", "--seconds", "6"],
        ["fleet.py", "--seconds", "8", "--calm", "0", "--every", "2", "4", *QUICK],
        ["fleet.py", "--seconds", "8", "--calm", "0", "--every", "2", "4", *QUICK, *BROKEN_MESSAGES],
        [
            "fleet.py",
            "--seconds",
            "0",
            "--calm",
            "0",
            "--lasting",
            "0",
            "--short",
            "2",
            "--owners",
            "40",
            "--together",
            *NOBODY_DIES,
        ],
        ["rolling.py", "--seconds", "4", "--every", "2"],
        ["scaling.py", "leak", "--memory", "160", "--leaks", "80"],
        ["scaling.py", "scale", "--most", "2", "--within", "30", "--backlog", "4", "--lasting", "0"],
    ],
    ids=[
        "one machine",
        "a fleet",
        "a fleet of Celery's",
        "a fleet of which nobody dies",
        "rolling restarts",
        "a leak",
        "a backlog",
    ],
)
def test_a_short_chaos_run_breaks_no_invariant(run: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(CHAOS / run[0]), *run[1:]],
        env={k: v for k, v in os.environ.items() if not k.startswith("ANALYSIS_")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-20_000:]}"
    assert "acknowledged" in done.stdout


@pytest.fixture
def checker() -> Generator[ModuleType]:
    sys.path.insert(0, str(CHAOS))
    try:
        yield importlib.import_module("checker")
    finally:
        sys.path.remove(str(CHAOS))


def test_the_checker_knows_a_proven_death_from_a_claimed_one(checker: ModuleType) -> None:
    with closing(sqlite3.connect(":memory:")) as store:
        store.executescript(
            """
            CREATE TABLE chaos_workers (id text, pid integer);
            CREATE TABLE attempts (session_id, worker_id, ended);
            CREATE TABLE analysis_sessions (id, analysis, status, error_code, error, crashes);
            INSERT INTO chaos_workers VALUES ('killed', 1), ('suicide', 2), ('frozen', 3);
            INSERT INTO analysis_sessions VALUES
                ('under a kill', 'steady', 'failed', 'quarantined', '', 3),
                ('beside poison', 'steady', 'failed', 'quarantined', '', 3),
                ('frozen', 'long', 'completed', NULL, NULL, 1),
                ('lost', 'threaded', 'failed', 'lost', '', 0),
                ('poison', 'poison', 'failed', 'quarantined', '', 3);
            INSERT INTO attempts VALUES
                ('under a kill', 'killed', 'crashed'), ('beside poison', 'suicide', 'crashed'),
                ('poison', 'suicide', 'crashed'), ('frozen', 'frozen', 'crashed'), ('lost', 'frozen', 'lapsed');
            """
        )
        ledger = checker.Ledger(killed={1}, effects=[["poison", "5", "2"]])
        faults = [*checker.of_blame(ledger, store)]
    assert [fault[: fault.index("(")] for fault in faults] == ["I4: frozen ", "I4: beside poison ", "I1: lost "]


def test_the_checker_sees_what_another_version_has_done_to_a_session(checker: ModuleType) -> None:
    with closing(sqlite3.connect(":memory:")) as store:
        store.executescript(
            """
            CREATE TABLE attempts (session_id, worker_id, ended, error);
            CREATE TABLE analysis_sessions (id, analysis, attempt);
            INSERT INTO analysis_sessions VALUES
                ('left to others', 'steady', 1), ('charged', 'steady', 2), ('new and charged', 'added', 3),
                ('taken again', 'steady', 1), ('wrong', 'fails', 2);
            INSERT INTO attempts VALUES
                ('left to others', 'old 1', 'released', 'tone'), ('left to others', 'old 2', 'released', 'tone'),
                ('left to others', 'old 2', 'released', NULL), ('left to others', 'new', 'completed', NULL),
                ('taken again', 'old 1', 'released', 'tone'), ('taken again', 'old 1', 'released', 'tone');
            """
        )
        faults = [*checker.of_charges(store)]
    assert [fault[: fault.index(" (")] for fault in faults[:2]] == ["I4: charged", "I4: new and charged"]
    assert faults[2:] == ["I4: old 1 took taken again 2 times without understanding it"]
    ledger = checker.Ledger(
        acknowledged={"known": 1, "not known": 2},
        tones={1: "tone1", 2: "tone2"},
        snapshots=[checker.ObservedSnapshot(s, 2, 100, "completed", "a") for s in ("known", "not known")],
        effects=[["tone", "1", "tone1"], ["tone", "2", "tone1"], ["result", "1", "a"], ["result", "2", "a"]],
    )
    assert [*checker.of_effects(ledger)] == [
        "I2: not known was completed by a version that does not know its field"
    ]


def test_the_checker_wants_health_routes_to_answer(checker: ModuleType) -> None:
    health = [("api1/livez", 200), ("api1/livez", 503), ("api1/readyz", 503), ("api1/readyz", 0)]
    faults = [*checker.of_health(checker.Ledger(health=health))]
    assert faults == ["Health: api1/livez was answered 503", "Health: api1/readyz was answered by nobody"]
    assert [*checker.of_health(checker.Ledger(died=["worker 1"]))] == ["Health: worker 1 ended by itself"]
    assert not [*checker.of_health(checker.Ledger(health=[("api1/livez", 200), ("api1/readyz", 503)]))]


def test_the_checker_sees_what_is_wrong(checker: ModuleType) -> None:
    Ledger, ObservedSnapshot = checker.Ledger, checker.ObservedSnapshot  # noqa: N806 - they are classes
    of_effects, of_snapshots = checker.of_effects, checker.of_snapshots

    def snapshot(version: int, percentage: float, status: str, result: str | None = None) -> object:
        return ObservedSnapshot("s", version, percentage, status, result)

    lost = Ledger(acknowledged={"s": 1}, snapshots=[snapshot(1, 10, "processing")])
    assert [f[:2] for f in of_snapshots(lost)] == ["I1"]
    back = Ledger(snapshots=[snapshot(2, 50, "processing"), snapshot(1, 40, "processing")])
    assert [f[:2] for f in of_snapshots(back)] == ["I3"]
    changed = Ledger(snapshots=[snapshot(2, 100, "completed", "a"), snapshot(3, 100, "completed", "b")])
    assert [f[:2] for f in of_snapshots(changed)] == ["I3"]
    assert [f[:2] for f in of_effects(changed)] == ["I2", "I2"]
    foreign = Ledger(foreign=[("s", 200)])
    assert [f[:2] for f in of_snapshots(foreign)] == ["I5"]
    frozen = [["begin", "1", "chapter", c, pid] for c, pid in ("0a", "1a", "1b", "2b", "3b", "2a")]
    assert not [*of_effects(Ledger(effects=frozen))]
    anew = [*frozen, ["begin", "1", "chapter", "0", "c"]]
    assert [f[:2] for f in of_effects(Ledger(effects=anew))] == ["I2"]
    again = Ledger(effects=[["begin", "1", "first"], ["begin", "1", "second"], ["begin", "1", "first"]])
    assert [f[:2] for f in of_effects(again)] == ["I2"]
    fine = Ledger(
        acknowledged={"s": 1},
        snapshots=[snapshot(1, 0, "pending"), snapshot(2, 100, "completed", "a")],
        foreign=[("s", 404)],
        effects=[["begin", "1", "first"], ["begin", "1", "second"], ["result", "1", "a"]],
    )
    assert not [*of_snapshots(fine), *of_effects(fine)]
