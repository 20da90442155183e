"""The demo's eval set and its scenarios: interactions, a deployment, outcomes, one drift.

Everything is a function of its arguments.  For one seed all drifts share the same traffic up to
`drift_at` (where the deployment falls at the same place), so that a difference is the drift.
`attributes["demo_topic"]` is the truth that a test may compare with; no detector reads it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import msgspec

from app.demo.drifts import DRIFTS
from app.demo.people import TREATED_PERCENT, Desk, Said
from app.demo.phrases import EVALUATED
from app.demo.style import VOICES, compose
from app.demo.words import PERSONAL_EMAIL, PERSONAL_PHONE
from schemas.evalsets import EvalItem
from schemas.events import Deployment, Interaction, Outcome

APPLICATION = "helpdesk"
Event = Interaction | Deployment | Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A day at the helpdesk, in order of time; `events[drift_index:]` come at `drift_at` or later."""

    events: list[Event]
    drift_at: datetime
    deployment_at: datetime
    drift_index: int
    story: str
    moved: tuple[str, ...]


def eval_items(*, seed: int, count: int = 800) -> list[EvalItem]:
    """Distinct questions about every topic but two, each with a category and a score; some with an answer."""
    rng = Random(f"{seed} evaluation")
    weights = [topic.share**0.5 for topic in EVALUATED]
    items: dict[str, EvalItem] = {}
    while len(items) < count:
        topic = rng.choices(EVALUATED, weights)[0]
        written = compose(topic, rng.choice(VOICES), rng, follow_up=rng.random() < 0.12)
        score = min(1.0, max(0.0, rng.gauss(topic.skill + 0.03, 0.08)))
        if PERSONAL_EMAIL in written.prompt or PERSONAL_PHONE in written.prompt:
            continue  # an eval set is curated
        item = EvalItem(
            id=f"item-{len(items):04d}",
            prompt=written.prompt,
            expected=written.reply if written.answered else None,
            category=topic.name,
            stakes=topic.stakes,
            score=round(score, 2),
        )
        items.setdefault(written.prompt, item)
    return list(items.values())


def scenario(
    *,
    seed: int,
    start: datetime,
    clean: int = 4000,
    drifted: int = 2500,
    interval_seconds: float = 2.0,
    drift: str = "adaptation",
) -> Scenario:
    """`clean` ordinary interactions, then `drifted` ones with the drift of that name (see `drifts.DRIFTS`).

    Raises: ValueError, for an unknown drift or a start without an offset.
    """
    if drift not in DRIFTS:
        raise ValueError(f"drift: no {drift!r}; use one of {', '.join(DRIFTS)}")
    if start.tzinfo is None:
        raise ValueError("start: has no offset; give an aware datetime")
    chosen = DRIFTS[drift]
    release = round(clean * chosen.released)
    step = timedelta(seconds=interval_seconds)
    drift_at, deployment_at = start + clean * step, start + release * step
    desk = Desk(seed=seed, drift=chosen, starts=clean, release=release)
    rng, spoiling = Random(f"{seed} answers"), Random(f"{seed} spoiled")
    events: list[Event] = [deployment(deployment_at)]
    for index, said in enumerate(desk.prompts(clean + drifted)):
        time = start + (index + 0.9 * rng.random()) * step
        if index >= clean and said.released and spoiling.random() < chosen.spoiled and chosen.spoil:
            spoiled = chosen.spoil(said.written.reply, spoiling)
            said = replace(said, written=replace(said.written, reply=spoiled))
        interaction = _interaction(said, time, rng)
        events.append(interaction)
        events.extend(_outcomes(interaction, said, rng))
    events.sort(key=_time)
    return Scenario(
        events=events,
        drift_at=drift_at,
        deployment_at=deployment_at,
        drift_index=bisect_left(events, drift_at, key=_time),
        story=chosen.story,
        moved=chosen.moved,
    )


def deployment(time: datetime) -> Deployment:
    """The release of assistant-v2 to the treated users."""
    return Deployment(
        application=APPLICATION,
        time=time,
        deployment_id="v2",
        version="assistant-v2",
        kind="model",
        previous_version="assistant-v1",
        variant="treatment",
        traffic_percent=TREATED_PERCENT,
        summary="Moves the treatment group to a larger model.",
    )


def to_jsonl(events: Iterable[Event]) -> Iterator[bytes]:
    """One line per event, as `promptdrift replay` and `promptdrift send` read it."""
    for event in events:
        found = msgspec.to_builtins(event)
        if not isinstance(event, Interaction):
            found = {"type": type(event).__name__.lower(), **found}
        yield msgspec.json.encode(found) + b"\n"


def _time(event: Event) -> datetime:
    return event.time


def _interaction(said: Said, time: datetime, rng: Random) -> Interaction:
    version = "v2" if said.released else "v1"
    written = said.written
    seconds = rng.lognormvariate(-0.3, 0.35) * (1.15 if said.released else 1.0) + 0.004 * len(written.reply)
    return Interaction(
        application=APPLICATION,
        time=time,
        id=said.id,
        prompt=written.prompt,
        response=written.reply,
        model=f"assistant-{version}",
        deployment_id=version,
        variant="treatment" if said.user.treated else "control",
        conversation_id=said.conversation,
        user_hash=said.user.hash,
        latency_ms=round(1000 * seconds, 1),
        attributes={"demo_topic": said.topic.name},
    )


def _outcomes(interaction: Interaction, said: Said, rng: Random) -> Iterator[Outcome]:
    """What is heard of about a third of the interactions, some minutes later."""
    heard, luck, delay = rng.random(), rng.random(), rng.uniform(20.0, 600.0)
    failure = 1.0 - said.topic.skill
    name, chance = (
        ("task_completed", said.topic.skill)
        if heard < 0.2
        else ("user_correction", 0.6 * failure)
        if heard < 0.28
        else ("escalated", 0.4 * failure)
    )
    if heard < 0.33:
        yield Outcome(
            application=APPLICATION,
            time=interaction.time + timedelta(seconds=delay),
            name=name,
            id=f"{interaction.id}-{name}",
            value=luck < chance,
            data_type="boolean",
            higher_is_better=name == "task_completed",
            interaction_id=interaction.id,
            conversation_id=interaction.conversation_id,
            deployment_id=interaction.deployment_id,
            delay_ms=round(1000 * delay),
            source="user" if name == "user_correction" else "system",
        )
