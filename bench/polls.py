"""Throughput of polls compared with a trivial ASGI handler on the same server, under load from another process."""

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass

import psutil

import figures
import sites

ROUNDS = 3
CONNECTIONS = 16


@dataclass
class Rates:
    """Requests per second of wall time and of the server's CPU time."""

    by_clock: list[float]
    by_processor: list[float]


def measure(server: sites.Server, request: bytes, seconds: float, status: int) -> tuple[float, float]:
    process = psutil.Process(server.pid)
    before = sum(process.cpu_times()[:2])
    done = subprocess.run(
        [
            sys.executable,
            str(sites.HERE / "http_load.py"),
            "127.0.0.1",
            str(server.port),
            str(seconds),
            str(CONNECTIONS),
        ],
        input=request,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    if set(answer["counts"]) != {str(status)}:
        raise SystemExit(f"expected {status} alone, got {answer['counts']}")
    used = sum(process.cpu_times()[:2]) - before
    return answer["rate"], answer["rate"] * seconds / used


def run(seconds: float) -> None:
    rates: dict[str, Rates] = defaultdict(lambda: Rates([], []))
    with sites.folder(), sites.served() as server:
        started = server.browser.post(
            "/api/analysis/start",
            json={"analysis": "holds", "input": {"n": 1}},
            headers={"X-CSRF-Token": server.token},
        )
        path = started.json()["links"]["self"]
        tag = server.browser.get(path).headers["etag"]
        requests = {
            "trivial": (f"GET /trivial HTTP/1.1\r\n{server.head}\r\n", 200),
            "poll": (f"GET {path} HTTP/1.1\r\n{server.head}\r\n", 200),
            "304": (f"GET {path} HTTP/1.1\r\n{server.head}If-None-Match: {tag}\r\n\r\n", 304),
        }
        for _ in range(ROUNDS):
            for name, (request, status) in requests.items():
                by_clock, by_processor = measure(server, request.encode(), seconds, status)
                rates[name].by_clock.append(by_clock)
                rates[name].by_processor.append(by_processor)

    def figure(name: str, what: str) -> list[figures.Figure]:
        ours, trivial = rates[name], rates["trivial"]
        return [
            figures.Figure(
                f"{what} / s",
                figures.median(ours.by_clock),
                "by the clock",
                figures.median(trivial.by_clock),
                "trivial",
                ratio_at_least=0.8,
            ),
            figures.Figure(
                f"{what} / s",
                figures.median(ours.by_processor),
                "of the server's time",
                figures.median(trivial.by_processor),
                "trivial",
                ratio_at_least=0.8,
            ),
        ]

    figures.show(
        f"Polls, {ROUNDS} interleaved rounds of {seconds:g} s, {CONNECTIONS} connections",
        [*figure("poll", "snapshots"), *figure("304", "304s")],
    )


def main() -> None:
    run(0.4 * figures.size(5))


if __name__ == "__main__":
    main()
