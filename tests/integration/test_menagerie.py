"""Hostile analyses of every kind beside honest neighbours in one server: a sample of `chaos/hostile`."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHAOS = Path(__file__).parents[2] / "chaos"
SAMPLE = [
    ("analysis_exit3", "async"),
    ("analysis_exit0", "def"),
    ("gather_interrupt", "async"),
    ("unawaited_exit3", "async"),
    ("thread_exit_text", "def"),
    ("step_generator_exit", "def"),
    ("step_exit3", "process"),
    ("leaked_cancel", "async"),
    ("swallow", "async"),
    ("hang", "def"),
    ("retry_text", "async"),
    ("retry_epoch", "def"),
    ("retry_nested", "process"),
    ("str_raises", "def"),
    ("permanent_group", "async"),
    ("model_one_way", "async"),
    ("result_huge_int", "def"),
    ("result_deep_2000", "async"),
    ("cat", "def"),
    ("interpreter", "process"),
]


@pytest.mark.long
def test_no_hostile_analysis_harms_its_neighbours_or_outstays_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHAOS))
    from cells import Cell, Run
    from hostile import ROWS

    observed = Run([Cell(ROWS[name], kind, "supervised") for name, kind in SAMPLE], slack=10.0).go()
    broken = {str(cell): faults for cell, faults in observed.faults.items() if faults}
    print(observed.log[-20_000:])
    assert not broken
    assert not observed.shared


@pytest.mark.parametrize(
    ("name", "kind", "deployment"),
    [
        ("sys_path", "def", "embedded"),
        ("daemonises", "async", "sync"),
        ("loop_stopped_by_thread", "async", "sync"),
        ("pool_left", "def", "sync"),
    ],
)
def test_in_a_process_that_serves_too_no_hostile_analysis_harms_the_site_or_outlives_it(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: str, deployment: str
) -> None:
    monkeypatch.syspath_prepend(str(CHAOS))
    from cells import Cell, Run
    from hostile import ROWS

    observed = Run([Cell(ROWS[name], kind, deployment)], slack=5.0).go()
    print(observed.log[-20_000:])
    assert not any(observed.faults.values()), observed.faults
    assert not observed.shared
