"""The example of each framework: the site works below `/slow`, and the framework's login owns what is started."""

import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from edge_site import Visitor, served
from werkzeug.serving import make_server

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
WITH_LOGIN = ["fastapi", "starlette", "litestar", "django", "flask"]


class Guest(Visitor):
    """A browser that looks at `/slow` of a host on another port."""

    root = "/slow"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANALYSIS_SHUTDOWN_GRACE", "0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def running(name: str) -> AsyncIterator[str]:
    """The address of the example, with a worker in this process."""
    program = import_module(f"mounted_{name}")
    try:
        async with _host(name, program) as address:
            yield address
    finally:
        sys.modules.pop(program.__name__)


def _host(name: str, program: ModuleType) -> AbstractAsyncContextManager[str]:
    if name == "flask":
        return _by_wsgi(program)
    return _by_asgi(name, program)


@asynccontextmanager
async def _by_asgi(name: str, program: ModuleType) -> AsyncIterator[str]:
    if name == "django":
        await _add_users()
    async with (
        program.outlast.lifespan(workers=1),
        served(program.application if name == "django" else program.app) as address,
    ):
        yield address


@asynccontextmanager
async def _by_wsgi(program: ModuleType) -> AsyncIterator[str]:
    with _wsgi_server(program) as address:
        yield address


@contextmanager
def _wsgi_server(program: ModuleType) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, program.app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        program.outlast.sync.close()


async def _add_users() -> None:
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User
    from django.core.management import call_command

    await sync_to_async(call_command)("migrate", verbosity=0)
    for user in ("ada", "bob"):
        await User.objects.acreate_user(user, password="secret")


def test_every_example_is_tested() -> None:
    assert {p.stem for p in EXAMPLES.glob("mounted_*.py")} == {f"mounted_{n}" for n in (*WITH_LOGIN, "asgi")}


@pytest.mark.parametrize("name", WITH_LOGIN)
@pytest.mark.usefixtures("folder")
async def test_a_visitor_who_logs_in_keeps_what_they_have_started(name: str) -> None:
    async with running(name) as address, Guest(base_url=address) as ada, Guest(base_url=address) as bob:
        session_id = await (await ada.arrive()).started("letters", text="abc")
        assert (await ada.finished(session_id))["result"] == {"letters": 3}
        await _works_below_its_mount(ada, session_id)
        for guest, user in ((ada, "ada"), (bob, "bob")):
            answer = await guest.post("/login", data={"user": user, "password": "secret"})
            assert (answer.status_code, answer.headers["location"]) in {(303, "/slow/"), (302, "/slow/")}
            await guest.arrive()
        assert (await ada.snapshot(session_id))["status"] == "completed"
        assert (await bob.get(f"/slow/api/analysis/progress/{session_id}")).status_code == 404
        later = await ada.started("letters", text="abcd")
        assert (await ada.finished(later))["result"] == {"letters": 4}
        async with Guest(base_url=address) as elsewhere:  # the same user in another browser
            await elsewhere.post("/login", data={"user": "ada", "password": "secret"})
            assert (await elsewhere.snapshot(session_id))["session_id"] == session_id


@pytest.mark.usefixtures("folder")
async def test_without_a_framework_it_works_beside_another_application() -> None:
    async with running("asgi") as address, Guest(base_url=address) as guest:
        session_id = await (await guest.arrive()).started("letters", text="abc")
        assert (await guest.finished(session_id))["result"] == {"letters": 3}
        await _works_below_its_mount(guest, session_id)
        assert (await guest.get("/")).text == "The shop"
        assert (await guest.get("/slower")).text == "The shop"


async def _works_below_its_mount(guest: Visitor, session_id: str) -> None:
    for page in ("/slow/", f"/slow/analysis/{session_id}", "/slow/dashboard/enter"):
        html = (await guest.get(page, headers={"Accept": "text/html"})).raise_for_status().text
        addresses = re.findall(r'\b(?:href|src|action|data-start|data-upload)="(/[^"#]+)"', html)
        assert addresses
        for address in addresses:
            assert address.startswith("/slow/"), address
            if "/static/" in address:
                assert "immutable" in (await guest.get(address)).raise_for_status().headers["cache-control"]
    async with guest.stream("GET", f"/slow/api/analysis/progress/{session_id}/events") as events:
        assert "event: done" in (await events.aread()).decode()
