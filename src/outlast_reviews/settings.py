"""Every setting of the product, read and checked in this one place, from the environment and `.env`."""

from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from outlast import SettingsError


def _setting(name: str, default: object, description: str, example: str, **bounds: float) -> Any:
    """A field by its name in the environment, with what the reference and error messages say of it."""
    return Field(
        default, validation_alias=name, description=description, examples=[example], **cast("Any", bounds)
    )


class ReviewSettings(BaseSettings):
    """The settings of the product analysis. Fields are set by keyword here, by their name in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    # the model judge; without a model there is none
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

    @field_validator("llm_base_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
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


def load_settings(**changes: Any) -> ReviewSettings:
    """The settings from the environment and `.env`, `changes` first; raises `SettingsError`."""
    try:
        return ReviewSettings(**changes)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(dict(e)) for e in error.errors())) from None


def setting_names() -> dict[str, Any]:
    """Every setting's name in the environment, with its field, for the reference."""
    return {str(f.validation_alias): f for f in ReviewSettings.model_fields.values()}


def _sentence(fault: dict[str, Any]) -> str:
    text = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:  # about several settings together; its text names them
        return text
    where = str(fault["loc"][0])
    named = ReviewSettings.model_fields.get(where)
    name = str(named.validation_alias) if named else where
    field = setting_names()[name]
    secret = field.annotation == SecretStr | None or "@" in str(fault.get("input"))
    shown = "" if secret else f" (it is {fault.get('input')!r})"
    return f"{name}: {text}{shown}. For example: {name}={field.examples[0]}"
