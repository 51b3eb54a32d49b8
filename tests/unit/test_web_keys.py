"""Signatures of cookies and tokens, and the key file created on first start."""

import os
import threading
from pathlib import Path

import pytest

from outlast.settings import SettingsError, load_settings
from outlast.web.keys import KEY_FILE, KeyRing, require_safe_key


def test_a_signature_holds_for_its_value_and_purpose_alone():
    keys = KeyRing(["k" * 32])
    signature = keys.sign("owner", "anna")
    assert keys.verify("owner", "anna", signature)
    assert not keys.verify("csrf", "anna", signature)
    assert not keys.verify("owner", "ben", signature)
    assert not KeyRing(["l" * 32]).verify("owner", "anna", signature)


def test_purpose_and_value_do_not_run_into_each_other():
    keys = KeyRing(["k" * 32])
    assert not keys.verify("owner", "xanna", keys.sign("ownerx", "anna"))


@pytest.mark.parametrize("signature", ["", "x", "é", "\x00", "A" * 32, "A" * 10_000])
def test_rubbish_is_no_signature(signature: str):
    assert not KeyRing(["k" * 32]).verify("owner", "anna", signature)


def test_the_first_key_signs_and_all_are_accepted():
    old, new = KeyRing(["o" * 32]), KeyRing(["n" * 32, "o" * 32])
    assert new.verify("owner", "anna", old.sign("owner", "anna"))
    assert not old.verify("owner", "anna", new.sign("owner", "anna"))


def test_a_key_is_made_once_readable_by_its_owner_alone(tmp_path: Path):
    settings = load_settings(data_dir=tmp_path / "new" / "folder")
    first = KeyRing.of(settings).sign("owner", "anna")
    assert KeyRing.of(settings).verify("owner", "anna", first)
    assert [p.name for p in settings.data_dir.iterdir()] == [KEY_FILE]
    assert (settings.data_dir / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert len((settings.data_dir / KEY_FILE).read_text()) >= 32


def test_a_key_of_the_settings_needs_no_file(tmp_path: Path):
    KeyRing.of(load_settings(data_dir=tmp_path, app_key=("k" * 32,)))
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_concurrently_agree_on_one_key(tmp_path: Path):
    settings = load_settings(data_dir=tmp_path)
    barrier = threading.Barrier(8)
    signatures = []

    def make() -> None:
        barrier.wait()
        signatures.append(KeyRing.of(settings).sign("owner", "anna"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signatures) == 8
    assert len(set(signatures)) == 1
    assert [p.name for p in tmp_path.iterdir()] == [KEY_FILE]


def write_key(folder: Path, text: str, mode: int = 0o600) -> None:
    path = folder / KEY_FILE
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize("text", ["", "\n", "k" * 31, "  " + "k" * 31 + "\n"])
def test_a_key_that_is_empty_or_short_is_refused_and_not_replaced(tmp_path: Path, text: str):
    write_key(tmp_path, text)
    settings = load_settings(data_dir=tmp_path)
    for use in (KeyRing.of, require_safe_key):
        with pytest.raises(SettingsError, match=r"APP_KEY: .*app\.key has \d+ characters"):
            use(settings)
    assert (tmp_path / KEY_FILE).read_text() == text


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_key_file_that_others_can_access_is_refused_with_advice(tmp_path: Path, mode: int):
    write_key(tmp_path, "k" * 64, mode)
    settings = load_settings(data_dir=tmp_path)
    for use in (KeyRing.of, require_safe_key):
        with pytest.raises(SettingsError, match=rf"mode is {mode:04o}.*chmod 600"):
            use(settings)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_file_readable_by_its_owner_only_is_accepted(tmp_path: Path, mode: int):
    write_key(tmp_path, "k" * 64 + "\n", mode)
    assert KeyRing.of(load_settings(data_dir=tmp_path)).sign("a", "b") == KeyRing(["k" * 64]).sign("a", "b")


def test_looking_whether_the_key_is_safe_makes_none(tmp_path: Path):
    require_safe_key(load_settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_where_the_settings_have_a_key_the_file_is_not_looked_at(tmp_path: Path):
    write_key(tmp_path, "", 0o644)
    require_safe_key(load_settings(data_dir=tmp_path, app_key=("k" * 32,)))


def test_a_new_key_is_durable_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    done, fsync, link = [], os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("fsync"), fsync(file))[1])
    monkeypatch.setattr(os, "link", lambda *names: (done.append("link"), link(*names))[1])
    KeyRing.of(load_settings(data_dir=tmp_path))
    assert done == ["fsync", "link", "fsync"]
