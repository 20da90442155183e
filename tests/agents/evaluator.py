"""One evaluator after another on the same topics, with judges and candidates that speak HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents import shadow_written
from agents.plumbing import Record
from agents.shadow import Shadowing
from app.adapters.calls import Caller, Limits
from app.adapters.evaluators import open_evaluators
from app.adapters.expected import ExpectedAnswers, read_gold
from app.adapters.fake_chat import FakeChat
from app.adapters.shadow import Scoring
from app.core.sampling import References
from app.settings import Settings
from schemas.events import Evaluation
from schemas.exchanges import Exchange
from schemas.ticks import Sample
from schemas.topics import EVALUATIONS, SAMPLES, Topic
from tests.agents.doubles import DictCheckpoints, HeldLibrary, RecordingOutbox, record, settings, stored
from tests.rig import made
from tests.rig.made import WordEncoder

JUDGE = "helpful"
WHOLE_DAY = 288 * 1000  # a budget of 1,000 a window


def samples(count: int, *, seconds: float = 1.0, **exchange: Any) -> list[Sample]:
    """Samples with exchanges whose responses are good, but for every fourth."""
    found = made.samples(made.interactions(count, seconds=seconds))
    said = ["Open the settings and choose a new password.", "No."]
    return [
        replace(
            each,
            exchange=Exchange(
                **{
                    "inclusion": 0.5,
                    "prompt": each.text,
                    "response": said[n % 4 == 3],
                    "leaks": False,
                    **exchange,
                }
            ),
        )
        for n, each in enumerate(found)
    ]


class Place:
    """One evaluator after another on the same topics, checkpoints and endpoints."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, given: Settings, *, timeout_seconds: float = 8.0
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self.assigned = {0}
        self.settings, self.given = given, given.evaluation
        self.outbox, self.checkpoints = RecordingOutbox(), DictCheckpoints()
        monkeypatch.setattr(shadow_written, "read_partition", self._read)
        self.restart()

    async def _read(
        self, _: Settings, topic: Topic, partition: int, *, newest: int | None = None
    ) -> AsyncIterator[Any]:
        assert topic is EVALUATIONS
        for sent in self.outbox.sent:
            if sent.topic == topic.name:
                yield stored(sent)

    def restart(self) -> None:
        """What was in memory is gone."""
        self.by = by = open_evaluators(self.given, environment={})
        limits = Limits(timeout_seconds=self.timeout_seconds, attempts=1, per_minute=1e9)
        for judge in by.judges.values():
            judge._chat.caller = Caller(limits=limits)
        for candidate in by.candidates.values():
            candidate._chat.caller = Caller(limits=limits)
        expected = ExpectedAnswers(self.given.evalset, WordEncoder())
        self.scoring = Scoring(
            by=by, encoder=WordEncoder(), gold=read_gold(self.given.gold), expected=expected
        )
        self.station = Shadowing(
            self.settings,
            self.scoring,
            library=HeldLibrary({made.APP: References(evalset=made.reference())}),  # type: ignore[arg-type]
            outbox=self.outbox,  # type: ignore[arg-type]
            checkpoints=self.checkpoints,  # type: ignore[arg-type]
            assigned=lambda: self.assigned,
        )

    async def read(self, batch: Sequence[Record], *, size: int = 50) -> None:
        for start in range(0, len(batch), size):
            await self.station.process(batch[start : start + size])

    async def kill(self) -> None:
        """What was under way ends unheard."""
        asking = list(self.station._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self.by.close()
        self.restart()

    async def finish(self) -> None:
        """Until every window is told and nothing waits."""
        for partition in self.station._partitions.values():
            partition.heard_at = -1e9  # as if nothing had come for long
        for _ in range(2000):
            await self.station.process([])
            if not any(p.shadow.jobs or p.shadow.outgoing for p in self.station._partitions.values()):
                return
            await asyncio.sleep(0.005)
        raise AssertionError("something waits for ever")

    @property
    def rows(self) -> list[Evaluation]:
        return [
            row
            for sent in self.outbox.on(EVALUATIONS)
            for row in msgspec.json.decode(sent.value, type=list[Evaluation])
        ]

    def of(self, name: str) -> list[Evaluation]:
        return [row for row in self.rows if row.name == name]


def records(found: Sequence[Sample]) -> list[Record]:
    return [record(SAMPLES, msgspec.json.encode(each), n) for n, each in enumerate(found)]


def with_models(
    monkeypatch: pytest.MonkeyPatch,
    what: Callable[[Place, FakeChat], Awaitable[None]],
    *,
    endpoint: dict[str, Any] | None = None,
    candidate: bool = False,
    timeout_seconds: float = 8.0,
    **evaluation: Any,
) -> None:
    async def go() -> None:
        async with FakeChat().serving() as server:
            model = {"base_url": server.url + "/v1", "model": "m", **(endpoint or {})}
            told = {
                "scorers": ["complete", "no_pii"],
                "judges": [{"name": JUDGE, **model}],
                "candidates": [{"name": "next", **model}] if candidate else [],
                "scores_per_day": WHOLE_DAY,
                **evaluation,
            }
            place = Place(monkeypatch, settings(evaluation=told), timeout_seconds=timeout_seconds)
            try:
                await what(place, server)
            finally:
                await place.kill()

    asyncio.run(go())
