"""compose.yaml and .env.example against the images and the commands."""

import re
import subprocess
from dataclasses import fields

import pytest
import yaml
from omegaconf import OmegaConf

from sentiment.config.compose import compose
from sentiment.serving.exposure import check_exposure
from sentiment.serving.settings import Settings
from tests.conftest import ROOT
from tests.deploy.files import IMAGES, called, entrypoint, services, value, variables

ENV = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text())


def published(service):
    """host address, host port, container port of each published port."""
    return [port.split(":") for port in service.get("ports", [])]


def test_ports_are_published_on_this_machine_alone_and_the_management_api_never():
    management = str(compose("serve").management_port)
    for service in services().values():
        for host, outer, inner in published(service):
            assert host == "127.0.0.1"
            assert management not in (outer, inner)
        assert "expose" not in service
        assert "network_mode" not in service


def test_what_is_published_is_the_page_and_the_proxy_of_the_server():
    [(_, _, page)] = published(services()["ui"])
    assert page in value("ui", "EXPOSE").split()
    assert published(services()["serve"]) == []
    [(_, _, proxy)] = published(services()["proxy"])
    given = services()["proxy"]["environment"]
    assert proxy == given["PROXY_PORT"]
    assert given["PROXY_UPSTREAM"] == f"serve:{compose('serve').inference_port}"


@pytest.mark.parametrize("name", services())
def test_no_service_can_write_or_gain_rights(name):
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


def test_monitoring_comes_only_when_asked_for_and_by_a_pinned_tag():
    for name, service in services().items():
        assert service.get("profiles", []) == ([] if name in (*IMAGES, "proxy") else ["monitoring"])
        if name not in IMAGES:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])


@pytest.mark.parametrize("image", IMAGES)
def test_the_command_is_a_call_that_the_image_takes(image):
    service = services()[image]
    assert service["build"]["dockerfile"] == f"Dockerfile.{image}"
    assert called(image, [*entrypoint(image)[4:], *service["command"]]).host == "0.0.0.0"


def test_the_proxy_asks_for_keys_and_the_server_behind_it_for_none():
    cfg = called("serve", [*entrypoint("serve")[4:], *services()["serve"]["command"]])
    assert cfg.token_auth is False
    assert compose("ui", services()["ui"]["command"]).engine.key_file is None
    mounts = [mount.split(":") for mount in services()["proxy"]["volumes"]]
    assert [(ROOT / source).exists() for source, *_ in mounts if "secrets" not in source] == [True]
    assert {mode for _, _, mode in mounts} == {"ro"}
    given, [secrets] = (
        services()["proxy"]["environment"],
        [target for source, target, _ in mounts if "secrets" in source],
    )
    assert {given["PROXY_TLS"], given["PROXY_KEYS"]} == {f"{secrets}/tls", f"{secrets}/keys"}


def test_the_proxy_waits_longer_than_the_server_works():
    from inspect import signature

    from sentiment.serving.archive import package

    answer = float(services()["proxy"]["environment"]["PROXY_ANSWER_TIMEOUT"].rstrip("s"))
    assert answer > signature(package).parameters["response_timeout"].default


def test_one_address_cannot_fill_the_proxy_with_bodies():
    proxy = services()["proxy"]
    template = (ROOT / "deploy" / "proxy" / "sentiment.conf.template").read_text()
    body = int(re.search(r"client_max_body_size (\d+);", template)[1])
    connections = int(proxy["environment"]["PROXY_CONNECTIONS"])
    room = int(re.search(r"/tmp:size=(\d+)m", proxy["tmpfs"][0])[1])
    assert connections * body < room << 20
    assert int(proxy["mem_limit"].removesuffix("m")) >= room + 128  # a file in a tmpfs is memory of its container
    pod = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    [bodies] = [volume for volume in pod["volumes"] if volume["name"] == "bodies"]
    assert bodies["emptyDir"]["sizeLimit"] == f"{room}Mi"


def test_grafana_has_no_default_password(tmp_path):
    [shell, flag, script] = services()["grafana"]["entrypoint"]
    script = script.replace("$$", "$").replace("exec /run.sh", "echo started")
    for password, said in (("", "set GRAFANA_PASSWORD in .env"), ("s3cret", "started")):
        environment = {"GF_SECURITY_ADMIN_PASSWORD": password}
        done = subprocess.run([shell, flag, script], env=environment, capture_output=True, text=True)
        assert said in done.stdout
        assert done.returncode == (0 if password else 1)


def test_models_are_mounted_where_the_server_looks():
    [mount] = [mount for mount in services()["serve"]["volumes"] if mount.startswith("./")]
    assert mount == f"./model_store:{value('serve', 'WORKDIR')}/{compose('serve').model_store}:ro"


def test_monitoring_finds_its_files_and_the_server():
    watching = [service for service in services().values() if "monitoring" in service.get("profiles", [])]
    mounts = [mount.split(":") for service in watching for mount in service["volumes"]]
    local = {source: target for source, target, *_ in mounts if source.startswith("./")}
    assert all((ROOT / source).is_dir() for source in local)
    [scraped] = read_yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": [f"serve:{compose('serve').metrics_port}"]}]
    [provider] = read_yaml("deploy/grafana/provisioning/dashboards/sentiment.yaml")["providers"]
    assert provider["options"]["path"] == local["./deploy/grafana/dashboards"]
    [source] = read_yaml("deploy/grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    [(_, _, port)] = published(services()["prometheus"])
    assert source["url"] == f"http://prometheus:{port}"


def test_the_page_asks_the_server_by_its_name_in_the_network():
    cfg = compose("ui", services()["ui"]["command"])
    assert cfg.engine.url == f"http://serve:{compose('serve').inference_port}"
    assert cfg.management_url is None
    assert cfg.feedback is None
    assert services()["ui"]["depends_on"] == {"serve": {"condition": "service_healthy"}}


def test_the_server_has_time_to_stop():
    from sentiment.serving.processes import STOP_SECONDS

    assert float(services()["serve"]["stop_grace_period"].rstrip("s")) > compose("serve").drain_seconds + STOP_SECONDS


def test_the_example_environment_names_every_variable_and_its_default():
    shown = dict(ENV.findall((ROOT / ".env.example").read_text()))
    given = variables(ROOT / "compose.yaml") | variables(ROOT / "deploy" / "build.sh") - {"MAR", "ENGINE"}
    assert given == set(shown) - {"JAVA_HOME", "HF_HOME", "HF_HUB_OFFLINE"}
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "compose.yaml").read_text()):
        assert shown[name] == default, name


@pytest.mark.parametrize("where", ["image", "compose", "kubernetes", "kserve"])
def test_what_is_shipped_starts_and_lets_no_stranger_in_unsaid(where):
    """Settings that let strangers in say so with insecure=true, and that word is nowhere without need."""
    folder = ROOT / "deploy" / "kubernetes"
    pod = read_yaml("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    kserve = read_yaml(folder / "inferenceservice.yaml")["spec"]["predictor"]
    words = {"image": entrypoint("serve")[4:], "compose": [*entrypoint("serve")[4:], *services()["serve"]["command"]]}
    for name, spec in (("kubernetes", pod), ("kserve", kserve)):
        [one] = [one for one in spec["containers"] if one.get("args")]
        words[name] = [*one.get("command", entrypoint("serve"))[4:], *one["args"]]
    call = OmegaConf.to_container(called("serve", words[where]), resolve=True)
    given = {field.name: call[field.name] for field in fields(Settings) if field.name not in ("tls", "env_file")}
    check_exposure(Settings(**given))
