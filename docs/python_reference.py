"""Renders the reference of the public Python names, and finds what of them is not explained.

Signatures and defaults come from the source, explanations from the docstrings.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

import outlast
from outlast.core.analyses import analysis, payload
from outlast.core.analyses.facts import BlockingFacts
from outlast.domain import progress, step_calls
from outlast.settings import Settings, variables
from outlast.web import login_options

DECLARE: Final = (
    *(
        "Outlast",
        "step",
        "Step",
        "AnalysisOptions",
        "Limit",
        "Upload",
        "Export",
        "AddFiles",
        "LinkPreview",
        "PageView",
        "Lifespan",
        "message",
        "plural",
        "Translations",
    ),
)
WITHIN: Final = ("report", "track", "owner", "Facts", "Fact")
FOLLOW: Final = (
    "AnalysisHandle",
    "AsyncAnalysisHandle",
    "BlockingAnalysisHandle",
    "StartOptions",
    "SessionHandle",
    "SessionView",
    "AnalysisSession",
    "Status",
    "Phase",
    "StoredResult",
    "CancelAnswer",
    "DeleteAnswer",
    "Deleted",
    "RetryAnswer",
    "SyncOutlast",
    "SyncSession",
)
ERRORS: Final = (
    "Permanent",
    "RetryAfter",
    "InvalidInput",
    "Question",
    "AnalysisFailed",
    "SessionGone",
    "UnknownAnalysis",
    "TooManyActive",
    "QueueFull",
    "TooLarge",
    "QuotaExceeded",
    "RefreshTooSoon",
    "DiskAlmostFull",
    "StoreUnavailable",
    "SettingsError",
    "OutlastError",
)
CONSTRUCTED: Final = {
    "AddFiles",
    "AnalysisFailed",
    "Export",
    "LinkPreview",
    "Fact",
    "InvalidInput",
    "Outlast",
    "Permanent",
    "Question",
    "RetryAfter",
    "Translations",
}
"""Classes that users call; Outlast makes the objects of the others."""
INTERNAL: Final = {
    "SessionView.began",
    "SessionView.elapsed_ms",
    "SessionView.encoded",
    "SessionView.tag",
    "Step.codec",
    "Step.planned",
    "SyncOutlast.forget",
    "SyncOutlast.views",
}
"""Members that Outlast itself uses."""
ALIASES: Final = (
    (login_options, "OwnerOf"),
    (analysis, "KeyOf"),
    (step_calls, "Key"),
    (analysis, "Check"),
    (analysis, "Render"),
    (payload, "Upgrade"),
)
MET: Final = (progress.Progress, progress.StepState, progress.StepStatus, progress.TimeLeft)
"""Types of attributes that are read, and never imported."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field, a property or an attribute that `__init__` sets."""

    name: str
    kind: str
    default: str | None
    meaning: str


def declared() -> Iterator[str]:
    """What declares an application."""
    yield from _sections(DECLARE)


def within() -> Iterator[str]:
    """What the code of an analysis uses."""
    yield from _sections(WITHIN)


def followed() -> Iterator[str]:
    """What starts and follows sessions."""
    yield from _sections(FOLLOW)


def errors() -> Iterator[str]:
    """The exceptions."""
    yield from _sections(ERRORS)


def keywords() -> Iterator[str]:
    """The keywords of `Settings`."""
    yield "| keyword | type | environment variable |"
    yield "|---|---|---|"
    for field in _attributes(Settings):
        if field.name in Settings.model_fields:  # else a property, for Outlast itself
            names = ", else ".join(f"`{name}`" for name in variables(Settings.model_fields[field.name]))
            kind = re.sub(r"Annotated\[(.*), NoDecode\]", r"\1", field.kind)
            yield f"| `{field.name}` | `{_cell(kind)}` | {names} |"


def other_types() -> Iterator[str]:
    """Types without a public name that signatures and attributes have."""
    yield "| type | what it is |"
    yield "|---|---|"
    for module, name in ALIASES:
        value, meaning = _alias(module, name)
        shown = f" `{_cell(value)}`" if len(value) < 90 else ""
        yield f"| `{name}` | {_cell(meaning)}{shown} |"
    yield ""
    for kind in MET:
        yield from _class(kind)


def undocumented() -> list[str]:
    """Public names, members and parameters without an explanation."""
    missing: list[str] = []
    for name in (*outlast.__all__, "BlockingFacts"):
        if name == "Settings":
            continue  # each field has a description: see settings.md
        thing = BlockingFacts if name == "BlockingFacts" else getattr(outlast, name)
        if not inspect.getdoc(thing):
            missing.append(name)
        if not inspect.isclass(thing):
            missing += [f"{name}({p})" for p in _unexplained(_function(thing), inspect.getdoc(thing) or "")]
            continue
        missing += [f"{name}.{a.name}" for a in _attributes(thing) if not a.meaning]
        constructor = _constructor(thing)
        if name in CONSTRUCTED and constructor is not None:
            described = (inspect.getdoc(thing) or "") + " ".join(f"`{a.name}`" for a in _attributes(thing))
            missing += [f"{name}({p})" for p in _unexplained(constructor, described)]
        for method in _methods(thing):
            said = inspect.getdoc(getattr(thing, method)) or ""
            if not said:
                missing.append(f"{name}.{method}")
            missing += [f"{name}.{method}({p})" for f in _versions(thing, method) for p in _unexplained(f, said)]
    return sorted(set(missing))


def _unexplained(function: Function, said: str) -> list[str]:
    if re.match(r"Like `\w+(\.\w+)?`", said):
        return []
    names = [p.arg for p in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    rests = [rest for rest in (function.args.vararg, function.args.kwarg) if rest is not None]
    names += [r.arg for r in rests if r.annotation is None or not ast.unparse(r.annotation).startswith("P.")]
    return [name for name in names if name not in {"self", "cls"} and not re.search(rf"`[^`]*\b{name}\b", said)]


def _sections(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        thing = getattr(outlast, name)
        if inspect.isclass(thing):
            yield from _class(thing)
        else:
            yield f"### `{name}`"
            yield ""
            yield from _signatures([f"{name}{_signature(_function(thing), thing)}"])
            yield inspect.getdoc(thing) or ""
            yield ""
        if name == "Facts":
            yield from _class(BlockingFacts)


def _class(kind: type) -> Iterator[str]:
    yield f"### `{kind.__name__}`"
    yield ""
    attributes = _attributes(kind)
    if kind.__name__ in CONSTRUCTED:
        yield from _signatures([kind.__name__ + _constructor_signature(kind)])
    parents = [base.__name__ for base in kind.__bases__ if base.__name__ in outlast.__all__]
    if parents:
        yield f"A kind of [`{parents[0]}`](#{parents[0].lower()})."
        yield ""
    yield _without_options(inspect.getdoc(kind) or "")
    yield ""
    if issubclass(kind, Enum):
        yield "| value | meaning |"
        yield "|---|---|"
        for a in attributes:
            value = f" = `{a.default}`" if a.default else ""
            yield f"| `{kind.__name__}.{a.name}`{value} | {_cell(a.meaning)} |"
        yield ""
    elif attributes:
        options = kind is outlast.AnalysisOptions
        yield f"| {'option' if options else 'attribute'} | type | meaning |"
        yield "|---|---|---|"
        for a in attributes:
            shown = f"{a.kind} = {a.default}" if options else a.kind
            yield f"| `{a.name}` | `{_cell(shown)}` | {_cell(a.meaning)} |"
        yield ""
    for method in _methods(kind):
        called = "handle" if method == "__call__" else method
        yield f"#### `{kind.__name__}.{method}`"
        yield ""
        versions = _versions(kind, method)
        yield from _signatures(
            [
                ("await " if isinstance(f, ast.AsyncFunctionDef) and not _yields(f) else "")
                + f"{called}{_signature(f, getattr(kind, method))}"
                for f in versions
            ]
        )
        doc = inspect.getdoc(getattr(kind, method)) or ""
        if kind is outlast.Outlast and method == "analysis":  # its options follow, and have a section of their own
            doc = (
                doc.split("\n\nWhat may be said")[0]
                + "\n\nThe options are those of [`AnalysisOptions`](#analysisoptions)."
            )
        yield doc
        yield ""


def _yields(function: Function) -> bool:
    return function.returns is not None and "Iterator" in ast.unparse(function.returns)


def _signatures(lines: Sequence[str]) -> Iterator[str]:
    yield "```py"
    yield from lines
    yield "```"
    yield ""


def _signature(function: Function, thing: Any) -> str:
    """The parameters with their types and defaults, one a line where they are many, and the return type."""
    if thing is outlast.Outlast.analysis:
        options = [f"{a.name}: {a.kind} = {a.default}" for a in _attributes(outlast.AnalysisOptions)]
        return _joined(["name: str", "/", "*", *options], "Registration")
    module = sys.modules[inspect.unwrap(thing).__module__]
    returns = "" if function.returns is None else _text(function.returns)
    return _joined(_parameters(function, vars(module)), returns)


def _constructor_signature(kind: type) -> str:
    constructor = _constructor(kind)
    if constructor is not None:
        return _joined(_parameters(constructor, vars(sys.modules[kind.__module__])), "")
    if not _fields(kind):
        return "(message: str)"
    return _joined(
        [f"{a.name}: {a.kind}" + ("" if a.default is None else f" = {a.default}") for a in _attributes(kind)], ""
    )


def _joined(parameters: Sequence[str], returns: str) -> str:
    arrow = f" -> {returns}" if returns else ""
    line = f"({', '.join(parameters)}){arrow}"
    if len(line) <= 90:
        return line
    return "(\n" + "".join(f"    {p},\n" for p in parameters) + f"){arrow}"


def _parameters(function: Function, scope: dict[str, Any]) -> list[str]:
    arguments = function.args
    shown: list[str] = []
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for number, (parameter, default) in enumerate(zip(positional, defaults, strict=True), start=1):
        if parameter.arg not in {"self", "cls"}:
            shown.append(_parameter(parameter, default, scope))
        if number == len(arguments.posonlyargs) and shown:
            shown.append("/")
    if arguments.vararg is not None:
        shown.append(f"*{_parameter(arguments.vararg, None, scope)}")
    elif arguments.kwonlyargs:
        shown.append("*")
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        shown.append(_parameter(parameter, default, scope))
    if arguments.kwarg is not None:
        shown.append(f"**{_parameter(arguments.kwarg, None, scope)}")
    return shown


def _parameter(parameter: ast.arg, default: ast.expr | None, scope: dict[str, Any]) -> str:
    kind = "" if parameter.annotation is None else f": {_text(parameter.annotation)}"
    return parameter.arg + kind + ("" if default is None else f" = {_default(default, scope)}")


def _default(default: ast.expr, scope: dict[str, Any]) -> str:
    if isinstance(default, ast.Call):  # field(default_factory=dict[str, Export])
        return "{}" if "dict" in ast.unparse(default) else ast.unparse(default)
    if isinstance(default, ast.Constant) and isinstance(default.value, str):
        return json.dumps(default.value)
    if isinstance(default, ast.Name):
        value = scope[default.id]
        return f"<{value!r}>" if type(value) not in {int, float, str} else f"{value!r}".removesuffix(".0")
    return ast.unparse(default)


def _text(annotation: ast.expr) -> str:
    """The annotation as it is written, without the quotation marks of a forward reference."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation).replace("'", '"')


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _function(thing: Any) -> Function:
    thing = inspect.unwrap(thing)
    return next(n for n in _tree(thing.__module__).body if isinstance(n, Function) and n.name == thing.__name__)


def _node(kind: type) -> ast.ClassDef:
    return next(n for n in _tree(kind.__module__).body if isinstance(n, ast.ClassDef) and n.name == kind.__name__)


def _fields(kind: type) -> list[ast.AnnAssign]:
    return [n for n in _node(kind).body if isinstance(n, ast.AnnAssign)]


def _constructor(kind: type) -> Function | None:
    return next((n for n in _node(kind).body if isinstance(n, Function) and n.name == "__init__"), None)


def _versions(kind: type, method: str) -> list[Function]:
    """The overloads of a method, or the method itself."""
    all_of_them = [n for n in _node(kind).body if isinstance(n, Function) and n.name == method]
    return all_of_them[:-1] or all_of_them


def _methods(kind: type) -> list[str]:
    names = [
        n.name
        for n in _node(kind).body
        if isinstance(n, Function) and not _is_property(n) and (not n.name.startswith("_") or n.name == "__call__")
    ]
    hidden = {"Lifespan.__call__", "Step.__call__", *INTERNAL}
    return [name for name in dict.fromkeys(names) if f"{kind.__name__}.{name}" not in hidden]


def _is_property(function: Function) -> bool:
    return any(ast.unparse(decorator) == "property" for decorator in function.decorator_list)


def _attributes(kind: type) -> list[Attribute]:
    node = _node(kind)
    scope = vars(sys.modules[kind.__module__])
    options = dict(_options(inspect.getdoc(kind) or ""))
    found: list[Attribute] = []
    for statement, following in _pairs(node.body):
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                default = None if value is None else _default(value, scope)
                found.append(
                    Attribute(name, _text(annotation), default, _said(following) or options.get(name, ""))
                )
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if issubclass(
                kind, Enum
            ):
                found.append(Attribute(name, "", str(value), _said(following)))
            case ast.FunctionDef(name=name, returns=returns) if _is_property(statement):
                meaning = " ".join((ast.get_docstring(statement) or "").split())
                found.append(Attribute(name, "" if returns is None else _text(returns), None, meaning))
            case ast.FunctionDef(name="__init__", body=body):
                kinds = {p.arg: p.annotation for p in (*statement.args.args, *statement.args.kwonlyargs)}
                found += _set_by_init(body, kinds)
            case _:
                pass
    public = [a for a in found if not a.name.startswith("_")]
    return [a for a in public if f"{kind.__name__}.{a.name}" not in INTERNAL]


def _set_by_init(body: Sequence[ast.stmt], kinds: dict[str, ast.expr | None]) -> Iterator[Attribute]:
    """Attributes with a docstring below their assignment; the others are private."""
    for statement, following in _pairs(body):
        match statement:
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                annotation: ast.expr | None = None
            case ast.AnnAssign(target=ast.Attribute(attr=name), value=value, annotation=annotation):
                pass
            case _:
                continue
        if annotation is None or ast.unparse(annotation) == "Final":
            annotation = kinds.get(value.id) if isinstance(value, ast.Name) else None
        if said := _said(following):
            yield Attribute(name, "" if annotation is None else _text(annotation), None, said)


def _pairs(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    return zip(body, [*body[1:], None], strict=True)


def _said(statement: ast.stmt | None) -> str:
    """The text of a docstring below an attribute."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
        case _:
            return ""


def _options(doc: str) -> Iterator[tuple[str, str]]:
    """Paragraphs of the form `name`: what it means."""
    for paragraph in doc.split("\n\n"):
        if found := re.fullmatch(r"`(\w+)`: (.*)", " ".join(paragraph.split())):
            yield found[1], found[2][0].upper() + found[2][1:]


def _without_options(doc: str) -> str:
    return "\n\n".join(p for p in doc.split("\n\n") if not re.match(r"`\w+`: ", p))


def _alias(module: Any, name: str) -> tuple[str, str]:
    for statement, following in _pairs(_tree(module.__name__).body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return ast.unparse(value), _said(following)
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
                return _text(value), _said(following)
            case _:
                pass
    raise LookupError(name)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
