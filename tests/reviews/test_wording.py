"""What the report means for a shopper fits what the rest of the report says."""

import datetime as dt
import itertools

import pytest
from review_data import copies, invented, review_set

from outlast_reviews.report import review_report
from outlast_reviews.verdict import LEAST_TEXTS
from outlast_reviews.wording import meaning

NOTHING_FOUND = "We found nothing against these reviews."


def report(grade: str, strong: int = 0, medium: int = 0, texts: int = 1_000) -> dict:
    counts = {"strong_count": strong, "medium_count": medium, "judged_reviews": texts}
    return {"grade": grade, **counts, "rating_changed": False, "adjusted_rating": None}


def test_an_a_beside_copies_does_not_say_that_nothing_was_found():
    reviews = [*invented(300), *copies(3, first_row=900)]
    found = review_report(review_set(reviews), source="s", analysed_at=dt.datetime.now(dt.UTC))
    assert (found["grade"], found["strong_count"]) == ("A", 3)
    assert meaning(found).startswith("Skip the reviews that show warning signs.")


@pytest.mark.parametrize(("grade", "strong", "medium"), [*itertools.product("ABCDFU", (0, 2), (0, 3))])
def test_nothing_was_found_exactly_where_an_a_has_no_sign(grade, strong, medium):
    said = meaning(report(grade, strong, medium))
    assert said.startswith(NOTHING_FOUND) == (grade == "A" and not strong + medium)
    assert ("signs below" in said) == (grade == "U" and strong + medium > 0)


@pytest.mark.parametrize(
    ("texts", "few"), [(0, True), (LEAST_TEXTS - 1, True), (LEAST_TEXTS, False), (1_000, False)]
)
def test_more_reviews_are_asked_for_only_where_there_are_too_few(texts, few):
    said = meaning(report("U", medium=1, texts=texts))
    assert ("Try again with more reviews" in said) == few
    assert ("We can't settle on a grade." in said) != few
