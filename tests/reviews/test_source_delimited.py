"""Tables: delimiter, quoting, encoding and columns are recognised; no row disappears silently."""

import codecs
import datetime as dt
import gzip

import pytest
from source_reading import read, refusal

from outlast_reviews.review import Review, Skipped
from outlast_reviews.sources.formats.encoding import Decoder
from outlast_reviews.sources.limits import ReadLimits

ROWS = [
    ["rating", "date", "title", "text"],
    ["5", "2018-01-02", "Good", "I like it"],
    ["3", "2018-01-03", "So", "Meh"],
]


def table(delimiter: str = ",", end: str = "\n") -> str:
    return "".join(delimiter.join(row) + end for row in ROWS)


EXPECTED = (
    Review(1, rating=5.0, date=dt.date(2018, 1, 2), title="Good", text="I like it"),
    Review(2, rating=3.0, date=dt.date(2018, 1, 3), title="So", text="Meh"),
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_recognised(delimiter, end):
    found = read(table(delimiter, end))
    assert found.reviews == EXPECTED
    assert found.format == ("TSV" if delimiter == "\t" else "CSV")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_are_recognised(encoding):
    found = read("rating,text\n5,größer als “gedacht” 😀\n".encode(encoding))
    assert found.reviews[0].text == "größer als “gedacht” 😀"
    assert found.format == "CSV"


def test_big_endian_utf_16_with_its_mark_is_read():
    found = read(codecs.BOM_UTF16_BE + "rating;text\n4;très bien\n".encode("utf-16-be"))
    assert found.reviews[0].text == "très bien"


def test_western_text_that_is_not_unicode_is_read_and_named():
    found = read("rating,text\n5,größer als „gedacht“\n".encode("cp1252"))
    assert found.reviews[0].text == "größer als „gedacht“"
    assert found.format == "CSV (Windows-1252)"


@pytest.mark.slow
def test_a_letter_outside_ascii_far_into_the_file_is_still_read():
    text = "rating,text\n" + "5,plain words\n" * 20_000
    assert read((text + "5,schön\n").encode("cp1252")).reviews[-1].text == "schön"
    assert read(text + "5,schön\n").reviews[-1].text == "schön"


@pytest.mark.parametrize("encoding", ["koi8-r", "euc-jp", "cp1251", "iso-8859-7", "gbk", "big5", "euc-kr"])
def test_other_scripts_that_are_not_unicode_are_refused_instead_of_garbled(encoding):
    words = {
        "euc-jp": "とても良い商品です、気に入りました",
        "gbk": "非常好的产品我很喜欢",
        "big5": "非常好的產品我很喜歡",
        "euc-kr": "아주 좋은 제품입니다 감사합니다",
        "iso-8859-7": "πολύ καλό προϊόν",
    }
    text = "rating,text\n" + f"5,{words.get(encoding, 'Очень хороший товар, спасибо')}\n" * 20
    assert "UTF-8" in refusal(text.encode(encoding))


@pytest.mark.slow
def test_japanese_as_excel_writes_it_in_japan_is_read_and_named():
    text = (
        "評価,タイトル,本文,投稿日\n" + "5,良い①,とても良いです,2023年3月12日\n4,普通,ﾌﾂｳです,2023/3/13\n" * 9_000
    )
    found = read(text.encode("cp932"))
    assert (found.reviews[0].title, found.reviews[0].text) == ("良い①", "とても良いです")
    assert (len(found.reviews), found.format) == (18_000, "CSV (Shift-JIS)")
    assert "seems to be written in Shift-JIS" in refusal(text.encode("cp932") + b"5,\x82\xff,b\n")


def test_western_words_that_could_be_japanese_letters_are_western():
    words = "‚Älter ‚Übel ‚Öl très près détail étrange père mère frère chère scène célèbre légère sévère"
    raw = f"rating,text\n5,{words}\n".encode("cp1252")
    assert raw.decode("cp932")
    assert read(raw).reviews[0].text == words


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("いい", "Windows-1252"),
        ("いいな", "Shift-JIS"),
        ("いいな" + "日" * 12, "Shift-JIS"),
        ("いいな" + "日" * 13, "Windows-1252"),
        ("いいな" + "a" * 99, "Shift-JIS"),
    ],
)
def test_japanese_is_told_by_three_letters_of_its_own_that_are_a_fifth_of_all_but_ascii(words, encoding):
    decoder = Decoder(b"")
    decoder.decode(words.encode("cp932"))
    assert decoder.encoding == encoding


def test_quoted_fields_may_hold_delimiters_quotes_and_lines():
    found = read('rating,text\n5,"one, two\nthree ""four"""\n4,five\n')
    assert [review.text for review in found.reviews] == ['one, two\nthree "four"', "five"]


def test_quotation_marks_in_a_table_that_does_not_quote_are_words():
    found = read('star_rating\treview_body\n5\t"Great\n4\t6" wide\n3\t"whole field"\n')
    assert [review.text for review in found.reviews] == ['"Great', '6" wide', "whole field"]


def test_a_hint_for_excel_and_empty_lines_before_the_header_are_passed_over():
    assert read("\n\nsep=;\nrating;text\n5;good\n").reviews[0].text == "good"


def test_rows_that_cannot_be_read_are_named_with_their_reason():
    found = read("rating,text\n5,good\nbad,words\n,\n6,words\n4,one,two\n-1,words\n,text alone\n3,\n")
    assert [review.row for review in found.reviews] == [1, 6, 7]
    assert found.reviews[1].rating is None
    assert found.skipped == (
        Skipped(2, "the rating “bad” is not a number of stars"),
        Skipped(3, "the rating “6” is not between 1 and 5 stars"),
        Skipped(4, "the row has 3 fields where the first line names 2"),
        Skipped(5, "the rating “-1” is not between 1 and 5 stars"),
    )


def test_a_short_row_has_nothing_in_its_missing_fields():
    assert read("rating,text,date\n5,good\n").reviews[0].date is None


def test_amazons_own_collection_is_read():
    head = (
        "marketplace\tcustomer_id\treview_id\tproduct_id\tproduct_parent\tproduct_title\tproduct_category\tstar_rating"
        "\thelpful_votes\ttotal_votes\tvine\tverified_purchase\treview_headline\treview_body\treview_date"
    )
    row = "US\t123\tR1\tB01\t9\tA pillow\tHome\t4\t1\t2\tN\tY\tFine\tSoft<br />and &#34;nice&#34;\t2015-08-31"
    other = row.replace("\tR1\t", "\tR2\t").replace("\tN\tY\t", "\tY\tN\t")
    found = read(f"{head}\n{row}\n{other}\n")
    assert found.reviews[0] == Review(
        1, "R1", 4.0, dt.date(2015, 8, 31), "Fine", 'Soft\nand "nice"', "123", verified=True, incentivised=False
    )
    assert found.reviews[1].incentivised
    assert not found.reviews[1].verified
    assert found.product_title == "A pillow"
    assert found.format == "TSV"


def test_datafiniti_columns_of_the_product_are_not_the_reviews():
    found = read(
        "id,dateAdded,name,asins,reviews.date,reviews.rating,reviews.text,reviews.title,reviews.username\n"
        "AV1,2020-01-01,A tablet,B0,2017-01-17T00:00:00.000Z,5,Perfect,Great,ann\n"
    )
    assert found.reviews == (Review(1, None, 5.0, dt.date(2017, 1, 17), "Great", "Perfect", "ann"),)
    assert found.product_title == "A tablet"


def test_judge_me_is_read_without_the_mail_address():
    found = read(
        "title,body,rating,review_date,reviewer_name,reviewer_email,product_handle,verified\n"
        "Nice,Very nice,5,2023-04-05 10:11:12 UTC,Ann,ann@example.com,soft-pillow,buyer\n"
    )
    assert found.reviews == (Review(1, None, 5.0, dt.date(2023, 4, 5), "Nice", "Very nice", "Ann", verified=True),)
    assert "example.com" not in repr(found)


@pytest.mark.parametrize(
    "header", ["Stars,Review Text", "score,Comment", "Overall,reviewText", "STAR_RATING,Content"]
)
def test_other_names_for_stars_and_words_are_known(header):
    assert read(f"{header}\n4,fine\n").reviews[0] == Review(1, rating=4.0, text="fine")


def test_unknown_columns_have_no_influence_but_are_named_where_a_part_is_missed():
    plain = read("rating,text\n5,good\n1,bad\n")
    more = read("planted,rating,zzz,text\n1,5,q,good\n0,1,,bad\n")
    assert more.reviews == plain.reviews
    assert more.left_out == (
        "columns of unknown meaning (call one “date” or “reviewer” to have it read so): “planted”, “zzz”",
    )
    known = "rating,text,date,reviewer\n5,good,2024-05-31,Ann\n"
    assert read(known.replace("r\n", "r,zzz\n").replace("Ann\n", "Ann,1\n")) == read(known)


def test_dates_that_cannot_be_read_are_counted_and_one_is_shown():
    found = read("rating,text,date\n5,good,last week\n1,bad,2024-05-31\n2,odd,\n3,even,soon\n")
    assert found.left_out[0] == "2 dates that cannot be read, such as “last week”; 2024-05-31 can"


def test_a_table_without_stars_or_words_is_refused_by_naming_its_columns():
    sentence = refusal("city,population\nOslo,700000\n")
    assert "“city”, “population”" in sentence
    assert "rating" in sentence
    assert "no column for the text of a review" in refusal("rating,city\n5,Oslo\n")


def test_a_header_alone_is_a_set_without_reviews():
    assert read("rating,text\n").reviews == ()


def test_rows_that_are_all_unreadable_fail_the_file():
    assert "None of the 2 rows" in refusal("rating,text\nx,a\ny,b\n")


def test_a_scale_beyond_five_is_recognised_or_asked_for_instead_of_losing_the_best():
    assert {review.rating for review in read("rating,text\n" + "9,good\n3,bad\n" * 10).reviews} == {4.5, 1.5}
    assert "Say which" in refusal("rating,text\n" + "9,good\n3,bad\n3,so\n3,so\n" * 10)


def test_gzip_is_unwrapped_in_one_or_several_members():
    packed = gzip.compress(table().encode())
    assert read(packed).reviews == EXPECTED
    half = len(table()) // 2
    members = gzip.compress(table()[:half].encode()) + gzip.compress(table()[half:].encode())
    assert read(members + b"\0" * 100).reviews == EXPECTED


def test_too_many_rows_fields_or_words_are_refused():
    assert "more than 3 rows" in refusal("rating,text\n" + "5,a\n" * 4, limits=ReadLimits(rows=3))
    assert "4 columns; at most 3" in refusal("rating,text,a,b\n", limits=ReadLimits(fields=3))
    assert "0 MiB of words" in refusal("rating,text\n" + "5,words\n" * 9, limits=ReadLimits(text=100))


@pytest.mark.slow
def test_progress_only_grows_and_ends_at_the_size():
    seen: list[tuple[int, int]] = []
    data = "rating,text\n" + "5,some words in a row\n" * 60_000
    read(data, progress=lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {len(data)}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == len(data)
    assert len(seen) > 3


def test_a_break_within_quotes_late_in_a_table_without_quotes():
    rows = [f"{n}\t5\tGood\tI like it\t2020-02-01" for n in range(300)]
    text = "\n".join(
        ["id\trating\ttitle\ttext\tdate", *rows, '900\t1\tBad\t"Line one\nLine two"\t2020-02-02', rows[0]]
    )
    found = read(text + "\n")
    assert (len(found.reviews), found.skipped) == (302, ())
    assert (found.reviews[300].text, found.reviews[300].date) == ("Line one\nLine two", dt.date(2020, 2, 2))


def test_quotation_marks_may_be_escaped_as_databases_do():
    found = read('rating,text,date\n5,"It is \\"good\\", they say",2020-01-01\n4,"a b c",2020-01-02\n')
    assert [(r.text, r.date) for r in found.reviews] == [
        ('It is "good", they say', dt.date(2020, 1, 1)),
        ("a b c", dt.date(2020, 1, 2)),
    ]


def test_the_columns_of_a_product_are_not_those_of_its_reviews():
    names = (
        "Id,Title,Price,User_id,profileName,review/helpfulness,review/score,review/time,review/summary,review/text"
    )
    found = read(f"{names}\n1882931173,Its Only Art,,AV,Jim,7/7,4.0,940636800,Nice collection,Only for fans\n")
    (review,) = found.reviews
    assert (review.title, review.reviewer, found.product_title) == ("Nice collection", "AV", "Its Only Art")


def test_a_row_after_a_stray_quotation_mark_is_not_lost():
    rows = [f"{n}\t5\tGood\tI like it\t2020-02-01" for n in range(300)]
    text = "\n".join(["id\trating\ttitle\ttext\tdate", *rows, '900\t1\tBad\t"never closed', *rows[:2]])
    found = read(text + "\n")
    assert [review.text for review in found.reviews[300:]] == ['"never closed', "I like it", "I like it"]
