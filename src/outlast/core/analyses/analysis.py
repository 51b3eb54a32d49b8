"""Declarations of analyses and steps."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property, update_wrapper
from typing import Any, Generic, Literal, ParamSpec, Self, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel
from pydantic.json_schema import DEFAULT_REF_TEMPLATE

from outlast.core.analyses import context
from outlast.core.analyses.call_keys import CallKeys
from outlast.core.analyses.declarations import (
    FILE_NAME,
    check_parameters,
    is_number,
    kind_of,
    name_of,
    require_function,
    require_json,
    require_key_function,
    require_mapping,
    require_name,
    require_number,
    require_priority,
    require_steps,
    require_taking,
    require_text,
    require_whole,
    seconds_of,
    type_hints,
)
from outlast.core.analyses.fan_out import AT_ONCE, map_async, map_blocking
from outlast.core.analyses.input_schema import InputSchema
from outlast.core.analyses.limits import Limit, key_limits, require_limits
from outlast.core.analyses.own_pages import AddFiles, Intro, PageView
from outlast.core.analyses.payload import Codec, Upgrade, input_model, read_input
from outlast.core.analyses.step_tries import TryOptions
from outlast.core.analyses.upload import REFERENCE
from outlast.domain.limits import dump_limits
from outlast.domain.plan import PlannedStep
from outlast.domain.retry_after import DAY, YEAR
from outlast.domain.session import EVERYBODY
from outlast.domain.step_calls import Key

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")

MOST_ATTEMPTS = 1_000_000
"""Retries add to the attempts of a session, and every store holds whole numbers of 32 bits."""


class Step(Generic[P, R_co]):
    """A named part of an analysis whose result is kept. Outside an analysis it runs as a plain function.

    Inside, the store keeps a result by the name, the version, the key (see `step`) and the number of the call with
    this key. A later attempt loads it through the return type; the first call converts it as well, so that both
    return the same type.
    """

    def __init__(
        self,
        work: Callable[P, R_co],
        title: str,
        name: str,
        version: int,
        weight: float,
        key: Callable[..., Key] | None = None,
        try_options: TryOptions | None = None,
    ) -> None:
        what = f"The step {name!r}"
        require_function(what, work)
        require_name("a step", name)
        require_text(f"The title of the step {name!r}", title)
        require_whole(f"version of the step {name!r}", version, least=1)
        require_number(f"weight of the step {name!r}", weight, above=0)
        if key is not None:
            require_key_function(f"key of the step {name!r}", key, work)
        hints = type_hints(what, work)
        if "return" not in hints:
            raise TypeError(f"{what} needs a return annotation: its result is kept through that type.")
        self.work = work
        self.title = title
        self.name = name
        self.version = version
        self.weight = weight
        self.try_options = try_options or TryOptions(name)
        self.is_async = inspect.iscoroutinefunction(work)
        self.keys = CallKeys(name, work, key)
        self.codec: Codec = require_json(f"The result of the step {name!r}", lambda: Codec(hints["return"]))
        """Converts the result from and to JSON through the return annotation."""
        update_wrapper(self, work)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        attempt = context.current()
        if attempt is None:
            context.warn_without_context(self.name)
            return self.work(*args, **kwargs)
        if self.is_async:
            return cast("R_co", attempt.run_step(self, args, kwargs))
        return attempt.run_step_blocking(self, args, kwargs)

    @overload
    def map(
        self: Callable[[T], Coroutine[Any, Any, V]], items: Iterable[T], *, at_once: int = AT_ONCE
    ) -> Coroutine[Any, Any, list[V]]: ...
    @overload
    def map(self: Callable[[T], V], items: Iterable[T], *, at_once: int = AT_ONCE) -> list[V]: ...
    def map(self, items: Iterable[Any], *, at_once: int = AT_ONCE) -> Any:
        """Call the step with each of `items`, at most `at_once` at a time; return the results in their order.

        The store keeps each result separately. The first error cancels the other calls; `map` raises it once they
        have ended. Raises `ValueError` if `at_once` is below 1. Await the map of an `async def` step. The map of a
        `def` step runs in threads, and only `def` code may call it.
        """
        attempt = context.current()
        if attempt is not None:
            attempt.introduce(self)
        if self.is_async:
            return map_async(self.name, cast("Callable[[Any], Awaitable[Any]]", self), items, at_once)
        return map_blocking(self.name, cast("Callable[[Any], Any]", self), items, at_once)

    @property
    def planned(self) -> PlannedStep:
        return PlannedStep(self.name, self.title, self.weight)


KeyOf = (
    Callable[[Any], Key]
    | Callable[[Any, Any], Key]
    | Callable[[Any, Any, Any], Key]
    | Callable[[Any, Any, Any, Any], Key]
    | Callable[[Any, Any, Any, Any, Any], Key]
    | Callable[[Any, Any, Any, Any, Any, Any], Key]
)
"""Takes the arguments of a call, at most six. Checkers would not know the parameters of a lambda in
`Callable[..., Key]`."""


def step(
    title: str,
    *,
    name: str | None = None,
    version: int = 1,
    weight: float = 1.0,
    key: KeyOf | None = None,
    retries: int = 0,
    timeout: float | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Turn a typed function into a step. Visitors see `title` while it runs.

    `name` identifies the kept results; by default it is the name of the function. The steps of one analysis must
    have different names.

    Raise `version` when later attempts must not use earlier results. `weight` is the step's share of the
    progress bar relative to the other steps until their durations are known.

    `key` takes the arguments of a call and returns JSON data that distinguishes it from other calls of this step:
    `key=lambda doc: doc.id`. By default the key is a hash of the arguments, which takes a while for megabytes.

    The attempt tries a failed call again up to `retries` times, after the same delays as between attempts, unless
    the call raised `Permanent`. Each try may take `timeout` seconds and then raises a `TimeoutError`. If the delay
    would pass the end of the attempt, the attempt fails at once.

    Raises `TypeError` or `ValueError` for a mistake in the declaration.
    """
    if callable(title):
        raise TypeError(
            f'@step needs a title for visitors: @step("Reading the pages") above {name_of(title)}, not @step.'
        )

    def decorate(work: Callable[P, R]) -> Step[P, R]:
        called = name or name_of(work)
        return Step(work, title, called, version, weight, key, TryOptions(called, retries, timeout))

    return decorate


Check = Callable[..., Coroutine[Any, Any, None]]
"""Takes the validated input as keyword arguments."""


Render = Callable[[Any, PageView], str]
"""Renders a result (as JSON data) to a safe HTML fragment. Called in a thread."""


@dataclass(frozen=True, slots=True)
class Export:
    """A downloadable file generated from a result, for those who may see the result."""

    title: str
    """Text of the link to the file."""
    make: Callable[[Any], str | bytes]
    """Generates the content from the result (as JSON data). Called in a thread."""


@dataclass(frozen=True, slots=True)
class LinkPreview:
    """What chats and other sites show of a shared link to a result."""

    title: str
    """Heading of the preview."""
    description: str
    """The text below it."""
    picture: Callable[[], bytes] | None = None
    """Draws a PNG of 1200 by 630 pixels. Called in a thread."""


@dataclass(frozen=True, kw_only=True)
class AnalysisOptions:
    """The options of an analysis besides its name and function.

    `title`: what visitors read; by default derived from the name.

    `steps`: the plan, in order, with different names. Without steps the whole analysis is one step.

    `timeout`: seconds per attempt, more than 0; `None`: the setting `ANALYSIS_QUEUE_TIMEOUT`.

    `max_attempts`: at least 1; `None`: the setting `ANALYSIS_QUEUE_MAX_TRIES`.

    `queue`: the queue that its sessions wait in; workers may serve some queues only.

    `priority`: workers claim sessions of a higher priority first. One step is worth an hour of waiting, so that no
    session waits for ever. A start by host code may set another one.

    `limit`: how many sessions run at once, and begin within a minute, on all workers together.

    `limits`: several of these, which apply at the same time.

    `isolation`: `"process"` runs each attempt in its own process, which can be killed; the function must be at
    the top of a module.

    `subject`: takes the validated input as keyword arguments and returns what is analysed, as text: one owner has
    at most one session in flight for it. It may raise `InvalidInput`. By default a hash of the input.

    `intro`: safe HTML above the form, or a function that makes it when the form is shown; it may take a
    `PageView`.

    `render`: takes the result (as JSON data) and a `PageView`, and returns safe HTML. Called in a thread.

    `page_title`: takes the result (as JSON data) and returns the title of its page; `None`: the title.

    `preview`: takes the result (as JSON data) and returns what other sites show of a shared link to it.

    `exports`: downloadable files by their names, whose extension determines the media type.

    `add_files`: visitors may add files to a result, which starts a new session with all files.

    `check`: an `async def` that takes the validated input as keyword arguments before a start is accepted. It may
    read the beginning of an upload (`Upload.head`) and raise `InvalidInput`, with `questions` for the visitor.

    `longest_wait`: seconds that a `RetryAfter` waits at most, up to a year.

    `short_forms`: `{"url": "source"}` lets `{"url": …}` alone start this analysis over HTTP, with its input field
    `source`.

    `fresh_for`: how long a result is fresh: seconds, a `timedelta`, or text such as `"12h"` or `"30d"`, up to a
    year. A start of the same owner and subject gets a fresh result at once. With `None` every start is run. No
    result is kept for longer than the setting `ANALYSIS_RESULT_RETENTION_HOURS`.

    `refresh_after`: how old a result must be before a start may ask for a new one (`refresh`); the default is a
    minute.

    `shared`: fresh results answer the starts of all owners, and owners who start the same at once share one run.
    They learn by it that somebody has the same analysed. Only for a result that depends on the input alone, and
    never on the owner. An input with an upload is not shared.

    `version`: raise it when starts must not get earlier results, as after a change of the code.

    `upgrade`: takes the stored input, as a dict, of a session that another version started and this one cannot
    read; it returns the dict for this version.
    """

    title: str | None = None
    steps: Sequence[Step[..., Any]] = ()
    timeout: float | None = None
    max_attempts: int | None = None
    queue: str = "analysis"
    priority: int = 0
    limit: Limit | None = None
    limits: Sequence[Limit] = ()
    isolation: Literal["process"] | None = None
    subject: Callable[..., str] | None = None
    intro: Intro | None = None
    render: Render | None = None
    page_title: Callable[[Any], str] | None = None
    preview: Callable[[Any], LinkPreview] | None = None
    exports: Mapping[str, Export] = field(default_factory=dict[str, Export])
    add_files: AddFiles | None = None
    check: Check | None = None
    longest_wait: float = DAY
    short_forms: Mapping[str, str] = field(default_factory=dict[str, str])
    fresh_for: float | timedelta | str | None = None
    refresh_after: float | timedelta | str = 60.0
    shared: bool = False
    version: int = 1
    upgrade: Upgrade | None = None


@dataclass(frozen=True)
class Analysis(AnalysisOptions):
    """A named piece of slow work: its options, its name and its function."""

    name: str
    work: Callable[..., Any]
    is_async: bool = field(init=False)

    @classmethod
    def of(cls, name: str, work: Callable[..., Any], options: AnalysisOptions) -> Self:
        return cls(name, work, **{option.name: getattr(options, option.name) for option in fields(options)})

    def __post_init__(self) -> None:
        require_name("an analysis", self.name)
        if isinstance(self.work, Step):
            raise TypeError(
                f"The analysis {self.name!r} is a step, too: decorate two functions, one calls the other."
            )
        require_function(f"The function of the analysis {self.name!r}", self.work)
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.work))
        self._check_options()
        self._check_steps()
        self._check_types()
        self._check_functions()

    def _check_options(self) -> None:
        of = f"of the analysis {self.name!r}"
        if self.timeout is not None:
            require_number(f"timeout {of}", self.timeout, above=0)
        if self.max_attempts is not None:
            require_whole(f"max_attempts {of}", self.max_attempts, least=1, most=MOST_ATTEMPTS)
        require_priority(f"priority {of}", self.priority)
        require_name(f"the queue {of}", self.queue)
        for word, text in (("title", self.title), ("intro", self.intro)):
            if text is not None and not callable(text):
                require_text(f"{word} {of}", text)
        if not is_number(self.longest_wait) or not 0 <= self.longest_wait <= YEAR:
            raise ValueError(f"longest_wait {of} is {self.longest_wait!r}; it is seconds, from 0 to {YEAR:.0f}.")
        self._check_freshness(of)
        isolation: object = self.isolation
        if isolation not in (None, "process"):
            raise ValueError(f"isolation {of} is {isolation!r}; it is 'process' or None.")
        local = "<locals>" in self.work.__qualname__ or self.work.__module__ == "__main__"
        if isolation == "process" and local:
            raise ValueError(
                f"The analysis {self.name!r} has isolation='process': its function must be at the top of a module "
                "that can be imported, not within another function or the script itself."
            )

    def _check_freshness(self, of: str) -> None:
        if self.fresh_for is not None:
            require_number(f"fresh_for {of}", seconds_of(f"fresh_for {of}", self.fresh_for), above=0)
        seconds_of(f"refresh_after {of}", self.refresh_after)
        require_whole(f"version {of}", self.version, least=1)
        if not isinstance(self.shared, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - code without type checker
            raise TypeError(f"shared {of} is {self.shared!r}; it is True or False.")
        if self.shared and self.fresh_for is None:
            raise ValueError(f"shared {of} needs fresh_for, which says for how long: fresh_for='12h'.")

    def _check_steps(self) -> None:
        require_steps(self.name, self.steps, Step)
        object.__setattr__(self, "steps", tuple(self.steps))
        names = [s.name for s in self.steps]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(
                f"The analysis {self.name!r} has two steps of the name {twice[0]!r}: give one of them name=."
            )

    def _check_types(self) -> None:
        """Build what converts input and result, and keep it."""
        what = f"The analysis {self.name!r}"
        check_parameters(self.name, self.work, type_hints(what, self.work))

        def schema() -> object:
            return self.input_schema()

        require_json(f"The input of the analysis {self.name!r}", schema)
        require_json(f"The result of the analysis {self.name!r}", lambda: self.codec)

    def _check_functions(self) -> None:
        of = f"of the analysis {self.name!r}"
        values = dict.fromkeys(self.input.model_fields)
        if self.limit is not None and not isinstance(self.limit, Limit):  # pyright: ignore[reportUnnecessaryIsInstance] - code without type checker
            raise TypeError(f"limit {of} is {self.limit!r}; it is a Limit: limit=Limit(20).")
        require_limits(of, self.all_limits, values)
        if self.check is not None:
            require_taking(f"check {of}", self.check, values, is_async=True)
        if self.subject is not None:
            require_taking(f"subject {of}", self.subject, values)
        if self.render is not None:
            require_taking(f"render {of}", self.render, ("the result", "a PageView"))
        if self.page_title is not None:
            require_taking(f"page_title {of}", self.page_title, ("the result",))
        if self.preview is not None:
            require_taking(f"preview {of}", self.preview, ("the result",))
        if self.upgrade is not None:
            require_taking(f"upgrade {of}", self.upgrade, ("the stored input",))
        for added in (self.add_files.field, self.add_files.earlier) if self.add_files is not None else ():
            if added is not None and added not in values:
                raise ValueError(
                    f"add_files {of} names the input field {added!r}; there are: {', '.join(values)}."
                )
        for word, names in (("exports", self.exports), ("short_forms", self.short_forms)):
            require_mapping(f"{word} {of}", names)
        for name, export in cast("Mapping[object, object]", self.exports).items():
            if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
                raise ValueError(f"The export {name!r} needs a name of a-z, 0-9, '-' and '.', as report.csv.")
            if not isinstance(export, Export):
                raise TypeError(f"The export {name!r} is {kind_of(export)}; it is Export(title, make).")
            require_text(f"title of the export {name!r}", export.title)
            require_taking(f"make of the export {name!r}", export.make, ("the result",))
        for short, field_name in cast("Mapping[object, object]", self.short_forms).items():
            require_text(f"A short form {of}", short)
            if not isinstance(field_name, str) or field_name not in values:
                known = ", ".join(values) or "none"
                raise ValueError(f"short_forms {of} names the input field {field_name!r}; there are: {known}.")

    @property
    def shown_title(self) -> str:
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def all_limits(self) -> Sequence[Limit]:
        one = [] if self.limit is None else [self.limit]
        return [*one, *self.limits] if isinstance(self.limits, Sequence) else self.limits  # pyright: ignore[reportUnnecessaryIsInstance] - see require_limits

    def limits_of(self, validated: BaseModel, values: Mapping[str, Any]) -> str | None:
        """Return what is stored about the limits of a session with this input; see `outlast.domain.limits`."""
        if not self.all_limits:
            return None
        return dump_limits(key_limits(self.name, self.all_limits, values, validated.model_dump(mode="json")))

    @cached_property
    def fresh_seconds(self) -> float | None:
        """How long a result answers starts; `None`: never."""
        return None if self.fresh_for is None else seconds_of(f"fresh_for of {self.name!r}", self.fresh_for)

    @cached_property
    def refresh_seconds(self) -> float:
        """How old a result must be for a start that asks for a new one."""
        return seconds_of(f"refresh_after of {self.name!r}", self.refresh_after)

    def reuse_key(self, input_json: str, owner: str) -> str | None:
        """Return what starts and results have in common whose results answer these starts; `None`: they are run.

        `owner` is a hash. An upload belongs to its owner: another one's may have another name, which a result may
        tell.
        """
        if self.fresh_seconds is None:
            return None
        return f"{self.version} {EVERYBODY if self.is_shared(input_json) else owner}"

    def is_shared(self, input_json: str) -> bool:
        """Return whether owners share the result of this input, and a run that is in flight."""
        return self.shared and REFERENCE.search(input_json) is None

    @cached_property
    def input(self) -> type[BaseModel]:
        """The pydantic model of the input, from the annotations."""
        return input_model(self.name, self.work)

    def input_schema(self, ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
        """Return the JSON schema of the input, for its form and for programs."""
        return self.input.model_json_schema(ref_template=ref_template, schema_generator=InputSchema)

    def stored_input(self, text: str) -> BaseModel:
        """Return the input of a stored session; raises `NotUnderstood`."""
        return read_input(self.input, text, self.upgrade)

    @cached_property
    def codec(self) -> Codec:
        return Codec(get_type_hints(self.work, include_extras=True).get("return", Any))

    @cached_property
    def plan(self) -> Sequence[PlannedStep]:
        """The steps in order; an analysis without steps is a plan of one step."""
        return [s.planned for s in self.steps] or [PlannedStep(self.name, self.shown_title)]
