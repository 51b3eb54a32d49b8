"""`outlast serve` below a path of a proxy that strips it: nginx, and every way to say the path."""

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from edge_site import PATIENCE, Visitor, open_site
from raw_wires import running

pytestmark = pytest.mark.slow

PROGRAM = """
from outlast import Outlast

outlast = Outlast()

@outlast.analysis("letters")
async def count(text: str) -> int:
    return len(text)
"""
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /slow/ {{
      proxy_pass {address}/;
      proxy_set_header Host $http_host;
      {more}
    }}
  }}
}}
"""


class Guest(Visitor):
    root = "/slow"


@asynccontextmanager
async def serving(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[str]:
    (folder / "letters.py").write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "outlast", "serve", "--app", "letters:outlast", "--port", "0", "--workers", "0"),
        *arguments,
        cwd=folder,
        env={**os.environ, "ANALYSIS_SHUTDOWN_GRACE": "0", **settings},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while (found := re.search(rb"http://[0-9.]+:[0-9]+", said)) is None:
        line = await process.stderr.readline()
        assert line, said.decode()
        said += line
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield found[0].decode()
    finally:
        process.terminate()
        await asyncio.gather(process.wait(), draining)


@asynccontextmanager
async def nginx(folder: Path, address: str, more: str) -> AsyncIterator[str]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("this machine has no nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = NGINX.format(folder=folder, port=port, address=address, more=more)
    (folder / "nginx.conf").write_text(configuration)
    process = await asyncio.create_subprocess_exec(
        program, "-p", folder, "-c", folder / "nginx.conf", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


HEADER = "proxy_set_header X-Forwarded-Prefix /slow;"


@pytest.mark.parametrize("way", ["option", "header", "public"])
async def test_behind_nginx_that_strips_the_path_every_address_carries_it(tmp_path: Path, way: str):
    arguments = ("--root-path", "/slow/") if way == "option" else ()
    settings = {
        "header": {"ANALYSIS_TRUSTED_PROXIES": "127.0.0.1"},
        "public": {"ANALYSIS_PUBLIC_URL": "http://127.0.0.1/slow"},
    }
    more = HEADER if way == "header" else ""
    async with (
        serving(tmp_path, *arguments, **settings.get(way, {})) as inside,
        nginx(tmp_path, inside, more) as address,
        Guest(base_url=address, trust_env=False) as guest,
    ):
        answer = await (await guest.arrive()).start("letters", text="abc")
        assert answer.status_code == 202, answer.text
        links = answer.json()["links"]
        assert all(link.startswith("/slow/") for link in links.values())
        page = (await guest.get("/slow/", headers={"Accept": "text/html"})).text
        linked = re.findall(r'\b(?:href|src|action)="(/[^"#]*)"', page)
        assert len(linked) > 2
        assert all(address.startswith("/slow/") for address in linked)
        assert (await guest.get(links["page"])).status_code == 200
        assert {cookie.path for cookie in guest.cookies.jar} <= {"/slow", "/"}


@pytest.mark.parametrize(
    ("peer", "prefix", "link"),
    [
        ("127.0.0.1", "/slow", "/slow/"),
        ("127.0.0.1", "/a/b/", "/a/b/"),
        ("192.0.2.1", "/slow", "/"),
        ("127.0.0.1", "//evil.example", "/"),
        ("127.0.0.1", '/"><script>', "/"),
        ("127.0.0.1", "https://evil.example", "/"),
    ],
)
async def test_a_prefix_is_believed_from_a_trusted_proxy_and_if_it_is_a_path(
    tmp_path: Path, peer: str, prefix: str, link: str
):
    async with (
        open_site(tmp_path) as site,
        running(site.app, proxies=(peer,)) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as http,
    ):
        page = await http.get("/", headers={"X-Forwarded-Prefix": prefix})
        assert page.status_code == 200
        assert f'<a class="site-name" href="{link}">' in page.text


async def test_a_root_path_that_is_none_is_refused(tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "outlast", "serve", "--root-path", "slow"),
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"such as /slow" in said
