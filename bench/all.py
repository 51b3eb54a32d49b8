"""Runs all benchmarks in sequence; with `--size 1` each takes seconds."""

import subprocess
import sys

import sites

THEMES = (
    "coldstart",
    "pickup",
    "drain",
    "starts",
    "lag",
    "polls",
    "waiting",
    "claims",
    "flood",
    "operators",
    "held_transaction",
    "call_keys",
    "watchers",
    "engines",
    "judging",
    "soak",
)


def main() -> None:
    for theme in THEMES:
        subprocess.run([sys.executable, sites.HERE / f"{theme}.py", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
