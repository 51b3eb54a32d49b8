"""A signing key that is not fit to sign with ends what would serve with it, before it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from edge_site import make_outlast

from outlast import SettingsError
from outlast.app import runtime_of
from outlast.web.keys import KEY_FILE


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("k" * 64, 0o644)])
async def test_neither_a_host_nor_a_request_opens_it(tmp_path: Path, text: str, mode: int):
    (tmp_path / KEY_FILE).write_text(text)
    (tmp_path / KEY_FILE).chmod(mode)
    outlast = make_outlast(tmp_path)
    with pytest.raises(SettingsError, match="APP_KEY"):
        await runtime_of(outlast).open()
    with pytest.raises(SettingsError, match="APP_KEY"):
        await runtime_of(outlast).engine()


@pytest.mark.slow
def test_serve_ends_at_once_with_a_sentence(tmp_path: Path):
    (tmp_path / KEY_FILE).write_text("")
    (tmp_path / KEY_FILE).chmod(0o600)
    served = subprocess.run(
        [sys.executable, "-m", "outlast", "serve", "--port", "0"],
        env=os.environ | {"ANALYSIS_DATA_DIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert served.returncode == 2
    assert "app.key has 0 characters" in served.stderr
    assert "Traceback" not in served.stderr
