"""Stray quotation marks in tables: whatever they would swallow is a row, or is named as skipped."""

import pytest
from source_reading import read, refusal

from outlast_reviews.review import Skipped
from outlast_reviews.sources.limits import ReadLimits

NO_PARTNER = "in or before this row is a quotation mark without its partner, so that it cannot be told apart"


def table(
    strange: dict[int, str], count: int = 30, delimiter: str = ",", header: str = "id,rating,text,date"
) -> str:
    lines = [f"{n},{n % 5 + 1},Words of {n},2020-01-{n % 28 + 1:02}" for n in range(count)]
    for n, line in strange.items():
        lines[n] = line
    return "\n".join([header, *lines, ""]).replace(",", delimiter)


def test_two_stray_marks_swallow_no_row_between_them():
    stray = '{},5,"Love it said my son,2020-01-06'
    found = read(table({5: stray.format(5), 15: stray.format(15)}))
    assert ([review.row for review in found.reviews], found.skipped) == (list(range(1, 31)), ())
    assert [found.reviews[n].text for n in (5, 6, 15)] == [
        '"Love it said my son',
        "Words of 6",
        '"Love it said my son',
    ]


def test_marks_that_open_and_close_properly_around_whole_rows_swallow_none():
    found = read(table({5: '5,1,"Great,2020-01-06', 15: '15,1,said my son",2020-01-16'}))
    assert ([review.review_id for review in found.reviews], found.skipped) == ([str(n) for n in range(30)], ())


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, 9_000, 90_000])
def test_a_mark_that_never_closes_swallows_nothing_however_much_follows(count: int):
    found = read(table({5: '5,5,"never closed,2020-01-06'}, count))
    assert (len(found.reviews), found.skipped) == (count, ())


def test_a_proper_row_over_several_lines_among_those_that_were_swallowed_is_read():
    found = read(
        table({5: '5,5,"stray,2020-01-06', 8: '8,2,"one, two\nthree ""four""",2020-01-09', 15: '15,5,"stray,x'})
    )
    assert [found.reviews[n].text for n in (7, 8, 9)] == ["Words of 7", 'one, two\nthree "four"', "Words of 9"]
    assert (len(found.reviews), found.skipped) == (30, ())


def test_what_is_no_row_among_those_that_were_swallowed_is_named():
    found = read(
        table({5: '5,5,"stray, with commas, and more,2020-01-06', 8: "8,what is this", 15: '15,5,"stray,x'})
    )
    assert found.skipped == (Skipped(6, NO_PARTNER), Skipped(9, NO_PARTNER))
    assert len(found.reviews) == 28


def test_what_follows_a_mark_that_never_closes_and_looks_like_no_rows_is_told():
    found = read('rating,text\n5,good\n4,"never closed\nand so on, and on\n')
    assert len(found.reviews) == 1
    assert "never closed" in found.skipped[0].reason
    assert "never closed" in refusal('rating,text\n4,"' + "and, so on,\n" * 9_999, limits=ReadLimits(line=100_000))


@pytest.mark.parametrize(
    "text",
    [
        "My verdict:\n5, good value\n4, nice look",
        "Pros, cons\nlight, warm, soft\nheavy, dear",
        "1,5\n2,5\nthen I stopped, counting",
    ],
)
def test_a_text_of_several_lines_with_commas_is_one_text(text: str):
    found = read(f'rating,text\n5,good\n3,"{text}"\n4,fine\n')
    assert [review.text for review in found.reviews] == ["good", text, "fine"]


def test_what_follows_a_text_of_several_lines_in_the_first_column_is_no_row():
    found = read("text,rating,reviewer\n" + "".join(f'"Good {n}\nand warm",{n % 5 + 1},ann\n' for n in range(20)))
    assert [review.text for review in found.reviews] == [f"Good {n}\nand warm" for n in range(20)]


def test_a_stray_mark_before_commas_and_one_in_the_next_row_are_two_rows():
    found = read(table({5: '5,5,"stray, with commas, and more,2020-01-06', 6: '6,5,"stray,2020-01-07'}))
    assert [review.text for review in found.reviews[5:7]] == ['"stray', "Words of 7"]
    assert found.skipped == (Skipped(6, NO_PARTNER),)


def test_tabs_that_lack_in_a_few_lines_make_quotation_marks_no_quotes():
    strange = {5: '5,1,"Great,2020-01-06', 7: "7,3,no date", 15: '15,1,"a" he said,2020-01-16'}
    found = read(table(strange, 400, "\t"))
    assert [review.review_id for review in found.reviews] == [str(n) for n in range(400)]
    assert [found.reviews[n].text for n in (5, 7, 15)] == ['"Great', "no date", '"a" he said']


def test_a_table_of_tabs_that_quotes_over_several_lines_is_read_so():
    rows = "".join(f'{n}\t{n % 5 + 1}\t"one\ttwo\nthree {n}"\t2020-01-01\n' for n in range(50))
    found = read("id\trating\ttext\tdate\n" + rows)
    assert [review.text for review in found.reviews] == [f"one\ttwo\nthree {n}" for n in range(50)]


def test_short_rows_behind_a_stray_mark_are_not_joined_to_it():
    rows = [f"{n}\t5\tgood\t2020-01-01" for n in range(300)]
    strange = ['300\t4\t"stray', "301\t2", '302"', "303\t3\tfine"]
    found = read("\n".join(["id\trating\ttext\tdate", *rows, *strange, rows[0], ""]))
    assert [(review.rating, review.text) for review in found.reviews[300:]] == [
        (4, '"stray'),
        (2, ""),
        (3, "fine"),
        (5, "good"),
    ]
    assert [skipped.row for skipped in found.skipped] == [303]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_in_a_table_whose_rows_are_all_short_none_is_swallowed(delimiter: str):
    rows = [f"{n},5,{chr(34) if n % 10 == 5 else ''}good" for n in range(30)]
    found = read("\n".join(["id,rating,text,date", *rows, ""]).replace(",", delimiter))
    assert (len(found.reviews), found.skipped) == (30, ())


@pytest.mark.slow
def test_a_table_full_of_stray_marks_is_read_line_by_line():
    found = read("rating,text\n" + '5,"a\n' * 5_000)
    assert {review.text for review in found.reviews} == {'"a'}
    assert len(found.reviews) == 5_000


HEADLESS = "5,good lamp,2020-01-01\n4,bad lamp,2020-01-02\n"


def test_a_table_without_a_header_is_read_from_its_first_line_once_it_is_told_what_is_what():
    assert "seems to be a review already" in refusal(HEADLESS)
    found = read(HEADLESS, mapping={"rating": "5", "text": "good lamp", "date": "2020-01-01"})
    assert [(review.row, review.rating, review.text) for review in found.reviews] == [
        (1, 5, "good lamp"),
        (2, 4, "bad lamp"),
    ]


def test_a_header_of_numbers_or_questions_is_one():
    for header in ("0,1,2", "Question 1,Question 2,Question 3"):
        assert "seems to be" not in refusal(f"{header}\n{HEADLESS}")
    found = read(f"0,1,2\n{HEADLESS}", mapping={"rating": "0", "text": "1"})
    assert [review.text for review in found.reviews] == ["good lamp", "bad lamp"]
    found = read("x,1,2\na,5,good lamp\n", mapping={"rating": "1", "text": "2"})
    assert [review.text for review in found.reviews] == ["good lamp"]
