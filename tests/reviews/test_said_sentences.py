"""Every sentence that Python makes for shoppers is a message, and is found again among all messages."""

import ast
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
from bracketed_language import LANGUAGE, SOURCE, messages, pseudo, words_outside, write_catalogue
from review_data import copies, invented

from outlast import InvalidInput, Translations
from outlast_reviews.insights.measured_groups import accuracy_of_groups
from outlast_reviews.invented.languages import LANGUAGES
from outlast_reviews.invented.sample import sample_reviews
from outlast_reviews.method import measured_accuracy
from outlast_reviews.reading import parts_read
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.read import read_reviews
from outlast_reviews.sources.questions import doubts, question_about
from outlast_reviews.wording import meaning, outcome, products_together, what_was_not_read, what_was_read

CASES = sorted((Path(__file__).parent / "cases").iterdir())
FORMATS = {"CSV", "TSV", "JSON", "JSONL", "XML", "MB", "Windows", "Shift", "JIS"}


@pytest.fixture(scope="module")
def language(tmp_path_factory) -> Translations:
    folder = tmp_path_factory.mktemp("locale")
    write_catalogue(folder)
    return Translations(LANGUAGE, [folder])


def untranslated(texts: Iterable[str], language: Translations) -> dict[str, list[str]]:
    """The texts with words that are neither translated nor in quotation marks."""
    left = {text: words_outside(re.sub("“⟧?[^⟦⟧”]*⟦?”", "", language.said(text))) for text in texts}
    return {text: words for text, words in left.items() if set(words) - FORMATS}


def sentences_of(received: ReviewSet) -> Iterator[str]:
    """All that the report and its progress say, except what it quotes."""
    progress: list[str] = []
    report = review_report(
        received,
        source="",
        analysed_at=dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
        progress=lambda _done, _total, message: progress.append(message),
    )
    yield from progress
    yield from (report["headline"], report["explanation"], report["details"], report["format"])
    yield from () if len(report["badge"]) == 1 else (report["badge"],)
    yield from (
        meaning(report),
        what_was_read(report),
        *what_was_not_read(report),
        products_together(report) or "",
    )
    for check in report["checks"]:
        yield from (check["title"], check["sentence"], check["measured"], outcome(check))
    for reason in (reason for review in report["flagged"] for reason in review["reasons"]):
        yield reason["sentence"]
    method = report["method"]
    yield from (method["judge"], method["summary"], *method["rules"], *method["accuracy"], *method["limits"])
    for part in parts_read(report):
        yield part.heading
        yield from part.samples if part.heading in {"Stars", "Date", "Verified"} else ()


def questions_of(asked: InvalidInput | None) -> Iterator[str]:
    """The sentence and the questions; the options that name columns are the file's own words."""
    if asked is not None:
        yield str(asked)
        for question in asked.questions:
            yield question.label
            yield from (label for value, label in question.options if value != label.partition(":")[0])
            yield from (text for texts in question.samples.values() for text in texts if question.name == "dates")


def said_of_case(file: Path) -> Iterator[str]:
    try:
        received = read_reviews(io.BytesIO(file.read_bytes()), file.stat().st_size)
    except NotReviews as refused:
        yield str(refused)
        yield from questions_of(question_about(refused, {}))
    else:
        yield from sentences_of(received)
        yield from questions_of(doubts(received, {}, None))


@pytest.mark.parametrize("case", CASES, ids=lambda file: file.name)
def test_of_files_that_were_once_misread_everything_is_translated(case: Path, language: Translations):
    assert untranslated(said_of_case(case), language) == {}


SETS: dict[str, Callable[[], ReviewSet]] = {
    "the invented sample": sample_reviews,
    "nothing": lambda: ReviewSet((), "CSV"),
    "one": lambda: ReviewSet(tuple(invented(1)), "CSV"),
    "a few": lambda: ReviewSet(
        tuple(invented(5)), "CSV", skipped=(Skipped(7, "“x”"), Skipped(9, "“x”", "“b.csv”"))
    ),
    "copies": lambda: ReviewSet((*invented(300), *copies(30, first_row=900)), "CSV", complete=True),
    "copies without names": lambda: _without_names((*invented(300), *copies(30, first_row=900))),
    "an untypical sample": lambda: ReviewSet(tuple(invented(300)), "CSV", product_rating=1.5),
    "several products": lambda: _of_products(tuple(invented(300))),
}


def _without_names(reviews: Sequence[Review]) -> ReviewSet:
    return ReviewSet(tuple(replace(review, reviewer=None) for review in reviews), "CSV")


def _of_products(reviews: Sequence[Review]) -> ReviewSet:
    return ReviewSet(tuple(replace(review, product=f"“{review.row % 30}”") for review in reviews), "CSV")


@pytest.mark.parametrize("made", SETS.values(), ids=SETS)
def test_of_invented_reviews_everything_is_translated(made: Callable[[], ReviewSet], language: Translations):
    assert untranslated(sentences_of(made()), language) == {}


def test_the_measured_figures_are_translated(language: Translations):
    assert untranslated(accuracy_of_groups(), language) == {}
    assert all(f"{language.name} 100" in measured_accuracy("near_copies") for language in LANGUAGES)


def _example(forms: tuple[str, ...], form: int, write: Callable[[str], str] = str) -> dict[str, str]:
    """A value for each place of a form, written as its format wants it."""
    fields = {name: spec or "" for _, name, spec, _ in Formatter().parse(forms[form]) if name}
    values = {name: _value(spec) for name, spec in fields.items()}
    number = {"n": "7" if form else "1"} if len(forms) > 1 else {}
    return {name: write(value) for name, value in {**values, **number}.items()}


def _value(spec: str) -> str:
    return format(1_234.5 if spec.endswith(("f", "g")) else 1_234, spec) if spec else "“x”"


OF_PYTHON = sorted(
    {(found,) if isinstance(found, str) else found for found in messages() if "%(" not in str(found)}
)


@pytest.mark.parametrize("forms", OF_PYTHON, ids=lambda forms: forms[0][:60])
def test_each_message_is_found_again_among_all(forms: tuple[str, ...], language: Translations):
    for form, template in enumerate(forms):
        plain = re.sub(r"(?<=\{)(\w+)[^}]*", r"\1", template)
        text = plain.format(**_example(forms, form))
        assert language.said(text) == pseudo(plain).format(**_example(forms, form, language.said))


MADE_OF_SENTENCES = {
    **dict.fromkeys(
        ("NotReviews", "UnknownFormat", "TooMuch", "TooManyReviews", "FetchError", "BadAddress"), (0,)
    ),
    **dict.fromkeys(
        ("UnreadableStars", "UnknownStars", "InvalidInput", "Permanent", "StopJudging", "Export"), (0,)
    ),
    **dict.fromkeys(("ServerUnusableError", "ServerBusyError", "ServerTimeoutError", "RequestRefusedError"), (0,)),
    **dict.fromkeys(("InvalidAnswerError", "PlannedCheck", "step", "skip", "refuse"), (0,)),
    **dict.fromkeys(("RetryAfter", "Skipped"), (1,)),
    "Question": (1,),
    "Sign": (2,),
    "Finding": (1, 3),
}
"""Which arguments of a call are sentences for shoppers."""


FOR_SHOPPERS = [
    file
    for file in sorted(SOURCE.rglob("*.py"))
    if file.relative_to(SOURCE).parts[0] not in {"app.py", "cli", "evaluate", "evidence", "invented", "pages"}
]
"""Where Python makes sentences that pages show. The terminal speaks English; pages have a test of their own."""


@pytest.mark.parametrize("file", FOR_SHOPPERS, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_sentence_for_shoppers_is_made_without_a_message(file: Path):
    bare: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [node.args[place] for place in MADE_OF_SENTENCES.get(name, ()) if place < len(node.args)]
            given += [keyword.value for keyword in node.keywords if keyword.arg in {"title", "description"}]
            bare += [ast.unparse(argument) for argument in given if _has_words(argument)]
    assert bare == []


def _has_words(argument: ast.expr) -> bool:
    """Whether a literal has a word in it; of an f-string, outside its values."""
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    literals = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(re.search(r"[a-z]{2}", literal) for literal in literals)
