"""Entry points of installed distributions: applications and commands."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from click.testing import CliRunner

from outlast.cli import application, main
from outlast.cli.application import Refused, load_app

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
    monkeypatch.setattr(main, "entry_points", installed(product=f"{__name__}:COMMANDS"))
    main.commands.cache_clear()
    try:
        shown = CliRunner().invoke(main.outlast, ["--help"]).output
    finally:
        main.commands.cache_clear()
    assert "Greet the visitors." in shown
    assert "Judge the reviews" not in shown
