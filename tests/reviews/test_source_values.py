"""Stars, dates, yes and no, and text, in all the spellings that exports use."""

import datetime as dt

import pytest
from source_reading import read

from outlast_reviews.sources.formats.dates import AmbiguousDate, order_of, read_date, resolve_date
from outlast_reviews.sources.formats.rows import plain_text, read_flag
from outlast_reviews.sources.formats.stars import UnreadableStars, read_stars


@pytest.mark.parametrize(
    ("raw", "stars"),
    [
        ("5", 5.0), ("5.0", 5.0), (4, 4.0), (3.5, 3.5), (" 4 ", 4.0), ("4,0", 4.0), ("4 stars", 4.0),
        ("1 star", 1.0), ("FIVE", 5.0), ("one star", 1.0), ("four-star", 4.0),
        ("5.0 out of 5 stars", 5.0), ("4,0 von 5 Sternen", 4.0), ("3/5", 3.0), ("8/10", 4.0), ("80%", 4.0),
        ("★★★★☆", 4.0), ("5 ★", 5.0), ("4.5⭐", 4.5), ("★ 4,5", 4.5), ("★★★★☆ (12)", 4.0), ("４．５", 4.5),
        ("星5つ中の4.3", 4.3), ("★★★", 3.0), ("⭐⭐⭐⭐⭐", 5.0), ("Rated 2 out of 5", 2.0),
        ("4,5 von 5 Sternen", 4.5), ("4,5 sur 5 étoiles", 4.5), ("4,5 de 5 estrellas", 4.5),
        ("4,5 su 5 stelle", 4.5),
        ("4.5つ星", 4.5), ("5つ星のうち4.5", 4.5), ("5つ星のうち 4", 4.0), ("5 yıldız üzerinden 4,0", 4.0),
        ("4,0 z 5 gwiazdek", 4.0), ("4,0 av 5 stjärnor", 4.0), ("4½", 4.5), ("3 ½ stars", 3.5), ("★★★★½", 4.5),
        ("", None), (None, None), ("N/A", None), ("null", None), ("nan", None),
    ],
)  # fmt: skip
def test_stars_are_read(raw, stars):
    assert read_stars(raw) == stars


@pytest.mark.parametrize(
    "raw",
    ["0", "6", "-1", "many", True, "5 of 7", "1 2 3", float("nan"), float("inf"), 10**400, "4" * 500, "⭐" * 6],
)
def test_what_is_no_rating_is_not_made_one(raw):
    with pytest.raises(UnreadableStars):
        read_stars(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "2018-04-12", "2018-04-12T23:30:00Z", "2018-04-12 10:00:00 +0200", "2018-04-12T10:00:00.000+09:00",
        "2018/04/12", "20180412", "04 12, 2018", "4 12, 2018", 1523491200, "1523491200", 1523491200.5,
        1523491200000, "1523491200000",
        "April 12, 2018", "Apr 12, 2018", "12 April 2018", "12. April 2018", "12 avril 2018",
        "12 de abril de 2018",
        "12 aprile 2018", "Thu, 12 Apr 2018 10:22:33 +0000", "Thu Apr 12 10:22:33 2018", "April 12th, 2018",
        "Reviewed in the United States on April 12, 2018", "2018年4月12日", "12-Apr-18", "Apr 12, 18",
        "12 avr. 2018",
        "12 abr 2018", "Posted 2018-04-12", "2018. 4. 12.", "20180412101500", "1523491200000000", "12 أبريل 2018",
        "平成30年4月12日", "平成30年04月12日に日本でレビュー済み", "平成３０年４月１２日", "H30.4.12", "H30/04/12",
    ],
)  # fmt: skip
def test_dates_are_read(raw):
    assert read_date(raw) == dt.date(2018, 4, 12)


@pytest.mark.parametrize(
    "raw",
    [
        "Reviewed in Germany on 3 March 2018", "Reviewed in the United States on March 3, 2018",
        "Rezension aus Deutschland vom 3. März 2018", "Bewertet in Deutschland am 3. März 2018",
        "Commenté en France le 3 mars 2018", "Avis laissé en France le 3 mars 2018",
        "Reseña en España el 3 de marzo de 2018", "Revisado en España el 3 de marzo de 2018",
        "Calificado en México el 3 de marzo de 2018", "Recensito in Italia il 3 marzo 2018",
        "2018年3月3日に日本でレビュー済み", "2018 年 3 月 3 日に日本でレビュー済み",
        "Beoordeeld in Nederland op 3 maart 2018",
        "Recenserad i Sverige den 3 mars 2018", "Opinia napisana w Polsce 3 marca 2018",
        "3 Mart 2018 tarihinde Türkiye'de değerlendirildi", "Avaliado no Brasil em 3 de março de 2018",
        "Commenté en France le 3\u202fmars\xa02018", "le 3 MARS 2018",
    ],
)  # fmt: skip
def test_amazons_sentences_about_dates_are_read_in_its_shops_languages(raw):
    assert read_date(raw) == dt.date(2018, 3, 3)


def test_the_first_year_of_an_era_has_a_name():
    assert read_date("令和元年5月1日") == read_date("R1.5.1") == dt.date(2019, 5, 1)
    assert read_date("令和5年3月4日") == dt.date(2023, 3, 4)


@pytest.mark.parametrize(
    "raw", ["", None, True, "yesterday", "2018-13-45", "0000-00-00", "12", 5, "²²² April ²²²²", "x" * 999]
)
def test_what_is_no_date_is_none(raw):
    assert read_date(raw) is None


TODAY = dt.date(2020, 6, 1)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["04/05/2018", "04/25/2018"], "2018-04-05"),
        (["04/05/2018", "25/04/2018"], "2018-05-04"),
        (["04/05/2018", "25/04/2018", "26/04/2018", "04/25/2018"], "2018-05-04"),
        (["04.05.2018"], "2018-05-04"),
        (["04-05-2018", "04-25-2018"], "2018-04-05"),
        (["4/5/18", "4/25/18"], "2018-04-05"),
        (["05/04/18", "25/04/18", "30/04/18"], "2018-04-05"),
        (["18/03/12", "18/03/31", "19/12/30"], "2018-03-12"),
        (["18-03-12", "18-04-01", "18-04-11", "19-02-20"], "2018-03-12"),
        (["20/01/30"], "2020-01-30"),
        (["01/02/99", "01/25/99"], "1999-01-02"),
    ],
)
def test_day_month_and_year_are_told_apart_by_the_majority_of_the_column(column, expected):
    found = read("rating,text,date\n" + "".join(f"5,a,{date}\n" for date in column))
    assert str(found.reviews[0].date) == expected
    assert all(review.date for review in found.reviews)


def test_a_date_that_fits_one_order_only_is_read_in_that_order():
    assert resolve_date(AmbiguousDate(25, 4, 2018, "/"), "month", TODAY) == dt.date(2018, 4, 25)
    assert resolve_date(AmbiguousDate(25, 40, 2018, "/"), "month", TODAY) is None
    assert order_of([], TODAY) == "month"
    assert order_of([AmbiguousDate(4, 5, 2020, ".")], TODAY) == "day"
    assert order_of([AmbiguousDate(4, 12, 2020, "."), AmbiguousDate(3, 5, 2020, ".")], TODAY) == "month"


@pytest.mark.parametrize("order", ["day", "month", "year"])
def test_no_order_makes_a_date_of_the_future_where_another_does_not(order):
    assert resolve_date(AmbiguousDate(4, 12, 2020, "/"), order, TODAY) == dt.date(2020, 4, 12)
    assert resolve_date(AmbiguousDate(20, 1, 30, "/"), order, TODAY) == dt.date(2020, 1, 30)
    assert resolve_date(AmbiguousDate(20, 12, 2020, "/"), order, TODAY) == dt.date(2020, 12, 20)


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        ("Y", True), ("yes", True), ("true", True), (1, True), ("Verified Purchase", True), (True, True),
        ("N", False), ("FALSE", False), ("0", False), (0, False), (False, False),
        ("", None), (None, None), ("maybe", None),
    ],
)  # fmt: skip
def test_yes_and_no_are_read_and_nothing_else_is_guessed(raw, flag):
    assert read_flag(raw) is flag


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  a  ", "a"),
        ("a<br />b<BR>c", "a\nb\nc"),
        ("<p>a</p><p><b>b</b></p>", "a\nb"),
        ("a&lt;br /&gt;b &amp;#39;c&amp;#39;", "a\nb 'c'"),
        ("Q&amp;A &#34;x&#34; &lt;b&gt; AT&T", 'Q&A "x" <b> AT&T'),
        ("a\x00b\x1bc", "abc"),
        ("a\ud800b", "a\ufffdb"),
        ("NaN", ""),
        (None, ""),
        (True, ""),
        ({"a": 1}, ""),
        (12, "12"),
    ],
)
def test_text_is_what_a_person_would_read(raw, text):
    assert plain_text(raw) == text
