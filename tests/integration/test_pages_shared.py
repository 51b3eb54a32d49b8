"""A result's link for others, its files, and the same analysis once more."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import HOST, OpenSite, Visitor, open_site

from outlast.app import runtime_of
from outlast.testing.acts import completed, read

HTML = {"Accept": "text/html"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def owner(site: OpenSite) -> Visitor:
    return await site.visitor()


async def done(site: OpenSite, owner: Visitor, result: str = '{"text":"the judgement"}') -> str:
    session_id = await owner.started("echo", text="the input")
    await site.end(session_id, completed(result))
    return session_id


async def press(owner: Visitor, session_id: str, verb: str) -> httpx.Response:
    """A button of the result page, as a browser without JavaScript presses it."""
    page = await owner.get(f"/analysis/{session_id}", headers=HTML)
    form = re.search(rf'<form method="post" action="([^"]+/{verb})">.*?value="([^"]+)"', page.text, re.DOTALL)
    assert form, f"no button to {verb}"
    return await owner.post(form[1], data={"csrf_token": form[2]}, headers=HTML)


async def link_of(owner: Visitor, session_id: str) -> str:
    """As the owner's page shows it."""
    page = await owner.get(f"/analysis/{session_id}", headers=HTML)
    shown = re.search(r'id="share-address"[^>]* value="([^"]+)"', page.text)
    assert shown
    return shown[1]


async def test_whoever_has_the_link_reads_the_result(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    answer = await press(owner, session_id, "share")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/analysis/{session_id}#share")
    link = await link_of(owner, session_id)
    assert re.fullmatch(rf"{HOST}/shared/[a-z2-7]{{26}}", link)
    page = await site.client().get(link, headers=HTML)
    assert page.status_code == 200
    assert "the judgement" in page.text


async def test_the_shared_page_does_not_reveal_session_and_owner(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    await press(owner, session_id, "share")
    link = await link_of(owner, session_id)
    for address in (link, f"{link}/export/echo.txt", f"{link}?x={session_id[:0]}"):
        # the owner, too, sees there what others see
        for reader in (site.client(), owner):
            answer = await reader.get(address, headers=HTML)
            assert session_id not in answer.text + str(answer.headers)
            assert owner.token not in answer.text
            assert "<form" not in answer.text
            assert "set-cookie" not in answer.headers
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "noindex" in answer.headers["x-robots-tag"]
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src" in answer.headers["content-security-policy"]
    assert '<meta name="robots" content="noindex, nofollow">' in (await owner.get(link)).text


async def test_a_revoked_link_is_as_one_that_never_was(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    await press(owner, session_id, "share")
    link = await link_of(owner, session_id)
    assert (await press(owner, session_id, "unshare")).status_code == 303
    for address in (link, f"{link}/export/echo.txt"):
        revoked = await site.client().get(address, headers=HTML)
        never = await site.client().get(address.replace(link, f"{HOST}/shared/{'a' * 26}"), headers=HTML)
        assert revoked.status_code == 404
        assert revoked.text == never.text
    await press(owner, session_id, "share")
    assert await link_of(owner, session_id) != link


async def test_scripts_share_and_revoke_by_the_api(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    shared = await owner.post(f"/api/analysis/share/{session_id}")
    again = await owner.post(f"/api/analysis/share/{session_id}")
    assert (
        shared.json()
        == again.json()
        == {
            "success": True,
            "url": shared.json()["url"],
            "expires_at": None,
        }
    )
    assert (await site.client().get(shared.json()["url"])).status_code == 200
    revoked = await owner.delete(f"/api/analysis/share/{session_id}")
    assert revoked.json() == {"success": True, "url": None, "expires_at": None}
    assert (await site.client().get(shared.json()["url"])).status_code == 404


async def expire(site: OpenSite, session_id: str) -> None:
    """Let the link of this session have expired a second ago."""
    ago = site.engine.clock.now() - timedelta(seconds=1)
    assert await site.engine.store.share(session_id, "x" * 26, owner=None, expires_at=ago)


async def test_an_expired_link_is_as_one_that_never_was(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    await press(owner, session_id, "share")
    link = await link_of(owner, session_id)
    addresses = [link, f"{link}/export/echo.txt", f"{link}/picture.png"]
    assert [(await site.client().get(address)).status_code for address in addresses] == [200, 200, 404]
    await expire(site, session_id)
    for address in addresses:
        expired = await site.client().get(address, headers=HTML)
        never = await site.client().get(address.replace(link, f"{HOST}/shared/{'a' * 26}"), headers=HTML)
        assert (expired.status_code, expired.text) == (404, never.text)
    await press(owner, session_id, "share")
    assert await link_of(owner, session_id) != link


async def test_the_owner_chooses_when_a_link_expires(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    page = await owner.get(f"/analysis/{session_id}", headers=HTML)
    offered = re.findall(r'<option value="([0-9]*)">', page.text)
    assert offered == ["", "86400", "604800", "2592000"]
    form = {"csrf_token": owner.token, "expires_in": offered[2]}
    assert (await owner.post(f"/analysis/{session_id}/share", data=form)).status_code == 303
    until = site.engine.clock.now() + timedelta(days=7)
    assert f"works until {until.day} {until:%B %Y}" in (await owner.get(f"/analysis/{session_id}")).text
    for body, days in (({}, 7), ({"expires_in": 86_400}, 1), ({"expires_in": None}, 1)):
        shared = (await owner.post(f"/api/analysis/share/{session_id}", json=body)).json()
        expected = site.engine.clock.now() + timedelta(days=days)
        assert abs(datetime.fromisoformat(shared["expires_at"]) - expected) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "body", ["[]", "7", *(f'{{"expires_in": {n}}}' for n in ("0", "-1", "1e99", "true", '"7"'))]
)
async def test_an_expiry_out_of_bounds_is_refused_with_the_bounds(site: OpenSite, owner: Visitor, body: str):
    session_id = await done(site, owner)
    answer = await owner.post(
        f"/api/analysis/share/{session_id}", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert "expires_in" in answer.json()["error"]
    for given in ("0", "x", "-1", "9" * 40, "²"):
        form = {"csrf_token": owner.token, "expires_in": given}
        assert (await owner.post(f"/analysis/{session_id}/share", data=form)).status_code == 422
    assert (await owner.get("/api/analysis/share")).json()["links"] == []


async def test_an_owner_lists_the_links_and_turns_one_off_there(site: OpenSite, owner: Visitor):
    ids = [await done(site, owner) for _ in range(3)]
    urls = {one: (await owner.post(f"/api/analysis/share/{one}")).json()["url"] for one in ids}
    await expire(site, ids[0])
    now, long_ago = site.engine.clock.now() + timedelta(1), site.engine.clock.now() - timedelta(1)
    store = site.engine.store
    await store.prune(sessions_before=now, results_before=long_ago, uploads_before=long_ago, dry_run=False)
    first = (await owner.get("/api/analysis/share?limit=1")).json()
    rest = (await owner.get(f"/api/analysis/share?after={first['next']}")).json()
    listed = first["links"] + rest["links"]
    assert rest["next"] is None
    assert {one["session_id"]: one["url"] for one in listed} == {one: urls[one] for one in ids[1:]}
    other = await site.visitor()
    assert (await other.get("/api/analysis/share")).json()["links"] == []
    assert "/shared/" not in (await other.get("/analyses")).text
    page = (await owner.get("/analyses", headers={**HTML, "Accept-Encoding": "gzip"})).text
    assert [urls[one] in page for one in ids] == [False, True, True]
    form = {"csrf_token": owner.token, "back": "list"}
    answer = await owner.post(f"/analysis/{ids[1]}/unshare", data=form, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/analyses")
    assert urls[ids[1]] not in (await owner.get("/analyses", headers=HTML)).text


async def test_pages_that_show_a_link_are_not_compressed(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    gzip = {**HTML, "Accept-Encoding": "gzip"}
    pages = (f"/analysis/{session_id}", "/analyses")
    assert ["content-encoding" in (await owner.get(page, headers=gzip)).headers for page in pages] == [True, True]
    await owner.post(f"/api/analysis/share/{session_id}")
    assert ["content-encoding" in (await owner.get(page, headers=gzip)).headers for page in pages] == [
        False,
        False,
    ]


async def test_what_has_no_result_cannot_be_shared(site: OpenSite, owner: Visitor):
    session_id = await owner.started("echo", text="a")
    for method in ("POST", "DELETE"):
        answer = await owner.request(method, f"/api/analysis/share/{session_id}")
        assert answer.status_code == 409
        assert "no result yet" in answer.json()["error"]


async def test_the_link_outlives_the_session(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    url = (await owner.post(f"/api/analysis/share/{session_id}")).json()["url"]
    now, long_ago = site.engine.clock.now() + timedelta(1), site.engine.clock.now() - timedelta(1)
    await site.engine.store.prune(
        sessions_before=now, results_before=long_ago, uploads_before=long_ago, dry_run=False
    )
    assert (await site.client().get(url)).status_code == 200
    page = await owner.get(f"/analysis/{session_id}", headers=HTML)
    assert page.status_code == 200
    assert "/unshare" in page.text
    assert "/again" not in page.text


async def test_the_address_of_a_link_honours_where_people_come_from(tmp_path: Path):
    async with open_site(tmp_path, public_url="http://reviews.example", allowed_hosts="localhost") as site:
        owner = await site.visitor()
        session_id = await done(site, owner)
        url = (await owner.post(f"/api/analysis/share/{session_id}")).json()["url"]
        assert url.startswith("http://reviews.example/shared/")


async def test_files_of_a_result_are_downloads_in_which_nothing_can_run(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    page = await owner.get(f"/analysis/{session_id}", headers=HTML)
    address = f"/analysis/{session_id}/export/echo.txt"
    assert f'href="{address}" download>The text</a>' in page.text
    file = await owner.get(address)
    assert file.text == "the judgement"
    assert file.headers["content-type"] == "text/plain; charset=utf-8"
    assert file.headers["content-disposition"] == 'attachment; filename="echo.txt"'
    assert "sandbox" in file.headers["content-security-policy"]
    assert (await owner.get(f"/analysis/{session_id}/export/other.txt")).status_code == 404


async def test_again_starts_the_same_input_anew(site: OpenSite, owner: Visitor):
    session_id = await done(site, owner)
    answer = await press(owner, session_id, "again")
    assert answer.status_code == 303
    new = answer.headers["location"].rpartition("/")[2]
    assert new != session_id
    rows = [await read(site.engine.store, i) for i in (session_id, new)]
    assert rows[0].input == rows[1].input
    assert rows[0].subject == rows[1].subject
    assert (await press(owner, session_id, "again")).headers["location"] == answer.headers["location"]


@pytest.mark.slow
async def test_again_without_its_file_says_what_to_do(site: OpenSite, owner: Visitor):
    source = (await owner.upload(b"a,b")).json()["source"]
    session_id = await owner.started("product", source=source)
    await site.end(session_id, completed("{}"))
    now, long_ago = site.engine.clock.now() + timedelta(1), site.engine.clock.now() - timedelta(1)
    await site.engine.store.prune(
        sessions_before=long_ago, results_before=long_ago, uploads_before=now, dry_run=False
    )
    answer = await press(owner, session_id, "again")
    assert answer.status_code == 422
    assert "upload it" in answer.text
    assert source not in answer.text


@pytest.mark.slow
async def test_again_counts_as_a_start(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=1) as site:
        owner = await site.visitor()
        session_id = await done(site, owner)
        assert (await press(owner, session_id, "again")).status_code == 429


@pytest.mark.parametrize("name", ["Report.csv", "a/b", "", ".csv", "a b.csv"])
def test_an_export_has_a_name_that_an_address_can_carry(site: OpenSite, name: str):
    async def anything() -> dict[str, Any]:
        return {}

    with pytest.raises(ValueError, match="needs a name"):
        site.outlast.analysis("x", exports={name: runtime_of(site.outlast).catalogue["echo"].exports["echo.txt"]})(
            anything
        )


async def test_who_comes_while_too_many_results_are_drawn_is_asked_to_come_again(
    site: OpenSite, owner: Visitor, monkeypatch: pytest.MonkeyPatch
):
    session_id = await done(site, owner)
    monkeypatch.setattr("outlast.web.limits.MAX_QUEUED", 0)
    answer = await owner.get(f"/analysis/{session_id}", headers=HTML)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    monkeypatch.undo()
    assert (await owner.get(f"/analysis/{session_id}", headers=HTML)).status_code == 200
