"""What a database's schema must be: numbered `.sql` files, each of them applied once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files

from outlast.domain.errors import SchemaOutdated


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`: its number, its name, its statements."""

    version: int
    name: str
    statements: str


def migrations(package: str) -> list[Migration]:
    """All that this version knows of a backend, in order."""
    found = [
        Migration(int(file.name.split("_")[0]), file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in (files(package) / "migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


def missing(known: Collection[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """What is still to be applied; raises `SchemaOutdated` when a newer version has been at work."""
    newest = max(m.version for m in known)
    unknown = [name for version, name in sorted(applied.items()) if version > newest]
    if unknown:
        raise SchemaOutdated(
            f"The database was changed by a newer version of Outlast ({', '.join(unknown)}), "
            f"and this version knows its schema up to number {newest}. Use the newer version with it."
        )
    return [m for m in known if m.version not in applied]


def require_nothing_missing(known: Collection[Migration], applied: Mapping[int, str]) -> None:
    """Raise `SchemaOutdated` unless every migration known has been applied, and no other."""
    lacking = [m.name for m in missing(known, applied)]
    if lacking:
        raise SchemaOutdated(
            f"The database lacks {', '.join(lacking)}. Run `outlast migrate` to bring its schema up to date."
        )
