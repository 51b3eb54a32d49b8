"""The exact bounds of reading, on both sides, and the sentences that are said beyond them."""

import datetime as dt
import gzip
import io
import json

import httpx
import pytest
from source_reading import read, read_json, read_lines, refusal

from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import NotReviews, TooMuch, encodable, quoted
from outlast_reviews.sources.fetching.addresses import product_at
from outlast_reviews.sources.fetching.response import retry_after
from outlast_reviews.sources.formats.columns import ColumnSample, UnknownColumns, columns_of, plain_name
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.dates import AmbiguousDate, order_of, read_date, resolve_date
from outlast_reviews.sources.formats.json_rows import JsonRows
from outlast_reviews.sources.formats.rows import ReviewCollector, plain_text, read_flag
from outlast_reviews.sources.formats.stars import UnreadableStars, read_stars
from outlast_reviews.sources.limits import MIB, ReadLimits, Usage
from outlast_reviews.sources.providers import provider_of, providers
from outlast_reviews.sources.review_sets import merged, named

TODAY = dt.date(2024, 6, 1)


def table(rows: int, text: str = "a") -> str:
    return "rating,text\n" + f"5,{text}\n" * rows


class TestLimits:
    def test_as_many_rows_as_allowed_and_no_more(self):
        assert len(read(table(10), limits=ReadLimits(rows=10)).reviews) == 10
        assert refusal(table(11), limits=ReadLimits(rows=10)) == (
            "The file has more than 10 rows, more than one analysis can take. "
            "Give the reviews of one product alone."
        )

    def test_as_many_lines_as_allowed_and_no_more(self):
        assert len(read(table(9), limits=ReadLimits(lines=10)).reviews) == 9
        assert refusal(table(10), limits=ReadLimits(lines=10)) == (
            "The file has more than 10 lines, more than one analysis can take. "
            "Give the reviews of one product alone."
        )

    def test_a_file_of_as_many_bytes_as_allowed_and_no_more(self):
        content = table(10).encode()
        assert len(read(content, limits=ReadLimits(file=len(content))).reviews) == 10
        with pytest.raises(NotReviews, match="The file has 2 MiB; at most 1 MiB can be read"):
            Content(io.BytesIO(content), 2 * MIB, ReadLimits(file=MIB), ignore_progress)

    def test_what_is_taken_together_is_counted_up_to_its_limit(self):
        taken = Usage(ReadLimits(unpacked=2 * MIB, parts=2, lines=3))
        taken.unpacked(MIB)
        taken.unpacked(MIB)
        with pytest.raises(TooMuch, match="unpacks to more than 2 MiB"):
            taken.unpacked(1)
        taken.part()
        taken.part()
        with pytest.raises(TooMuch, match="put together from more than 2 pieces"):
            taken.part()
        taken.lines(1)
        taken.lines(2)
        with pytest.raises(TooMuch, match="more than 3 lines"):
            taken.lines(1)
        taken.time()
        with pytest.raises(TooMuch, match="takes far longer than reviews do"):
            Usage(ReadLimits(seconds=-1)).time()

    @pytest.mark.parametrize("good_first", [0, 3])
    def test_skipped_entries_wait_in_memory_no_longer_than_good_ones(self, good_first):
        rows = ReviewCollector(ReadLimits())
        entries = JsonRows(rows)
        for n in range(good_first):
            entries.add({"rating": 5, "text": f"text {n}"})
        for n in range(good_first, 1_000):
            entries.skip("it is cut off")
            assert n - rows.count < 200
        assert rows.count == 1_000

    def test_words_take_memory_up_to_a_limit(self):
        assert len(read(table(100, "b" * 1_000), limits=ReadLimits(text=MIB)).reviews) == 100
        assert refusal(table(1_100, "b" * 1_000), limits=ReadLimits(text=MIB)).startswith(
            "The file holds more than 1 MiB of words, more than one analysis can take."
        )

    def test_a_text_of_a_hundred_thousand_characters_is_read_and_a_longer_one_is_named(self):
        longest = "b" * 100_000
        found = read_json([{"rating": 5, "text": longest}, {"rating": 5, "text": longest + "b"}])
        assert [len(review.text) for review in found.reviews] == [100_000]
        assert found.skipped == (Skipped(2, "the text has 100,001 characters, far more than a review"),)

    def test_a_page_may_be_as_large_as_allowed(self):
        page = "<html>" + "x" * 1_000
        content = Content(io.BytesIO(page.encode()), len(page), ReadLimits(page=len(page)), ignore_progress)
        assert content.page() == content.page() == page
        smaller = Content(io.BytesIO(page.encode()), len(page), ReadLimits(page=len(page) - 1), ignore_progress)
        with pytest.raises(NotReviews, match="larger than 0 MiB"):
            smaller.page()


class TestRows:
    def test_ratings_above_five_are_a_scale_of_their_own_where_they_are_many(self):
        def of(bad: int, good: int) -> str:
            return "rating,text\n" + "7,a\n" * bad + "4,a\n" * good

        assert len(read(of(2, 1)).reviews) == 1
        assert len(read(of(2, 200)).reviews) == 200
        assert refusal(of(5, 20)).startswith("5 of 25 ratings are above 5, and the largest is 7: it is not clear")
        assert "it is not clear" in refusal(of(10, 20))  # as of seven points
        nine = read(of(10, 20).replace("7,", "9,"))
        assert {review.rating for review in nine.reviews} == {4.5, 2.0}

    def test_nothing_that_can_be_read_is_refused_with_the_first_reason(self):
        assert refusal("rating,text\n9,a\n") == (
            "The only row could not be read as a review: the rating “9” is not between 1 and 5 stars."
        )
        assert refusal("rating,text\n9,a\nx,b\n") == (
            "None of the 2 rows could be read as a review; in row 1: the rating “9” is not between 1 and 5 stars."
        )

    def test_ids_that_agree_in_most_rows_are_none(self):
        def ids(*given: str) -> list[str | None]:
            rows = [{"id": one, "rating": 5, "text": f"t{n}"} for n, one in enumerate(given)]
            return [review.review_id for review in read_json(rows).reviews]

        assert ids("a", "a", "a") == ["a", "a", "a"]
        assert ids("a", "a", "a", "a") == ["a", "a", "a", "a"]
        assert ids("a", "a", "a", "a", "a") == [None] * 5
        assert ids(*"aaaabbbb") == list("aaaabbbb")
        assert ids(*"aaaaabbbb") == [None] * 9

    def test_an_account_of_guests_is_nobodys_and_the_name_counts(self):
        rows = [{"reviewer_id": one, "author": "Ann", "rating": 5, "text": "t"} for one in ("0", "-1", "7", None)]
        assert [review.reviewer for review in read_json(rows).reviews] == ["Ann", "Ann", "7", "Ann"]

    def test_dates_that_cannot_be_read_are_told_with_the_first(self):
        one = read_lines([{"rating": 5, "text": "t", "date": "someday"}])
        assert one.left_out == ("a date that cannot be read, such as “someday”; 2024-05-31 can",)
        two = read_lines([{"rating": 5, "text": "t", "date": date} for date in ("soon", "later", "2024-05-31")])
        assert two.left_out == ("2 dates that cannot be read, such as “soon”; 2024-05-31 can",)
        assert [review.date for review in two.reviews] == [None, None, dt.date(2024, 5, 31)]

    def test_a_row_without_stars_and_words_is_none_and_either_is_enough(self):
        found = read_json([{"rating": None, "text": ""}, {"rating": 4, "text": ""}, {"rating": None, "text": "x"}])
        assert [(review.row, review.rating, review.text) for review in found.reviews] == [
            (2, 4.0, ""), (3, None, "x"),
        ]  # fmt: skip
        assert found.skipped == (Skipped(1, "the row has neither stars nor words"),)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, ""), (True, ""), ([1], ""), ({}, ""), (5, "5"), (" a ", "a"), ("nan", ""), ("NULL", ""),
        ("undefined", ""), ("nan bread", "nan bread"), ("a<br>b<BR />c", "a\nb\nc"), ("<p>a</p><p>b</p>", "a\nb"),
        ("<b>a</b> &amp; b", "a & b"), ("&amp;lt;3", "<3"), ("&amp;amp;amp;", "&amp;"), ("a < b", "a < b"),
        ("a\x00b\x07c\td\ne", "abc\td\ne"), ("\ud83d\ude00", "😀"), ("\ud83d!", "\ufffd!"), ("x\x7f&", "x&"),
    ],
)  # fmt: skip
def test_text_is_as_a_person_would_read_it(raw, text):
    assert plain_text(raw) == text


@pytest.mark.parametrize(
    ("raw", "flag"),
    [(None, None), (True, True), (False, False), ("Yes", True), (" 1 ", True), ("nothing", False), ("0.0", False),
     ("perhaps", None), ("", None), ("y" * 41, None)],
)  # fmt: skip
def test_flags_are_yes_no_or_nothing(raw, flag):
    assert read_flag(raw) is flag


class TestStars:
    @pytest.mark.parametrize(
        ("raw", "stars"),
        [
            ("1/10", 1.0), ("10/10", 5.0), ("1%", 1.0), ("100%", 5.0), ("50 %", 2.5), ("7/10", 3.5), ("1", 1.0),
            ("33/100", 1.65), ("1.00", 1.0), ("★", 1.0), ("★★½", 2.5), ("1 stars", 1.0), ("five stars", 5.0),
            ("three_stars", 3.0), ("two", 2.0), ("4 of 5", 4.0), ("-", None), ("undefined", None), ("NA", None),
        ],
    )  # fmt: skip
    def test_scales(self, raw, stars):
        assert read_stars(raw) == stars

    @pytest.mark.parametrize(
        ("raw", "sentence"),
        [
            (0.5, "the rating “0.5” is not between 1 and 5 stars"),
            (5.1, "the rating “5.1” is not between 1 and 5 stars"),
            ("11/10", "the rating “11/10” is not between 1 and 5 stars"),
            ("101%", "the rating “101%” is not between 1 and 5 stars"),
            ("4/7", "the rating “4/7” is not a number of stars"),
            ("−3", "the rating “−3” is not between 1 and 5 stars"),
            ("1 2 3", "the rating “1 2 3” is not a number of stars"),
            ("good", "the rating “good” is not a number of stars"),
            ("4" * 81, f"the rating “{'4' * 40}…” is not a number of stars"),
            (False, "the rating is not a number of stars"),
        ],
    )
    def test_what_is_none_is_told(self, raw, sentence):
        with pytest.raises(UnreadableStars) as caught:
            read_stars(raw)
        assert str(caught.value) == sentence


class TestDates:
    @pytest.mark.parametrize(
        ("raw", "date"),
        [
            ("1990-01-01", dt.date(1990, 1, 1)), ("1989-12-31", None), ("2099-12-31", dt.date(2099, 12, 31)),
            ("2100-01-01", None), ("2024-02-30", None), ("2024-13-01", None), (True, None), (None, None),
            ("", None), ("May 31 2024", dt.date(2024, 5, 31)), ("31 May", None), ("on 1 May 2024 not 2 June 2023",
             dt.date(2023, 6, 2)),
            ("20240531", dt.date(2024, 5, 31)), ("2024053", None), (99_999_999_999, dt.date(1973, 3, 3)),
            ("Rev. 2024-05-31, seen", dt.date(2024, 5, 31)), ("May 31, 24", dt.date(2024, 5, 31)),
        ],
    )  # fmt: skip
    def test_bounds(self, raw, date):
        assert read_date(raw) == (None if raw == 99_999_999_999 else date)

    def test_an_order_is_that_of_most_dates_that_have_been(self):
        def order(*dates: str) -> str | None:
            return order_of([read for date in dates if isinstance(read := read_date(date), AmbiguousDate)], TODAY)

        assert order("03/04/2024") is None
        assert order("03/03/2024") == "month"
        assert order("01/01/2021", "01/02/2021", "01/12/2022") is None
        assert order("03/04/2024", "13/04/2024") == "day"
        assert order("03.04.2024") == "day"
        assert order("31/04/2024", "13/04/2024") == "day"
        assert order("04.31.2024", "04.13.2024") == "month"
        assert order("18.03.12", "18.04.13", "18.05.14", "18.06.30") == "year"

    def test_a_date_is_settled_in_another_order_where_it_is_none_in_its_own(self):
        assert resolve_date(AmbiguousDate(13, 4, 2024, "/"), "month", TODAY) == dt.date(2024, 4, 13)
        assert resolve_date(AmbiguousDate(3, 4, 2024, "/"), "month", TODAY) == dt.date(2024, 3, 4)
        assert resolve_date(AmbiguousDate(3, 9, 2024, "/"), "day", TODAY) == dt.date(2024, 3, 9)
        assert resolve_date(AmbiguousDate(9, 10, 2024, "/"), "day", TODAY) == dt.date(2024, 10, 9)
        assert resolve_date(AmbiguousDate(31, 31, 2024, "/"), "day", TODAY) is None

    def test_two_digits_are_a_year_that_has_been(self):
        assert AmbiguousDate(3, 4, 24, ".").read("day", TODAY) == dt.date(2024, 4, 3)
        assert AmbiguousDate(3, 4, 25, ".").read("day", TODAY) is None  # 1925
        assert AmbiguousDate(3, 4, 90, ".").read("day", TODAY) == dt.date(1990, 4, 3)
        assert AmbiguousDate(18, 4, 30, ".").read("year", TODAY) == dt.date(2018, 4, 30)
        assert AmbiguousDate(18, 4, 2030, ".").read("year", TODAY) is None


class TestQuoting:
    def test_a_quote_is_short_on_one_line_and_encodable(self):
        assert quoted("a  b\nc") == "a b c"
        assert quoted("x" * 41) == "x" * 40
        assert quoted("abcdef", 3) == "abc"
        assert quoted(" " * 150 + "far away") == "far away"
        assert quoted(" " * 160 + "far away") == ""
        assert encodable("a\ud800b") == "a\ufffdb"
        assert encodable("ü") == "ü"

    def test_products_are_named_ten_at_most(self):
        assert named(["a", "b"]) == "“a”, “b”"
        assert named(list("abcdefghij")).endswith("“j”")
        assert named(list("abcdefghijkl")).endswith("“j” and 2 more")
        assert named(list("abc"), 2) == "“a”, “b” and 1 more"


class TestColumns:
    @pytest.mark.parametrize(
        ("name", "plain"),
        [("Review Text", "reviewtext"), ("review_text", "reviewtext"), ("r" * 200, "r" * 200), ("r" * 201, "")],
    )
    def test_names_are_plain(self, name, plain):
        assert plain_name(name) == plain

    def test_the_better_known_name_wins_and_the_first_of_equals(self):
        assert columns_of(["score", "rating", "text", "Text"]).rating == 1
        assert columns_of(["score", "rating", "text", "Text"]).text == 2
        assert columns_of(["reviews.rating", "reviews.text", "rating"]).rating == 0
        assert columns_of(["rating"]).missing == ("text",)
        assert columns_of(["words"], {"rating": "-", "text": "words"}).hold_reviews
        assert columns_of(["a", "b"], {"rating": "b", "text": "A"}).positions[1] == 1

    def test_what_is_not_understood_is_asked_about_with_samples_and_guesses(self):
        with pytest.raises(UnknownColumns) as caught:
            read("abc,stars,words\nx,5,good\n,4,bad\n")
        assert caught.value.columns == (
            ColumnSample("abc", ("x",)),
            ColumnSample("stars", ("5", "4")),
            ColumnSample("words", ("good", "bad")),
        )
        assert caught.value.guesses == {"rating": "stars"}


class TestMerging:
    def one(self, *texts: str, **more) -> ReviewSet:
        reviews = tuple(Review(n, review_id=str(n), text=text) for n, text in enumerate(texts, start=1))
        return ReviewSet(reviews, "CSV", **more)

    def test_facts_that_agree_stay_and_others_do_not(self):
        same = [("a", self.one("x", product_title="P", product_rating=4.5, complete=True, description="d"))] * 2
        together = merged(same, ReadLimits(), zipped=True, left_out=["z"])
        assert (together.product_title, together.product_rating, together.complete) == ("P", 4.5, True)
        assert (together.format, together.description) == ("ZIP of 2 files: CSV", "d")
        assert together.left_out == ("z",)
        assert [review.row for review in together.reviews] == [1, 2]
        assert {review.product for review in together.reviews} == {None}
        differ = merged([*same, ("b", self.one("y", product_title="Q", product_rating=3.0))], ReadLimits())
        assert (differ.product_title, differ.product_rating, differ.complete) == (None, None, False)
        assert [review.product for review in differ.reviews] == ["P", "P", "Q"]
        assert merged(same[:1], ReadLimits()).format == "CSV"

    def test_ids_that_mean_something_else_in_each_file_are_none(self):
        first, other = self.one("a", "b", "c"), self.one("x", "y", "z")
        assert [r.review_id for r in merged([("1", first), ("2", other)], ReadLimits()).reviews[3:]] == [None] * 3
        again = self.one("a", "b", "z")
        assert [r.review_id for r in merged([("1", first), ("2", again)], ReadLimits()).reviews[3:]] == [
            "1",
            "2",
            "3",
        ]

    def test_skipped_rows_keep_their_place_and_get_their_file(self):
        skipped = self.one("a", skipped=(Skipped(7, "why"), Skipped(8, "why", "inner.csv")))
        assert merged([("f.csv", skipped), ("g.csv", self.one("b"))], ReadLimits()).skipped == (
            Skipped(7, "why", "f.csv"), Skipped(8, "why", "inner.csv"),
        )  # fmt: skip

    def test_together_they_are_bounded(self):
        sets = [("a", self.one("x")), ("b", self.one("y"))]
        assert len(merged(sets, ReadLimits(rows=2)).reviews) == 2
        with pytest.raises(NotReviews, match="hold more than 1 reviews or 64 MiB of words"):
            merged(sets, ReadLimits(rows=1))
        with pytest.raises(NotReviews, match="or 0 MiB of words"):
            merged(sets, ReadLimits(text=10))


class TestProviders:
    AMAZON = product_at("https://www.amazon.com/dp/B000000000")
    SHOP = product_at("https://shop.example.org/products/x")
    BRIGHT = ReviewSettings(brightdata_key="k")
    JUDGE = ReviewSettings(judgeme_token="t", judgeme_shop="a.myshopify.com", judgeme_sites="shop.example.org")
    BOTH = ReviewSettings(
        brightdata_key="k", judgeme_token="t", judgeme_shop="a.myshopify.com", judgeme_sites="shop.example.org"
    )

    def test_only_those_with_a_key_are_asked(self):
        def names(settings: ReviewSettings) -> list[str]:
            return [provider.name for provider in providers(settings)]

        assert names(ReviewSettings()) == []
        assert names(self.BRIGHT) == ["Bright Data"]
        assert names(self.JUDGE) == ["Judge.me"]
        assert names(self.BOTH) == ["Bright Data", "Judge.me"]

    @pytest.mark.parametrize(
        ("product", "settings", "name"),
        [
            (AMAZON, BOTH, "Bright Data"), (SHOP, BOTH, "Judge.me"), (AMAZON, JUDGE, None), (SHOP, BRIGHT, None),
            (product_at("https://www.amazon.com/s?k=lamp"), BOTH, None), (product_at("https://amzn.to/x"), BOTH,
            "Bright Data"),
        ],
    )  # fmt: skip
    def test_the_one_that_covers_the_product_is_asked(self, product, settings, name):
        found = provider_of(product, settings)
        assert (found and found.name) == name


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "86400"}, 86_400.0),
        ({"retry-after": "86401"}, 86_400.0),
        ({"retry-after": "1" * 10}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:01:00 GMT", "date": "Mon, 01 Jan 2024 00:00:00 GMT"}, 60.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT", "date": "Mon, 01 Jan 2024 00:01:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:01:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read_and_bounded(headers, seconds):
    assert retry_after(httpx.Headers(headers)) == seconds


class TestJson:
    @pytest.mark.slow
    def test_as_many_fields_as_allowed_and_no_more(self):
        def entry(fields: int) -> dict:
            return {"rating": 5, "text": "t", **{f"k{n}": n for n in range(fields - 2)}}

        found = read_json([entry(1_000), entry(1_001), entry(5_000)])
        assert [review.row for review in found.reviews] == [1]
        why = "the entry has more than 1,000 fields"
        assert found.skipped == (Skipped(2, why), Skipped(3, why))

    def test_of_an_entry_with_too_many_fields_no_more_names_are_remembered(self):
        rows = JsonRows(ReviewCollector(ReadLimits()))
        rows.add({f"k{n}": n for n in range(5_000)})
        rows.end()
        assert max(map(len, rows._columns)) == 1_001

    def test_bare_values_and_lines_that_are_no_objects_are_named(self):
        assert read_json([{"rating": 5, "text": "t"}, 7]).skipped == (
            Skipped(2, "the entry is not a review but a bare value"),
        )
        lines = '{"rating": 5, "text": "t"}\n\n  \nnonsense\n{"rating": 4, "text": "u"}\n'
        found = read(lines)
        assert (found.format, len(found.reviews)) == ("JSONL", 2)
        assert found.skipped == (Skipped(2, "the line is not a JSON object"),)

    def test_a_list_named_after_reviews_goes_before_others_which_are_told(self):
        entry = {"rating": 5, "text": "t"}
        found = read_json({"other": [entry] * 3, "reviews": [entry], "more": [entry] * 2})
        assert len(found.reviews) == 1
        assert found.left_out == ("the list “other” (3 entries)", "the list “more” (2 entries)")
        assert read_json({"reviews": [entry], "a": [entry]}).left_out == ("the list “a” (1 entry)",)

    @pytest.mark.parametrize(("stated", "complete"), [(1, True), (2, False), ("1 review", True), ("none", False)])
    def test_a_document_that_says_how_many_there_are_is_whole_or_not(self, stated, complete):
        value = {"totalReviews": stated, "productTitle": "P", "averageRating": "4.5", "description": "d"}
        found = read_json({**value, "reviews": [{"rating": 5, "text": "t"}]})
        assert (found.complete, found.product_title, found.product_rating) == (complete, "P", 4.5)
        assert found.stated_total == {"1 review": 1, "none": None}.get(str(stated), stated)
        assert found.description == "d"


@pytest.mark.parametrize(("rows", "packed"), [(10, True), (10, False)])
def test_progress_ends_at_the_size_of_the_file_as_it_was_given(rows, packed):
    told: list[tuple[int, int]] = []
    content = table(rows).encode()
    given = gzip.compress(content) if packed else content
    read(given, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(given), len(given))


def test_what_a_page_says_in_json_ld_is_read_up_to_its_bounds():
    def page(**product) -> str:
        told = {"@type": "Product", "name": "P", **product}
        return f'<html><script type="application/ld+json">{json.dumps(told)}</script></html>'

    review = {"@type": "Review", "reviewBody": "t", "reviewRating": {"ratingValue": 8, "bestRating": 10}}
    found = read(page(review=[review], aggregateRating={"ratingValue": 4.5, "reviewCount": 1}, description="d"))
    assert [(one.rating, one.text) for one in found.reviews] == [(4.0, "t")]
    assert (found.product_title, found.product_rating, found.complete) == ("P", 4.5, True)
    assert found.description == "d"
    more = read(page(review=[review], aggregateRating={"reviewCount": "1", "ratingCount": "1,234"}))
    assert not more.complete
    assert (more.stated_total, more.stated_ratings) == (1, 1_234)
    assert refusal(page(aggregateRating={"reviewCount": 7})).startswith(
        "The page says that “P” has 7 reviews. But it does not carry the reviews themselves"
    )
