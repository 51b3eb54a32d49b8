"""The options of an analysis: written down once, described, and known to `help` and to checkers."""

import inspect
import re
from dataclasses import fields

import pytest

import outlast
from outlast import AnalysisOptions, AsyncAnalysisHandle, BlockingAnalysisHandle, Outlast


def test_help_describes_every_option_with_its_default():
    described = set(re.findall(r"^`(\w+)`:", inspect.getdoc(Outlast.analysis), re.MULTILINE))
    names = [field.name for field in fields(AnalysisOptions)]
    assert described == set(names)
    shown = list(inspect.signature(Outlast.analysis).parameters.values())
    assert [parameter.name for parameter in shown] == ["self", "name", *names]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in shown[2:])


def test_every_public_name_and_method_is_described():
    """With more than its kind: a first sentence of its own."""
    bare = [name for name in outlast.__all__ if not _described(getattr(outlast, name))]
    for kind in (Outlast, outlast.SessionHandle, AsyncAnalysisHandle, BlockingAnalysisHandle):
        bare += [
            f"{kind.__name__}.{name}"
            for name, member in inspect.getmembers(kind)
            if not name.startswith("_") and not _described(member)
        ]
    assert not bare


def _described(thing: object) -> bool:
    text = inspect.getdoc(thing) or ""
    return text.partition("\n")[0].rstrip().endswith((".", ",", ":")) or len(text) > 60


@pytest.mark.parametrize("member", ["engine", "open", "operators", "worker_options", "catalogue"])
def test_what_no_program_can_import_is_private(member):
    assert not hasattr(Outlast(), member)
