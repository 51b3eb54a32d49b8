"""Asks the questions about a file in the terminal, or says how to answer them by options."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from outlast import Question
from outlast_reviews.sanitising import sanitised
from outlast_reviews.sources.formats.columns import ABSENT, UNKNOWN

Answer = Callable[[str, Sequence[Question]], Mapping[str, str]]
"""Takes a sentence and its questions; returns the answers by their names, none if nobody answers."""
_MOST_LISTED = 30
_CHOICES = ("scale", "dates")
"""Questions whose answers are no columns of the file."""


def suggested(_sentence: str, questions: Sequence[Question]) -> Mapping[str, str]:
    """Answer all questions as suggested; nothing if a required one has no suggestion."""
    if any(question.required and question.chosen is None for question in questions):
        return {}
    return {question.name: question.chosen for question in questions if question.chosen is not None}


def unanswered(_sentence: str, _questions: Sequence[Question]) -> Mapping[str, str]:
    """Answer nothing."""
    return {}


def asked_in_terminal(bar: Progress) -> Answer:
    """Return what asks the person at this terminal, below no bar; without a terminal, nobody answers."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return unanswered

    def ask(sentence: str, questions: Sequence[Question]) -> Mapping[str, str]:
        bar.stop()
        answers = _ask(sentence, questions)
        bar.start()
        return answers

    return ask


def how_to_answer(questions: Sequence[Question], sources: Sequence[str]) -> str:
    """Suggest the options that answer the questions."""
    options: list[str] = []
    others: list[str] = []
    starless = ""
    for question in questions:
        if question.name == "product":
            options += ["--product", question.options[0][0]]
        elif question.required or question.chosen:
            known = question.options[0][0] if question.chosen == UNKNOWN else question.chosen
            options += ["--map", f"{question.name}={known or 'COLUMN'}"]
            if question.name == "rating" and not question.chosen:
                starless = f"\nIf there are no stars in it, say --map rating={ABSENT}"
            if question.name in _CHOICES:
                others += [f"\n--map {question.name}={value} ({label})" for value, label in question.options]
    if not options:
        return ""
    chosen = f"\nThe answers are:{''.join(others)}" if others else ""
    yes = "" if not suggested("", questions) else "\nOr say --yes to take what is suggested."
    return f"\nFor example: outlast analyse {shlex.join([*sources, *options])}{starless}{chosen}{yes}"


def _ask(sentence: str, questions: Sequence[Question]) -> Mapping[str, str]:
    """Show what is suggested, ask for what is missing, and let the person change any line."""
    if not questions:
        return {}
    console = Console(stderr=True)
    console.print(Text(sanitised(sentence)))
    answers = {question.name: question.chosen or "" for question in questions}
    for question in questions:
        if len(questions) == 1 or (question.required and not answers[question.name]):
            answers[question.name] = _answer(console, question)
    while len(questions) > 1:
        console.print(_lines(questions, answers))
        said = click.prompt(
            "Enter if this is right, or the number of a line to change", default="", show_default=False, err=True
        )
        if not said:
            break
        if said.isascii() and said.isdecimal() and 1 <= int(said) <= len(questions):
            question = questions[int(said) - 1]
            answers[question.name] = _answer(console, question)
    return {name: answer for name, answer in answers.items() if answer}


def _lines(questions: Sequence[Question], answers: Mapping[str, str]) -> Table:
    """What the file has for each answer, in three samples."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "", "read from", "for example"):
        table.add_column(heading, overflow="fold")
    for number, question in enumerate(questions, start=1):
        answer = answers[question.name]
        samples = " · ".join(question.samples.get(answer, ()))
        shown = answer if samples else dict(question.options).get(answer, "nothing")
        table.add_row(str(number), *(Text(sanitised(cell)) for cell in (question.label, shown, samples)))
    return table


def _answer(console: Console, question: Question) -> str:
    values = [value for value, _ in question.options]
    for number, (value, label) in enumerate(question.options[:_MOST_LISTED], start=1):
        samples = question.samples.get(value, ()) if label == value or value not in label else ()
        console.print(Text(sanitised(f"  {number:>2}  {label}  {', '.join(samples)}".rstrip()[: console.width])))
    if len(values) > _MOST_LISTED:
        console.print(Text(f"      and {len(values) - _MOST_LISTED:,} more, by their names"))
    suggested_number = str(values.index(question.chosen) + 1) if question.chosen in values else None
    default = suggested_number or (None if question.required else "")
    while True:
        said = str(click.prompt(question.label, default=default, show_default=bool(default), err=True)).strip()
        if said.isascii() and said.isdecimal() and 1 <= int(said) <= len(values):
            return values[int(said) - 1]
        if said in values or (not said and not question.required):
            return said
        console.print(Text(f"Say a number from 1 to {len(values)}, or one of the names."))
