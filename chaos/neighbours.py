"""Run the previous release beside this one, on one PostgreSQL, under load: upgrade, roll back, upgrade again.

No request may be answered with an error of the server, no process may log an error, and nothing may be lost.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

import checker
import load
from hosts import HERE, ApiHost, Host

sys.path.append(str(HERE.parent / "tests"))
from servers import PostgresServer, folder_in_memory

PREVIOUS = "a109e29711392c1ee3913b7484b96834f00df9ef"
"""The commit of the previous release, 0.1.0, as the CHANGELOG names it."""
KEY = "the key of two versions side by side"
ROOT = HERE.parent
ENDS_WITHIN = 60.0
EXPECTED = "fails"
"""In the errors of sessions that fail by design."""
WORKED = "SELECT DISTINCT worker_id FROM attempts WHERE ended = 'completed'"
CLEAR = "\r\x1b[K" if sys.stdout.isatty() else ""


class CommitMissingError(Exception):
    """The commit is not in this clone and cannot be fetched."""


def check_out(commit: str, folder: Path) -> Path:
    """Write the files of a commit to `folder`; a shallow clone fetches it first. Raises `CommitMissingError`."""
    if subprocess.run(["git", "cat-file", "-e", commit], cwd=ROOT, capture_output=True, check=False).returncode:
        fetch = ["git", "fetch", "--quiet", "--depth", "1", "origin", commit]
        if subprocess.run(fetch, cwd=ROOT, capture_output=True, check=False, timeout=60).returncode:
            raise CommitMissingError(f"The commit {commit} is not in this clone, and it cannot be fetched.")
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "src"


class Neighbours:
    """An API and a worker machine of either version around one PostgreSQL."""

    def __init__(self, folder: Path, postgres: PostgresServer, workers: int) -> None:
        settings = {
            "DATABASE_URL": postgres.url(),
            "APP_KEY": KEY,
            "ANALYSIS_ALLOWED_HOSTS": "127.0.0.1,127.0.0.2",
            "ANALYSIS_SHUTDOWN_GRACE": "1",
        }
        sources = {"old": check_out(PREVIOUS, folder / "previous"), "new": ROOT / "src"}
        self.apis: dict[str, ApiHost] = {}
        self.workers: dict[str, Host] = {}
        for number, (version, source) in enumerate(sources.items(), 1):
            of_version = settings | {"PYTHONPATH": f"{source}:{HERE}"}
            self.apis[version] = ApiHost(folder, f"{version}-api", of_version, f"127.0.0.{number}")
            self.workers[version] = Host(
                folder, f"{version}-worker", of_version, "workers", "start", "--workers", str(workers)
            )
        self.roots: list[str] = []
        """The addresses that visitors come to now."""
        self.hosts = [*self.apis.values(), *self.workers.values()]
        self.worker_ids: dict[str, set[str]] = {version: set() for version in sources}
        self._url = postgres.url()

    def join(self, version: str) -> None:
        self.apis[version].start()
        self.workers[version].start()
        self.apis[version].wait()
        self.roots.append(self.apis[version].root)

    def leave(self, version: str) -> None:
        """Stop a version as a deploy does: its visitors go elsewhere first."""
        self.roots.remove(self.apis[version].root)
        self.workers[version].stop()
        time.sleep(0.3)  # the requests in transit
        self.apis[version].stop()

    def observe(self, ledger: checker.Ledger) -> None:
        """Note processes that have ended by themselves, and which workers are of which version."""
        for host in self.hosts:
            if host.main_pid is not None and not host.runs():
                ledger.died.append(host.name)
        with psycopg.connect(self._url, autocommit=True) as connection:
            ids = {pid: worker for worker, pid in connection.execute("SELECT id, pid FROM workers").fetchall()}
        for version, host in self.workers.items():
            self.worker_ids[version].update(ids[pid] for pid in host.workers() if pid in ids)

    def logged_errors(self) -> list[str]:
        """The lines of error level, but those that the workload causes by itself."""
        found: list[str] = []
        for host in self.hosts:
            for line in host.log.splitlines():
                entry = json.loads(line) if line.startswith("{") else {"event": line, "level": "text"}
                if entry["level"] in {"error", "critical"} or "Traceback" in entry["event"]:
                    found.append(f"{host.name}: {entry['event']} {str(entry.get('exception', ''))[-300:]}")
        return [line for line in found if EXPECTED not in line]


def run(
    folder: Path, seconds: float, *, rollback: bool = True, workers: int = 2, short: int = 4
) -> tuple[checker.Ledger, list[str]]:
    """Old, both, new, with `rollback` old again and both between, and sessions that fail: each act for `seconds`.

    Return what was seen and what was wrong.
    """
    postgres = PostgresServer(disk=folder_in_memory(), fsync="off")
    ledger = checker.Ledger()
    try:
        postgres.start()
        site = Neighbours(folder, postgres, workers)
        visitors = load.Load(site.roots, 1, ledger, owners=8, short=short, lasting=0, failing=rollback)
        site.join("old")
        visitors.begin()
        visitors.wait_for_an_end(ENDS_WITHIN)
        acts = [(site.join, "new"), *([(site.leave, "new"), (site.join, "new")] if rollback else [])]
        for act, version in (*acts, (site.leave, "old")):
            act(version)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(0.2)
                site.observe(ledger)
                if CLEAR:
                    print(f"{CLEAR}{act.__name__} {version}: {visitors.line}", end="", flush=True)
        visitors.finish(lambda: time.sleep(0.1))
        for host in site.hosts:
            host.stop()
        ledger.strays = [stray for host in site.hosts for stray in host.strays()]
        effects = (folder / "effects").read_text()
        ledger.effects = [line.split() for line in effects.splitlines()]
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            faults = [*checker.of_indexes(connection), *checker.of_store(ledger, connection)]
            faults += checker.of_charges(connection)
            worked = {row[0] for row in connection.execute(WORKED).fetchall()}
        faults += [f"The {v} version did no work." for v, ids in site.worker_ids.items() if not ids & worked]
        for check in (checker.of_snapshots, checker.of_effects, checker.of_strays, checker.of_health):
            faults += check(ledger)
        faults += [f"{count} answers of {code}" for code, count in ledger.statuses.items() if code >= 500]
        faults += site.logged_errors()
        return ledger, faults
    finally:
        postgres.remove()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=75, help="seconds of each of the four acts")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="outlast-neighbours-") as folder:
        ledger, faults = run(Path(folder), options.seconds)
    print(f"{CLEAR}{len(ledger.acknowledged)} acknowledged, answers {dict(ledger.statuses)}")
    print("\n".join(faults) or "Nothing failed, nothing was lost.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
