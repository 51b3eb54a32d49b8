"""Renders the templates of `outlast generate`, and prints or writes the files."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, PackageLoader, StrictUndefined

from outlast.cli.application import Refused
from outlast.cli.installation import Installation

PRIVATE, PUBLIC = 0o600, 0o644
COMMENT_OR_BREAK = re.compile(r"\s[;#]|[\r\n]")
"""What ends a value in a configuration of supervisor, also between quotes."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One file. `path` is relative to the folder of `--output`; `None`: `--output` itself."""

    path: Path | None
    text: str
    secret: bool = False
    """Written with mode 0600 and never printed."""
    owner: str | None = None
    """Who gets the file if root writes it."""
    keep: bool = False
    """Never overwritten."""


def render(template: str, installation: Installation, **values: Any) -> str:
    """Fill in a template."""
    files = Environment(
        loader=PackageLoader("outlast.cli"),
        autoescape=False,  # noqa: S701 - none of the files is HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    files.filters |= _filters(installation)
    text = files.get_template(template).render(
        installation=installation, processes=installation.processes, **values
    )
    return text.rstrip("\n") + "\n"


def _filters(installation: Installation) -> dict[str, Callable[[Any], str]]:
    """How each format writes a value or a command."""

    def unit_command(words: Sequence[str]) -> str:
        return " ".join(map(_unit_word, words)).replace("$", "$$").replace("%%i", "%i")

    def supervisor_command(words: Sequence[str]) -> str:
        return _supervisor_command(installation, words)

    def cron_command(line: str) -> str:
        return line.replace("%", "\\%")

    return {
        "json": json.dumps,
        "shell": lambda path: shlex.quote(str(path)),
        "unit_path": _percent,
        "unit_word": _unit_word,
        "unit_command": unit_command,
        "supervisor": _supervisor_text,
        "supervisor_value": _supervisor_value,
        "supervisor_command": supervisor_command,
        "cron_command": cron_command,
        "cron_value": _cron_value,
    }


def secrets_of(installation: Installation) -> list[Generated]:
    """The file of the environment's secrets, if there are any."""
    if not installation.secrets:
        return []
    return [
        Generated(
            installation.secrets_file, assignments(installation.secrets), secret=True, owner=installation.user
        )
    ]


def assignments(values: dict[str, str]) -> str:
    """Lines that a shell, systemd and Docker Compose read alike."""
    return "".join(f"{name}={_assigned(name, value)}\n" for name, value in values.items())


def write(generated: Sequence[Generated], output: Path | None, *, force: bool) -> None:
    """Print what is no secret, or write all files and say where. Overwrites nothing without `force`."""
    if output is None:
        for file in generated:
            if file.secret:
                click.echo(f"Secrets are not printed: --output writes them to {file.path}, mode 0600.", err=True)
            else:
                if file.path is not None:
                    click.echo(f"# ---- {file.path} ----")
                click.echo(file.text, nl=False)
        return
    in_folder = any(file.path is not None and not file.secret for file in generated)
    folder = output if in_folder else output.parent
    targets = [(output if file.path is None else folder / file.path, file) for file in generated]
    there = [str(path) for path, file in targets if path.exists() and not file.keep]
    if there and not force:
        raise Refused(f"{', '.join(there)} exists already. Nothing was written; --force overwrites.")
    for path, file in targets:
        if file.keep and path.exists():
            click.echo(f"{path} stays as it is.", err=True)
            continue
        _write(path, file)
        click.echo(f"Wrote {path}{' (mode 0600)' if file.secret else ''}.", err=True)


def _write(path: Path, file: Generated) -> None:
    """Replace the file as a whole, so that nobody reads a secret before its mode is set."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        opened = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE if file.secret else PUBLIC)
        with os.fdopen(opened, "w", encoding="utf-8") as target:
            target.write(file.text)
        if file.owner is not None and os.geteuid() == 0:
            shutil.chown(draft, file.owner)
        draft.replace(path)
    except LookupError:
        draft.unlink(missing_ok=True)
        raise Refused(
            f"There is no user {file.owner!r} who could own {path}: create it, or name another with --user."
        ) from None
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None


def _assigned(name: str, value: str) -> str:
    if "\n" in value or "'" in value:
        raise Refused(
            f"{name}: a value with a line break or an apostrophe cannot be written to a file of settings."
        )
    return value if shlex.quote(value) == value else f"'{value}'"


def _percent(text: object) -> str:
    return str(text).replace("%", "%%")


def _unit_word(text: object) -> str:
    """One word of a systemd unit, quoted if need be."""
    escaped = _percent(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"' if set(escaped) & set(" '\"\t;#") else escaped


def _cron_value(value: str) -> str:
    if '"' in value or "\n" in value:
        raise Refused(f"cron cannot set {value!r}. Put it into the .env of this folder instead.")
    return f'"{value}"' if value != value.strip() or set(value) & set("' #") else value


def _supervisor_command(installation: Installation, words: Sequence[str]) -> str:
    """One command line; with secrets it passes through a shell, as supervisor reads no file of settings."""
    if installation.secrets:
        words = ["/bin/sh", "-c", installation.in_shell(["exec", *words], enter=False)]
    return _supervisor_text(shlex.join(words))


def _supervisor_text(text: object) -> str:
    if COMMENT_OR_BREAK.search(str(text)):
        raise Refused(
            f"supervisor cannot read {str(text)!r}: a semicolon or # after a space begins a comment there. "
            "Rename the folder, or use outlast generate systemd."
        )
    return _percent(text)


def _supervisor_value(value: str) -> str:
    """A quoted value: supervisor knows both quotes and nothing that escapes one."""
    quote = "'" if '"' in value else '"'
    if quote in value or value != value.strip("'\"") or COMMENT_OR_BREAK.search(value):
        raise Refused(f"supervisor cannot set {value!r}. Put it into the .env of this folder instead.")
    return quote + _percent(value) + quote
