"""Failures as an operator meets them: found, explained, retried, by commands alone; and nothing for visitors."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from edge_site import open_site, until

from outlast import Outlast, Permanent, step
from outlast.app import runtime_of
from outlast.cli import queue, queue_pauses, sessions
from outlast.cli.main import outlast as cli
from outlast.domain.error_report import ErrorReport
from outlast.domain.outcome import Failed
from outlast.domain.pauses import Pause
from outlast.domain.status import Status
from outlast.domain.worker_control import WorkerState
from outlast.ports.store import Selection, StartLimits
from outlast.ports.workers import WorkerReport
from outlast.settings import load_settings
from outlast.testing.acts import STEPS, WORKER, claim_next, claim_of, new_session, register_worker
from outlast.web.access import Requires
from outlast.web.routes import ROUTES
from sqlite_template import put_store

SECRET = "hunter22-of-the-shop"


@step("Fetching")
async def fetch(shop: str) -> str:
    fetched.append(shop)
    return f"the page of {shop}"


@step("Judging")
async def judge(page: str) -> str:
    if "broken" in page and broken:
        raise LookupError(f"no price at https://me:{SECRET}@shop.example/ \x1b[31m")
    if "closed" in page:
        raise Permanent("This shop has closed.")
    return "A"


fetched: list[str] = []
broken: list[bool] = [True]


def make(folder) -> Outlast:
    made = Outlast(load_settings(data_dir=folder, queue_max_tries=1, concurrency=10))

    @made.analysis("shop", steps=[fetch, judge])
    async def shop(shop: str) -> dict[str, str]:
        return {"grade": await judge(await fetch(shop))}

    return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    put_store(tmp_path)
    fetched.clear()
    broken[:] = [True]
    for module in (sessions, queue, queue_pauses):
        monkeypatch.setattr(module, "load_app", lambda _name: make(tmp_path))
    return tmp_path


async def work(folder, *shops):
    """Start sessions, or continue those that wait, until all have ended; return their ids."""
    made = make(folder)
    async with made.lifespan(workers=1):
        ids = [(await made.start("shop", shop=shop, owner="ann")).id for shop in shops]
        store = (await runtime_of(made).engine()).store

        async def ended():
            counted = await store.count()
            return not counted[Status.PENDING] and not counted[Status.PROCESSING]

        await until(ended)
    return ids


async def command(*arguments, code=0):
    """The output of a command, which must end with this exit code."""
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


@pytest.mark.slow
async def test_a_failure_is_explained_by_its_reference_and_resumes_after_its_kept_steps(folder):
    (failed,) = await work(folder, "broken")
    (row,) = await command("queue", "failed", "--json")
    assert (row["session_id"], row["code"], row["attempts"], row["last_step"]) == (failed, "error", 1, "judge")
    told = await command("sessions", "show", row["reference"])
    for part in (failed, "LookupError: no price", "in judge", "Traceback", "attempt 1", "step judge", "worker w-"):
        assert part in told, part
    assert '"shop": "broken"' in told
    assert SECRET not in told
    story = await command("sessions", "show", row["reference"], "--json")
    (line,) = story["history"]
    assert line["exception"] == "LookupError"
    assert line["host"]
    assert line["duration_ms"] >= 0
    assert story["input"] == {"shop": "broken"}
    broken.clear()
    assert "Retried 1" in await command("queue", "retry", row["reference"])
    await work(folder)
    assert (await command("sessions", "show", failed, "--json"))["status"] == "completed"
    assert fetched == ["broken"]


@pytest.mark.slow
async def test_a_unique_beginning_of_an_id_is_enough_and_an_ambiguous_one_lists_the_candidates(folder):
    made = make(folder)
    async with made.lifespan():
        store = (await runtime_of(made).engine()).store
        for end in "ab":
            await store.add(
                new_session(id=f"aaaa{end * 22}", analysis="shop", input='{"shop":"a"}'), StartLimits(9, 9)
            )
    assert "aaaabbbb" in await command("sessions", "show", "aaaab")
    told = await command("sessions", "show", "aaaa", code=2)
    assert told.count("a" * 26) == 1
    assert told.count("aaaa" + "b" * 22) == 1
    for verb in ("show", "watch", "cancel", "retry"):
        assert "by id or by reference" in await command("sessions", verb, "nosuch", code=2)
    assert "cancelled" in await command("sessions", "cancel", "AAAAB")
    assert "cancelled" in await command("sessions", "watch", "aaaab", code=1)
    assert "Retried 1" in await command("sessions", "retry", "aaaab")


@pytest.mark.slow
async def test_failures_are_filtered_grouped_and_paged(folder):
    await work(folder, "broken", "closed", "broken too", "fine")
    reasons = await command("queue", "failed", "--by", "reason", "--json")
    assert [(r["code"], r["exception"], r["sessions"]) for r in reasons] == [
        ("error", "LookupError", 2),
        ("permanent", "outlast.domain.errors.Permanent", 1),
    ]
    assert reasons[0]["example"] in await command("queue", "failed", "--by", "reason")
    for filters, count in (
        ("--code permanent", 1),
        ("--exception LookupError", 2),
        ("--analysis shop", 3),
        ("--analysis other", 0),
        ("--queue analysis --since 5m", 3),
        ("--since 2099-01-01", 0),
        (f"--since {(datetime.now(UTC) - timedelta(hours=1)).isoformat()}", 3),
    ):
        assert len(await command("queue", "failed", "--json", *filters.split())) == count, filters
    first = await command("queue", "failed", "--limit", "2", "--json")
    rest = await command("queue", "failed", "--after", first[-1]["session_id"], "--json")
    assert len({row["session_id"] for row in first + rest}) == 3
    listed = await command("sessions", "list", "--status", "failed", "--owner", "ann", "--limit", "2", "--json")
    after = await command("sessions", "list", "--status", "failed", "--after", listed[-1]["session_id"], "--json")
    assert [len(listed), len(after)] == [2, 1]
    assert await command("sessions", "list", "--owner", "bob", "--json") == []
    assert await command("sessions", "list", "--code", "permanent", "--since", "1h", "--json")
    for bad in ("yesterday", "", "-1h", "2026-13-01"):
        await command("queue", "failed", "--since", bad, code=2)


async def test_no_id_is_cut_in_a_pipe(folder):
    ids = await work(folder, "broken " + "x" * 300)
    for arguments in (["sessions", "list"], ["queue", "failed"], ["queue", "failed", "--by", "reason"]):
        told = await command(*arguments)
        assert ids[0] in told
        assert "\u2026" not in told


@pytest.mark.slow
async def test_many_are_retried_and_cancelled_by_filter_and_a_dry_run_changes_nothing(folder):
    ids = await work(folder, "broken", "broken too", "closed", "fine")
    dry = await command("queue", "retry", "all", "--code", "error", "--dry-run", "--json")
    assert sorted(dry["session_ids"]) == sorted(ids[:2])
    assert len(await command("queue", "failed", "--json")) == 3
    assert "Retried 2" in await command("queue", "retry", "all", "--exception", "LookupError")
    assert "Would cancel 2" in await command("sessions", "cancel", "--analysis", "shop", "--dry-run")
    assert "Cancelled 2" in await command("sessions", "cancel", "--analysis", "shop")
    assert "Retried 2" in await command("sessions", "retry", "--status", "cancelled", "--owner", "ann")
    assert "Retried 0" in await command("queue", "retry", "all", "--since", "2099-01-01")
    refused = await command("sessions", "retry", ids[3], ids[2], "--json", code=1)
    assert refused["session_ids"] == [ids[2]]
    assert "completed" in refused["refused"][0]["reason"]
    for wrong in (
        ["sessions", "retry"],
        ["sessions", "cancel"],
        ["sessions", "retry", ids[0], "--code", "error"],
        ["sessions", "cancel", "--status", "failed"],
        ["queue", "retry"],
        ["queue", "retry", "all", ids[0]],
        ["queue", "retry", ids[0], "--code", "error"],
    ):
        await command(*wrong, code=2)


@pytest.mark.slow
async def test_more_failures_than_a_batch_are_retried_by_one_command(folder):
    made = make(folder)
    async with made.lifespan():
        store = (await runtime_of(made).engine()).store
        register_worker(store, analyses=("shop",))
        for n in range(600):
            new = new_session(analysis="shop", input=f'{{"shop":"{n}"}}', owner=f"o{n}")
            await store.add(new, StartLimits(9_999, 9_999))
        while claimed := await claim_next(store, analyses=("shop",), limit=250):
            report = ErrorReport("shop.Closed", "", "")
            ends = (Failed("No.", "error", None, STEPS, None, report) for _ in claimed)
            await asyncio.gather(*(store.finish(claim_of(s), e) for s, e in zip(claimed, ends, strict=True)))
    assert "Retried 600 session(s)." in await command("queue", "retry", "all", "--exception", "shop.Closed")
    async with made.lifespan():
        store = (await runtime_of(made).engine()).store
        assert (await store.count())[Status.PENDING] == 600
        assert await store.failed(Selection()) == []


@pytest.mark.slow
async def test_the_monitor_exits_1_above_a_limit_and_for_a_queue_that_nobody_serves(folder):
    assert "fine" in await command("queue", "monitor")
    made = make(folder)
    async with made.lifespan():
        await made.start("shop", shop="waits", owner="ann")
    (fact,) = await command("queue", "monitor", "analysis", "--json", code=1)
    assert (fact["waiting"], fact["unserved"], fact["alarms"]) == (1, ["shop"], ["unserved"])
    assert fact["oldest_wait_seconds"] >= 0
    async with made.lifespan():
        register_worker((await runtime_of(made).engine()).store, analyses=("shop",))
    (fact,) = await command("queue", "monitor", "--json")
    assert (fact["workers"], fact["alarms"]) == (1, [])
    (fact,) = await command("queue", "monitor", "--max", "0", "--max-wait", "0", "--json", code=1)
    assert fact["alarms"] == ["depth", "wait"]
    assert "too many wait" in await command("queue", "monitor", "--max", "0", code=1)
    assert "Nothing uses a queue 'anlysis'" in await command("queue", "monitor", "anlysis", code=2)


async def test_the_monitor_tells_paused_workers_and_paused_queues(folder):
    made = make(folder)
    async with made.lifespan():
        store = (await runtime_of(made).engine()).store
        await made.start("shop", shop="waits", owner="ann")
        register_worker(store, analyses=("shop",))
        store.lease().renew(WORKER, WorkerReport(WorkerState.PAUSED))
        await store.pause(Pause("queue", "analysis"))
    (fact,) = await command("queue", "monitor", "--json", code=1)
    assert (fact["workers"], fact["alarms"]) == (0, ["unserved"])
    assert (fact["paused"], fact["paused_analyses"]) == (True, [])
    assert "paused, no living worker takes shop" in await command("queue", "monitor", code=1)
    async with made.lifespan():
        store = (await runtime_of(made).engine()).store
        store.lease().renew(WORKER, WorkerReport())
        await store.resume(Pause("queue", "analysis"))
        await store.pause(Pause("analysis", "shop"))
    assert "shop is paused" in await command("queue", "monitor")


async def test_what_is_paused_does_not_look_fine(folder):
    made = make(folder)
    async with made.lifespan():
        await made.start("shop", shop="waits", owner="ann")
        store = (await runtime_of(made).engine()).store
        register_worker(store, analyses=("shop",))
        await store.pause(Pause("analysis", "shop"))
    (fact,) = await command("queue", "monitor", "--json")
    assert (fact["paused"], fact["paused_analyses"], fact["alarms"]) == (False, ["shop"], [])
    assert "shop is paused" in await command("queue", "monitor")
    assert "was not paused." in await command("queue", "resume", "day", code=1)
    async with made.lifespan():
        register_worker((await runtime_of(made).engine()).store, analyses=("shop",), state=WorkerState.PAUSED)
    (fact,) = await command("queue", "monitor", "analysis", "--json", code=1)
    assert (fact["workers"], fact["alarms"]) == (0, ["unserved"])


async def test_the_monitor_that_cannot_tell_exits_2(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "load_app", lambda _name: make(tmp_path / "nothing"))
    assert "There is no store" in await command("queue", "monitor", code=2)


async def test_failed_sessions_outlive_the_others_and_typed_hours_count_for_all(folder, monkeypatch):
    from outlast.cli import cleanup
    from outlast.running.maintenance import prune

    monkeypatch.setattr(cleanup, "load_app", lambda _name: make(folder))
    await work(folder, "broken", "fine")
    made = make(folder)
    async with made.lifespan():
        engine = await runtime_of(made).engine()
        assert (engine.retention.sessions, engine.retention.failed) == (24, 168)

        class Later:
            def __init__(self, hours):
                self.hours = hours

            def now(self):
                return engine.clock.now() + timedelta(hours=self.hours)

        assert (await prune(engine.store, Later(25), engine.retention, dry_run=True)).sessions == 1
        assert (await prune(engine.store, Later(169), engine.retention, dry_run=True)).sessions == 2
    assert (await command("cleanup", "--hours", "0", "--json"))["sessions"] == 2
    assert re.search(r"Deleted 0 session", await command("cleanup"))


@pytest.mark.slow
async def test_no_route_for_visitors_has_what_was_raised(tmp_path):
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        session_id = await visitor.started("breaking", text="the visitor")
        session = await site.take(session_id)
        report = ErrorReport("inner.Kind", "the message within", "Traceback of the inside")
        end = Failed("It broke.", "error", "0a1b2c3d", STEPS, "a step", report)
        assert await site.engine.store.finish(claim_of(session), end)
        answered = 0
        for route in ROUTES:
            if route.requires is Requires.OPERATOR:
                continue
            path = route.path.format(session_id=session_id, link="a" * 26, file="x", page="about")
            form = {"csrf_token": visitor.token, "analysis": "breaking", "text": "the visitor"}
            for method in sorted(route.methods, key=lambda name: name != "GET"):
                body = {"data": form} if route.page and method == "POST" else {}
                answer = await visitor.request(method, path, **body)
                answered += "It broke." in answer.text
                for inner in ("inner.Kind", "the message within", "Traceback", "a step"):
                    assert inner not in answer.text, (route.name, inner)
        assert answered >= 3  # the snapshot, its events, and the page
