"""`ANALYSIS_TRUSTED_PROXIES`: this machine by default, and validated."""

import pytest

from outlast.settings import SettingsError, load_settings


def test_only_this_machine_is_trusted_unless_others_are_named():
    assert load_settings().trusted_proxies == ("127.0.0.1", "::1")


def test_addresses_and_networks_are_accepted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANALYSIS_TRUSTED_PROXIES", "127.0.0.1, 10.1.0.0/24,,2001:db8::/32")
    assert load_settings().trusted_proxies == ("127.0.0.1", "10.1.0.0/24", "2001:db8::/32")


@pytest.mark.parametrize(
    "wrong", ["*", "nginx", "10.1.0.5/24", "0.0.0.0/0", "::/0", "300.1.1.1", "127.0.0.1 10.0.0.1", "10.0.0.0/33"]
)
def test_anything_else_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch, wrong: str):
    monkeypatch.setenv("ANALYSIS_TRUSTED_PROXIES", f"127.0.0.1,{wrong}")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    sentence = str(refused.value)
    assert sentence.startswith("ANALYSIS_TRUSTED_PROXIES: ")
    assert wrong in sentence
    assert "For example: ANALYSIS_TRUSTED_PROXIES=127.0.0.1" in sentence
