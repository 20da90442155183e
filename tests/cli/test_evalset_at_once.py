"""Two who work on one eval set at once: what the history says is what workers measure against."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.adapters import curate, references
from app.adapters.evalsets import EvalSets
from tests.cli.said import Cli
from tests.cli.versions import OWN, built, in_force, log
from tests.rig import made
from tests.rig.made import APP

pytestmark = pytest.mark.usefixtures("planned")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_build_finds_what_another_built_meanwhile_or_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    path, propose, theirs = log("events.jsonl"), curate.propose, list[str]()

    def slow(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(curate, "propose", propose)
        theirs.append(built(cli, path, "--seed", seed))
        return propose(*given, **more)

    monkeypatch.setattr(curate, "propose", slow)
    done = cli("evalset", "build", *OWN, "--events", path, "--plan", "plan.yaml")
    if seed == 0:
        assert (done.code, done.out.split()[0]) == (0, theirs[0])
        assert "was built meanwhile" in done.err
    else:
        assert (done.code, f"{theirs[0]} was built meanwhile" in done.err) == (5, True)
    assert [e.version for e in EvalSets("evalsets", APP).history()] == theirs


def test_a_review_is_of_the_version_it_was_written_of_whatever_was_built_since(cli: Cli) -> None:
    first = built(cli, log("one.jsonl"))
    assert cli("evalset", "review", *OWN, "--out", "review.yaml").code == 0
    second = built(cli, log("two.jsonl", seed=1))
    done = cli("evalset", "approve", *OWN, "--review", "review.yaml")
    assert (done.code, done.out.strip()) == (0, first)
    foreign = cli("evalset", "approve", *OWN, second, "--review", "review.yaml")
    assert (foreign.code, "name the version that was reviewed" in foreign.err) == (5, True)


def test_a_version_that_is_withdrawn_while_it_is_published_is_not_what_workers_hear_last(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = in_force(cli, log("one.jsonl"))
    second = built(cli, log("two.jsonl", seed=1, topics={**made.USUAL, "gluten": 0.3}))
    assert cli("evalset", "approve", *OWN, second).code == 0
    save, published = references.save_directory, list[str]()

    def slow(built: Any, out: Path) -> None:
        if not published:
            sets = EvalSets("evalsets", APP)
            sets.append("withdrawn", sets.load("current")[0], now=datetime.now(UTC))
        published.append(built.id)
        save(built, out)

    monkeypatch.setattr(references, "save_directory", slow)
    done = cli("evalset", "promote", *OWN, second, "--out", "two")
    assert (done.code, f"{first} came into force meanwhile" in done.err) == (0, True)
    told = cli("evalset", "history", *OWN, "--json").data
    assert (told["current"], told["published"]) == (first, True)
    assert published[-1] == references.load_directory(Path("reference")).id != published[0]


def test_a_review_of_which_half_was_written_is_not_left(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    built(cli, log("one.jsonl"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(yaml, "safe_dump", full)
        assert "No space left" in cli("evalset", "review", *OWN, "--out", "review.yaml").err
    assert cli("evalset", "review", *OWN, "--out", "review.yaml").code == 0
