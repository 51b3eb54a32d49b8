"""Progress shares: by duration if known, otherwise by declared weight."""

from statistics import median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlast.domain.plan import MIN_SAMPLES, Expected, PlannedStep, predict_duration, progress_shares

durations = st.floats(0, 1e9)
expectations = st.none() | st.builds(lambda ms: Expected(ms * 0.5, ms, ms * 2), durations)


def _plan(weights):
    return [PlannedStep(f"step {n}", "A step", weight) for n, weight in enumerate(weights)]


def test_too_few_durations_predict_nothing():
    assert predict_duration([]) is None
    assert predict_duration([5] * (MIN_SAMPLES - 1)) is None
    assert predict_duration([5] * MIN_SAMPLES) == Expected(5, 5, 5)


def test_three_durations_are_enough():
    assert predict_duration([1, 2]) is None
    assert predict_duration([1, 2, 3]) == Expected(pytest.approx(1.4), 2, pytest.approx(2.6))


@pytest.mark.slow
@given(st.lists(durations, min_size=MIN_SAMPLES))
def test_the_range_contains_the_median_and_lies_within_the_samples(seen):
    expected = predict_duration(seen)
    tolerance = 1e-6 * max(seen)
    assert expected.middle == median(seen)
    assert min(seen) - tolerance <= expected.low <= expected.middle + tolerance
    assert expected.middle - tolerance <= expected.high <= max(seen) + tolerance


def test_one_outlier_moves_neither_median_nor_range():
    assert predict_duration([10, 10, 10, 10, 10, 10, 9_000]) == Expected(10, 10, 10)


def test_an_empty_plan_has_no_weights():
    assert progress_shares([], {}) == []


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(0, 1e6), expectations), min_size=1, max_size=12))
@example([(2.0, None), (1e-308, Expected(0, 0, 0))])
def test_shares_are_positive_and_sum_to_one_whatever_is_known(steps):
    plan = _plan([weight for weight, _ in steps])
    shares = progress_shares(plan, {step.name: expected for step, (_, expected) in zip(plan, steps, strict=True)})
    assert len(shares) == len(plan)
    assert all(share > 0 for share in shares)
    assert sum(shares) == pytest.approx(1)


def test_unknown_steps_share_as_declared():
    assert progress_shares(_plan([1, 3]), {}) == pytest.approx([0.25, 0.75])


def test_known_steps_share_by_time_whatever_was_declared():
    expected = {"step 0": Expected(1, 900, 2_000), "step 1": Expected(1, 100, 200)}
    assert progress_shares(_plan([1, 50]), expected) == pytest.approx([0.9, 0.1])


def test_an_unknown_step_among_known_ones_is_measured_by_their_pace():
    expected = {"step 0": Expected(1, 600, 2_000), "step 1": Expected(1, 200, 200)}
    assert progress_shares(_plan([1, 1, 2]), expected) == pytest.approx([600 / 1_600, 200 / 1_600, 800 / 1_600])


def test_a_step_that_takes_no_time_is_still_seen_to_move():
    expected = {"step 0": Expected(0, 0, 0), "step 1": Expected(1, 1_000_000, 2_000_000)}
    quick, slow = progress_shares(_plan([1, 1]), expected)
    assert 0.004 < quick < 0.01 < slow
