"""The alert rules and the dashboard for Grafana use metrics and labels that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, ProcessCollector

from outlast.cli.main import outlast
from outlast.core.metric_definitions import METRICS, MetricKind

LABELS = {metric.name: {*metric.labels} for metric in METRICS}
SUFFIXES = {MetricKind.HISTOGRAM: ("_bucket", "_count", "_sum")}
OF_SCRAPES = {"instance", "job", "le", "pod", "endpoint", "service", "namespace", "container"}
"""Labels that Prometheus and its operator add, and the one of buckets."""


def printed(what: str) -> str:
    answer = CliRunner().invoke(outlast, ["generate", what])
    assert answer.exit_code == 0, answer.output
    return answer.output


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(printed("alerts"))["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    board = json.loads(printed("grafana"))
    yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])
    yield from (v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query")


def exposed() -> set[str]:
    """Every name that a sample may have."""
    ours = {m.name + suffix for m in METRICS for suffix in SUFFIXES.get(m.kind, ("",))}
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return ours | {sample.name for family in registry.collect() for sample in family.samples}


def test_every_metric_that_they_use_exists():
    used = {name for text in expressions() for name in re.findall(r"\b(?:analysis|process)_[a-z_]+", text)}
    assert used <= exposed()
    unused = {m.name for m in METRICS} - {name.removesuffix("_bucket") for name in used}
    assert not unused


def test_every_label_that_they_use_exists():
    known = OF_SCRAPES.union(*LABELS.values())
    for text in expressions():
        selected = re.findall(r"([a-z_]+) *(?:=~|!=|=)\"", text.replace("==", ""))
        grouped = [
            label
            for group in re.findall(r"(?:by|on|without) \(([a-z_, ]+)\)", text)
            for label in group.split(", ")
        ]
        assert {*selected, *grouped} <= known, text
        for name, selectors in re.findall(r"\b(analysis_[a-z_]+)\{([^}]*)\}", text):
            metric = name.removesuffix("_bucket")
            assert set(re.findall(r"([a-z_]+) *(?:=~|!=|=)", selectors)) <= LABELS[metric], text


def test_each_alert_says_what_is_wrong_and_what_to_do():
    for rule in rules():
        assert re.fullmatch(r"Outlast[A-Z][A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].strip().endswith(".")
        assert rule["annotations"]["description"].strip()


def test_the_monitoring_page_explains_each_alert():
    page = (Path(__file__).parents[2] / "docs" / "run" / "monitor.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in page] == []


def test_the_panels_do_not_overlap():
    cells: set[tuple[int, int]] = set()
    for panel in json.loads(printed("grafana"))["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_accepts_the_rules(tmp_path: Path):
    (tmp_path / "alerts.yaml").write_text(printed("alerts"))
    done = subprocess.run(
        ["promtool", "check", "rules", "alerts.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
