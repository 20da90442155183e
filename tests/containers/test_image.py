"""The Dockerfile, and what it copies."""

import re

import yaml

from tests.containers.files import BASE, ROOT, STAGES, pods


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
