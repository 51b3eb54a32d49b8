"""Turns the fields of a dataclass of options into keyword arguments of a method, for type checkers and `help`."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

O = ParamSpec("O")  # noqa: E741 - the options
S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


def options_as_keywords(
    options: Callable[O, T],
) -> Callable[[Callable[[S, str, T], R]], Callable[Concatenate[S, str, O], R]]:
    """Let a method that takes a name and an object of `options` be called with the name and keywords.

    Only `options` declares the names, types, defaults and descriptions of the keywords. Its docstring is appended
    to that of the method.
    """
    known = inspect.signature(options).parameters

    def decorate(method: Callable[[S, str, T], R]) -> Callable[Concatenate[S, str, O], R]:
        word = method.__name__

        @wraps(method)
        def call(self: S, name: str = "", /, *args: O.args, **kwargs: O.kwargs) -> R:
            if not name or callable(name):
                raise TypeError(f'@outlast.{word} needs a name: @outlast.{word}("site").')
            if args:
                raise TypeError(f"The {word} {name!r} takes its options by name: {', '.join(known)}.")
            for wrong in kwargs.keys() - known.keys():
                close = get_close_matches(wrong, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."
                raise TypeError(f"The {word} {name!r} has no option {wrong!r}; {hint}")
            return method(self, name, options(*args, **kwargs))

        positional: Any = inspect.Parameter.POSITIONAL_ONLY
        taken = list(inspect.signature(method).parameters.values())[:2]
        signature = inspect.Signature(
            [*(parameter.replace(kind=positional) for parameter in taken), *known.values()],
            return_annotation=inspect.signature(method).return_annotation,
        )
        vars(call)["__signature__"] = signature
        call.__doc__ = f"{inspect.getdoc(method)}\n\n{inspect.getdoc(options)}"
        return call

    return decorate
