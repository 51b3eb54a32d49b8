"""The product analysis, as its table of contents: the steps in order, by name."""

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from outlast import Export, Outlast, PageView, Step, Upload, step
from outlast_reviews.checks import run_checks
from outlast_reviews.checks.finding import Judged
from outlast_reviews.cpu_shares import computing, tell
from outlast_reviews.deduplicate import CleanSet, clean
from outlast_reviews.exports import as_json, flagged_csv, reviews_csv
from outlast_reviews.gathering import Only, Place, gather_all, places_of, refuse_address, refuse_file
from outlast_reviews.history import Compare, comparing
from outlast_reviews.invented import SAMPLE
from outlast_reviews.judge.opinion import Opinion
from outlast_reviews.judge.step import AskModel, intro_of_model, make_ready, model_step
from outlast_reviews.known_reviewers import Acquaintance
from outlast_reviews.pages.page import compile_templates, render_report
from outlast_reviews.report import make_report
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings, review_settings
from outlast_reviews.sources.columns import Part
from outlast_reviews.value_names import by_name, new_name

INTRO = """
<p>Give a file of a product's reviews or the address of a shop's page. You get a report of the warning signs in
them, each with its evidence, and how far they can be trusted.</p>
"""
STAYS = "<p>Your files stay on this site.</p>"

Source = Annotated[
    Upload
    | str
    | Annotated[list[Annotated[Place, Field(union_mode="left_to_right")]], Field(min_length=1, max_length=20)],
    Field(
        title="Reviews of a product",
        description="A CSV, TSV, JSON, JSONL or XML file (also gzipped), saved review pages, or a ZIP of these; "
        "several files are taken together. Or the address of a product page that carries its reviews as "
        "structured data.",
        union_mode="left_to_right",
        json_schema_extra={"x-examples": [{"value": SAMPLE, "label": "Try it with an invented sample"}]},
    ),
]
Columns = Annotated[
    dict[Part, Annotated[str, Field(min_length=1, max_length=500)]] | None,
    Field(
        title="Which column is which?",
        description="The columns of the table that hold each part of a review; what there is not can stay empty.",
    ),
]

Narrowed = Annotated[
    dict[Only, Annotated[str, Field(min_length=1, max_length=500)]] | None,
    Field(
        title="Which product?",
        description="Several are in it, and a grade is for one.",
    ),
]

Judge = Step[[CleanSet, str, str], Judged]
Remember = Step[[CleanSet, str], str]


@step("Gathering the reviews", weight=3)
def gather(source: Place | list[Place], mapping: dict[Part, str], product: str | None) -> ReviewSet:
    """From files and addresses; a source that cannot be read fails the session with the reason."""
    return replace(gather_all(places_of(source), mapping, product), made=new_name())


@step("Merging repeats and counting", key=by_name)
def tidy(received: ReviewSet) -> CleanSet:
    with computing():
        return replace(clean(received, lambda done, total: tell(_MERGING * done / total, 1.0)), made=new_name())


def _of_report(
    received: ReviewSet, reviews: CleanSet, judged: Judged, source: str, opinion: Opinion | None
) -> tuple[str, ...]:
    return received.made, reviews.made, judged.made, source, opinion.made if opinion else ""


@step("Writing the report", key=_of_report)
def write(
    received: ReviewSet, reviews: CleanSet, judged: Judged, source: str, opinion: Opinion | None
) -> dict[str, Any]:
    told = opinion.told if opinion else None
    found = (*judged.findings, opinion.finding) if opinion else judged.findings
    with computing():
        return dict(make_report(received, reviews, found, source=source, analysed_at=_now(), model=told))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


_LOOKING = 0.04
"""Share of the judging that is looking up what is known here."""


_MERGING = 0.6
"""Share of the merging that is not keeping its outcome."""


class Steps(NamedTuple):
    """Those that need more than their input: the memory of this installation, a model."""

    judge: Judge
    ask_model: AskModel | None
    remember: Remember
    compare: Compare


def acquainted(acquaintance: Acquaintance) -> tuple[Judge, Remember]:
    """The steps before and after which the installation remembers."""

    @step("Judging the reviews", weight=5, key=by_name)
    def judge(reviews: CleanSet, subject: str, description: str) -> Judged:
        def checked(done: int, total: int, message: str) -> None:
            tell(_LOOKING + (1 - _LOOKING) * done / total, 1.0, message)

        with computing():
            known = acquaintance.known(
                reviews.reviews, subject, description, lambda done, total: tell(_LOOKING * done / total, 1.0)
            )
            return Judged(run_checks(reviews.reviews, checked, facts=known), new_name())

    @step("Noting marks for later comparisons", weight=0.5, key=by_name)
    def remember(reviews: CleanSet, subject: str) -> str:
        with computing():
            return acquaintance.remember(reviews.reviews, subject, _now().date(), tell)

    return judge, remember


def analyse(
    source: Place | list[Place], mapping: dict[Part, str], only: dict[Only, str], steps: Steps
) -> dict[str, Any]:
    """Judge a product's reviews; the result is `{"report": …, "earlier": …, "redirect_url": null}`."""
    if steps.ask_model:
        make_ready()
    received = gather(source, mapping, only.get("product"))
    reviews = tidy(received)
    received = replace(received, reviews=())  # the clean set has them, and there may be many
    about = subject(source, mapping, only)
    judged = steps.judge(reviews, about, received.description)
    opinion = steps.ask_model(reviews, judged, about) if steps.ask_model else None
    told = write(received, reviews, judged, _shown(source), opinion)
    earlier = steps.compare(about, steps.remember(reviews, about), told)
    return {"report": told, "earlier": asdict(earlier) if earlier else None, "redirect_url": None}


def subject(
    source: Place | list[Place], mapping: dict[Part, str] | None = None, only: dict[Only, str] | None = None
) -> str:
    """What is analysed; refuses an address that nothing can read, with what to do instead."""
    single = not isinstance(source, list)
    named = sorted(
        str(place)
        if isinstance(place, Upload) or place == SAMPLE
        else refuse_address(place, "/source" if single else f"/source/{at}").subject
        for at, place in enumerate(places_of(source))
    )
    if single and not mapping and not only:
        return named[0]
    whole = json.dumps([named, sorted((mapping or {}).items()), sorted((only or {}).items())])
    kind = "together" if not single else "mapped" if mapping else "part"
    return f"{kind}:{hashlib.sha256(whole.encode()).hexdigest()}"


async def check(
    source: Place | list[Place], mapping: dict[Part, str] | None = None, only: dict[Only, str] | None = None
) -> None:
    """Refuses at start what the beginnings of the files show."""
    asyncio.get_running_loop().run_in_executor(None, compile_templates)  # there is time until the report comes
    for at, place in enumerate(places_of(source)):
        if isinstance(place, Upload):
            several = isinstance(source, list) and len(source) > 1
            name = f"{await place.aname()}: " if several else ""
            pointer = f"/source/{at}" if isinstance(source, list) else "/source"
            await refuse_file(place, mapping or {}, only, pointer, name)


def _shown(source: Place | list[Place]) -> str:
    """The files by what they were called, and the addresses."""
    told = [
        place.name() if isinstance(place, Upload) else "an invented sample" if place == SAMPLE else place
        for place in places_of(source)
    ]
    return ", ".join(told)


def render(result: Mapping[str, Any], view: PageView) -> str:
    return render_report(result, view.query)


def page_title(result: Mapping[str, Any]) -> str:
    """For tabs, bookmarks and prints: several reports are to be told apart."""
    report = result["report"]
    return f"{report['grade']}: {report['product_title'] or report['source']}"


EXPORTS = {
    "report.json": Export("The report as JSON", as_json),
    "flagged-reviews.csv": Export("Reviews with signs as CSV, texts shortened", flagged_csv),
    "reviews.csv": Export("Reviews as CSV, texts shortened", reviews_csv),
}


def register(outlast: Outlast, settings: ReviewSettings | None = None) -> None:
    """Make this analysis known as `product`; raises `SettingsError`."""
    settings = settings or review_settings()
    ask_model = model_step(settings, outlast) if settings.llm_model else None

    judge, remember = acquainted(Acquaintance(outlast.facts("acquaintance")))
    compare = comparing(outlast.facts("earlier reports"))

    def judged(source: Source, mapping: Columns = None, only: Narrowed = None) -> dict[str, Any]:
        return analyse(source, mapping or {}, only or {}, Steps(judge, ask_model, remember, compare))

    outlast.analysis(
        "product",
        title="Can these reviews be trusted?",
        steps=[gather, tidy, judge, *([ask_model] if ask_model else []), write, remember, compare],
        subject=subject,
        intro=INTRO + (intro_of_model(settings) if ask_model else STAYS),
        render=render,
        page_title=page_title,
        exports=EXPORTS,
        check=check,
        short_forms={"productUrl": "source"},
    )(judged)
