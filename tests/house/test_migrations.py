"""A landed migration never changes, since databases in use were created by it."""

from source_tree import PACKAGES, ROOT

from outlast.backends.schema import migrations

LANDED = ROOT / "tests" / "house" / "landed_migrations.txt"
"""In the format of `sha256sum`. Add a line with each new migration; never change a line."""
BACKENDS = ("sqlite", "postgres")


def landed() -> dict[str, str]:
    lines = [line.split() for line in LANDED.read_text().splitlines()]
    return {name: checksum for checksum, name in lines}


def test_every_migration_has_its_landed_checksum():
    found = {
        f"{backend}/migrations/{migration.name}.sql": migration.checksum
        for backend in BACKENDS
        for migration in migrations(f"outlast.backends.{backend}")
    }
    assert found == landed()
    files = {p.name for b in BACKENDS for p in (PACKAGES[0] / "backends" / b / "migrations").iterdir()}
    assert files - {"__init__.py", "__pycache__"} == {name.rpartition("/")[2] for name in landed()}


def test_migrations_are_numbered_without_gaps_and_have_valid_lowest_versions():
    for backend in BACKENDS:
        known = migrations(f"outlast.backends.{backend}")
        assert [m.version for m in known] == list(range(1, len(known) + 1))
        assert all(1 <= m.lowest <= m.version for m in known)
        assert all(("may still run" in m.statements) == (m.lowest < m.version) for m in known)
