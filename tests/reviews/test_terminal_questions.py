"""Questions in the terminal: a person answers, suggestions are taken, or options are named."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outlast import InvalidInput, Outlast, Question
from outlast.cli.main import outlast
from outlast_reviews.cli import questions, running
from outlast_reviews.cli.questions import asked_in_terminal, suggested
from outlast_reviews.cli.running import progress_bar

UNNAMED = "Punkte,Meinung,Wer\n" + "".join(f"{n % 5 + 1},What a lamp should be {n},P{n}\n" for n in range(30))
DATES = "rating,text,date\n" + "".join(f"{n % 5 + 1},A review {n},01/{n % 12 + 1:02}/2021\n" for n in range(30))
PRODUCTS = "rating,text,product\n" + "".join(
    f"{n % 5 + 1},A review {n} of a thing,{('Kettle', 'Toaster')[n % 3 > 0]}\n" for n in range(9_000)
)
"""Larger than what is looked at before the start."""


@pytest.fixture
def run(tmp_path: Path):
    def run(table: str, *options: str) -> Result:
        file = tmp_path / "a.csv"
        file.write_text(table, encoding="utf-8")
        return CliRunner().invoke(outlast, ["analyse", str(file), *options])

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "example"),
    [
        (UNNAMED, "--map rating=Punkte --map text=Meinung --map reviewer=Wer\nOr say --yes"),
        (
            DATES,
            (
                "--map dates=day\n"
                "The answers are:\n--map dates=day (The day)\n--map dates=month (The month)\n"
                "--map dates=unknown (I don't know; leave the dates out)\nOr say --yes"
            ),
        ),
        (PRODUCTS, "--product Toaster\n"),
    ],
)
def test_without_a_terminal_it_says_how_to_answer(run, table: str, example: str):
    answer = run(table)
    assert answer.exit_code == 2
    assert f"a.csv {example}" in answer.stderr
    assert answer.stdout == ""


@pytest.mark.slow
def test_what_is_suggested_is_taken_on_demand_and_shown_before_the_grade(run):
    answer = run(UNNAMED, "--yes")
    assert answer.exit_code == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0] == "How it was read"
    assert lines[1].split() == [*["Stars", "Punkte"], *["1", "of", "5", "·", "2", "of", "5", "·", "3", "of", "5"]]
    assert lines[2].split()[:3] == ["Reviewer", "Wer", "P0"]
    assert lines[3].split()[:2] == ["Words", "Meinung"]
    undated = json.loads(run(DATES, "--yes", "--json").stdout)["report"]["coverage"]
    assert (undated["rows"], undated["with_date"]) == (30, 0)


@pytest.mark.slow
def test_no_product_is_taken_without_being_named(run):
    assert run(PRODUCTS, "--yes").exit_code == 2
    report = json.loads(run(PRODUCTS, "--product", "Toaster", "--json").stdout)["report"]
    assert (report["product_title"], report["total_reviews"]) == ("Toaster", 6_000)


class Asked:
    """Gives the same answers to whatever is asked, and refuses to be asked for ever."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.times = 0

    def __call__(self, _sentence: str, _questions: Sequence[Question]) -> dict[str, str]:
        self.times += 1
        assert self.times < 5, "it asks for ever"
        return self.answers


@pytest.mark.slow
@pytest.mark.parametrize("given", [{}, {"reviewer": "Wer"}], ids=["nothing", "another column"])
def test_an_answer_that_says_nothing_new_ends_the_questions_before_the_start(tmp_path: Path, given):
    file = tmp_path / "a.csv"
    file.write_text(UNNAMED, encoding="utf-8")
    asked = Asked({"title": "Wer"})
    with pytest.raises(InvalidInput) as refused:
        asyncio.run(running.judge([str(file)], running.options(given, None), lambda *_: None, asked))
    assert [question.name for question in refused.value.questions][:2] == ["rating", "text"]
    assert asked.times == 2


@pytest.mark.slow
async def test_an_answer_that_says_nothing_new_ends_the_questions_of_a_session(tmp_path: Path):
    outlast = Outlast()
    outlast.configure(data_dir=str(tmp_path), database_url="sqlite:///outlast.db", queue_connection="database")

    @outlast.analysis("asking")
    def asking(mapping: dict[str, str] | None = None) -> int:
        question = Question("text", "Words", [("a", "a")], "a", required=True)
        raise InvalidInput(f"Which of {mapping}?", "/mapping", questions=[question])

    asked = Asked({"text": "a"})
    async with outlast.lifespan(workers=1):
        with pytest.raises(InvalidInput, match=r"Which of \{'text': 'a'\}"):
            await running._follow(await asking.start(), lambda *_: None, asked)
    assert asked.times == 2


WORDS = Question("text", "Words", [("a", "a: yes"), ("b", "b: no")], "a", required=True, samples={"a": ["yes"]})
TITLE = Question("title", "Title", [("a", "a: yes"), ("b", "b: no")])


@pytest.mark.parametrize(
    ("asked", "said", "answers"),
    [
        ([WORDS, TITLE], [""], {"text": "a"}),
        ([WORDS, TITLE], ["2", "2", ""], {"text": "a", "title": "b"}),
        ([WORDS, TITLE], ["1", "7", "b", "nonsense", "9", ""], {"text": "b"}),
        ([WORDS], ["2"], {"text": "b"}),
        ([TITLE], [""], {}),
        ([], [], {}),
    ],
)
def test_a_person_accepts_or_changes_lines(monkeypatch, asked, said: list[str], answers: dict[str, str]):
    left: Iterator[str] = iter(said)
    monkeypatch.setattr(questions.click, "prompt", lambda *_given, **_more: next(left))
    monkeypatch.setattr(questions.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(questions.sys.stderr, "isatty", lambda: True, raising=False)
    with progress_bar() as bar:
        assert asked_in_terminal(bar)("Which?", asked) == answers
    assert list(left) == []


def test_suggestions_answer_only_if_no_required_answer_is_missing():
    assert suggested("", [WORDS, TITLE]) == {"text": "a"}
    assert suggested("", [Question("product", "Whose?", [("a", "a")], required=True)]) == {}
