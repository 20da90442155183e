"""k8s/: manifests that are valid, restricted and closed."""

import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.containers.files import (
    BASE,
    KUSTOMIZATION,
    MANIFESTS,
    PORTS,
    ROOT,
    STAGES,
    VERSION,
    containers,
    documents,
    of_kind,
    pods,
)

NOT_RESOURCES = {"kustomization.yaml", "promptdrift.yaml", "secret.example.yaml"}
KUBERNETES = ("1.30", ".".join(kubernetes_validate.latest_version().split(".")[:2]))


def matching(selector: dict[str, str]) -> list[dict[str, Any]]:
    """Pods that a selector selects; an empty one selects all."""
    return [pod for pod in pods() if selector.items() <= pod["metadata"]["labels"].items()]


def test_kustomize_lists_every_manifest_that_is_there() -> None:
    assert {path.name for path in BASE.iterdir()} - NOT_RESOURCES == set(KUSTOMIZATION["resources"])
    for generator in KUSTOMIZATION["configMapGenerator"]:
        assert all((BASE / name).exists() for name in generator["files"])


@pytest.mark.parametrize("version", KUBERNETES)
def test_manifests_are_valid(version: str) -> None:
    for manifest in [*MANIFESTS, *documents(BASE / "secret.example.yaml")]:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_would_notice() -> None:
    misspelt: dict[str, Any] = {**next(of_kind("Service")), "spec": {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, KUBERNETES[-1], strict=True)


def test_kustomize_itself_accepts_the_base() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on PATH")
    done = subprocess.run([kubectl, "kustomize", str(BASE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(MANIFESTS) + len(KUSTOMIZATION["configMapGenerator"])
    for manifest in built:
        kubernetes_validate.validate(manifest, KUBERNETES[-1], strict=True)
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
    settings = next(manifest for manifest in built if manifest["kind"] == "ConfigMap")["metadata"]["name"]
    workloads = [manifest for manifest in built if manifest["kind"] in ("Deployment", "Job")]
    for workload in workloads:  # with the hash: a changed setting must roll the pods
        assert f"'name': '{settings}'" in str(workload["spec"]["template"]["spec"]["volumes"])


@pytest.mark.parametrize(
    ("folder", "file", "beside", "command"),
    [
        ("curation", "curate.yaml", "../base", ["evalset", "build"]),
        ("probes", "probe.yaml", "../curation", ["evalset", "probe"]),
    ],
)
def test_scheduled_jobs_are_valid_and_one_at_a_time(
    folder: str, file: str, beside: str, command: list[str]
) -> None:
    place = ROOT / "k8s" / folder
    found = {each["kind"]: each for each in documents(place / file)}
    for version in KUBERNETES:
        for manifest in found.values():
            kubernetes_validate.validate(manifest, version, strict=True)
    kustomization = yaml.safe_load((place / "kustomization.yaml").read_text())
    assert kustomization["resources"] == [beside, file]
    job = found["CronJob"]["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    pod = job["jobTemplate"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["args"][:2] == command
    assert container["image"] == f"promptdrift:{VERSION}"
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    labels = found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert labels.items() <= pod["metadata"]["labels"].items()


def test_pods_meet_the_restricted_standard() -> None:
    for spec, container in containers():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} <= {"configMap", "emptyDir", "secret", "projected"}
    (namespace,) = of_kind("Namespace")
    for mode in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_images_and_memory() -> None:
    for _, container in containers():
        assert container["image"] == f"promptdrift:{VERSION}"
        assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
        assert "cpu" in container["resources"]["requests"]


def test_mounts_have_volumes_and_the_settings_lie_in_the_working_directory() -> None:
    home = next(words[1] for words in STAGES["runtime"] if words[0] == "WORKDIR")
    generated = {generator["name"] for generator in KUSTOMIZATION["configMapGenerator"]}
    for spec, container in containers():
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert "emptyDir" in mounts[home]
        assert "emptyDir" in mounts["/tmp"]
        assert mounts[f"{home}/promptdrift.yaml"]["configMap"]["name"] in generated


@pytest.mark.parametrize(("component", "port"), PORTS)
def test_probes(component: str, port: int) -> None:
    (pod,) = matching({"app.kubernetes.io/component": component})
    (container,) = pod["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    for probe, path in [
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ]:
        asked = container[probe]["httpGet"]
        assert (asked["path"], ports[asked["port"]]) == (path, port)


def test_selectors_select_exactly_one_kind_of_pod() -> None:
    for workload in of_kind("Deployment"):
        assert matching(workload["spec"]["selector"]["matchLabels"]) == [workload["spec"]["template"]]
    for service in of_kind("Service"):
        (pod,) = matching(service["spec"]["selector"])
        names = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    for budget in of_kind("PodDisruptionBudget"):
        assert len(matching(budget["spec"]["selector"]["matchLabels"])) == 1


def test_disruption_budgets_leave_room_and_cover_the_deployments() -> None:
    covered = [budget["spec"]["selector"]["matchLabels"] for budget in of_kind("PodDisruptionBudget")]
    for workload in of_kind("Deployment"):
        assert workload["spec"]["selector"]["matchLabels"] in covered
        assert workload["spec"]["replicas"] >= 2  # else minAvailable 1 would block every drain


def allowed(component: str, direction: str) -> set[int]:
    """Ports that the network policies let a component's pods use; `direction` is ingress or egress."""
    labels = {"app.kubernetes.io/name": "promptdrift", "app.kubernetes.io/component": component}
    policies = [each["spec"] for each in of_kind("NetworkPolicy")]
    mine = [each for each in policies if each["podSelector"]["matchLabels"].items() <= labels.items()]
    return {port["port"] for each in mine for rule in each.get(direction, []) for port in rule["ports"]}


def test_the_network_is_closed_but_for_what_each_part_needs() -> None:
    settings = yaml.safe_load((BASE / "promptdrift.yaml").read_text())
    kafka = int(settings["kafka"]["bootstrap_servers"].split(":")[1])
    redis = int(settings["redis"]["url"].split(":")[2].split("/")[0])
    default = next(of_kind("NetworkPolicy"))["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert len(matching(default["podSelector"]["matchLabels"])) == len(list(pods()))
    assert allowed("topics", "egress") == {53, kafka}
    assert allowed("worker", "egress") == {53, kafka, redis, 443}
    assert allowed("notifier", "egress") == {53, kafka, redis, 443}
    assert allowed("evaluator", "egress") == {53, kafka, redis, 443}
    assert allowed("api", "egress") == {53, redis}
    assert allowed("notifier", "ingress") == {6067}
    assert allowed("evaluator", "ingress") == {6068}
    assert [allowed(each, "ingress") for each in ("topics", "worker", "api")] == [set(), {6066}, {8080}]
