"""`outlast generate`: print ready-made files for an installation."""

from importlib.metadata import version
from importlib.resources import files

import click


@click.group()
def generate() -> None:
    """Print a ready-made file for this installation."""


@generate.command()
def compose() -> None:
    """A Docker Compose file: PostgreSQL, Redis, two API processes and three workers behind nginx.

    Example: outlast generate compose > compose.yaml
    """
    text = (files("outlast.cli") / "templates" / "compose.yaml").read_text(encoding="utf-8")
    click.echo(text.replace("{version}", version("outlast")), nl=False)


@generate.command()
def alerts() -> None:
    """Alert rules for Prometheus, on the metrics of /metrics.

    Example: outlast generate alerts > /etc/prometheus/rules/outlast.yaml
    """
    _print_template("alerts.yaml")


@generate.command()
def grafana() -> None:
    """A dashboard for Grafana, on the metrics of /metrics; import it there.

    Example: outlast generate grafana > outlast.json
    """
    _print_template("grafana.json")


def _print_template(name: str) -> None:
    click.echo((files("outlast.cli") / "templates" / name).read_text(encoding="utf-8"), nl=False)
