"""What proxies say of a client is believed from the trusted ones alone."""

from pathlib import Path

import httpx
import pytest
from edge_site import open_site
from raw_wires import running
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

FORWARDED = {"X-Forwarded-For": "198.51.100.66, 203.0.113.9", "X-Forwarded-Proto": "https"}


async def _who(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    await JSONResponse([scope["client"][0], request.url.scheme])(scope, receive, send)


async def _seen(proxies: tuple[str, ...], headers: dict[str, str]) -> list[str]:
    async with running(_who, proxies=proxies) as running_server, httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{running_server.port}/", headers=headers)).json()


@pytest.mark.parametrize("allowed", [None, "*", "127.0.0.1"])
async def test_nobody_is_believed_by_default(monkeypatch: pytest.MonkeyPatch, allowed: str | None):
    if allowed is not None:  # uvicorn's own setting
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", allowed)
    assert await _seen((), FORWARDED) == ["127.0.0.1", "http"]


@pytest.mark.slow
async def test_a_trusted_proxy_is_believed_what_it_added_itself():
    assert await _seen(("127.0.0.1",), FORWARDED) == ["203.0.113.9", "https"]
    assert await _seen(("127.0.0.0/8", "203.0.113.0/24"), FORWARDED) == ["198.51.100.66", "https"]


async def test_an_untrusted_peer_is_not():
    assert await _seen(("192.0.2.1", "10.0.0.0/8"), FORWARDED) == ["127.0.0.1", "http"]


@pytest.mark.slow
@pytest.mark.parametrize("real", ["203.0.113.9", "2001:db8:1:2::{:x}"])
async def test_forged_addresses_do_not_pass_the_rate_limit(tmp_path: Path, real: str):
    async with (
        open_site(tmp_path, starts_per_minute=1) as site,
        running(site.app, proxies=("127.0.0.1",)) as running_server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{running_server.port}", trust_env=False) as http,
    ):
        codes: list[int] = []
        for n in range(15):  # each a new visitor who says to be somewhere else
            http.cookies.clear()
            forwarded = {"X-Forwarded-For": f"198.51.100.{n}, {real.format(n + 1)}"}
            token = (await http.get("/api/analysis/token", headers=forwarded)).json()["token"]
            start = {"analysis": "echo", "input": {"text": str(n)}}
            headers = {**forwarded, "X-CSRF-Token": token}
            codes.append((await http.post("/api/analysis/start", json=start, headers=headers)).status_code)
        assert codes == [202] * 10 + [429] * 5
