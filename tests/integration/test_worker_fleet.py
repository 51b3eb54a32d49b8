"""A fleet of workers in the background, controlled through the store: real processes, signals and commands."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@step("Once")
async def once(name: str) -> None:
    note("once", name)

@outlast.analysis("waits", steps=[once])
async def waits(name: str) -> str:
    await once(name)
    note("waits", name, os.getpid())
    await until(name)
    return name

@outlast.analysis("quick")
async def quick(name: str) -> str:
    await asyncio.sleep(0.05)
    return name

@outlast.analysis("elsewhere", queue="elsewhere")
async def elsewhere() -> None:
    pass
"""


class Background:
    """A supervisor in the background of an installation, started by a command that has ended."""

    def __init__(self, installation: Installation, *arguments: str) -> None:
        self._installation = installation
        self.output = installation.command("workers", "start", "--daemon", *arguments).output(60)
        self.pid = int(self.output.partition("(pid ")[2].partition(")")[0])

    def command(self, *arguments: str, code: int = 0) -> str:
        process = self._installation.command("workers", *arguments)
        assert process.wait(60) == code, process.log
        return process.log

    def listed(self) -> list[dict[str, object]]:
        """The living workers."""
        return self._installation.alive_workers()

    def workers(self) -> set[int]:
        """The worker processes of the supervisor."""
        return {child.pid for child in psutil.Process(self.pid).children()}

    @property
    def log(self) -> str:
        return (self._installation.folder / "data" / "logs" / "workers.log").read_text()


def test_a_fleet_in_the_background_outlives_its_terminal_its_dead_and_its_deployments(  # noqa: PLR0915 - one fleet
    tmp_path: Path,
) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="5") as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        fleet = Background(installation, "--workers", "3")
        assert "runs 3 workers in the background" in fleet.output
        supervisor = psutil.Process(fleet.pid)
        assert supervisor.terminal() is None
        assert os.getsid(fleet.pid) not in {os.getsid(0), fleet.pid}, "no terminal can become its own"
        assert (tmp_path / "data" / "logs" / "workers.log").stat().st_mode & 0o777 == 0o600
        assert len(fleet.listed()) == 3

        # a worker is killed: it is replaced and its session goes on after the kept step
        held = visitor.start("waits", name="held")
        ((_, _, victim),) = installation.wait_for_effect("waits", "held")
        os.kill(int(victim), signal.SIGKILL)
        installation.wait_for_effect("waits", "held", count=2)
        wait_until(
            lambda: len(fleet.listed()) == 3 and victim not in {str(w["pid"]) for w in fleet.listed()},
            20,
            "three workers again",
        )
        assert len(installation.effects("once", "held")) == 1

        # pause: nothing is claimed, what waits is unserved, and a paused worker is replaced by a paused one
        wait_until(lambda: fleet.command("pause").count("is paused") == 3, 30, "three paused workers")
        waiting = visitor.start("quick", name="waiting")
        assert "no living worker takes them" in fleet.command("status", code=1)
        assert visitor.snapshot(waiting)["stalled"]
        paused = fleet.workers()
        os.kill(min(paused), signal.SIGKILL)
        wait_until(lambda: [w["state"] for w in fleet.listed()] == ["paused"] * 3, 20, "three paused workers")
        assert visitor.snapshot(waiting)["status"] == "pending"
        assert fleet.command("resume").count("is running") == 3
        visitor.wait_for(waiting, "completed", within=20)

        # a deployment under load: one after the other is replaced, and nobody's work is cut or counted
        before = fleet.workers()
        with (tmp_path / "site_under_test.py").open("a") as source:
            source.write("\n# the next version\n")
        assert fleet.command("status").count("(old code)") == 3
        load = [visitor.start("quick", name=f"load-{n}") for n in range(60)]
        assert fleet.command("restart").count("is replaced by") == 3
        for session in load:
            assert visitor.wait_for(session, "completed", within=20)["attempt"] == 1
        assert visitor.snapshot(held)["status"] == "processing", "its retired worker finishes it"
        listed = json.loads(fleet.command("status", "--json"))
        assert [w["old_code"] for w in listed if w["state"] == "running"] == [False] * 3
        assert not before & {w["pid"] for w in listed if w["state"] == "running"}

        # one worker is stopped by its id and stays away; all are stopped, and give back what they hold unspent
        first = next(w["id"] for w in listed if w["state"] == "running")
        assert f"Worker {first}" in fleet.command("stop", str(first))
        later = visitor.start("waits", name="later")
        installation.wait_for_effect("waits", "later")
        output = fleet.command("stop", "--now")
        assert "Supervisor" in output
        wait_until(lambda: not psutil.pid_exists(fleet.pid), 10, "the end of the supervisor")
        for session in (held, later):
            shown = visitor.snapshot(session)
            assert (shown["status"], shown["attempt"]) == ("pending", 0)
        assert "No worker is alive" in fleet.command("stop", code=1)
        assert '"level": "error"' not in "".join(
            line for line in fleet.log.splitlines() if "was killed by SIGKILL" not in line
        )

        # a supervisor is killed: its workers end, and the next one takes over
        fleet = Background(installation, "--workers", "2")
        installation.wait_for_effect("waits", "later", count=2)
        orphans = fleet.workers()
        os.kill(fleet.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(psutil.pid_exists, orphans)), 5, "the end of its workers")
        fleet = Background(installation, "--autoscale", "1,2", "--concurrency", "1")
        installation.allow("held")
        installation.allow("later")
        for session in (held, later):
            assert visitor.wait_for(session, "completed", within=20)["attempt"] == 1
        assert len(installation.effects("once", "later")) == 1
        assert visitor.start("waits", name="a") != visitor.start("waits", name="b")
        installation.wait_for_effect("waits", "a")
        installation.wait_for_effect("waits", "b")
        assert len(fleet.workers()) == 2, "as many as there is work for"
        drained = installation.command("workers", "drain")
        wait_until(lambda: {w["state"] for w in fleet.listed()} == {"draining"}, 20, "draining workers")
        installation.allow("a")
        installation.allow("b")
        assert drained.wait(20) == 0, drained.log
        wait_until(lambda: not psutil.pid_exists(fleet.pid), 10, "the end of the supervisor")


def test_serve_goes_on_without_its_stopped_workers_until_they_are_restarted(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        wait_until(installation.alive_workers, 20, "a worker")
        stopped = installation.command("workers", "stop").output(30)
        assert "goes on without workers" in stopped
        session = visitor.start("quick", name="x")
        assert visitor.snapshot(session)["stalled"]
        assert not server.workers
        assert "starts its workers again" in installation.command("workers", "restart").output(30)
        visitor.wait_for(session, "completed", within=20)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "0"], "0 is not in the range 1<=x<=1000"),
        (["--autoscale", "4"], "'4' is not two numbers of workers"),
        (["--autoscale", "4,1"], "the smaller number first"),
        (["--autoscale", "1,2", "--workers", "2"], "either --workers or --autoscale"),
        (["--memory", "3"], "3.0 is not in the range 32<=x"),
        (["--sleep", "0"], "0.0 is not in the range 0<x"),
        (["--queue", "analysis", "--queue", "misspelt"], "No analysis of this program uses the queue 'misspelt'"),
        (["--tries", "0"], "0 is not in the range 1<=x<=100"),
        (["--timeout", "-1"], "-1.0 is not in the range 0<x"),
        (["--once", "--daemon"], "--once ends after one session"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        process = installation.command("workers", "start", *arguments)
        assert process.wait(20) == 2
        assert said in process.log
        assert not (tmp_path / "data").exists()


def test_a_supervisor_whose_workers_cannot_start_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    breaks = "\nif 'run' in __import__('sys').argv:\n    raise SystemExit('The model is missing.')\n"
    with Installation(tmp_path, SOURCE + breaks) as installation:
        process = installation.command("workers", "start", "--daemon")
        assert process.wait(60) == 2
        assert "They end as soon as they start." in process.log
        assert "The model is missing." in process.log
        wait_until(lambda: not installation.alive_processes(), 10, "the end of everything")


def test_workers_work_within_the_limits_of_their_options(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        sessions = [visitor.start("quick", name=str(n)) for n in range(3)]
        once = installation.workers(1, "--once", "--queue", "analysis")
        assert once.wait(20) == 0
        assert [visitor.snapshot(s)["status"] for s in sessions].count("completed") == 1
        recycled = installation.workers(1, "--max-jobs", "1", "--concurrency", "1", "--sleep", "0.2")
        for session in sessions:
            visitor.wait_for(session, "completed", within=20)
        assert "Waiting for work." in recycled.log
        assert "queue analysis, elsewhere; up to 1 attempts at once" in recycled.log
        assert "it has taken 1 session(s), its limit" in recycled.log
        recycled.signal(signal.SIGTERM)
        assert recycled.wait(20) == 0
        assert '"level": "error"' not in recycled.log
        assert '"level": "warning"' not in recycled.log
