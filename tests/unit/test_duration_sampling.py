"""The store learns from the first durations of a step, and later from a few a second."""

from outlast.core.running.duration_sampling import Sampling
from outlast.ports.results import SAMPLES_KEPT, StepSample
from outlast.testing.clock import FakeClock


def test_of_hundreds_of_durations_a_second_a_few_are_written_and_every_step_has_its_turn():
    clock = FakeClock()
    sampling = Sampling(clock)
    site = [StepSample("site", "read", n) for n in range(500)]
    assert sampling.chosen(site) == site[:SAMPLES_KEPT]
    assert sampling.chosen(site) == []
    assert sampling.chosen([StepSample("site", "judge", 1)]) == [StepSample("site", "judge", 1)]
    clock.advance(1)
    assert sampling.chosen(site) == site[:2]
    clock.advance(3600)
    assert len(sampling.chosen(site)) == SAMPLES_KEPT
