"""Entry points of installed distributions: applications and commands."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points

import pytest
from click.testing import CliRunner

from outlast.cli import application, main
from outlast.cli.application import Refused, load_app

PATHS = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
"""For `python -S`, which runs no code of other distributions at its start, as some tools install it."""
COMMANDS = {"greet": ("a_product.command:greet", "Greet the visitors.")}


def installed(**points: str):
    """Entry points by name, whatever their group."""
    found = EntryPoints(EntryPoint(name, value, "outlast") for name, value in points.items())
    return lambda *, group, name="": found.select(name=name) if name else found


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("ANALYSIS_APP", raising=False)


def test_without_a_product_a_sentence_asks_for_an_application(monkeypatch):
    monkeypatch.setattr(application, "entry_points", installed())
    with pytest.raises(Refused, match="Name your program as --app"):
        load_app()


def test_the_application_of_an_installed_product_is_the_default(monkeypatch):
    monkeypatch.setattr(application, "entry_points", installed(default="no_such_product.app:outlast"))
    with pytest.raises(Refused, match="no module 'no_such_product'"):
        load_app()


def test_an_installed_product_adds_its_commands(monkeypatch):
    monkeypatch.setattr(main, "entry_points", lambda _group: [f"{__name__}:COMMANDS"])
    main.commands.cache_clear()
    try:
        shown = CliRunner().invoke(main.outlast, ["--help"]).output
    finally:
        main.commands.cache_clear()
    assert "Greet the visitors." in shown
    assert "Judge the reviews" not in shown


@pytest.mark.parametrize(
    "group", ["outlast.commands", "outlast.apps", "console_scripts", "pytest11", "no.such.group"]
)
def test_the_commands_of_installed_distributions_are_those_of_importlib(group):
    assert sorted(main.entry_points(group)) == sorted(point.value for point in entry_points(group=group))


def test_of_two_versions_on_the_import_path_the_first_counts(tmp_path, monkeypatch):
    for folder, version in (("later", "1"), ("first", "2")):
        entries = tmp_path / folder / f"a_product-{version}.dist-info" / "entry_points.txt"
        entries.parent.mkdir(parents=True)
        entries.write_text(f"[other]\na = b:C\n\n[a.group]\nname = v{version}:COMMANDS\n\n[more]\nd = e:F\n")
        monkeypatch.syspath_prepend(tmp_path / folder)
    monkeypatch.syspath_prepend(tmp_path / "does not exist")
    assert list(main.entry_points("a.group")) == ["v2:COMMANDS"]


@pytest.mark.slow
def test_help_imports_nothing_that_only_commands_need():
    program = (
        "import sys; from outlast.cli.main import commands; commands(); "
        "print({'asyncio', 'importlib.metadata', 'pydantic', 'email', 'logging'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False, env=PATHS
    )
    assert done.stdout.strip() == "set()", done.stderr
