"""What the environment and `.env` give: settings as text, and the secrets among all variables."""

import os
from pathlib import Path

from dotenv import dotenv_values

from outlast.setting_rules import SECRET_NAME, passwords_in
from outlast.settings import ENV_FILE, PREFIX, Settings, setting_names


def secret_values(settings: Settings | None) -> set[str]:
    """The secrets of these settings and of the environment, which no log and no traceback may show."""
    found: set[str] = set()
    if settings is not None:
        found |= {*settings.app_key, settings.dashboard_key or ""}
        for address in (settings.database_url, settings.redis_url or "", settings.queue_connection):
            found |= passwords_in(address)
    values = values_in(Path(ENV_FILE)) | os.environ
    for name, value in values.items():
        found |= {value, *value.split(",")} if SECRET_NAME.search(name) else passwords_in(value)
    return found - {""}


def given_settings(*, from_file: bool) -> dict[str, str]:
    """The settings of the environment, those of installed products among them; with `from_file` also `.env`."""
    found = values_in(Path(ENV_FILE)) if from_file else {}
    found |= {name: value for name, value in os.environ.items() if value}
    return {n: v for n, v in sorted(found.items()) if n in setting_names() or n.startswith(PREFIX)}


def values_in(file: Path) -> dict[str, str]:
    """All variables that a `.env` file sets; none if there is no such file."""
    return {name: value for name, value in dotenv_values(file).items() if value}
