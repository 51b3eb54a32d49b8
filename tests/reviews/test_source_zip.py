"""ZIP archives of files of reviews: all are read, what is none is named, nothing breaks a bound."""

import io
import struct
import zipfile

import pytest
from source_reading import read, refusal
from test_source_pages import card, page

from outlast_reviews.deduplicate import clean
from outlast_reviews.sources.formats.columns import UnknownColumns
from outlast_reviews.sources.limits import ReadLimits


def packed(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_all_files_become_one_set_in_the_order_of_their_names():
    found = read(packed({"b.csv": "rating,text\n4,second\n", "a.jsonl": '{"rating":5,"text":"first"}\n'}))
    assert [(r.row, r.text) for r in found.reviews] == [(1, "first"), (2, "second")]
    assert found.format == "ZIP of 2 files: JSONL, CSV"
    assert not found.left_out


def test_saved_pages_with_the_folders_beside_them_are_one_set_without_repeats():
    files: dict[str, str | bytes] = {
        "1.html": page(card(review_id="R1AAAAAAAAAAA"), card(review_id="R2AAAAAAAAAAA", body="other")),
        "2.html": page(
            card(review_id="R2AAAAAAAAAAA", body="other"), card(review_id="R3AAAAAAAAAAA", body="third")
        ),
        "1_files/script.js": "var x = 1;",
        "Seite-Dateien/script.js": "var x = 1;",
        "1_files/photo.jpg": b"\xff\xd8\xff\xe0",
        "__MACOSX/._1.html": b"\0\5\x16\7",
        ".DS_Store": b"\0\0\0\1Bud1",
    }
    found = read(packed(files))
    assert len(found.reviews) == 4
    assert not found.left_out
    assert found.product_title == "A robot"
    cleaned = clean(found)
    assert [r.review_id for r in cleaned.reviews] == ["R1AAAAAAAAAAA", "R2AAAAAAAAAAA", "R3AAAAAAAAAAA"]
    assert cleaned.coverage.merged == 1


def test_a_file_without_reviews_is_left_out_and_named():
    found = read(packed({"a.csv": "rating,text\n5,a\n", "notes.txt": "hello", "c.zip": packed({"x.csv": "a"})}))
    assert len(found.reviews) == 1
    assert [line.partition(":")[0] for line in found.left_out] == ["“c.zip”", "“notes.txt”"]
    assert "not unpacked" in found.left_out[0]
    assert clean(found).coverage.left_out == tuple(found.left_out)


def test_a_skipped_row_is_named_with_its_file():
    found = read(packed({"a.csv": "rating,text\n5,a\n", "b.csv": "rating,text\n4,b\n9,c\n"}))
    ((_, count, rows),) = clean(found).coverage.skipped_reasons
    assert (count, rows) == (1, "row 2 (b.csv)")


def test_ids_that_only_count_the_rows_of_each_file_do_not_merge_different_reviews():
    table = "id,rating,text\n1,5,{}\n2,4,{}\n"
    found = read(packed({"a.csv": table.format("one", "two"), "b.csv": table.format("three", "")}))
    assert len(clean(found).reviews) == 4


def test_columns_that_nobody_knows_can_be_mapped_inside_an_archive():
    archive = packed({"a.csv": "sterne,meinung\n5,gut\n"})
    with pytest.raises(UnknownColumns):
        read(archive)
    assert read(archive, mapping={"rating": "sterne", "text": "meinung"}).reviews[0].text == "gut"


def test_nothing_to_read_is_refused_with_what_there_is():
    assert "no reviews in the ZIP archive. “notes.txt”: This is text" in refusal(packed({"notes.txt": "hello"}))
    assert "empty" in refusal(packed({}))


def test_a_damaged_or_locked_or_unusual_archive_is_refused_by_the_name_of_its_file():
    whole = packed({"a.csv": "rating,text\n" + "5,good\n" * 99}, zipfile.ZIP_STORED)
    damaged = bytearray(whole)
    damaged[80] ^= 0x01
    assert "“a.csv” is damaged" in refusal(bytes(damaged))
    assert "damaged" in refusal(whole[:-30])
    locked = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.find(mark) + offset
        locked[at : at + 2] = struct.pack("<H", 1)
    assert "password" in refusal(bytes(locked))
    assert "unusual" in refusal(packed({"a.csv": "rating,text\n5,a\n"}, zipfile.ZIP_BZIP2))


@pytest.mark.slow
def test_bombs_are_refused_before_they_are_unpacked():
    assert "far more" in refusal(packed({"a.csv": b"\n" * 30_000_000}))
    assert "unpacks to more" in refusal(packed({"a.csv": "5,a\n" * 999}), limits=ReadLimits(unpacked=1_000))
    assert "holds 9 files" in refusal(packed({f"{n}.csv": "a" for n in range(9)}), limits=ReadLimits(members=8))
    assert "far too many" in refusal(packed({f"{'n' * 200}{n}.csv": "" for n in range(6_000)}))


def test_a_size_that_is_a_lie_is_found_out():
    archive = bytearray(packed({"a.csv": b"rating,text\n" + b"5,a\n" * 99_999}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = archive.find(mark) + offset
        archive[at : at + 4] = struct.pack("<I", 100)
    assert "damaged" in refusal(bytes(archive))


@pytest.mark.slow
def test_progress_grows_over_all_files():
    seen: list[tuple[int, int]] = []
    data = packed({f"{n}.csv": "rating,text\n" + "5,a\n" * 30_000 for n in range(3)})
    found = read(data, progress=lambda done, total: seen.append((done, total)))
    assert len(found.reviews) == 90_000
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_names_in_an_archive_are_never_paths():
    found = read(packed({"../../etc/x.csv": "rating,text\n5,a\n", "a\x1b[31m.txt": "hello"}))
    assert len(found.reviews) == 1
    assert "\x1b" not in found.left_out[0]


def test_what_all_files_may_hold_together_is_counted_while_they_are_read():
    table = "rating,text\n" + "5,a\n" * 60
    read_from: list[int] = []
    words = refusal(
        packed({f"{n:02}.csv": table for n in range(50)}),
        limits=ReadLimits(rows=100),
        progress=lambda done, _total: read_from.append(done),
    )
    assert "Together the files hold more than 100 reviews" in words
    assert max(read_from) <= 2 * len(table), "it read on after there were too many"


def test_many_small_files_are_a_bomb_as_one_large_is():
    files = {f"{n}.csv": "rating,text\n" + "5,a\n" * 500_000 for n in range(4)}
    assert "far more than files of reviews would" in refusal(packed(files))
