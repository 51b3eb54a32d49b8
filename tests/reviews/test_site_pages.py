"""The pages about the site, what the form says of files, names of products, and the picture of a shared report."""

import datetime as dt
import io
from dataclasses import replace

import pytest
from PIL import Image
from review_data import copies, invented

from outlast import Outlast, PageView, Settings
from outlast_reviews.analysis import intro, page_title, preview, register, subject
from outlast_reviews.invented import SAMPLE, sample_reviews
from outlast_reviews.pages.page import render_page
from outlast_reviews.pages.share_card import HEIGHT, WIDTH, share_card
from outlast_reviews.pages.site_pages import duration, kept
from outlast_reviews.report import review_report
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.gathering import Gathering

NOW = dt.datetime(2025, 3, 4, tzinfo=dt.UTC)


def report_of(reviews, **more):
    return review_report(ReviewSet(tuple(reviews), "CSV", **more), source="a.csv", analysed_at=NOW)


def outlast_with(**more) -> Outlast:
    return Outlast(Settings(upload_retention_hours=48, result_retention_hours=1_000, **more))


def test_form_and_privacy_page_say_how_long_this_installation_keeps_what():
    outlast = outlast_with()
    assert kept(outlast) == {"uploads": "2 days", "reports": "1,000 hours"}
    said = intro(outlast, "We never pass your files on.")
    assert (
        "We never pass your files on. We delete your files after 2 days and your report after 1,000 hours." in said
    )
    privacy = render_page("privacy.html", kept=kept(outlast), marks_days=400, model=None)
    assert "2 days, counted from their last use" in privacy
    assert "Nothing you upload leaves this server." in privacy
    for named in ("names of reviewers", "texts of reviews", "dates and stars", "last two reports", "id and title"):
        assert named in privacy
    assert "for 400 days" in privacy
    assert "up to an hour more" in privacy
    register(outlast, ReviewSettings())
    shown = outlast._catalogue.pages["privacy"].render
    assert "for 400 days" in shown(PageView("/pages/privacy", {}, shared=False))
    outlast.configure(cleanup_at=dt.time(2))  # what expires after two o'clock waits for the next day
    assert kept(outlast) == {"uploads": "3 days", "reports": "1,024 hours"}
    assert "for 401 days" in shown(PageView("/pages/privacy", {}, shared=False))
    asked = render_page("privacy.html", kept=kept(outlast), marks_days=400, model="tiny<1>")
    assert "tiny&lt;1&gt;" in asked
    assert "Nothing you upload leaves" not in asked


@pytest.mark.parametrize(
    ("hours", "said"),
    [(1, "an hour"), (0.5, "0.5 hours"), (12, "12 hours"), (24, "a day"), (30, "30 hours"), (720, "30 days")],
)
def test_a_time_is_said_in_round_units(hours, said):
    assert duration(hours) == said


def test_there_is_a_contact_only_if_the_settings_have_one():
    without, with_one = outlast_with(), outlast_with()
    register(without, ReviewSettings())
    register(with_one, ReviewSettings(contact="reviews@example.org"))
    linked = [page.name for page in without._catalogue.pages.values() if page.linked]
    assert linked == ["about", "method", "privacy", "collect"]
    html = with_one._catalogue.pages["contact"].render(PageView("/pages/contact", {}, shared=False))
    assert '<a class="button" href="mailto:reviews@example.org">reviews@example.org</a>' in html


def test_a_named_report_is_another_one_and_has_the_name_as_its_title():
    gathering = Gathering(ReviewSettings())
    names = {subject(gathering, SAMPLE, name=name) for name in (None, "", "A lamp", "Another lamp")}
    assert len(names) == 3
    assert SAMPLE in names
    assert page_title({"report": report_of(invented(30), product_title="A lamp")}).endswith(": A lamp")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviews", "badge", "colour"),
    [
        ([*invented(60), *copies(9, first_row=900)], "B", (138, 82, 0)),
        (invented(300), "A", (26, 115, 65)),
        ([replace(review, date=None) for review in invented(300)], "A of 2 checks", (26, 115, 65)),
        (invented(5), "U", (86, 99, 95)),
        ([*invented(5), *copies(60, first_row=900)], "F", (179, 38, 30)),
    ],
    ids=["B with strong signs", "A", "A of 2 checks", "U", "F"],
)
def test_a_shared_report_has_the_badge_and_the_colour_of_its_page(reviews, badge, colour):
    report = report_of(reviews, complete=True)
    shown = preview({"report": report})
    assert shown.title.startswith(f"Grade {badge}: ")
    assert shown.picture is not None
    image = Image.open(io.BytesIO(shown.picture()))
    assert image.getpixel((100, 240)) == image.getpixel((600, 8)) == colour
    below_the_letter = image.crop((90, 305, 310, 345))
    assert (len(below_the_letter.getcolors() or []) > 1) == (" of " in badge)


@pytest.mark.slow
def test_a_report_of_an_earlier_version_is_shared_too():
    report = dict(report_of([*invented(60), *copies(9, first_row=900)]))
    for name in ("badge", "tone", "projected", "typical", "checks_made", "checks_total"):
        del report[name]
    shown = preview({"report": report})
    assert shown.title.startswith(f"Grade {report['grade']}: ")
    assert shown.picture is not None
    assert Image.open(io.BytesIO(shown.picture())).getpixel((600, 8)) == (138, 82, 0)


@pytest.mark.slow
@pytest.mark.parametrize("title", [None, "A lamp", "Żółta lampa für Ærø", "ランプ", "word " * 60, "w" * 200])
def test_the_picture_of_a_report_shows_its_grade_whatever_its_title(title):
    report = report_of([*invented(60), *copies(30, first_row=900)], product_title=title)
    image = Image.open(io.BytesIO(share_card(report)))
    assert image.size == (WIDTH, HEIGHT)
    background, tile = image.getpixel((40, 300)), image.getpixel((100, 240))
    assert background == (246, 247, 246)
    assert tile == {"warn": (138, 82, 0)}[report["tone"]]
    assert image.getpixel((1_150, 300)) == background, "nothing runs over the edge"


@pytest.mark.slow
def test_a_title_without_letters_in_the_font_is_left_out():
    def drawn(title: str | None) -> bytes:
        return share_card(report_of(invented(30), product_title=title))

    assert drawn("ランプ") == drawn(None) != drawn("A lamp")


@pytest.mark.slow
def test_a_shared_report_tells_others_its_grade_title_and_headline():
    report = report_of(invented(5), product_title="A lamp")
    shown = preview({"report": report})
    assert shown.title == "Grade U: A lamp"
    assert shown.description.startswith("Not enough evidence for a grade.")
    assert shown.picture is not None
    assert shown.picture().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_example_on_the_form_is_what_the_example_report_says():
    report = review_report(sample_reviews(), source=SAMPLE, analysed_at=NOW)
    (window,) = next(check["windows"] for check in report["checks"] if "windows" in check)
    picture = intro(outlast_with(), "")
    assert f"{report['original_rating']:.2f} ★</tspan> → {report['adjusted_rating']:.2f} ★" in picture
    assert f">{report['fake_percentage']:.0f}%<" in picture
    assert f">{window['count']} reviews in four days<" in picture
    assert f">{report['grade']}<" in picture
    assert f">{report['headline']}<" in picture
