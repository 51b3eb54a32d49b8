"""The logs of the commands: JSON where no person reads, with fields, and secrets nowhere."""

import io
import json
import logging
import sys

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.cli.logs import set_up_logs
from outlast.domain.outcome import Failed
from outlast.domain.printable import CONTROL
from outlast.given_settings import secret_values
from outlast.running.session_log import FIELDS, log_end
from outlast.settings import Settings
from outlast.testing.acts import STEPS, started_and_claimed
from outlast.testing.clock import FakeClock

SECRETS = {
    "APP_KEY": "the signing key of this site, of 32 characters,and an older one that is as long as that",
    "ANALYSIS_DASHBOARD_KEY": "a key of 22 characters",
    "DATABASE_URL": "postgresql://user:pass%21word-of-db@db/outlast",
    "REDIS_URL": "redis://:password-of-redis@cache",
    "PROVIDER_TOKEN": "token-of-the-provider",
    "SHOP_ADDRESS": "https://me:password-of-shop@shop.example/",
}
WORDS = (
    "the signing key of this site, of 32 characters",
    "and an older one that is as long as that",
    "a key of 22 characters",
    "pass!word-of-db",
    "pass%21word-of-db",
    "password-of-redis",
    "token-of-the-provider",
    "password-of-shop",
)


@pytest.fixture
def written(monkeypatch, tmp_path):
    """What is logged, on a standard error that is no terminal."""
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    root, ours = logging.getLogger(), logging.getLogger("outlast")
    before, level = root.handlers[:], ours.level
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    set_up_logs()
    yield sys.stderr
    root.handlers[:] = before
    ours.setLevel(level)


def lines(written):
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_each_end_is_one_json_object_with_its_fields(written):
    session = await started_and_claimed(MemoryStore(FakeClock()))
    log_end(session, Failed("No.", "timeout", None, STEPS), "w-1", 1.5, None)
    (line,) = lines(written)
    assert set(FIELDS) <= line.keys()
    assert (line["level"], line["outcome"], line["duration_ms"], line["reference"]) == (
        "error",
        "failed",
        1500,
        None,
    )
    assert line["timestamp"]
    assert session.id in line["event"]


@pytest.mark.parametrize("words", WORDS)
def test_no_secret_of_the_environment_passes(written, words):
    log = logging.getLogger("outlast.test")
    try:
        raise ValueError(f"refused ({words})")
    except ValueError:
        log.exception("It failed with %s", words, extra={"analysis": words})
    assert words not in written.getvalue()
    assert "[secret]" in lines(written)[0]["exception"]


def test_control_characters_are_spelled_out(written):
    logging.getLogger("outlast.test").warning("A \x1b[2J name\r\nof \u202e two lines", extra={"analysis": "\x9b"})
    (line,) = lines(written)
    assert not CONTROL.search(line["event"].replace("\n", ""))
    assert line["analysis"] == "\\x9b"


def test_a_password_in_the_query_of_an_address_is_known(monkeypatch):
    monkeypatch.setenv(
        "REPORTS_URL", "postgresql://db.example/reports?user=me&password=hunter%2122&sslmode=require"
    )
    assert {"hunter%2122", "hunter!22"} <= secret_values(Settings())


def test_secrets_of_a_dotenv_file_are_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SHOP_API_KEY=key-of-the-shop\nPATH_OF_SHOP=/shop\n")
    assert "key-of-the-shop" in secret_values(Settings())
    assert "/shop" not in secret_values(Settings())


def test_invalid_settings_hide_no_less(written, monkeypatch):
    monkeypatch.setenv("ANALYSIS_POLLING_INTERVAL", "never")
    set_up_logs()
    logging.getLogger("outlast.test").warning("%s", WORDS)
    assert not any(words in written.getvalue() for words in WORDS if "," not in words)
