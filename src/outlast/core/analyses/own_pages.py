"""Pages of a program's own beside those of its analyses, and the files that visitors add to a result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature

from outlast.core.analyses.declarations import FILE_NAME, require_taking, require_text


@dataclass(frozen=True, slots=True)
class PageView:
    """The request of a page: of a result, or of a page of your own."""

    address: str
    """The path of the page, for links to parts of it: `f"{view.address}?part=2"`."""
    query: Mapping[str, str]
    """The query parameters, untrusted; the last value of each name."""
    shared: bool
    """Whether a share link opened the page, rather than the owner."""
    nonce: str = ""
    """For inline scripts and styles, which the page refuses otherwise: `<style nonce="{view.nonce}">`."""
    root: str = ""
    """The path at which the site is mounted, for links to its other pages: `f"{view.root}/"` is the form."""
    takes_files: bool = False
    """Whether the page has the form of `AddFiles`, at `#add-files`."""
    language: str = "en"
    """In which the page is shown, such as "de"."""


RenderPage = Callable[[PageView], str]
"""Renders a page of your own to a safe HTML fragment. Called in a thread."""
Intro = str | Callable[[], str] | Callable[[PageView], str]
"""Safe HTML above a form, or what makes it."""


def intro_html(intro: Intro | None, view: PageView) -> str | None:
    """Return what stands above the form in this view."""
    if not callable(intro):
        return intro
    make: Callable[..., str] = intro
    needed = [each for each in signature(make).parameters.values() if each.default is Parameter.empty]
    return make(view) if needed else make()


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of your own."""

    name: str
    title: str
    render: RenderPage
    linked: bool
    """Whether the foot of every page links to it."""
    takes_messages: bool

    def __post_init__(self) -> None:
        if not FILE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name a page: use a-z, 0-9, '-' and '.'.")
        require_text(f"The title of the page {self.name!r}", self.title)
        require_taking(f"The function of the page {self.name!r}", self.render, ("a PageView",))


@dataclass(frozen=True, slots=True)
class AddFiles:
    """Lets visitors add files to a finished analysis: a new session then has its input and these files."""

    field: str
    """The input field that takes several uploads; the files are appended to its value."""
    title: str
    """Heading and button of the form on the page of the result."""
    hint: Callable[[PageView], str] | None = None
    """Returns safe HTML between the heading and the choice of files."""
    earlier: str | None = None
    """An optional input field, which forms do not show: the new session finds the id of the earlier one there."""
