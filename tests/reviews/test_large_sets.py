"""Thousands of reviews: time and room in proportion, progress that keeps moving; more in `bench/judging.py`."""

import subprocess
import sys
from pathlib import Path

import pytest
from reference_work import least, reference_seconds

PROGRAM = """
import datetime as dt, random, sys, time
sys.path.insert(0, {here!r})
from review_data import WORDS, copies
from source_bombs import most_memory
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet

chance = random.Random(1)
day = dt.date(2015, 1, 1)
often = [1 / (n + 3) for n in range(len(WORDS))]  # runs of words recur, as in people's texts
reviews = [
    Review(n, f"x{{n}}", float(chance.randint(1, 5)), day + dt.timedelta(chance.randrange(3000)), "",
           " ".join(chance.choices(WORDS, often, k=chance.randint(5, 50))), f"Person {{n}}", chance.random() < 0.9)
    for n in range(4_800)
] + copies(3_200, first_row=60_000, changed=2)
gaps, last, bar = [], [time.process_time()], []

def progress(done, total, message):
    if not bar or done > bar[-1]:
        gaps.append(time.process_time() - last[0])
        last[0] = time.process_time()
    bar.append(done)

start = time.process_time()
report = review_report(
    ReviewSet(tuple(reviews), "invented"), source="s", analysed_at=dt.datetime.now(dt.UTC), progress=progress
)
writing = time.process_time() - last[0]
assert report["strong_count"] > 3_180, report["strong_count"]
assert bar == sorted(bar)
print(time.process_time() - start, max(gaps), writing, most_memory())
"""


@pytest.mark.slow
def test_eight_thousand_reviews_are_analysed_in_time_and_room_with_steady_progress():
    """Seconds are the processor's, so that a busy machine changes nothing."""
    figures: list[tuple[float, ...]] = []

    def measured() -> float:
        """The greatest share of what is allowed."""
        pace = reference_seconds()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(here=str(Path(__file__).parent))],
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        seconds, longest_silence, writing, megabytes = map(float, done.stdout.split())
        assert megabytes <= 250
        pace = max(0.1, (pace + reference_seconds()) / 2)
        figures.append((pace, seconds, longest_silence, writing))
        return max(seconds / 50, longest_silence / 3, writing / 3) / pace

    assert least(measured, 1) <= 1, figures
