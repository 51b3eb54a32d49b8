"""What a database's schema must be: numbered `.sql` files, each of them applied once and never changed again."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from outlast.domain.errors import SchemaDiffers, SchemaOutdated

LOWEST = re.compile(r"^-- Processes that know the schema up to number (\d+) may still run\.$", re.MULTILINE)
"""The line by which a migration says that it only adds."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`: its number, its name, its statements."""

    version: int
    name: str
    statements: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def lowest(self) -> int:
        """The highest number that a process must know at least to go on running after this one was applied."""
        said = LOWEST.search(self.statements)
        return int(said[1]) if said else self.version


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of `schema_migrations`. Before checksums were kept, the last two are `None`."""

    name: str
    checksum: str | None
    lowest: int | None


@cache
def migrations(package: str) -> tuple[Migration, ...]:
    """All that this version knows of a backend, in order."""
    found = [
        Migration(int(file.name.split("_")[0]), file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in (files(package) / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


def missing(known: Collection[Migration], applied: Mapping[int, Applied]) -> list[Migration]:
    """What is still to be applied.

    Raises `SchemaOutdated` when a newer version has applied what this one cannot live with, and `SchemaDiffers`
    when a migration was applied in another form than this version knows.
    """
    newest = max(m.version for m in known)
    newer = [there for version, there in sorted(applied.items()) if version > newest]
    beyond = [there.name for there in newer if there.lowest is None or there.lowest > newest]
    if beyond:
        raise SchemaOutdated(
            f"The database was changed by a newer version of Outlast ({', '.join(beyond)}), "
            f"and this version knows its schema up to number {newest}. Use the newer version with it."
        )
    for migration in known:
        there = applied.get(migration.version)
        if there is not None and there.checksum not in {None, migration.checksum}:
            raise SchemaDiffers(f"its migration {there.name} is not the one that this version of Outlast has")
    return [m for m in known if m.version not in applied]


def unsigned(known: Collection[Migration], applied: Mapping[int, Applied]) -> list[Migration]:
    """What was applied before checksums were kept: only the tables tell whether it had this form."""
    return [m for m in known if m.version in applied and applied[m.version].checksum is None]


def require_nothing_missing(known: Collection[Migration], applied: Mapping[int, Applied]) -> None:
    """Raise `SchemaOutdated` unless all that is known was applied, and nothing that excludes this version."""
    lacking = [m.name for m in missing(known, applied)]
    if lacking:
        raise SchemaOutdated(
            f"The database lacks {', '.join(lacking)}. Run `outlast migrate` to bring its schema up to date."
        )


def nothing_at(place: str) -> SchemaOutdated:
    """For those who only look."""
    return SchemaOutdated(
        f"There is no store at {place}. `outlast serve`, `outlast workers start` and `outlast migrate` make one; "
        "DATABASE_URL and ANALYSIS_DATA_DIR say where."
    )


def refusal(differs: SchemaDiffers, address: str, example: str) -> SchemaDiffers:
    """The whole sentence for an operator: `address` names the database, `example` a new one beside it."""
    return SchemaDiffers(
        f"The database {address} was made by another version of Outlast, before its schema was frozen: {differs}. "
        "Stop every process that uses it, carry its sessions over into a new database with "
        f"`outlast store copy {address} {example}`, and set DATABASE_URL to the new one."
    )
