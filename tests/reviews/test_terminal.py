"""The terminal says what the page says, in 80 columns: what was not read, what is context, some of each group."""

import datetime as dt
import re

import pytest
from click.testing import CliRunner
from review_data import copies, invented

from outlast.cli.main import outlast
from outlast_reviews.cli.report_printer import EXAMPLES, MOST_COPIES, print_report
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet, Skipped

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)


@pytest.fixture
def printed(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def printed(*reviews: Review, **more) -> str:
        report = review_report(ReviewSet(reviews, "CSV", **more), source="reviews.csv", analysed_at=NOW)
        print_report({"report": report}, "reviews.csv")
        return capsys.readouterr().out

    return printed


def one_line(text: str) -> str:
    return " ".join(text.split())


def campaign() -> list[Review]:
    """In a burst, some of it copies."""
    days = [dt.date(2024, 6, 3 + n % 4) for n in range(40)]
    copied = [
        Review(r.row, review_id=f"C{r.row}", rating=5.0, date=day, text=r.text, reviewer=r.reviewer)
        for r, day in zip(copies(20, first_row=1_000), days, strict=False)
    ]
    others = [
        Review(row=2_000 + n, review_id=f"B{n}", rating=5.0, date=day, text=f"Nice {n}", reviewer=f"B{n} X")
        for n, day in enumerate(days[20:], start=20)
    ]
    return [*invented(400), *copied, *others]


def test_what_was_not_read_or_merged_or_left_out_is_said(printed):
    reviews = invented(40)
    told = printed(
        *reviews,
        *reviews[:3],
        skipped=(Skipped(7, "the stars are no number"), Skipped(9, "the stars are no number"), Skipped(11, "cut")),
        left_out=("notes.txt: no reviews",),
    )
    assert "46 reviews (CSV)" in one_line(told)
    assert "3 were duplicates, which we removed" in one_line(told)
    assert "We couldn't read 3. 40 unique reviews." in one_line(told)
    assert "  Not read: the stars are no number (2: rows 7, 9)\n" in told
    assert "  Not read: cut (1: row 11)\n" in told
    assert "  Left out: notes.txt: no reviews\n" in told


def test_several_products_judged_together_are_named(printed):
    lamps = [Review(r.row, text=r.text, rating=r.rating, product="A lamp") for r in invented(30)]
    teas = [Review(100 + r.row, text=r.text, rating=r.rating, product="A tea") for r in invented(20, seed=2)]
    told = one_line(printed(*lamps, *teas))
    assert "They cover 2 products, but a grade is for one: A lamp (30), A tea (20). --product NAME" in told


def test_the_title_of_the_product_is_shown_where_it_is_known(printed):
    assert "\n\nA lamp\n" in printed(*invented(30), product_title="A lamp")
    assert "\n\nreviews.csv\n" in printed(*invented(30))


@pytest.mark.slow
def test_checks_that_are_context_only_say_so(printed):
    told = printed(*invented(30))
    assert told.count("for context") == 2
    assert "Found, strong" in printed(*campaign())


def test_without_evidence_no_rating_is_adjusted_and_no_share_said(printed):
    told = printed(*invented(3))
    assert "With warning signs  not enough evidence" in told
    assert "Adjusted rating     not enough evidence" in told
    assert "change" not in told


@pytest.mark.slow
def test_an_adjusted_rating_has_its_interval_though_nothing_changed(printed):
    line = next(line for line in printed(*invented(300)).splitlines() if line.startswith("Adjusted rating"))
    assert line.rstrip().endswith("), no meaningful change")
    assert line.count("–") == 1


@pytest.mark.slow
def test_shares_are_rounded_alike_everywhere(printed):
    told = one_line(printed(*campaign()))
    (share,) = [part.split(")")[0] for part in told.split("(likely ")[1:]]
    assert f"If these are typical, expect {share} of all" in told
    assert "0.0%" not in told


@pytest.mark.slow
def test_each_group_has_examples_with_its_count_and_a_quote_on_lines_of_its_own(printed):
    told = printed(*campaign())
    assert "\n20 near-identical reviews, strong sign\n" in told
    (burst,) = re.findall(
        r"^Part of a burst of five-star reviews: (\d+) reviews, medium sign$", told, re.MULTILINE
    )
    assert 20 <= int(burst) < 30
    assert f"… and {20 - EXAMPLES} more (--json" in told
    assert f"… and {int(burst) - EXAMPLES} more, and 20 listed above" in told
    assert sum(line.startswith("  C1") for line in told.splitlines()) == EXAMPLES
    assert "  “I bought this lamp for my" in told
    assert told.count("\n  “") == told.count("”") >= 3 * EXAMPLES
    assert max(map(len, told.splitlines())) <= 80


def test_of_many_groups_of_copies_the_smaller_ones_are_counted(printed):
    groups = MOST_COPIES + 2
    copied = [
        Review(
            row=1_000 * g + n, rating=5.0, text=" ".join(f"{word}{g}" for word in "abcdefghijkl"), reviewer=name
        )
        for g in range(1, groups + 1)
        for n, name in enumerate(["Ann B", "Ben C"])
    ]
    told = printed(*invented(300), *copied)
    assert len(re.findall(r"\n2 near-identical reviews", told)) == MOST_COPIES
    assert "\n2 smaller groups of copies: 4 reviews\n" in told


def test_nothing_that_a_review_holds_is_markup(printed):
    told = printed(
        *(Review(row=n, text=f"[bold red]{r.text} [/]", reviewer=f"{n}") for n, r in enumerate(copies(9)))
    )
    assert "“[bold red]I bought" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("no.csv", "no.csv: There is no such file."),
        ("shop.example/p/1", "begin it with https://"),
        ("", "a folder"),
    ],
)
def test_a_source_that_is_not_there_is_told_in_one_line(source, answer):
    done = CliRunner().invoke(outlast, ["analyse", source])
    assert done.exit_code == 2
    assert answer in done.stderr
    assert done.stderr.count("\n") == 1
