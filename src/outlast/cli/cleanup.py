"""`outlast cleanup`: delete expired sessions, results and uploads, without confirmation."""

from dataclasses import asdict, replace

import click

from outlast.cli.application import app_option, explain_errors, json_option, load_app, opened, print_json, run
from outlast.cli.audit import record_command
from outlast.cli.numbers import Number
from outlast.ports.store import Pruned
from outlast.running.maintenance import prune

MOST_HOURS = 100 * 366 * 24
"""A century."""


@click.command()
@app_option
@json_option
@click.option(
    "--hours",
    type=Number(most=MOST_HOURS),
    help="Age of finished sessions, failed ones too; default: the settings (24, and 168 for failed ones).",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@explain_errors
def cleanup(app_name: str | None, as_json: bool, hours: float | None, dry_run: bool) -> None:
    """Delete finished sessions, results and uploads that are older than their retention.

    Sessions in flight are never deleted. Failed ones stay longer than others, unless you say --hours. Workers
    and `outlast serve` clean up by themselves, once an hour or daily at ANALYSIS_CLEANUP_AT.
    """
    app = load_app(app_name)

    async def delete() -> Pruned:
        async with opened(app) as engine:
            kept = engine.retention
            retention = kept if hours is None else replace(kept, sessions=hours, failed=hours)
            pruned = await prune(engine.store, engine.clock, retention, dry_run=dry_run)
            if not dry_run:
                await record_command(engine.store, f"older than {retention.sessions:g} h", str(pruned))
            return pruned

    done = run(delete())
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
    else:
        verb = "Would delete" if dry_run else "Deleted"
        counted = (f"{count} {what[:-1]}(s)" for what, count in asdict(done).items())
        click.echo(f"{verb} {', '.join(counted)}.")
