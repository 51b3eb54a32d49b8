"""Secrets in texts for operators: what is hidden, what stays, and how long that takes."""

import pytest

from outlast.domain.scrubbing import HIDDEN, PATTERNS, RANDOM, SUSPICIOUS, Scrubber

KEY = "0123456789abcdef" * 4
WITH_SECRETS = {
    "GET / with Authorization: Bearer abc.def-ghi": "abc.def",
    "{'Authorization': 'Basic dXNlcjpwYXNz'}": "dXNl",
    "b'authorization': b'Bearer 123456789'": "123456789",
    "Cookie: session=abcd; other=1": "abcd",
    "X-Api-Key: 1234": "1234",
    "using bearer abcdefgh1": "abcdefgh1",
    "postgresql://user:pass%40word@db/name": "pass%40word",
    "redis://:hunter22@cache:6379/0": "hunter22",
    "api_key=abcdef1234&page=2": "abcdef1234",
    "ANALYSIS_DASHBOARD_KEY=abcdefgh": "abcdefgh",
    'config = {"db_password": "hunter22"}': "hunter22",
    "client_secret: s3cr3t!": "s3cr3t!",
    "key sk-proj-abcdefghij0123456789": "abcdefghij",
    "ghp_abcdefghij0123456789abcdef": "abcdefghij",
    "olk_abcdefghijklmnop": "abcdefghij",
    "AKIAIOSFODNN7EXAMPLE": "IOSFODNN",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_1": "eyJzdWIi",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----": "MIIEow",
    f"signed with {KEY}": KEY,
    "a value of aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE": "aB3dE5",
}
WITHOUT = (
    "The session nq7t7xskdcjcqecdyqu23ef2wz of worker w-9679a72ae9a23dda failed",
    f"There is no file upload:{KEY}",
    f"The subject input:{KEY} is in flight",
    "token = read_token()",
    "KeyError: 'price'",
    'File "/srv/app/a_module_with_quite_a_long_name_of_41_chars.py", line 12, in read',
    "https://example.org/a?page=2",
    "The monkey keyed in the passage",
)


@pytest.mark.parametrize("text", WITH_SECRETS)
def test_what_looks_like_a_secret_is_hidden(text):
    scrubbed = Scrubber().scrub(f"before {text} after")
    assert WITH_SECRETS[text] not in scrubbed
    assert HIDDEN in scrubbed
    assert scrubbed.startswith("before ")


@pytest.mark.parametrize("text", WITHOUT)
def test_what_operators_need_stays(text):
    assert Scrubber().scrub(text) == text


def test_known_secrets_are_hidden_wherever_they_stand_and_however_they_look():
    scrubber = Scrubber({"correct horse", "correct horse battery", "short", ""})
    assert scrubber.scrub("x(correct horse battery)y") == f"x({HIDDEN})y"
    assert scrubber.scrub("short words stay") == "short words stay"


@pytest.mark.parametrize("text", WITH_SECRETS)
def test_no_secret_is_below_suspicion(text):
    if RANDOM.search(text) or any(pattern.search(text) for pattern, _ in PATTERNS):
        assert SUSPICIOUS.search(text)


@pytest.mark.timeout(20)  # a pattern that backtracks takes minutes
@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "x-a-",
        "http://",
        "authorization:",
        "token",
        "token=",
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "ab12 ",
        "_",
    ],
)
def test_no_text_takes_long(piece):
    Scrubber({"a known secret"}).scrub(piece * (400_000 // len(piece)))
