"""Keys of the dashboard that are easy to guess are refused, with the command that makes a good one."""

import secrets

import pytest

from outlast.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    "key",
    [
        "a" * 20,
        "abababababababababababab",
        "01234567890123456789",
        "abcdefghijklmnopqrstuvwxyz",
        "zyxwvutsrqponmlkjihgfedcba",
        "aB3dE6gH1kaB3dE6gH1k",
        "zzyyxxwwvvuuttssrrqqpp",
        "jkjkklmlmnonoprqrqststu",
        "MyPassword-for-2026-okay",
        "change-me-before-you-start",
        "changeme" * 3,
        "correct secret of horses",
        "the-default-key-of-this-site",
        "$(openssl rand -hex 16)",
        "${DASHBOARD_KEY:-nothing}",
        "<a long random key here>",
        "0000000000000000000000000000000f",
    ],
)
def test_common_keys_are_refused(key: str):
    with pytest.raises(SettingsError) as refused:
        load_settings(dashboard_key=key)
    assert "openssl rand -hex 16" in str(refused.value)
    assert key not in str(refused.value).replace("$(openssl rand -hex 16)", "", 1) or key.startswith("$(")


@pytest.mark.slow
def test_a_generated_key_is_accepted():
    for _ in range(2_000):
        assert load_settings(dashboard_key=secrets.token_hex(16)).dashboard_key
    for _ in range(200):
        assert load_settings(dashboard_key=secrets.token_urlsafe(24)).dashboard_key


@pytest.mark.parametrize("key", ["the key of the dashboard", "correct horse battery staple"])
def test_a_sentence_is_accepted_as_a_key(key: str):
    assert load_settings(dashboard_key=key).dashboard_key == key


def test_a_short_key_is_refused():
    with pytest.raises(SettingsError, match="at least 20"):
        load_settings(dashboard_key="a8Fk2-9xQ")
