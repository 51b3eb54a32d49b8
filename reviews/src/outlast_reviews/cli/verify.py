"""`outlast reviews verify`: says whether an evidence file is as it was signed, and by whom."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from outlast import SettingsError
from outlast_reviews.cli.running import own_public_key
from outlast_reviews.evidence.signing import is_key
from outlast_reviews.evidence.signing import verify as verification

MOST_BYTES = 100_000_000


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="KEY",
    help="The public key to expect, as the site publishes it; without it, the key of this installation.",
)
def verify(file: Path, key: str | None) -> None:
    """Say whether an evidence file, HTML or JSON, is as it was signed, and whose key signed it.

    Exits 0 when it is valid, 1 when it was altered, and 2 when another installation signed it or the file is no
    evidence file.
    """
    if key is not None and not is_key(key):
        raise click.BadParameter("A public key is 44 characters of Base64, ending in “=”.", param_hint="--key")
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        expected = key or own_public_key()
    except OSError as error:
        _end(2, f"{file}: It cannot be read: {error.strerror}.")
    except SettingsError as error:
        _end(2, f"{error} To verify with another key, say --key.")
    found = verification(content, expected)
    match found.state:
        case "valid":
            whose = "the key that you gave" if key else "this installation"
            _end(0, f"Valid: {file} is as it was signed, by {whose}.\nKey: {found.public_key}")
        case "altered":
            _end(1, f"Altered: {file} is not as it was signed: {found.reason}.")
        case "other":
            why = (
                f"This is not the expected key, {expected}."
                if expected
                else "This installation has no key yet. Say --key with the key that the site publishes."
            )
            _end(2, f"Signed by another installation: {file} is as it was signed by {found.public_key}.\n{why}")
        case "not evidence":
            _end(2, f"{file}: This is no evidence file: {found.reason}.")


def _end(code: int, text: str) -> NoReturn:
    click.echo(text, err=code == 2)
    sys.exit(code)
