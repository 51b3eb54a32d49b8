"""All settings, read from the environment and `.env` and validated."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from outlast.domain.errors import OutlastError
from outlast.domain.guessable_keys import is_guessable
from outlast.domain.queue_weights import parse_queues
from outlast.domain.status import Status

POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")
SECRETS = {"APP_KEY", "ANALYSIS_DASHBOARD_KEY", "ANALYSIS_DASHBOARD_VIEWER_KEY"}
"""Settings whose values no error message shows."""
SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""Names of environment variables with secret values."""
SHORTEST_KEY = 32
"""Minimum number of characters of a signing key."""
ENV_FILE = ".env"
"""Read from the current folder; the environment overrides it."""
PREFIX = "ANALYSIS_"
"""What the names of nearly all settings begin with."""
ALMOST_THE_SAME = 0.92
"""How similar a name without our prefix must be to pass for a misspelt setting."""
BROKERS = ("redis://", "rediss://", "amqp://", "amqps://", "sqs://")


class SettingsError(OutlastError):
    """A setting is invalid; the message names it, says what is wrong and gives an example."""


def _setting(name: str, default: object, description: str, example: str, **bounds: float) -> Any:
    """A field with its environment variable, and its text for the reference and for error messages."""
    return Field(
        default, validation_alias=name, description=description, examples=[example], **cast("Any", bounds)
    )


class Settings(BaseSettings):
    """The settings of one `Outlast` object, set by field name as keywords or by environment variable.

    Raises `SettingsError` for a value that a setting cannot have, and for a keyword that is no setting.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    if not TYPE_CHECKING:  # checkers take the keywords and their types from the fields

        def __init__(self, **values: Any) -> None:
            for wrong in values.keys() - type(self).model_fields.keys() - setting_names().keys():
                close = get_close_matches(wrong, type(self).model_fields, 1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise SettingsError(f"There is no setting {wrong!r}.{hint}")
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise SettingsError("\n".join(_sentence(dict(e)) for e in error.errors())) from None

    async_enabled: bool = _setting(
        "ANALYSIS_ASYNC_ENABLED", True, "`false`: analyses run inside the request (sync mode)", "true"
    )
    queue_connection: str = _setting(
        "QUEUE_CONNECTION",
        "database",
        "How sessions reach workers: `database` (workers claim them from the store), `sync` (as "
        "`ANALYSIS_ASYNC_ENABLED=false`), or through Celery: `redis` (the broker is `REDIS_URL`) or the URL of a "
        "broker (`redis://…`, `amqp://…`, `sqs://…`)",
        "database",
    )
    polling_interval: int = _setting(
        "ANALYSIS_POLLING_INTERVAL",
        2000,
        "Milliseconds between polls of the browser; under load the server asks for longer intervals",
        "2000",
        ge=250,
        le=60_000,
    )
    queue_timeout: float = _setting(
        "ANALYSIS_QUEUE_TIMEOUT", 300, "Seconds an attempt may take", "300", gt=0, le=86_400 * 7
    )
    queue_max_tries: int = _setting(
        "ANALYSIS_QUEUE_MAX_TRIES", 3, "Attempts before a session fails", "3", ge=1, le=100
    )
    cleanup_hours: float = _setting(
        "ANALYSIS_SESSION_CLEANUP_HOURS",
        24,
        "Age in hours at which completed and cancelled sessions are cleaned up",
        "24",
        gt=0,
    )
    failed_retention_hours: float = _setting(
        "ANALYSIS_FAILED_RETENTION_HOURS",
        168,
        "Age in hours at which failed sessions are cleaned up, so that Friday's failures are there on Monday",
        "168",
        gt=0,
    )
    result_retention_hours: float = _setting(
        "ANALYSIS_RESULT_RETENTION_HOURS",
        720,
        "Hours that results are kept, even after their sessions are cleaned up",
        "720",
        gt=0,
    )
    upload_retention_hours: float = _setting(
        "ANALYSIS_UPLOAD_RETENTION_HOURS", 24, "Hours that an uploaded file is kept after its last use", "24", gt=0
    )
    database_url: str = _setting(
        "DATABASE_URL",
        "sqlite:///outlast.db",
        "The store: `sqlite:///FILE`, where a relative path is in the data folder, or "
        "`postgresql://USER:PASSWORD@HOST/DATABASE`, which any number of machines may share",
        "postgresql://outlast:secret@db.example.org/outlast",
    )
    pg_listen: bool = _setting(
        "ANALYSIS_PG_LISTEN",
        True,
        "`false` (or `off`) behind PgBouncer in transaction mode: no LISTEN and no prepared statements; "
        "workers then poll for pending sessions several times a second",
        "off",
    )
    pg_pool_size: int = _setting(
        "ANALYSIS_PG_POOL_SIZE",
        10,
        "Maximum size of a process's connection pool to PostgreSQL; each worker has one more for its lease",
        "10",
        ge=1,
        le=500,
    )
    redis_url: str | None = _setting(
        "REDIS_URL",
        None,
        "Carries wake-ups, progress hints and rate limits between machines, and is the broker of "
        "`QUEUE_CONNECTION=redis`. Losing its data loses no session",
        "redis://redis.example.org:6379/0",
    )
    app_key: Annotated[tuple[str, ...], NoDecode] = _setting(
        "APP_KEY",
        (),
        "Signs cookies and tokens; a comma-separated list rotates keys (the first signs, all are "
        "accepted). Unset: generated in the data folder on first start",
        "$(openssl rand -hex 32)",
    )
    public_url: str | None = _setting(
        "ANALYSIS_PUBLIC_URL", None, "The public base URL of the site", "https://reviews.example.org"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = _setting(
        "ANALYSIS_ALLOWED_HOSTS",
        (),
        "Comma-separated host names that the site accepts; unset: loopback names, the bound address and the "
        "host of `ANALYSIS_PUBLIC_URL`",
        "reviews.example.org,localhost",
    )
    shutdown_grace: float = _setting(
        "ANALYSIS_SHUTDOWN_GRACE", 20, "Seconds that running attempts get on shutdown", "20", ge=0, le=3600
    )
    drain_delay: float = _setting(
        "ANALYSIS_DRAIN_DELAY",
        0,
        "Seconds after TERM for which `outlast serve` still serves while `/readyz` answers `503`, so that a load "
        "balancer notices before the listener closes",
        "10",
        ge=0,
        le=600,
    )
    dashboard_key: str | None = _setting(
        "ANALYSIS_DASHBOARD_KEY",
        None,
        "Opens `/dashboard` to operators; at least 20 characters that are hard to guess. Unset: `outlast serve` "
        "prints a link that opens it once",
        "$(openssl rand -hex 16)",
    )
    dashboard_viewer_key: str | None = _setting(
        "ANALYSIS_DASHBOARD_VIEWER_KEY",
        None,
        "Opens `/dashboard` to viewers, who see everything and change nothing; it opens `/metrics` too. At least "
        "20 characters that are hard to guess, and another key than `ANALYSIS_DASHBOARD_KEY`",
        "$(openssl rand -hex 16)",
    )
    max_active_per_owner: int = _setting(
        "ANALYSIS_MAX_ACTIVE_PER_OWNER", 5, "Sessions that one owner may have in flight", "5", ge=1
    )
    starts_per_minute: int = _setting(
        "ANALYSIS_STARTS_PER_MINUTE",
        20,
        "New sessions, and uploads, per minute for one owner; ten times as many for one address",
        "20",
        ge=1,
    )
    max_pending: int = _setting("ANALYSIS_MAX_PENDING", 100_000, "Limit on pending sessions", "100000", ge=1)
    max_upload_mb: float = _setting(
        "ANALYSIS_MAX_UPLOAD_MB", 50, "Size of an uploaded file in MB (10^6 bytes)", "50", gt=0, le=2000
    )
    max_stored_mb_per_owner: float = _setting(
        "ANALYSIS_MAX_STORED_MB_PER_OWNER",
        500,
        "MB of uploads and results that are kept for one owner",
        "500",
        gt=0,
    )
    max_stored_mb: float = _setting(
        "ANALYSIS_MAX_STORED_MB",
        20_000,
        "MB of uploads and results that are kept for all owners together",
        "20000",
        gt=0,
    )
    min_free_mb: float = _setting(
        "ANALYSIS_MIN_FREE_MB",
        500,
        "MB to keep free on the disk of the embedded store: below it, starts and uploads are refused while "
        "running sessions continue. `0`: no limit. Does not apply to PostgreSQL",
        "500",
        ge=0,
    )
    streams_per_owner: int = _setting(
        "ANALYSIS_STREAMS_PER_OWNER", 20, "Event streams that one owner may hold open", "20", ge=1
    )
    max_connections: int = _setting(
        "ANALYSIS_MAX_CONNECTIONS",
        30_000,
        "Connections that `outlast serve` keeps open at once; fewer if the limit on open files is lower. "
        "Further connections get `503`",
        "30000",
        ge=8,
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = _setting(
        "ANALYSIS_TRUSTED_PROXIES",
        ("127.0.0.1", "::1"),
        "Comma-separated addresses and networks of the proxies in front of `outlast serve`, whose "
        "`X-Forwarded-For` and `X-Forwarded-Proto` are trusted. Unset: a proxy on the same machine",
        "127.0.0.1,10.1.0.0/24",
    )
    data_dir: Path | str = _setting(
        "ANALYSIS_DATA_DIR",
        Path("outlast-data"),
        "The folder of the embedded database (including uploads), the signing key and the wake-up sockets",
        "./outlast-data",
    )
    concurrency: int = _setting(
        "ANALYSIS_WORKER_CONCURRENCY", 100, "Attempts at once in one worker", "100", ge=1, le=100_000
    )
    worker_sleep: float = _setting(
        "ANALYSIS_WORKER_SLEEP",
        1.0,
        "Seconds between a worker's polls of the store without a wake-up",
        "1",
        gt=0,
        le=60,
    )
    worker_queues: Annotated[tuple[str, ...], NoDecode] = _setting(
        "ANALYSIS_WORKER_QUEUES",
        (),
        "Comma-separated queues that workers take, each with a weight if it has one: `fast=3,slow=1` gives `fast` "
        "three of four places while both have waiting sessions. Unset: all queues of the analyses, unweighted",
        "fast=3,slow=1",
    )
    release: str | None = _setting(
        "ANALYSIS_RELEASE",
        None,
        "What you call the version of your code, such as a commit: `outlast workers status` shows which workers "
        "run an older one. Unset: Outlast's version, and a digest of the Python files of the packages that define "
        "analyses",
        "2026-11-30.1",
    )
    app: str | None = _setting(
        "ANALYSIS_APP",
        None,
        "The `Outlast` object that commands use, as `module:object`; unset: the product that is installed",
        "slowsite:outlast",
    )

    @field_validator("app_key", "allowed_hosts", "trusted_proxies", "worker_queues", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("worker_queues")
    @classmethod
    def _known_weights(cls, queues: tuple[str, ...]) -> tuple[str, ...]:
        parse_queues(queues)
        return queues

    @field_validator("app_key")
    @classmethod
    def _long_enough(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(k) < SHORTEST_KEY for k in keys):
            raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
        return keys

    @field_validator("data_dir")
    @classmethod
    def _as_path(cls, data_dir: Path | str) -> Path:
        return Path(data_dir)

    @field_validator("dashboard_key", "dashboard_viewer_key")
    @classmethod
    def _unguessable(cls, key: str | None) -> str | None:
        if key is not None and len(key) < 20:
            raise ValueError("it needs at least 20 characters, so that nobody can guess it")
        if key is not None and is_guessable(key):
            raise ValueError("it is easy to guess; generate one with openssl rand -hex 16")
        return key

    @field_validator("trusted_proxies")
    @classmethod
    def _narrow_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                network = ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy!r} is neither an address nor a network (one without bits beyond its prefix)"
                ) from None
            if network.prefixlen == 0:
                raise ValueError(f"{proxy} contains every address; name only the proxies, as others forge headers")
        return proxies

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            raise ValueError("it is not an http(s) address")
        return url.rstrip("/") if url else None

    @field_validator("database_url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if url.startswith(POSTGRES):
            return "postgresql://" + url.split("://", 1)[1]
        if not url.startswith("sqlite:///") or url == "sqlite:///":
            raise ValueError("the address begins with sqlite:/// and names a file, or with postgresql://")
        return url

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("the address begins with redis://, rediss:// or unix://")
        return url

    @field_validator("queue_connection")
    @classmethod
    def _known_queue(cls, way: str) -> str:
        if way not in {"sync", "database", "redis"} and not way.startswith(BROKERS):
            raise ValueError("it is sync, database, redis, or the URL of a broker: redis://, amqp:// or sqs://")
        return way

    @model_validator(mode="after")
    def _complete(self) -> "Settings":
        if self.queue_connection == "redis" and self.redis_url is None:
            raise ValueError(
                "QUEUE_CONNECTION: redis needs REDIS_URL. For example: REDIS_URL=redis://localhost:6379/0"
            )
        if self.on_postgres and not self.app_key:
            raise ValueError(
                "APP_KEY: it is required with PostgreSQL, the same on every machine. "
                "For example: APP_KEY=$(openssl rand -hex 32)"
            )
        if self.dashboard_viewer_key is not None and self.dashboard_viewer_key == self.dashboard_key:
            raise ValueError(
                "ANALYSIS_DASHBOARD_VIEWER_KEY: it is the same as ANALYSIS_DASHBOARD_KEY, and would make "
                "operators of viewers. For example: ANALYSIS_DASHBOARD_VIEWER_KEY=$(openssl rand -hex 16)"
            )
        return self

    @property
    def inline(self) -> bool:
        """Whether analyses run inside the request (sync mode)."""
        return not self.async_enabled or self.queue_connection == "sync"

    @property
    def broker_url(self) -> str | None:
        """The URL of the Celery broker; `None`: workers claim from the store."""
        if self.inline or self.queue_connection == "database":
            return None
        return self.redis_url if self.queue_connection == "redis" else self.queue_connection

    @property
    def data_path(self) -> Path:
        """The data folder, which `data_dir` may name as text."""
        return Path(self.data_dir)

    @property
    def on_postgres(self) -> bool:
        """Whether the store is PostgreSQL, else SQLite."""
        return self.database_url.startswith("postgresql://")

    @property
    def database_path(self) -> Path:
        """The SQLite file; a relative path is in the data folder."""
        return self.data_path / self.database_url.removeprefix("sqlite:///")

    @property
    def shown_database(self) -> str:
        """`database_url` without user and password, for logs and messages."""
        parts = urlsplit(self.database_url)
        return (
            parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.netloc else self.database_url
        )

    @property
    def shown_store(self) -> str:
        """The store for logs and messages: `shown_database`, or the absolute path of the SQLite file."""
        return self.shown_database if self.on_postgres else str(self.database_path.absolute())

    def retention_hours(self, status: Status) -> float:
        """The age in hours at which sessions with this final status are cleaned up."""
        return self.failed_retention_hours if status is Status.FAILED else self.cleanup_hours

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * 1_000_000)

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.public_url).hostname if self.public_url else None


def load_settings(**changes: Any) -> Settings:
    """Load the settings; `changes` override the environment and `.env`. Raises `SettingsError`."""
    return Settings(**{k: v for k, v in changes.items() if v is not None})


def secret_values(settings: Settings | None) -> set[str]:
    """The secrets of these settings and of the environment, which no log and no traceback may show."""
    addresses: tuple[str, ...] = ()
    found: set[str] = set()
    if settings is not None:
        addresses += (settings.database_url, settings.redis_url or "", settings.queue_connection)
        found |= {*settings.app_key, settings.dashboard_key or "", settings.dashboard_viewer_key or ""}
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


def setting_names() -> dict[str, Any]:
    """Each setting's environment variable and field, for the reference."""
    return {str(f.validation_alias): f for f in Settings.model_fields.values()}


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


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name in the environment or in `.env` that looks like a setting, but that nothing reads."""

    name: str
    nearest: str | None
    """The setting that was meant perhaps."""

    @property
    def sentence(self) -> str:
        hint = f" Did you mean {self.nearest}?" if self.nearest else " Remove it, or see the list of settings."
        return f"There is no setting {self.name}, so it has no effect.{hint}"


def unknown_settings() -> list[UnknownSetting]:
    """Find misspelt settings: names that begin as ours do, or nearly are a setting that is not set itself."""
    given = set(os.environ) | set(dotenv_values(ENV_FILE))
    known = {*setting_names(), *_names_of_distributions()}
    found: list[UnknownSetting] = []
    for name in sorted(given - known):
        if name.startswith(PREFIX):  # the common prefix would make all of them look alike
            ends = {known_name.removeprefix(PREFIX): known_name for known_name in known}
            near = [ends[end] for end in get_close_matches(name.removeprefix(PREFIX), ends, 1)]
            found.append(UnknownSetting(name, near[0] if near else None))
        else:
            near = get_close_matches(name, known, 1, ALMOST_THE_SAME)
            if near and near[0] not in given:
                found.append(UnknownSetting(name, near[0]))
    return found


def _names_of_distributions() -> Iterator[str]:
    """Yield the settings of installed distributions that add some by an entry point `outlast.settings`."""
    for entry in entry_points(group="outlast.settings"):
        yield from entry.load()()


def _sentence(fault: dict[str, Any]) -> str:
    if not fault["loc"]:  # an error of several settings, whose message names them
        return str(fault["msg"]).removeprefix("Value error, ")
    where = str(fault["loc"][0])
    named = Settings.model_fields.get(where)
    name = str(named.validation_alias) if named else where
    field = setting_names().get(name)
    example = f" For example: {name}={field.examples[0]}" if field and field.examples else ""
    text = str(fault["msg"]).removeprefix("Value error, ")
    shown = "" if name in SECRETS else f" (it is {fault.get('input')!r})"
    return f"{name}: {text}{shown}.{example}"
