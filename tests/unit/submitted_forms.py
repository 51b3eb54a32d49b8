"""A visitor without JavaScript: fills in the HTML of a form and submits what a browser would."""

from collections.abc import Mapping, Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import validate_input
from outlast.web.form_shapes import Shape, shapes_of
from outlast.web.forms import ADD, REMOVE, form_fields, form_values, pressed, row_counts
from outlast.web.page_templates import environment

TEMPLATE = environment().from_string(
    '{% from "fields.html" import field %}{% for each in fields %}{{ field(each) }}{% endfor %}'
)


class FilledForm:
    """The page, and what its visitor has entered since it was drawn."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        shapes = shapes_of(analysis)
        assert shapes is not None
        self.shapes: Sequence[Shape] = shapes
        self._draw(None, None, None)

    def control(self, name: str, kind: str = "input, select") -> LexborNode:
        found = [n for n in self.page.css(kind) if n.attributes.get("name") == name and not _hidden(n)]
        assert found, f"there is no field {name}"
        return found[0]

    def fill(self, name: str, text: str) -> None:
        """Enter a text, or choose the option that shows it."""
        control = self.control(name)
        if control.tag == "select":
            (option,) = [o for o in control.css("option") if o.text() == text]
            text = option.attributes["value"] or ""
        else:
            assert control.attributes["type"] in {"text", "url", "number", "date", "datetime-local", "time"}
        self.entered[name] = text

    def tick(self, name: str, *, on: bool) -> None:
        assert self.control(name).attributes["type"] == "checkbox"
        self.ticked[name] = on

    def add(self, name: str) -> None:
        """Press the button that adds an item to a list."""
        self.press(ADD, name)

    def clear(self, name: str) -> None:
        """Press the buttons of all items of a list, but not of an empty one that is always there."""
        for _ in range(len(self.items(name))):
            self.press(REMOVE, f"{name}.0")

    def items(self, name: str) -> list[str]:
        return [value for value in self.posted().get(name, ()) if value != ""]

    def posted(self) -> dict[str, list[str]]:
        """The successful controls, in the order of the page."""
        sent: dict[str, list[str]] = {}
        for node in self.page.css("input, select"):
            if (value := self._value(node)) is not None:
                sent.setdefault(node.attributes["name"] or "", []).append(value)
        return sent

    def submitted(self) -> Any:
        """The validated input of the form, as it is now."""
        return validate_input(self.analysis.input, form_values(self.shapes, self.posted()))

    def _value(self, node: LexborNode) -> str | None:
        name, kind = node.attributes["name"] or "", node.attributes.get("type")
        if node.tag == "select":
            chosen = node.css_first("option[selected]") or node.css_first("option")
            return self.entered.get(name, chosen.attributes.get("value") or "")
        if kind == "file":
            return None
        if kind == "checkbox":
            return "true" if self.ticked.get(name, "checked" in node.attributes) else None
        value = node.attributes.get("value") or ""
        return value if kind == "hidden" else self.entered.get(name, value)

    def press(self, button: str, value: str) -> None:
        assert any(
            (b.attributes.get("name"), b.attributes.get("value")) == (button, value)
            for b in self.page.css("button")
        )
        change = pressed({**self.posted(), button: [value]})
        assert change is not None
        posted, focus = change
        self._draw(form_values(self.shapes, posted), row_counts(self.shapes, posted), focus)

    def _draw(self, values: Mapping[str, Any] | None, rows: Mapping[str, int] | None, focus: str | None) -> None:
        fields = form_fields(self.shapes, "form", values, rows=rows, focus=focus)
        self.page = LexborHTMLParser(TEMPLATE.render(fields=fields))
        self.entered: dict[str, str] = {}
        self.ticked: dict[str, bool] = {}
        assert len({n.attributes["id"] for n in self.page.css("[id]")}) == len(self.page.css("[id]"))


def _hidden(node: LexborNode) -> bool:
    return node.attributes.get("type") == "hidden"
