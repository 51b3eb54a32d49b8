"""Cold start: `outlast --help`, and `serve` until its first response."""

import http.client
import re
import subprocess
import sys
import time
from pathlib import Path

import figures
import sites


def of_help() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "outlast", "--help"], check=True, capture_output=True)
    return time.monotonic() - began


def of_python() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import asyncio, click"], check=True)
    return time.monotonic() - began


def of_serve(folder: Path) -> float:
    """Seconds until the product's site, with two workers, answers a request."""
    command = [sys.executable, "-m", "outlast", "serve", "--port", "0"]
    began = time.monotonic()
    child = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr is not None
        for line in child.stderr:
            if found := re.match(r"Serving on http://127\.0\.0\.1:(\d+)", line):
                connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=5)
                connection.request("GET", "/livez")
                assert connection.getresponse().status == 200
                connection.close()
                return time.monotonic() - began
        raise SystemExit("serve did not start")
    finally:
        child.terminate()
        child.communicate(timeout=10)


def main() -> None:
    rounds = 2 + figures.size(3)
    helps: list[float] = []
    pythons: list[float] = []
    serves: list[float] = []
    with sites.folder() as folder:
        for _ in range(rounds):
            helps.append(of_help())
            pythons.append(of_python())
            serves.append(of_serve(folder))
    floor = figures.median(pythons)
    figures.show(
        f"Cold start, medians of {rounds}",
        [
            figures.Figure(
                "outlast --help", figures.median(helps), "s", floor, "python, asyncio, click", at_most=0.3
            ),
            figures.Figure("serve answering", figures.median(serves), "s", at_most=1.5),
        ],
    )


if __name__ == "__main__":
    main()
