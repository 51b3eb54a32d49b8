"""Whose database it is: `ANALYSIS_DATABASE_URL` wins, and the address of another program's is refused."""

from pathlib import Path

import pytest

from outlast.settings import Settings, SettingsError, load_settings

OWN, HOST = "ANALYSIS_DATABASE_URL", "DATABASE_URL"


@pytest.mark.parametrize("host", ["mysql://ann:secret@h/d", "postgresql+asyncpg://ann:secret@h/d", "mssql://h/d"])
def test_the_database_of_the_host_is_refused_and_its_password_is_not_shown(
    host: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(HOST, host)
    with pytest.raises(SettingsError, match="database of your own program, set ANALYSIS_DATABASE_URL") as refused:
        load_settings()
    assert "ann:secret" not in str(refused.value)
    monkeypatch.setenv(OWN, "sqlite:///own.db")
    assert load_settings().database_url == "sqlite:///own.db"


def test_one_in_the_file_wins_over_the_hosts_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{OWN}=sqlite:///file.db\n")
    monkeypatch.setenv(HOST, "mysql://h/d")
    assert load_settings().database_url == "sqlite:///file.db"
    assert Settings(database_url="sqlite:///given.db").database_url == "sqlite:///given.db"
    monkeypatch.setenv(OWN, "sqlite:///environment.db")
    assert load_settings().database_url == "sqlite:///environment.db"
