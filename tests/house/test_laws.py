"""The laws that no other tool checks: file sizes, names, broad `except` clauses, machine paths."""

import ast
import re
from pathlib import Path

import pytest
from source_tree import PACKAGES, ROOT, in_package, modules, named, repository

LONGEST = {"src": 500, "tests": 500}
COUNTED = {".py", ".js", ".css", ".sql", ".html"}
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "managers",
    "service",
    "services",
}

BROAD_EXCEPT = {
    "src/outlast/running/attempt.py": "the attempt: every error of the analysis is its outcome",
    "src/outlast/running/embedded.py": "the service loop of a worker in the host's process",
    "src/outlast/core/analyses/fan_out.py": "a thread of a map: its caller raises the error again",
    "src/outlast/core/analyses/payload.py": "upgrade=, code of the program: its error is the reason given",
    "src/outlast/core/analyses/step_tries.py": "a try of a step: raised again unless the step is",
    "src/outlast/running/isolation_child.py": "the attempt, in a process of its own",
    "src/outlast/running/error_mapping.py": "the attempt: an error may raise anything while it is read",
    "src/outlast/running/threads.py": "the attempt, and a pool whose callers get the error",
    "src/outlast/web/logins.py": "owner=, code of the host: its error reaches the host, or is answered",
    "src/outlast/web/result_pages.py": "hooks of the program: a result is shown without what they cannot make",
    "src/outlast/running/outcome_writer.py": "the attempt: an outcome that the store rejects is replaced",
    "src/outlast/core/service_loop.py": "the service loop",
    "src/outlast/backends/celery/dispatcher.py": "the service loop that sends ids to the broker",
    "src/outlast/backends/postgres/batches.py": "the writing loop: each error goes to its caller",
    "src/outlast/backends/sqlite/writer.py": "the writing loop: each error goes to its caller",
}
"""The only modules that may catch every exception."""

USES_ENVIRONMENT = {
    "src/outlast/cli/service_manager.py": "variables of systemd, removed so that no child inherits them",
    "src/outlast/running/isolation_parent.py": "an isolated attempt inherits the environment whole",
    "src/outlast/running/process_tree.py": "the environments of other processes tell who started them",
    "src/outlast/running/supervisor.py": "a worker inherits the environment whole",
    "src/outlast/given_settings.py": "it hides secrets in logs, whoever reads them",
    "src/outlast/unknown_settings.py": "it finds misspelt names",
}
"""The only modules that use the environment themselves; `BaseSettings` reads the settings from it."""


def test_every_file_has_at_most_500_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in repository()
        if path.suffix in COUNTED
        and (limit := LONGEST.get(path.relative_to(ROOT).parts[0]))
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
    ]
    assert not long


def test_no_module_has_a_generic_name() -> None:
    paths = [p for package in (*PACKAGES, ROOT / "tests") for p in package.rglob("*")]
    assert not named([p for p in paths if p.stem in FORBIDDEN_NAMES and p.suffix in {"", ".py"}])


@pytest.mark.slow
def test_every_module_docstring_starts_with_a_sentence() -> None:
    silent = [
        p for p in modules() if not re.search(r"[.`?]$", (ast.get_docstring(_tree(p)) or "").split("\n\n")[0])
    ]
    assert not named(silent)


@pytest.mark.slow
def test_errors_of_any_kind_are_caught_by_the_attempt_and_service_loops_alone() -> None:
    broad = {str(p.relative_to(ROOT)) for p in modules() if any(map(_swallows, ast.walk(_tree(p))))}
    assert broad == set(BROAD_EXCEPT)


@pytest.mark.slow
def test_the_environment_is_read_by_the_settings_alone() -> None:
    users = {
        str(p.relative_to(ROOT))
        for p in modules()
        if any(getattr(n, "attr", getattr(n, "name", "")) in {"environ", "getenv"} for n in ast.walk(_tree(p)))
    }
    assert users == set(USES_ENVIRONMENT)


@pytest.mark.slow
def test_no_string_names_a_module_of_another_layer() -> None:
    """The import rule does not see module names in strings; the distributions find each other by entry points."""
    module = re.compile(r"(outlast(?:_reviews)?)\.(\w+)[\w.]*(?::\w+)?")
    crossing: list[str] = []
    for path in modules():
        own = in_package(path).with_suffix("").parts[:2]
        for node in ast.walk(_tree(path)):
            value = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            found = module.fullmatch(value)
            if not found or own in {found.groups(), ("outlast", "__init__")}:
                continue
            there = next(package for package in PACKAGES if package.name == found[1])
            if any((there / name).exists() for name in (found[2], f"{found[2]}.py")):
                crossing.append(f"{path.relative_to(ROOT)}:{node.lineno}: {value}")
    assert not crossing


def test_nothing_is_pickled() -> None:
    imported = re.compile(r"^\s*(?:import|from) (?:pickle|marshal|shelve|dill|cloudpickle)\b", re.MULTILINE)
    assert not named([p for p in modules() if imported.search(p.read_text(encoding="utf-8"))])


def test_no_check_is_switched_off_without_a_reason_beside_it() -> None:
    switch = re.compile(r"#\s*(?:noqa|type:\s*ignore|pyright:\s*ignore)[^#]*$")
    bare = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in repository()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := switch.search(line)) and " - " not in found[0]
    ]
    assert not bare


@pytest.mark.slow
def test_no_file_names_a_registry_or_the_machine_it_was_written_on() -> None:
    """The names are split, so that this file does not contain them."""
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "registry." + "npm", "piwheels" + ".org"]
    places = ["/work" + "/main", "/work" + "/s", "/root" + "/", "/opt" + "/wheels"]
    named_in = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in repository()
        for word in [*hosts, *places]
        if word.encode() in path.read_bytes()
    ]
    assert not named_in


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _swallows(node: ast.AST) -> bool:
    """Return whether the node catches every exception and does not raise it again."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return called == "suppress" and any(map(_everything, node.args))
    if not isinstance(node, ast.ExceptHandler) or (node.type is not None and not _everything(node.type)):
        return False
    last = node.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


def _everything(node: ast.expr) -> bool:
    kinds = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(k, ast.Name) and k.id in {"Exception", "BaseException"} for k in kinds)
