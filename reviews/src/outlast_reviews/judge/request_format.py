"""Request formats, from structured output to plain text, with fallbacks for older servers (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from outlast_reviews.judge.question import SCHEMA

Form = Literal["json_schema", "json_object", "text"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """Starts with every feature; each one that the server rejects is dropped."""

    form: Form = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    """False for models that reject a temperature; their answers vary."""

    def request(self, model: str, messages: Sequence[Mapping[str, str]], most: int) -> dict[str, Any]:
        """The body of a chat completion whose answer has at most `most` tokens."""
        body: dict[str, Any] = {"model": model, "messages": list(messages), self.limit: most}
        if self.temperature:
            body["temperature"] = 0
        if self.form == "json_schema":
            schema = {"name": "judgements", "strict": True, "schema": SCHEMA}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def simpler(self, refusal: str) -> "RequestFormat | None":
        """Drop what the refusal names, else fall back one form; `None` when the format is not the cause."""
        explanation = refusal.lower()
        if "max_completion_tokens" in explanation and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "temperature" in explanation and self.temperature:
            return replace(self, temperature=False)
        if "context length" in explanation or "context_length" in explanation or "context size" in explanation:
            return None
        lower = FORMS[FORMS.index(self.form) + 1 :]
        return replace(self, form=lower[0]) if lower else None

    def as_json(self) -> dict[str, Any]:
        """Serialise for storage."""
        return asdict(self)


_ADAPTER = TypeAdapter(RequestFormat)


def request_format_from(as_json: Any) -> RequestFormat:
    """Parse a stored format; the default if it is not valid any more."""
    try:
        return _ADAPTER.validate_python(as_json)
    except ValidationError:
        return RequestFormat()
