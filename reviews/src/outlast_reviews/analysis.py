"""The product analysis: its steps in order, its input schema, and its registration."""

import asyncio
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from outlast import (
    AddFiles,
    AnalysisHandle,
    Export,
    LinkPreview,
    Outlast,
    PageView,
    Permanent,
    Step,
    Upload,
    message,
    step,
)
from outlast_reviews.check_results import CheckResults
from outlast_reviews.checks import run_checks
from outlast_reviews.cpu_shares import computing, report_progress
from outlast_reviews.deduplicate import CleanSet, clean
from outlast_reviews.exports import as_json, flagged_csv, reviews_csv
from outlast_reviews.history import CompareStep, comparison_step
from outlast_reviews.insights.reviewers import reviewers_elsewhere
from outlast_reviews.invented import SAMPLE
from outlast_reviews.known_reviewers import KnownReviewers
from outlast_reviews.language_model.opinion import Opinion
from outlast_reviews.pages.collecting import PAGE, add_hint, collect_page, ways_on
from outlast_reviews.pages.page import compile_templates, completed, render_page, render_report
from outlast_reviews.pages.share_card import share_card
from outlast_reviews.pages.site_pages import add_pages, kept
from outlast_reviews.report import SAMPLES, make_report
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings, review_settings
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import Part
from outlast_reviews.sources.formats.read import FORMATS, LAST_FORMAT
from outlast_reviews.sources.gathering import (
    Gathering,
    Location,
    locations_of,
    refuse_file,
)
from outlast_reviews.sources.questions import ALL, Only, doubts
from outlast_reviews.sources.review_sets import reviews_of_product
from outlast_reviews.step_keys import by_name, unique_name

if TYPE_CHECKING:
    from outlast_reviews.evidence.keys import InstallationKey
    from outlast_reviews.language_model.ask_model import AskModelStep

LOCAL_NOTICE = message("We never pass your files on.")

Source = Annotated[
    Upload
    | str
    | Annotated[list[Annotated[Location, Field(union_mode="left_to_right")]], Field(min_length=1, max_length=20)],
    Field(
        title=message("A product's reviews"),
        description=message(
            "Saved review pages or an export, one file or several: {formats} or {last}, also zipped.",
            formats=FORMATS,
            last=LAST_FORMAT,
        ),
        union_mode="left_to_right",
        json_schema_extra={"x-examples": [{"value": SAMPLE, "label": message("See an example report")}]},
    ),
]
ColumnMapping = Annotated[
    dict[Part, Annotated[str, Field(min_length=1, max_length=500)]] | None,
    Field(
        title=message("How should we read it?"),
        description=message("Leave blank anything your file doesn't have."),
    ),
]

ProductName = Annotated[
    Annotated[str, Field(max_length=200)] | None,
    Field(title=message("Product name"), description=message("For your report's title, if the file doesn't say.")),
]
ProductChoice = Annotated[
    dict[Only, Annotated[str, Field(min_length=1, max_length=500)]] | None,
    Field(
        title=message("Which product?"),
        description=message("This file covers several products. Pick one."),
    ),
]

EarlierReport = Annotated[
    Annotated[str, Field(pattern=r"^[a-z2-7]{26}$")] | None,
    Field(title=message("Report that pages are added to"), json_schema_extra={"x-hidden": True}),
]

GatherStep = Step[[Location | list[Location], dict[Part, str]], ReviewSet]
CheckStep = Step[[CleanSet, str, str], CheckResults]
RememberStep = Step[[CleanSet, str], str]


@step(message("Removing duplicates"), key=by_name)
def tidy(received: ReviewSet) -> CleanSet:
    with computing():
        return replace(
            clean(received, lambda done, total: report_progress(_MERGE_SHARE * done / total, 1.0)),
            made=unique_name(),
        )


def _of_report(
    received: ReviewSet, reviews: CleanSet, checked: CheckResults, source: str, opinion: Opinion | None
) -> tuple[str, ...]:
    return received.made, reviews.made, checked.made, source, opinion.made if opinion else ""


@step(message("Writing the report"), key=_of_report)
def write(
    received: ReviewSet, reviews: CleanSet, checked: CheckResults, source: str, opinion: Opinion | None
) -> dict[str, Any]:
    report = opinion.report if opinion else None
    found = (*checked.findings, opinion.finding) if opinion else checked.findings
    with computing():
        return dict(
            make_report(
                received,
                reviews,
                found,
                source=source,
                analysed_at=_now(),
                model=report,
                elsewhere=checked.elsewhere,
                advance=lambda share: report_progress(share, 1.0),
            )
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


_LOOKUP_SHARE, _CHECKED = 0.04, 0.96
"""Shares of the step `check_reviews` after which facts of earlier analyses are looked up, and the checks made."""


_MERGE_SHARE = 0.6
"""Share of the step `tidy` that merges; the rest stores its result."""


class Steps(NamedTuple):
    """The steps with dependencies: the settings, the stored facts of this installation, a language model."""

    gather: GatherStep
    check_reviews: CheckStep
    ask_model: "AskModelStep | None"
    remember: RememberStep
    compare: CompareStep


def gather_step(gathering: Gathering) -> GatherStep:
    @step(message("Reading the reviews"), weight=3)
    def gather(source: Location | list[Location], mapping: dict[Part, str]) -> ReviewSet:
        """Read all files and addresses; an unreadable source fails the session with the reason."""
        return replace(gathering.all_of(locations_of(source), mapping), made=unique_name())

    return gather


def memory_steps(known_reviewers: KnownReviewers) -> tuple[CheckStep, RememberStep]:
    """Build the steps that read and write the facts of earlier analyses."""

    @step(message("Checking the reviews"), name="judge", weight=5, key=by_name)
    def check_reviews(reviews: CleanSet, subject: str, description: str) -> CheckResults:
        def checked(done: int, total: int, message: str) -> None:
            report_progress(_LOOKUP_SHARE + (_CHECKED - _LOOKUP_SHARE) * done / total, 1.0, message)

        def looked_at(share: float) -> None:
            report_progress(_CHECKED + (1 - _CHECKED) * share, 1.0)

        def looked_up(done: int, total: int) -> None:
            report_progress(_LOOKUP_SHARE * done / total, 1.0)

        with computing():
            known = known_reviewers.known(reviews.reviews, subject, description, looked_up)
            findings = run_checks(reviews.reviews, checked, facts=known)
            elsewhere = reviewers_elsewhere(reviews.reviews, known, looked_at)
            return CheckResults(findings, unique_name(), elsewhere)

    @step(message("Saving for comparison"), weight=0.5, key=by_name)
    def remember(reviews: CleanSet, subject: str) -> str:
        with computing():
            return known_reviewers.remember(reviews.reviews, subject, _now().date(), report_progress)

    return check_reviews, remember


def chosen(
    received: ReviewSet, source: Location | list[Location], mapping: dict[Part, str], only: dict[Only, str]
) -> ReviewSet:
    """Return the reviews of the product that was asked for.

    What is doubtful becomes a question; the answer which product does not repeat the step that read the reviews.
    Files that were given together, each of one product, were meant so.
    """
    apart = len(locations_of(source)) > 1 and received.files_of_one_product
    asked = doubts(received, mapping, {"product": ALL} if apart else only or None)
    if asked:
        raise asked
    product = only.get("product", ALL)
    if product == ALL:
        return received
    try:
        return replace(reviews_of_product(received, product), made=f"{received.made}:{product}")
    except NotReviews as refused:
        raise Permanent(str(refused)) from None


def analyse(
    source: Location | list[Location],
    mapping: dict[Part, str],
    only: dict[Only, str],
    adds_to: str | None,
    about: str,
    steps: Steps,
    name: str | None = None,
) -> dict[str, Any]:
    """Judge a product's reviews; the result has `report`, `earlier`, `adds_to` and `redirect_url`."""
    received = chosen(steps.gather(source, mapping), source, mapping, only)
    reviews = tidy(received)
    # the clean set has the reviews, and there may be many
    received = replace(received, reviews=received.reviews[:SAMPLES], product_title=name or received.product_title)
    checked = steps.check_reviews(reviews, about, received.description)
    opinion = steps.ask_model(reviews, checked, about) if steps.ask_model else None
    report = write(received, reviews, checked, _source_label(source), opinion)
    earlier = steps.compare(about, steps.remember(reviews, about), report)
    return {
        "report": report,
        "earlier": asdict(earlier) if earlier else None,
        "adds_to": adds_to,
        "redirect_url": None,
    }


def subject(
    gathering: Gathering,
    source: Location | list[Location],
    mapping: dict[Part, str] | None = None,
    only: dict[Only, str] | None = None,
    adds_to: str | None = None,  # noqa: ARG001 - says nothing about what is analysed
    name: str | None = None,
) -> str:
    """Return the subject of the session. Raises `InvalidInput` for an address that nothing can read.

    A named report has a subject of its own, as it is not the same as one without the name.
    """
    if name:
        plain = subject(gathering, source, mapping, only)
        return f"named:{hashlib.sha256(json.dumps([plain, name]).encode()).hexdigest()}"
    single = not isinstance(source, list)
    named = sorted(
        str(location)
        if isinstance(location, Upload) or location == SAMPLE
        else gathering.product_at_start(location, "/source" if single else f"/source/{at}").subject
        for at, location in enumerate(locations_of(source))
    )
    if single and not mapping and not only:
        return named[0]
    whole = json.dumps([named, sorted((mapping or {}).items()), sorted((only or {}).items())])
    kind = "together" if not single else "mapped" if mapping else "part"
    return f"{kind}:{hashlib.sha256(whole.encode()).hexdigest()}"


async def check(
    source: Location | list[Location],
    mapping: dict[Part, str] | None = None,
    only: dict[Only, str] | None = None,
    adds_to: str | None = None,  # noqa: ARG001 - nobody can know more of it than its form
    name: str | None = None,  # noqa: ARG001 - any name is right
) -> None:
    """Raise `InvalidInput` at start for what the first bytes of the files show."""
    asyncio.get_running_loop().run_in_executor(None, compile_templates)  # warm up before the first report
    for at, location in enumerate(locations_of(source)):
        if isinstance(location, Upload):
            several = isinstance(source, list) and len(source) > 1
            file = await location.aname() if several else ""
            pointer = f"/source/{at}" if isinstance(source, list) else "/source"
            await refuse_file(location, mapping or {}, only, pointer, file)


def _source_label(source: Location | list[Location]) -> str:
    names = [
        item.name() if isinstance(item, Upload) else message("invented example") if item == SAMPLE else item
        for item in locations_of(source)
    ]
    return ", ".join(names)


def render(result: Mapping[str, Any], view: PageView) -> str:
    return render_report(result, view.query, view)


def intro(outlast: Outlast, notice: str, language: str = "en") -> str:
    """Above the form; says how long files are kept before anybody uploads one."""
    return render_page("intro.html", language, kept=kept(outlast), notice=notice)


def preview(result: Mapping[str, Any]) -> LinkPreview:
    """What chats show of a shared report."""
    report = completed(result["report"])
    title = message(
        "Grade {badge}: {title}", badge=report["badge"], title=report["product_title"] or report["headline"]
    )
    return LinkPreview(title, report["explanation"], lambda: share_card(report))


def page_title(result: Mapping[str, Any]) -> str:
    """Tell reports apart in tabs, bookmarks and prints."""
    report = result["report"]
    return f"{report['grade']}: {report['product_title'] or report['source']}"


EXPORTS = {
    "report.json": Export(message("Report (JSON)"), as_json),
    "flagged-reviews.csv": Export(message("Flagged reviews (CSV)"), flagged_csv),
    "reviews.csv": Export(message("All reviews (CSV)"), reviews_csv),
}


def evidence_exports(key: Callable[[], "InstallationKey"]) -> Mapping[str, Export]:
    """Signed evidence files, by the key that is asked for when the first one is made."""

    def page(result: Mapping[str, Any]) -> str:
        from outlast_reviews.evidence.files import evidence_page  # noqa: PLC0415 - only where one is downloaded

        return evidence_page(result, key())

    def data(result: Mapping[str, Any]) -> str:
        from outlast_reviews.evidence.files import evidence_json  # noqa: PLC0415 - as above

        return evidence_json(result, key())

    return {
        "evidence.html": Export(message("Signed evidence file"), page),
        "evidence.json": Export(message("Signed evidence (JSON)"), data),
    }


def signing_key(outlast: Outlast, settings: ReviewSettings) -> "InstallationKey":
    """Return the key that signs evidence files, generated on first use. Raises `SettingsError`."""
    from outlast_reviews.evidence.keys import installation_key  # noqa: PLC0415 - as above

    setting = settings.evidence_key.get_secret_value() if settings.evidence_key else None
    return installation_key(outlast.settings.data_path, setting)


def published_key(key: "InstallationKey") -> str:
    """The public key for those who verify evidence files of this site."""
    about = "Evidence files of this site are signed by this key: outlast reviews verify FILE --key PUBLIC_KEY"
    return json.dumps({"algorithm": "Ed25519", "public_key": key.public, "about": about}, indent=1) + "\n"


def register(outlast: Outlast, settings: ReviewSettings | None = None) -> AnalysisHandle[..., dict[str, Any]]:
    """Register this analysis as `product`, with these settings or those of the environment now; return its handle.

    Raises `SettingsError`.
    """
    settings = settings or review_settings()
    gathering = Gathering(settings, ways_on)
    gather, subject_of = gather_step(gathering), partial(subject, gathering)
    ask_model, notice = None, LOCAL_NOTICE
    if settings.llm_model:
        from outlast_reviews.language_model.ask_model import model_intro, model_step  # noqa: PLC0415 - httpx where it is needed

        ask_model, notice = model_step(settings, outlast), model_intro(settings)
    check_reviews, remember = memory_steps(KnownReviewers(outlast.facts("acquaintance")))
    compare = comparison_step(outlast.facts("earlier reports"))
    add_pages(outlast, settings)

    def analyse_product(
        source: Source,
        name: ProductName = None,
        mapping: ColumnMapping = None,
        only: ProductChoice = None,
        adds_to: EarlierReport = None,
    ) -> dict[str, Any]:
        about = subject_of(source, mapping, only)
        steps = Steps(gather, check_reviews, ask_model, remember, compare)
        return analyse(source, mapping or {}, only or {}, adds_to, about, steps, (name or "").strip() or None)

    outlast.page(PAGE, title=message("Collect reviews in your browser"), takes_messages=True)(collect_page)
    key = cache(partial(signing_key, outlast, settings))
    outlast.well_known("outlast-evidence-key.json", lambda: published_key(key()))
    return outlast.analysis(
        "product",
        title=message("Can these reviews be trusted?"),
        steps=[gather, tidy, check_reviews, *([ask_model] if ask_model else []), write, remember, compare],
        subject=subject_of,
        intro=lambda view: intro(outlast, notice, view.language),
        render=render,
        page_title=page_title,
        preview=preview,
        exports={**EXPORTS, **evidence_exports(key)},
        add_files=AddFiles("source", message("Add pages to this report"), hint=add_hint, earlier="adds_to"),
        check=check,
        short_forms={"productUrl": "source"},
    )(analyse_product)
