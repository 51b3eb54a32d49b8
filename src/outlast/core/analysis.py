"""Analyses and steps as developers declare them, and their catalogue (an object, no module global)."""

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, update_wrapper
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel

from outlast.core.payload import Codec, input_model
from outlast.core.running import context, context_warnings
from outlast.core.running.call_keys import CallKeys
from outlast.core.running.fan_out import AT_ONCE, map_async, map_blocking
from outlast.domain.errors import UnknownAnalysis
from outlast.domain.plan import PlannedStep
from outlast.domain.retry_after import DAY, YEAR
from outlast.domain.step_calls import Key

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")

FILE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


class Step(Generic[P, R_co]):
    """A named part of an analysis whose result is kept. Called outside an analysis it just runs.

    Inside, its result is kept for the call that made it: by the name, the version, the key (see `step`) and which
    call with this key it is. A later attempt gets it back through the return type; the first call converts it too,
    so that types never differ.
    """

    def __init__(
        self,
        work: Callable[P, R_co],
        title: str,
        name: str,
        version: int,
        weight: float,
        key: Callable[..., Key] | None = None,
    ) -> None:
        if "return" not in inspect.get_annotations(work):
            raise TypeError(f"The step {name!r} needs a return annotation: its result is kept through that type.")
        self.work = work
        self.title = title
        self.name = name
        self.version = version
        self.weight = weight
        self.is_async = inspect.iscoroutinefunction(work)
        self.keys = CallKeys(name, work, key)
        self._codec: Codec | None = None
        update_wrapper(self, work)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        attempt = context.current()
        if attempt is None:
            context_warnings.warn(self.name)
            return self.work(*args, **kwargs)
        if self.is_async:
            return cast("R_co", attempt.run_step(self, args, kwargs))
        return attempt.run_step_blocking(self, args, kwargs)

    @overload
    def map(
        self: "Step[Concatenate[T, ...], Coroutine[Any, Any, V]]", items: Iterable[T], *, at_once: int = AT_ONCE
    ) -> Coroutine[Any, Any, list[V]]: ...
    @overload
    def map(self: "Step[Concatenate[T, ...], V]", items: Iterable[T], *, at_once: int = AT_ONCE) -> list[V]: ...
    def map(self, items: Iterable[Any], *, at_once: int = AT_ONCE) -> Any:
        """Call the step with each of `items`, at most `at_once` at a time; the results in the order of the items.

        Each call is kept for itself. The first error cancels the other calls and is raised when they have ended.
        Await it for an `async def` step; that of a `def` step works in threads and is for `def` code.
        """
        if self.is_async:
            return map_async(self.name, cast("Callable[[Any], Awaitable[Any]]", self), items, at_once)
        return map_blocking(self.name, cast("Callable[[Any], Any]", self), items, at_once)

    @property
    def codec(self) -> Codec:
        """Converts the result from and to JSON through the return annotation."""
        if self._codec is None:  # not earlier: the annotation may name what stands further down the module
            self._codec = Codec(get_type_hints(self.work, include_extras=True)["return"])
        return self._codec

    @property
    def planned(self) -> PlannedStep:
        return PlannedStep(self.name, self.title, self.weight)


def step(
    title: str,
    *,
    name: str | None = None,
    version: int = 1,
    weight: float = 1.0,
    key: Callable[..., Key] | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Make a typed function a step. `title` is what the visitor reads while it works.

    Raise `version` when an earlier kept result must not be used any more. `weight` is its share of the bar
    relative to the other steps until durations have been learnt.

    `key` takes the arguments of a call and returns what tells it from the other calls of this step, as JSON data:
    `key=lambda doc: doc.id`. Without it the key is a hash of the arguments, which costs some 30 ms a megabyte.
    """

    def decorate(work: Callable[P, R]) -> Step[P, R]:
        return Step(work, title, name or work.__name__, version, weight, key)

    return decorate


Check = Callable[..., Coroutine[Any, Any, None]]
"""Takes the validated input by name."""


@dataclass(frozen=True, slots=True)
class PageView:
    """How a result's page was asked for."""

    address: str
    """The path of the page, for links to parts of it: `f"{view.address}?part=2"`."""
    query: Mapping[str, str]
    """What stands behind the question mark; the last of each name. Written by strangers."""
    shared: bool
    """Read by its link, not by its owner."""


Render = Callable[[Any, PageView], str]
"""Makes the result (as JSON data) a safe HTML fragment. Called in a thread."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made of a result for those who may see it."""

    title: str
    """What the link to it says."""
    make: Callable[[Any], str | bytes]
    """From the result (as JSON data). Called in a thread."""


@dataclass(frozen=True)
class Analysis:
    """A named piece of slow work."""

    name: str
    title: str
    work: Callable[..., Any]
    steps: Sequence[Step[..., Any]] = ()
    timeout: float | None = None
    """Seconds per attempt; `None`: the setting."""
    max_attempts: int | None = None
    """`None`: the setting."""
    queue: str = "analysis"
    priority: int = 0
    isolation: Literal["process"] | None = None
    """`process`: each attempt in a process of its own, which can be killed."""
    subject: Callable[..., str] | None = None
    """Names what is analysed, from the validated input; may raise `InvalidInput` to refuse a start."""
    intro: str | None = None
    """Safe HTML above the form."""
    render: Render | None = None
    page_title: Callable[[Any], str] | None = None
    """Names the page of a result, from the result; `None`: all are called as the analysis."""
    exports: Mapping[str, Export] = field(default_factory=dict[str, Export])
    """By file name, whose ending says of what kind they are."""
    check: Check | None = None
    """Looks at a start before it is accepted; may read the beginning of uploads and raise `InvalidInput`."""
    longest_wait: float = DAY
    """Seconds: no `RetryAfter` waits longer."""
    short_forms: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields of a start's body that name this analysis by themselves, each with the input field that it fills."""
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.work))
        names = [s.name for s in self.steps]
        if len(set(names)) != len(names):
            raise ValueError(f"The analysis {self.name!r} has two steps of one name: give one of them name=.")
        if not 0 <= self.longest_wait <= YEAR:
            raise ValueError(f"longest_wait of the analysis {self.name!r} is seconds, from 0 to {YEAR:.0f}.")
        if wrong := [name for name in self.exports if not FILE_NAME.fullmatch(name)]:
            raise ValueError(f"The export {wrong[0]!r} needs a name of a-z, 0-9, '-' and '.', as report.csv.")
        local = "<locals>" in self.work.__qualname__ or self.work.__module__ == "__main__"
        if self.isolation == "process" and local:
            raise ValueError(
                f"The analysis {self.name!r} has isolation='process': its function must be at the top of a module "
                "that can be imported, not within another function or the script itself."
            )

    @cached_property
    def input(self) -> type[BaseModel]:
        """The model of its input, from the annotations."""
        return input_model(self.name, self.work)

    @cached_property
    def codec(self) -> Codec:
        return Codec(get_type_hints(self.work, include_extras=True).get("return", Any))

    @cached_property
    def plan(self) -> Sequence[PlannedStep]:
        """Its steps in order; an analysis without steps is a plan of one line."""
        return [s.planned for s in self.steps] or [PlannedStep(self.name, self.title)]


class Catalogue:
    """The analyses that one `Outlast` object knows."""

    def __init__(self) -> None:
        self._analyses: dict[str, Analysis] = {}
        self.short_forms: dict[str, tuple[str, str]] = {}
        """By the field of a start's body: the analysis, and the field of its input."""

    def add(self, analysis: Analysis) -> None:
        if analysis.name in self._analyses:
            raise ValueError(f"There is an analysis {analysis.name!r} already.")
        self._analyses[analysis.name] = analysis
        self.short_forms |= {key: (analysis.name, field) for key, field in analysis.short_forms.items()}

    def __getitem__(self, name: str) -> Analysis:
        try:
            return self._analyses[name]
        except KeyError:
            known = ", ".join(self._analyses) or "none"
            raise UnknownAnalysis(f"There is no analysis {name!r}; known: {known}.") from None

    def __contains__(self, name: str) -> bool:
        return name in self._analyses

    def __iter__(self) -> Iterator[Analysis]:
        return iter(self._analyses.values())

    @property
    def names(self) -> Sequence[str]:
        return list(self._analyses)

    @property
    def by_name(self) -> Mapping[str, Analysis]:
        return self._analyses
