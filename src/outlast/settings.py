"""Every setting, read and checked in this one place, from the environment and `.env`."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from outlast.domain.errors import OutlastError


class SettingsError(OutlastError):
    """A setting is wrong; the text names it, says what is wrong and gives an example."""


class Settings(BaseSettings):
    """The settings of one `Outlast` object. Fields are set by keyword here, by their name in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    async_enabled: bool = Field(
        True,
        validation_alias="ANALYSIS_ASYNC_ENABLED",
        description="`false`: the same pipeline runs inside the request",
        examples=["true"],
    )
    queue_connection: Literal["sync", "database"] = Field(
        "database",
        validation_alias="QUEUE_CONNECTION",
        description="How sessions reach workers: `database` (workers claim them from the store) or `sync` (as "
        "`ANALYSIS_ASYNC_ENABLED=false`)",
        examples=["database"],
    )
    polling_interval: int = Field(
        2000,
        ge=250,
        le=60_000,
        validation_alias="ANALYSIS_POLLING_INTERVAL",
        description="Milliseconds between polls, told to the browser; the server may ask for a slower pace",
        examples=["2000"],
    )
    queue_timeout: float = Field(
        300,
        gt=0,
        le=86_400 * 7,
        validation_alias="ANALYSIS_QUEUE_TIMEOUT",
        description="Seconds an attempt may take",
        examples=["300"],
    )
    queue_max_tries: int = Field(
        3,
        ge=1,
        le=100,
        validation_alias="ANALYSIS_QUEUE_MAX_TRIES",
        description="Attempts before a session is failed",
        examples=["3"],
    )
    cleanup_hours: float = Field(
        24,
        gt=0,
        validation_alias="ANALYSIS_SESSION_CLEANUP_HOURS",
        description="Age in hours at which finished sessions are cleaned up",
        examples=["24"],
    )
    result_retention_hours: float = Field(
        720,
        gt=0,
        validation_alias="ANALYSIS_RESULT_RETENTION_HOURS",
        description="Hours that results are kept, also beyond their sessions",
        examples=["720"],
    )
    upload_retention_hours: float = Field(
        24,
        gt=0,
        validation_alias="ANALYSIS_UPLOAD_RETENTION_HOURS",
        description="Hours that an uploaded file is kept after its last use",
        examples=["24"],
    )
    database_url: str = Field(
        "sqlite:///outlast.db",
        validation_alias="DATABASE_URL",
        description="The store: `sqlite:///FILE`, a relative file being in the data folder",
        examples=["sqlite:///outlast.db"],
    )
    app_key: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="APP_KEY",
        description="Signs cookies and tokens; a comma-separated list rotates keys (the first signs, all are "
        "accepted). Made on first start in the data folder when unset",
        examples=["$(openssl rand -hex 32)"],
    )
    public_url: str | None = Field(
        None,
        validation_alias="ANALYSIS_PUBLIC_URL",
        description="The address that people use",
        examples=["https://reviews.example.org"],
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="ANALYSIS_ALLOWED_HOSTS",
        description="Comma-separated host names answered to; unset: loopback names, the bound address and the "
        "host of `ANALYSIS_PUBLIC_URL`",
        examples=["reviews.example.org,localhost"],
    )
    shutdown_grace: float = Field(
        20,
        ge=0,
        le=3600,
        validation_alias="ANALYSIS_SHUTDOWN_GRACE",
        description="Seconds that running attempts get on shutdown",
        examples=["20"],
    )
    max_active_per_owner: int = Field(
        5,
        ge=1,
        validation_alias="ANALYSIS_MAX_ACTIVE_PER_OWNER",
        description="Sessions that one owner may have in flight",
        examples=["5"],
    )
    starts_per_minute: int = Field(
        20,
        ge=1,
        validation_alias="ANALYSIS_STARTS_PER_MINUTE",
        description="New sessions, and uploads, per minute of one owner; ten times as many of one address",
        examples=["20"],
    )
    max_pending: int = Field(
        100_000,
        ge=1,
        validation_alias="ANALYSIS_MAX_PENDING",
        description="Sessions that may wait",
        examples=["100000"],
    )
    max_upload_mb: float = Field(
        50,
        gt=0,
        le=2000,
        validation_alias="ANALYSIS_MAX_UPLOAD_MB",
        description="Size of an uploaded file in MB (10^6 bytes)",
        examples=["50"],
    )
    streams_per_owner: int = Field(
        20,
        ge=1,
        validation_alias="ANALYSIS_STREAMS_PER_OWNER",
        description="Event streams that one owner may hold open",
        examples=["20"],
    )
    data_dir: Path = Field(
        Path("outlast-data"),
        validation_alias="ANALYSIS_DATA_DIR",
        description="Where the embedded database (uploads are in it), the key and the doorbell live",
        examples=["./outlast-data"],
    )
    concurrency: int = Field(
        100,
        ge=1,
        le=100_000,
        validation_alias="ANALYSIS_WORKER_CONCURRENCY",
        description="Attempts at once in one worker",
        examples=["100"],
    )
    worker_sleep: float = Field(
        1.0,
        gt=0,
        le=60,
        validation_alias="ANALYSIS_WORKER_SLEEP",
        description="Seconds between a worker's looks at the store when no wake-up comes",
        examples=["1"],
    )
    app: str = Field(
        "outlast_reviews.app:outlast",
        validation_alias="ANALYSIS_APP",
        description="The `Outlast` object that commands use, as `module:object`",
        examples=["slowsite:outlast"],
    )

    @field_validator("app_key", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("app_key")
    @classmethod
    def _long_enough(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(k) < 32 for k in keys):
            raise ValueError("a key has at least 32 characters")
        return keys

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            raise ValueError("it is not an http(s) address")
        return url.rstrip("/") if url else None

    @field_validator("database_url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if not url.startswith("sqlite:///") or url == "sqlite:///":
            raise ValueError("this version stores in SQLite: the address begins with sqlite:/// and names a file")
        return url

    @property
    def inline(self) -> bool:
        """Analyses run inside the request."""
        return not self.async_enabled or self.queue_connection == "sync"

    @property
    def database_path(self) -> Path:
        """`sqlite:////absolute` or `sqlite:///relative to the data folder`."""
        return self.data_dir / self.database_url.removeprefix("sqlite:///")

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * 1_000_000)

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.public_url).hostname if self.public_url else None


def load_settings(**changes: Any) -> Settings:
    """The settings from the environment and `.env`, `changes` first; raises `SettingsError`."""
    try:
        return Settings(**{k: v for k, v in changes.items() if v is not None})
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(dict(e)) for e in error.errors())) from None


def setting_names() -> dict[str, Any]:
    """Every setting's name in the environment, with its field, for the reference."""
    return {str(f.validation_alias): f for f in Settings.model_fields.values()}


def _sentence(fault: dict[str, Any]) -> str:
    where = str(fault["loc"][0]) if fault["loc"] else "?"
    named = Settings.model_fields.get(where)
    name = str(named.validation_alias) if named else where
    field = setting_names().get(name)
    example = f" For example: {name}={field.examples[0]}" if field and field.examples else ""
    text = str(fault["msg"]).removeprefix("Value error, ")
    shown = "" if name == "APP_KEY" else f" (it is {fault.get('input')!r})"
    return f"{name}: {text}{shown}.{example}"


def is_loopback(host: str) -> bool:
    """Whether `host`, as bound to, is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
