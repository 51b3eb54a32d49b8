"""Starting by `POST /api/analysis/start`: what is answered, what is refused, and how often."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from edge_site import OpenSite, Visitor, open_site

from outlast.core.analyses.payload import MAX_SUBJECT, bounded_subject
from outlast.web.bodies import MAX_BODY

START = "/api/analysis/start"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, starts_per_minute=100, max_active_per_owner=100) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


def pointers(answer: httpx.Response) -> list[str]:
    return [e["pointer"] for e in answer.json()["errors"]]


def is_problem(answer: httpx.Response) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and body["status"] == answer.status_code
        and body["success"] is False
        and body["error"] == body["detail"]
    )


async def test_a_start_is_accepted_with_everything_that_a_client_needs(visitor: Visitor):
    answer = await visitor.start("echo", text="a")
    body = answer.json()
    assert answer.status_code == 202
    assert body.keys() == {"success", "session_id", "status", "message", "session", "links"}
    assert (body["success"], body["status"]) == (True, "started")
    assert body["message"]
    assert body["session"]["session_id"] == body["session_id"]
    assert body["session"]["status"] == "pending"
    assert {"self", "events", "cancel", "page"} <= body["links"].keys()
    assert answer.headers["location"] == body["links"]["self"]
    assert int(answer.headers["retry-after"]) >= 1
    assert (await visitor.get(body["links"]["self"])).json()["session_id"] == body["session_id"]


@pytest.mark.slow
async def test_the_same_subject_in_flight_answers_with_the_same_session(site: OpenSite, visitor: Visitor):
    first = (await visitor.start("echo", text="a")).json()
    again = await visitor.start("echo", text="a")
    assert again.status_code == 202
    assert again.json()["status"] == "existing"
    assert again.json()["session_id"] == first["session_id"]
    assert len(await site.sessions()) == 1


async def test_another_visitor_with_the_same_subject_gets_a_session_of_their_own(site: OpenSite, visitor: Visitor):
    other = await site.visitor()
    assert await visitor.started("echo", text="a") != await other.started("echo", text="a")


@pytest.mark.slow
async def test_fifty_parallel_starts_of_one_subject_make_one_session(tmp_path: Path):
    async with open_site(tmp_path) as site:  # with the rate limit that people have
        visitor = await site.visitor()
        answers = await asyncio.gather(*(visitor.start("echo", text="a") for _ in range(50)))
        assert {a.status_code for a in answers} == {202}
        assert len({a.json()["session_id"] for a in answers}) == 1
        assert sorted(a.json()["status"] for a in answers).count("started") == 1
        assert len(await site.sessions()) == 1


async def test_an_unknown_analysis_is_not_found(visitor: Visitor):
    answer = await visitor.start("divination", text="a")
    assert answer.status_code == 404
    assert is_problem(answer)
    assert "divination" in answer.json()["error"]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, ["/text"]),
        ({"text": 5}, ["/text"]),
        ({"text": "a", "size": "many"}, ["/size"]),
        ({"text": "a", "more": 1}, ["/more"]),
        ({"size": []}, ["/text", "/size"]),
    ],
)
async def test_bad_input_is_refused_with_a_pointer_to_each_fault(site: OpenSite, visitor: Visitor, values, wanted):
    answer = await visitor.start("echo", **values)
    assert answer.status_code == 422
    assert is_problem(answer)
    assert pointers(answer) == wanted
    assert all(e["detail"] for e in answer.json()["errors"])
    assert await site.sessions() == []


@pytest.mark.parametrize(
    "body",
    ["[]", '"echo"', "null", "{}", '{"analysis": 5}', '{"analysis": "echo", "input": []}',
     '{"analysis": "echo", "input": {"text": "a"}, "owner": "me"}', '{"analysis": "echo", "input": {"text": NaN}}',
     r'{"analysis": "echo", "input": {"text": "\ud800"}}', r'{"\ud800": 1}',
     r'{"analysis": "\ud800", "\udfff": 2}'],
)  # fmt: skip
async def test_a_body_of_another_shape_is_refused(site: OpenSite, visitor: Visitor, body: str):
    answer = await visitor.post(START, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert is_problem(answer)
    assert await site.sessions() == []


@pytest.mark.parametrize("body", [b"", b"{", b"analysis=echo", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000])
async def test_what_is_not_json_is_refused(visitor: Visitor, body: bytes):
    answer = await visitor.post(START, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert is_problem(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_media_type_is_refused(site: OpenSite, visitor: Visitor, kind: str):
    body = json.dumps({"analysis": "echo", "input": {"text": "a"}})
    answer = await visitor.post(START, content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 415
    assert is_problem(answer)
    assert await site.sessions() == []


async def test_json_with_a_charset_is_json(visitor: Visitor):
    body = json.dumps({"analysis": "echo", "input": {"text": "a"}})
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await visitor.post(START, content=body, headers=kind)).status_code == 202


async def test_a_body_that_announces_to_be_too_large_is_refused_unread(site: OpenSite, visitor: Visitor):
    async def never():
        raise AssertionError("It was read.")
        yield b""

    length = {"Content-Type": "application/json", "Content-Length": str(MAX_BODY + 1)}
    answer = await visitor.post(START, content=never(), headers=length)
    assert answer.status_code == 413
    assert is_problem(answer)


async def test_a_streamed_body_is_cut_off_at_the_limit(visitor: Visitor):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 100_000
            yield b"x" * 100_000

    answer = await visitor.post(START, content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert sent <= MAX_BODY + 200_000


async def test_too_many_in_flight_are_refused_and_the_one_in_flight_still_answers(tmp_path: Path):
    async with open_site(tmp_path, max_active_per_owner=2) as site:
        visitor = await site.visitor()
        first = await visitor.started("echo", text="a")
        await visitor.started("echo", text="b")
        refused = await visitor.start("echo", text="c")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert is_problem(refused)
        assert (await visitor.start("echo", text="a")).json()["session_id"] == first
        assert (await (await site.visitor()).start("echo", text="c")).status_code == 202


async def test_more_starts_a_minute_than_allowed_are_refused(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=3, max_active_per_owner=100) as site:
        visitor = await site.visitor()
        for n in range(3):
            await visitor.started("echo", text=str(n))
        refused = await visitor.start("echo", text="more")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert len(await site.sessions()) == 3
        assert (await (await site.visitor()).start("echo", text="other")).status_code == 202


async def test_only_new_sessions_count_against_the_rate(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=3) as site:
        visitor = await site.visitor()
        session_id = await visitor.started("echo", text="a")
        for _ in range(5):
            assert (await visitor.start("echo", text="a")).json()["session_id"] == session_id
            assert (await visitor.start("echo", wrong=1)).status_code == 422
        await visitor.started("echo", text="b")
        await visitor.started("echo", text="c")
        assert (await visitor.start("echo", text="d")).status_code == 429
        assert (await visitor.start("echo", text="a")).json()["session_id"] == session_id


async def test_starts_refused_by_a_check_count_and_no_check_runs_beyond_the_rate(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=2) as site:
        visitor = await site.visitor()
        answers = [(await visitor.start("hollow", name=str(n))).status_code for n in range(4)]
        assert answers == [422, 422, 429, 429]
        assert site.hold.looks == ["0", "1"]


async def test_parallel_starts_do_not_outrun_the_rate(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=3, max_active_per_owner=100) as site:
        visitor = await site.visitor()
        answers = await asyncio.gather(*(visitor.start("echo", text=str(n)) for n in range(12)))
        assert sorted(a.status_code for a in answers) == [202] * 3 + [429] * 9
        assert len(await site.sessions()) == 3


async def test_one_address_may_not_start_without_end_under_many_names(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=1) as site:
        answers = []
        for n in range(11):
            visitor = await site.client(client=("203.0.113.7", 5000)).arrive()
            answers.append((await visitor.start("echo", text=str(n))).status_code)
        assert answers == [202] * 10 + [429]


async def test_a_full_queue_refuses_and_says_when_to_come_back(tmp_path: Path):
    async with open_site(tmp_path, max_pending=1) as site:
        await (await site.visitor()).started("echo", text="a")
        refused = await (await site.visitor()).start("echo", text="b")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert is_problem(refused)


async def test_product_url_is_the_short_form(site: OpenSite, visitor: Visitor):
    answer = await visitor.post(START, json={"productUrl": "https://shop.example/p/1"})
    assert answer.status_code == 202
    assert answer.json()["session"]["analysis"] == "product"
    same = await visitor.start("product", source="https://shop.example/p/1")
    assert same.json()["session_id"] == answer.json()["session_id"]


@pytest.mark.slow
async def test_product_url_does_not_mix_with_other_fields(visitor: Visitor):
    answer = await visitor.post(START, json={"productUrl": "https://shop.example/p/1", "input": {}})
    assert answer.status_code == 422
    assert pointers(answer) == ["/input"]


async def test_an_address_that_nothing_can_read_is_refused_with_what_to_do(site: OpenSite, visitor: Visitor):
    answer = await visitor.post(START, json={"productUrl": "https://unreadable.example/p"})
    assert answer.status_code == 422
    assert pointers(answer) == ["/source"]
    assert "upload it" in answer.json()["error"]
    assert await site.sessions() == []


async def test_the_owner_that_the_host_names_is_the_owner(tmp_path: Path):
    async with open_site(tmp_path, owner=lambda request: request.headers.get("x-user")) as site:
        anna, other_anna, ben = [site.client() for _ in range(3)]
        for client, user in ((anna, "anna"), (other_anna, "anna"), (ben, "ben")):
            client.headers["x-user"] = user
            await client.arrive()
        session_id = await anna.started("echo", text="a")
        assert (await other_anna.snapshot(session_id))["session_id"] == session_id
        assert (await ben.get(f"/api/analysis/progress/{session_id}")).status_code == 404
        assert "set-cookie" not in (await ben.get("/api/analysis/token")).headers


async def test_a_fault_is_reported_once_with_its_pointer(site: OpenSite, visitor: Visitor):
    missing = await visitor.start("product")
    assert missing.json()["errors"] == [
        {"pointer": "/source", "detail": "This is needed, and it was not given."},
    ]
    assert pointers(await visitor.start("product", source=None)) == ["/source"]
    assert pointers(await visitor.start("product", source="https://shop.example", other=1)) == ["/other"]


def test_two_long_subjects_with_one_beginning_stay_two():
    long = "x" * (MAX_SUBJECT + 1)
    assert len(bounded_subject(long + "a")) == MAX_SUBJECT
    assert bounded_subject(long + "a") != bounded_subject(long + "b")
    assert bounded_subject(long[1:]) == long[1:]
