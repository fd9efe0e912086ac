"""The manifests against Kubernetes' own schemas, the image, the commands and each other."""

import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from sentiment.config.compose import compose
from sentiment.serving.processes import STOP_SECONDS
from tests.conftest import ROOT
from tests.deploy.files import called, entrypoint, services, value

FOLDER = ROOT / "deploy" / "kubernetes"
KINDS = {"deployment", "service", "networkpolicy", "pdb", "hpa", "models"}
PROXY = ROOT / "deploy" / "proxy"
KSERVE = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "labels", "annotations"}


def manifest(name: str) -> dict:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


def pod() -> dict:
    return manifest("deployment")["spec"]["template"]["spec"]


def container() -> dict:
    [one] = pod()["containers"]
    return one


def sidecar() -> dict:
    [one] = pod()["initContainers"]
    return one


def predictor() -> dict:
    return manifest("inferenceservice")["spec"]["predictor"]


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("name", sorted(KINDS | {"kserve-networkpolicy"}))
def test_each_manifest_is_valid(name, version):
    kubernetes_validate.validate(manifest(name), version, strict=True)


def test_a_misspelt_field_is_not():
    broken = manifest("deployment")
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_the_kustomization_holds_every_file_of_the_deployment():
    assert set(manifest("kustomization")["resources"]) == {"../proxy", *(f"{name}.yaml" for name in KINDS)}
    others = {"kustomization", "prometheus-adapter", "inferenceservice", "kserve-networkpolicy"}
    assert {path.stem for path in FOLDER.iterdir()} == KINDS | others
    tags = {image["name"]: image["newTag"] for image in manifest("kustomization")["images"]}
    assert set(tags) == {container()["image"], sidecar()["image"]}
    assert services()["proxy"]["image"] == f"{sidecar()['image']}:{tags[sidecar()['image']]}"


def test_the_proxy_is_filled_in_as_in_compose():
    settings, template = yaml.safe_load((PROXY / "kustomization.yaml").read_text())["configMapGenerator"][::-1]
    given = dict(line.split("=", 1) for line in settings["literals"])
    beside = {"PROXY_UPSTREAM": f"127.0.0.1:{compose('serve').inference_port}"}
    assert given == {name: str(value) for name, value in services()["proxy"]["environment"].items()} | beside
    assert set(re.findall(r"\$\{(PROXY_\w+)\}", (PROXY / "sentiment.conf.template").read_text())) == set(given) - {
        "NGINX_ENVSUBST_FILTER"
    }
    assert [(PROXY / file.partition("=")[2]).is_file() for file in template["files"]] == [True]
    names = {volume["name"]: volume.get("configMap", {}).get("name") for volume in pod()["volumes"]}
    assert names["proxy"] == template["name"]
    assert sidecar()["envFrom"] == [{"configMapRef": {"name": settings["name"]}}]


def test_the_proxy_reads_certificate_and_keys_where_they_are_mounted():
    mounts = {mount["mountPath"]: mount["name"] for mount in sidecar()["volumeMounts"]}
    given = services()["proxy"]["environment"]
    assert mounts[given["PROXY_TLS"]] == "tls"
    assert mounts[given["PROXY_KEYS"]] == "keys"
    assert sidecar()["restartPolicy"] == "Always"
    assert sidecar()["securityContext"] == container()["securityContext"]
    assert [str(port["containerPort"]) for port in sidecar()["ports"]] == [given["PROXY_PORT"]]


def test_the_inference_service_is_a_pod_with_the_fields_of_kserve():
    """Its schema adds KSERVE, each an integer, a string or a map of strings, to that of a pod."""
    spec = {key: part for key, part in predictor().items() if key not in KSERVE}
    metadata = manifest("inferenceservice")["metadata"]
    as_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    kubernetes_validate.validate(as_pod, "1.37", strict=True)
    assert manifest("inferenceservice")["apiVersion"] == "serving.kserve.io/v1beta1"
    assert predictor()["scaleMetric"] in ("cpu", "memory")  # what a HorizontalPodAutoscaler of KServe takes
    assert 0 < predictor()["minReplicas"] <= predictor()["maxReplicas"]


def test_kserve_runs_the_pod_of_the_deployment_without_its_proxy():
    spec = {key: part for key, part in predictor().items() if key not in KSERVE}
    [ours] = spec["containers"]
    assert ours["ports"].pop(0)["containerPort"] == compose("serve").inference_port  # KServe's own ingress asks it
    assert ours.pop("name") == "kserve-container"  # the name KServe looks for
    assert ours.pop("image").partition(":")[0] == container()["image"]
    for port in ours["ports"]:
        assert port.pop("protocol") == "TCP"
    same = {key: part for key, part in container().items() if key not in ("name", "image", "command")}
    assert same["args"] == [word for word in ours["args"] if word != "insecure=true"]  # a policy keeps strangers out
    ours["args"] = same["args"]
    volumes = [volume for volume in pod()["volumes"] if volume["name"] in {one["name"] for one in ours["volumeMounts"]}]
    assert spec == {key: part for key, part in pod().items() if key != "initContainers"} | {
        "containers": [same],
        "volumes": volumes,
    }
    policy = manifest("kserve-networkpolicy")["spec"]
    assert policy["podSelector"]["matchLabels"] == predictor()["labels"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert predictor()["annotations"] == manifest("deployment")["spec"]["template"]["metadata"]["annotations"]


def test_the_arguments_are_a_call_that_the_image_takes():
    assert container()["image"] == "bert-sentiment-serve"
    own = [word for word in entrypoint("serve") if not word.startswith("host=")]
    assert container()["command"] == own
    cfg = called("serve", [*own[4:], *container()["args"]])
    assert cfg.host == cfg.management_host == "127.0.0.1"  # the proxy beside it alone can ask
    assert cfg.token_auth is False  # each pod would have its own
    [ours] = predictor()["containers"]
    assert called("serve", [*entrypoint("serve")[4:], *ours["args"]]).management_host == "127.0.0.1"


def test_the_pod_opens_the_ports_of_the_image():
    ports = {port["name"]: str(port["containerPort"]) for port in container()["ports"]}
    assert list(ports.values()) == value("serve", "EXPOSE").split()[1:]  # the first stays on the pod's loopback
    [service] = manifest("service")["spec"]["ports"]
    assert service["targetPort"] == sidecar()["ports"][0]["name"] == "https"
    admitted = [port["port"] for rule in manifest("networkpolicy")["spec"]["ingress"] for port in rule["ports"]]
    assert admitted == ["https", "metrics"]
    scraped = manifest("deployment")["spec"]["template"]["metadata"]["annotations"]
    assert scraped["prometheus.io/port"] == ports["metrics"] == str(compose("serve").metrics_port)


def test_the_pod_runs_as_the_images_user_without_rights():
    uid, _, gid = value("serve", "USER").partition(":")
    security = pod()["securityContext"]
    assert security["runAsNonRoot"] is True
    assert [security["runAsUser"], security["runAsGroup"], security["fsGroup"]] == [int(uid), int(gid), int(gid)]
    own = container()["securityContext"]
    assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_the_volumes_lie_where_the_image_reads_and_writes():
    folder, cfg = value("serve", "WORKDIR"), compose("serve")
    mounts = {mount["mountPath"]: mount for mount in container()["volumeMounts"]}
    assert set(mounts) == {f"{folder}/{cfg.model_store}", f"{folder}/{cfg.paths.output_dir}", "/tmp"}
    assert mounts[f"{folder}/{cfg.model_store}"]["readOnly"] is True
    used = [mount["name"] for one in (container(), sidecar()) for mount in one["volumeMounts"]]
    assert [volume["name"] for volume in pod()["volumes"]] == used
    assert pod()["volumes"][0]["persistentVolumeClaim"]["claimName"] == manifest("models")["metadata"]["name"]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_ready_means_what_the_images_health_check_means(probe):
    command = json.loads(value("serve", "HEALTHCHECK").partition("CMD ")[2])
    assert container()[probe]["exec"]["command"] == command
    assert container()[probe]["timeoutSeconds"] > compose("ready").engine.timeout


def test_the_probes_leave_time_to_start_and_the_pod_to_stop():
    probe = container()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > compose("serve").startup_timeout
    [_, pause] = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert pod()["terminationGracePeriodSeconds"] > float(pause) + compose("serve").drain_seconds + STOP_SECONDS


def test_what_makes_a_pod_unready_does_not_restart_it():
    """The check of life asks Java alone, at an address that no worker and no drain makes fail."""
    assert container()["livenessProbe"]["httpGet"] == {"port": "metrics", "path": "/metrics"}
    assert container()["readinessProbe"]["exec"]["command"] == ["sentiment", "ready"]


@pytest.mark.parametrize(
    "selector",
    [
        lambda: manifest("deployment")["spec"]["selector"]["matchLabels"],
        lambda: manifest("service")["spec"]["selector"],
        lambda: manifest("pdb")["spec"]["selector"]["matchLabels"],
        lambda: manifest("networkpolicy")["spec"]["podSelector"]["matchLabels"],
    ],
    ids=["deployment", "service", "pdb", "networkpolicy"],
)
def test_every_selector_finds_the_pod(selector):
    assert selector() == manifest("deployment")["spec"]["template"]["metadata"]["labels"]


def test_the_autoscaler_scales_the_deployment_by_the_adapters_metric():
    spec = manifest("hpa")["spec"]
    deployment = manifest("deployment")
    assert spec["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    [metric], [rule] = spec["metrics"], manifest("prometheus-adapter")["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert spec["minReplicas"] > manifest("pdb")["spec"]["minAvailable"]


def test_the_metric_is_made_of_counters_that_torchserve_has():
    declared = yaml.safe_load((Path(find_spec("ts").origin).parent / "configs" / "metrics.yaml").read_text())
    counters = {counter["name"]: counter for counter in declared["ts_metrics"]["counter"]}
    assert counters["ts_queue_latency_microseconds"]["unit"] == "Microseconds"
    [rule] = manifest("prometheus-adapter")["rules"]["custom"]
    for name in ("ts_queue_latency_microseconds", "ts_inference_requests_total"):
        assert name in counters
        assert name in rule["metricsQuery"]


@pytest.mark.requires("promtool")
def test_the_metric_is_the_mean_wait_of_a_request_in_seconds(tmp_path):
    """A pod whose 15 requests in 15 s waited 250,000 us each, and one that nobody asks."""
    [rule] = manifest("prometheus-adapter")["rules"]["custom"]
    query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'namespace="n"')
    counted = {
        "ts_queue_latency_microseconds": {"busy": "0+3750000x40", "idle": "9+0x40"},
        "ts_inference_requests_total": {"busy": "0+15x40", "idle": "9+0x40"},
    }
    series = [
        {"series": f'{name}{{namespace="n",pod="{pod}"}}', "values": values}
        for name, pods in counted.items()
        for pod, values in pods.items()
    ]
    samples = [{"labels": '{pod="busy"}', "value": 0.25}, {"labels": '{pod="idle"}', "value": 0}]
    asked = [{"expr": query, "eval_time": "10m", "exp_samples": samples}]
    case = tmp_path / "case.yaml"
    case.write_text(yaml.safe_dump({"tests": [{"interval": "15s", "input_series": series, "promql_expr_test": asked}]}))
    done = subprocess.run(["promtool", "test", "rules", str(case)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
