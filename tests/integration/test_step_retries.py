"""`retries=` and `timeout=` of steps with a real worker, a real file and real processes."""

import pytest
import tried_analyses
from tried_analyses import give_up, read, read_on_loop, wait, wait_on_loop

from outlast import Outlast
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.settings import load_settings

ANALYSES = {
    "tried": read,
    "tried_on_loop": read_on_loop,
    "slow": wait,
    "slow_on_loop": wait_on_loop,
    "given_up": give_up,
}
pytestmark = pytest.mark.slow


@pytest.fixture
async def end(tmp_path):
    """Run an analysis in this process or in its own; returns its session at the end."""
    outlast = Outlast(load_settings(data_dir=tmp_path / "data", queue_max_tries=1))
    for name, planned in ANALYSES.items():
        for isolation in (None, "process"):
            analysis = outlast.analysis(f"{name}-{isolation}", steps=[planned], isolation=isolation, timeout=60)
            analysis(getattr(tried_analyses, name))
    await runtime_of(outlast).open(workers=1)

    async def run(name, isolation):
        started = await outlast.start(f"{name}-{isolation}", owner="ann", folder=str(tmp_path))
        return [view async for view in outlast.watch(started.session.id)][-1].session

    yield run
    await outlast.close()


isolated = pytest.mark.parametrize("isolation", [None, "process"])


@isolated
@pytest.mark.parametrize("name", ["tried", "tried_on_loop"])
async def test_a_failed_call_is_tried_again_within_the_attempt(end, name, isolation):
    session = await end(name, isolation)
    assert (session.status, session.attempt) == (Status.COMPLETED, 1)


@isolated
@pytest.mark.parametrize("name", ["slow", "slow_on_loop"])
async def test_a_call_past_its_timeout_fails_and_says_so(end, name, isolation):
    session = await end(name, isolation)
    assert (session.status, session.error_code) == (Status.FAILED, "timeout")
    assert session.error.endswith("took longer than the 0.2 s that it may take.")


@isolated
async def test_a_permanent_error_is_not_tried_again(end, isolation):
    session = await end("given_up", isolation)
    assert session.error == "There is nothing after 1 call."
