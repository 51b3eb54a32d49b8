"""The ready files are what they say."""

import re
from ipaddress import ip_address, ip_network

import pytest
import yaml
from click.testing import CliRunner

from outlast.cli.main import outlast
from outlast.settings import load_settings, setting_names


@pytest.fixture(scope="module")
def text():
    answer = CliRunner().invoke(outlast, ["generate", "compose"])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_the_compose_file_has_the_topology_that_it_promises(text):
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"postgres", "redis", "migrate", "api", "worker", "nginx"}
    assert services["api"]["deploy"]["replicas"] == 2
    assert services["worker"]["deploy"]["replicas"] == 3
    assert services["api"]["environment"] == services["worker"]["environment"]
    assert all("healthcheck" in services[name] for name in ("postgres", "redis", "api"))


def test_the_compose_file_sets_only_settings_that_exist_and_secrets_come_from_outside(text):
    environment = yaml.safe_load(text)["services"]["api"]["environment"]
    assert set(environment) <= set(setting_names())
    assert environment["APP_KEY"].startswith("${APP_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in environment["DATABASE_URL"]


def test_the_commands_of_the_compose_file_exist(text):
    for name in ("migrate", "api", "worker"):
        words = [w for w in yaml.safe_load(text)["services"][name]["command"] if not re.match(r"[-\d]", w)]
        answer = CliRunner().invoke(outlast, [*[w for w in words if w.isalpha()], "--help"])
        assert answer.exit_code == 0, answer.output


def test_uploads_pass_the_proxy_and_events_are_not_held_back(text):
    nginx = yaml.safe_load(text)["configs"]["nginx"]["content"]
    assert (
        int(re.search(r"client_max_body_size (\d+)m", nginx)[1])
        > setting_names()["ANALYSIS_MAX_UPLOAD_MB"].default
    )
    assert "proxy_buffering off" in nginx
    assert int(re.search(r"proxy_read_timeout (\d+)s", nginx)[1]) > 30


def test_of_what_stands_before_the_api_nginx_alone_is_trusted(text, monkeypatch):
    compose = yaml.safe_load(text)
    services, edge = compose["services"], compose["networks"]["edge"]["ipam"]["config"][0]
    given = services["api"]["environment"]["ANALYSIS_TRUSTED_PROXIES"]
    monkeypatch.setenv("ANALYSIS_TRUSTED_PROXIES", given.replace("${ANALYSIS_TRUSTED_PROXIES:-}", ""))
    trusted = load_settings().trusted_proxies
    nginx = services["nginx"]["networks"]["edge"]["ipv4_address"]
    assert trusted == (nginx,)
    assert ip_address(nginx) in ip_network(edge["subnet"])
    assert ip_address(nginx) not in ip_network(edge["ip_range"])  # which is what the others get
    assert "edge" in services["api"]["networks"]
    assert [name for name, service in services.items() if "edge" in service.get("networks", ())] == [
        "api",
        "nginx",
    ]
    headers = re.findall(r"proxy_set_header (X-Forwarded-\S+) (\S+);", compose["configs"]["nginx"]["content"])
    assert dict(headers) == {"X-Forwarded-For": "$$proxy_add_x_forwarded_for", "X-Forwarded-Proto": "$$scheme"}
