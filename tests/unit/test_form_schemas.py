"""Forms of random inputs: what a visitor enters is what the analysis receives."""

import datetime as dt
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, create_model
from submitted_forms import FilledForm

from outlast.core.analyses.analysis import Analysis
from outlast.domain.errors import InvalidInput
from outlast.web.forms import form_fields, form_values, pressed, row_counts

NOTHING = object()
"""The visitor leaves a field as it is, so that its default counts."""


class Colour(Enum):
    RED = "red"
    BLUE = ""


class Grade(IntEnum):
    GOOD = 1
    BAD = 2


@dataclass(frozen=True)
class Kind:
    """A type, its values, and how a visitor enters one in the field of a name."""

    annotation: Any
    values: st.SearchStrategy[Any]
    enter: Callable[[FilledForm, str, Any], None]


def scalar(annotation: Any, values: st.SearchStrategy[Any], shown: Callable[[Any], str] = str) -> Kind:
    return Kind(annotation, values, lambda form, name, value: form.fill(name, shown(value)))


def _milliseconds(when: Any) -> Any:
    return when.replace(microsecond=when.microsecond // 1000 * 1000, fold=0)


def _as_json(annotation: Any) -> Callable[[Any], str]:
    return lambda value: json.loads(TypeAdapter(annotation).dump_json(value))


TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=9)
NAIVE = st.datetimes(dt.datetime(1000, 1, 1)).map(_milliseconds)  # noqa: DTZ001 - as browsers send it
SCALARS = (
    scalar(str, TEXTS),
    scalar(int, st.integers()),
    scalar(Annotated[int, Field(gt=-5, le=10**20)], st.integers(-4, 10**20)),
    scalar(float, st.floats(allow_nan=False, allow_infinity=False), repr),
    scalar(Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    scalar(int | str, st.integers() | TEXTS.map(lambda text: "t" + text)),
    scalar(UUID, st.uuids()),
    scalar(dt.date, st.dates(dt.date(1000, 1, 1)), lambda day: day.isoformat()),
    scalar(dt.datetime, NAIVE, lambda when: when.isoformat(timespec="milliseconds")),
    scalar(
        AwareDatetime,
        NAIVE.map(lambda when: when.replace(tzinfo=dt.UTC)),
        lambda when: when.isoformat(timespec="milliseconds")[:-6],
    ),
    scalar(dt.time, st.times().map(_milliseconds), lambda when: when.isoformat(timespec="milliseconds")),
    scalar(dt.timedelta, st.timedeltas(dt.timedelta(0), dt.timedelta(9)), _as_json(dt.timedelta)),
    scalar(Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
    scalar(Colour, st.sampled_from(Colour), lambda colour: colour.value or "(empty)"),
    scalar(Grade, st.sampled_from(Grade), lambda grade: str(grade.value)),
)
TICKED = Kind(bool, st.booleans(), lambda form, name, value: form.tick(name, on=value))


def _optional(kind: Kind) -> Kind:
    def enter(form: FilledForm, name: str, value: Any) -> None:
        control = form.control(name)
        if value is None and control.tag == "select":
            form.fill(name, "–")
        elif value is None:
            form.fill(name, "")
        elif isinstance(value, bool):
            form.fill(name, "Yes" if value else "No")
        else:
            kind.enter(form, name, value)

    return Kind(Optional[kind.annotation], st.none() | kind.values, enter)  # noqa: UP045 - a value, not an annotation


def _list(kind: Kind) -> Kind:
    def enter(form: FilledForm, name: str, values: list[Any]) -> None:
        form.clear(name)
        for place, value in enumerate(values):
            if len(form.items(name)) <= place:
                form.add(name)
            kind.enter(form, f"{name}.{place}", value)
        if len(form.items(name)) > len(values):  # the empty one that is always there
            assert not values

    return Kind(list[kind.annotation], st.lists(kind.values, max_size=3), enter)


def _tuple(kinds: list[Kind]) -> Kind:
    def enter(form: FilledForm, name: str, values: tuple[Any, ...]) -> None:
        for place, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            kind.enter(form, f"{name}.{place}", value)

    return Kind(tuple[*(k.annotation for k in kinds)], st.tuples(*(k.values for k in kinds)), enter)  # pyright: ignore[reportInvalidTypeArguments] - made at run time


def _model(kinds: list[Kind]) -> Kind:
    names = [f"part_{n}" for n in range(len(kinds))]
    model = create_model("Part", **{n: (k.annotation, ...) for n, k in zip(names, kinds, strict=True)})  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType] - made at run time

    def enter(form: FilledForm, name: str, value: Any) -> None:
        for part, kind in zip(names, kinds, strict=True):
            kind.enter(form, f"{name}.{part}", getattr(value, part))

    return Kind(model, st.builds(model, **{n: k.values for n, k in zip(names, kinds, strict=True)}), enter)


def _optional_model(kind: Kind) -> Kind:
    def enter(form: FilledForm, name: str, value: Any) -> None:
        form.tick(name, on=value is not None)
        if value is not None:
            kind.enter(form, name, value)

    return Kind(Optional[kind.annotation], st.none() | kind.values, enter)  # noqa: UP045 - as above


SIMPLE = st.sampled_from([*SCALARS, TICKED, *map(_optional, [*SCALARS, TICKED])])
PARTS = st.lists(SIMPLE | st.sampled_from([_list(k) for k in SCALARS]), min_size=1, max_size=3)
MODELS = PARTS.map(_model)
KINDS = (
    SIMPLE
    | st.sampled_from([_list(k) for k in SCALARS])
    | st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3).map(_tuple)
    | MODELS
    | MODELS.map(_optional_model)
    | MODELS.map(_list)
)


def _analysis(kinds: dict[str, Kind], defaults: dict[str, Any]) -> Analysis:
    def work() -> None: ...

    work.__annotations__ = {**{name: kind.annotation for name, kind in kinds.items()}, "return": None}
    work.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess] - as inspect reads it
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name, inspect.Parameter.empty)
            )
            for name in kinds
        ]
    )
    return Analysis("any", work)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_a_visitor_enters_is_what_the_analysis_receives(data: st.DataObject):
    kinds = {f"field_{n}": kind for n, kind in enumerate(data.draw(st.lists(KINDS, min_size=1, max_size=3)))}
    defaults = {name: data.draw(kind.values) for name, kind in kinds.items() if data.draw(st.booleans())}
    truth = {name: data.draw(kind.values) for name, kind in kinds.items()}
    untouched = {name for name in defaults if data.draw(st.booleans())}
    form = FilledForm(_analysis(kinds, defaults))
    for name, kind in kinds.items():
        if name not in untouched:
            kind.enter(form, name, truth[name])
    received = form.submitted()
    for name, kind in kinds.items():
        wanted = defaults[name] if name in untouched else truth[name]
        adapter = TypeAdapter(kind.annotation)
        assert adapter.dump_json(getattr(received, name)) == adapter.dump_json(wanted), name


class Order(BaseModel):
    count: Annotated[int, Field(ge=1)]
    tags: list[str] = []


def test_empty_items_are_left_out_and_errors_stand_at_the_items_that_are_drawn_again():
    async def work(orders: list[Order], numbers: list[int]) -> None: ...

    form = FilledForm(Analysis("any", work))
    for _ in range(3):
        form.add("numbers")
    form.fill("numbers.1", "5")
    form.fill("numbers.3", "6")
    form.add("orders")
    assert form.control("numbers.0").attributes["value"] == "5"
    assert form.items("numbers") == ["0", "1", "2", "3"]
    form.fill("orders.0.count", "0")
    with pytest.raises(InvalidInput) as refused:
        form.submitted()
    assert refused.value.faults[0][0] == "/orders/0/count"
    form.fill("orders.0.count", "1")
    assert form.submitted().numbers == [5, 6]


def test_removing_an_item_keeps_the_others():
    async def work(orders: list[Order]) -> None: ...

    form = FilledForm(Analysis("any", work))
    for place in range(3):
        form.add("orders")
        form.fill(f"orders.{place}.count", str(place + 1))
        form.fill(f"orders.{place}.tags.0", f"tag {place}")
    form.press("_remove", "orders.1")
    assert form.submitted().orders == [Order(count=1, tags=["tag 0"]), Order(count=3, tags=["tag 2"])]


def test_a_list_that_is_full_has_no_button_to_add():
    async def work(numbers: Annotated[list[int], Field(min_length=1, max_length=2)]) -> None: ...

    form = FilledForm(Analysis("any", work))
    form.add("numbers")
    with pytest.raises(AssertionError):
        form.add("numbers")


def test_an_item_that_is_named_often_is_read_once():
    async def work(orders: list[Order]) -> None: ...

    shapes = FilledForm(Analysis("any", work)).shapes
    posted = {"orders": ["0"] * 900, "orders.0": [""], "orders.0.tags": ["0"] * 900, "orders.0.tags.0": ["a"]}
    assert form_values(shapes, posted) == {"orders": [{"tags": ["a"]}]}
    assert row_counts(shapes, posted) == {"orders": 1, "orders.0.tags": 1}


@given(
    st.dictionaries(st.sampled_from(["orders", "orders.0", "orders.0.tags", "_add", "_remove"]), st.lists(TEXTS))
)
@pytest.mark.slow
def test_a_form_that_no_browser_sends_is_read_without_an_error(posted: dict[str, list[str]]):
    async def work(orders: list[Order]) -> None: ...

    shapes = FilledForm(Analysis("any", work)).shapes
    changed, focus = pressed(posted) or (posted, None)
    values = form_values(shapes, changed)
    assert len(form_fields(shapes, "form", values, rows=row_counts(shapes, changed), focus=focus)) == 1
