"""A deployment is asked the eval set, once: over crashes, failures, releases that follow."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agents.plumbing import Record
from agents.release_runs import Releases
from app.adapters.calls import Caller, Limits
from app.adapters.evaluators import Candidate, open_candidate, open_evaluators
from app.adapters.fake_chat import FakeChat
from app.adapters.release_run import EVERY, Asker
from app.core import release_runs
from app.evaluation_settings import EvaluationSettings, TargetSettings
from schemas.codec import encode
from schemas.events import Deployment, Evaluation
from schemas.topics import DEPLOYMENTS
from tests.agents.doubles import PATIENCE_SECONDS, DictCheckpoints, record, settings
from tests.rig.made import APP, START, WordEncoder, interactions

COUNT = 45


class HeldRows:
    """The topic of evaluations, in memory."""

    place = "memory"

    def __init__(self) -> None:
        self.rows: list[Evaluation] = []

    def known(self, run: str) -> list[Evaluation]:
        return [row for row in self.rows if row.run_id == run]

    def add(self, rows: Sequence[Evaluation]) -> None:
        self.rows += rows

    def of(self, deployment: str) -> set[str | None]:
        return {row.item_id for row in self.rows if row.deployment_id == deployment}


class Place:
    """One process after another, with the same topics, before the same model."""

    def __init__(self, url: str) -> None:
        self.url, self.checkpoints, self.rows = url, DictCheckpoints(), HeldRows()
        self.models: list[Candidate] = []
        self.station: Releases
        self.restart()

    def restart(self) -> None:
        limits = Limits(timeout_seconds=20.0, attempts=1, per_minute=1e9)
        model = open_candidate(TargetSettings(name=APP, base_url=self.url + "/v1", model="m", concurrency=2))
        model._chat.caller = Caller(limits=limits)
        self.models.append(model)
        self.station = Releases(
            settings(evaluation={"patience_seconds": 60}),
            Asker(
                place="set.jsonl",
                models={APP: model},
                by=open_evaluators(EvaluationSettings(scorers=["complete"])),
                encoder=WordEncoder(),
                rows=self.rows,
            ),
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
            assigned=lambda: {0},
        )

    def crash(self) -> None:
        self.station.forget({0})
        self.restart()

    async def until(self, what: Callable[[], bool], records: Sequence[Record] = ()) -> None:
        """Go round as the lane does, until something holds."""
        await self.station.process(records)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not what():
                await asyncio.sleep(0.005)
                await self.station.process([])

    @property
    def idle(self) -> bool:
        return not self.station._going


def told(
    offset: int, id: str, *, status: str = "succeeded", application: str = APP, old: float = 0.0
) -> Record:
    event = Deployment(
        application=application,
        time=START,
        deployment_id=id,
        version=id,
        status=status,  # type: ignore[arg-type]
    )
    made = record(DEPLOYMENTS, encode(event), offset=offset)
    return replace(made, timestamp=time.time() - old)


def played(story: Callable[[Place, FakeChat], Awaitable[None]]) -> None:
    async def play() -> None:
        async with FakeChat().serving() as server:
            place = Place(server.url)
            try:
                await story(place, server)
            finally:
                place.station.forget({0})
                for model in place.models:
                    await model.close()

    asyncio.run(play())


@pytest.fixture(autouse=True)
def set_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(release_runs, "FIRST_PAUSE", 0.0)
    lines = [json.dumps({"id": f"q{n}", "prompt": e.prompt}) for n, e in enumerate(interactions(COUNT))]
    Path("set.jsonl").write_text("\n".join(lines))


def test_a_deployment_is_asked_the_set_once_over_crashes() -> None:
    async def story(place: Place, server: FakeChat) -> None:
        news = [told(0, "d1"), told(1, "d1", status="started"), told(2, "x", application="other")]
        await place.until(lambda: len(place.rows.rows) >= 20, news)
        place.crash()
        await place.until(lambda: len(place.rows.of("d1")) == COUNT and place.idle, news)
        assert len(server.requests) <= COUNT + EVERY, "what was delivered is not asked again"
        ids = [row.id for row in place.rows.rows]
        assert len(set(ids)) == len(ids) == COUNT
        assert {row.purpose for row in place.rows.rows} == {"run"}
        before = len(server.requests)
        place.crash()
        await place.station.process(news)
        await place.station.process([told(3, "d1")])
        assert (place.idle, len(server.requests)) == (True, before)

    played(story)


def test_a_model_that_is_down_is_asked_again_later() -> None:
    async def story(place: Place, server: FakeChat) -> None:
        server.script("okx10,401x400")
        await place.until(lambda: len(server.requests) >= 15, [told(0, "d1")])
        place.crash()  # the breaker of the endpoint, too
        server.faults.clear()
        await place.until(lambda: len(place.rows.of("d1")) == COUNT and place.idle)
        assert "d1" in "".join(place.checkpoints.states[0]["runs"]["done"])

    played(story)


def test_the_latest_release_counts_and_what_is_over_is_not_asked() -> None:
    async def story(place: Place, server: FakeChat) -> None:
        old = told(0, "d0", old=2 * release_runs.NEWS_SECONDS)
        await place.until(lambda: place.rows.of("d1") != set(), [old, told(1, "d1")])
        await place.until(lambda: len(place.rows.of("d2")) == COUNT and place.idle, [told(2, "d2")])
        assert len(place.rows.of("d1")) < COUNT
        assert place.rows.of("d0") == set()
        asked = len(server.requests)
        await place.station.process([told(3, "d3"), told(4, "d3", status="rolled_back")])
        await place.until(lambda: place.idle)
        assert len(server.requests) == asked

    played(story)


def test_without_a_set_it_waits_and_gives_up_in_the_end() -> None:
    Path("set.jsonl").unlink()

    async def story(place: Place, server: FakeChat) -> None:
        await place.until(lambda: place.idle, [told(0, "d1", old=90)])
        assert place.station._partitions[0].runs.due(time.time() + 1e6) == []

    played(story)
