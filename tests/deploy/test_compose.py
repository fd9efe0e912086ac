"""compose.yaml and .env.example against the images and the commands."""

import re

import pytest
import yaml

from sentiment.compose import compose
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


@pytest.mark.parametrize("image", IMAGES)
def test_what_is_published_is_what_the_image_exposes(image):
    [(_, _, inner)] = published(services()[image])
    assert inner in value(image, "EXPOSE").split()


@pytest.mark.parametrize("name", services())
def test_no_service_can_write_or_gain_rights(name):
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


def test_monitoring_comes_only_when_asked_for_and_by_a_pinned_tag():
    for name, service in services().items():
        assert service.get("profiles", []) == ([] if name in IMAGES else ["monitoring"])
        if name not in IMAGES:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])


@pytest.mark.parametrize("image", IMAGES)
def test_the_command_is_a_call_that_the_image_takes(image):
    service = services()[image]
    assert service["build"]["dockerfile"] == f"Dockerfile.{image}"
    assert called(image, [*entrypoint(image)[4:], *service["command"]]).host == "0.0.0.0"


def test_the_page_reads_the_key_file_that_the_server_writes():
    mounts = {image: [mount.split(":") for mount in services()[image]["volumes"]] for image in IMAGES}
    [(volume, target, mode)] = mounts["ui"]
    assert [volume, target] in mounts["serve"]
    assert mode == "ro"
    written = f"{value('serve', 'WORKDIR')}/{compose('serve').folder}/key_file.json"
    assert written == f"{value('ui', 'WORKDIR')}/{compose('ui').engine.key_file}"
    assert written.startswith(f"{target}/")


def test_models_are_mounted_where_the_server_looks():
    [mount] = [mount for mount in services()["serve"]["volumes"] if mount.startswith("./")]
    assert mount == f"./model_store:{value('serve', 'WORKDIR')}/{compose('serve').store}:ro"


def test_monitoring_finds_its_files_and_the_server():
    mounts = [mount.split(":") for service in services().values() for mount in service["volumes"]]
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
    from sentiment.serving.server import STOP_SECONDS

    assert float(services()["serve"]["stop_grace_period"].rstrip("s")) > compose("serve").drain_seconds + STOP_SECONDS


def test_the_example_environment_names_every_variable_and_its_default():
    shown = dict(ENV.findall((ROOT / ".env.example").read_text()))
    given = variables(ROOT / "compose.yaml") | variables(ROOT / "deploy" / "build.sh") - {"MAR", "ENGINE"}
    assert given == set(shown) - {"JAVA_HOME", "HF_HOME", "HF_HUB_OFFLINE"}
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "compose.yaml").read_text()):
        assert shown[name] == default, name
