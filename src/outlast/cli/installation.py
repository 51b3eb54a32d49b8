"""The facts of an installation that `outlast generate` writes into files: its program, settings and processes."""

import getpass
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from outlast.setting_rules import is_secret
from outlast.settings import Settings

STATE = Path("/var/lib")
"""The folder of systemd's `StateDirectory=`."""
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What systemd's `ProtectHome=` hides."""
DRAIN_DELAY = 2.0
"""Seconds of `ANALYSIS_DRAIN_DELAY` unless it is set: proxies then reuse no connection that is about to close."""
STOPS_WITHIN = 10
"""Seconds beyond the grace period after which a service manager may kill."""
ROOM_FOR_FORMS = 1.2
"""Size of a request body as a multiple of the largest upload, in other units: nginx counts in MiB."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one machine, as the options of `outlast generate` choose them."""

    host: str
    port: int
    web: int
    """Web processes, on as many ports from `port` on."""
    workers: int
    worker_options: Sequence[str]

    @property
    def ports(self) -> range:
        return range(self.port, self.port + self.web)

    @property
    def upstream_host(self) -> str:
        """Where a proxy on the same machine reaches them."""
        address = self.host if self.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - compared, not bound
        return f"[{address}]" if ":" in address else address


@dataclass(frozen=True, slots=True)
class Installation:
    """A program with its settings, in the folder and with the interpreter of the command that generates."""

    app: str | None
    folder: Path
    settings: Settings
    given: Mapping[str, str]
    """The settings to write into a file, by name: those of the environment, and for containers those of `.env`."""
    processes: Processes
    user: str
    secrets_file: Path

    @property
    def interpreter(self) -> str:
        return sys.executable

    @property
    def plain(self) -> dict[str, str]:
        return {name: value for name, value in self.given.items() if not is_secret(name, value)}

    @property
    def secrets(self) -> dict[str, str]:
        return {name: value for name, value in self.given.items() if is_secret(name, value)}

    @property
    def drain_delay(self) -> float:
        """Seconds for which web processes serve after TERM."""
        return self.settings.drain_delay if "drain_delay" in self.settings.model_fields_set else DRAIN_DELAY

    @property
    def plain_of_web(self) -> dict[str, str]:
        """The settings of web processes that are no secret."""
        return {**self.plain, "ANALYSIS_DRAIN_DELAY": f"{self.drain_delay:g}"}

    @property
    def app_options(self) -> list[str]:
        return ["--app", self.app] if self.app else []

    @property
    def data_folder(self) -> Path:
        return (self.folder / self.settings.data_path).resolve()

    @property
    def state_directory(self) -> str | None:
        """What `StateDirectory=` names; `None` if the data folder is elsewhere."""
        return str(self.data_folder.relative_to(STATE)) if self.data_folder.is_relative_to(STATE) else None

    @property
    def uses_homes(self) -> bool:
        """Whether the program, its interpreter or its data is in somebody's home."""
        places = (self.folder, self.data_folder, Path(sys.executable), Path(sys.prefix), Path(sys.base_prefix))
        return any(place.is_relative_to(home) for place in places for home in HOMES)

    @property
    def grace(self) -> int:
        """Seconds that workers may take to stop."""
        return round(self.settings.shutdown_grace) + STOPS_WITHIN

    @property
    def web_grace(self) -> int:
        """Seconds that a web process may take to stop; in sync mode it also runs the analyses."""
        running = self.settings.shutdown_grace if self.settings.inline else 0
        return round(self.drain_delay + running) + STOPS_WITHIN

    @property
    def body_limit(self) -> int:
        """MB that a proxy has to let through."""
        return round(self.settings.max_upload_mb * ROOM_FOR_FORMS) + 1

    @property
    def public_host(self) -> str | None:
        return self.settings.public_host

    @property
    def tls(self) -> bool:
        return urlsplit(self.settings.public_url or "").scheme == "https"

    def outlast(self, *arguments: str) -> list[str]:
        """The command line of a command of this installation."""
        return [self.interpreter, "-m", "outlast", *arguments]

    def serve(self, port: str) -> list[str]:
        """The command line of one web process, without workers."""
        return self.outlast(
            "serve", *self.app_options, "--host", self.processes.host, "--port", port, "--workers", "0"
        )

    def work(self) -> list[str]:
        """The command line that starts the workers."""
        options = ["--workers", str(self.processes.workers), *self.processes.worker_options]
        return self.outlast("workers", "start", *self.app_options, *options)

    def in_shell(self, command: Sequence[str], *, enter: bool = True) -> str:
        """The shell line that runs a command in the folder, with the settings of the secrets' file."""
        steps = [f"cd {shlex.quote(str(self.folder))}"] if enter else []
        if self.secrets:
            steps.append(f"set -a && . {shlex.quote(str(self.secrets_file))} && set +a")
        return " && ".join([*steps, shlex.join(command)])


def default_user() -> str:
    """The user who generates; never root."""
    user = getpass.getuser()
    return "outlast" if user == "root" else user
