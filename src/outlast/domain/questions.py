"""Questions to the visitor about an ambiguous input, and their form as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from outlast.domain.messages import message

MAX_ASKED: Final = 512 * 1024
"""Maximum characters of the questions of one session, as JSON."""
NO_SAMPLES: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Question:
    """A question about an ambiguous input, which the form asks or a program answers."""

    name: str
    """The key of the answer in the object at the fault's pointer."""
    label: str
    """The question, as visitors read it."""
    options: Sequence[tuple[str, str]]
    """Pairs of a value and its label."""
    chosen: str | None = None
    """The preselected value."""
    required: bool = False
    """Whether the form demands an answer."""
    samples: Mapping[str, Sequence[str]] = field(default_factory=lambda: NO_SAMPLES)
    """For some options, by their values, what the input has there: the form shows it beside the question."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions that ended a session; their answers restart it."""

    pointer: str
    """The field of the input that takes the answers, as a JSON pointer."""
    questions: Sequence[Question]

    @property
    def field(self) -> str:
        """The name of the field at the pointer."""
        name = self.pointer.removeprefix("/").partition("/")[0]
        return name.replace("~1", "/").replace("~0", "~")


def question_fields(question: Question) -> dict[str, Any]:
    """Return the question as clients and the store read it."""
    options = [
        {"value": value, "label": label, **_samples(question.samples.get(value))}
        for value, label in question.options
    ]
    asked = {"name": question.name, "label": question.label, "options": options}
    return {**asked, "chosen": question.chosen, "required": question.required}


def dump_asked(asked: Asked) -> str:
    """Return the questions as JSON."""
    questions = [question_fields(question) for question in asked.questions]
    return json.dumps({"pointer": asked.pointer, "questions": questions}, separators=(",", ":"))


def load_asked(text: str) -> Asked:
    """Return the questions of a JSON text of `dump_asked`."""
    read = json.loads(text)
    return Asked(read["pointer"], tuple(map(_question, read["questions"])))


def with_answers(values: Mapping[str, Any], asked: Asked, answers: Mapping[str, str]) -> dict[str, Any]:
    """Return an input with the answers in the field that takes them, beside what it has there already."""
    return {**values, asked.field: {**(values.get(asked.field) or {}), **answers}}


def answer_faults(asked: Asked, answers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what is wrong with the answers, as pairs of a pointer into them and a sentence."""
    names = {question.name for question in asked.questions}
    unknown = [(f"/{name}", f"Nothing is asked under the name {name!r}.") for name in answers.keys() - names]
    missing = [
        (f"/{question.name}", message("Answer this: {question}", question=question.label))
        for question in asked.questions
        if question.required and not answers.get(question.name)
    ]
    return [*sorted(unknown), *missing]


def _question(read: Mapping[str, Any]) -> Question:
    options = read["options"]
    return Question(
        read["name"],
        read["label"],
        [(option["value"], option["label"]) for option in options],
        read["chosen"],
        read["required"],
        {option["value"]: option["samples"] for option in options if "samples" in option},
    )


def _samples(shown: Sequence[str] | None) -> dict[str, list[str]]:
    return {"samples": list(shown)} if shown else {}
