"""Signatures of cookies and tokens, and the key that is made on first start."""

import threading
from pathlib import Path

import pytest

from outlast.settings import load_settings
from outlast.web.keys import KEY_FILE, KeyRing


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


def test_many_who_start_at_once_agree_on_one_key(tmp_path: Path):
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
