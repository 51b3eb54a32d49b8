"""A step that an analysis calls although its plan lacks it: kept, shown, and told once in the log."""

import logging
from pathlib import Path

import pytest
import unplanned_site

from outlast import Outlast
from outlast.domain.progress import StepStatus
from outlast.settings import load_settings


@pytest.fixture(params=[None, "process"])
def isolation(request):
    return request.param


@pytest.mark.slow
async def test_it_is_kept_and_shown_without_a_share_and_warned_about_once(
    tmp_path: Path, isolation, caplog, monkeypatch
):
    monkeypatch.setattr("outlast.running.progress_tracker._warned", set())
    site = Outlast(load_settings(data_dir=tmp_path, shutdown_grace=0))
    ledger = tmp_path / "ledger"
    analyse = site.analysis("site", steps=[unplanned_site.read], isolation=isolation)(unplanned_site.analyse)
    async with site.lifespan(workers=1):
        with caplog.at_level(logging.WARNING, logger="outlast"):
            session = await analyse.start(ledger=str(ledger))
            assert await session.result() == 6
            await analyse.run(ledger=str(ledger))
        final = (await session.view()).session
    assert [(s.name, s.title, s.status, s.weight > 0) for s in final.progress.steps] == [
        ("read", "Reading", StepStatus.DONE, True),
        ("count", "Counting the words", StepStatus.DONE, False),
        ("double", "Doubling", StepStatus.DONE, False),
    ]
    assert (final.attempt, final.progress.percentage) == (2, 100)
    assert ledger.read_text().split().count("count") == 2, "once for each session, as its result is kept"
    told = [record.getMessage() for record in caplog.records if "not in the plan" in record.msg]
    assert [text.split("'")[1] for text in told] == ["count", "double"]
    assert all("(read)" in text and "add it to steps=[…]" in text for text in told)
