"""docker-compose.yml: the whole stack on one machine."""

import json
import re
import shutil
import subprocess

import pytest

from tests.containers.files import COMPOSE, OURS, PORTS, ROOT, SERVICES, VERSION

ONE_SHOT = [name for name, service in SERVICES.items() if service["restart"] == "no"]
LONG_RUNNING = [name for name in SERVICES if name not in ONE_SHOT]


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
