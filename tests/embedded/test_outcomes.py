"""Outcomes and scores through a worker that is killed midway: the same readings as a replay."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters import replay
from app.adapters.embedded import Embedded
from app.adapters.encoders import load_encoder
from app.adapters.fake_chat import FakeChat
from app.demo.traffic import scenario
from app.evaluation_settings import EvaluationSettings
from app.settings import Settings
from schemas.codec import Event, decode
from schemas.events import Evaluation, Interaction, Outcome
from schemas.readings import Reading
from schemas.ticks import Sample
from schemas.topics import DEAD_LETTERS, EVALUATIONS, OUTCOMES, SAMPLES
from tests.rig.chat import served
from tests.rig.live import Live, essence

pytestmark = [pytest.mark.embedded, pytest.mark.model]
START = datetime(2026, 3, 1, tzinfo=UTC)
TOLD = "outcomes:task_completed"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with Embedded(partitions=3) as embedded:
        found = Live(
            Settings.model_validate(
                {
                    "kafka": {
                        "bootstrap_servers": embedded.bootstrap,
                        "partitions": 3,
                        "session_timeout_seconds": 4,
                    },
                    "redis": {"url": embedded.redis_url},
                    "worker": {"idle_seconds": 3},
                    "detection": {"baseline_events": 100_000},  # outcomes need none
                }
            ),
            tmp_path,
        )
        yield found
        found.close()


def told(readings: list[Reading]) -> list[Reading]:
    return [r for r in readings if r.outcomes is not None or r.quality is not None]


def joined(readings: list[Reading]) -> int:
    last = [r.outcomes for r in readings if r.monitor == TOLD and r.outcomes is not None]
    return max((each.counts.joined for each in last), default=0)


def scores(events: list[Event]) -> list[Event]:
    """Every interaction scored by its length, as a scorer of answers might."""
    return [
        Evaluation(
            application=event.application,
            time=event.time,
            id=f"score of {event.id}",
            name="brevity",
            purpose="shadow",
            score=1.0 / (1 + len(event.prompt) % 7),
            interaction_id=event.id,
            deployment_id=event.deployment_id,
            stratum=event.language,
            inclusion=0.5,
        )
        for event in events
        if isinstance(event, Interaction)
    ]


def scored(readings: list[Reading]) -> int:
    return max((r.quality.counts.received for r in readings if r.quality is not None), default=0)


def test_a_worker_that_is_killed_tells_of_outcomes_and_scores_what_a_replay_tells(live: Live) -> None:
    events: list[Event] = list(scenario(clean=600, drifted=200, start=START, seed=3).events)
    sent = sum(isinstance(e, Outcome) and e.name == "task_completed" for e in events)
    rows = scores(events)
    events = sorted([*events, *rows], key=lambda event: event.time)
    live.send(events)
    live.send_raw(OUTCOMES, [b'{"name": "task_completed"'])
    live.send_raw(EVALUATIONS, [b'{"name": "brevity"'])
    live.start_worker()
    live.wait_for(lambda readings: bool(told(readings)), 150)
    live.kill(0)
    live.start_worker()
    found = live.wait_for(
        lambda readings: joined(readings) == sent and scored(readings) == len(rows), 240, alive=False
    )

    expected = replay.run(
        events,
        encoder=load_encoder(table=None, model=None, cache_dir=None),
        evalset=None,
        detection=live.settings.detection,
        partitions=3,
    )
    assert essence(told(found)) == essence(told(expected.readings))
    assert (joined(expected.readings), scored(expected.readings)) == (sent, len(rows))
    assert any(reading.monitor == "quality:brevity" and reading.note is None for reading in found)
    assert len(live.read(DEAD_LETTERS)) == 2
    live.close()
    with served() as model:
        live_answers_are_judged_once_whatever_dies(live, model)


def live_answers_are_judged_once_whatever_dies(live: Live, model: FakeChat) -> None:
    """An evaluator on the samples that the workers left, killed while its judge is asked."""
    judge = {"name": "helpful", "base_url": f"{model.url}/v1", "model": "m", "per_minute": 1500}
    given = {"judges": [judge], "window_seconds": 3.0, "scores_per_day": 10**8, "port": 0}
    live.settings = live.settings.model_copy(update={"evaluation": EvaluationSettings.model_validate(given)})
    carried = {s.id for s in live.decoded(SAMPLES, Sample) if s.exchange is not None}
    live.start_worker("agents.evaluator")
    live.wait_for(lambda _: len(judged(live)) > 5, 120, alive=False)
    live.kill(-1)
    live.start_worker("agents.evaluator")
    live.wait_for(lambda _: {row.interaction_id for row in judged(live)} == carried, 180, alive=False)
    rows = told_of(live)
    assert len(rows) == len({row.id for row in rows})
    assert {row.interaction_id for row in rows if row.name == "complete"} == carried
    assert len(judged(live)) == len(carried) > 100
    assert len(model.requests) <= len(carried) + 32, "only what was under way is asked again"


def told_of(live: Live) -> list[Evaluation]:
    """What was said of live answers by other than this test."""
    found = [decode(message.value(), kind="evaluation") for message in live.read(EVALUATIONS)]
    rows = [row for part in found for row in part if isinstance(row, Evaluation)]
    return [row for row in rows if row.purpose == "shadow" and row.name != "brevity"]


def judged(live: Live) -> list[Evaluation]:
    return [row for row in told_of(live) if row.name == "helpful" and row.score is not None]
