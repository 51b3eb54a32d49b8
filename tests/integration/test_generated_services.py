"""The tools accept what `outlast generate` writes for them, and the services work under them."""

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from processes import PRELUDE, wait_until

pytestmark = pytest.mark.slow

SITE = """
@step("Working")
async def work(n: int) -> int:
    report(50, 100, "half of it")
    await until(f"go{n}") if n else await asyncio.sleep(0.01)
    return n

@outlast.analysis("slow", steps=[work], max_attempts=1)
async def slow(n: int) -> int:
    return await work(n)
"""
ROOT = os.geteuid() == 0
REQUESTS = 1_000
SUPERVISORD = """
[unix_http_server]
file={folder}/supervisor.sock
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
user={user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/supervisor.sock
[include]
files={folder}/outlast.conf
"""
NGINX = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def tool(name: str) -> str:
    """Return the path of a program, which the gate installs."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"This machine has no {name}.")
    return found


class Home:
    """A folder with a program, and the environment in which its operator types."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        (folder / "site_under_test.py").write_text(PRELUDE + SITE)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ANALYSIS_", "DATABASE_", "REDIS_"))}
        self.environment = clean | {"ANALYSIS_APP": "site_under_test:outlast"} | settings

    def outlast(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "outlast", *arguments)

    def generate(self, *arguments: str) -> str:
        return self.outlast("generate", *arguments, "--user", getpass.getuser())

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / f"{Path(command[0]).name}.out").open("wb") as out:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=out, stderr=out)
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(40)
                finally:
                    process.kill()


def free_ports(count: int) -> int:
    """Return the first of some free ports in a row."""
    for port in range(20_000 + os.getpid() % 5_000, 32_000, count):
        with socket.socket() as probe:
            if all(probe.connect_ex(("127.0.0.1", port + n)) for n in range(count)):
                return port
    raise AssertionError("no free ports")


def test_systemd_accepts_the_units_and_calls_them_fine(tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    home = Home(tmp_path, ANALYSIS_DATA_DIR="/var/lib/outlast", APP_KEY="0123456789abcdef" * 2)
    home.generate("systemd", "--output", "units")
    shutil.copy(tmp_path / "units" / "outlast-web@.service", tmp_path / "units" / "outlast-web@8000.service")
    units = [str(tmp_path / "units" / name) for name in ("outlast-web@8000.service", "outlast-workers.service")]
    home.run(analyze, "verify", "--man=no", *units)
    for unit in units:
        home.run(analyze, "security", "--offline=true", "--threshold=30", unit)
    broken = tmp_path / "units" / "outlast-broken.service"
    broken.write_text(Path(units[1]).read_text().replace("ExecStart=/", "ExecStart="))
    home.run(analyze, "verify", "--man=no", str(broken), code=1)


@pytest.mark.parametrize("public", ["https://slow.example.org", "http://slow.example.org", ""])
def test_nginx_accepts_the_site(tmp_path: Path, public: str) -> None:
    nginx = tool("nginx")
    home = Home(tmp_path, ANALYSIS_PUBLIC_URL=public)
    if public.startswith("https"):
        request = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=slow.example.org -keyout k.pem -out c.pem"
        home.run(tool("openssl"), *request.split())
    text = home.generate(
        "nginx", "--certificate", str(tmp_path / "c.pem"), "--certificate-key", str(tmp_path / "k.pem")
    )
    first = free_ports(2)
    (tmp_path / "site.conf").write_text(
        re.sub(r"listen ((?:\[::\]:)?)(80|443)\b", lambda m: f"listen {m[1]}{first + (m[2] == '443')}", text)
    )
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, user=""))
    home.run(nginx, "-t", "-q", "-c", str(tmp_path / "nginx.conf"))


def test_caddy_accepts_the_site(tmp_path: Path) -> None:
    caddy = tool("caddy")
    home = Home(tmp_path, ANALYSIS_PUBLIC_URL="https://slow.example.org")
    (tmp_path / "Caddyfile").write_text(home.generate("caddy"))
    home.run(caddy, "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile"))


def test_cron_runs_the_lines(tmp_path: Path) -> None:
    """In a mount namespace of its own: the machine's own crontabs stay as they are."""
    cron = tool("cron")
    if not ROOT or subprocess.run([tool("unshare"), "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("Only root may give cron a folder of its own.")
    home = Home(tmp_path, APP_KEY="0123456789abcdef" * 2)
    home.run(sys.executable, "-c", SEED)
    home.generate("cron", "--output", "crontab", "--backups", str(tmp_path / "backups"))
    lines = (tmp_path / "crontab").read_text()
    assert len(re.findall(r"^\d+ 2 \* \* \* \w+ cd ", lines, re.MULTILINE)) == 2
    (tmp_path / "crontab").write_text(re.sub(r"^\d+ 2 \* \* \*", "@reboot", lines, flags=re.MULTILINE))
    alone = (
        "mount -t tmpfs none /run && mount -t tmpfs none /var/spool/cron && mkdir /var/spool/cron/crontabs && "
        "mount -t tmpfs none /etc/cron.d && mount --bind /dev/null /etc/crontab && "
        f"install -m 644 {tmp_path}/crontab /etc/cron.d/outlast && exec {cron} -f"
    )
    with home.running("unshare", "-m", "sh", "-c", alone):
        (backup,) = wait_until(lambda: list((tmp_path / "backups").glob("*.db")), 60, "the backup")
    assert "restored 3" in home.outlast("store", "restore", str(backup), "--replace").lower()


SEED = """
import asyncio
from site_under_test import outlast

async def seed():
    async with outlast.lifespan(workers=0):
        for n in range(3):
            await outlast.start("slow", owner="somebody", n=n)

asyncio.run(seed())
"""


class Load:
    """Visitors who start, poll and read pages through the proxy until they are told to stop."""

    def __init__(self, root: str, visitors: int) -> None:
        self.root = root
        self.answers: Counter[str] = Counter()
        self.sessions: dict[str, httpx.Client] = {}
        self._visitors: list[httpx.Client] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._visit) for _ in range(visitors)]
        for thread in self._threads:
            thread.start()

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.close()

    def _visit(self) -> None:
        http = httpx.Client(base_url=self.root, timeout=20, trust_env=False)
        self._visitors.append(http)
        token = self._ask(http, "GET", "/api/analysis/token").json()["token"]
        headers = {"X-CSRF-Token": token}
        while not self._stopping.is_set():
            body = {"analysis": "slow", "input": {"n": 0}}
            answer = self._ask(http, "POST", "/api/analysis/start", json=body, headers=headers)
            if answer is None or answer.status_code != 202:
                continue
            session = answer.json()["session_id"]
            self.sessions[session] = http
            for path in (f"/api/analysis/progress/{session}", f"/analysis/{session}", "/readyz", "/"):
                self._ask(http, "GET", path)

    def _ask(self, http: httpx.Client, method: str, path: str, **more: object) -> httpx.Response | None:
        try:
            answer = http.request(method, path, **more)
            what = str(answer.status_code)
        except httpx.HTTPError as error:
            answer, what = None, f"{method} {path.split('/')[1]}: {error!r}"
        if answer is not None and answer.status_code >= 400:
            what = f"{method} {path}: {answer.status_code}"
        with self._lock:
            self.answers[what] += 1
        self._stopping.wait(0.01)  # leaves the processor to the processes that start
        return answer


def test_a_restart_of_web_and_of_workers_under_supervisor_and_nginx_fails_no_request(tmp_path: Path) -> None:
    nginx = tool("nginx")
    port = free_ports(3)
    home = Home(
        tmp_path,
        ANALYSIS_PUBLIC_URL=f"http://127.0.0.1:{port + 2}",
        ANALYSIS_DRAIN_DELAY="0.5",
        ANALYSIS_SHUTDOWN_GRACE="1",
        ANALYSIS_STARTS_PER_MINUTE="100000",
        ANALYSIS_MAX_ACTIVE_PER_OWNER="100000",
        ANALYSIS_DATA_DIR=str(tmp_path / "data"),
        APP_KEY="0123456789abcdef" * 2,
    )
    home.generate("supervisor", "--port", str(port), "--workers", "1", "--output", "outlast.conf")
    (tmp_path / "supervisord.conf").write_text(SUPERVISORD.format(folder=tmp_path, user=getpass.getuser()))
    site = home.generate("nginx", "--port", str(port))
    (tmp_path / "site.conf").write_text(re.sub(r"listen ((?:\[::\]:)?)80\b", rf"listen \g<1>{port + 2}", site))
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, user="user root;" if ROOT else ""))

    def control(*words: str) -> str:
        return home.run(
            sys.executable, "-m", "supervisor.supervisorctl", "-c", str(tmp_path / "supervisord.conf"), *words
        )

    def ready(of: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{of}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    with (
        home.running(sys.executable, "-m", "supervisor.supervisord", "-c", str(tmp_path / "supervisord.conf")),
        home.running(nginx, "-c", str(tmp_path / "nginx.conf")),
        httpx.Client(base_url=f"http://127.0.0.1:{port + 2}", timeout=60, trust_env=False) as watcher,
    ):
        for of in (port, port + 1, port + 2):
            wait_until(lambda of=of: ready(of), 60, f"port {of}")
        token = watcher.get("/api/analysis/token").json()["token"]
        body = {"analysis": "slow", "input": {"n": 7}}
        watched = watcher.post("/api/analysis/start", json=body, headers={"X-CSRF-Token": token}).json()[
            "session_id"
        ]
        events = f"/api/analysis/progress/{watched}/events"
        # a program counts as running a moment after it answers
        wait_until(lambda: control("status").count("pid ") == 3, 60, "three processes")
        pids = set(re.findall(r"pid (\d+)", control("status")))
        load = Load(f"http://127.0.0.1:{port + 2}", 4)
        try:
            with watcher.stream("GET", events) as stream:
                lines = stream.iter_lines()
                # through the proxy while the session still runs: nothing holds events back
                assert any("half of it" in line for line in lines)
                for of in (port, port + 1):
                    control("restart", f"outlast-web:outlast-web-{of}")
                    wait_until(lambda of=of: ready(of), 60, f"port {of}")
                assert "event: bye" in list(lines)
            control("restart", "outlast-workers")
            wait_until(lambda: load.total >= REQUESTS, 120, "the requests")
        finally:
            load.stop()
        assert set(load.answers) <= {"200", "202"}, load.answers
        assert not pids & set(re.findall(r"pid (\d+)", control("status")))
        with watcher.stream("GET", events) as stream:  # as a browser reconnects
            lines = stream.iter_lines()
            assert any("half of it" in line for line in lines)
            (tmp_path / "go7").touch()
            assert any(line == "event: done" for line in lines)
        assert len(load.sessions) > REQUESTS / 10
        for session, visitor in load.sessions.items():
            path = f"/api/analysis/progress/{session}"
            wait_until(
                lambda v=visitor, p=path: v.get(p).json()["status"] == "completed", 30, f"the end of {session}"
            )
        load.close()
