"""`outlast generate compose` and `kubernetes`: files for containers, and the image that they run."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from outlast.cli.generated_files import Generated, assignments, render, write
from outlast.cli.installation import Installation
from outlast.cli.installation_options import described, installation_options, warn_without_name
from outlast.cli.package import Package, packages_of
from outlast.given_settings import values_in

CLUSTER_DRAIN = 10
"""Seconds in which a cluster notices that a pod drains."""
OF_COMPOSE = frozenset(
    {
        "APP_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "ANALYSIS_PUBLIC_URL",
        "ANALYSIS_ALLOWED_HOSTS",
        "ANALYSIS_DASHBOARD_KEY",
        "ANALYSIS_TRUSTED_PROXIES",
        "ANALYSIS_DRAIN_DELAY",
    }
)
"""Settings that the Compose file names by itself; `.env` has the values of most."""
OF_ONE_MACHINE = frozenset({"ANALYSIS_DATA_DIR"})
"""Settings that mean nothing in a container."""
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
"""Settings that belong to the secrets of a cluster, with a password or without."""
POD_SECURITY = "{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}"
CONTAINER_SECURITY = "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"

package_option = click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="WHAT",
    help="What the image installs: a clone, a wheel or a requirement; may be repeated. Default: what runs here.",
)


@click.command()
@package_option
@installation_options
def compose(output: Path | None, force: bool, packages: Sequence[str], **options: Any) -> None:
    """A Docker Compose file: PostgreSQL, Redis, web processes and workers behind nginx.

    A REDIS_URL, and a DATABASE_URL of PostgreSQL, that are set here are used instead of servers of the file's own.
    --output also writes `.env` beside the file, with new secrets where none are set, unless there is one.

    Example: outlast generate compose --output compose.yaml
    """
    installation = described(**options, containers=True)
    own_postgres, own_redis = not installation.settings.on_postgres, installation.settings.redis_url is None
    package = packages_of(packages, product=installation.app is None)
    more_secrets = [name for name in installation.secrets if name not in OF_COMPOSE]
    required = ["APP_KEY", "POSTGRES_PASSWORD" if own_postgres else "DATABASE_URL", "ANALYSIS_PUBLIC_URL"]
    required += [*([] if own_redis else ["REDIS_URL"]), *more_secrets]
    text = render(
        "compose.yaml",
        installation,
        **_image(installation, package),
        own_postgres=own_postgres,
        own_redis=own_redis,
        required=required,
        more={n: v for n, v in installation.plain.items() if n not in OF_COMPOSE | OF_ONE_MACHINE},
        more_secrets=more_secrets,
    )
    made = {"APP_KEY": 32, "ANALYSIS_DASHBOARD_KEY": 16} | ({"POSTGRES_PASSWORD": 16} if own_postgres else {})
    named = {*required, *OF_COMPOSE} - {"ANALYSIS_DRAIN_DELAY"} - ({"DATABASE_URL"} if own_postgres else set())
    values = {name: secrets.token_hex(size) for name, size in made.items()}
    values |= {"ANALYSIS_PUBLIC_URL": "http://localhost"}
    values |= {name: value for name, value in installation.given.items() if name in named}
    environment = Generated(Path(".env"), assignments(values), secret=True, keep=True)
    write([Generated(None, text), environment], output, force=force)
    if output is not None:
        there = values_in(file := output.parent / ".env")
        if lacking := [name for name in required if name not in there]:
            click.echo(f"{file} has no {', '.join(lacking)}: add what is missing.", err=True)


@click.command()
@click.option("--image", default="registry.example.org/outlast:1", show_default=True, help="The image to run.")
@package_option
@installation_options
def kubernetes(output: Path | None, force: bool, packages: Sequence[str], image: str, **options: Any) -> None:
    """Manifests for Kubernetes: web and worker pods with probes and drain delay, around a PostgreSQL that exists.

    Example: outlast generate kubernetes --image registry.example.org/outlast:1 --output outlast.yaml
    """
    installation = described(**options, containers=True)
    warn_without_name(installation)
    package = packages_of(packages, product=installation.app is None)
    config = {n: v for n, v in installation.plain.items() if n not in {*ADDRESSES, *OF_ONE_MACHINE}}
    config["ANALYSIS_DRAIN_DELAY"] = f"{installation.settings.drain_delay or CLUSTER_DRAIN:g}"
    config.setdefault("ANALYSIS_TRUSTED_PROXIES", "10.0.0.0/8")
    secret = {n: v for n, v in installation.given.items() if n in {*ADDRESSES, *installation.secrets}}
    if not installation.settings.on_postgres:
        secret.pop("DATABASE_URL", None)
    text = render(
        "kubernetes.yaml",
        installation,
        **_image(installation, package),
        image=image,
        config=dict(sorted(config.items())),
        required=list(dict.fromkeys(["APP_KEY", *ADDRESSES, "ANALYSIS_DASHBOARD_KEY", *secret])),
        web_grace=installation.web_grace + CLUSTER_DRAIN,
        pod_security=POD_SECURITY,
        container_security=CONTAINER_SECURITY,
    )
    values = "".join(f"{name}={value}\n" for name, value in secret.items())  # kubectl takes quotes literally
    write([Generated(None, text), Generated(installation.secrets_file, values, secret=True)], output, force=force)


def _image(installation: Installation, package: Package) -> dict[str, Any]:
    """What the templates say about the image."""
    needs = installation.app is not None and (installation.folder / "requirements.txt").exists()
    return {"package": package, "dockerfile": package.dockerfile(requirements=needs), "requirements": needs}
