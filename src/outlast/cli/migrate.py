"""`outlast migrate`: the schema of the database."""

import sys

import click

from outlast.cli.program import app_option, load_app, run, sentences
from outlast.domain.errors import SchemaOutdated


@click.command()
@app_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when the schema is not current.")
@sentences
def migrate(app_name: str | None, check: bool) -> None:
    """Bring the database's schema up to date. `serve` and `workers` do this by themselves."""
    app = load_app(app_name)

    async def bring() -> bool:
        try:
            await app.open(maintain=False, migrate=not check)
        except SchemaOutdated as error:
            if not check:
                raise
            click.echo(str(error))
            return False
        await app.close()
        return True

    current = run(bring())
    if current:
        click.echo("The schema is current.")
    sys.exit(0 if current else 1)
