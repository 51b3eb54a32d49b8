"""The product analysis, as its table of contents: the steps in order, by name."""

import datetime as dt
import io
import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from outlast import Export, InvalidInput, Outlast, PageView, Permanent, RetryAfter, Upload, report, step
from outlast_reviews import product
from outlast_reviews.checks import run_checks
from outlast_reviews.checks.finding import Finding
from outlast_reviews.exports import as_json, flagged_csv, reviews_csv
from outlast_reviews.history import remembering
from outlast_reviews.hygiene import CleanSet, clean
from outlast_reviews.pages.page import render_report
from outlast_reviews.report import make_report
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources import NotReviews, read_reviews
from outlast_reviews.sources.fetch import Fetcher
from outlast_reviews.sources.fetch_error import FetchError

INTRO = """
<p>Give a file of a product's reviews or the address of a shop's page. You get a report of the warning signs in
them, each with its evidence, and how far they can be trusted. Your files stay on this site.</p>
"""

Source = Annotated[
    Upload | str,
    Field(
        title="Reviews of a product",
        description="A CSV, TSV, JSON or JSONL file (also gzipped) or a saved review page; or the address of a "
        "product page that carries its reviews as structured data.",
        union_mode="left_to_right",
    ),
]


@step("Gathering the reviews", weight=3)
def gather(source: Upload | str) -> ReviewSet:
    """From the file or the address; a source that cannot be read fails the session with the reason."""
    try:
        if isinstance(source, Upload):
            with source.open() as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                return read_reviews(file, size, report)
        page = Fetcher().fetch(product.product_at(source).address, report)
        return read_reviews(io.BytesIO(page.body), len(page.body))
    except NotReviews as refused:
        raise Permanent(str(refused)) from None
    except FetchError as failed:
        if failed.transient:
            raise RetryAfter(failed.retry_after or 5.0, str(failed)) from None
        raise Permanent(str(failed)) from None


@step("Merging repeats and counting")
def tidy(received: ReviewSet) -> CleanSet:
    return clean(received)


@step("Judging the reviews", weight=5)
def judge(reviews: CleanSet) -> tuple[Finding, ...]:
    return run_checks(reviews.reviews, report)


@step("Writing the report")
def write(received: ReviewSet, reviews: CleanSet, findings: tuple[Finding, ...], source: str) -> dict[str, Any]:
    made = make_report(received, reviews, findings, source=source, analysed_at=dt.datetime.now(dt.UTC))
    return dict(made)


def analyse(source: Source) -> dict[str, Any]:
    """Judge a product's reviews; the result is `{"report": …, "redirect_url": null}`."""
    received = gather(source)
    reviews = tidy(received)
    findings = judge(reviews)
    name = "uploaded file" if isinstance(source, Upload) else source
    return {"report": write(received, reviews, findings, name), "redirect_url": None}


def subject(source: Upload | str) -> str:
    """What is analysed; refuses an address that nothing can read, with what to do instead."""
    if isinstance(source, Upload):
        return repr(source)
    refusal = product.refuse(source)
    if refusal is not None:
        raise InvalidInput(refusal, "/source")
    return product.product_at(source).subject


def render(result: Mapping[str, Any], view: PageView) -> str:
    return render_report(result, view.query)


EXPORTS = {
    "report.json": Export("The report as JSON", as_json),
    "flagged-reviews.csv": Export("Reviews with signs as CSV", flagged_csv),
    "reviews.csv": Export("All reviews as CSV", reviews_csv),
}


def register(outlast: Outlast) -> None:
    """Make this analysis known as `product`."""
    work, compare = remembering(analyse, subject, outlast.facts("earlier reports"))
    outlast.analysis(
        "product",
        title="Can these reviews be trusted?",
        steps=[gather, tidy, judge, write, compare],
        subject=subject,
        intro=INTRO,
        render=render,
        exports=EXPORTS,
    )(work)
