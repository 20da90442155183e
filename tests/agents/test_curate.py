"""A version is built when it is due, by one worker, whatever fails in between."""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents import curate
from agents.curate import Curate, run_build
from app.adapters.evalsets import EvalSets
from app.core.curation import version_id
from app.errors import DependencyError
from app.settings import CurationSettings
from schemas.evalsets import CuratedItem, EvalSetVersions, Manifest, Plan, Queue
from schemas.topics import EVALSETS
from tests.agents.doubles import RecordingOutbox

DESK = "desk"
ITEM = CuratedItem(id="1", prompt="where is it", layer="core", cluster="where")
MONTH_AGO = time.time() - 30 * 86_400


class Setting:
    """A curator of a store in a folder; `builds` are the arguments that a build was run with."""

    def __init__(self, store: Path, **more: Any) -> None:
        self.store, self.outbox, self.status = store, RecordingOutbox(), 0
        self.builds: list[Sequence[str]] = []
        self.measured = {DESK: MONTH_AGO}
        settings = CurationSettings(store=str(store), **more)
        self.curate = Curate(
            settings,
            str(store),
            outbox=self.outbox,  # type: ignore[arg-type]
            leads=lambda: True,
            measured=lambda: self.measured,
            build=self.build,
        )

    async def build(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.builds.append(arguments)
        if self.status:
            return self.status, "kafka.bootstrap_servers: no broker answers"
        return 0, built(self.store, datetime.now(UTC))

    def look(self) -> list[dict[str, Any]]:
        with capture_logs() as logs:
            asyncio.run(self.curate.look(DESK))
        return [dict(line) for line in logs]

    @property
    def told(self) -> list[EvalSetVersions]:
        return self.outbox.values(EVALSETS, EvalSetVersions)


def built(store: Path, at: datetime) -> str:
    name = version_id([ITEM])
    manifest = Manifest(id=name, application=DESK, plan=Plan(size=1), seed=0, items=1, encoder="e")
    sets = EvalSets(str(store), DESK)
    sets.save(manifest, [ITEM])
    sets.append("built", manifest, now=at)
    return name


def test_what_is_due_is_built_once_and_told(tmp_path: Path) -> None:
    place = Setting(tmp_path, seed=3)
    assert [line["event"] for line in place.look()] == ["evalset_built"]
    assert place.look() == []
    (arguments,) = place.builds
    assert {f"--application={DESK}", f"--store={tmp_path}", "--seed=3"} <= set(arguments)
    (told,) = place.told
    assert (told.number, [v.state for v in told.versions]) == (1, ["draft"])
    assert told.versions[0].queue == Queue(items=1, core=1, added=1, unanswered=1)


def test_the_history_decides_whoever_built_and_whoever_leads(tmp_path: Path) -> None:
    built(tmp_path, datetime.now(UTC) - timedelta(days=6))
    place = Setting(tmp_path)
    place.look()
    assert place.builds == []
    assert len(place.told) == 1  # what others did is told as well
    other = Setting(tmp_path, every_days=5.0)
    other.look()
    assert len(other.builds) == 1


def test_the_first_version_waits_for_as_much_traffic(tmp_path: Path) -> None:
    place = Setting(tmp_path)
    for began in ({}, {DESK: time.time() - 6 * 86_400}):
        place.measured = began
        place.look()
    assert (place.builds, place.told) == ([], [])


def test_a_build_that_failed_is_tried_again_later_and_not_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Setting(tmp_path)
    place.status = 4
    (line,) = place.look()
    assert (line["event"], line["status"], line["application"]) == ("evalset_not_built", 4, DESK)
    assert place.look() == []
    monkeypatch.setattr("agents.curate.time.monotonic", time.time)  # long after
    place.status = 0
    place.look()
    assert len(place.builds) == 2


def test_a_build_that_another_process_was_ahead_of_has_not_failed(tmp_path: Path) -> None:
    place = Setting(tmp_path)

    async def beaten(_: Sequence[str]) -> tuple[int, str]:
        name = built(tmp_path, datetime.now(UTC))
        return 5, f"{name} was built meanwhile by ann; look at it, or build again"

    place.curate._build = beaten
    (line,) = place.look()
    assert (line["event"], line["log_level"]) == ("evalset_built_elsewhere", "info")
    assert len(place.told) == 1


def test_a_store_that_is_away_is_said_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise DependencyError("s3://evalsets: does not answer")

    place = Setting(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(EvalSets, "history", away)
        (line,) = place.look()
    assert (line["event"], "does not answer" in line["reason"]) == ("evalset_store_unread", True)
    assert [line["event"] for line in place.look()] == ["evalset_built"]


def test_a_build_is_a_process_that_may_take_an_hour(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(curate, "PATIENCE_SECONDS", 0.2)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    began = time.monotonic()
    status, said = asyncio.run(run_build([]))
    assert (status, "was not done after" in said) == (1, True)
    assert time.monotonic() - began < 10
    for text, expected in (
        ("echo evalset-1", (0, "evalset-1")),
        ("echo looks; echo why >&2; exit 5", (5, "why")),
    ):
        slow.write_text(f"#!/bin/sh\n{text}\n")
        monkeypatch.setattr(curate, "PATIENCE_SECONDS", 10.0)
        assert asyncio.run(run_build([])) == expected
