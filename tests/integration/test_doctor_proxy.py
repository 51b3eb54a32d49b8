"""What `outlast doctor --url` says about a real nginx in front of the site."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, open_site
from processes import wait_until
from raw_wires import running

from outlast.cli.findings import Finding, Level
from outlast.cli.proxy_checks import check_proxy

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
SECONDS = 4
FORWARDING = """
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $remote_addr;
"""
BEHIND_ANOTHER = {"buffering", "holding"}
"""Its answers have no chunks then, and nginx holds back those until its buffer is full."""
BUFFERING = (
    "proxy_http_version 1.0; proxy_set_header Host $host;"
    " proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
)
PROXIES: Mapping[str, str] = {
    "passing": FORWARDING,
    "buffering": BUFFERING,
    "cutting": FORWARDING + "proxy_read_timeout 2s;",
    "holding": BUFFERING + "proxy_read_timeout 2s;",
    "compressing": FORWARDING + "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;",
    "nameless": "proxy_set_header Host upstream.example;",
    "wrong_scheme": FORWARDING.replace("$scheme", "https"),
    "keyless": FORWARDING + 'proxy_set_header Authorization "";',
    "unreached": "",
}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="needs nginx")]


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@contextmanager
def _nginx(folder: Path, upstream: int) -> Iterator[Mapping[str, str]]:
    """A real nginx in front of this port, with one server of each kind; their addresses."""
    folder.chmod(0o755)
    ports = dict(zip(PROXIES, _free_ports(len(PROXIES)), strict=True))
    (nowhere,) = _free_ports(1)
    behind = dict.fromkeys(BEHIND_ANOTHER, ports["passing"]) | {"unreached": nowhere}
    servers = "".join(
        f"""
        server {{
            listen 127.0.0.1:{ports[name]};
            location / {{
                proxy_pass http://127.0.0.1:{behind.get(name, upstream)};
                {options}
            }}
        }}"""
        for name, options in PROXIES.items()
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{ access_log off; {temporary} {servers} }}
        """
    )
    assert NGINX is not None
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config), "-e", f"{folder}/error.log"]) as process:
        try:
            wait_until(lambda: all(map(_accepts, ports.values())), 10, "nginx's start")
            yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        finally:
            process.terminate()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def levels(found: Mapping[str, Finding]) -> dict[str, Level]:
    """What is not fine."""
    return {check: finding.level for check, finding in found.items() if finding.level is not Level.OK}


async def test_it_says_what_each_proxy_does_and_how_to_mend_it(tmp_path_factory: pytest.TempPathFactory):
    """All are looked at together, as each takes its seconds."""

    def look(address: str) -> dict[str, Finding]:
        return {finding.check: finding for finding in check_proxy(address, DASHBOARD_KEY, SECONDS)}

    folder = tmp_path_factory.mktemp("site")
    async with (
        open_site(folder, dashboard_key=DASHBOARD_KEY, allowed_hosts=("127.0.0.1",)) as site,
        running(site.app, proxies=("127.0.0.1",)) as server,
    ):
        with (
            _nginx(tmp_path_factory.mktemp("nginx"), server.port) as addresses,
            ThreadPoolExecutor(len(addresses)) as threads,
        ):
            run = asyncio.get_running_loop().run_in_executor
            looks = [run(threads, look, address) for address in addresses.values()]
            found = dict(zip(addresses, await asyncio.gather(*looks), strict=True))
    assert {name: levels(findings) for name, findings in found.items()} == {
        "passing": {},
        "buffering": {"buffering": Level.PROBLEM},
        "cutting": {"cutting": Level.PROBLEM},
        "holding": {"cutting": Level.PROBLEM},
        "compressing": {"compression": Level.WARNING},
        "nameless": {"host": Level.PROBLEM},
        "wrong_scheme": {"scheme": Level.PROBLEM},
        "keyless": {"proxy": Level.UNKNOWN},
        "unreached": {"url": Level.PROBLEM},
    }
    assert found["passing"].keys() >= {"scheme", "host", "client", "compression", "buffering", "cutting"}
    assert "after 3 s" in found["cutting"]["cutting"].sentence
    assert "proxy_read_timeout" in (found["cutting"]["cutting"].mend or "")
    assert "proxy_buffering off" in (found["buffering"]["buffering"].mend or "")
    assert "upstream.example" in found["nameless"]["host"].sentence
    assert "502" in found["unreached"]["url"].sentence


def test_an_address_where_nothing_listens_is_a_problem():
    (port,) = _free_ports(1)
    (finding,) = check_proxy(f"http://127.0.0.1:{port}", DASHBOARD_KEY, 2)
    assert (finding.check, finding.level) == ("url", Level.PROBLEM)
    assert "refused" in finding.sentence


def test_the_key_is_not_sent_in_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch):
    asked: list[Mapping[str, str]] = []

    def get(site, path, headers):
        asked.append(headers)
        return 200, {}, b""

    monkeypatch.setattr("outlast.cli.proxy_checks._get", get)
    found = {finding.check: finding.level for finding in check_proxy("http://slow.example.org", DASHBOARD_KEY, 2)}
    assert found == {"url": Level.OK, "https": Level.WARNING, "proxy": Level.UNKNOWN}
    assert asked == [{}]
