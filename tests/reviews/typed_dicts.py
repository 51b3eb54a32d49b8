"""Whether JSON is what a `TypedDict` says, with every key and none besides."""

import functools
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def type_errors(value: Any, shape: Any, at: str = "$") -> list[str]:
    """Where it is not, in words; empty when it fits."""
    if is_typeddict(shape):
        return _keys(value, shape, at)
    kind, parts = get_origin(shape), get_args(shape)
    if kind in {Union, types.UnionType}:
        fits = any(not type_errors(value, part, at) for part in parts)
        return [] if fits else [f"{at}: {value!r} is none of {parts}"]
    if kind is Literal:
        return [] if value in parts else [f"{at}: {value!r} is none of {parts}"]
    if kind is list and isinstance(value, list):
        return [error for n, item in enumerate(value) for error in type_errors(item, parts[0], f"{at}[{n}]")]
    plain = kind or shape
    if plain is float:
        plain = (int, float)
    if plain is Any or (isinstance(value, plain) and isinstance(value, bool) <= (plain is bool)):
        return []
    return [f"{at}: {value!r} is not {shape}"]


_hints = functools.cache(get_type_hints)


def _keys(value: Any, shape: Any, at: str) -> list[str]:
    hints = _hints(shape)
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no object"]
    wrong = [f"{at}.{key} is missing" for key in shape.__required_keys__ - value.keys()]
    wrong += [f"{at}.{key} is not known" for key in value.keys() - hints.keys()]
    for key in value.keys() & hints.keys():
        wrong += type_errors(value[key], hints[key], f"{at}.{key}")
    return wrong
