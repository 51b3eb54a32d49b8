"""`Settings(…)` in code: what it refuses, with which sentence."""

from typing import Any

import pytest

from outlast import Settings, SettingsError


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"queue_timeout": -1}, r"ANALYSIS_QUEUE_TIMEOUT: .*greater than 0.*\(it is -1\)\. For example"),
        ({"ANALYSIS_POLLING_INTERVAL": 1}, "ANALYSIS_POLLING_INTERVAL: .*greater than or equal to 250"),
        ({"database_url": "postgresql://db/outlast"}, "APP_KEY: it is required with PostgreSQL"),
        *(
            ({"cleanup_at": at}, "ANALYSIS_CLEANUP_AT: .*time of day from 00:00 to 23:59.*_AT=02:00")
            for at in ("24:00", "2:00", "02:60", "02:00:00", "0200", "daily", "02:00Z", 7200, True)
        ),
        ({"polling_intervl": 300}, r"no setting 'polling_intervl'\. Did you mean 'polling_interval'\?"),
        ({"colour": "red"}, "no setting 'colour'"),
    ],
)
def test_a_wrong_keyword_or_value_is_refused_with_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings(**values)


def test_unknown_variables_of_the_environment_are_for_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYSIS_COLOUR", "red")
    assert Settings(polling_interval=300).polling_interval == 300
