"""Tables and lists whose columns, names, scales and dates are drawn at random, compared with the truth."""

import datetime as dt

import pytest
from drawn_tables import DATES, FLAGS, KINDS, QUICK, STARS, layouts, rows_of, truths, values, written
from hypothesis import assume, given
from hypothesis import strategies as st
from source_reading import read

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.formats.columns import UnknownColumns
from outlast_reviews.sources.formats.dates import AmbiguousDate, ApproximateDate, read_date
from outlast_reviews.sources.formats.scales import UnknownScale

TODAY = dt.date(2026, 11, 30)


@pytest.mark.slow
@QUICK
@given(truths(), layouts(), KINDS, st.sampled_from(sorted(DATES)), st.sampled_from(FLAGS), st.sampled_from(STARS))
def test_every_part_is_read_from_its_column(truth, layout, kind, dates, flags, stars):
    named, columns = layout
    orders = {(day.date.day > 12) for day in truth}
    assume(dates != "us" or True in orders)  # else nobody can know the order
    cells = {
        named["rating"]: lambda review: stars(int(review.rating)),
        named["text"]: lambda review: review.text,
        named["date"]: lambda review: DATES[dates](review.date),
        named["reviewer"]: lambda review: review.reviewer,
        named["verified"]: lambda review: flags[0 if review.verified else 1],
    }
    found = read(written(columns, rows_of(truth, cells), kind))
    parts = ("rating", "text", "date", "reviewer", "verified")
    assert values(found, *parts) == values(ReviewSet(truth, ""), *parts)
    assert not found.skipped
    assert {part: found.columns[part] for part in named} == named


@pytest.mark.slow
@QUICK
@given(truths(), layouts(("rating", "text")), KINDS, st.sampled_from(["0/1", "-1/1", "words", "bool"]))
def test_thumbs_are_never_stars_and_no_row_is_dropped(truth, layout, kind, form):
    named, columns = layout
    assume(any(review.verified for review in truth) and not all(review.verified for review in truth))
    shown = {"0/1": ("1", "0"), "-1/1": ("1", "-1"), "words": ("positive", "negative"), "bool": ("true", "false")}
    cells = {
        named["rating"]: lambda review: shown[form][0 if review.verified else 1],
        named["text"]: lambda review: review.text,
    }
    found = read(written(columns, rows_of(truth, cells), kind))
    assert {review.rating for review in found.reviews} == {None}
    assert [review.recommended for review in found.reviews] == [review.verified for review in truth]


@pytest.mark.slow
@QUICK
@given(truths(), layouts(("rating", "text")), KINDS, st.sampled_from([10, 50, 100]), st.integers(0, 4))
def test_a_larger_scale_is_read_right_or_asked_for(truth, layout, kind, end, low):
    named, columns = layout
    points = [max(1, round(review.rating * end / 5) - (n % 2)) for n, review in enumerate(truth)]
    points = [min(point, 2) if n % 5 < low else point for n, point in enumerate(points)]
    assume(max(points) > (5 if end == 10 else 10))  # else they are as well those of ten
    cells = {named["rating"]: lambda review: points[review.row - 1], named["text"]: lambda review: review.text}
    table = written(columns, rows_of(truth, cells), kind)
    expected = [max(1.0, round(point * 5 / end, 2)) for point in points]
    try:
        found = read(table)
    except UnknownScale:
        found = read(table, mapping={"scale": str(end)})
    else:
        few = sum(point > 5 for point in points)
        if few <= 2:  # damaged rows, which are named
            assert len(found.skipped) == few
            return
    assert [review.rating for review in found.reviews] == expected
    assert not found.skipped


@pytest.mark.slow
@QUICK
@given(
    truths(),
    layouts(("rating", "text", "date")),
    KINDS,
    st.sampled_from([lambda n: n % 2, lambda n: 1, lambda n: "", lambda n: f"https://x.example/{n}"]),
    st.sampled_from(["said_by_the_buyer", "verified_reviews", "what", "spalte 7"]),
)
def test_words_are_read_from_the_column_with_sentences(truth, layout, kind, wrong, right):
    named, columns = layout
    cells = {
        named["rating"]: lambda review: int(review.rating),
        named["text"]: lambda review: wrong(review.row),
        named["date"]: lambda review: review.date.isoformat(),
        right: lambda review: review.text,
    }
    found = read(written([*columns, right], rows_of(truth, cells), kind))
    assert values(found, "rating", "text", "date") == values(ReviewSet(truth, ""), "rating", "text", "date")
    assert found.columns["text"] == right


@pytest.mark.slow
@QUICK
@given(truths(), st.permutations(["one", "two", "three", "four"]), KINDS)
def test_names_that_say_nothing_are_asked_about_with_the_right_suggestion(truth, names, kind):
    rating, text, date, reviewer = names
    assume(len({review.rating for review in truth}) > 1)
    cells = {
        rating: lambda review: int(review.rating),
        text: lambda review: review.text,
        date: lambda review: review.date.isoformat(),
        reviewer: lambda review: review.reviewer,
    }
    table = written(sorted(names), rows_of(truth, cells), kind)
    with pytest.raises(UnknownColumns) as asked:
        read(table)
    right = {"rating": rating, "text": text, "date": date, "reviewer": reviewer}
    assert asked.value.guesses == right
    found = read(table, mapping=right)
    parts = ("rating", "text", "date", "reviewer")
    assert values(found, *parts) == values(ReviewSet(truth, ""), *parts)


@pytest.mark.slow
@QUICK
@given(truths(), KINDS, st.sampled_from(["A Google user", "Anonym", "Kunde"]), st.integers(2, 5), st.booleans())
def test_a_name_of_a_large_share_is_nobodys_and_nothing_is_merged(truth, kind, name, every, ids):
    cells = {
        "rating": lambda review: int(review.rating),
        "review": lambda review: review.text,
        "author": lambda review: name if review.row % every else review.reviewer,
        **({"review_id": lambda review: f"R{review.row}"} if ids else {}),
    }
    found = read(written(list(cells), rows_of(truth, cells), kind))
    expected = [None if review.row % every else review.reviewer for review in truth]
    assert [review.reviewer for review in found.reviews] == expected


@pytest.mark.slow
@QUICK
@given(truths(), st.integers(1, 12), st.sampled_from("/-"), KINDS)
def test_dates_without_a_day_above_twelve_are_doubtful(truth, constant, separator, kind):
    months = [n % 12 + 1 for n in range(len(truth))]
    cells = {
        "rating": lambda review: int(review.rating),
        "review": lambda review: review.text,
        "date": lambda review: f"{constant:02}{separator}{months[review.row - 1]:02}{separator}2021",
    }
    table = written(list(cells), rows_of(truth, cells), kind)
    found = read(table)
    assert {review.date for review in found.reviews} == {None}
    assert 1 <= len(found.unordered_dates) <= 3
    days = [dt.date(2021, month, constant) for month in months]
    assert [review.date for review in read(table, mapping={"dates": "day"}).reviews] == days
    assert not read(table, mapping={"dates": "unknown"}).unordered_dates


@pytest.mark.slow
@QUICK
@given(truths(), st.sets(st.integers(0, 29), max_size=8), st.sampled_from([",", "lines"]))
def test_damaged_rows_are_skipped_and_counted_and_the_others_read(truth, damaged, kind):
    cells = {"rating": lambda review: int(review.rating), "review": lambda review: review.text}
    head, *lines = written(list(cells), rows_of(truth, cells), kind).splitlines()
    if kind == "lines":
        head, lines = "", [head, *lines]
    broken = [("1,2,3,4,5" if kind == "," else "{oops") if n in damaged else line for n, line in enumerate(lines)]
    found = read("\n".join([head, *broken]).strip())
    assert [review.text for review in found.reviews] == [r.text for n, r in enumerate(truth) if n not in damaged]
    assert len(found.skipped) == len(damaged)


@given(st.dates(dt.date(1991, 1, 1), TODAY), st.sampled_from(sorted(DATES)))
def test_a_day_is_the_one_that_was_written(day, form):
    found = read_date(DATES[form](day), TODAY)
    if isinstance(found, AmbiguousDate):
        found = found.read("month" if form == "us" else "day", TODAY)
    assert found == day


@pytest.mark.slow
@given(st.integers(1, 11), st.integers(1, 300), st.booleans())
def test_times_ago_are_approximate(unit, count, short):
    names = [
        ("days ago", 1), ("weeks ago", 7), ("months ago", 30), ("years ago", 365), ("d ago", 1), ("mo ago", 30),
        ("yr ago", 365), ("か月前", 30), ("个月前", 30), ("maanden geleden", 30), ("mesi fa", 30), ("w ago", 7),
    ]  # fmt: skip
    name, days = names[unit]
    text = f"{'Edited ' if short and name.isascii() else ''}{count}{' ' if name.isascii() else ''}{name}"
    assert read_date(text, TODAY) == ApproximateDate(TODAY - dt.timedelta(days * count))


@pytest.mark.parametrize(
    "text", ["2023-07", "07/2023", "Jul-23", "Jul '23", "July 2023", "Jul, 2023", "2023 July"]
)
def test_months_are_approximate(text):
    assert read_date(text, TODAY) == ApproximateDate(dt.date(2023, 7, 15))


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        (45_131, dt.date(2023, 7, 24)), ("45131.5", dt.date(2023, 7, 24)), ("1.6902E+12", dt.date(2023, 7, 24)),
        (1_690_200_000_000_000_000, dt.date(2023, 7, 24)), ("12345", None), ("99999", None),
    ],
)  # fmt: skip
def test_numbers_that_spreadsheets_and_clocks_write(raw, day):
    assert read_date(raw, TODAY) == day


@pytest.mark.parametrize("names", [("Q1", "Q2", "Q3"), ("col1", "col2", "col3"), ("A1", "B1", "C1")])
def test_names_with_numbers_are_names(names):
    table = ",".join(names) + "\n" + "".join(f"{n % 5 + 1},Words of a review {n},x\n" for n in range(20))
    with pytest.raises(UnknownColumns) as asked:
        read(table)
    assert "review already" not in str(asked.value)
    assert len(read(table, mapping={"rating": names[0], "text": names[1]}).reviews) == 20


def test_a_few_nul_characters_spoil_no_file():
    table = "rating,text\n" + "".join(f"{n % 5 + 1},Words of a rev\0iew {n}\n" for n in range(2)) + "5,x\n" * 1_000
    assert read(table).reviews[0].text == "Words of a review 0"
