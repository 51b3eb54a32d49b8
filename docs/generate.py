"""Generates the parts of the documentation that come from the code; run `python docs/generate.py`.

A generated part is between `<!-- generated: name -->` and `<!-- end -->` in a page. A test finds outdated ones.
"""

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from logging import getLevelName
from pathlib import Path
from typing import Any, Final, cast

import click
from declared_mistakes import MISTAKES, said_of
from evidence_schema import evidence_schema
from python_reference import declared, errors, followed, keywords, other_types, within

from outlast.app import runtime_of
from outlast.cli.main import outlast as command_line
from outlast.core.metric_definitions import METRICS, SECONDS
from outlast.domain.status import Status
from outlast.running.session_log import EXPECTED_FAILURES, FIELDS, LEVELS
from outlast.settings import Settings, variables
from outlast.testing.contract.transitions import TRANSITIONS
from outlast.web.access import CsrfTokenIn, Requires
from outlast.web.openapi import openapi_document
from outlast.web.routes import ROUTES, Route
from outlast_reviews.app import outlast as review_site
from outlast_reviews.evaluate.accuracy_table import from_json, markdown
from outlast_reviews.evaluate.table_picture import picture
from outlast_reviews.insights.measured_groups import measured_groups
from outlast_reviews.method import measured, measured_before, measured_languages
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.formats.read import FILE_FORMATS, PAGE_FORMATS

PAGES: Final = Path(__file__).parent
ROOT: Final = PAGES.parent
PACKAGES: Final = (ROOT / "src" / "outlast", ROOT / "reviews" / "src" / "outlast_reviews")
OPENAPI: Final = PAGES / "reference" / "openapi.json"
MEASURED: Final = ROOT / "bench" / "measured.json"
"""What `bench/engines.py --json` has written."""
COMPARED: Final = (
    ("Pick-up p50", "pickup_p50", " ms"),
    ("Starts one by one", "starts", " a second"),
    ("Drain", "drain", " a second"),
)
BESIDE_WHOM: Final = (
    ("Outlast, SQLite", "huey, SQLite"),
    ("Outlast, PostgreSQL", "Procrastinate"),
    ("Outlast, PostgreSQL", "pgqueuer"),
    ("Outlast, PostgreSQL", "pgqueuer, batches of 100"),
)
BESIDE: Final = {
    "locale": "The gettext catalogues of each language, as `docs/catalogues.py` brings them up to date.",
    "migrations": "The schema in numbered steps, each applied once and never changed again.",
    "queries": "The statements, one per file, named after what they do; `{name}` includes one of `fragments/`.",
    "static": "Styles, scripts and pictures, served as they are; `package.json` lists those that other sites use.",
    "assets": "Styles and scripts of the report, served as they are.",
    "templates": "Jinja templates.",
}
"""Folders without Python code."""

NEEDS: Final = {
    Requires.ANYBODY: "nothing",
    Requires.OWNER: "its owner",
    Requires.OWNER_OR_NEW: "nothing; sets the cookie",
    Requires.BROWSER: "the cookie",
    Requires.BROWSER_OR_NEW: "nothing; sets the cookie",
    Requires.VIEWER: "an operator or a viewer",
    Requires.OPERATOR: "an operator",
    Requires.OPERATOR_KEY: "a key of the dashboard or an API key of scope `operate`, as a bearer token",
}
BUSIEST_HOUR: Final = 0.1
"""Share of a day's sessions in its busiest hour."""
TOKENS: Final = {None: "", CsrfTokenIn.HEADER: "`X-CSRF-Token`", CsrfTokenIn.FORM: "field `csrf_token`"}


def statuses() -> Iterator[str]:
    """The diagram of the transitions that the contract suite checks on every backend."""
    verbs: dict[tuple[Status, Status], list[str]] = {}
    for verb, ways in TRANSITIONS.items():
        for before, afters in ways.items():
            for after in afters:
                verbs.setdefault((before, after), []).append(verb.value)
    order = list(Status)
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {Status.PENDING.value}: start"
    for before, after in sorted(verbs, key=lambda way: (order.index(way[0]), order.index(way[1]))):
        yield f"    {before.value} --> {after.value}: {', '.join(verbs[before, after])}"
    for status in Status:
        if status.final:
            yield f"    {status.value} --> [*]"
    yield "```"


def settings() -> Iterator[str]:
    """One line per setting."""
    yield "| name | default | meaning |"
    yield "|---|---|---|"
    for field in Settings.model_fields.values():
        names = ", else ".join(f"`{name}`" for name in variables(field))
        yield f"| {names} | {_default(field.default)} | {field.description}{_bounds(field)} |"


def product_settings() -> Iterator[str]:
    """One line per setting of the product analysis."""
    yield "| name | default | meaning |"
    yield "|---|---|---|"
    for field in ReviewSettings.model_fields.values():
        yield f"| `{field.validation_alias}` | {_default(field.default)} | {field.description}{_bounds(field)} |"


def routes() -> Iterator[str]:
    """One line per route."""
    yield "| route | what | needs | token |"
    yield "|---|---|---|---|"
    for route in ROUTES:
        yield f"| {_address(route)} | {route.description} | {NEEDS[route.requires]} | {TOKENS[route.csrf_token]} |"


def commands() -> Iterator[str]:
    """The help text of each command."""
    for context in _commands("outlast", command_line, None):
        yield f"### `{context.command_path}`"
        yield ""
        yield "```text"
        yield context.get_help()
        yield "```"
        yield ""


def metrics() -> Iterator[str]:
    """One line per metric."""
    yield "| metric | type | labels | meaning | of |"
    yield "|---|---|---|---|---|"
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        meaning = metric.description.replace("|", "\\|")
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {meaning} | the {metric.scope} |"
    yield ""
    yield f"The buckets of each histogram end at {', '.join(f'{bound:g}' for bound in SECONDS)} seconds."


def modules() -> Iterator[str]:
    """Each folder with its purpose, and each file with the first line of its docstring."""
    for package in PACKAGES:
        for init in sorted(package.rglob("__init__.py")):
            folder = init.parent
            yield f"### `{folder.relative_to(package.parent)}/`"
            yield ""
            yield _docstring(init)
            yield ""
            for path in sorted(folder.glob("*.py")):
                if path.name not in {"__init__.py", "__main__.py"}:
                    yield f"- `{path.name}`: {_docstring(path).splitlines()[0]}"
            for name, what in BESIDE.items():
                if (folder / name).is_dir():
                    yield f"- `{name}/`: {what}"
            yield ""


def formats() -> Iterator[str]:
    """The kinds of files and pages that the product reads."""
    files = [name for known in reversed(FILE_FORMATS) for name in known.names]
    yield f"- files: {', '.join(files)}"
    yield f"- pages: {', '.join(name for known in PAGE_FORMATS for name in known.names)}"


def mistakes() -> Iterator[str]:
    """What is found when a step or an analysis is declared, and what is said."""
    yield "| mistake | what Outlast says |"
    yield "|---|---|"
    for what, code in MISTAKES.items():
        yield f"| {what} | {said_of(code)} |"


def planted() -> Iterator[str]:
    """The accuracy table as it ships."""
    yield markdown(from_json(measured()))
    yield from _note(measured())


def languages() -> Iterator[str]:
    """The accuracy of the check for copies in each language, as it ships."""
    yield markdown(from_json(measured_languages()))
    yield from _note(measured_languages())


def _note(table: Mapping[str, Any]) -> Iterator[str]:
    if note := measured_before(table):
        yield f"\n{note}"


def groups() -> Iterator[str]:
    """The figures of the groups of reviewers as they ship."""
    yield markdown(from_json(measured_groups()))


def engines() -> Iterator[str]:
    """The engines that `bench/engines.py` has measured."""
    result = json.loads(MEASURED.read_text(encoding="utf-8"))
    heads = "pick-up p50 / p99, ms | starts one by one, a second | drained, a second | 1,000 in flight, MB"
    yield f"| engine | version | {heads} |"
    yield "|---|---|---|---|---|---|"
    for name, engine in result["engines"].items():
        shown = f"**{name}**" if name.startswith("Outlast") else name
        pickup = f"{_figure(engine['pickup_p50'])} / {_figure(engine['pickup_p99'])}"
        rates = f"{_figure(engine['starts'])} | {_figure(engine['drain'])} | {_figure(engine['memory'])}"
        yield f"| {shown} | {engine['versions']} | {pickup} | {rates} |"
    yield ""
    yield (
        f"Measured on {result['date']} with Python {result['python']}, {result['stores']}, on {result['cores']} "
        f"cores at a load of {result['load']:.1f}; medians of {result['rounds']} rounds."
    )


def engine_ratios() -> Iterator[str]:
    """Outlast's figures over those of the engines that its users would choose for the same store."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))["engines"]
    yield "| what | Outlast | compared with | ratio |"
    yield "|---|---|---|---|"
    for what, theme, unit in COMPARED:
        for ours, theirs in BESIDE_WHOM:
            mine, other = found[ours][theme], found[theirs][theme]
            figures = f"{_figure(mine)}{unit} | {theirs}: {_figure(other)}{unit} | {mine / other:.2f}"
            yield f"| {what}, {ours.split(', ')[1]} | {figures} |"


def capacity() -> Iterator[str]:
    """Rates of installations beside the measured ones."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))["engines"]
    one, many = found["Outlast, SQLite"], found["Outlast, PostgreSQL"]
    yield "| sessions a day | a second, evenly | a second in the busiest hour | of the starts | of the drain |"
    yield "|---|---|---|---|---|"
    for day in (10_000, 1_000_000, 100_000_000):
        evenly, busiest = day / 86_400, day * BUSIEST_HOUR / 3_600
        starts, drain = (
            f"{_percent(busiest / one[of])} / {_percent(busiest / many[of])}" for of in ("starts", "drain")
        )
        yield f"| {day:,} | {_figure(evenly)} | {_figure(busiest)} | {starts} | {drain} |"


def log_fields() -> Iterator[str]:
    """The fields of a line of the log about the end of an attempt."""
    yield "| field | meaning |"
    yield "|---|---|"
    for name, meaning in FIELDS.items():
        yield f"| `{name}` | {meaning} |"


def log_levels() -> Iterator[str]:
    """The level of such a line by its outcome."""
    yield "| outcome | level | meaning |"
    yield "|---|---|---|"
    for outcome, (level, meaning) in LEVELS.items():
        yield f"| `{outcome}` | `{getLevelName(level).lower()}` | {meaning} |"
    for code, (level, meaning) in EXPECTED_FAILURES.items():
        yield f"| `failed`, code `{code}` | `{getLevelName(level).lower()}` | {meaning} |"


PARTS: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    part.__name__: part
    for part in (
        statuses,
        settings,
        product_settings,
        routes,
        commands,
        metrics,
        modules,
        declared,
        within,
        followed,
        errors,
        keywords,
        other_types,
        formats,
        mistakes,
        planted,
        languages,
        groups,
        engines,
        engine_ratios,
        capacity,
        log_fields,
        log_levels,
    )
}


def current(text: str) -> str:
    """The page with its generated parts brought up to date."""

    def written(part: re.Match[str]) -> str:
        body = "\n".join(line.rstrip() for line in "\n".join(PARTS[part[1]]()).splitlines())
        return f"<!-- generated: {part[1]} -->\n\n{body.strip()}\n\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->.*?<!-- end -->", written, text, flags=re.DOTALL)


def outdated() -> list[Path]:
    """The pages whose generated parts are outdated."""
    pages = [ROOT / "ARCHITECTURE.md", *PAGES.rglob("*.md")]
    return [page for page in pages if current(text := page.read_text(encoding="utf-8")) != text]


def openapi() -> str:
    """The OpenAPI document of the review site."""
    document = openapi_document(runtime_of(review_site).catalogue, "Outlast", ROUTES)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def files() -> Mapping[Path, str]:
    """What each generated file should contain."""
    collector = PACKAGES[1] / "pages" / "assets" / "collector.mjs"
    return {
        PAGES / "pictures" / "accuracy.svg": picture([from_json(measured())]),
        PAGES / "reference" / "evidence.schema.json": evidence_schema(),
        ROOT / "extension" / "collector.mjs": collector.read_text(encoding="utf-8"),
        OPENAPI: openapi(),
    }


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.2g}%" if percent < 100 else f"{percent:,.0f}%"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _address(route: Route) -> str:
    return f"`{' '.join(sorted(route.methods - {'HEAD'}))} {route.path}`"


def _default(value: Any) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, tuple):
        value = ",".join(map(str, cast("tuple[object, ...]", value)))
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _bounds(field: Any) -> str:
    words = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}"}
    limits = [
        words[name].format(f"{getattr(bound, name):g}")
        for bound in field.metadata
        for name in words
        if hasattr(bound, name)
    ]
    return f" ({', '.join(limits)})" if limits else ""


def _commands(name: str, command: click.Command, parent: click.Context | None) -> Iterator[click.Context]:
    command = copy(command)
    command._help_option = None  # noqa: SLF001 - click keeps that of its first context, which may have no parent
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, parent, name, **settings)
    yield context
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            if found is not None and not found.hidden:
                yield from _commands(sub, found, context)


def _docstring(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()


def main() -> None:
    os.environ.pop("COLUMNS", None)
    for page in outdated():
        page.write_text(current(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.relative_to(PAGES.parent), file=sys.stderr)
    for path, content in files().items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
