"""What a file leaves open is asked in every notation, drawn at random: what zeros mean, the order of dates."""

import datetime as dt
from contextlib import suppress
from dataclasses import replace

import pytest
from drawn_tables import KINDS, QUICK, layouts, rows_of, truths, values, written
from hypothesis import assume, given
from hypothesis import strategies as st
from source_reading import read

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.formats.columns import UnknownColumns
from outlast_reviews.sources.formats.scales import Scale, UnknownScale

NOTATIONS = {
    "bare": (5, "{}"),
    "decimal": (5, "{}.0"),
    "of five": (5, "{}/5"),
    "english": (5, "{} out of 5 stars"),
    "german": (5, "{} von 5"),
    "stars": (5, "{} stars"),
    "bare ten": (10, "{}"),
    "of ten": (10, "{}/10"),
    "bare fifty": (50, "{}"),
    "bare hundred": (100, "{}"),
    "of a hundred": (100, "{}/100"),
    "percent": (100, "{}%"),
    "drawn": (5, ""),
}


def notated(notation: str, stars: int) -> str:
    end, form = NOTATIONS[notation]
    return form.format(stars * end // 5) if form else "★" * stars + "☆" * (5 - stars)


@QUICK
@given(
    truths(), layouts(("rating", "text")), KINDS, st.sampled_from(sorted(NOTATIONS)), st.sets(st.integers(0, 29))
)
def test_a_zero_is_asked_about_in_every_notation_and_read_as_said(truth, layout, kind, notation, zeros):
    stars = [0 if n in zeros else int(review.rating) for n, review in enumerate(truth)]
    assume(zeros and max(stars) > 1)  # else zeros and ones are thumbs
    named, columns = layout
    cells = {
        named["rating"]: lambda review: notated(notation, stars[review.row - 1]),
        named["text"]: lambda review: review.text,
    }
    table = written(columns, rows_of(truth, cells), kind)
    with pytest.raises(UnknownScale) as asked:
        read(table)
    end = NOTATIONS[notation][0]
    if asked.value.about == "zero":
        assert [scale.has_zero for scale in asked.value.scales] == [False, True]
    else:
        assert {Scale(str(end)), Scale(f"0-{end}")} <= set(asked.value.scales)
    rated = read(table, mapping={"scale": f"0-{end}"})
    unrated = read(table, mapping={"scale": str(end)})
    assert not rated.skipped + unrated.skipped
    assert [review.rating for review in rated.reviews] == [max(1.0, n) for n in stars]
    assert [review.rating for review in unrated.reviews] == [n or None for n in stars]
    assert any(f"{len(zeros)} rating" in line for line in unrated.left_out)


@QUICK
@given(truths(), layouts(("rating", "text")), KINDS, st.sampled_from(sorted(NOTATIONS)))
def test_zeros_alone_are_never_thumbs_unless_somebody_says_so(truth, layout, kind, notation):
    named, columns = layout
    cells = {named["rating"]: lambda _: notated(notation, 0), named["text"]: lambda review: review.text}
    table = written(columns, rows_of(truth, cells), kind)
    with pytest.raises(UnknownScale, match=f"{len(truth)} of {len(truth)} ratings are 0") as asked:
        read(table)
    assert asked.value.likely is Scale.STARS
    assert {(review.rating, review.recommended) for review in read(table, mapping={"scale": "5"}).reviews} == {
        (None, None)
    }
    assert {review.rating for review in read(table, mapping={"scale": "0-5"}).reviews} == {1.0}


def test_zeros_between_ratings_of_different_notations_are_asked_about():
    table = "rating,text\n" + "".join(
        f"{stars},Words of review {n}\n" for n, stars in enumerate(["5 stars", "0"] * 9)
    )
    with pytest.raises(UnknownScale, match="9 of 18"):
        read(table)


BEFORE = st.lists(
    st.sampled_from(
        [
            "# export of shop, 2024", "#,;|", "# rating, text and date of our reviews", "// of 2024-05-01, by us",
            "Our shop, all reviews", "Reviews", "Export; 3 pages; 2024", '"Our ""best"" shop, Ltd.",2024,,', "",
            "sep=;", "sep=,", ",,,", "# sep=,", "Shop:\tOurs", "Reviews | May 2024", "-- 40 rows --", "===,===",
            "Exported,2024-05-01 12:00", "%", " ", "A shop,,,,,,,,",  "5,stars,only",
        ]
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@QUICK
@given(truths(), layouts(), st.sampled_from(",;\t|"), BEFORE, st.sampled_from(["", "\ufeff"]), st.booleans())
def test_lines_before_the_header_are_passed_over_whatever_they_hold(
    truth, layout, delimiter, before, mark, windows
):
    named, columns = layout
    cells = {
        named["rating"]: lambda review: int(review.rating),
        named["text"]: lambda review: review.text,
        named["date"]: lambda review: review.date.isoformat(),
        named["reviewer"]: lambda review: review.reviewer,
        named["verified"]: lambda review: "Yes" if review.verified else "No",
    }
    table = written(columns, rows_of(truth, cells), delimiter).replace("\r\n", "\n")
    table = mark + "\n".join([*before, table])
    found = read(table.replace("\n", "\r\n") if windows else table)
    parts = ("rating", "text", "date", "reviewer", "verified")
    assert values(found, *parts) == values(ReviewSet(truth, ""), *parts)
    assert not found.skipped
    count = sum(bool(line.strip(" ,;|")) and not line.startswith("sep=") for line in before)
    assert [line for line in found.left_out if "before the one" in line] == (
        [f"{count} line{'s' if count > 1 else ''} before the one that names the columns"] if count else []
    )


@QUICK
@given(truths(), st.sampled_from(",;\t|"), BEFORE, st.permutations(["Points", "Said", "When", "Who"]))
def test_columns_of_unknown_names_are_asked_about_and_not_the_lines_before(truth, delimiter, before, names):
    cells = {
        "Points": lambda review: int(review.rating),
        "Said": lambda review: review.text,
        "When": lambda review: review.date.isoformat(),
        "Who": lambda review: review.reviewer,
    }
    table = "\n".join([*before, written(names, rows_of(truth, cells), delimiter)])
    with pytest.raises(UnknownColumns) as asked:
        read(table)
    assert [column.name for column in asked.value.columns] == names
    found = read(table, mapping={"rating": "Points", "text": "Said", "date": "When", "reviewer": "4"})
    assert values(found, "rating", "text", "date") == values(ReviewSet(truth, ""), "rating", "text", "date")


@pytest.mark.parametrize("title", ["# reviews of 2024, by us", "Export of our shop", "Our shop\n\n2024-05-01"])
def test_lines_before_a_single_column_are_passed_over(title):
    found = read(
        f"{title}\nreview\n" + "".join(f"The lamp number {n} is bright, warm and quiet\n" for n in range(20))
    )
    assert len(found.reviews) == 20


@QUICK
@given(
    truths(), layouts(("rating", "text")), KINDS, st.sampled_from(["{} stars", "{} Sterne", "{} points", "{}星"])
)
def test_ten_stars_are_no_five_whatever_the_unit(truth, layout, kind, form):
    points = [int(2 * review.rating) - review.row % 2 for review in truth]
    assume(sum(point > 5 for point in points) > 2)
    named, columns = layout
    cells = {
        named["rating"]: lambda review: form.format(points[review.row - 1]),
        named["text"]: lambda review: review.text,
    }
    table = written(columns, rows_of(truth, cells), kind)
    found = read(table, mapping={"scale": "10"})
    assert [review.rating for review in found.reviews] == [max(1.0, point / 2) for point in points]
    with suppress(UnknownScale):  # where many need the larger scale, nobody is asked
        assert values(read(table), "rating") == values(found, "rating")


@QUICK
@given(truths(), layouts(("rating", "text")), KINDS)
def test_shares_of_one_are_asked_about(truth, layout, kind):
    assume(sum(review.rating < 5 for review in truth) > 2)
    named, columns = layout
    cells = {named["rating"]: lambda review: review.rating / 5, named["text"]: lambda review: review.text}
    table = written(columns, rows_of(truth, cells), kind)
    with pytest.raises(UnknownScale, match="between 0 and 1") as asked:
        read(table)
    assert asked.value.likely is Scale.ONE
    assert values(read(table, mapping={"scale": "1"}), "rating") == values(ReviewSet(truth, ""), "rating")


def with_dates(truth, kind, form):
    cells = {
        "rating": lambda review: int(review.rating),
        "review": lambda review: review.text,
        "date": lambda review: form(review.date),
    }
    return written(list(cells), rows_of(truth, cells), kind)


FIRST = {"day": "%Y{0}%d{0}%m", "month": "%Y{0}%m{0}%d"}


@QUICK
@given(truths(), KINDS, st.sampled_from(sorted(FIRST)), st.sampled_from("/.-"), st.sampled_from(["", " 23:59:10"]))
def test_the_dates_of_a_column_decide_what_comes_behind_the_year(truth, kind, first, separator, time):
    assume(sum(review.date.day > 12 for review in truth) > 2)
    found = read(with_dates(truth, kind, lambda day: f"{day:{FIRST[first].format(separator)}}{time}"))
    assert values(found, "date") == values(ReviewSet(truth, ""), "date")
    assert not found.unordered_dates


@QUICK
@given(
    truths(),
    KINDS,
    st.sampled_from("/."),
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=30),
)
def test_an_order_behind_the_year_that_nothing_decides_is_asked_about(truth, kind, separator, pairs):
    days = [dt.date(2021, *pairs[n % len(pairs)]) for n in range(len(truth))]
    dated = [replace(review, date=day) for review, day in zip(truth, days, strict=True)]
    assume(any(day.day != day.month for day in days))
    doubtful = len({day.month for day in days if day.month != day.day}) > len(
        {day.day for day in days if day.month != day.day}
    )
    table = with_dates(dated, kind, lambda day: f"{day:{FIRST['month'].format(separator)}}")
    found = read(table)
    assert bool(found.unordered_dates) is doubtful
    if not doubtful:
        assert [review.date for review in found.reviews] == days
    for first, form in FIRST.items():
        said = read(
            with_dates(dated, kind, lambda day, form=form: f"{day:{form.format(separator)}}"),
            mapping={"dates": first},
        )
        assert [review.date for review in said.reviews] == days
    assert not read(table, mapping={"dates": "unknown"}).unordered_dates
    iso = read(with_dates(dated, kind, dt.date.isoformat), mapping={"dates": "day"})
    assert [review.date for review in iso.reviews] == days


@QUICK
@given(truths(), KINDS, st.sampled_from(["%d/%m/%Y|%m/%d/%Y", "%Y/%d/%m|%Y/%m/%d"]), st.integers(2, 4))
def test_dates_of_both_orders_in_one_column_are_asked_about(truth, kind, forms, every):
    some, others = forms.split("|")
    late = [n % every == 0 for n, review in enumerate(review for review in truth if review.date.day > 12)]
    assume(2 < sum(late) < len(late) - 2)
    order = iter(late)
    table = with_dates(truth, kind, lambda day: f"{day:{others if day.day > 12 and next(order) else some}}")
    assert read(table).unordered_dates


def test_a_row_with_neither_a_rating_nor_words_is_named():
    table = "rating,text\n" + "".join(f"{n % 5 + 1},Words of review {n}\n" for n in range(9)) + "0,\n"
    found = read(table, mapping={"scale": "5"})
    assert [(skipped.row, skipped.reason) for skipped in found.skipped] == [
        (10, "the row has neither stars nor words")
    ]
    assert not found.left_out


@pytest.mark.parametrize(("worst", "read_as"), [("0", 1.0), ("1", None), (0, 1.0)])
@pytest.mark.parametrize("best", ["5", "10", 100])
def test_a_page_that_says_its_lowest_rating_is_not_asked_about(worst, read_as, best):
    rating = f'{{"ratingValue": 0, "bestRating": {best!r}, "worstRating": {worst!r}}}'.replace("'", '"')
    reviews = f'{{"reviewRating": {rating}, "reviewBody": "The lamp is dim and flickers"}}'
    other = '{"reviewRating": {"ratingValue": 4, "bestRating": 5}, "reviewBody": "The lamp is fine"}'
    page = '<html><script type="application/ld+json">{"@type": "Product", "review": [%s, %s]}</script></html>'
    assert [review.rating for review in read(page % (reviews, other)).reviews] == [read_as, 4.0]
    with pytest.raises(UnknownScale):
        read(page % (reviews.replace(f', "worstRating": {worst!r}'.replace("'", '"'), ""), other))
