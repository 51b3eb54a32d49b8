"""`outlast generate`: print or write ready-made files for the installation in the current folder."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from outlast.cli.generate_containers import compose, kubernetes
from outlast.cli.generated_files import Generated, render, secrets_of, write
from outlast.cli.installation_options import described, installation_options, warn_without_name
from outlast.cli.numbers import count


@click.group()
def generate() -> None:
    """Print a ready file for the installation in this folder.

    The files name this folder, this interpreter, --app and the settings of the environment; the processes read the
    folder's `.env` by themselves. Secrets are never printed: --output writes them to a file of mode 0600.
    """


generate.add_command(compose)
generate.add_command(kubernetes)


@generate.command()
@installation_options
def systemd(output: Path | None, force: bool, **options: Any) -> None:
    """Units for systemd: one for each web process, one for the workers; --output names a folder.

    Example: outlast generate systemd --app slowsite:outlast --output /etc/systemd/system
    """
    installation = described(**options)
    names = ["outlast-web@.service"] + ([] if installation.settings.inline else ["outlast-workers.service"])
    units = [Generated(Path(name), render(name, installation)) for name in names]
    write([*units, *secrets_of(installation)], output, force=force)


@generate.command()
@installation_options
def supervisor(output: Path | None, force: bool, **options: Any) -> None:
    """A configuration for supervisor: web processes and workers as programs of their own.

    Example: outlast generate supervisor --output /etc/supervisor/conf.d/outlast.conf
    """
    installation = described(**options)
    text = render("supervisor.conf", installation)
    write([Generated(None, text), *secrets_of(installation)], output, force=force)


@generate.command()
@click.option("--backups", type=Path, metavar="FOLDER", help="Where backups go. Default: in the data folder.")
@click.option("--keep", default=14, show_default=True, type=count(), help="Backups to keep.")
@installation_options
def cron(output: Path | None, force: bool, backups: Path | None, keep: int, **options: Any) -> None:
    """Lines for cron: cleanup daily at 02:00, a backup at 02:30.

    Example: outlast generate cron --backups /var/backups/outlast --output /etc/cron.d/outlast
    """
    installation = described(**options)
    target = (backups or installation.data_folder / "backups").absolute()
    lines = {
        "cleanup": installation.outlast("cleanup", *installation.app_options),
        "backup": installation.outlast("store", "backup", f"{target}/", "--keep", str(keep)),
    }
    commands = {name: f"{installation.in_shell(line)} >/dev/null" for name, line in lines.items()}
    text = render("outlast.cron", installation, **commands)
    write([Generated(None, text), *secrets_of(installation)], output, force=force)


@generate.command()
@click.option("--certificate", metavar="FILE", help="Certificate with its chain. Default: certbot's of this host.")
@click.option("--certificate-key", metavar="FILE", help="Its private key.")
@installation_options
def nginx(
    output: Path | None, force: bool, certificate: str | None, certificate_key: str | None, **options: Any
) -> None:
    """A site for nginx in front of the web processes; with TLS if ANALYSIS_PUBLIC_URL is https.

    Example: outlast generate nginx --output /etc/nginx/conf.d/outlast.conf
    """
    installation = described(**options)
    warn_without_name(installation)
    live = f"/etc/letsencrypt/live/{installation.public_host}"
    text = render(
        "nginx.conf",
        installation,
        certificate=certificate or f"{live}/fullchain.pem",
        certificate_key=certificate_key or f"{live}/privkey.pem",
        ipv6=Path("/proc/net/if_inet6").exists(),
        server_name=installation.public_host or "_",
    )
    write([Generated(None, text)], output, force=force)


@generate.command()
@installation_options
def caddy(output: Path | None, force: bool, **options: Any) -> None:
    """A Caddyfile in front of the web processes; Caddy gets the certificate by itself.

    Example: outlast generate caddy --output /etc/caddy/Caddyfile
    """
    installation = described(**options)
    warn_without_name(installation)
    host = installation.public_host
    address = (host if installation.tls else f"http://{host}") if host else ":80"
    write([Generated(None, render("Caddyfile", installation, site_address=address))], output, force=force)


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
