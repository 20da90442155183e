"""Container and Kubernetes files, checked without an engine or a cluster.

What only an engine can show (that the image builds, that the stack comes up) is not shown here.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "k8s" / "base"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((BASE / "kustomization.yaml").read_text())
NOT_RESOURCES = {"kustomization.yaml", "promptdrift.yaml", "secret.example.yaml"}
KUBERNETES = ("1.30", ".".join(kubernetes_validate.latest_version().split(".")[:2]))
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("promptdrift:")]
ONE_SHOT = [name for name, service in SERVICES.items() if service["restart"] == "no"]
PORTS = [("worker", 6066), ("notifier", 6067), ("evaluator", 6068), ("api", 8080)]
LONG_RUNNING = [name for name in SERVICES if name not in ONE_SHOT]


# Compose


def test_the_stack_has_all_its_parts() -> None:
    assert COMPOSE["name"] == "promptdrift"
    assert set(SERVICES) == {
        *("kafka", "valkey", "topics", "reference", "worker", "api", "notifier", "evaluator", "pagerduty")
    }
    assert ONE_SHOT == ["topics", "reference"]
    assert SERVICES["reference"]["profiles"] == ["reference"]
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_a_patch_release(name: str) -> None:
    repository, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[a-z]+)?", tag), f"{repository} is not pinned: {tag!r}"
    assert "." not in repository.split("/")[0], f"{repository} names a registry"


@pytest.mark.parametrize("name", OURS)
def test_our_image_carries_our_version(name: str) -> None:
    assert SERVICES[name]["image"] == f"promptdrift:{VERSION}"


def test_tests_and_stack_run_the_same_kafka() -> None:
    pom = (ROOT / "tests" / "kafka" / "pom.xml").read_text()
    found = re.search(r"<kafka\.version>(.+)</kafka\.version>", pom)
    assert found is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{found.group(1)}"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_keeps_running_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize(("name", "port"), PORTS)
def test_health_checks_are_programs_that_ask_livez(name: str, port: int) -> None:
    _, python, flag, program = SERVICES[name]["healthcheck"]["test"]
    assert (python, flag) == ("python", "-c")
    compile(program, name, "exec")
    assert f"http://127.0.0.1:{port}/livez" in program


@pytest.mark.parametrize("name", SERVICES)
def test_dependencies_are_met_by_something_that_can_meet_them(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        able = {"service_healthy": LONG_RUNNING, "service_completed_successfully": ONE_SHOT}
        assert needed in able[how["condition"]]


def test_nothing_starts_before_its_topics() -> None:
    for name in ("worker", "notifier", "evaluator", "reference"):
        assert SERVICES[name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_our_services_find_the_others(name: str) -> None:
    kafka = SERVICES["kafka"]["environment"]
    bootstrap = SERVICES[name]["environment"]["KAFKA_BOOTSTRAP_SERVERS"]
    assert f"PLAINTEXT://{bootstrap}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert SERVICES[name]["environment"]["REDIS_URL"] == "redis://valkey:6379/0"


def test_kafka_listens_on_what_it_advertises() -> None:
    settings = SERVICES["kafka"]["environment"]
    listening = {
        each.split("://:")[0]: each.split("://:")[1] for each in settings["KAFKA_LISTENERS"].split(",")
    }
    for advertised in settings["KAFKA_ADVERTISED_LISTENERS"].split(","):
        listener, _, address = advertised.partition("://")
        assert listening[listener] == address.split(":")[1]
    secured = {each.split(":")[0] for each in settings["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    assert secured == set(listening)
    assert settings["KAFKA_CONTROLLER_QUORUM_VOTERS"].endswith(f":{listening['CONTROLLER']}")
    assert settings["KAFKA_LOG_DIRS"] in {volume.split(":")[1] for volume in SERVICES["kafka"]["volumes"]}


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker with the compose plugin is not on PATH")
    command = [docker, "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) >= {"kafka", "valkey", "topics", "worker", "api"}


# Image


def stages() -> dict[str, list[list[str]]]:
    """Instructions of the Dockerfile by stage, each split as a shell would."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text()))
    found: dict[str, list[list[str]]] = {}
    for line in filter(str.strip, text.splitlines()):
        words = shlex.split(line)
        if words[0] == "FROM":
            assert words[2] == "AS"
            found[words[3]] = []
        found[list(found)[-1]].append(words)
    return found


STAGES = stages()


def test_every_stage_starts_from_a_pinned_image_or_an_earlier_stage() -> None:
    for number, (name, instructions) in enumerate(STAGES.items()):
        start = instructions[0][1]
        pinned = re.fullmatch(r"python:3\.11-slim-[a-z]+", start)
        assert pinned or start in list(STAGES)[:number], f"stage {name} starts from {start}"


def test_the_last_stage_is_not_root_and_holds_no_torch() -> None:
    name, last = list(STAGES.items())[-1]
    assert name == "runtime"
    users = [words[1] for words in last if words[0] == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), "Kubernetes can only see that a number is not root"
    assert last[0][1] == "base"  # not from a stage that has a compiler, the sources, or the model
    taken = [words for words in last if words[0] == "COPY"]
    assert ["COPY", "--from=build", "/opt/venv", "/opt/venv"] in taken
    assert not any("pip" in words for words in last)
    before_the_model = [words for stage in ("base", "build") for words in STAGES[stage]]
    assert not any("[model]" in word for words in before_the_model for word in words)


def test_the_table_is_where_the_settings_look_for_it() -> None:
    table = yaml.safe_load((BASE / "promptdrift.yaml").read_text())["encoder"]["table"]
    distil = next(words for words in STAGES["wording"] if "distil" in words)
    runtime = STAGES["runtime"]
    assert distil[distil.index("--out") + 1] == table
    assert ["COPY", "--from=wording", table, table] in runtime
    assert any(f"PROMPTDRIFT_ENCODER__TABLE={table}" in words for words in runtime)


def test_entry_point_and_ports() -> None:
    runtime = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["promptdrift"]' in runtime
    assert ["EXPOSE", "6066", "6067", "6068", "8080"] in STAGES["runtime"]


def test_the_build_context_holds_what_is_copied_and_exists() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    for words in (words for stage in STAGES.values() for words in stage if words[0] == "COPY"):
        if not words[1].startswith("--from="):
            for source in words[1:-1]:
                assert f"!{source}" in rules
                assert (ROOT / source).exists(), f"{source} is not in the repository"


def test_dockerfile_and_python_agree_on_the_user() -> None:
    uid = next(words[1] for words in STAGES["runtime"] if words[0] == "USER").split(":")[0]
    for pod in pods():
        assert pod["spec"]["securityContext"]["runAsUser"] == int(uid)


# Kubernetes


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


MANIFESTS = [document for name in KUSTOMIZATION["resources"] for document in documents(BASE / name)]


def of_kind(*kinds: str) -> Iterator[dict[str, Any]]:
    return (manifest for manifest in MANIFESTS if manifest["kind"] in kinds)


def pods() -> Iterator[dict[str, Any]]:
    return (workload["spec"]["template"] for workload in of_kind("Deployment", "StatefulSet", "Job"))


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every (pod specification, container)."""
    return ((pod["spec"], container) for pod in pods() for container in pod["spec"]["containers"])


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


# All of them


def test_no_file_names_a_registry_host() -> None:
    """Where packages and images come from is the business of whoever builds: no mirror may need a patch."""
    files = [
        "Dockerfile",
        ".dockerignore",
        "docker-compose.yml",
        "Makefile",
        ".ci/run",
        "tests/kafka/pom.xml",
    ]
    paths = [ROOT / name for name in files] + sorted(BASE.iterdir())
    labels_and_xml = ["kubernetes.io", "*.kubernetes.io", "*.k8s.io", "maven.apache.org", "www.w3.org"]
    for path in paths:
        for host in re.findall(r"\b(?:[a-z0-9-]+\.)+(?:com|dev|io|net|org)\b", path.read_text()):
            assert any(fnmatch.fnmatch(host, name) for name in labels_and_xml), f"{path.name} names {host}"


def commands() -> list[list[str]]:
    """Every promptdrift command line that these files run."""
    composed = [SERVICES[name]["command"] for name in OURS]
    distil = next(words for words in STAGES["wording"] if "distil" in words)
    built = distil[distil.index("promptdrift") + 1 :]
    return [*composed, built, *(container["args"] for _, container in containers())]


COMMANDS = sorted({tuple(command) for command in commands()})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_commands_exist_with_their_options(command: tuple[str, ...]) -> None:
    words = [word for word in command if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
    options = {word for word in command if word.startswith("--")}
    program = "from app.cli import main; main()"
    line = [sys.executable, "-c", program, *words, "--help"]
    plain = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=ROOT, env=plain)
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in options), done.stdout
