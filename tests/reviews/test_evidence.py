"""Evidence files: the same result gives the same file, any change is found, and nothing in one runs or claims."""

import datetime as dt
import hashlib
import json
import re
import stat
import threading
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from nacl.signing import VerifyKey
from review_data import copies, invented
from typed_dicts import type_errors

from outlast import SettingsError
from outlast_reviews.evidence.document import NOT_RECORDED, Document, document_of
from outlast_reviews.evidence.files import evidence_json, evidence_page, make_folder, write_evidence
from outlast_reviews.evidence.keys import KEY_FILE, InstallationKey, existing_key, installation_key
from outlast_reviews.evidence.signing import canonical, verify
from outlast_reviews.method import NOT_MEASURED
from outlast_reviews.report import review_report
from outlast_reviews.review import Input, Review, ReviewSet
from outlast_reviews.settings import review_settings

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
HOSTILE = '</main><script>alert(1)</script><!-- Ed25519 "&\u202e\x00<img src=//evil.example/x>'


def result_of(*reviews: Review, **more) -> dict:
    read = Input("reviews.csv", "file", hashlib.sha256(b"reviews").hexdigest(), 7)
    report = review_report(
        ReviewSet(reviews, "CSV", inputs=(read,), **more), source="reviews.csv", analysed_at=NOW
    )
    return json.loads(json.dumps({"report": report, "earlier": None}))


KEY = InstallationKey(bytes(range(32)))
OTHER = InstallationKey(bytes(32))
RESULT = result_of(*invented(30), *copies(9, first_row=1_000), product_title="A lamp")
FILES = [evidence_page(RESULT, KEY).encode(), evidence_json(RESULT, KEY).encode()]
every_file = pytest.mark.parametrize("content", FILES, ids=["page", "json"])


@every_file
def test_a_file_is_valid_for_the_key_that_signed_it_and_for_no_other(content):
    assert verify(content, KEY.public).state == "valid"
    assert verify(content, OTHER.public).state == "other"
    assert verify(content, None).state == "other"
    assert verify(content, OTHER.public).public_key == KEY.public


@pytest.mark.slow
@every_file
@given(data=st.data())
def test_a_changed_byte_is_always_found(content, data):
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != content[at]))
    changed = content[:at] + bytes([byte]) + content[at + 1 :]
    if verify(changed, KEY.public).state == "valid":  # white space between the values of the JSON
        assert json.loads(changed)["document"] == json.loads(content)["document"]
        assert content is FILES[1]


@every_file
@given(st.binary(min_size=1, max_size=40), st.booleans())
@example(b" ", False)
@example(b"<!-- -->", True)
def test_nothing_is_added_unseen(content, more, at_end):
    changed = content + more if at_end else more + content
    if verify(changed, KEY.public).state == "valid":
        assert json.loads(changed) == json.loads(content)


def test_no_file_says_of_itself_that_nobody_altered_it():
    document = json.loads(FILES[1])["document"]
    assert not [said for said in document["statement"]["shows"] if "altered" in said]
    assert [said for said in document["statement"]["does_not_show"] if "altered" in said]


@pytest.mark.slow
@pytest.mark.parametrize(("shop", "said"), [(None, "likely"), (1.2, "between")])
def test_a_range_is_likely_only_where_it_was_widened_for_the_rest(shop, said):
    """As on the report's page: a sample whose average is not the shop's says nothing of the rest."""
    short = [replace(review, text=review.text[:47]) for review in copies(9, first_row=1_000, changed=0)]
    result = result_of(*invented(300), *short, product_rating=shop)
    verdict = document_of(result)["verdict"]
    assert (verdict["sample"], verdict.get("projected")) == (True, said == "likely")
    assert f"({said} " in evidence_page(result, KEY)
    del result["report"]["projected"]
    assert "(likely " in evidence_page(result, KEY), "a report of an earlier version does not say"


def paths(value: object, at: tuple = ()) -> list[tuple]:
    """Where every value of the JSON is."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in items for path in paths(item, (*at, key)))]


@given(st.sampled_from(paths(json.loads(FILES[1])["document"])[1:]), st.sampled_from(["drop", "change", "twice"]))
def test_a_changed_value_anywhere_in_the_document_is_altered(path, how):
    file = json.loads(FILES[1])
    holder = file["document"]
    for key in path[:-1]:
        holder = holder[key]
    if how == "drop":
        del holder[path[-1]]
    else:
        holder[path[-1]] = [holder[path[-1]]]
    text = json.dumps(file)
    if how == "twice":
        text = FILES[1].decode().replace('"document": {', '"document": {"product": "Another",', 1)
    if path != ("kind",):  # what does not say that it is evidence is none
        assert verify(text.encode(), KEY.public).state == "altered"
    else:
        assert verify(text.encode(), KEY.public).state in ("altered", "not evidence")


@pytest.mark.parametrize("signature", [None, {}, {"algorithm": "none"}, "x", {"public_key": 1, "value": 2}])
def test_a_missing_or_damaged_signature_is_altered(signature):
    file = json.loads(FILES[1]) | {"signature": signature}
    assert verify(json.dumps(file).encode(), KEY.public).state == "altered"
    assert verify(FILES[0].rsplit(b"<!-- Ed25519", 1)[0], KEY.public).state == "altered"


def test_a_signature_by_another_key_under_the_expected_name_is_altered():
    file = json.loads(evidence_json(RESULT, OTHER))
    file["signature"]["public_key"] = KEY.public
    assert verify(json.dumps(file).encode(), KEY.public).state == "altered"
    page = evidence_page(RESULT, OTHER)
    named = page.rsplit("Ed25519 ", 1)
    assert verify(
        f"{named[0]}Ed25519 {named[1].replace(OTHER.public, KEY.public)}".encode(), KEY.public
    ).state == ("altered")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"review,stars\n",
        b"[" * 200_000,
        b'{"document": {}}',
        b"1" * 10_000,
    ],
)
def test_other_files_are_no_evidence(content):
    found = verify(content, KEY.public)
    assert found.state == "not evidence"
    assert found.reason


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.decimals(-100, 100, places=4).map(float)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefg_", max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(VALUES)
def test_the_signed_form_survives_every_way_to_write_the_same_json(value):
    for written in (json.dumps(value), json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True)):
        assert canonical(json.loads(written)) == canonical(value)


def test_the_signed_form_is_the_one_of_rfc_8785():
    value = {"b": [1.0, 4.5, -0.0, 1e-3, True, None], "a": 'é€\u2028"\\/\n\x0f\x7f'}
    assert canonical(value) == '{"a":"é€\u2028\\"\\\\/\\n\\u000f\x7f","b":[1,4.5,0,0.001,true,null]}'.encode()


def test_anybody_can_verify_the_json_with_the_public_key_alone():
    file = json.loads(FILES[1])
    signed = json.dumps(file["document"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    VerifyKey(b64decode(KEY.public)).verify(signed, b64decode(file["signature"]["value"]))


def test_the_same_result_gives_the_same_files():
    assert [evidence_page(RESULT, KEY).encode(), evidence_json(RESULT, KEY).encode()] == FILES


def test_the_document_is_what_its_types_say():
    assert type_errors(document_of(RESULT), Document) == []


def test_the_input_the_versions_and_the_measured_error_are_in_both_files():
    document = document_of(RESULT)
    page = FILES[0].decode()
    (read,) = document["inputs"]
    assert read["sha256"] == hashlib.sha256(b"reviews").hexdigest()
    assert read["sha256"] in page
    assert hashlib.sha256(canonical(document)).hexdigest() in page
    assert document["analysed_at"] == "2025-03-04T05:06:00Z"
    assert "4 March 2025, 05:06 UTC" in page
    assert set(document["software"]) == {"outlast", "outlast-reviews"}
    measured = {check["name"]: check["measured"] for check in document["checks"]}
    assert "planted copies" in measured["near_copies"]
    assert "false alarm" in measured["burst"]
    assert measured["unverified"] == NOT_MEASURED
    assert page.count("planted copies") == 1  # beside its check


def test_no_compliance_is_claimed():
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", " ", FILES[0].decode(), flags=re.DOTALL)
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(shown.split()))
    about = [s for s in sentences if re.search(r"compl(y|ies|iance)|certif", s, re.IGNORECASE)]
    assert about
    assert not [s for s in about if not re.search(r"\b(no|not)\b", s)]


def test_nothing_in_a_page_runs_or_loads():
    hostile = [
        Review(n, text=f"{HOSTILE} {r.text}", reviewer=HOSTILE, rating=5.0) for n, r in enumerate(copies(9))
    ]
    page = evidence_page(result_of(*invented(30), *hostile, product_title=HOSTILE), KEY)
    assert "&lt;script&gt;" in page
    assert not re.search(r"<(script|img|link|iframe|a|form)\b|<[^>]*\s(src|href|on\w+)\s*=|url\(|@import", page)
    assert "default-src 'none'" in page
    assert page.count("<!-- Ed25519") == 1
    assert verify(page.encode(), KEY.public).state == "valid"


def test_a_report_of_an_older_version_is_evidence_of_what_it_recorded():
    old = json.loads(json.dumps(RESULT))
    for name in ("inputs", "software"):
        del old["report"][name]
    for check in old["report"]["checks"]:
        del check["measured"]
    document = document_of(old)
    assert document["inputs"] == []
    assert {check["measured"] for check in document["checks"]} == {NOT_RECORDED}
    assert NOT_RECORDED in evidence_page(old, KEY)


def test_a_report_without_grade_stars_and_dates_is_evidence_too():
    page = evidence_page(result_of(Review(1, text="Good")), KEY)
    assert "No grade" in page
    assert "not enough evidence" in page


def test_what_changed_since_the_earlier_report_is_in_the_page():
    earlier = {
        "since": "2025-02-01T00:00:00Z",
        "grade": "A",
        "share": 1.0,
        "rating": 4.9,
        "adjusted": 4.9,
        "reviews": 12,
        "suspicious": 0,
        "method": "4",
        "vanished": 2,
        "added": 29,
    }
    page = evidence_page({**RESULT, "earlier": earlier}, KEY)
    assert "Compared with the check of 1 February 2025: 29 new, 2 gone" in page
    assert "<td>4.90</td>" in page


def test_files_are_named_and_dated_and_never_replaced(tmp_path):
    make_folder(tmp_path / "evidence")
    first = write_evidence(RESULT, KEY, tmp_path / "evidence", "Café / ../Lamp")
    second = write_evidence(RESULT, KEY, tmp_path / "evidence", "Café / ../Lamp")
    assert [path.name for path in first] == [
        "cafe-lamp-20250304T050600Z.evidence.html",
        "cafe-lamp-20250304T050600Z.evidence.json",
    ]
    assert [path.name for path in second] == [
        "cafe-lamp-20250304T050600Z-2.evidence.html",
        "cafe-lamp-20250304T050600Z-2.evidence.json",
    ]
    assert sorted((tmp_path / "evidence").iterdir()) == sorted([*first, *second])
    assert write_evidence(RESULT, KEY, tmp_path, "電灯")[0].name.startswith("product-")


def test_the_key_is_generated_once_for_its_owner_alone(tmp_path):
    folder = tmp_path / "data"
    assert existing_key(folder, None) is None
    assert not folder.exists()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(installation_key(folder, None).public)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    assert existing_key(folder, None).public == found[0]


@pytest.mark.parametrize("damage", ["", "ab", "x" * 64, "0" * 63, "0" * 65])
def test_a_damaged_key_signs_nothing(tmp_path, damage):
    (tmp_path / KEY_FILE).touch(mode=0o600)
    (tmp_path / KEY_FILE).write_text(damage)
    with pytest.raises(SettingsError, match=f"damaged: it has {len(damage)} characters.*Restore it"):
        installation_key(tmp_path, None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_a_key_that_others_can_reach_signs_nothing(tmp_path, mode):
    installation_key(tmp_path, None)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(SettingsError, match=f"mode is {mode:04o}.*chmod 600"):
        installation_key(tmp_path, None)


def test_a_key_that_cannot_be_stored_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"cannot be (stored|read)"):
        installation_key(tmp_path / "file", None)


def test_several_machines_sign_with_the_key_of_the_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("ANALYSIS_EVIDENCE_KEY", bytes(range(32)).hex())
    setting = review_settings().evidence_key.get_secret_value()
    assert installation_key(tmp_path, setting).public == KEY.public
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("ANALYSIS_EVIDENCE_KEY", "secret")
    with pytest.raises(SettingsError, match="ANALYSIS_EVIDENCE_KEY: it is not 64 hexadecimal digits") as raised:
        review_settings()
    assert "secret" not in str(raised.value)


def test_the_published_schema_describes_the_file():
    schema = json.loads((ROOT / "docs" / "reference" / "evidence.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    file = json.loads(FILES[1])
    assert not list(validator.iter_errors(file))
    file["document"]["checks"][0]["measured"] = None
    del file["document"]["inputs"][0]["sha256"]
    assert {error.json_path for error in validator.iter_errors(file)} == {
        "$.document.checks[0].measured",
        "$.document.inputs[0]",
    }
