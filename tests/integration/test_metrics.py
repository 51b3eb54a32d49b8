"""`/metrics`: who may read it, and what it counts of the installation and of the process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from edge_site import DASHBOARD_KEY, OpenSite, Visitor, events_of, open_site, served, until
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from outlast.core.metric_definitions import METRICS, MetricKind
from outlast.domain.crash_policy import MAX_CRASHES
from outlast.domain.worker_control import WorkerState
from outlast.ports.workers import WorkerReport
from outlast.testing.acts import WORKER, completed, death_of, failed, postponed, register_worker
from outlast.web.operators import FAILURES

KEY = {"Authorization": f"Bearer {DASHBOARD_KEY}"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(
        tmp_path, dashboard_key=DASHBOARD_KEY, max_active_per_owner=100, starts_per_minute=100
    ) as site:
        yield site


async def scrape(client: httpx.AsyncClient, prefix: str = "analysis_") -> dict[str, float]:
    """Every sample by its name and labels."""
    answer = await client.get("/metrics", headers=KEY)
    assert answer.status_code == 200, answer.text
    return {
        " ".join(
            [sample.name, *(sample.labels[label] for label in sorted(sample.labels, key="le".__eq__))]
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith(prefix)
    }


async def counted(site: OpenSite) -> dict[str, float]:
    """Every sample, after the process has told the store what it has counted."""
    await site.engine.metric_counts.flush(site.engine.store)
    return await scrape(site.client())


async def test_it_is_closed_to_everybody_without_the_key(site: OpenSite):
    visitor = await site.visitor()
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {DASHBOARD_KEY}"}):
        refused = await visitor.get("/metrics", headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="operators"')
        assert "ANALYSIS_DASHBOARD_KEY" in refused.json()["error"]
    assert (await site.client().get("/metrics", headers=KEY)).status_code == 200


async def test_wrong_keys_are_limited(site: OpenSite):
    client = site.client(client=("203.0.113.7", 1))
    wrong = {"Authorization": "Bearer wrong"}
    answers = [(await client.get("/metrics", headers=wrong)).status_code for _ in range(FAILURES.amount + 1)]
    assert answers == [401] * FAILURES.amount + [429]
    assert (await site.client(client=("203.0.113.8", 1)).get("/metrics", headers=KEY)).status_code == 200


async def test_without_a_credential_it_refuses_and_says_why(tmp_path: Path):
    async with open_site(tmp_path) as site:
        refused = await site.client().get("/metrics", headers=KEY)
    assert refused.status_code == 403
    assert "no credential is set" in refused.json()["error"]


async def test_a_scraper_may_use_the_address_of_the_machine(site: OpenSite):
    assert (await site.client("http://10.1.2.3:8000").get("/metrics", headers=KEY)).status_code == 200


@pytest.mark.slow
async def test_ends_count_once_and_with_their_durations(site: OpenSite):
    visitor = await site.visitor()
    async with site.working():
        assert (await visitor.finished(await visitor.started("echo", text="a")))["status"] == "completed"
        assert (await visitor.finished(await visitor.started("failing", text="a")))["status"] == "failed"
    found = await counted(site)
    assert found["analysis_sessions_total echo completed"] == 1
    assert found["analysis_sessions_total failing failed"] == 1
    assert found["analysis_duration_seconds_count echo completed"] == 1
    assert found["analysis_duration_seconds_bucket echo completed +Inf"] == 1
    assert found["analysis_step_duration_seconds_count echo judge"] == 1
    assert found["analysis_queue_wait_seconds_count analysis"] == 2
    assert await counted(site) == found


async def test_a_cancel_counts_once_however_often_it_is_asked_for(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started("echo", text="a")
    for _ in range(3):
        assert (await visitor.delete(f"/api/analysis/cancel/{session_id}")).status_code == 200
    assert (await counted(site))["analysis_sessions_total echo cancelled"] == 1


@pytest.mark.slow
async def test_a_running_session_that_is_cancelled_counts_once(site: OpenSite):
    visitor = await site.visitor()
    async with site.working():
        session_id = await visitor.started("held", text="a")
        await site.hold.entered.passed()
        assert (await visitor.delete(f"/api/analysis/cancel/{session_id}")).status_code == 202
        await visitor.finished(session_id)
    assert (await counted(site))["analysis_sessions_total held cancelled"] == 1


async def test_crashes_count_and_so_does_the_quarantine(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started("echo", text="a")
    for n in range(MAX_CRASHES):
        await site.take(session_id, f"worker-{n}")
        await site.engine.maintenance.record_death(death_of(f"worker-{n}"))
    found = await counted(site)
    assert found["analysis_crashes_total"] == MAX_CRASHES
    assert found["analysis_lapses_total"] == 0
    assert found["analysis_sessions_total echo failed"] == 1


async def test_queues_show_what_waits_and_whether_anybody_takes_it(site: OpenSite):
    visitor = await site.visitor()
    assert (await scrape(site.client()))["analysis_store_up"] == 1
    await visitor.started("held", text="a")
    held = await visitor.started("held", text="b")
    later = await visitor.started("held", text="c")
    unserved = await scrape_now(site)
    assert unserved["analysis_queue_unserved analysis"] == 1
    assert unserved["analysis_queue_oldest_age_seconds analysis"] > 0
    await site.take(held)
    await site.end(later, postponed(60))
    found = await scrape_now(site)
    assert [found[f"analysis_queue_sessions analysis {s}"] for s in ("pending", "delayed", "processing")] == [
        1,
        1,
        1,
    ]
    assert found["analysis_queue_unserved analysis"] == 0
    assert [found[f"analysis_workers {state}"] for state in ("running", "paused", "lost")] == [1, 0, 0]
    site.engine.store.lease().renew(WORKER, WorkerReport(WorkerState.PAUSED))
    found = await scrape_now(site)
    assert [found[f"analysis_workers {state}"] for state in ("running", "paused", "lost")] == [0, 1, 0]
    register_worker(site.engine.store, "worker-1", analyses=("another",), queues=("analysis",))
    assert (await scrape_now(site))["analysis_queue_unserved analysis"] == 1


async def scrape_now(site: OpenSite) -> dict[str, float]:
    """Every sample, with queues that are read anew."""
    site.engine.statistics._queues = None
    return await scrape(site.client())


@pytest.mark.slow
async def test_every_replica_answers_the_same_of_the_installation(site: OpenSite, tmp_path: Path):
    visitor = await site.visitor()
    await site.end(await visitor.started("echo", text="a"), completed())
    async with site.working():
        await visitor.finished(await visitor.started("echo", text="b"))
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY) as other:
        async with other.working():
            await visitor.finished(await visitor.started("failing", text="c"))
        await site.engine.metric_counts.flush(site.engine.store)
        await other.engine.metric_counts.flush(other.engine.store)
        one, two = await scrape_now(site), await scrape_now(other)
    ages = {name for name in one if "age" in name}
    assert {name: one[name] for name in one.keys() - ages} == {name: two[name] for name in two.keys() - ages}
    assert one["analysis_sessions_total failing failed"] == 1


@pytest.mark.slow
async def test_a_process_adds_what_it_counted_by_itself_and_when_it_ends(tmp_path: Path):
    async def by_itself() -> bool:
        return "analysis_sessions_total failing failed" in await scrape(site.client())

    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY) as site:
        visitor = await site.visitor()
        async with site.working():
            await visitor.finished(await visitor.started("failing", text="a"))
            await until(by_itself)
            await visitor.finished(await visitor.started("echo", text="a"))
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY) as again:
        assert (await scrape(again.client()))["analysis_sessions_total echo completed"] == 1


async def test_without_the_store_it_answers_for_the_process_alone(site: OpenSite):
    await site.engine.store.close()
    found = await scrape(site.client())
    assert found["analysis_store_up"] == 0
    assert found["analysis_streams events"] == 0
    assert "analysis_crashes_total" not in found
    assert "process_open_fds" in await scrape(site.client(), "process_")


@pytest.mark.slow
async def test_open_streams_count_until_they_end(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started("echo", text="a")
    async with served(site.app) as address:
        cookie = "; ".join(f"{c.name}={c.value}" for c in visitor.cookies.jar)
        async with httpx.AsyncClient(base_url=address, headers={"Cookie": cookie}) as client:
            path = f"/api/analysis/progress/{session_id}/events"
            async with client.stream("GET", path) as response:
                events = events_of(response)
                await anext(events)
                assert (await scrape(site.client()))["analysis_streams events"] == 1
                await site.end(session_id, failed())
                async for _ in events:
                    pass

    async def is_closed() -> bool:
        return (await scrape(site.client()))["analysis_streams events"] == 0

    await until(is_closed)


async def test_every_metric_of_the_reference_is_there_with_its_type_and_labels(site: OpenSite):
    visitor = await site.visitor()
    async with site.working():
        await visitor.finished(await visitor.started("echo", text="a"))
        await asyncio.sleep(0)
        site.engine.metric_counts.reused((await site.sessions())[0])
        await site.engine.metric_counts.flush(site.engine.store)
        site.engine.statistics._queues = None
        answer = await site.client().get("/metrics", headers=KEY | {"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in openmetrics(answer.text)}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind.value
        labels = {*metric.labels, *({"le"} if metric.kind is MetricKind.HISTOGRAM else ())}
        assert set().union(*(sample.labels for sample in family.samples)) == labels, metric.name
    ours = {name for name in families if name.startswith("analysis_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS}


async def test_it_answers_head_too(site: OpenSite):
    client: Visitor = site.client()
    assert (await client.head("/metrics", headers=KEY)).status_code == 200
