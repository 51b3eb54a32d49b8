"""What the environment and `.env` give: settings as text, and the secrets among all variables."""

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from outlast.settings import SECRET_NAME, SECRETS, Settings, setting_names


def secret_values(settings: Settings | None) -> set[str]:
    """The secrets of these settings and of the environment, which no log and no traceback may show."""
    addresses: tuple[str, ...] = ()
    found: set[str] = set()
    if settings is not None:
        addresses += (settings.database_url, settings.redis_url or "", settings.queue_connection)
        found |= {*settings.app_key, settings.dashboard_key or ""}
    values = dotenv_values(".env") | os.environ
    for name, value in values.items():
        if value and SECRET_NAME.search(name):
            found |= {value, *value.split(",")}
        elif value and "://" in value:
            addresses += (value,)
    for address in addresses:
        with suppress(ValueError):
            password = urlsplit(address).password or ""
            found |= {password, unquote(password)}
    return found - {""}


def given_settings(*, from_file: bool) -> dict[str, str]:
    """The settings of the environment, those of installed products among them; with `from_file` also `.env`."""
    found = values_in(Path(".env")) if from_file else {}
    environment = EnvSettingsSource(Settings, case_sensitive=True).env_vars
    found |= {name: value for name, value in environment.items() if value}
    return {n: v for n, v in sorted(found.items()) if n in setting_names() or n.startswith("ANALYSIS_")}


def values_in(file: Path) -> dict[str, str]:
    """All variables that a `.env` file sets; none if there is no such file."""
    source = DotEnvSettingsSource(Settings, env_file=file, case_sensitive=True)
    return {name: value for name, value in source.env_vars.items() if value}


def is_secret(name: str, value: str) -> bool:
    """Whether nobody else may read this value: a key, or an address with a password."""
    return name in SECRETS or SECRET_NAME.search(name) is not None or has_password(value)


def has_password(url: str) -> bool:
    """Whether an address contains a password."""
    return "://" in url and (urlsplit(url).password is not None or "password=" in url)
