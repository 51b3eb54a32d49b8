"""`outlast reviews scan`: each product judged, what changed since last time, and the exit code that says so."""

import contextlib
import csv
import fcntl
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from review_data import copies, invented

from outlast.cli.main import outlast
from outlast_reviews.review import Review
from outlast_reviews.scan.outcome import FEWER_STARS, worsened
from outlast_reviews.scan.product_list import ListError, read_list

HONEST = invented(40)
CAMPAIGN = [*HONEST, *copies(12, first_row=1_000)]


def run(*words: object) -> Result:
    return CliRunner().invoke(outlast, ["reviews", "scan", *map(str, words)])


def write(path: Path, reviews: Iterable[Review]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["review_id", "rating", "date", "text", "reviewer"])
        rows.writerows(
            [r.review_id or f"R{r.row}", f"{r.rating or 5:g}", r.date or "", r.text, r.reviewer] for r in reviews
        )


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """A folder beside the current one, with a list of two products."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    write(folder / "lamp.csv", HONEST)
    write(folder / "tea.csv", invented(30, seed=2))
    (folder / "products.csv").write_text("name,source\nA lamp,lamp.csv\nTea,tea.csv\n")
    return folder


def outcomes(done: Result) -> dict[str, dict]:
    return {product["name"]: product for product in json.loads(done.stdout)["products"]}


@pytest.mark.slow
def test_a_second_scan_says_what_changed_and_exits_1_for_the_worse(shop):
    products = shop / "products.csv"
    first = run(products, "--json", "--evidence", "evidence")
    assert first.exit_code == 0, first.output
    assert not first.stderr  # cron mails whatever is printed
    assert {name: found["since"] for name, found in outcomes(first).items()} == {"A lamp": None, "Tea": None}
    assert len(list(Path("evidence").iterdir())) == 4

    quiet = run(products, "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")

    write(shop / "lamp.csv", CAMPAIGN[1:])
    (shop / "tea.csv").unlink()
    failed = run(products, "--json", "--quiet", "--evidence", "evidence")
    assert failed.exit_code == 2
    lamp, tea = outcomes(failed).values()
    assert (lamp["new"], lamp["gone"]) == (12, 1)
    assert "12 more reviews have warning signs." in lamp["worse"]
    assert {"name": "Reviews", "before": "40", "now": "51"} in lamp["changes"]
    assert tea["error"] == "There is no such file."
    (page,) = (Path(path) for path in lamp["evidence"] if path.endswith(".html"))
    assert "12 new, 1 gone" in page.read_text()

    write(shop / "tea.csv", invented(30, seed=2))
    write(shop / "lamp.csv", HONEST)
    better = run(products)
    assert better.exit_code == 0
    assert "2 products: 0 worse, 0 failed." in better.stdout
    write(shop / "lamp.csv", CAMPAIGN)
    worse = run(products, "--memory", shop / "products.csv.last-scan.json")
    assert worse.exit_code == 1
    assert "1 worse" in worse.stdout


@pytest.mark.slow
def test_whatever_a_product_is_the_others_are_judged(shop):
    (shop / "empty.csv").touch()
    (shop / "noise.csv").write_bytes(bytes(range(256)) * 20)
    with (shop / "two.csv").open("w") as file:
        file.write("rating,text,product_title\n")
        file.writelines(f"{n % 5 + 1},Words of number {n} here,Product {n % 2}\n" for n in range(60))
    (shop / "all.csv").write_text(
        "source;product\nempty.csv\nnoise.csv\nfolder/../..\ngone.csv\nftp://x/y\nhttp://127.0.0.1:9/\n"
        "two.csv\ntwo.csv;Product 1\nlamp.csv\n"
    )
    done = run(shop / "all.csv", "--json")
    assert done.exit_code == 2
    found = outcomes(done)
    judged = {name for name, product in found.items() if product["grade"]}
    assert judged == {"two.csv · Product 1", "lamp.csv"}
    assert len(found) == 9
    for product in found.values():
        assert (product["error"] is None) == (product["grade"] is not None)
        assert "\n" not in (product["error"] or "")
    assert found["two.csv"]["error"].endswith("Name it in the column “product” of the list.")


def test_a_list_that_cannot_be_used_is_refused_in_a_sentence(shop):
    for name, content, said in [
        ("empty.txt", b"# nothing\n\n", "The list is empty"),
        ("binary.txt", b"\xff\xfe\x00", "not text in UTF-8"),
        ("twice.txt", b"lamp.csv\n\n./lamp.csv\nlamp.csv\n", "Lines 1 and 4 are both “lamp.csv”"),
        ("nameless.csv", b"name,source\nLamp,\n", "Line 2 names no file"),
        ("large.txt", b"x" * 1_000_001, "more than 1,000,000 bytes"),
        ("many.txt", b"".join(b"%d\n" % n for n in range(10_001)), "more than 10,000 products"),
        ("zero.txt", b"a\0b\n", "Line 1 is not text"),
    ]:
        (shop / name).write_bytes(content)
        done = run(shop / name)
        assert done.exit_code == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    done = run(shop / "gone.txt")
    assert (done.exit_code, "cannot be read" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"version": 2, "products": {}}', '{"products": {"A lamp": {}}}']
)
def test_a_damaged_memory_is_told_and_left_as_it_is(shop, damage):
    memory = shop / "products.csv.last-scan.json"
    memory.write_text(damage)
    done = run(shop / "products.csv")
    assert done.exit_code == 2
    assert "move it away" in done.stderr
    assert memory.read_text() == damage


def test_two_scans_of_one_list_do_not_run_at_once(shop):
    with (shop / "products.csv").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = run(shop / "products.csv")
    assert done.exit_code == 2
    assert "Another scan of this list is running" in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        "lamp.csv\nhttps://shop.example/p?a=1,2;3\n",
        "# comment\n\nlamp.csv\n  https://shop.example/p?a=1,2;3  \n",
        '\ufeffSource\nlamp.csv\n"https://shop.example/p?a=1,2;3"\n',
        "url\tproduct\nlamp.csv\nhttps://shop.example/p?a=1,2;3\t\n",
    ],
)
def test_lists_of_sources_alone_are_read_alike(tmp_path, content):
    (tmp_path / "list.txt").write_text(content, encoding="utf-8")
    found = read_list(tmp_path / "list.txt")
    assert [entry.source for entry in found] == ["lamp.csv", "https://shop.example/p?a=1,2;3"]
    assert [entry.name for entry in found] == [entry.source for entry in found]
    assert [entry.product for entry in found] == [None, None]


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), st.booleans()),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.sampled_from(",;\t"),
    st.booleans(),
)
def test_tables_are_read_with_every_delimiter_and_order(tmp_path_factory, rows, delimiter, header):
    path = tmp_path_factory.mktemp("lists") / ("list.txt" if header else "list.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter=delimiter)
        if header:
            table.writerow(["Name", "other", "File"])
            table.writerows([name if given else "", "x", f"{name}.csv"] for name, given in rows)
        else:
            table.writerows([f"{name}.csv", name if given else ""] for name, given in rows)
    found = read_list(path)
    assert [entry.source for entry in found] == [f"{name}.csv" for name, _ in rows]
    assert [entry.name for entry in found] == [name if given else f"{name}.csv" for name, given in rows]


def test_a_list_reads_any_bytes_or_says_why_not(tmp_path):
    @given(st.binary(max_size=200), st.sampled_from([".txt", ".csv", ".tsv", ""]))
    def reads(content, ending):
        path = tmp_path / f"list{ending}"
        path.write_bytes(content)
        with contextlib.suppress(ListError):
            assert read_list(path)

    reads()


FIGURES = st.fixed_dictionaries(
    {
        "grade": st.sampled_from("ABCDFU"),
        "suspicious": st.integers(0, 50),
        "rating": st.none() | st.decimals(1, 5, places=2).map(float),
        "adjusted": st.none() | st.decimals(1, 5, places=2).map(float),
    }
)


@pytest.mark.slow
@given(FIGURES, FIGURES)
def test_worse_is_a_worse_grade_more_signs_or_fewer_stars(last, now):
    pairs = [(last[stars], now[stars]) for stars in ("adjusted", "rating")]
    before, after = next((pair for pair in pairs if None not in pair), (0, 0))
    fell = before - after > FEWER_STARS - 1e-6
    expected = (last["grade"] < now["grade"]) + (last["suspicious"] < now["suspicious"]) + fell
    assert len(worsened(last, now)) == expected
    assert not worsened(now, now)
