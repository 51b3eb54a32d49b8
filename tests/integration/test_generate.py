"""The ready files are what they say, for the installation in which they are generated."""

import json
import re
import stat
import sys
from importlib.resources import files
from ipaddress import ip_address, ip_network
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import UnhosedConfigParser

from outlast.cli.main import outlast
from outlast.settings import load_settings, setting_names

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "tests" / "schemas"
ON_A_MACHINE = ("systemd", "supervisor", "cron")
KINDS = (*ON_A_MACHINE, "nginx", "caddy", "compose", "kubernetes")
KEY = "k3y" * 12
SECRETS = {
    "APP_KEY": KEY,
    "ANALYSIS_DASHBOARD_KEY": "dash" * 8 + "19xq",
    "DATABASE_URL": "postgresql://outlast:pa55word@db.example.org/outlast",
    "ANALYSIS_LLM_API_KEY": "sk-secret",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of a program, without the settings of whoever runs the tests."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "slowsite.py").write_text((ROOT / "examples" / "slowsite.py").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generated(kind, *options, code=0):
    answer = CliRunner().invoke(outlast, ["generate", kind, *options])
    assert answer.exit_code == code, answer.output
    return answer.stdout if code == 0 else str(answer.exception or answer.output)


def refused(kind, *options):
    answer = CliRunner().invoke(outlast, ["generate", kind, *options], standalone_mode=False)
    assert answer.exception is not None, answer.output
    return getattr(answer.exception, "message", "")


@pytest.mark.parametrize("kind", ON_A_MACHINE)
def test_a_file_names_this_folder_this_interpreter_the_program_and_the_settings(kind, folder, monkeypatch):
    monkeypatch.setenv("ANALYSIS_POLLING_INTERVAL", "3456")
    monkeypatch.setenv("ANALYSIS_LLM_MODEL", "qwen3:8b")  # of an installed product
    monkeypatch.setenv("ANALYSIS_DATA_DIR", "data")
    text = generated(kind, "--app", "slowsite:outlast", "--user", "ada")
    assert str(folder) in text
    assert f"{sys.executable} -m outlast" in text
    assert "--app slowsite:outlast" in text
    assert re.search(r'ANALYSIS_POLLING_INTERVAL="?=?"?3456', text)
    assert "qwen3:8b" in text
    assert f"{folder}/data" in text
    assert "ada" in text


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_never_printed(kind, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    printed = generated(kind)
    assert not [secret for secret in (*SECRETS.values(), "pa55word") if secret in printed]


@pytest.mark.parametrize("kind", [*ON_A_MACHINE, "compose", "kubernetes"])
def test_output_writes_secrets_to_a_private_file_and_overwrites_nothing(kind, folder, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    target = folder / "there" / kind
    generated(kind, "--output", str(target), "--user", "root")
    written = {path: path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".py"}
    private = [path for path, text in written.items() if KEY in text]
    assert len(private) == 1
    assert stat.S_IMODE(private[0].stat().st_mode) == 0o600
    assert all(name in written[private[0]] for name in SECRETS)
    assert not [path for path, text in written.items() if path not in private and "pa55word" in text]
    monkeypatch.setenv("ANALYSIS_QUEUE_TIMEOUT", "4321")
    assert "--force" in refused(kind, "--output", str(target), "--user", "root")
    assert {path: path.read_text() for path in written} == written
    generated(kind, "--output", str(target), "--user", "root", "--force")
    assert any("4321" in path.read_text() for path in written if path not in private)


def test_what_the_folder_sets_by_itself_is_not_repeated_on_a_machine(folder):
    (folder / ".env").write_text(f"APP_KEY={KEY}\nANALYSIS_QUEUE_TIMEOUT=4321\n")
    text = generated("systemd", "--output", str(folder / "units"))
    assert text == ""
    assert not (folder / "outlast.env").exists()
    assert "4321" not in "".join(path.read_text() for path in (folder / "units").iterdir())
    assert 'ANALYSIS_QUEUE_TIMEOUT: "4321"' in generated("compose")  # where nothing reads the folder


def test_systemd_has_units_of_their_own_for_web_and_workers(folder, monkeypatch):
    monkeypatch.setenv("ANALYSIS_SHUTDOWN_GRACE", "60")
    monkeypatch.setenv("ANALYSIS_DATA_DIR", "/var/lib/outlast")
    generated("systemd", "--output", str(folder), "--queue", "slow", "--concurrency", "7", "--workers", "5")
    web, workers = ((folder / name).read_text() for name in ("outlast-web@.service", "outlast-workers.service"))
    assert "serve --host 127.0.0.1 --port %i --workers 0\n" in web
    assert "workers start --workers 5 --queue slow --concurrency 7\n" in workers
    for unit in (web, workers):
        for line in (
            "Type=notify",
            "WatchdogSec=60",
            "RestartSec=2",
            "LimitNOFILE=65536",
            "StateDirectory=outlast",
        ):
            assert f"\n{line}\n" in unit
    assert int(re.search(r"TimeoutStopSec=(\d+)", workers)[1]) > 60
    assert "ANALYSIS_DRAIN_DELAY=2\n" in web
    monkeypatch.setenv("ANALYSIS_ASYNC_ENABLED", "false")
    assert "outlast-workers.service" not in generated("systemd")
    assert "outlast-workers" not in generated("supervisor")


def test_words_that_a_format_reads_otherwise_are_quoted(folder, monkeypatch):
    monkeypatch.setenv("ANALYSIS_JUDGEME_SHOP", 'a "b" 50% $c')
    assert 'Environment="ANALYSIS_JUDGEME_SHOP=a \\"b\\" 50%% $c"' in generated("systemd")
    assert yaml.safe_load(generated("compose"))["services"]["api"]["environment"]["ANALYSIS_JUDGEME_SHOP"] == (
        'a "b" 50% $$c'
    )
    assert "cron cannot set" in refused("cron")


@pytest.mark.parametrize("around", ["{}", "{}x", "x{}", "x{}y", "x {} y"])
@pytest.mark.parametrize(
    "sign", ['"', "'", "\"'", "\\", "%", "%(a)s", "$x", ";", "#", ",", "=", "\n", "\t", " ", "é"]
)
def test_supervisor_reads_a_setting_as_it_is_or_the_command_refuses_it(monkeypatch, sign, around):
    value = around.format(sign)
    monkeypatch.setenv("ANALYSIS_JUDGEME_SHOP", value)
    monkeypatch.setenv("ANALYSIS_RELEASE", "1")
    answer = CliRunner().invoke(outlast, ["generate", "supervisor"], standalone_mode=False)
    if answer.exception is not None:
        assert "supervisor cannot set" in getattr(answer.exception, "message", "")
        assert set(value) & set("\"';#\n")
        return
    parser = UnhosedConfigParser()
    parser.read_string(answer.stdout)
    for program in ("program:outlast-web", "program:outlast-workers"):
        read = dict_of_key_value_pairs(parser.get(program, "environment") % {})
        assert (read["ANALYSIS_JUDGEME_SHOP"], read["ANALYSIS_RELEASE"]) == (value, "1")


def test_supervisor_cannot_have_a_folder_whose_name_reads_as_a_comment(tmp_path, monkeypatch):
    (tmp_path / "no #1").mkdir()
    monkeypatch.chdir(tmp_path / "no #1")
    assert "begins a comment" in refused("supervisor")
    (tmp_path / "no#1; or 'one'").mkdir()
    monkeypatch.chdir(tmp_path / "no#1; or 'one'")
    assert f"directory={tmp_path}/no#1; or 'one'\n" in generated("supervisor")


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_in_a_file_exists_with_its_options(kind):
    found = 0
    for line in generated(kind, "--app", "slowsite:outlast", "--queue", "a").splitlines():
        commands = re.findall(r"-m outlast ((?:[\w%/.:()+-]+ ?)+)", line) if "#" not in line[:1] else []
        if listed := re.search(r'command: (\[.*"(?:serve|start|migrate)".*\])', line):
            commands.append(" ".join(word for word in json.loads(listed[1]) if word != "outlast"))
        for command in commands:
            _parse(command.replace("%i", "1").replace("%(process_num)d", "1").split())
            found += 1
    assert found == {"nginx": 0, "caddy": 0, "compose": 3}.get(kind, 2)


def _parse(words):
    command, context = outlast, None
    while hasattr(command, "commands") or command is outlast:
        context = outlast.make_context("outlast", [words[0], "--help"], resilient_parsing=True)
        command = command.get_command(context, words.pop(0))
        assert command is not None
    command.make_context(command.name, words)


def test_a_proxy_passes_uploads_events_and_both_web_processes(monkeypatch):
    monkeypatch.setenv("ANALYSIS_PUBLIC_URL", "https://slow.example.org")
    monkeypatch.setenv("ANALYSIS_MAX_UPLOAD_MB", "200")
    nginx = generated("nginx", "--port", "9000", "--web", "3")
    assert [int(port) for port in re.findall(r"server 127.0.0.1:(\d+)", nginx)] == [9000, 9001, 9002]
    assert int(re.search(r"client_max_body_size (\d+)m", nginx)[1]) * 2**20 > 200e6
    assert "proxy_buffering off;" in nginx
    assert "/etc/letsencrypt/live/slow.example.org/fullchain.pem" in nginx
    caddy = generated("caddy", "--port", "9000")
    assert "slow.example.org {" in caddy
    assert "reverse_proxy 127.0.0.1:9000 127.0.0.1:9001 {" in caddy
    monkeypatch.delenv("ANALYSIS_PUBLIC_URL")
    assert "ssl" not in generated("nginx")
    assert "\n:80 {" in generated("caddy")


@pytest.mark.parametrize("kind", ["nginx", "caddy", "kubernetes"])
def test_a_site_that_would_refuse_everybody_is_said(kind, monkeypatch):
    assert "ANALYSIS_PUBLIC_URL is not set" in CliRunner().invoke(outlast, ["generate", kind]).stderr
    monkeypatch.setenv("ANALYSIS_PUBLIC_URL", "https://slow.example.org")
    assert "ANALYSIS_PUBLIC_URL" not in CliRunner().invoke(outlast, ["generate", kind]).stderr


@pytest.fixture
def compose():
    return yaml.safe_load(generated("compose"))


def test_the_compose_file_has_the_topology_that_it_promises(compose):
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "api", "worker", "nginx"}
    assert services["api"]["deploy"]["replicas"] == 2
    assert services["worker"]["deploy"]["replicas"] == 3
    assert services["api"]["environment"] == services["worker"]["environment"]
    assert all("healthcheck" in services[name] for name in ("postgres", "redis", "api"))


def test_the_compose_file_sets_only_settings_that_exist_and_secrets_come_from_outside(compose):
    environment = compose["services"]["api"]["environment"]
    assert set(environment) <= set(setting_names())
    assert environment["APP_KEY"].startswith("${APP_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in environment["DATABASE_URL"]


def test_the_compose_file_leaves_the_settings_of_the_folder_alone(folder):
    (folder / ".env").write_text("ANALYSIS_QUEUE_TIMEOUT=4321\n")
    answer = CliRunner().invoke(outlast, ["generate", "compose", "--output", "compose.yaml", "--force"])
    assert "has no APP_KEY, POSTGRES_PASSWORD, ANALYSIS_PUBLIC_URL" in answer.stderr
    assert (folder / ".env").read_text() == "ANALYSIS_QUEUE_TIMEOUT=4321\n"


@pytest.mark.parametrize("external", [False, True])
def test_the_compose_file_follows_its_published_schema(external, monkeypatch):
    if external:
        monkeypatch.setenv("DATABASE_URL", SECRETS["DATABASE_URL"])
        monkeypatch.setenv("APP_KEY", KEY)
        monkeypatch.setenv("REDIS_URL", "redis://redis.example.org")
    schema = json.loads(
        (files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
    )
    compose = yaml.safe_load(generated("compose", "--app", "slowsite:outlast"))
    del compose["networks"][
        "default"
    ]  # null: the default network as it is, which the schema of this version lacks
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(compose)
    assert not validator.is_valid(compose | {"services": {"api": {"comand": []}}})
    assert ("postgres" in compose["services"]) is not external


def test_the_compose_file_installs_what_exists(folder):
    build = yaml.safe_load(generated("compose"))["services"]["api"]["build"]
    assert build["context"] == str(ROOT)  # the clone from which these tests run
    copied = [line for line in build["dockerfile_inline"].splitlines() if line.startswith("COPY ")]
    assert all((ROOT / name).exists() for line in copied for name in line.split()[1:-1])
    assert "'/outlast[postgres,redis]' /outlast/reviews" in build["dockerfile_inline"]
    wheels = [
        folder / name for name in ("outlast-0.1.0-py3-none-any.whl", "outlast_reviews-0.1.0-py3-none-any.whl")
    ]
    for wheel in wheels:
        wheel.touch()
    named = [word for wheel in wheels for word in ("--package", wheel.name)]
    build = yaml.safe_load(generated("compose", *named))["services"]["api"]["build"]
    assert build["context"] == str(folder)
    installs = (
        f"RUN pip install --no-cache-dir '/wheels/{wheels[0].name}[postgres,redis]' /wheels/{wheels[1].name}"
    )
    assert installs in build["dockerfile_inline"]
    build = yaml.safe_load(generated("compose", "--package", "outlast>=0.2"))["services"]["api"]["build"]
    assert "'outlast[postgres,redis]>=0.2'" in build["dockerfile_inline"]
    assert "not a clone" in refused("compose", "--package", str(folder))


def test_uploads_pass_the_compose_files_proxy_and_events_are_not_held_back(compose):
    nginx = compose["configs"]["nginx"]["content"]
    limit = int(re.search(r"client_max_body_size (\d+)m", nginx)[1])
    assert limit > setting_names()["ANALYSIS_MAX_UPLOAD_MB"].default
    assert "proxy_buffering off" in nginx
    assert int(re.search(r"proxy_read_timeout (\d+)s", nginx)[1]) > 30


def test_of_what_stands_before_the_api_nginx_alone_is_trusted(compose, monkeypatch):
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


def test_the_manifests_follow_the_schema_of_kubernetes(monkeypatch):
    monkeypatch.setenv("ANALYSIS_PUBLIC_URL", "https://slow.example.org")
    schema = json.loads((SCHEMAS / "kubernetes.json").read_text())
    manifests = list(yaml.safe_load_all(generated("kubernetes", "--app", "slowsite:outlast")))
    assert [m["kind"] for m in manifests] == [
        "ConfigMap",
        "Deployment",
        "Deployment",
        "PodDisruptionBudget",
        "Service",
        "Ingress",
    ]
    for manifest in manifests:
        kind = {"$ref": f"#/$defs/{schema['kinds'][manifest['kind']]}", "$defs": schema["$defs"]}
        validator = jsonschema.Draft202012Validator(kind)
        validator.validate(manifest)
        assert not validator.is_valid(manifest | {"spek": {}})
    config, web, workers = manifests[0]["data"], manifests[1], manifests[2]
    assert set(config) <= set(setting_names())
    (container,) = web["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    noticed = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
    assert float(config["ANALYSIS_DRAIN_DELAY"]) > noticed
    assert web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > float(config["ANALYSIS_DRAIN_DELAY"])
    grace = workers["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > load_settings().shutdown_grace
