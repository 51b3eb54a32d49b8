"""Ours beside its peers, each on empty stores, interleaved: pick-up, starts, drain, memory of what is in flight.

`--json FILE` writes the figures, from which `picture.py` draws; `--only NAME`, again and again, leaves others out.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis

import figures
import servers
import sites
from peers import MODULES

ROUNDS = 3
REAL = 5
AT_ONCE_TO_SEE = 3
THEMES = {
    "pickup_p50": ("Pick-up by an idle worker, p50", "ms", min),
    "pickup_p99": ("Pick-up by an idle worker, p99", "ms", min),
    "starts": ("Enqueued one by one", "a second", max),
    "drain": ("Drained by one worker process", "a second", max),
    "memory": ("Memory of one worker process that holds many", "MB", min),
}
"""Metric in the JSON → description, unit and which direction is better."""
WANTED = (
    ("pickup_p50", "Outlast, PostgreSQL", "pgqueuer", {"ratio_at_most": 1.0}),
    ("pickup_p50", "Outlast, PostgreSQL", "Procrastinate", {"ratio_at_most": 1.0}),
    ("drain", "Outlast, PostgreSQL", "pgqueuer", {"ratio_at_least": 1.0}),
    ("drain", "Outlast, PostgreSQL", "pgqueuer, batches of 100", {"ratio_at_least": 1.0}),
    ("starts", "Outlast, PostgreSQL", "pgqueuer", {"ratio_at_least": 1.0}),
    ("drain", "Outlast, SQLite", "huey, SQLite", {"ratio_at_least": 1.5}),
)


def one(name: str, size: int, folder: Path, postgres: str, number: int) -> dict[str, Any]:
    """Run one round of one engine in a separate process."""
    tag = f"{number}-{list(MODULES).index(name)}"
    work_folder = folder / tag
    work_folder.mkdir()
    paths = {
        "ANALYSIS_DATA_DIR": str(work_folder / "data"),
        "BENCH_HUEY": str(work_folder / "huey.db"),
        "BENCH_DBOS": str(work_folder / "dbos.db"),
        "BENCH_SLOTS": str(work_folder / "slots"),
        "BENCH_POSTGRES": servers.new_database(postgres, f"bench_{tag}"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "peers.round", name, str(size)],
        env=os.environ | paths,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SystemExit(f"{name}: {reason}")
    return json.loads(done.stdout.splitlines()[-1])


def summed(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the medians of an engine's rounds."""
    return {
        "versions": rounds[0]["versions"],
        "held": rounds[0]["held"],
        "pickup_p50": figures.median([figures.percentile(r["pickups"], 50) for r in rounds]),
        "pickup_p99": figures.median([figures.percentile(r["pickups"], 99) for r in rounds]),
        **{theme: figures.median([r[theme] for r in rounds]) for theme in ("starts", "drain", "memory")},
    }


def show(result: dict[str, Any]) -> None:
    engines = result["engines"]
    where = f"{result['date']}, {result['cores']} cores, load {result['load']:.1f}, {result['rounds']} rounds"
    for theme, (title, unit, better) in THEMES.items():
        best = better(e[theme] for e in engines.values())
        print(f"\n{title}, {unit}  ({where})")
        for name, engine in sorted(engines.items(), key=lambda e: e[1][theme], reverse=better is max):
            mark = "best" if engine[theme] == best else f"{engine[theme] / best:.2f} ×"
            print(f"  {name:30} {engine[theme]:>10.4g}  {mark:>8}  {engine['versions']}")
    wanted = [
        figures.Figure(
            f"{ours}: {THEMES[theme][0].lower()}",
            engines[ours][theme],
            THEMES[theme][1],
            engines[theirs][theme],
            theirs,
            **limit,
        )
        for theme, ours, theirs, limit in WANTED
        if ours in engines and theirs in engines
    ]
    figures.show("What was wanted", wanted)


def run(size: int, names: list[str], rounds: int) -> dict[str, Any]:
    measured: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with sites.folder() as folder, servers.postgres(folder) as postgres, servers.redis_server(folder) as address:
        os.environ["BENCH_REDIS"] = address
        stores = f"PostgreSQL {servers.version_of(postgres)}, Redis {servers.redis_version(address)}"
        for number in range(rounds):
            # at size one they only show that they still run, each waiting most of its time
            with ThreadPoolExecutor(AT_ONCE_TO_SEE if size == 1 else 1) as several:

                def measure(name: str, number: int = number) -> dict[str, Any]:
                    print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
                    if size > 1:
                        with redis.Redis.from_url(address) as client:
                            client.flushall()
                    return one(name, size, folder, postgres, number)

                for name, figures_of_it in zip(names, several.map(measure, names), strict=True):
                    measured[name].append(figures_of_it)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "stores": stores,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rounds": rounds,
        "engines": {name: summed(of) for name, of in measured.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=REAL, help=f"1: seconds, one round; {REAL} is the real one")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--only", action="append", choices=MODULES, help="an engine to measure; all by default")
    options = parser.parse_args()
    result = run(options.size, options.only or list(MODULES), ROUNDS if options.size > 1 else 1)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(result)


if __name__ == "__main__":
    main()
