"""Starts that a fresh result answers: whose result, by which keys, and how a new one is asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import DASHBOARD_KEY, Hold, OpenSite, Visitor, until

from outlast import Outlast, RefreshTooSoon, Upload
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.ports.store import Selection
from outlast.settings import load_settings
from sqlite_template import put_store

START = "/api/analysis/start"


@dataclass
class Box:
    content: Upload
    name: str = "a box"


class Runs(list[str]):
    """What the analyses of the site were really run for."""


def site_of(folder: Path, runs: Runs, **options: Any) -> Outlast:
    limits = {"starts_per_minute": 1_000, "max_active_per_owner": 1_000}
    outlast = Outlast(load_settings(data_dir=folder, shutdown_grace=0, **limits))

    @outlast.analysis("own", **{"fresh_for": "30d", "refresh_after": 0, **options})
    async def own(text: str) -> dict[str, Any]:
        runs.append(text)
        return {"text": text, "run": len(runs)}

    @outlast.analysis("public", **{"fresh_for": timedelta(hours=1), "shared": True, **options})
    async def public(text: Upload | str) -> dict[str, Any]:
        runs.append(str(text))
        return {"text": str(text), "run": len(runs)}

    @outlast.analysis("boxed", **{"fresh_for": timedelta(hours=1), "shared": True, **options})
    async def boxed(box: Box) -> str:
        return box.name

    @outlast.analysis("always", short_forms={"word": "text"})
    async def always(text: str) -> dict[str, Any]:
        runs.append(text)
        return {"text": text, "run": len(runs)}

    return outlast


@asynccontextmanager
async def opened(folder: Path, runs: Runs, dashboard_key: str | None = None) -> AsyncIterator[OpenSite]:
    put_store(folder)
    outlast = site_of(folder, runs)
    outlast.configure(dashboard_key=dashboard_key)
    async with outlast.lifespan(workers=1):
        site = OpenSite(outlast, outlast.asgi(), await runtime_of(outlast).engine(), Hold())
        yield site
        for client in site.clients:
            await client.aclose()


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
async def site(tmp_path: Path, runs: Runs) -> AsyncIterator[OpenSite]:
    async with opened(tmp_path, runs) as site:
        yield site


async def finished(visitor: Visitor, analysis: str, **values: Any) -> str:
    session_id = (await visitor.start(analysis, **values)).json()["session_id"]
    assert (await visitor.finished(session_id))["status"] == "completed"
    return session_id


async def refresh(visitor: Visitor, analysis: str, **values: Any) -> httpx.Response:
    return await visitor.post(START, json={"analysis": analysis, "input": values, "refresh": True})


async def test_a_second_start_of_the_owner_finds_the_session_with_the_result(site: OpenSite, runs: Runs):
    visitor = await site.visitor()
    first = await finished(visitor, "own", text="a")
    again = await visitor.start("own", text="a")
    assert again.status_code == 200
    assert "retry-after" not in again.headers
    body = again.json()
    assert (body["status"], body["session_id"], body["session"]["result_at"]) == ("existing", first, None)
    assert body["session"]["result"] == {"text": "a", "run": 1}
    assert runs == ["a"]
    assert (await visitor.start("own", text="b")).status_code == 202


async def test_another_owner_learns_nothing_unless_the_analysis_is_shared(site: OpenSite, runs: Runs):
    ann, bob = await site.visitor(), await site.visitor()
    await finished(ann, "own", text="a")
    assert (await bob.start("own", text="a")).status_code == 202
    made = await ann.snapshot(await finished(ann, "public", text="b"))
    reused = await bob.start("public", text="b")
    assert reused.status_code == 200
    body = reused.json()
    shown = body["session"]
    assert body["status"] == "started"
    assert body["session_id"] != made["session_id"]
    assert '"refresh": true' in body["message"]
    assert (shown["status"], shown["result"]) == ("completed", made["result"])
    assert (shown["result_at"], shown["attempt"], shown["started_at"]) == (made["completed_at"], 0, None)
    assert shown["completed_at"] > made["completed_at"]
    assert {step["status"] for step in shown["steps"]} == {"skipped"}
    assert shown["notice"].startswith(f"This result is from {made['completed_at'][:10]} at ")
    assert runs.count("b") == 1
    assert made["session_id"] not in reused.text
    assert (await ann.get(body["links"]["self"])).status_code == 404
    assert (await bob.get(body["links"]["result"])).json() == made["result"]
    assert (await bob.start("public", text="b")).json()["session_id"] == body["session_id"]


async def test_operators_see_whose_result_it_is(tmp_path: Path, runs: Runs):
    async with opened(tmp_path, runs, dashboard_key=DASHBOARD_KEY) as site:
        ann, bob = await site.visitor(), await site.visitor()
        made = await finished(ann, "public", text="b")
        copy = (await bob.start("public", text="b")).json()["session_id"]
        operator = await (await site.visitor()).log_in()
        page = (await operator.get(f"/dashboard/{copy}")).raise_for_status().text
        assert f'/dashboard/{made}"' in page
        assert "None: it reused a result." in page


async def test_a_reused_result_is_deleted_and_listed_like_any_other(site: OpenSite):
    ann, bob = await site.visitor(), await site.visitor()
    made = await finished(ann, "public", text="b")
    copy = (await bob.start("public", text="b")).json()["session_id"]
    listed = (await bob.get("/api/analysis")).json()["sessions"]
    assert [one["session_id"] for one in listed] == [copy]
    assert (await ann.delete(f"/api/analysis/result/{made}")).status_code == 200
    assert (await bob.get(f"/api/analysis/result/{copy}")).status_code == 200
    assert (await bob.delete(f"/api/analysis/result/{copy}")).status_code == 200
    assert (await bob.get(f"/api/analysis/progress/{copy}")).status_code == 404
    assert (await bob.start("public", text="b")).status_code == 202  # nobody has it any more


async def test_an_upload_is_never_shared_and_needs_to_be_the_owners(site: OpenSite, runs: Runs):
    ann, bob = await site.visitor(), await site.visitor()
    source = (await ann.upload(b"a,b")).json()["source"]
    await finished(ann, "public", text=source)
    assert (await ann.start("public", text=source)).json()["status"] == "existing"
    assert (await bob.start("public", text=source)).status_code == 422
    box = {"content": source}
    await finished(ann, "boxed", box=box)
    assert (await bob.start("boxed", box=box)).status_code == 422
    assert (await bob.upload(b"a,b")).json()["source"] == source
    assert (await bob.start("public", text=source)).status_code == 202
    assert (await bob.start("boxed", box=box)).status_code == 202


async def test_a_refresh_runs_it_anew_and_its_result_is_the_fresh_one(site: OpenSite, runs: Runs):
    visitor = await site.visitor()
    first = await finished(visitor, "own", text="a")
    anew = await refresh(visitor, "own", text="a")
    assert anew.status_code == 202
    second = anew.json()["session_id"]
    assert second != first
    await visitor.finished(second)
    assert runs == ["a", "a"]
    assert (await visitor.start("own", text="a")).json()["session_id"] == second


async def test_a_refresh_too_soon_is_refused_and_says_when(site: OpenSite, runs: Runs):
    ann, bob = await site.visitor(), await site.visitor()
    assert (await refresh(ann, "public", text="b")).status_code == 202  # there is nothing yet
    await until(lambda: _completed(site, 2))  # her session and its run
    for visitor in (ann, bob):
        refused = await refresh(visitor, "public", text="b")
        assert refused.status_code == 429
        seconds = int(refused.headers["retry-after"])
        assert 0 < seconds <= 60
        assert f"Wait {seconds} s before you analyse it again." in refused.json()["error"]
    assert runs == ["b"]
    assert (await bob.start("public", text="b")).status_code == 200


async def _completed(site: OpenSite, count: int) -> bool:
    return len(await site.engine.sessions.select(Selection(status=Status.COMPLETED))) == count


async def test_analyse_again_on_the_page_asks_for_a_new_result(site: OpenSite):
    ann, bob = await site.visitor(), await site.visitor()
    await finished(ann, "public", text="b")
    page = (await bob.start("public", text="b")).json()["links"]["page"]
    shown = (await bob.get(page)).text
    assert "This result is from" in shown
    browser = {"Accept": "text/html"}
    refused = await bob.post(f"{page}/again", data={"csrf_token": bob.token}, headers=browser)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert f'href="{page}"' in refused.text
    own = f"/analysis/{await finished(bob, 'own', text='c')}"
    assert "This result is from" not in (await bob.get(own)).text
    anew = await bob.post(f"{own}/again", data={"csrf_token": bob.token})
    assert anew.status_code == 303
    assert anew.headers["location"] != own


@pytest.mark.parametrize("value", ["yes", 1, None, []])
async def test_refresh_is_true_or_false(site: OpenSite, value: Any):
    visitor = await site.visitor()
    answer = await visitor.post(START, json={"analysis": "own", "input": {"text": "a"}, "refresh": value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {"pointer": "/refresh", "detail": "refresh is true or false."}


async def test_an_analysis_without_fresh_for_is_always_run(site: OpenSite, runs: Runs):
    visitor = await site.visitor()
    await finished(visitor, "always", text="a")
    await finished(visitor, "always", text="a")
    short = await visitor.post(START, json={"word": "a", "refresh": True})
    assert short.status_code == 202
    await visitor.finished(short.json()["session_id"])
    assert runs == ["a", "a", "a"]


async def test_an_analysis_without_fresh_for_asks_the_store_for_nothing_more(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch
):
    for name in ("reuse", "result_age"):
        monkeypatch.setattr(site.engine.store, name, None)
    visitor = await site.visitor()
    assert (await refresh(visitor, "always", text="a")).status_code == 202
    assert (await visitor.start("always", text="b")).status_code == 202
    await site.outlast.handle("own").run(text="c")


async def test_a_new_version_of_the_code_reuses_nothing_of_the_old(tmp_path: Path, runs: Runs):
    async with opened(tmp_path, runs) as old:
        await finished(await old.visitor(), "public", text="b")
    outlast = site_of(tmp_path, runs, version=2)
    async with outlast.lifespan(workers=1):
        handle = outlast.handle("public").options(owner="ann")
        assert (await handle.run(text="b"))["run"] == 2
        assert (await handle.run(text="b"))["run"] == 2


async def test_a_retried_request_with_a_key_gets_the_reused_session(site: OpenSite):
    ann, bob = await site.visitor(), await site.visitor()
    await finished(ann, "public", text="b")
    body = {"analysis": "public", "input": {"text": "b"}}
    answers = [await bob.post(START, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert {answer.json()["session_id"] for answer in answers} == {answers[0].json()["session_id"]}
    assert [answer.json()["status"] for answer in answers] == ["started", "existing"]


@pytest.mark.slow
async def test_a_thousand_visitors_get_a_fresh_result_by_one_run(site: OpenSite, runs: Runs):
    sessions = site.engine.sessions
    await finished(await site.visitor(), "public", text="b")
    started = await asyncio.gather(
        *(sessions.start("public", {"text": "b"}, f"visitor {number}") for number in range(1_000))
    )
    assert len({one.session.id for one in started}) == 1_000
    assert {one.session.status for one in started} == {Status.COMPLETED}
    assert runs == ["b"]
    await site.engine.metric_counts.flush(site.engine.store)
    counted = {(one.metric, *one.labels): one.value for one in await site.engine.store.metrics()}
    assert counted["analysis_results_reused_total", "public"] == 1_000


async def test_in_sync_mode_a_fresh_result_answers_too(tmp_path: Path, runs: Runs):
    outlast = site_of(tmp_path, runs)
    outlast.configure(async_enabled=False)
    put_store(tmp_path)
    async with outlast.lifespan():
        site = OpenSite(outlast, outlast.asgi(), await runtime_of(outlast).engine(), Hold())
        ann, bob = await site.visitor(), await site.visitor()
        for visitor in (ann, bob, ann):
            answer = await visitor.start("public", text="b")
            assert (answer.status_code, answer.json()["session"]["result"]["run"]) == (200, 1)
        streamed = {"Accept": "text/event-stream"}
        body = {"analysis": "public", "input": {"text": "b"}}
        assert "event: done" in (await bob.post(START, json=body, headers=streamed)).text
        assert runs == ["b"]
        for client in site.clients:
            await client.aclose()


@pytest.mark.slow
async def test_python_starts_reuse_and_refresh_for_an_owner_and_never_without(site: OpenSite, runs: Runs):
    public = site.outlast.handle("public")
    own = site.outlast.handle("own")
    assert (await public.run(text="b"))["run"] == 1  # of trusted code: a run of its own
    assert (await public.options(owner="ann").run(text="b"))["run"] == 2
    assert (await public.run(text="b"))["run"] == 3
    reused = await public.options(owner="bob").start(text="b")
    assert not reused.existing
    assert (await reused.result())["run"] == 2
    with pytest.raises(RefreshTooSoon) as refused:
        await public.options(owner="bob", refresh=True).start(text="b")
    assert 0 < refused.value.seconds <= 60
    assert (await own.options(owner="ann").run(text="c"))["run"] == 4
    assert (await own.options(owner="ann", refresh=True).run(text="c"))["run"] == 5
    delayed = await own.options(owner="ann", delay=0.01).start(text="c")
    assert (await delayed.result())["run"] == 6
    with pytest.raises(TypeError, match="refresh is 'no'; it is True or False"):
        own.options(refresh="no")
