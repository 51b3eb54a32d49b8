"""A visitor continues on another device, by a code that works once."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import segno
from edge_site import HOST, OpenSite, Visitor, open_site
from starlette.requests import Request

from outlast.web.access import COOKIE
from outlast.web.devices import CODES, picture

HTML = {"Accept": "text/html"}
PAGES = (("GET", "/continue"), ("POST", "/continue"), ("POST", "/analyses/device"), ("POST", "/analyses/return"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


async def code_of(owner: Visitor) -> str:
    """The code in the link that the owner's page shows."""
    page = await owner.post("/analyses/device", data={"csrf_token": owner.token}, headers=HTML)
    assert page.status_code == 200
    address = re.search(r'id="device-address"[^>]* value="([^"]+)"', page.text)
    assert address
    start, _, code = html.unescape(address[1]).partition("#")
    assert start == f"{HOST}/continue"
    return code


async def press(visitor: Visitor, path: str, **fields: str) -> httpx.Response:
    """Post the form of a page as a browser does, with the token that the page has."""
    page = await visitor.get("/continue" if path == "/continue" else "/analyses", headers=HTML)
    form = re.search(rf'action="{path}">.*?value="([^"]+)"', page.text, re.DOTALL)
    assert form, f"no form for {path}"
    return await visitor.post(path, data={"csrf_token": form[1], **fields}, headers=HTML)


async def ids_of(visitor: Visitor) -> list[str]:
    return [one["session_id"] for one in (await visitor.get("/api/analysis")).json()["sessions"]]


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_another_browser_continues_as_the_same_owner_and_goes_back(site: OpenSite):
    owner, other = await site.visitor(), await site.visitor()
    theirs, own = await owner.started("echo", text="a"), await other.started("echo", text="b")
    answer = await press(other, "/continue", code=await code_of(owner))
    assert (answer.status_code, answer.headers["location"]) == (303, "/analyses")
    assert await ids_of(other) == await ids_of(owner) == [theirs]
    assert "own analyses are kept" in (await other.get("/analyses", headers=HTML)).text
    assert "own analyses are kept" not in (await owner.get("/analyses", headers=HTML)).text
    assert (await other.get(f"/analysis/{own}", headers=HTML)).status_code == 404
    answer = await press(other, "/analyses/return")
    assert (answer.status_code, answer.headers["location"]) == (303, "/analyses")
    assert await ids_of(other) == [own]
    assert await ids_of(owner) == [theirs]
    assert "/analyses/return" not in (await other.get("/analyses", headers=HTML)).text


async def test_a_browser_that_continues_twice_still_goes_back_to_its_own(site: OpenSite):
    first, second, other = [await site.visitor() for _ in range(3)]
    theirs = [await one.started("echo", text=str(n)) for n, one in enumerate((first, second))]
    own = await other.started("echo", text="own")
    for owner, session_id in zip((first, second), theirs, strict=True):
        await press(other, "/continue", code=await code_of(owner))
        assert await ids_of(other) == [session_id]
    await press(other, "/analyses/return")
    assert await ids_of(other) == [own]


async def test_a_code_works_once_under_any_race(site: OpenSite):
    code = await code_of(await site.visitor())
    others = [await site.visitor() for _ in range(5)]
    answers = await asyncio.gather(*(press(other, "/continue", code=code) for other in others))
    assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422, 422]
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert "works once" in refused.text
    assert "set-cookie" not in refused.headers


async def test_looking_at_the_link_does_not_use_the_code(site: OpenSite):
    code = await code_of(await site.visitor())
    for method in ("GET", "HEAD"):
        assert (await site.client().request(method, "/continue", headers=HTML)).status_code == 200
    assert (await press(await site.visitor(), "/continue", code=code)).status_code == 303


async def test_a_code_may_be_typed_with_spaces_and_in_capitals(site: OpenSite):
    code = await code_of(await site.visitor())
    typed = f" {code[:13].upper()} - {code[13:]} "
    assert (await press(await site.visitor(), "/continue", code=typed)).status_code == 303


async def test_a_code_expires(site: OpenSite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("outlast.web.devices.VALID_FOR", timedelta(seconds=-1))
    code = await code_of(await site.visitor())
    assert (await press(await site.visitor(), "/continue", code=code)).status_code == 422


@pytest.mark.parametrize("code", ["", "a" * 26, "a", "é" * 26, "'; DROP TABLE facts", "a" * 5_000, "\x00" * 26])
async def test_what_is_no_code_is_refused_on_the_page(site: OpenSite, code: str):
    answer = await press(await site.visitor(), "/continue", code=code)
    assert answer.status_code == 422
    assert "Make a new one" in answer.text


async def test_another_site_can_neither_make_nor_use_a_code(site: OpenSite):
    owner, victim = await site.visitor(), await site.visitor()
    code = await code_of(owner)
    for token in ({}, {"csrf_token": owner.token}, {"csrf_token": "x"}):  # the attacker's counts for nobody else
        for path in ("/continue", "/analyses/device", "/analyses/return"):
            assert (await victim.post(path, data={"code": code, **token})).status_code == 403
    evil = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    form = {"code": code, "csrf_token": victim.token}
    assert (await victim.post("/continue", data=form, headers=evil)).status_code == 403
    assert (await press(victim, "/continue", code=code)).status_code == 303


async def test_the_store_has_neither_the_code_nor_the_owner(site: OpenSite, tmp_path: Path):
    owner = await site.visitor()
    code = await code_of(owner)
    name = owner.cookie_of(COOKIE).partition(".")[0]
    files = contents(tmp_path)
    assert CODES.encode() in files
    assert code.encode() not in files
    assert name.encode() not in files


async def test_no_answer_but_the_link_has_the_code_and_that_one_is_not_compressed(site: OpenSite):
    owner = await site.visitor()
    form = {"csrf_token": owner.token}
    page = await owner.post("/analyses/device", data=form, headers={**HTML, "Accept-Encoding": "gzip"})
    assert "content-encoding" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    code = await code_of(owner)
    answer = await press(await site.visitor(), "/continue", code=code)
    assert code not in answer.text + str(answer.headers)


async def test_the_kept_cookie_makes_nobody_an_owner_and_is_not_forged(site: OpenSite):
    owner, other = await site.visitor(), await site.visitor()
    own = await other.started("echo", text="a")
    await press(other, "/continue", code=await code_of(owner))
    name, kept = next((name, value) for name, value in other.cookies.items() if name.endswith("_own"))
    alone = site.client()
    alone.cookies.set(name.removesuffix("_own"), kept)
    assert (await alone.get(f"/api/analysis/progress/{own}")).status_code == 404
    thief = await site.visitor()
    thief.cookies.set(name, owner.cookie_of(COOKIE))  # signed, as the owner's cookie
    assert (await thief.post("/analyses/return", data={"csrf_token": thief.token})).status_code == 404


async def test_codes_are_limited_in_number(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=2) as site:
        owner = await site.visitor()
        form = {"csrf_token": owner.token}
        answers = [await owner.post("/analyses/device", data=form) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "retry-after" in answers[-1].headers
        other = await site.visitor()
        tried = [await press(other, "/continue", code="a" * 26) for _ in range(3)]
        assert [answer.status_code for answer in tried] == [422, 422, 429]


async def test_a_host_with_logins_offers_no_codes(tmp_path: Path):
    def user(request: Request) -> str | None:
        return request.headers.get("x-user")

    async with open_site(tmp_path, owner=user) as site:
        visitor = await site.visitor()
        assert "/analyses/device" not in (await visitor.get("/analyses", headers=HTML)).text
        for method, path in PAGES:
            form = {"csrf_token": visitor.token} if method == "POST" else None
            assert (await visitor.request(method, path, data=form)).status_code == 404


def test_the_picture_is_the_qr_code_of_the_address():
    address = f"{HOST}/continue#{'a7' * 13}"
    drawn = picture(address)
    path = re.search(r'<path[^>]*stroke="#000"[^>]* d="([^"]+)"', drawn)
    assert path, drawn[:300]
    x, y, dark = 0.0, 0.0, set[tuple[int, int]]()
    for verb, first, second in re.findall(r"([Mmh])(-?[0-9.]+)(?:[ ,]?(-?[0-9.]+))?", path[1]):
        if verb == "h":
            dark |= {(int(y), int(x) + n) for n in range(int(first))}
            x += float(first)
        elif verb == "M":
            x, y = float(first), float(second)
        else:
            x, y = x + float(first), y + float(second)
    matrix = segno.make_qr(address, error="m").matrix
    assert {(row - 4, column - 4) for row, column in dark} == {
        (row, column) for row, cells in enumerate(matrix) for column, cell in enumerate(cells) if cell
    }
    assert "style" not in drawn
