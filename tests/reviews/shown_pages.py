"""Every page that the product shows, made of invented reviews: all grades, gauges, groups and sentences."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from review_data import copies, invented

from outlast import PageView
from outlast_reviews.analysis import LOCAL_NOTICE
from outlast_reviews.checks.facts import NOTHING_KNOWN, ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.evidence.document import document_of
from outlast_reviews.evidence.page import page_of
from outlast_reviews.history import compared, summary
from outlast_reviews.method import method
from outlast_reviews.pages import render_report
from outlast_reviews.pages.collecting import add_hint, collect_page, report_links, ways_on
from outlast_reviews.pages.page import render_page
from outlast_reviews.pages.site_pages import duration
from outlast_reviews.report import review_report
from outlast_reviews.review import Input, Review, ReviewSet, Skipped
from outlast_reviews.sources.fetching.addresses import product_at

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
_NOTHING = "the row has neither stars nor words"
Result = Mapping[str, Any]


def result_of(*reviews: Review, facts: ReviewFacts | None = None, **more: Any) -> dict[str, Any]:
    read = Input("1.csv", "file", hashlib.sha256(b"reviews").hexdigest(), 7)
    received = ReviewSet(reviews, more.pop("format", "CSV"), inputs=(read,), **more)
    report = review_report(received, source="1.csv", analysed_at=NOW, facts=facts or NOTHING_KNOWN)
    told = {**report, "software": {"1": "2"}}
    return json.loads(json.dumps({"report": told, "earlier": None, "redirect_url": None}))


def after(earlier: Result, result: Result) -> dict[str, Any]:
    """The result of the same product after the earlier one."""
    found = compared(
        summary({**earlier["report"], "analysed_at": "2025-02-03T04:05:06Z"}), summary(result["report"])
    )
    return {**result, "earlier": asdict(found)}


def burst(count: int, first_row: int = 2_000) -> list[Review]:
    return [
        Review(row=first_row + n, rating=5.0, date=dt.date(2024, 6, 3 + n % 4), text=f"Nice {n}", reviewer=f"B{n}")
        for n in range(count)
    ]


def rewarded(count: int, first_row: int = 3_000) -> list[Review]:
    lovely = "Lovely, in exchange for my honest review."
    return [
        Review(row=first_row + n, rating=5.0, text=lovely, reviewer=f"V W{n}", incentivised=True)
        for n in range(count)
    ]


def met_elsewhere() -> tuple[list[Review], ReviewFacts]:
    """A group that met at other products, with gifts and copies, at a shop that counts more reviews."""
    honest = [replace(review, reviewer=f"Anna Number{review.row}x") for review in invented(160)]
    seen = [
        Sighting(reviewer_mark(honest[n]) or "", product, dt.date(2024, 5, 1 + n), 5.0)
        for n in range(6)
        for product in ("a", "b", "c")
    ]
    return [*honest, *copies(40, first_row=1_000), *rewarded(9)], ReviewFacts(product="own", seen=seen, others=9)


def copied(share: float) -> list[Review]:
    """So large a share of the reviews repeats one text that the grade falls."""
    count = round(60 * share)
    return [*invented(60 - count), *copies(count, first_row=1_000)]


@cache
def results() -> dict[str, Result]:
    group, facts = met_elsewhere()
    dated = {"format": "JSON", "product_title": "Desk lamp"}
    made = {
        "nothing": result_of(),
        "few": result_of(*invented(5)),
        "one review": result_of(*invented(1)),
        "one with a sign": result_of(*invented(40), *rewarded(1), product_rating=4.0, stated_total=42),
        "honest": result_of(*invented(300), complete=True, **dated),
        "burst": result_of(*invented(300), *copies(9, first_row=1_000), *burst(40), *rewarded(1), **dated),
        "group": result_of(*group, facts=facts, stated_total=900, product_rating=4.0, product_title="Desk lamp"),
        "only stars": result_of(*(Review(row=n, rating=4.5) for n in range(30))),
        "thumbs": result_of(
            *(Review(row=n, recommended=n % 3 > 0, text=f"word {n} " * 9, reviewer=f"{n}") for n in range(60))
        ),
        "no rows could be read": result_of(*invented(3), skipped=(Skipped(7, _NOTHING), Skipped(9, _NOTHING))),
        "weeks": result_of(*invented(80, days=60), stated_ratings=200, product_rating=4.1),
        "years": result_of(*invented(90, days=6_000)),
        "sample": result_of(*copied(0.2), stated_total=500, product_rating=4.0, **dated),
        "approximate": result_of(*(replace(r, approximate=True) for r in invented(60))),
    }
    for grade, share in {"C": 0.25, "D": 0.45, "F": 0.7}.items():
        made[grade] = result_of(*copied(share), **dated)
    made["changed"] = after(made["burst"], made["C"])
    made["unchanged"] = after(made["C"], made["C"])
    made["less"] = after(made["honest"], result_of(*invented(299)))
    made["one more"] = after(made["honest"], result_of(*invented(301)))
    return made


def queries(result: Result) -> Iterator[Mapping[str, str]]:
    """Choices of a reader."""
    yield {}
    yield {"page": "all", "clear": "all", "incentivised": "without"}
    yield {"page": "2", "clear": "2"}
    facts = result["report"]["insights"]
    names = [check["name"] for check in facts["checks"] if check["can_be_left_out"]]
    for left_out in (names[:1], names):
        yield {"without": ",".join(left_out)}
    for check in result["report"]["checks"]:
        if check["count"]:
            yield {"check": check["name"]}


OWN = PageView("/analysis/aaaaaaaaaaaaaaaaaaaaaaaaaa", {}, shared=False)
SHARED = PageView("/shared/aaaaaaaa", {}, shared=True)
_DATA = ("excerpt", "title", "reviewer", "quotes", "product_title", "samples", "names", "columns")
"""Parts of a report that are other people's words."""
_ELSEWHERE = str.maketrans({chr(latin): chr(latin - ord("a") + 0x3B1) for latin in range(ord("a"), ord("z") + 1)})


def in_greek_letters(value: Any, *, data: bool = False) -> Any:
    """The result with other people's words in letters that ours do not have."""
    if isinstance(value, dict):
        found: dict[str, Any] = value
        own = "sentence" in found or "with_sign" in found  # the title of a check is ours
        return {
            name: in_greek_letters(inner, data=data or (name in _DATA and not own))
            for name, inner in found.items()
        }
    if isinstance(value, list):
        return [in_greek_letters(inner, data=data) for inner in value]
    return value.lower().translate(_ELSEWHERE) if data and isinstance(value, str) else value


_WITH_CHOICES = ("burst", "group", "honest", "one with a sign")


def report_pages(language: str) -> Iterator[tuple[str, str]]:
    """Each report with each choice, and what a link shows of it."""
    own = replace(OWN, language=language, takes_files=True)
    shared = replace(SHARED, language=language)
    for name, found in results().items():
        result = in_greek_letters(found)
        for n, query in enumerate(queries(result) if name in _WITH_CHOICES else ({},)):
            yield f"{name}, {dict(query)}", render_report(result, query, shared if n % 2 else own)
        yield f"{name}, links", report_links({**result, "adds_to": "b" * 26}, own)


def evidence_pages(language: str) -> Iterator[tuple[str, str]]:
    for name, result in results().items():
        document = document_of(in_greek_letters(result))
        yield name, page_of(document, "0" * 64, "0" * 43 + "=", language)


def site_pages(language: str) -> Iterator[tuple[str, str]]:
    kept = {"uploads": duration(720), "reports": duration(24)}
    for model in (None, "123"):
        yield "method", render_page("how_we_judge.html", language, method=method(), model=model)
        yield "privacy", render_page("privacy.html", language, kept=kept, marks_days=400, model=model)
    yield "about", render_page("about.html", language)
    yield "contact", render_page("contact.html", language, contact="@", address="mailto:@")
    yield "intro", render_page("intro.html", language, kept=kept, notice=LOCAL_NOTICE)
    view = replace(OWN, language=language)
    yield "collect", collect_page(view)
    yield "add", add_hint(view)
    for address in ("https://www.amazon.de/dp/B000000001", "https://amzn.eu/d/abcdefg"):
        yield address, ways_on(product_at(address), language)
