"""The whole pipeline on 50,000 reviews: CPU time, memory, longest gap between progress reports."""

import datetime as dt
import random
import resource
import time

import figures
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet

VOCABULARY = [f"word{n}" for n in range(3_000)]
FREQUENCIES = [1 / (n + 3) for n in range(len(VOCABULARY))]  # word sequences recur, as in real texts
FIRST_DAY = dt.date(2015, 1, 1)


def reviews(count: int) -> list[Review]:
    """Three fifths synthetic reviews, two fifths copies of one text with two words changed in each."""
    chance = random.Random(1)
    model = chance.choices(VOCABULARY, FREQUENCIES, k=40)
    made: list[Review] = []
    for row in range(count):
        if row < 3 * count // 5:
            words = chance.choices(VOCABULARY, FREQUENCIES, k=chance.randint(5, 50))
        else:
            words = list(model)
            for _ in range(2):
                words[chance.randrange(len(words))] = chance.choice(VOCABULARY)
        day = FIRST_DAY + dt.timedelta(chance.randrange(3_000))
        stars = float(chance.randint(1, 5))
        made.append(
            Review(row, f"x{row}", stars, day, "", " ".join(words), f"Person {row}", chance.random() < 0.9)
        )
    return made


def main() -> None:
    count = 1_000 * figures.size(50)
    reviewed = ReviewSet(tuple(reviews(count)), "invented")
    silences: list[float] = []
    last, furthest = time.process_time(), -1.0

    def progress(done: float, _total: float, _message: str) -> None:
        nonlocal last, furthest
        if done > furthest:
            now = time.process_time()
            silences.append(now - last)
            last, furthest = now, done

    began = time.process_time()
    report = review_report(reviewed, source="bench", analysed_at=dt.datetime.now(dt.UTC), progress=progress)
    ended = time.process_time()
    silences.append(ended - last)
    assert report["strong_count"] > 0.39 * count
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    full = count == 50_000
    figures.show(
        f"Judging {count:,} reviews on one core",
        [
            figures.Figure("whole pipeline", ended - began, "s", at_most=30 if full else None),
            figures.Figure("longest silence", max(silences), "s", at_most=0.5 if full else None),
            figures.Figure("memory", megabytes, "MB", at_most=600 if full else None),
        ],
    )


if __name__ == "__main__":
    main()
