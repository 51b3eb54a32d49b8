"""`outlast analyse --evidence` and `outlast reviews verify`: what they write, say and exit with."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outlast.cli.main import outlast
from outlast_reviews.evidence.keys import KEY_FILE, InstallationKey
from outlast_reviews.invented import SAMPLE


def run(*words: object) -> Result:
    return CliRunner().invoke(outlast, [str(word) for word in words])


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Path:
    """A folder in which an analysis has written its evidence."""
    folder = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run("analyse", SAMPLE, "--evidence", "evidence", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["report"]["inputs"][0]["kind"] == "reviews"
    assert done.stderr.count("Wrote evidence/") == 2
    assert "Signed by the key " in done.stderr
    return folder


@pytest.fixture(params=["html", "json"])
def file(request, installation, monkeypatch) -> Path:
    monkeypatch.chdir(installation)
    (found,) = Path("evidence").glob(f"*.{request.param}")
    return found


def public_key(file: Path) -> str:
    if file.suffix == ".json":
        return json.loads(file.read_text())["signature"]["public_key"]
    return file.read_text().splitlines()[-1].split()[2]


@pytest.mark.slow
def test_evidence_is_valid_where_it_was_made(file):
    done = run("reviews", "verify", file)
    assert (done.exit_code, done.stdout.split()[0]) == (0, "Valid:")
    assert public_key(file) in done.stdout


@pytest.mark.slow
def test_elsewhere_it_is_another_installations_unless_its_key_is_said(file, tmp_path, monkeypatch):
    file = file.absolute()
    monkeypatch.chdir(tmp_path)
    done = run("reviews", "verify", file)
    assert done.exit_code == 2
    assert "Signed by another installation" in done.stderr
    assert "This installation has no key yet" in done.stderr
    assert not list(tmp_path.iterdir())  # verifying makes no key
    done = run("reviews", "verify", file, "--key", public_key(file))
    assert (done.exit_code, done.stdout.split()[0]) == (0, "Valid:")
    done = run("reviews", "verify", file, "--key", InstallationKey(bytes(32)).public)
    assert done.exit_code == 2
    assert "This is not the expected key" in done.stderr


@pytest.mark.slow
def test_an_altered_file_is_told(file, tmp_path):
    altered = tmp_path / file.name
    altered.write_bytes(file.read_bytes().replace(b"strong", b"weak", 1))
    done = run("reviews", "verify", altered)
    assert (done.exit_code, done.stdout.split()[0]) == (1, "Altered:")


@pytest.mark.slow
@pytest.mark.parametrize("words", [["gone.json"], ["."], [__file__], [__file__, "--key", "abc"]])
def test_what_cannot_be_verified_is_told_in_words(words):
    done = run("reviews", "verify", *words)
    assert done.exit_code == 2
    assert done.stderr
    assert "Traceback" not in done.output


def test_a_folder_or_key_that_cannot_be_used_is_told_before_the_analysis(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outlast-data").mkdir()
    (tmp_path / "outlast-data" / KEY_FILE).write_text("0" * 64)
    (tmp_path / "outlast-data" / KEY_FILE).chmod(0o644)
    done = run("analyse", SAMPLE, "--evidence", "evidence")
    assert done.exit_code == 2
    assert done.stderr.startswith("outlast-data/evidence.key can be read")
    (tmp_path / "outlast-data" / KEY_FILE).chmod(0o600)
    (tmp_path / "evidence").touch()
    done = run("analyse", SAMPLE, "--evidence", "evidence")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("evidence: No evidence can be written there")
