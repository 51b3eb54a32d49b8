"""Duration sampling: the first durations of a step, and later a few per second."""

from outlast.ports.results import SAMPLES_KEPT, StepSample
from outlast.running.progress_writer import DurationSampler
from outlast.testing.clock import FakeClock


def test_of_hundreds_of_durations_a_second_a_few_are_written_and_every_step_has_its_turn():
    clock = FakeClock()
    sampler = DurationSampler(clock)
    site = [StepSample("site", "read", n) for n in range(500)]
    assert sampler.select(site) == site[:SAMPLES_KEPT]
    assert sampler.select(site) == []
    assert sampler.select([StepSample("site", "judge", 1)]) == [StepSample("site", "judge", 1)]
    clock.advance(1)
    assert sampler.select(site) == site[:2]
    clock.advance(3600)
    assert len(sampler.select(site)) == SAMPLES_KEPT
