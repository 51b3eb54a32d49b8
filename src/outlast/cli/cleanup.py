"""`outlast cleanup`: delete what is finished and old; never asks."""

from dataclasses import asdict

import click

from outlast.cli.application import app_option, json_option, load_app, print_json, run, sentences
from outlast.core.running.maintenance import Retention, prune
from outlast.ports.store import Pruned


@click.command()
@app_option
@json_option
@click.option("--hours", type=click.FloatRange(0), help="Age of finished sessions; the setting (24) without it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@sentences
def cleanup(app_name: str | None, as_json: bool, hours: float | None, dry_run: bool) -> None:
    """Delete finished sessions, results and uploads that are older than their retention.

    Sessions in flight are never touched. Workers and `outlast serve` do this by themselves, once an hour.
    """
    app = load_app(app_name)

    async def delete() -> Pruned:
        engine = await app.open(maintain=False, migrate=False)
        try:
            kept = engine.retention
            retention = Retention(kept.sessions if hours is None else hours, kept.results, kept.uploads)
            return await prune(engine.store, engine.clock, retention, dry_run=dry_run)
        finally:
            await app.close()

    done = run(delete())
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
    else:
        verb = "Would delete" if dry_run else "Deleted"
        counted = (f"{count} {what[:-1]}(s)" for what, count in asdict(done).items())
        click.echo(f"{verb} {', '.join(counted)}.")
