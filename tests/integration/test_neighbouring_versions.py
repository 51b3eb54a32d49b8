"""The previous release and this one side by side on one PostgreSQL, under load: nothing fails, nothing is lost."""

import importlib
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[2] / "chaos"


@pytest.mark.slow
@pytest.mark.long
def test_an_upgrade_beside_the_previous_release_fails_nothing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(CHAOS))
    neighbours = importlib.import_module("neighbours")
    try:
        ledger, faults = neighbours.run(tmp_path, 2, rollback=False, workers=1, short=1)
    except neighbours.CommitMissingError as missing:
        pytest.skip(str(missing))
    finally:
        for name in ("neighbours", "load", "hosts", "checker", "visitor"):
            sys.modules.pop(name, None)
    assert not faults, "\n".join(faults)
    assert len(ledger.acknowledged) > 10
    log = (tmp_path / "old-api" / "log.txt").read_text()
    assert "Serving on" in log
