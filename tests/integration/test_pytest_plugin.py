"""The pytest plugin, with the files that its users write."""

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

MYAPP = """
import asyncio, threading, time
from outlast import Outlast, Permanent, RetryAfter, Upload, report, step

outlast = Outlast()
turns = []

@step("Fetching", retries=3)
async def fetch(url: str) -> str:
    turns.append(url)
    if len(turns) == 1:
        raise RetryAfter(100, "The site is busy.")
    return "Example"

@step("Fetching", retries=3)
def fetch_blocking(url: str) -> str:
    return fetch.work(url).send(None)

@outlast.analysis("site", steps=[fetch])
async def site(url: str) -> dict[str, str]:
    return {"title": await fetch(url)}

@outlast.analysis("later", max_attempts=3)
async def later(days: float) -> int:
    turns.append(days)
    if len(turns) < 3:
        raise RetryAfter(days * 86400)
    return len(turns)

@outlast.analysis("hanging", timeout=3600, max_attempts=2)
async def hanging() -> None:
    await asyncio.Event().wait()

@outlast.analysis("polling", timeout=3600)
async def polling() -> int:
    for _ in range(10):
        await asyncio.sleep(60)
    return 10

@step("Part", retries=2)
def part(n: int) -> int:
    if turns.count(n) < 2:
        turns.append(n)
        raise RetryAfter(600)
    return n

@outlast.analysis("blocking", steps=[part], timeout=3600)
def blocking() -> list[int]:
    return part.map(range(3))

@step("Real", timeout=20)
def real(seconds: float) -> str:
    threading.Event().wait(seconds)
    return "done"

@outlast.analysis("real_thread", steps=[real], timeout=20)
def real_thread() -> str:
    return real(0.3)

@outlast.analysis("real_job", timeout=20)
async def real_job() -> str:
    return await asyncio.to_thread(real.work, 0.3)

@outlast.analysis("real_socket", timeout=20)
async def real_socket(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = await reader.read()
    writer.close()
    return answer.decode()

@outlast.analysis("permanent")
async def permanent() -> None:
    raise Permanent("There is nothing.")

@outlast.analysis("broken", max_attempts=1)
async def broken() -> None:
    raise ValueError("the cause")
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run a user's file beside `myapp.py`, with the plugins that are installed."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(myapp=MYAPP)

    def run(code, *options):
        pytester.makepyfile(test_mine=code)
        if "no:asyncio" not in options:
            options = (*options, "-o", "asyncio_default_fixture_loop_scope=function")
        return pytester.runpytest_subprocess("-q", "-W", "error", "-p", "no:randomly", *options, timeout=100)

    return run


pytestmark = pytest.mark.slow


def test_six_lines_test_an_async_analysis_and_a_retry_after_costs_no_time(suite):
    done = suite(
        """
        from myapp import outlast

        async def test_site(outlast_app):
            async with outlast_app(outlast) as app:
                view = await app.run("site", url="https://example.com")
                assert view.result["title"] == "Example"
    """,
        "--asyncio-mode=auto",
        "--timeout=20",
    )
    done.assert_outcomes(passed=1)


def test_a_def_test_needs_no_event_loop(suite):
    done = suite(
        """
        from myapp import outlast

        def test_site(outlast_app):
            with outlast_app(outlast) as app:
                assert app.run("site", url="https://example.com").result == {"title": "Example"}
    """,
        "-p",
        "no:asyncio",
        "--timeout=20",
    )
    done.assert_outcomes(passed=1)


def test_every_wait_is_skipped_and_real_work_is_not(suite):
    done = suite(
        """
        import socketserver, threading
        import pytest
        from concurrent.futures import ThreadPoolExecutor
        from datetime import datetime, UTC
        import myapp
        from outlast import Status

        @pytest.fixture
        def app(outlast_app):
            myapp.turns.clear()
            with outlast_app(myapp.outlast) as app:
                yield app

        def test_days_between_attempts(app):
            ended = app.run("later", days=1.0)
            assert (ended.result, ended.attempts) == (3, 3)
            assert (ended.view.session.completed_at - ended.view.session.created_at).days == 2

        def test_the_timeout_of_attempts(app):
            ended = app.run("hanging")
            assert (ended.status, ended.error_code, ended.attempts) == (Status.FAILED, "timeout", 2)

        def test_sleeps(app):
            assert app.run("polling").result == 10

        def test_the_pauses_of_def_steps_in_threads(app):
            assert app.run("blocking").result == [0, 1, 2]

        @pytest.mark.parametrize("name", ["real_thread", "real_job"])
        def test_a_working_thread_is_waited_for(app, name):
            assert app.run(name).result == "done"

        def test_a_socket_is_waited_for(app):
            class Slow(socketserver.BaseRequestHandler):
                def handle(self):
                    threading.Event().wait(0.3)
                    self.request.sendall(b"done")

            with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
                assert app.run("real_socket", port=server.server_address[1]).result == "done"
                server.shutdown()

        def test_runs_in_threads_of_the_test(app):
            with ThreadPoolExecutor(3) as pool:
                assert [run.result for run in pool.map(lambda _: app.run("polling"), range(3))] == [10] * 3

        def test_a_failure_says_why(app):
            assert app.run("permanent").error == "There is nothing."
            ended = app.run("broken")
            assert ended.error_code == "error"
            with pytest.raises(AssertionError, match="failed after 1 attempt"):
                ended.result

        def test_a_session_by_itself(app):
            session = app.outlast.sync.start("later", owner="ann", days=1.0).session.id
            views = app.outlast.sync.watch(session)
            while next(views).session.phase != "retrying":
                pass
            app.skip(86_400)
            while next(views).session.attempt < 2:
                pass
    """,
        "--timeout=30",
    )
    done.assert_outcomes(passed=10)
    assert "the cause" not in done.stdout.str()


def test_a_failing_test_shows_what_the_analysis_raised(suite):
    done = suite("""
        from myapp import outlast

        def test_broken(outlast_app):
            with outlast_app(outlast) as app:
                assert app.run("broken").result == 1
    """)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ValueError: the cause*"])


def test_the_site_answers_test_clients_of_any_event_loop(suite):
    done = suite(
        """
        import httpx
        from starlette.applications import Starlette
        from starlette.routing import Mount
        from starlette.testclient import TestClient
        from myapp import outlast

        def test_with_the_test_client(outlast_app):
            with outlast_app(outlast) as app, TestClient(app.asgi()) as client:
                assert client.get("/livez").status_code == 200
                token = client.get("/api/analysis/token").json()["token"]
                started = client.post(
                    "/api/analysis/start",
                    json={"analysis": "site", "input": {"url": "x"}},
                    headers={"x-csrf-token": token},
                )
                assert started.status_code in (200, 202), started.text

        async def test_with_httpx(outlast_app):
            async with outlast_app(outlast) as app:
                ended = await app.run("site", url="x")
                stored = await app.call(outlast.result(ended.id))
                assert stored.result
                async with httpx.AsyncClient(
                    transport=httpx.ASGITransport(app.asgi()), base_url="http://test"
                ) as client:
                    assert (await client.get("/")).status_code == 200

        def test_a_host(outlast_app):
            host = Starlette(routes=[Mount("/slow", outlast.asgi())], lifespan=outlast.lifespan(workers=1))
            with outlast_app(outlast) as app, TestClient(app.asgi(host)) as client:
                assert client.get("/slow/livez").status_code == 200
    """,
        "--asyncio-mode=auto",
        "--timeout=30",
        "-W",
        "default",
    )
    done.assert_outcomes(passed=3)


def test_the_object_has_its_own_store_again_afterwards(suite, pytester):
    done = suite(
        """
        from pathlib import Path
        import pytest
        from myapp import outlast

        def test_one(outlast_app):
            app = outlast_app(outlast)
            own = outlast.settings
            with app:
                assert outlast.settings.data_dir != own.data_dir
                with pytest.raises(RuntimeError, match="open already"), outlast_app(outlast):
                    pass
            assert outlast.settings is own
            with pytest.raises(RuntimeError, match="within its block"):
                app.run("site", url="x")

        def test_it_works_with_it_again(outlast_app, tmp_path):
            with outlast_app(outlast) as app:
                app.run("permanent")
                app.run("permanent")
            assert not Path("outlast-data").exists()
    """,
        "--timeout=30",
    )
    done.assert_outcomes(passed=2)


def test_a_suite_that_does_not_use_it_imports_nothing_heavy():
    code = "import sys, outlast.pytest_plugin; print(sorted(m for m in sys.modules if m.startswith('outlast')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['outlast', 'outlast.pytest_plugin']"


def test_this_suite_loads_it_once(pytestconfig):
    plugins = [name for name, plugin in pytestconfig.pluginmanager.list_name_plugin() if "outlast" in str(plugin)]
    assert plugins == ["outlast"]
