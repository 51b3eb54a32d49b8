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


FOR_SHOPPERS = [
    file
    for file in sorted(SOURCE.rglob("*.py"))
    if file.relative_to(SOURCE).parts[0]
    not in {"app.py", "cli", "evaluate", "evidence", "invented", "pages", "scan", "settings.py"}
]
"""Where Python makes sentences that pages show. The terminal speaks English; pages have a test of their own."""
FRAGMENTS = {
    **dict.fromkeys(
        ("UnreadableStars", "UnknownStars", "InvalidAnswerError", "ServerBusyError", "ServerTimeoutError"), 0
    ),
    **dict.fromkeys(("ServerUnusableError", "RequestRefusedError", "PlannedCheck", "step", "skip", "Export"), 0),
    **dict.fromkeys(("Skipped", "Question", "Finding"), 1),
}
"""Calls with an argument for shoppers that is no sentence, and its place."""
SENTENCE = re.compile(r"^[A-Z][a-z']* [a-z0-9…“].*[a-z]{2}|[a-z]{2} .*[a-z]{2}\.$", re.DOTALL)
NOT_SAID = (
    *("ANALYSIS_", "Outlast/", "Evidence files of this site", "You help to look at"),
    *("Copies found: ", "Copies in ", "Bursts found: ", "False alarms: "),
)
"""Beginnings of texts for operators and programs, and of names in the tables of accuracy."""


@pytest.mark.parametrize("file", FOR_SHOPPERS, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_sentence_for_shoppers_is_made_without_a_message(file: Path):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    marked = {id(node) for node in ast.walk(tree) for node in _not_looked_at(node)}
    bare = [
        ast.unparse(node) for node in ast.walk(tree) if id(node) not in marked and SENTENCE.search(_literal(node))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            place = FRAGMENTS.get(getattr(node.func, "id", getattr(node.func, "attr", "")), len(node.args))
            given = [
                *node.args[place : place + 1],
                *(k.value for k in node.keywords if k.arg in {"title", "description"}),
            ]
            bare += [ast.unparse(argument) for argument in given if re.search("[a-z]{2}", _literal(argument))]
    assert [text for text in bare if not text.lstrip("f'\"").startswith(NOT_SAID)] == []


def _not_looked_at(node: ast.AST) -> Sequence[ast.AST]:
    """Docstrings, templates of messages, and the parts of f-strings."""
    match node:
        case ast.Expr():
            return [node.value]
        case ast.JoinedStr():
            return node.values
        case ast.Call(func=ast.Name("message" | "plural")):
            return node.args
        case _:
            return []


def _literal(node: ast.AST) -> str:
    """The text of a literal, with "…" for the values of an f-string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
        case _:
            return ""
