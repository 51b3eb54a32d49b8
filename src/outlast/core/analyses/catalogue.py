"""The catalogue of registered analyses."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.declarations import FILE_NAME, require_taking
from outlast.core.analyses.own_pages import OwnPage
from outlast.domain.errors import UnknownAnalysis

OwnerPriority = Callable[[str], int | Awaitable[int]]
"""Takes an owner that the host has named; may be `async def`."""


class Catalogue:
    """The analyses registered with one `Outlast` object."""

    def __init__(self) -> None:
        self._analyses: dict[str, Analysis] = {}
        self._internal: set[str] = set()
        self.owner_priority: OwnerPriority | None = None
        """What the priority of an owner's class adds to that of the analysis."""
        self.short_forms: dict[str, tuple[str, str]] = {}
        """Maps a field of a start's body to the analysis and the field of its input."""
        self.pages: dict[str, OwnPage] = {}
        """The program's own pages by name."""
        self.well_known: dict[str, Callable[[], str | bytes]] = {}
        """Public files below `/.well-known/`, by name."""

    def add(self, analysis: Analysis) -> None:
        if analysis.name in self._analyses:
            raise ValueError(f"There is an analysis {analysis.name!r} already.")
        if taken := [key for key in analysis.short_forms if key in self.short_forms]:
            other, _ = self.short_forms[taken[0]]
            raise ValueError(
                f"The short form {taken[0]!r} of {analysis.name!r} names the analysis {other!r} already."
            )
        self._analyses[analysis.name] = analysis
        self.short_forms |= {key: (analysis.name, field) for key, field in analysis.short_forms.items()}

    def add_page(self, page: OwnPage) -> None:
        if page.name in self.pages:
            raise ValueError(f"There is a page {page.name!r} already.")
        self.pages[page.name] = page

    def add_well_known(self, name: str, make: Callable[[], str | bytes]) -> None:
        if not FILE_NAME.fullmatch(name):
            raise ValueError(f"The file {name!r} needs a name of a-z, 0-9, '-' and '.', as key.json.")
        require_taking(f"make of the file {name!r}", make, ())
        if name in self.well_known or name == "security.txt":
            raise ValueError(f"There is a file {name!r} below /.well-known/ already.")
        self.well_known[name] = make

    def __getitem__(self, name: str) -> Analysis:
        try:
            return self._analyses[name]
        except KeyError:
            raise self.unknown(name) from None

    def add_internal(self, analysis: Analysis) -> None:
        """Add an analysis of our own, which workers run and visitors neither see nor start."""
        self._analyses[analysis.name] = analysis
        self._internal.add(analysis.name)

    def for_visitors(self, name: str) -> Analysis:
        """Return an analysis that visitors may start; raises `UnknownAnalysis`."""
        if name in self._internal:
            raise self.unknown(name)
        return self[name]

    def is_internal(self, name: str) -> bool:
        return name in self._internal

    def unknown(self, name: str) -> UnknownAnalysis:
        """The error for a name that visitors cannot start."""
        known = ", ".join(analysis.name for analysis in self) or "none"
        return UnknownAnalysis(f"There is no analysis {name!r}; known: {known}.")

    def __contains__(self, name: str) -> bool:
        return name in self._analyses

    def __iter__(self) -> Iterator[Analysis]:
        """Iterate over those that the application registered."""
        return (analysis for name, analysis in self._analyses.items() if name not in self._internal)

    @property
    def names(self) -> Sequence[str]:
        return list(self._analyses)

    @property
    def by_name(self) -> Mapping[str, Analysis]:
        return self._analyses
