"""Container and Kubernetes files, to be checked without an engine or a cluster.

What only an engine can show (that the image builds, that the stack comes up) is not shown here.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "k8s" / "base"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((BASE / "kustomization.yaml").read_text())
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("promptdrift:")]
PORTS = [("worker", 6066), ("notifier", 6067), ("evaluator", 6068), ("api", 8080)]


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
