"""Small files that were once misread, each with the right values or the right question; their kinds at random."""

import datetime as dt
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from source_reading import read

from outlast_reviews.checks.burst import burst
from outlast_reviews.deduplicate import clean
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import columns_of, other_form
from outlast_reviews.sources.formats.dates import AmbiguousDate, ApproximateDate, order_of, read_date
from outlast_reviews.sources.formats.scales import Scale, UnknownScale, scale_of

CASES = Path(__file__).parent / "cases"
TODAY = dt.date(2026, 11, 30)


def case(name: str, **more: object) -> ReviewSet:
    return read((CASES / name).read_text(encoding="utf-8"), **more)


def average(found: ReviewSet) -> float:
    return mean(review.rating for review in found.reviews if review.rating is not None)


def test_zeros_and_ones_are_thumbs():
    found = case("steam.csv")
    assert len(found.reviews) == 40
    assert not found.skipped
    assert {review.rating for review in found.reviews} == {None}
    assert {review.recommended for review in found.reviews} == {True, False}
    assert clean(found).coverage.thumbs == 40


def test_the_words_are_in_the_column_with_sentences():
    found = case("lab.csv")
    assert all(len(review.text) > 20 for review in found.reviews)
    assert average(found) == 5.0
    assert {review.verified for review in found.reviews} == {None}


def test_the_name_of_a_large_share_with_ids_of_their_own_is_nobodys():
    cleaned = clean(case("anon.csv"))
    assert (cleaned.coverage.unique, cleaned.coverage.merged, cleaned.coverage.reviewers) == (32, 0, 0)
    assert mean(review.rating for review in cleaned.reviews) == 4.5


def test_an_unknown_order_of_day_and_month_is_said_and_can_be_given():
    found = case("flip.csv")
    assert not any(review.date for review in found.reviews)
    assert "the order of day and month is unknown" in found.left_out[0]
    assert burst(found.reviews, lambda _: None).outcome == "not_assessed"
    days = {review.date for review in case("flip.csv", mapping={"dates": "day"}).reviews}
    assert len(days) == 24
    assert {day.day for day in days} == {1}


def test_a_first_line_that_names_one_column_too_few():
    found = case("hdr8.csv")
    assert len(found.reviews) == 25
    assert all(review.date and review.text for review in found.reviews)
    assert average(found) == 5.0
    assert "a column that the first line does not name, number 6 of 6" in found.left_out


def test_ten_points_are_recognised_or_asked_for():
    found = case("imdb10.csv")
    assert len(found.reviews) == 40
    assert average(found) == pytest.approx(2.8)
    with pytest.raises(UnknownScale, match="5 of 40 ratings are above 5, and the largest is 8"):
        case("ten_low.csv")
    low = case("ten_low.csv", mapping={"scale": "10"})
    assert (len(low.reviews), len(low.skipped)) == (40, 0)
    stars = case("ten_low.csv", mapping={"scale": "5"})
    assert (len(stars.reviews), len(stars.skipped)) == (35, 5)


@pytest.mark.parametrize("name", ["month.csv", "relative.csv"])
def test_dates_that_are_approximate(name):
    found = case(name)
    assert all(review.date and review.approximate for review in found.reviews)
    assert "only know the month" in burst(found.reviews, lambda _: None).sentence


def test_names_of_columns_in_other_forms():
    found = case("names.csv")
    assert {review.title for review in found.reviews} == {"Title"}
    assert found.reviews[0].date == dt.date(2018, 4, 17)
    assert len(case("rating_star.csv").reviews) == 28
    assert sum(review.verified is True for review in case("verif.csv").reviews) == 18


def test_one_column_of_texts():
    found = case("one.csv")
    assert len(found.reviews) == 25
    assert {review.rating for review in found.reviews} == {None}
    assert all(len(review.text) > 20 for review in found.reviews)


@given(
    words=st.sampled_from(["star rating", "review text", "reviewer name", "verified purchase", "review date"]),
    joined=st.sampled_from(["_", " ", "-", ""]),
    reverse=st.booleans(),
    plural=st.booleans(),
)
def test_words_of_a_name_count_and_not_their_order(words: str, joined: str, reverse: bool, plural: bool):
    parts = [word.title() for word in words.split()][:: -1 if reverse else 1]
    parts[0] += "s" if plural else ""
    known = {"starrating", "reviewtext", "reviewername", "verifiedpurchase", "reviewdate"}
    assert other_form(joined.join(parts), known) == words.replace(" ", "")
    assert columns_of([joined.join(parts)]).known == 1


@given(st.dictionaries(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), st.integers(1, 500), min_size=1))
def test_numbers_that_fit_five_stars_are_stars(numbers: dict[float, int]):
    assert scale_of(numbers) is Scale.STARS


@given(
    others=st.dictionaries(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), st.integers(1, 50)),
    steps=st.dictionaries(st.sampled_from([1.5, 2.5, 3.5, 4.5]), st.integers(1, 50), min_size=1),
    lowest=st.integers(0, 30),
)
def test_half_a_star_is_a_rating_where_a_column_goes_by_halves(
    others: dict[float, int], steps: dict[float, int], lowest: int
):
    """Without it the lowest ratings of a site of films would be dropped, and its average too high."""
    numbers = {0.5: lowest, **others, **steps}
    spare = max(2, sum(numbers.values()) // 100)
    halves = lowest > spare and sum(steps.values()) > spare
    assert scale_of(numbers) is (Scale.HALVES if halves else Scale.STARS)


@given(
    others=st.dictionaries(st.sampled_from([1.0, 2.0, 2.5, 3.0, 4.0, 5.0]), st.integers(0, 200)),
    zeros=st.integers(1, 60),
    damaged=st.integers(0, 2),
)
def test_zeros_beside_stars_are_asked_about(others: dict[float, int], zeros: int, damaged: int):
    """Sites write zero for no rating; on a scale from zero, dropping it would raise the average."""
    numbers = {0.0: zeros, **{number: count for number, count in {9.0: damaged, **others}.items() if count}}
    assume(set(numbers) != {0.0, 1.0} and sum(numbers.values()) > 1)  # the former are thumbs
    with pytest.raises(UnknownScale, match=f"{zeros} of .* ratings (is|are) 0") as asked:
        scale_of(numbers)
    assert asked.value.likely is Scale.STARS


@pytest.mark.parametrize(("said", "lowest"), [("5", 0.5), ("0-5", 0)])
def test_halves_are_ratings_whatever_zero_is(said: str, lowest: float):
    rows = [((n % 11) / 2, f"It is a film with words of its own, number {n}") for n in range(66)]
    table = "rating,text\n" + "".join(f'{stars},"{text}"\n' for stars, text in rows)
    with pytest.raises(UnknownScale):
        read(table)
    found = read(table, mapping={"scale": said})
    assert not found.skipped
    assert sum(review.rating is None for review in found.reviews) == (6 if lowest else 0)
    assert average(found) == pytest.approx(mean(max(1, stars) for stars, _ in rows if stars >= lowest))


def test_half_a_star_counts_as_one_and_no_row_is_dropped():
    rows = [f"{(n % 10 + 1) / 2},It is a film with words of its own, number {n}".split(",", 1) for n in range(40)]
    found = read("rating,text\n" + "".join(f'{stars},"{text}"\n' for stars, text in rows))
    assert (len(found.reviews), found.skipped) == (40, ())
    assert average(found) == pytest.approx(mean(max(1, float(stars)) for stars, _ in rows))


@pytest.mark.parametrize("short", ["ok", "", "Nice", "5"])
@pytest.mark.parametrize(
    ("text", "title"), [("review", "summary"), ("review_text", "review_title"), ("body", "title")]
)
def test_the_words_are_in_the_title_where_it_alone_has_sentences(text: str, title: str, short: str):
    sentences = [f"The handle number {n} is stiff at first but loosens" for n in range(30)]
    found = read(
        f"rating,{text},{title}\n" + "".join(f"{n % 5 + 1},{short},{one}\n" for n, one in enumerate(sentences))
    )
    assert [review.text for review in found.reviews] == sentences
    as_said = {"text": text, "title": title}
    found = read(
        f"rating,{text},{title}\n" + "".join(f"4,ok {n},{one}\n" for n, one in enumerate(sentences)),
        mapping=as_said,
    )
    assert [review.title for review in found.reviews] == sentences


@pytest.mark.parametrize(
    "before", ["# exported in 2024\n", "#\n#2\n", "\n# a: b\n\n", "sep=,\n# of mine\n", "# one\nsep=,\n"]
)
@pytest.mark.parametrize("name", ["rating", "#", "# of stars,rating"])
def test_comments_before_the_header_are_no_table(before: str, name: str):
    extra = [] if name == "rating" else ["7"]
    header = name if name != "#" else "#,rating"
    rows = "".join(",".join([*extra, str(n % 5 + 1), f"Words of review {n} here"]) + "\n" for n in range(20))
    found = read(f"{before}{header},text\n{rows}")
    assert len(found.reviews) == 20
    assert average(found) == 3.0


@given(low=st.integers(0, 300), high=st.integers(1, 300), end=st.sampled_from([10, 100]))
def test_a_larger_scale_is_recognised_or_asked_for_and_no_row_dropped(low: int, high: int, end: int):
    numbers = {2.0: low, float(end): high} if low else {float(end): high}
    if high <= max(2, (low + high) // 100):
        assert scale_of(numbers) is Scale.STARS
    elif 3 * high >= low + high:
        assert scale_of(numbers) is Scale(str(end))
    else:
        with pytest.raises(UnknownScale) as asked:
            scale_of(numbers)
        assert asked.value.likely is Scale(str(end))


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1), st.sampled_from("/-"))
def test_an_order_is_unknown_without_a_day_above_twelve(pairs: list[tuple[int, int]], separator: str):
    dates = [AmbiguousDate(first, second, 2020, separator) for first, second in pairs]
    same = all(first == second for first, second in pairs)
    assert (order_of(dates, TODAY) is None) is not same
    assert order_of([*dates, AmbiguousDate(13, 1, 2020, separator)], TODAY) == "day"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("9 months ago", TODAY - dt.timedelta(270)), ("a year ago", TODAY - dt.timedelta(365)),
        ("vor 3 Tagen", TODAY - dt.timedelta(3)), ("il y a 2 semaines", TODAY - dt.timedelta(14)),
        ("hace un mes", TODAY - dt.timedelta(30)), ("2 anni fa", TODAY - dt.timedelta(730)),
        ("yesterday", TODAY - dt.timedelta(1)), ("Jan, 2024", dt.date(2024, 1, 15)),
        ("März 2023", dt.date(2023, 3, 15)), ("2022 octobre", dt.date(2022, 10, 15)),
        ("mars de 2020", dt.date(2020, 3, 15)), ("9 moons ago", None), ("5 stars", None), ("9 months", None),
    ],
)  # fmt: skip
def test_approximate_dates(text: str, date: dt.date | None):
    assert read_date(text, TODAY) == (None if date is None else ApproximateDate(date))


def test_what_is_said_of_a_table_is_checked():
    with pytest.raises(NotReviews, match=r"“scale” can be 5, 0-5, 10, 0-10, 50, .* thumbs, and not “7”"):
        case("imdb10.csv", mapping={"scale": "7"})


def test_rows_with_different_ids_are_never_merged():
    table = "id,rating,text,author\n" + "".join(f"{n},5,Good,Ann\n" for n in range(6))
    assert clean(read(table)).coverage.merged == 0


def test_a_feed_that_says_who_is_anonymous():
    found = read("rating,text,author,is_anonymous\n5,Good,Ann,true\n4,Fair,Bob,false\n")
    assert [review.reviewer for review in found.reviews] == [None, "Bob"]


def test_a_column_is_named_by_its_name_as_shown_or_by_its_number():
    table = "Points,My  long name,Level\n5,Good,1\n4,Fair,2\n"
    for words in ("My  long name", "my long name", "2"):
        found = read(table, mapping={"rating": "1", "text": words})
        assert [(review.rating, review.text) for review in found.reviews] == [(5.0, "Good"), (4.0, "Fair")]
    named = read(table, mapping={"rating": "3", "text": "2"})
    assert [review.rating for review in named.reviews] == [1.0, 2.0]
