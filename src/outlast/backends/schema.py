"""Migrations: numbered `.sql` files, each applied once and never changed; checks of a schema."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from outlast.domain.errors import SchemaDiffers, SchemaOutdated, StoreRefused

LOWEST = re.compile(r"^-- Processes that know the schema up to number (\d+) may still run\.$", re.MULTILINE)
"""The line with which a migration declares that older processes may still run."""


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
        """The lowest schema number whose processes may still run after this migration."""
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
    """Return all migrations of a backend in order."""
    found = [
        Migration(int(file.name.split("_")[0]), file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in (files(package) / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda migration: migration.version))


def missing(known: Collection[Migration], applied: Mapping[int, Applied]) -> list[Migration]:
    """Return the migrations that have not been applied.

    Raises `SchemaOutdated` if a newer version has applied a migration that excludes this one, and `SchemaDiffers`
    if a migration was applied in another form.
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
        found = applied.get(migration.version)
        if found is not None and found.checksum not in {None, migration.checksum}:
            raise SchemaDiffers(f"its migration {found.name} is not the one that this version of Outlast has")
    return [m for m in known if m.version not in applied]


def unsigned(known: Collection[Migration], applied: Mapping[int, Applied]) -> list[Migration]:
    """Return the migrations that were applied before checksums were recorded; only the tables show their form."""
    return [m for m in known if m.version in applied and applied[m.version].checksum is None]


def require_nothing_missing(known: Collection[Migration], applied: Mapping[int, Applied]) -> None:
    """Raise `SchemaOutdated` unless every migration was applied, and none that excludes this version."""
    pending = [m.name for m in missing(known, applied)]
    if pending:
        raise SchemaOutdated(
            f"The database lacks {', '.join(pending)}. Run `outlast migrate` to bring its schema up to date."
        )


def nothing_at(place: str) -> SchemaOutdated:
    """Return the error for commands that do not create a store."""
    return SchemaOutdated(
        f"There is no store at {place}. `outlast serve`, `outlast workers start` and `outlast migrate` make one; "
        "DATABASE_URL and ANALYSIS_DATA_DIR say where."
    )


def closed_error(reason: str) -> StoreRefused:
    """Return the error for processes that would use a store whose content has moved, with the new address."""
    return StoreRefused(f"The store is closed. {reason}")


def refusal(differs: SchemaDiffers, address: str, example: str) -> SchemaDiffers:
    """Return the error for operators: `address` names the database, `example` the new one to copy to."""
    return SchemaDiffers(
        f"The database {address} was made by another version of Outlast, before its schema was frozen: {differs}. "
        "Stop every process that uses it, carry its sessions over into a new database with "
        f"`outlast store copy {address} {example}`, and set DATABASE_URL to the new one."
    )
