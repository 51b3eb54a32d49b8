"""Joins and minifies ES modules when they are served, so that nothing has to be built (pure)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import rjsmin  # pyright: ignore[reportMissingTypeStubs] - it has no types

IMPORT: Final = re.compile(
    r"^import (?:(?:\{(?P<names>[^}]*)\}|\* as (?P<all>[\w$]+)) from )?\"\./(?P<file>[\w.-]+)\";[^\n]*\n",
    re.MULTILINE,
)
DECLARED: Final = re.compile(
    r"^export (?=(?:async )?(?:function\*?|class|const) (?P<name>[\w$]+))|^export \{(?P<names>[^}]*)\};[^\n]*\n",
    re.MULTILINE,
)
LATER: Final = re.compile(r"\bimport\(\"\./(?P<file>[\w.-]+)\"\)")
STYLES: Final = re.compile(r"^(const STYLES = `)([^`$]*)(`;)", re.MULTILINE)
MARKUP: Final = re.compile(r"^(const PARTS = `)([^`$]*)(`;)", re.MULTILINE)
LEFT: Final = re.compile(r"^(?:import|export)\b(?!\.|\().*", re.MULTILINE)


def bundle(sources: Mapping[str, str], entries: Iterable[str]) -> str:
    """One module that runs the modules `entries` of `sources` and what they import, each once, in its own scope.

    The modules import and export by name, as the first word of a line. Raises `ValueError` for anything else, and
    for modules that import each other.
    """
    order: list[str] = []
    for entry in entries:
        _visit(sources, entry, order, ())
    joined = "".join(_scoped(sources[file], file) for file in order)
    # a module that is imported later, but is here already, must not run a second time
    return LATER.sub(lambda found: _later(found, order), joined)


def minified(source: str) -> str:
    """The module without comments and needless spaces, also within its style sheet and its markup."""
    source = STYLES.sub(lambda found: found[1] + _minified_styles(found[2]) + found[3], source)
    source = MARKUP.sub(lambda found: found[1] + re.sub(r">\s+<", "><", found[2]).strip() + found[3], source)
    return cast("Any", rjsmin).jsmin(source)


def imported(sources: Mapping[str, str], file: str) -> list[str]:
    """The modules that a module needs, in the order in which they run."""
    order: list[str] = []
    _visit(sources, file, order, ())
    return order[:-1]


def _minified_styles(styles: str) -> str:
    return re.sub(r" ?([{};,]) ?", r"\1", re.sub(r"\s+", " ", styles)).replace(";}", "}").strip()


def _later(found: re.Match[str], here: Iterable[str]) -> str:
    return f"Promise.resolve({_variable(found['file'])})" if found["file"] in here else found[0]


def _visit(sources: Mapping[str, str], file: str, order: list[str], above: tuple[str, ...]) -> None:
    if file in above:
        raise ValueError(f"{file} imports itself by way of {above[-1]}.")
    if file not in order:
        for found in IMPORT.finditer(sources[file]):
            _visit(sources, found["file"], order, (*above, file))
        order.append(file)


def _scoped(source: str, file: str) -> str:
    exported: list[str] = []

    def export(found: re.Match[str]) -> str:
        exported.extend([found["name"]] if found["name"] else _pairs(found["names"], reverse=True))
        return ""

    body = IMPORT.sub(_import, DECLARED.sub(export, source))
    if unknown := LEFT.search(body):
        raise ValueError(f"{file} cannot be joined with other modules: {unknown[0]!r}")
    return f"const {_variable(file)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _import(found: re.Match[str]) -> str:
    module = _variable(found["file"])
    if found["all"]:
        return f"const {found['all']} = {module};\n"
    names = _pairs(found["names"] or "", reverse=False)
    return f"const {{ {', '.join(names)} }} = {module};\n" if names else ""


def _pairs(names: str, *, reverse: bool) -> list[str]:
    """`a, b as c` as the properties of an object: `a, b: c`, or `a, c: b` in reverse."""
    pairs: list[str] = []
    for name in filter(None, (n.strip() for n in names.split(","))):
        inside, _, outside = name.partition(" as ")
        one, other = (outside, inside) if reverse else (inside, outside)
        pairs.append(f"{one}: {other}" if outside else name)
    return pairs


def _variable(file: str) -> str:
    return "$" + re.sub(r"\W", "_", file.removesuffix(".js"))
