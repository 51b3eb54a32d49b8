"""`outlast`: the commands by name, each loaded when it is called, so that `--help` is quick."""

import sys
from importlib import import_module

import click

COMMANDS = {
    "serve": ("outlast.cli.serve:serve", "API, pages and workers: the whole product on one machine."),
    "analyse": (
        "outlast_reviews.command:analyse",
        "Judge the reviews in a file or at an address.",
    ),
    "reviews": (
        "outlast_reviews.evaluate.command:reviews",
        "Measure how well reviews are judged; print a sample.",
    ),
    "workers": ("outlast.cli.workers:workers", "Start workers; see which are alive."),
    "sessions": ("outlast.cli.sessions:sessions", "List, show, watch and cancel sessions."),
    "cleanup": ("outlast.cli.cleanup:cleanup", "Delete finished sessions, results and uploads that are old."),
    "store": ("outlast.cli.store:store", "Move everything into another database."),
    "generate": ("outlast.cli.generate:generate", "Print a ready file: compose."),
    "migrate": ("outlast.cli.migrate:migrate", "Bring the database's schema up to date."),
}


class LazyCommands(click.Group):
    """Knows names and summaries; imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `outlast serve`, open the address it prints, and drop a file of reviews on the page.",
)
@click.version_option(package_name="outlast")
def outlast() -> None:
    """Slow analyses behind a web page, durable, with live progress.

    Without --app, commands use the product that ships: a site that judges a product's reviews.
    """


def main() -> None:
    """Run, and exit 0 fine, 1 the answer is bad news, 2 could not tell or bad usage."""
    try:
        outlast.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(2)
