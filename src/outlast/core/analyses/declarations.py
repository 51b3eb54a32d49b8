"""Finds mistakes in the declaration of a step or an analysis, each with a sentence that says what to do."""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast, get_type_hints

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import (
    PydanticInvalidForJsonSchema,
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
)
from typing_extensions import TypeIs

from outlast.domain.retry_after import YEAR

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
RULE: Final = "a letter or digit and then up to 99 letters, digits, '_', '.' and '-'"
PRIORITIES: Final = range(-(2**31), 2**31)
STARS: Final = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
OF_FORMS: Final = frozenset({"analysis", "csrf_token"})
"""Fields that every form has besides those of the input."""
OF_MODELS: Final = frozenset(name for name in dir(BaseModel) if name.startswith("model_"))


def require_name(what: str, name: object) -> None:
    """Raise `ValueError` unless `name` may name this kind of thing."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name {what}: use {RULE}.")


def require_function(what: str, work: object) -> None:
    """Raise `TypeError` unless `work` is a plain function that returns its result."""
    if not (inspect.isfunction(work) or inspect.ismethod(work)):
        raise TypeError(f"{what} is not a function but {kind_of(work)}: decorate a `def` or `async def`.")
    if inspect.isgeneratorfunction(work) or inspect.isasyncgenfunction(work):
        raise TypeError(f"{what} is a generator, which has no result to keep: return the values as a list.")
    first = next(iter(inspect.signature(work).parameters.values()), None)
    if first is not None and first.name in {"self", "cls"} and first.annotation is first.empty:
        raise TypeError(f"{what} is a method, and nothing would give it its {first.name}: decorate a function.")


def require_number(what: str, value: object, *, above: float, most: float = math.inf) -> None:
    """Raise `ValueError` unless `value` is a finite number above `above` and at most `most`."""
    if not (is_number(value) and above < value <= most):
        upper = f" and at most {most:g}" if math.isfinite(most) else ""
        raise ValueError(f"{what} is {value!r}; it is a number of more than {above:g}{upper}.")


def is_number(value: object) -> TypeIs[int | float]:
    """Return whether this is a finite number, and not a `bool`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def is_whole(value: object) -> TypeIs[int]:
    """Return whether this is a whole number and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def require_whole(what: str, value: object, *, least: int, most: float = math.inf) -> None:
    """Raise `ValueError` unless `value` is a whole number of at least `least` and at most `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        upper = f" and at most {most}" if math.isfinite(most) else ""
        raise ValueError(f"{what} is {value!r}; it is a whole number of at least {least}{upper}.")


def require_priority(what: str, value: object) -> None:
    """Raise `ValueError` unless every store can hold this priority."""
    if not is_whole(value) or value not in PRIORITIES:
        raise ValueError(f"{what} is {value!r}; it is a whole number of 32 bits.")


def require_delay(what: str, value: object) -> None:
    """Raise `TypeError` or `ValueError` unless `value` is seconds or a `timedelta` from 0 to a year."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not is_number(seconds):
        raise TypeError(f"{what} is {value!r}; it is a number of seconds or a timedelta.")
    if not 0 <= seconds <= YEAR:
        raise ValueError(f"{what} is {value!r}; it is from 0 seconds to a year.")


def require_time(what: str, value: object) -> None:
    """Raise `TypeError` or `ValueError` unless `value` is a `datetime` with a time zone."""
    if not isinstance(value, datetime):
        raise TypeError(f"{what} is {value!r}; it is a datetime with a time zone.")
    if value.utcoffset() is None:
        raise ValueError(f"{what} is {value!r}, which has no time zone: datetime.now(UTC) has one.")


def require_text(what: str, value: object) -> None:
    """Raise `TypeError` unless `value` is a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{what} is {value!r}; it is a text for visitors.")


def require_plain(what: str, function: object, *, is_async: bool = False) -> None:
    """Raise `TypeError` unless this is a plain `def` function, or with `is_async` an `async def` function."""
    if not callable(function):
        raise TypeError(f"{what} is {kind_of(function)}; it is a function.")
    called = function if inspect.isroutine(function) else getattr(function, "func", type(function).__call__)
    if inspect.iscoroutinefunction(called) != is_async:
        raise TypeError(f"{what} must be {'`async def`' if is_async else 'a plain `def`'}.")


def require_taking(
    what: str, function: object, given: Mapping[str, object] | Sequence[str], *, is_async: bool = False
) -> None:
    """Raise `TypeError` unless this function takes the input's fields by name, or these arguments in order."""
    require_plain(what, function, is_async=is_async)
    signature = _signature(function)
    try:
        signature.bind(**given) if isinstance(given, Mapping) else signature.bind(*given)
    except TypeError as error:
        in_order = " and ".join(given) or "no arguments"
        taken = f"the input by name ({', '.join(given)})" if isinstance(given, Mapping) else in_order
        raise TypeError(f"{what} must take {taken}: {error}.") from None


def require_mapping(what: str, value: object) -> None:
    """Raise `TypeError` unless `value` is a dict."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is {kind_of(value)}; it is a dict: {{…: …}}.")


def require_key_function(what: str, key: object, work: Callable[..., Any]) -> None:
    """Raise `TypeError` unless `key` takes the arguments of some call of `work`."""
    require_plain(what, key)
    signature = _signature(key)
    given = list(inspect.signature(work).parameters.values())
    if any(parameter.kind in STARS for parameter in given):
        return
    needed = [parameter for parameter in given if parameter.default is parameter.empty]
    faults: list[TypeError] = []
    for arguments in (needed, given):
        named = [p.name for p in arguments if p.kind is p.KEYWORD_ONLY]
        for by_name in (named, [p.name for p in arguments if p.kind is not p.POSITIONAL_ONLY]):
            in_order = [p.name for p in arguments if p.name not in by_name]
            try:
                signature.bind(*in_order, **dict.fromkeys(by_name))
            except TypeError as error:
                faults.append(error)
            else:
                return
    takes = ", ".join(parameter.name for parameter in given) or "none"
    raise TypeError(f"{what} must take the arguments of the step ({takes}): {faults[0]}.")


def _signature(function: Any) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:  # some built-in functions have no signature
        return inspect.Signature([inspect.Parameter("any", inspect.Parameter.VAR_POSITIONAL)])


def require_steps(analysis: str, steps: object, kind: type[object]) -> None:
    """Raise `TypeError` unless `steps` is a list of steps."""
    if not isinstance(steps, Iterable):
        raise TypeError(f"steps of the analysis {analysis!r} is {kind_of(steps)}; it is a list: steps=[…].")
    for planned in cast("Iterable[object]", steps):
        if not isinstance(planned, kind):
            raise TypeError(
                f"steps of the analysis {analysis!r} has {name_of(planned)!r}, which is not a step: decorate it "
                'with @step("…").'
            )


def type_hints(what: str, work: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the annotations of a function as types. Raises `TypeError` if one cannot be resolved now."""
    try:
        return get_type_hints(work, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{what} has an annotation with the name {error.name!r}, which does not exist where it is declared: "
            "import it outside `if TYPE_CHECKING:`, or define it above, at the top of the module."
        ) from None
    except (ArithmeticError, AttributeError, LookupError, SyntaxError, TypeError, ValueError) as error:
        raise TypeError(f"{what} has an annotation that is not a type: {error}.") from None


def require_json(what: str, build: Callable[[], Any]) -> Any:
    """Return what `build` makes of an annotation. Raises `TypeError` if JSON cannot represent its type."""
    try:
        return build()
    except PydanticUndefinedAnnotation as error:
        raise TypeError(
            f"{what} has a type that names {error.name!r}, which does not exist where it is declared: define it "
            "above, at the top of the module."
        ) from None
    except (
        *(PydanticSchemaGenerationError, PydanticInvalidForJsonSchema, PydanticUserError),
        *(KeyError, ValueError),  # as of typing.Self, and of an enum whose values are objects
    ) as error:
        reason = str(error).partition("\n")[0].partition(". Set `arbitrary")[0].rstrip(".")
        raise TypeError(
            f"{what} has a type that cannot be JSON ({reason}). Use JSON values, dataclasses, pydantic models, "
            "TypedDicts of typing_extensions, dates, Decimal, UUID, enums, bytes, or Upload."
        ) from None
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None


def check_parameters(name: str, work: Callable[..., Any], hints: Mapping[str, Any]) -> None:
    """Raise `TypeError` for parameters that cannot be the fields of an input."""
    for parameter in inspect.signature(work).parameters.values():
        field = parameter.name
        what = f"The parameter {field!r} of the analysis {name!r}"
        if parameter.kind in STARS:
            raise TypeError(
                f"The analysis {name!r} has the parameter {STARS[parameter.kind]}{field}, and an input has fields "
                "of fixed names: take a list or a dict instead."
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"{what} is positional-only, and an input is taken by name: remove the `/`.")
        if field not in hints:
            raise TypeError(f"{what} needs an annotation, as `{field}: str`: the input is validated by it.")
        if field.startswith("_") or field in OF_MODELS | OF_FORMS:
            raise TypeError(
                f"{what} has a reserved name, as all with a leading '_', {' and '.join(sorted(OF_FORMS))}, and "
                "those of pydantic's own methods (model_dump, …): give it another one."
            )
        if parameter.default is not parameter.empty:
            _check_default(what, hints[field], parameter.default)


def _check_default(what: str, annotation: Any, default: object) -> None:
    try:
        TypeAdapter[Any](annotation).validate_python(default)
    except PydanticUserError:
        return  # `input_model` reports it with a better message
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        hint = " Write `| None` for a value that visitors may leave out." if default is None else ""
        raise TypeError(
            f"{what} has the default {default!r}, which its annotation refuses: {told}.{hint}"
        ) from None


def kind_of(thing: object) -> str:
    """Return what kind of thing this is, for a message."""
    return f"the class {thing.__name__!r}" if isinstance(thing, type) else f"a {type(thing).__name__}"


def name_of(thing: object) -> str:
    """Return the name of a function or class, for a message."""
    return str(getattr(thing, "__name__", repr(thing)))
