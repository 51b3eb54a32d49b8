"""Snapshots, and the questions in them, as clients of another language read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from outlast.web.translations import Translations

SENTENCES: Final = ("phase_title", "notice", "current_message", "error", "correction")
"""The fields of a snapshot that people read."""


def translated_snapshot(snapshot: Mapping[str, Any], translations: Translations) -> dict[str, Any]:
    """The snapshot with its words in this language; what it says of the input and of the result stays."""

    def said(text: str | None) -> str | None:
        return text and translations.said(text)

    return {
        **snapshot,
        **{name: said(snapshot[name]) for name in SENTENCES},
        "steps": [
            {**step, "title": said(step["title"]), "message": said(step["message"])} for step in snapshot["steps"]
        ],
        "questions": snapshot["questions"] and translated_questions(snapshot["questions"], translations),
    }


def translated_questions(
    questions: Sequence[Mapping[str, Any]], translations: Translations
) -> list[dict[str, Any]]:
    """The questions and their options; examples from the input stay."""
    said = translations.said
    return [
        {
            **question,
            "label": said(question["label"]),
            "options": [{**option, "label": said(option["label"])} for option in question["options"]],
        }
        for question in questions
    ]
