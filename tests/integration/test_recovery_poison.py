"""An input that kills its worker is quarantined, without harm to other sessions."""

from pathlib import Path

import pytest
from processes import Installation

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("poison")
async def poison() -> None:
    note("poisoned", os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)

@step("Once")
async def once(n: int) -> None:
    note("once", n)

@outlast.analysis("neighbour", steps=[once])
async def neighbour(n: int) -> None:
    await once(n)
    await until("go")
"""


def test_an_input_that_kills_its_worker_is_quarantined_after_three_deaths(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=2))
        neighbours = [visitor.start("neighbour", n=n) for n in range(10)]
        installation.wait_for_effect("once", count=10)
        poison = visitor.start("poison")
        shown = visitor.wait_for(poison, "failed", within=30)
        assert shown["error_code"] == "quarantined"
        assert len(installation.effects("poisoned")) == 3
        installation.allow("go")
        for session in neighbours:
            assert visitor.wait_for(session, "completed", within=10)["attempt"] == 1
        assert len(installation.effects("once")) == 10, "a kept step ran again"


def test_several_such_inputs_among_others_take_none_of_them_along(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        installation.allow("go")
        visitor = installation.visitor(installation.serve(workers=1))
        kinds = ["neighbour" if n % 4 else "poison" for n in range(12)]
        sessions = [visitor.start(kind, **({"n": n} if n % 4 else {})) for n, kind in enumerate(kinds)]
        ends = {"neighbour": "completed", "poison": "failed"}
        for session, kind in zip(sessions, kinds, strict=True):
            visitor.wait_for(session, ends[kind], within=60)
        assert len(installation.effects("poisoned")) <= 9
