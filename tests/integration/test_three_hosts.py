"""Several machines, each a process on a loopback address of its own, around one PostgreSQL and one Redis."""

import json
import sys
from pathlib import Path

import httpx
import pytest
from processes import wait_until

CHAOS = Path(__file__).parents[2] / "chaos"
sys.path.append(str(CHAOS))

from hosts import ApiHost, Host  # noqa: E402 - the folder has to be found first

pytestmark = pytest.mark.slow


@pytest.fixture(params=["database", "redis"], ids=["database", "celery"])
def fleet(request, tmp_path, postgres_url, redis_url):
    settings = {
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "APP_KEY": "k" * 64,
        "QUEUE_CONNECTION": request.param,
    }
    apis = [ApiHost(tmp_path, f"api{n}", settings, f"127.0.0.{n + 1}") for n in (1, 2)]
    workers = [Host(tmp_path, f"worker{n}", settings, "workers", "start") for n in (1, 2, 3)]
    for host in (*apis, *workers):
        host.start()
    for api in apis:
        api.wait()
    yield apis, workers
    for host in (*apis, *workers):
        host.kill()
        host.strays()


def begin(api, client, analysis, n):
    token = client.get(api.root + "/api/analysis/token").json()["token"]
    headers = {"X-CSRF-Token": token}
    body = {"analysis": analysis, "input": {"n": n}}
    answer = client.post(api.root + "/api/analysis/start", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["session_id"], headers


def snapshots(client, api, session):
    """What the events say, until the last."""
    with client.stream("GET", f"{api.root}/api/analysis/progress/{session}/events", timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                snapshot = json.loads(line.removeprefix("data: "))
                yield snapshot
                if snapshot["status"] in {"completed", "failed", "cancelled"}:
                    return


def a_session_of_one_api_is_watched_on_the_other(one, other):
    with httpx.Client(trust_env=False, timeout=30) as client:
        session, _ = begin(one, client, "steady", 1)
        cookies = {c.name: c.value for c in client.cookies.jar}
        with httpx.Client(trust_env=False, timeout=30, cookies=cookies) as elsewhere:
            seen = list(snapshots(elsewhere, other, session))
    assert seen[-1]["status"] == "completed"
    shown = [s["progress_percentage"] for s in seen]
    assert shown == sorted(shown)
    assert [s["version"] for s in seen] == sorted(s["version"] for s in seen)
    assert any(0 < percentage < 100 for percentage in shown), shown


def a_session_watched_on_one_api_is_cancelled_through_the_other(one, other):
    with httpx.Client(trust_env=False, timeout=30) as client:
        session, headers = begin(one, client, "endless", 1)
        cookies = {c.name: c.value for c in client.cookies.jar}
        with httpx.Client(trust_env=False, timeout=30, cookies=cookies) as elsewhere:
            for snapshot in snapshots(elsewhere, other, session):
                if snapshot["progress_percentage"] > 0 and snapshot["phase"] == "running":
                    answer = client.delete(f"{one.root}/api/analysis/cancel/{session}", headers=headers)
                    assert answer.status_code in {200, 202}
            assert snapshot["status"] == "cancelled"


def sessions_of_a_lost_machine_continue_elsewhere(one, workers):
    with httpx.Client(trust_env=False, timeout=30) as client:
        sessions = [begin(one, client, "steady", n)[0] for n in range(4)]
        workers[0].kill()

        def all_done():
            found[:] = [client.get(f"{one.root}/api/analysis/progress/{s}").json() for s in sessions]
            return {snapshot["status"] for snapshot in found} == {"completed"}

        found: list[dict] = []
        try:
            wait_until(all_done, 60, "all sessions completed")
        except AssertionError:
            raise AssertionError(found) from None


def a_machine_with_another_key_is_refused_with_the_reason(tmp_path, postgres_url):
    stranger = Host(tmp_path, "stranger", {"DATABASE_URL": postgres_url, "APP_KEY": "x" * 64}, "workers", "start")
    stranger.start()
    wait_until(lambda: "APP_KEY" in stranger.log, 30, "the reason")
    assert "another key" in stranger.log
    stranger.kill()


def test_two_apis_and_three_worker_machines_act_as_one_installation(fleet, tmp_path, postgres_url):
    """One test, as starting the five machines takes longer than all that is tried on them."""
    (one, other), workers = fleet
    a_session_of_one_api_is_watched_on_the_other(one, other)
    a_session_watched_on_one_api_is_cancelled_through_the_other(one, other)
    a_machine_with_another_key_is_refused_with_the_reason(tmp_path, postgres_url)
    sessions_of_a_lost_machine_continue_elsewhere(one, workers)
