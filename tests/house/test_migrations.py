"""A migration that has landed is never changed: databases in the field have been made by it."""

from source_tree import PACKAGES, ROOT

from outlast.backends.schema import migrations

LANDED = ROOT / "tests" / "house" / "landed_migrations.txt"
"""As `sha256sum` prints them; the line of a new migration is added with it, and no line is ever changed."""
BACKENDS = ("sqlite", "postgres")


def landed() -> dict[str, str]:
    lines = [line.split() for line in LANDED.read_text().splitlines()]
    return {name: checksum for checksum, name in lines}


def test_every_migration_is_the_one_that_has_landed():
    found = {
        f"{backend}/migrations/{migration.name}.sql": migration.checksum
        for backend in BACKENDS
        for migration in migrations(f"outlast.backends.{backend}")
    }
    assert found == landed()
    files = {p.name for b in BACKENDS for p in (PACKAGES[0] / "backends" / b / "migrations").iterdir()}
    assert files - {"__init__.py", "__pycache__"} == {name.rpartition("/")[2] for name in landed()}


def test_migrations_are_numbered_without_a_gap_and_let_no_process_run_that_knows_more_than_they_are():
    for backend in BACKENDS:
        known = migrations(f"outlast.backends.{backend}")
        assert [m.version for m in known] == list(range(1, len(known) + 1))
        assert all(1 <= m.lowest <= m.version for m in known)
