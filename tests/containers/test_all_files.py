"""What holds of Dockerfile, docker-compose.yml and k8s/ together."""

import fnmatch
import os
import re
import subprocess
import sys

import pytest

from tests.containers.files import BASE, OURS, ROOT, SERVICES, STAGES, containers


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
