"""`outlast migrate`: migrate the database's schema, or check it."""

import sys
from collections.abc import Sequence

import click

from outlast.app import runtime_of
from outlast.cli.application import app_option, explain_errors, json_option, load_app, print_json, run
from outlast.cli.audit import record_command
from outlast.domain.errors import SchemaOutdated

FIRST = "0001_sessions"
"""The migration that makes a store, by the name that it has for both databases."""


@click.command()
@app_option
@json_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when the schema is not current.")
@explain_errors
def migrate(app_name: str | None, as_json: bool, check: bool) -> None:
    """Bring the database's schema up to date; name the database and the applied migrations.

    `serve` and `workers start` do this by themselves.
    """
    app = load_app(app_name)
    place = app.settings.shown_store

    async def upgrade() -> Sequence[str] | None:
        """The applied migrations; `None` if the schema is not current."""
        try:
            engine = await runtime_of(app).open(maintain=False, migrate=not check)
        except SchemaOutdated as error:
            if not check:
                raise
            if not as_json:
                click.echo(f"{place}: {error}")
            return None
        try:
            if engine.applied and engine.applied[0] != FIRST:  # a new store stays empty, so that a copy accepts it
                await record_command(engine.store, place, ", ".join(engine.applied))
        finally:
            await app.close()
        return engine.applied

    applied = run(upgrade())
    if as_json:
        print_json({"store": place, "current": applied is not None, "applied": list(applied or ())})
    elif applied is not None:
        for name in applied:
            click.echo(f"Applied {name} to {place}.")
        click.echo(f"The schema of {place} is current.")
    sys.exit(1 if applied is None else 0)
