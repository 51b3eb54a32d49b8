"""`outlast reviews evaluate`: figures with intervals, of labelled reviews and products, as text and JSON."""

import csv
import gzip
import json
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from review_data import copies, invented

from outlast.cli.main import outlast
from outlast_reviews.evaluate.accuracy_table import Line, Table, format_figure
from outlast_reviews.evaluate.figures import auc, calibration, share
from outlast_reviews.evaluate.labelled_data import LabelledProducts, LabelledReviews, NotLabelled, read_labelled
from outlast_reviews.evaluate.table_picture import picture
from outlast_reviews.method import VERSION


def run(*arguments: object) -> Result:
    return CliRunner().invoke(outlast, ["reviews", *map(str, arguments)])


def labelled_file(path: Path, label: str = "fake", **more: str) -> Path:
    reviews = [*invented(200), *copies(20, first_row=900)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "rating", "date", "text", "reviewer", label, *more])
        for r in reviews:
            told = int(r.row >= 900)
            writer.writerow(
                [f"r{r.row}", r.rating, r.date or "2024-03-03", r.text, r.reviewer, told, *more.values()]
            )
    return path


def products_file(path: Path) -> Path:
    chance = random.Random(3)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["product_ID", "fake", "avg_review_rating", "share_1star", "n_of_reviews", "noise"])
        for n in range(200):
            fake = n % 2
            writer.writerow(
                [f"P{n}", fake, chance.gauss(4.2 + 0.3 * fake, 0.3), chance.random(), chance.randrange(1, 900), ""]
                if n != 5
                else [f"P{n}", fake, "", "", 3, ""]
            )
    return path


@pytest.mark.slow
def test_an_area_is_how_often_the_right_one_is_higher():
    scores, labels = [1, 2, 2, 3], [False, False, True, True]
    assert auc(scores, labels).value == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auc([1, 1], [True, True]).value is None
    chance = random.Random(1)
    many = [chance.random() for _ in range(400)]
    figure = auc(many, [chance.random() < 0.5 for _ in many])
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.5 < figure.high
    assert figure.high - figure.low < 0.2


def test_bins_say_what_was_said_and_what_was_so():
    low, high = calibration([0.1] * 50 + [0.9] * 50, [False] * 45 + [True] * 5 + [True] * 45 + [False] * 5)
    assert (low.predicted, low.observed.value) == pytest.approx((0.1, 0.1))
    assert (high.predicted, high.observed.value) == pytest.approx((0.9, 0.9))
    assert share(0, 0).value is None


@pytest.mark.slow
def test_labelled_reviews_give_each_check_its_precision_and_recall(tmp_path):
    result = run("evaluate", labelled_file(tmp_path / "reviews.csv"), "--json")
    assert result.exit_code == 0
    (table,) = json.loads(result.stdout)
    figures = {(f["group"], f["name"]): f for f in table["figures"]}
    copied = figures["Near-identical texts", "recall"]
    assert (copied["value"], copied["of"]) == (1, 20)
    assert 0.8 < copied["low"] < copied["high"] <= 1
    assert figures["Near-identical texts", "precision"]["value"] == 1
    assert figures["All checks", "AUC"]["value"] > 0.95
    assert figures["The seller's own words", "precision and recall"]["value"] is None
    assert table["calibration"]


@pytest.mark.slow
def test_the_table_is_readable_and_the_picture_is_an_svg(tmp_path):
    image = tmp_path / "table.svg"
    result = run("evaluate", labelled_file(tmp_path / "reviews <b>.csv"), "--picture", image)
    assert result.exit_code == 0
    assert "accuracy" in result.stdout
    assert "recall" in result.stdout
    assert "20 of them labelled fake; calling none suspicious" in " ".join(result.stdout.split())
    assert "20 of them labelled fake; calling none suspicious" in image.read_text()
    assert ET.fromstring(image.read_text()).tag == "{http://www.w3.org/2000/svg}svg"


def test_labels_reach_no_check_and_products_are_judged_apart(tmp_path):
    one = read_labelled(labelled_file(tmp_path / "a.csv"))
    flipped = read_labelled(labelled_file(tmp_path / "b.csv", "is_fake", asin="B01"))
    assert isinstance(one, LabelledReviews)
    assert isinstance(flipped, LabelledReviews)
    assert one.sets == flipped.sets
    assert one.labels == flipped.labels
    rows = [{"asin": f"B{n % 3}", "rating": 5, "text": f"words {n}", "label": n % 2} for n in range(9)]
    (tmp_path / "three.jsonl").write_text("\n".join(map(json.dumps, rows)))
    three = read_labelled(tmp_path / "three.jsonl")
    assert isinstance(three, LabelledReviews)
    assert [len(each) for each in three.sets] == [3, 3, 3]


@pytest.mark.slow
def test_products_are_judged_by_a_model_that_has_not_seen_them(tmp_path):
    path = products_file(tmp_path / "products.csv")
    given = read_labelled(path)
    assert isinstance(given, LabelledProducts)
    assert set(given.features) == {"avg_review_rating", "share_1star", "n_of_reviews"}
    result = run("evaluate", path, "--json")
    (table,) = json.loads(result.stdout)
    figures = {f["name"]: f for f in table["figures"]}
    assert 0.6 < figures["AUC"]["value"] < 0.9
    assert figures["avg_review_rating"]["value"] > 0.65
    assert figures["AUC"]["of"] == 200
    assert run("evaluate", path, "--json").stdout == result.stdout


def test_packed_files_and_a_named_label_are_read(tmp_path):
    plain = labelled_file(tmp_path / "odd.csv", "gekauft")
    packed = tmp_path / "odd.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert isinstance(read_labelled(packed, "gekauft"), LabelledReviews)
    with pytest.raises(NotLabelled, match="--label"):
        read_labelled(plain)
    with pytest.raises(NotLabelled, match="no column “nothing”"):
        read_labelled(plain, "nothing")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows"),
        (b"rating,text,fake\n5,good,1\n4,fine,1\n", "does not say"),
        (b"a,b,fake\nx,y,1\nz,w,0\n", "neither reviews nor"),
        (b"[1, 2", "as a table"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    result = run("evaluate", path)
    assert result.exit_code == 2
    assert said in result.stderr
    assert run("evaluate", tmp_path / "missing").exit_code == 2


@pytest.mark.slow
def test_campaigns_are_planted_in_files_without_labels(tmp_path):
    path = tmp_path / "plain.csv"
    reviews = invented(150)
    lines = [f"{r.rating},{r.date},{r.text},{r.reviewer}" for r in reviews]
    path.write_text("\n".join(["rating,date,text,reviewer", *lines]))
    result = run("evaluate", "--planted", 1, "--markdown", path)
    assert result.exit_code == 0
    assert "| Copies found: 20 reviews in 4 days, 5% of words changed | 100.0% |" in result.stdout
    undated = tmp_path / "undated.csv"
    undated.write_text("rating,text\n5,good\n")
    assert "no dates" in run("evaluate", "--planted", 1, undated).stderr


def test_a_figure_is_never_rounded_to_none_or_all():
    nearly, hardly = share(9_999, 10_000), share(1, 10_000)
    assert [format_figure(f, percent=True)[0] for f in (nearly, hardly)] == ["> 99.9%", "< 0.1%"]
    assert [format_figure(share(n, 9), percent=True)[0] for n in (0, 9)] == ["0.0%", "100.0%"]
    image = picture([Table("a file", "so many", (Line("a", "b", nearly), Line("a", "c", hardly)))])
    assert "< 0.1%" in "".join(ET.fromstring(image).itertext())


@pytest.mark.slow
def test_generated_reviews_need_no_file_and_say_with_which_method_they_were_measured():
    result = run("evaluate", "--generated", 100, "--json")
    assert result.exit_code == 0
    (table,) = json.loads(result.stdout)
    assert table["method"] == VERSION
    groups = {figure["group"] for figure in table["figures"]}
    assert groups == {f"Copies in {n}" for n in ("English", "German", "French", "Spanish", "Japanese", "Chinese")}
    assert "--generated" in run("evaluate").stderr
