"""Draws the fields of an analysis's form with what was entered and what was wrong, and reads submitted forms."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from outlast.domain.questions import Question
from outlast.web.form_shapes import PARTS, Option, Shape

Field = dict[str, Any]
Posted = Mapping[str, Sequence[object]]
"""What a form has sent, by the names of its fields."""

KEPT: Final = "_kept"
"""Suffix of the hidden field that refers to files uploaded earlier."""
ADD, REMOVE = "_add", "_remove"
"""Names of the buttons that add an item to a list and remove one; parameters do not begin with `_`."""
MISSING: Final = object()
LONGEST_PLACE: Final = 9
"""Digits of the place of an item."""
MOST_EMPTY: Final = 20
"""Empty items that a list shows at first."""
CLOCK: Final = r"\d\d:\d\d(:\d\d(\.\d{1,3})?)?"
ZONE: Final = re.compile(r":.*([Zz]|[+-]\d\d:?\d\d)$")
"""The time zone at the end of a date and time."""
ACCEPTED: Final = {
    "datetime-local": re.compile(r"\d{4,}-\d\d-\d\d[T ]" + CLOCK),
    "date": re.compile(r"\d{4,}-\d\d-\d\d"),
    "time": re.compile(CLOCK),
    "number": re.compile(r"-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?", re.ASCII),
}
"""What a browser shows in an input of this type: it leaves the input empty for anything else."""
NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
"""A number in JSON."""
TYPES: Final = {"decimal": "number", "datetime": "datetime-local", "mixed": "text", "duration": "text"}
"""Types of inputs that are not the name of the kind."""


def form_fields(
    shapes: Sequence[Shape],
    form: str = "",
    values: Mapping[str, Any] | None = None,
    faults: dict[str, str] | None = None,
    questions: Mapping[str, Sequence[Question]] | None = None,
    rows: Mapping[str, int] | None = None,
    focus: str | None = None,
) -> list[Field]:
    """The fields of a form with the id `form`, as the template draws them.

    `faults` are by JSON pointers into the input, and those that a field shows are taken out. `questions` are by
    pointers too: an object of texts (`answers`) becomes the questions that a start asks about it. `rows` are the
    items that lists show at least. `focus` is the name of a list whose last item gets the focus.
    """
    drawing = _Drawing(form, {} if faults is None else faults, questions or {}, rows or {}, focus)
    return [drawing.draw(shape, shape.name, "/" + shape.name, _entered(values, shape)) for shape in shapes]


def form_values(
    shapes: Sequence[Shape], posted: Posted, files: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The input as the submitted form has it, without empty fields. `files` are uploads by the names of fields."""
    reading = _Reading(posted, files or {})
    return reading.parts(shapes, "")


def file_fields(shapes: Sequence[Shape], posted: Posted, within: str = "") -> Iterator[tuple[str, str, Shape]]:
    """The fields for files in a submitted form: the name, that of its file input, and the shape."""
    for shape in shapes:
        name = within + shape.name
        if shape.kind in {"file", "source"}:
            yield name, name + "_file" if shape.kind == "source" else name, shape
        elif shape.kind in PARTS:
            yield from file_fields(shape.parts, posted, name + ".")
        elif shape.item is not None:
            for row in _rows(posted, name):
                yield from file_fields([replace(shape.item, name=row)], posted, name + ".")


def pressed(posted: Posted) -> tuple[Posted, str] | None:
    """The form after its button to add or to remove an item of a list, and the list; `None` for another button."""
    if name := str(next(iter(posted.get(ADD, ())), "")):
        new = 1 + max((int(row) for row in _rows(posted, name)), default=-1)
        return {**posted, name: [*posted.get(name, ()), str(new)]}, name
    if item := str(next(iter(posted.get(REMOVE, ())), "")):
        name, _, removed = item.rpartition(".")
        return {**posted, name: ["", *(row for row in _rows(posted, name) if row != removed)]}, name
    return None


def row_counts(shapes: Sequence[Shape], posted: Posted, within: str = "", drawn: str = "") -> dict[str, int]:
    """How many items each list of a submitted form shows, empty ones too, by the names that are drawn next."""
    counts: dict[str, int] = {}
    for shape in shapes:
        name, now = within + shape.name, drawn + shape.name
        if shape.kind in PARTS:
            counts |= row_counts(shape.parts, posted, name + ".", now + ".")
        elif shape.item is not None:
            rows = _rows(posted, name)
            counts[now] = len(rows)
            for n, row in enumerate(rows):
                item = replace(shape.item, name="")
                counts |= row_counts([item], posted, f"{name}.{row}", f"{now}.{n}")
    return counts


def _entered(values: Mapping[str, Any] | None, shape: Shape) -> Any:
    return (values or {}).get(shape.name, MISSING)


def _rows(posted: Posted, name: str) -> list[str]:
    """The places of the items of a list, by its hidden fields: each once, or nested lists would multiply."""
    given = dict.fromkeys(row for row in posted.get(name, ()) if isinstance(row, str))
    return [row for row in given if row.isascii() and row.isdecimal() and len(row) <= LONGEST_PLACE]


@dataclass(frozen=True, slots=True)
class _Reading:
    posted: Posted
    files: Mapping[str, Sequence[str]]

    def parts(self, shapes: Sequence[Shape], within: str) -> dict[str, Any]:
        read = {shape.name: self.value(shape, within + shape.name) for shape in shapes}
        return {name: value for name, value in read.items() if value is not MISSING}

    def value(self, shape: Shape, name: str) -> Any:
        """The value of one field; `MISSING` if it is empty or was not sent."""
        if shape.kind == "checkbox":
            return "true" in self.posted.get(name, ())
        if shape.kind in {"file", "source"}:
            read = self._source(shape, name)
        elif shape.kind == "answers":
            read = self._answers(name)
        elif name not in self.posted:
            return MISSING
        elif shape.kind in PARTS:
            read = self._group(shape, name)
        elif shape.item is not None:
            read = self._list(shape, shape.item, name)
        else:
            read = self._scalar(shape, name)
        return None if read is MISSING and shape.sends_null and name in self.posted else read

    def _group(self, shape: Shape, name: str) -> Any:
        if shape.nullable and "true" not in self.posted[name]:
            return MISSING
        if shape.kind == "group":
            return self.parts(shape.parts, name + ".")
        read = [self.value(part, f"{name}.{part.name}") for part in shape.parts]
        return [_empty(part) if value is MISSING else value for part, value in zip(shape.parts, read, strict=True)]

    def _list(self, shape: Shape, item: Shape, name: str) -> Any:
        read = [self.value(item, f"{name}.{row}") for row in _rows(self.posted, name)]
        filled = [value for value in read if value is not MISSING]
        return MISSING if not filled and shape.nullable else filled

    def _scalar(self, shape: Shape, name: str) -> Any:
        given = self.posted[name][-1]  # a button for an example stands behind the field
        text = given.strip() if isinstance(given, str) else ""
        if not text:
            return MISSING
        if shape.kind == "choice":
            return next((value for key, _, value in shape.options if key == text), text)
        if shape.kind in {"number", "mixed"}:
            return _number(text)
        if shape.kind == "datetime":
            return text + ("Z" if shape.aware and ZONE.search(text) is None else "")
        return text

    def _source(self, shape: Shape, name: str) -> Any:
        if stored := self.files.get(name):
            return one_or_all(stored, shape)
        if shape.kind == "source" and (text := self._text(name)):
            return text
        kept = _kept(self._text(name + KEPT).split())
        return one_or_all(kept, shape) if kept else MISSING

    def _answers(self, name: str) -> Any:
        prefix = name + "."
        answers = {key.removeprefix(prefix): self._text(key) for key in self.posted if key.startswith(prefix)}
        return {key: answer for key, answer in answers.items() if answer} or MISSING

    def _text(self, name: str) -> str:
        given = next(reversed(self.posted.get(name, ())), "")
        return given.strip() if isinstance(given, str) else ""


def one_or_all(uploads: Sequence[str], shape: Shape) -> str | list[str]:
    """Return a single upload as a string, unless the field is a list."""
    return uploads[0] if len(uploads) == 1 and not shape.as_list else list(uploads)


@dataclass(slots=True)
class _Drawing:
    form: str
    faults: dict[str, str]
    """Taken out as they are shown."""
    questions: Mapping[str, Sequence[Question]]
    rows: Mapping[str, int]
    focus: str | None
    optional: bool = False
    """Within a group that may be left out, where a browser must demand nothing."""

    def draw(
        self, shape: Shape, name: str, pointer: str, value: Any, label: str | None = None, number: int = 0
    ) -> Field:
        """`label` and `number`, from 1, are those of an item of a list."""
        if value is MISSING:
            value = shape.default
        drawn: Field = {
            "name": name,
            "id": f"{self.form}-{name.replace('.', '-')}",
            "place": name.rpartition(".")[2],
            "label": label or shape.label,
            "number": number,
            "kind": shape.kind,
            "required": shape.required and not shape.nullable,
            "demanded": shape.required and not shape.nullable and not self.optional,
            "description": shape.description,
            "examples": shape.examples,
            "nullable": shape.nullable,
            "null": shape.sends_null,
            "value": value,
            "help_html": "",
            "parts": [],
        }
        if shape.kind in PARTS:
            self._group(drawn, shape, pointer)
        elif shape.item is not None:
            self._list(drawn, shape, shape.item, pointer)
        elif shape.kind in {"file", "source"}:
            kept = _kept(value)
            drawn |= {"kept": " ".join(kept), "kept_count": len(kept), "value": None if kept else value}
            drawn |= {"multiple": shape.multiple, "list": shape.as_list}
        elif shape.kind == "answers":
            drawn["questions"] = self.questions.get(pointer, ())
        elif shape.kind == "choice":
            drawn["options"] = shape.options
            drawn["chosen"] = _key_of(value, shape.options)
        elif shape.kind != "checkbox":
            drawn |= _control(shape, value)
        drawn["error"] = self._fault(pointer)
        return drawn

    def _group(self, drawn: Field, shape: Shape, pointer: str) -> None:
        value = drawn["value"]
        drawn["toggled"], drawn["given"] = shape.nullable, value is not None
        if shape.kind == "tuple":
            given = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
            known: Mapping[str, Any] = {str(n): part for n, part in enumerate(given)}
        else:
            known = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
        before, self.optional = self.optional, self.optional or shape.nullable
        drawn["parts"] = [
            self.draw(part, f"{drawn['name']}.{part.name}", f"{pointer}/{part.name}", _entered(known, part))
            for part in shape.parts
        ]
        self.optional = before

    def _list(self, drawn: Field, shape: Shape, item: Shape, pointer: str) -> None:
        value: Any = drawn["value"]
        given: list[Any] = list(cast("Any", value)) if isinstance(value, list | tuple) else []
        shown = max(min(shape.least, MOST_EMPTY), 0 if item.kind in PARTS else 1, self.rows.get(drawn["name"], 0))
        given += [MISSING] * (shown - len(given))
        drawn["most"] = shape.most is not None and len(given) >= shape.most
        before, self.optional = self.optional, self.optional or item.kind not in PARTS
        drawn["parts"] = [
            self.draw(
                replace(item, name=str(n)),
                f"{drawn['name']}.{n}",
                f"{pointer}/{n}",
                each,
                drawn["label"],
                n + 1,
            )
            for n, each in enumerate(given)
        ]
        self.optional = before
        if drawn["name"] == self.focus:
            _first_control((drawn["parts"] or [drawn])[-1])["focus"] = True

    def _fault(self, pointer: str) -> str | None:
        """What is wrong here, and what is wrong below where nothing is drawn."""
        here = [p for p in self.faults if p == pointer or p.startswith(pointer + "/")]
        return " ".join(dict.fromkeys(self.faults.pop(p) for p in here)) or None


def _first_control(drawn: Field) -> Field:
    while drawn["kind"] in PARTS and not drawn["toggled"] and drawn["parts"]:
        drawn = drawn["parts"][0]
    return drawn


def _control(shape: Shape, value: Any) -> Field:
    """The attributes of an `input` that holds one text."""
    text = "" if value is None else str(value)
    if shape.aware:
        text = text.removesuffix("Z").removesuffix("+00:00")
    kind = TYPES.get(shape.kind, shape.kind)
    if text and kind in ACCEPTED and not ACCEPTED[kind].fullmatch(text):
        kind = "text"
    return {
        "type": kind,
        "text": text,
        "step": kind in {"number", "datetime-local", "time"},
        "minimum": shape.minimum,
        "maximum": shape.maximum,
        "whole": shape.whole,
        "aware": shape.aware,
    }


def _key_of(value: Any, options: Sequence[Option]) -> str | None:
    """What the form sends for this value: `1` is not `True`."""
    same = (key for key, _, each in options if each == value and isinstance(each, bool) == isinstance(value, bool))
    return next(same, None)


def _empty(part: Shape) -> Any:
    """What an empty place of a tuple holds."""
    return "" if part.kind == "text" and not part.nullable else None


def _kept(value: object) -> list[str]:
    """The sources of a value that holds an upload, addresses among them; no sources of any other value."""
    given = cast("Sequence[object]", value if isinstance(value, list) else [value])
    sources = [source for source in given if isinstance(source, str) and not re.search(r"\s", source)]
    return sources if any(source.startswith("upload:") for source in sources) else []


def _number(text: str) -> Any:
    if NUMBER.fullmatch(text) is None:
        return text
    for read in (int, float):
        with suppress(ValueError):
            number = read(text)
            return text if isinstance(number, float) and not math.isfinite(number) else number
    return text
