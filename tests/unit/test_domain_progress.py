"""Progress: the overall percentage, the time left, and the serialization of steps."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.domain.plan import Expected
from outlast.domain.progress import (
    StepState,
    StepStatus,
    TimeLeft,
    dump_steps,
    load_steps,
    overall_percentage,
    steps_for_new_attempt,
    time_left,
)

percentages = st.floats(0, 100)
texts = st.text(st.characters(codec="utf-8"))
step_states = st.builds(
    StepState,
    name=texts,
    title=texts,
    weight=st.floats(0, 1),
    status=st.sampled_from(StepStatus),
    progress_percentage=percentages,
    message=st.none() | texts,
    started_at=st.none() | texts,
    duration_ms=st.none() | st.integers(0, 10**9),
    resumed=st.booleans(),
    expected=st.none() | st.builds(Expected, st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9)),
)


def _steps(*percentages, **changes):
    weight = 1 / len(percentages)
    return [
        replace(StepState(f"step {n}", "A step", weight, progress_percentage=p), **changes)
        for n, p in enumerate(percentages)
    ]


@given(st.lists(percentages, min_size=1, max_size=10))
def test_the_overall_percentage_is_below_100_with_one_decimal(shares):
    shown = overall_percentage(_steps(*shares))
    assert 0 <= shown <= 99.9
    assert shown == round(shown, 1)


@pytest.mark.slow
@given(st.lists(percentages, min_size=1, max_size=10), st.data())
def test_an_advancing_step_never_lowers_the_overall_percentage(shares, data):
    steps = _steps(*shares)
    n = data.draw(st.integers(0, len(steps) - 1))
    further = data.draw(st.floats(shares[n], 100))
    later = [*steps[:n], replace(steps[n], progress_percentage=further), *steps[n + 1 :]]
    assert overall_percentage(later) >= overall_percentage(steps)


@pytest.mark.parametrize(
    ("shares", "shown"),
    [((), 0), ((0, 0), 0), ((50, 0), 25), ((100, 0, 0), 33.3), ((99.99,), 99.9), ((100, 100), 99.9)],
)
def test_the_whole_is_rounded_down(shares, shown):
    assert overall_percentage(_steps(*shares) if shares else []) == shown


def test_steps_that_sum_to_a_round_figure_show_it_despite_floating_point():
    steps = [StepState(str(n), "A step", 0.1, progress_percentage=100) for n in range(3)]
    assert overall_percentage(steps) == 30.0


def test_time_left_is_the_sum_of_the_expected_remaining_steps():
    expected = Expected(1_000, 2_000, 4_000)
    done, half, ahead = _steps(100, 50, 0, expected=expected)
    steps = [replace(done, status=StepStatus.DONE), replace(half, status=StepStatus.ACTIVE), ahead]
    assert time_left(steps) == TimeLeft(1.5, 3.0, 6.0)
    assert time_left([replace(done, status=StepStatus.SKIPPED)]) == TimeLeft(0, 0, 0)


def test_time_left_is_hidden_when_one_step_ahead_has_no_history():
    known, unknown = _steps(0, 0)
    known = replace(known, expected=Expected(1, 2, 3))
    assert time_left([known, unknown]) is None
    assert time_left([known, replace(unknown, status=StepStatus.DONE)]) is not None


@pytest.mark.slow
@given(st.lists(step_states, max_size=5))
def test_steps_are_loaded_as_they_were_dumped(steps):
    assert load_steps(dump_steps(steps)) == tuple(steps)


def test_default_values_are_not_serialized():
    assert json.loads(dump_steps([StepState("read", "Reading", 0.5)])) == [
        {"name": "read", "title": "Reading", "weight": 0.5}
    ]


def test_a_step_that_took_no_time_took_none_rather_than_an_unknown_one():
    (step,) = load_steps(dump_steps(_steps(100, duration_ms=0)))
    assert step.duration_ms == 0


@pytest.mark.slow
@given(st.lists(step_states, max_size=5))
def test_a_new_attempt_finds_nothing_at_work_nothing_failed_and_no_percentage_lost(steps):
    again = steps_for_new_attempt(steps)
    assert not {step.status for step in again} & {StepStatus.ACTIVE, StepStatus.FAILED}
    assert [s.progress_percentage for s in again] == [s.progress_percentage for s in steps]
    assert steps_for_new_attempt(again) == again
    settled = {StepStatus.DONE, StepStatus.SKIPPED, StepStatus.PENDING}
    assert all(new == old for new, old in zip(again, steps, strict=True) if old.status in settled)
