"""A short chaos run: kills, pauses and restarts under load leave every invariant whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHAOS = Path(__file__).parents[2] / "chaos"
NOBODY_DIES = ("--harm", "freeze_workers", "--harm", "silence_machine", "--harm", "step_clock")


@pytest.mark.parametrize(
    "run",
    [
        ["run.py", "--size", "1", "--seconds", "6"],
        ["fleet.py", "--seconds", "8", "--calm", "3", "--every", "2", "4"],
        ["fleet.py", "--seconds", "8", "--calm", "3", "--every", "2", "4", "--celery"],
        [
            "fleet.py",
            "--seconds",
            "0",
            "--calm",
            "0",
            "--lasting",
            "0",
            "--owners",
            "40",
            "--together",
            *NOBODY_DIES,
        ],
    ],
    ids=["one machine", "a fleet", "a fleet of Celery's", "a fleet of which nobody dies"],
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


def test_the_checker_sees_what_is_wrong(tmp_path: Path) -> None:
    sys.path.insert(0, str(CHAOS))
    try:
        from checker import Ledger, Sight, of_effects, of_sights
    finally:
        sys.path.remove(str(CHAOS))

    def sight(version: int, percentage: float, status: str, result: str | None = None) -> Sight:
        return Sight("s", version, percentage, status, result)

    lost = Ledger(acknowledged={"s": 1}, sights=[sight(1, 10, "processing")])
    assert [f[:2] for f in of_sights(lost)] == ["I1"]
    back = Ledger(sights=[sight(2, 50, "processing"), sight(1, 40, "processing")])
    assert [f[:2] for f in of_sights(back)] == ["I3"]
    changed = Ledger(sights=[sight(2, 100, "completed", "a"), sight(3, 100, "completed", "b")])
    assert [f[:2] for f in of_sights(changed)] == ["I3"]
    assert [f[:2] for f in of_effects(changed)] == ["I2", "I2"]
    foreign = Ledger(foreign=[("s", 200)])
    assert [f[:2] for f in of_sights(foreign)] == ["I5"]
    again = Ledger(effects=[["begin", "1", "first"], ["begin", "1", "second"], ["begin", "1", "first"]])
    assert [f[:2] for f in of_effects(again)] == ["I2"]
    fine = Ledger(
        acknowledged={"s": 1},
        sights=[sight(1, 0, "pending"), sight(2, 100, "completed", "a")],
        foreign=[("s", 404)],
        effects=[["begin", "1", "first"], ["begin", "1", "second"], ["result", "1", "a"]],
    )
    assert not [*of_sights(fine), *of_effects(fine)]
