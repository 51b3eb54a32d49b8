"""How a server wants to be asked: three grades of structured output, and parameters that not all know (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from outlast_reviews.judge.question import SCHEMA

Form = Literal["json_schema", "json_object", "text"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """Begins with all that a server could know; what it refuses is left out from then on."""

    form: Form = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    """False for models that take no temperature; they answer a little differently each time."""

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
        """Without what the refusal names, else one grade lower; `None` when it is not about the dialect."""
        said = refusal.lower()
        if "max_completion_tokens" in said and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "temperature" in said and self.temperature:
            return replace(self, temperature=False)
        if "context length" in said or "context_length" in said or "context size" in said:
            return None
        lower = FORMS[FORMS.index(self.form) + 1 :]
        return replace(self, form=lower[0]) if lower else None

    def told(self) -> dict[str, Any]:
        """As JSON, to be remembered."""
        return asdict(self)


_DIALECT = TypeAdapter(RequestFormat)


def dialect_from(told: Any) -> RequestFormat:
    """What was remembered; the first one if that makes no sense any more."""
    try:
        return _DIALECT.validate_python(told)
    except ValidationError:
        return RequestFormat()
