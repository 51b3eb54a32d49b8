"""A host dies of an embedded analysis: it has no supervisor, and the next start detects the death."""

import signal
from pathlib import Path

import pytest
from processes import Installation

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("poison")
async def poison() -> None:
    note("poisoned", os.getpid())
    await until("fatal")
    os._exit(3)

@step("Once")
async def once() -> None:
    note("once")

@outlast.analysis("honest", steps=[once])
async def honest() -> None:
    await once()
    note("going on")
    await until("go")

def main():
    import socket
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    host = Starlette(routes=[Mount("/", outlast.asgi())], lifespan=outlast.lifespan(workers=1))
    listening = socket.create_server(("127.0.0.1", 0))
    print("Serving on http://127.0.0.1:%d" % listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(host, log_config=None)).run(sockets=[listening])

if __name__ == "__main__":
    main()
"""


def test_an_input_that_kills_its_host_is_quarantined_at_the_third_death(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        host = installation.program()
        visitor = installation.visitor(host)
        honest = visitor.start("honest")
        installation.wait_for_effect("once")
        poison = visitor.start("poison")
        installation.allow("fatal")
        for _ in range(3):
            assert host.wait(within=30) == 3, host.log
            host = installation.program()
        visitor.address = host.address()
        shown = visitor.wait_for(poison, "failed", within=10)
        assert shown["error_code"] == "quarantined"
        assert shown["error"].count("is gone, and nobody saw how it ended") == 3
        assert len(installation.effects("poisoned")) == 3
        installation.allow("go")
        assert visitor.wait_for(honest, "completed", within=10)["attempt"] == 1
        assert len(installation.effects("once")) == 1, "a kept step ran again"


def test_what_a_killed_host_held_goes_on_in_the_next_before_a_lease_is_over(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        host = installation.program()
        visitor = installation.visitor(host)
        honest = visitor.start("honest")
        installation.wait_for_effect("going", "on")
        host.signal(signal.SIGKILL)
        host.wait(10)
        host = installation.program()
        visitor.address = host.address()
        installation.wait_for_effect("going", "on", count=2)
        assert "Leases lapsed" not in host.log
        assert "is gone, and nobody saw how it ended" in host.log
        installation.allow("go")
        visitor.wait_for(honest, "completed", within=10)
