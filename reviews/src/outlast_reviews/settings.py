"""Every setting of the product analysis, read and checked in this one place, from the environment and `.env`."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from outlast import SettingsError


def _setting(name: str, default: object, description: str, example: str, **bounds: Any) -> Any:
    return Field(default, validation_alias=name, description=description, examples=[example], **bounds)


class ReviewSettings(BaseSettings):
    """The settings of the analysis `product`. Without a key no provider is asked for anything."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    brightdata_key: SecretStr | None = _setting(
        "ANALYSIS_BRIGHTDATA_API_KEY",
        None,
        "Bright Data's API key: with it, addresses of Amazon's products are read through their dataset of "
        "reviews, which costs money for each product",
        "the-key-of-your-account",
    )
    brightdata_dataset: str = _setting(
        "ANALYSIS_BRIGHTDATA_DATASET",
        "gd_le8e811kzy4ggddlq",
        "Bright Data's dataset of Amazon reviews",
        "gd_le8e811kzy4ggddlq",
        pattern=r"^gd_[a-z0-9]{1,40}$",
    )
    brightdata_url: str = _setting(
        "ANALYSIS_BRIGHTDATA_URL",
        "https://api.brightdata.com",
        "Where Bright Data's API is",
        "https://api.brightdata.com",
    )
    brightdata_wait: float = _setting(
        "ANALYSIS_BRIGHTDATA_WAIT",
        240,
        "Seconds that an attempt waits for the reviews ordered from Bright Data; the next attempt waits on for "
        "the same order",
        "240",
        ge=1,
        le=86_400,
    )
    judgeme_token: SecretStr | None = _setting(
        "ANALYSIS_JUDGEME_TOKEN",
        None,
        "Judge.me's private API token of your own shop: with it, addresses of its products are read through it",
        "the-private-token-of-your-shop",
    )
    judgeme_shop: str | None = _setting(
        "ANALYSIS_JUDGEME_SHOP", None, "The shop as Judge.me knows it", "your-shop.myshopify.com"
    )
    judgeme_sites: Annotated[tuple[str, ...], NoDecode] = _setting(
        "ANALYSIS_JUDGEME_SITES",
        (),
        "Comma-separated host names under which visitors know the shop",
        "shop.example.org,www.shop.example.org",
    )
    judgeme_url: str = _setting(
        "ANALYSIS_JUDGEME_URL", "https://judge.me", "Where Judge.me's API is", "https://judge.me"
    )

    contact: str | None = _setting(
        "ANALYSIS_CONTACT",
        None,
        "How people reach whoever runs the site: an e-mail address or a link, for the page *Contact*",
        "reviews@example.org",
        pattern=r"^(https?://\S+|[^\s@]+@[^\s@]+)$",
    )

    # the language model; without a name there is none
    llm_base_url: str | None = _setting(
        "ANALYSIS_LLM_BASE_URL",
        None,
        "Where a language model is asked about the texts of reviews: a server that speaks OpenAI's chat "
        "completions. Unset: no model is asked, and no text leaves this program",
        "http://localhost:11434/v1",
    )
    llm_model: str | None = _setting(
        "ANALYSIS_LLM_MODEL", None, "The model's name at that server; needs `ANALYSIS_LLM_BASE_URL`", "qwen3:8b"
    )
    llm_api_key: SecretStr | None = _setting(
        "ANALYSIS_LLM_API_KEY", None, "The key that the server wants; local servers want none", "sk-…"
    )
    llm_token_budget: int = _setting(
        "ANALYSIS_LLM_TOKEN_BUDGET",
        200_000,
        "Tokens, of questions and answers, that one attempt may spend; reviews beyond it are not judged",
        "200000",
        ge=1_000,
        le=1_000_000_000,
    )
    llm_concurrency: int = _setting(
        "ANALYSIS_LLM_CONCURRENCY",
        4,
        "Requests to the model at once, of all analyses of one process together",
        "4",
        ge=1,
        le=64,
    )
    llm_request_timeout: float = _setting(
        "ANALYSIS_LLM_REQUEST_TIMEOUT", 60, "Seconds that the model may take for one answer", "60", gt=0, le=3600
    )
    llm_time_limit: float = _setting(
        "ANALYSIS_LLM_TIME_LIMIT",
        150,
        "Seconds that the model may take of one attempt, and never more than half of `ANALYSIS_QUEUE_TIMEOUT`; "
        "what is left then is not judged",
        "150",
        gt=0,
        le=86_400,
    )

    evidence_key: SecretStr | None = _setting(
        "ANALYSIS_EVIDENCE_KEY",
        None,
        "The key that signs evidence files, 64 hexadecimal digits. Unset: a key that is generated into the data "
        "folder; several machines without a common folder need the setting",
        "64-hexadecimal-digits-of-openssl-rand-hex-32",
    )

    @field_validator("evidence_key")
    @classmethod
    def _hexadecimal(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch("[0-9a-fA-F]{64}", key.get_secret_value()):
            raise ValueError("it is not 64 hexadecimal digits. Make one with: openssl rand -hex 32")
        return key

    @field_validator("judgeme_sites", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(p.strip().lower() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("judgeme_shop")
    @classmethod
    def _host(cls, shop: str | None) -> str | None:
        if shop is not None and ("/" in shop or "." not in shop):
            raise ValueError("it is a host name, without https:// and path")
        return shop.lower() if shop else None

    @field_validator("brightdata_url", "judgeme_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError("it is not an http(s) address")
        return url.rstrip("/")

    @field_validator("llm_base_url")
    @classmethod
    def _address_of_model(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("it is not an http(s) address")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("it holds more than the address; a key goes into ANALYSIS_LLM_API_KEY")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> "ReviewSettings":
        if (self.judgeme_token is None) != (self.judgeme_shop is None):
            raise ValueError(
                "ANALYSIS_JUDGEME_TOKEN and ANALYSIS_JUDGEME_SHOP: each needs the other. "
                "For example: ANALYSIS_JUDGEME_SHOP=your-shop.myshopify.com"
            )
        if self.llm_model and not self.llm_base_url:
            raise ValueError(
                "ANALYSIS_LLM_BASE_URL: ANALYSIS_LLM_MODEL needs it, as reviews are sent nowhere else. "
                "For example: ANALYSIS_LLM_BASE_URL=http://localhost:11434/v1"
            )
        if self.llm_base_url and not self.llm_model:
            raise ValueError(
                "ANALYSIS_LLM_MODEL: ANALYSIS_LLM_BASE_URL needs it. For example: ANALYSIS_LLM_MODEL=qwen3:8b"
            )
        return self


def review_settings() -> ReviewSettings:
    """The settings as they are now; raises `SettingsError`."""
    try:
        return ReviewSettings()
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(dict(e)) for e in error.errors())) from None


def review_setting_names() -> dict[str, Any]:
    """Every setting's name in the environment, with its field, for the reference."""
    return {str(f.validation_alias): f for f in ReviewSettings.model_fields.values()}


def _sentence(fault: dict[str, Any]) -> str:
    text = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:  # about several settings together; its text names them
        return text
    name = str(fault["loc"][0])
    field = review_setting_names().get(name)
    example = f" For example: {name}={field.examples[0]}" if field and field.examples else ""
    given = str(fault.get("input"))
    secret = "@" in given or (field is not None and "SecretStr" in str(field.annotation))
    shown = "" if secret else f" (it is {given!r})"  # an address may hold a password
    return f"{name}: {text}{shown}.{example}"
