"""All settings, read from the environment and `.env` and validated."""

import re
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from outlast.domain.errors import OutlastError
from outlast.domain.queue_weights import parse_queues
from outlast.domain.status import Status
from outlast.setting_rules import (
    contact_address,
    exact_origins,
    is_secret,
    known_queue,
    known_redis,
    known_store,
    long_enough,
    narrow_networks,
    time_of_day,
    unguessable,
    web_address,
)

ENV_FILE = ".env"
"""Read from the current folder; the environment overrides it."""
PREFIX = "ANALYSIS_"
"""What the names of nearly all settings begin with."""
PASSWORD = re.compile(r"(?<=://)[^/@\s]*(?=@)")
"""User and password of an address, which no error message shows."""
OWN_DATABASE = "ANALYSIS_DATABASE_URL"


class SettingsError(OutlastError):
    """A setting is invalid; the message names it, says what is wrong and gives an example."""


def _setting(name: str | AliasChoices, default: object, description: str, example: str, **bounds: float) -> Any:
    """A field with its environment variables, and its text for the reference and for error messages."""
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature of the base class
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[Any, ...]:
        """Let `ANALYSIS_DATABASE_URL` of `.env` win over the environment's `DATABASE_URL`, perhaps the host's."""

        def own_database() -> dict[str, Any]:
            given = [getattr(s, "env_vars", {}).get(OWN_DATABASE.lower()) for s in (env_settings, dotenv_settings)]
            return {OWN_DATABASE: next(filter(None, given))} if any(given) else {}

        return init_settings, own_database, env_settings, dotenv_settings, file_secret_settings

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
    cleanup_at: time | None = _setting(
        "ANALYSIS_CLEANUP_AT",
        None,
        "The time of day, in the time zone of the machine, at which workers and `outlast serve` delete what has "
        "expired; it then stays up to a day longer. Unset: once an hour",
        "02:00",
    )
    database_url: str = _setting(
        AliasChoices(OWN_DATABASE, "DATABASE_URL"),
        "sqlite:///outlast.db",
        "The store: `sqlite:///FILE`, where a relative path is in the data folder, or "
        "`postgresql://USER:PASSWORD@HOST/DATABASE`, which any number of machines may share. `DATABASE_URL` is "
        "used if this is unset; a program with a database of its own under that name sets both",
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
        "ANALYSIS_PUBLIC_URL",
        None,
        "The public address of the site, with its path if it is not at the root of its host",
        "https://reviews.example.org",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = _setting(
        "ANALYSIS_ALLOWED_ORIGINS",
        (),
        "Comma-separated origins of front ends elsewhere whose pages may call the API with their visitors' "
        "cookies (CORS). Unset: none",
        "https://app.example.org,http://localhost:5173",
    )
    security_contact: str | None = _setting(
        "ANALYSIS_SECURITY_CONTACT",
        None,
        "Where to report vulnerabilities, for `/.well-known/security.txt`: an e-mail address as `mailto:…`, or an "
        "`https://` address. Unset: there is no such file",
        "mailto:security@example.org",
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
        "`X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Prefix` are trusted. Unset: a proxy on the same "
        "machine",
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

    @field_validator(
        "app_key", "allowed_hosts", "allowed_origins", "trusted_proxies", "worker_queues", mode="before"
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("worker_queues")
    @classmethod
    def _known_weights(cls, queues: tuple[str, ...]) -> tuple[str, ...]:
        parse_queues(queues)
        return queues

    _time_of_day = field_validator("cleanup_at", mode="before")(time_of_day)
    _long_enough = field_validator("app_key")(long_enough)
    _unguessable = field_validator("dashboard_key", "dashboard_viewer_key")(unguessable)
    _narrow_networks = field_validator("trusted_proxies")(narrow_networks)
    _web_address = field_validator("public_url")(web_address)
    _exact_origins = field_validator("allowed_origins")(exact_origins)
    _contact_address = field_validator("security_contact")(contact_address)
    _known_store = field_validator("database_url")(known_store)
    _known_redis = field_validator("redis_url")(known_redis)
    _known_queue = field_validator("queue_connection")(known_queue)

    @field_validator("data_dir")
    @classmethod
    def _as_path(cls, data_dir: Path | str) -> Path:
        return Path(data_dir)

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


def setting_names() -> dict[str, Any]:
    """Each setting's environment variable and field, for the reference."""
    return {variable: field for field in Settings.model_fields.values() for variable in variables(field)}


def variables(field: FieldInfo) -> list[str]:
    """The environment variables of a setting, the one that is used first before the others."""
    alias = field.validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]


def _sentence(fault: dict[str, Any]) -> str:
    if not fault["loc"]:  # an error of several settings, whose message names them
        return str(fault["msg"]).removeprefix("Value error, ")
    where = str(fault["loc"][0])
    field = Settings.model_fields.get(where) or setting_names().get(where)
    name, *others = variables(field) if field else [where]
    example = f" For example: {name}={field.examples[0]}" if field and field.examples else ""
    text = str(fault["msg"]).removeprefix("Value error, ")
    given = fault.get("input")
    if isinstance(given, str):
        given = PASSWORD.sub("…", given)
    shown = "" if is_secret(name, str(given)) else f" (it is {given!r})"
    either = f" (or {others[0]})" if others else ""
    return f"{name}{either}: {text}{shown}.{example}"
