"""`outlast doctor`: check the installation, and say how to mend what is wrong."""

import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from urllib.parse import urlsplit

import click

from outlast.app import Outlast
from outlast.cli.application import Refused, app_option, explain_errors, json_option, load_app, print_json, run
from outlast.cli.findings import Finding, Level, exit_code, problem
from outlast.cli.numbers import count
from outlast.domain.printable import printable
from outlast.settings import SettingsError

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red", Level.UNKNOWN: "magenta"}
QUIET_SECONDS = 17
"""How long events are followed: one silence as long as those of a real stream."""

Report = Callable[[str], None]
"""Called with what is being checked."""


@click.command()
@app_option
@json_option
@click.option("--url", metavar="URL", help="The address that people use: checks the proxy in front of it too.")
@click.option(
    "--seconds",
    type=count(2, 300),
    help="How long --url follows a stream of events, to see whether the proxy cuts it.  "
    f"[default: {QUIET_SECONDS}]",
)
@explain_errors
def doctor(app_name: str | None, as_json: bool, url: str | None, seconds: int | None) -> None:
    """Check settings, data folder, key, disk, store, clock, workers and queues; with --url, the proxy as well.

    Each finding says how to mend it. Run it as the user of the server, with the server's settings. For --url it
    sends the key of the dashboard (ANALYSIS_DASHBOARD_KEY) to that address. Exits 0 if nothing is wrong (there may
    be warnings), 1 for a problem, and 2 if a check could not tell. --json prints {"findings": [{"check", "level",
    "sentence", "mend"}]}; level is ok, warning, problem or unknown.
    """
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise Refused(f"{printable(url)!r} is not an http(s) address. For example: --url https://slow.example.org")
    if seconds is not None and url is None:
        raise Refused("--seconds is for the check of a proxy: give its address with --url, too.")
    found = run(_findings(app_name, url, seconds or QUIET_SECONDS, shown=not as_json))
    if as_json:
        print_json({"findings": [asdict(finding) for finding in found]})
    else:
        counted = {level: sum(finding.level is level for finding in found) for level in Level}
        click.echo(
            f"\n{counted[Level.PROBLEM]} problem(s), {counted[Level.WARNING]} warning(s)"
            + (f", {counted[Level.UNKNOWN]} check(s) could not tell" if counted[Level.UNKNOWN] else "")
            + "."
        )
    sys.exit(exit_code(found))


async def _findings(app_name: str | None, url: str | None, seconds: int, *, shown: bool) -> list[Finding]:
    """Run every check; `shown`: print each finding as soon as it is known."""
    from rich.console import Console

    console = Console(stderr=True)
    found: list[Finding] = []
    status = console.status("Checking") if shown and console.is_terminal else None
    with status or nullcontext():
        async for finding in _checks(app_name, url, seconds, lambda what: status.update(what) if status else None):
            found.append(finding)
            if shown:
                _print(finding)
    return found


async def _checks(app_name: str | None, url: str | None, seconds: int, report: Report) -> AsyncGenerator[Finding]:
    from outlast.cli import installation_checks as local

    report("Loading the program")
    for finding in local.check_names():
        yield finding
    try:
        try:
            app = load_app(app_name)
        except Refused as error:  # the rest of the installation can be looked at all the same
            yield problem("program", error.message, "Name your program as --app module:object or in ANALYSIS_APP.")
            app = Outlast()
        settings = app.settings
    except SettingsError as error:
        yield problem("settings", str(error), "Correct it; the sentence has an example.")
        yield local.unchecked("store", "Not looked at.")
        return
    report("Looking at this machine")
    checks: Iterator[Finding]
    for checks in (
        local.check_settings(settings),
        local.check_data_folder(settings),
        local.check_key(settings),
        local.check_disk(settings),
        local.check_descriptors(settings),
        local.check_redis(settings),
    ):
        for finding in checks:
            yield finding
    report(f"Asking the store {settings.shown_store}")
    async for finding in local.check_store(app, app_name):
        yield finding
    if url is None:
        return
    from outlast.cli.proxy_checks import check_proxy

    report(f"Following events at {url} for {seconds} s")
    for finding in check_proxy(url, settings.dashboard_key, seconds):
        yield finding


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level.value:8}", COLOURS[finding.level])
    click.echo(f"{level} {finding.check:12} {printable(finding.sentence)}")
    if finding.mend is not None:
        click.echo(f"{'':21} → {printable(finding.mend)}")
