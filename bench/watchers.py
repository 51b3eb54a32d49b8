"""Many watchers of few sessions: event streams and pollers of 200 sessions on one API process."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import psutil

import figures
import servers
import sites

REAL = 10
FILES_BESIDE = 500
"""Open files of the server besides its watchers."""


def files_allowed(wanted: int) -> int:
    """Raise the limit for this process and its children; returns the granted limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        except (ValueError, PermissionError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def memory(pid: int) -> int:
    return psutil.Process(pid).memory_full_info().pss


def asked(server: sites.Server) -> Counter[str]:
    return Counter(server.browser.get("/asked").json())


def load(server: sites.Server, paths: list[str], streams: int, pollers: int, lines: int, seconds: float) -> Any:
    """The generator's measurements, the server's memory per stream (`kb`) and its queries per second."""
    command = [sys.executable, str(sites.HERE / "watch_load.py"), "127.0.0.1", str(server.port)]
    before = memory(server.pid)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        assert generator.stdin
        assert generator.stdout
        what = {"head": server.head, "paths": paths, "streams": streams, "pollers": pollers, "connections": lines}
        generator.stdin.write(json.dumps(what | {"seconds": seconds}) + "\n")
        generator.stdin.flush()
        if generator.stdout.readline().strip() != "open":
            raise SystemExit("the load generator failed")
        time.sleep(min(3.0, seconds))
        kb = (memory(server.pid) - before) / streams / 1000
        generator.stdin.write("\n")
        generator.stdin.flush()
        generator.stdout.readline()
        process = psutil.Process(server.pid)
        first, began, busy = asked(server), time.monotonic(), sum(process.cpu_times()[:2])
        report = json.loads(generator.stdout.readline())
        took = time.monotonic() - began
        queries = {name: n / took for name, n in (asked(server) - first).items()}
        cpu = (sum(process.cpu_times()[:2]) - busy) / took
        generator.kill()
    return report | {"kb": kb, "queries": queries, "cpu": cpu}


def run(size: int, *, on_postgres: bool) -> None:
    watchers = 1000 * size if size > 1 else 100
    sessions, seconds = (200, 20.0) if size > 1 else (20, 3.0)
    allowed = files_allowed(2 * watchers + FILES_BESIDE)
    lines = min(watchers, allowed - watchers - FILES_BESIDE)
    if lines < watchers:
        print(f"Only {allowed} open files are allowed: {watchers} pollers share {lines} connections.")
    os.environ["ANALYSIS_STREAMS_PER_OWNER"] = str(sites.MANY)
    with ExitStack() as stack:
        folder = stack.enter_context(sites.folder())
        if on_postgres:
            os.environ["DATABASE_URL"] = servers.new_database(
                stack.enter_context(servers.postgres(folder)), "bench"
            )
            os.environ["APP_KEY"] = "of-no-use-outside-the-benchmarks-0123456789"
        server = stack.enter_context(sites.served("watched_server.py"))
        stack.enter_context(sites.worker(sessions + 50))
        paths = [started(server, n) for n in range(sessions)]
        few = load(server, paths, sessions, 0, 0, min(seconds, 10.0))
        many = load(server, paths, watchers, watchers, lines, seconds)
    if many["lost"] or many["failed_pollers"] or set(many["statuses"]) - {"200", "304"}:
        raise SystemExit(f"not all were answered: {many}")
    show(many, few, watchers, sessions, "PostgreSQL" if on_postgres else "SQLite")


def started(server: sites.Server, n: int) -> str:
    """Start a session that reports once a second; returns its URL."""
    body = {"analysis": "ticks", "input": {"n": n, "every": 1.0}}
    answer = server.browser.post("/api/analysis/start", json=body, headers={"X-CSRF-Token": server.token})
    return answer.raise_for_status().json()["links"]["self"]


def show(many: Any, few: Any, watchers: int, sessions: int, store: str) -> None:
    def reader(report: Any) -> float:
        return sum(n for name, n in report["queries"].items() if name not in {"version", "version_of_each", "get"})

    figure = figures.Figure
    figures.show(
        f"{watchers} streams and {watchers} pollers of {sessions} sessions that change once a second, {store}",
        [
            figure("change to stream, p50", many["lag_p50"], "ms", few["lag_p50"], f"{sessions} streams"),
            figure("change to stream, p99", many["lag_p99"], "ms", few["lag_p99"], "as above", at_most=1000),
            figure("events", many["events"], "a second", few["events"], "as above"),
            figure("memory of each stream", many["kb"], "KB", at_most=15),
            figure("polls", many["polls"], "a second"),
            figure("poll, p50", many["poll_p50"], "ms"),
            figure("poll, p99", many["poll_p99"], "ms"),
            figure("queries of the reader", reader(many), "a second", reader(few), "as above", ratio_at_most=1.2),
            figure("lookups for polls", sum(many["queries"].values()) - reader(many), "a second"),
            figure("processor of the API process", many["cpu"], "cores", few["cpu"], "as above"),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", type=int, default=REAL, help=f"1: a hundred of each; {REAL}: ten thousand of each"
    )
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL")
    options = parser.parse_args()
    run(options.size, on_postgres=options.postgres)


if __name__ == "__main__":
    main()
