"""The reference matches the code: settings, routes, commands, statuses, public names."""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from source_tree import ROOT, modules, pages

import outlast
from outlast.settings import Settings, setting_names
from outlast_reviews.settings import ReviewSettings, review_setting_names

SETTING = re.compile(r"\b(?:ANALYSIS_[A-Z_]+|APP_KEY|DATABASE_URL|QUEUE_CONNECTION|REDIS_URL)\b")
MISSPELT = {"ANALYSIS_POLING_INTERVAL"}
"""What pages show as an example of a name that nothing reads."""
NOT_YET = re.compile(r"<!-- not yet -->.*?<!-- end -->", re.DOTALL)


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    yield import_module("generate")
    sys.modules.pop("generate")


@pytest.mark.slow
def test_the_generated_parts_are_current(generate) -> None:
    for page in generate.outdated():
        text = page.read_text(encoding="utf-8")
        assert text.splitlines() == generate.current(text).splitlines(), f"{page}: run python docs/generate.py"


@pytest.mark.slow
def test_the_help_of_a_command_does_not_depend_on_who_asked_first(generate) -> None:
    before = "\n".join(generate.commands())
    for command in import_module("test_command_line").COMMANDS.values():
        command._help_option = None  # as when nobody has asked yet
        command.get_help(click.Context(command))
    assert "\n".join(generate.commands()) == before


def test_the_generated_files_are_current(generate) -> None:
    for path, content in generate.files().items():
        assert path.read_text(encoding="utf-8") == content, "Run: python docs/generate.py"


def test_the_reference_has_every_generated_part_once(generate) -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in pages())
    assert sorted(re.findall(r"<!-- generated: (\w+) -->", text)) == sorted(generate.PARTS)


def test_no_page_names_a_setting_that_does_not_exist() -> None:
    unknown = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages()
        for name in SETTING.findall(NOT_YET.sub("", page.read_text(encoding="utf-8")))
        if name not in setting_names() | review_setting_names() and name not in MISSPELT
    }
    assert not unknown


@pytest.mark.slow
def test_every_setting_is_read() -> None:
    assert _fields_read() >= set(Settings.model_fields), set(Settings.model_fields) - _fields_read()


@pytest.mark.slow
def test_every_setting_of_the_product_is_read() -> None:
    settings = ROOT / "reviews" / "src" / "outlast_reviews" / "settings.py"
    read = {name for path in modules() if path != settings for name in _read_from_settings(path)}
    assert read >= set(ReviewSettings.model_fields), set(ReviewSettings.model_fields) - read


def test_every_setting_has_a_description_and_an_example() -> None:
    named = setting_names() | review_setting_names()
    assert not [name for name, field in named.items() if not (field.description and field.examples)]


@pytest.mark.slow
def test_every_public_name_member_and_parameter_is_explained(generate) -> None:
    assert sorted(outlast.__all__) == outlast.__all__
    assert not import_module("python_reference").undocumented()


def test_the_reference_shows_every_public_name_with_its_signature() -> None:
    text = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    shown = re.findall(r"^### `(\w+)`$", text, re.MULTILINE)
    assert len(shown) == len(set(shown))
    assert set(outlast.__all__) - {"Settings"} <= set(shown)
    assert all(f"| `{field}` |" in text for field in Settings.model_fields)


def test_the_changelog_names_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _fields_read() -> set[str]:
    """Fields of the settings read outside their module, directly or through a property."""
    settings = ROOT / "src" / "outlast" / "settings.py"
    read = {name for path in modules() if path != settings for name in _read_from_settings(path)}
    for node in ast.walk(ast.parse(settings.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name in read:
            read |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return read


def _read_from_settings(path: Path) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and re.search(r"settings(\(\))?$", ast.unparse(node.value))
    }
