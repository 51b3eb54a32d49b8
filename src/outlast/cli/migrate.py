"""`outlast migrate`: migrate the database's schema, or check it."""

import sys
from collections.abc import Sequence

import click

from outlast.app import runtime_of
from outlast.cli.application import app_option, explain_errors, load_app, run
from outlast.domain.errors import SchemaOutdated


@click.command()
@app_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when the schema is not current.")
@explain_errors
def migrate(app_name: str | None, check: bool) -> None:
    """Bring the database's schema up to date and list the applied migrations.

    `serve` and `workers start` do this by themselves.
    """
    app = load_app(app_name)

    async def upgrade() -> Sequence[str] | None:
        """The applied migrations; `None` if the schema is not current."""
        try:
            engine = await runtime_of(app).open(maintain=False, migrate=not check)
        except SchemaOutdated as error:
            if not check:
                raise
            click.echo(str(error))
            return None
        await app.close()
        return engine.applied

    applied = run(upgrade())
    if applied is not None:
        for name in applied:
            click.echo(f"Applied {name}.")
        click.echo(f"The schema of {app.settings.shown_store} is current.")
    sys.exit(1 if applied is None else 0)
